"""The commands of those who run a deployment: serve, staff, and the rooms' commands wired to the real house."""

import json
import logging
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import uvicorn
from cyclopts import App, Parameter

from pratique.app import web_app
from pratique.credentials.revoke_cli import revoke_commands
from pratique.exports.cli import commands as export_commands
from pratique.fleet import carry as fleet_carry
from pratique.mandates.area_cli import area_commands
from pratique.mandates.cli import log_commands, looks_in, mandate_commands
from pratique.people import service as people
from pratique.people.access import ROLES
from pratique.port import Port, open_port, real_clock, retiring
from pratique.retire.cli import retire_command
from pratique.retire.house import Retiring
from pratique.rollout.cli import policy_commands
from pratique.settings import read_settings
from pratique.testing.cli import lab_commands

Json = Annotated[bool, Parameter(name="--json")]


def opened() -> Port:
    """The deployment named by the environment."""
    return open_port(read_settings())


@contextmanager
def opened_for_the_end() -> Iterator[Retiring]:
    """The deployment as destruction wants it."""
    house = opened()
    try:
        yield retiring(house)
    finally:
        house.close()


mandate = mandate_commands(opened)
policy = policy_commands(opened, real_clock)
lab = lab_commands(opened)
revoke = revoke_commands(opened)
export = export_commands(opened)
log = log_commands(opened, real_clock)
retire = retire_command(opened_for_the_end)
staff = App(name="staff", help="Staff accounts: invite, list, end.")
area = area_commands(opened)


def serve(*, host: str = "", port: int = 0) -> int:
    """Run the server until it is stopped. Settings come from PRATIQUE_… in the environment.

    Parameters
    ----------
    host: address to listen on; PRATIQUE_HOST by default.
    port: port to listen on; PRATIQUE_PORT by default.
    """
    house = opened()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        run_server(house, host or house.settings.host, port or house.settings.port)
    finally:
        house.close()
    return 0


def stop_quietly(*_: object) -> None:
    """SIGTERM after uvicorn has drained: leave through every `finally`, so that stores and children are closed."""
    raise SystemExit(0)


def run_server(house: Port, host: str, port: int) -> None:
    """uvicorn with the house's own habits: a start-up that fails stops; no access log, which would name callers."""
    signal.signal(signal.SIGTERM, stop_quietly)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
    uvicorn.run(
        web_app(house),
        host=host,
        port=port,
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )


fleet_app = App(name="fleet", help="Gates from the server's side.")


@fleet_app.command(name="carry")
def carry_stick(stick: Path, *, as_json: Json = False) -> int:
    """Take the uploads of gates without a line from a stick, leave signed answers and the newest lists on it.

    Parameters
    ----------
    stick: the folder of the stick; `pratique gate carry STICK` is the other side.
    as_json: one JSON line for each upload.
    """
    house = opened()
    try:
        signers = house.signing_roots
        taken = fleet_carry.take(house.store, house.moment, signers, house.pass_signer, stick)
    except OSError as fault:
        print(f"pratique fleet: {stick}: {fault}", file=sys.stderr)
        return 2
    finally:
        house.close()
    for one in taken:
        what = one.refused or ("taken" if one.fresh else "taken before")
        print(json.dumps(one._asdict()) if as_json else f"{one.gate_id}  {one.seq:6}  {what}")
    return 1 if any(one.refused for one in taken) else 0


@staff.command
def invite(name: str, /, *, role: str, as_json: Json = False) -> int:
    """Invite a colleague: prints a one-time code, valid 72 hours.

    Parameters
    ----------
    name: how the colleague is shown to colleagues.
    role: one of the roles of docs/people.md.
    """
    house = opened()
    try:
        moment = house.moment()
        made = house.store.write(lambda tx: people.invite_staff(tx, moment, None, name=name, role=role))
        link = f"{house.settings.public_address()}/sign-in?code={made.token}"
    finally:
        house.close()
    print(json.dumps({"id": made.staff.id, "role": role, "link": link}) if as_json else link)
    return 0


@staff.command(name="list")
def list_accounts(*, as_json: Json = False) -> int:
    """Every account with its role and whether it has ended."""
    house = opened()
    try:
        with house.store.read() as tx:
            rows = people.list_staff(tx)
    finally:
        house.close()
    for account, since, ended in rows:
        row = {
            "id": account.id,
            "name": account.name,
            "role": account.role,
            "since": since.isoformat(),
            "ended": ended.isoformat() if ended else None,
        }
        line = f"{account.id}  {account.role:16} {account.name}{'  (ended)' if ended else ''}"
        print(json.dumps(row, ensure_ascii=False) if as_json else line)
    if not rows and not as_json:
        print(f"no accounts yet; roles are {', '.join(ROLES)}")
    return 0


@staff.command
def end(staff_id: str, /) -> int:
    """A colleague leaves: no session and no code of theirs works from now on."""
    house = opened()
    try:
        moment = house.moment()
        house.store.write(lambda tx: people.end_staff(tx, moment, staff_id))
    finally:
        house.close()
    print(f"{staff_id}: ended")
    return 0


@staff.command
def grant(staff_id: str, kind: str, what: str, /) -> int:
    """Let a colleague reach an area, a campaign or a site.

    Parameters
    ----------
    staff_id: whose reach grows.
    kind: area, campaign or site, as docs/access.md lets the role have it.
    what: the name of the area, or the id of the campaign or site.
    """
    house = opened()
    try:
        moment = house.moment()
        house.store.write(lambda tx: people.give(tx, moment, None, staff_id, people.Grant(kind, what)))
    finally:
        house.close()
    print(f"{staff_id}: reaches {kind} {what}")
    return 0


@staff.command
def unlock(staff_id: str, /) -> int:
    """An account locked after an emergency works again; the colleague signs in anew."""
    house = opened()
    try:
        house.store.write(lambda tx: people.unlock_staff(tx, staff_id))
    finally:
        house.close()
    print(f"{staff_id}: unlocked")
    return 0


@staff.command
def chain(*, log: str = "", key: str = "", as_json: Json = False) -> int:
    """Verify the whole chain of looks, entry by entry and against the heads in the public log.

    Names the first bad entry and exits 1 where there is one.

    Parameters
    ----------
    log
        An http(s) address or a folder of the log: a copy kept elsewhere says more than our own. Without it, our own.
    key
        The log's verifier key, or a file that holds it. Without it the log's own statement is taken.
    """
    house = opened()
    try:
        ours = house.log_folder
        logged = looks_in(log or str(ours), key) if log or (ours / "checkpoint").exists() else {}
        with house.store.read() as tx:
            (_, head), verdict = people.chain_head(tx), people.check_chain(tx, logged)
    finally:
        house.close()
    bad = verdict.first_bad
    if as_json:
        row = {"entries": verdict.entries, "head": head.hex(), "first_bad": bad, "logged": len(logged)}
        print(json.dumps(row | {"by_log": verdict.by_log}))
    elif bad is None:
        print(
            f"the chain is whole: {verdict.entries} entries, newest {head.hex()[:16]}, {len(logged)} heads in the log"
        )
    else:
        why = (
            "the public log holds another one" if verdict.by_log else "it does not follow from the one before"
        )
        print(f"the chain is broken at entry {bad}: {why}")
    return 0 if bad is None else 1
