"""`pratique policy …` on a deployment: draft, preview, sign, publish, status, stop, go on, go back.

Thin; what it opens is handed in by the composition root. Refusals reach the one handler above all commands.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import App, Parameter

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.mandates.note import BadNote, NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.notices.model import House
from pratique.policy.city import OUTCOMES
from pratique.policy.cli import policy
from pratique.policy.drafts import clocks
from pratique.policy.mirror import Mirror
from pratique.policy.ruleset import read_rule_set
from pratique.policy.service import live_policy, policy_document
from pratique.policy.synthetic import ASSUMED, made_up_city
from pratique.rollout import service
from pratique.rollout.impact import impact, made_up_groups
from pratique.rollout.model import SIGNING_ROLES, Impact, Laboratory, Order
from pratique.rollout.order import rules_of
from pratique.rollout.report import report, shown
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx

Json = Annotated[bool, Parameter(name="--json")]
WHO = "command line"
MOST_PEOPLE = 50_000_000


class Opened(Protocol):
    """What these commands need of an opened deployment."""

    @property
    def store(self) -> Store: ...
    @property
    def log(self) -> Publisher: ...
    @property
    def sealer(self) -> Sealer: ...
    @property
    def house(self) -> House: ...
    @property
    def mirror(self) -> Mirror: ...
    @property
    def zone(self) -> ZoneInfo: ...
    def moment(self) -> Moment: ...
    def close(self) -> None: ...


Open = Callable[[], Opened]


def policy_commands(open_house: Open, clock: Callable[[], datetime]) -> App:
    """The commands of the room `policy`, and beside them those that need a deployment."""

    @policy.command
    def preview(
        old: Annotated[str, Parameter(allow_leading_hyphen=True)],
        new: Path | None = None,
        /,
        *,
        people: int = 0,
        days: int = 14,
        seed: int = 1,
        tubes_a_day: int | None = None,
        people_a_tube: int = 10,
        infected_per_mille: int = 2,
        found_per_mille: int = 900,
        pdf: Path | None = None,
        as_json: Json = False,
    ) -> int:
        """Show what a draft would change, now and at midnight of the coming days.

        With one file: against the policy in force here, on the people who are there, or on a made-up city (--people).
        With two files: from the first (- for none) to the second, on a made-up city; needs no deployment. Prints the
        people by outcome before (rows) and after (columns), then one JSON object. Counts are in tens.

        Parameters
        ----------
        old
            The draft; or, of two files, the rule set in force, - for none.
        new
            The draft, where two files are named.
        people
            How many people the made-up city has.
        days
            How many days ahead.
        seed
            Another seed, another city.
        tubes_a_day
            What the laboratories can do.
        people_a_tube
            People in a mixed tube.
        infected_per_mille
            Of a thousand people tested, how many are thought to be infected.
        found_per_mille
            Of a thousand infected people, how many a test finds.
        pdf
            Also write the preview as a PDF to this file.
        as_json
            Print the JSON object alone.
        """
        if not 0 <= people <= MOST_PEOPLE or not 0 <= days <= 60 or (new is not None and people < 0):
            return _called_wrongly("--people is 1 to 50000000 and --days 0 to 60")
        try:
            laboratory = Laboratory(tubes_a_day, people_a_tube, infected_per_mille, found_per_mille)
        except ValueError as fault:
            return _called_wrongly(f"--{str(fault).replace('_', '-')} is out of its range; see --help")
        try:
            raws = [
                None if name == "-" else Path(name).read_bytes() for name in (old, new) if name is not None
            ]
        except OSError as fault:
            return _called_wrongly(f"{fault.filename}: cannot be read ({fault.strerror}); check the name")
        if new is None:
            if raws[0] is None:
                return _called_wrongly("name the draft")
            raw = raws[0]
            with _opened(open_house) as house:
                moment = house.moment()
                with house.store.read() as tx:
                    looked = service.look(
                        tx, moment, house.sealer, raw, laboratory, made_up=people, seed=seed, days=days
                    )
                seen, zone = looked.impact, house.zone
        else:
            seen = _between(raws[0], raws[1] or b"", people or 100_000, days, seed, laboratory, clock())
            zone = ZoneInfo("UTC")
        if pdf is not None:
            pdf.write_bytes(report(seen, zone))
        _print_impact(seen, as_json)
        return 0

    @policy.command
    def draft(
        file: Path,
        /,
        *,
        mandate: str,
        begins: Annotated[str, Parameter(name="--from")] = "",
        as_json: Json = False,
    ) -> int:
        """Check a rule set and keep it as a draft under a mandate, with its preview on the people who are there.

        Prints the order's id and the preview's digest: what two officers sign.

        Parameters
        ----------
        file
            The rule set, each rule with its house block and its tests.
        mandate
            The id of a mandate in force that covers each measure.
        begins
            From when it is in force, as RFC 3339 with a zone; written into the draft.
        """
        raw = _file(file)
        at = _time(begins) if begins else None
        with _opened(open_house) as house:
            moment = house.moment()
            made = house.store.write(lambda tx: service.draft(tx, moment, raw, mandate, WHO, at))
            with house.store.read() as tx:
                looked = service.look(tx, moment, house.sealer, made.body, Laboratory())
            made = house.store.write(lambda tx: service.keep_preview(tx, moment, made.id, looked))
        _say(as_json, _row(made), f"{made.id}  {made.state}  preview {made.preview_hash}")
        return 0

    @policy.command
    def sign(order: str, /, *, key: Path, as_json: Json = False) -> int:
        """Sign a previewed draft with an officer's key file. Two are needed: legal and public-health.

        Parameters
        ----------
        order
            The order's id, printed by `pratique policy draft`.
        key
            The officer's key file.
        """
        signer = _signer(key)
        with _opened(open_house) as house:
            moment = house.moment()
            made = house.store.write(lambda tx: service.sign_with(tx, moment, order, signer))
        roles = ", ".join(signed.role for signed in made.signatures)
        _say(as_json, _row(made), f"{order}: signed by {roles}")
        return 0

    @policy.command
    def publish(what: str, /, *, mandate: str, preview: str = "") -> int:
        """Publish a signed draft as the next policy.

        Prints one JSON line {"number","hash","from","to","mandate_id"}. Refuses with the first thing that is missing:
        preview, two signatures, a mandate that covers each measure, lead time.

        Parameters
        ----------
        what
            The order's id, or the file that was drafted.
        mandate
            The id of its mandate.
        preview
            The digest of the preview you have seen, printed by `pratique policy draft`.
        """
        if not preview:
            return _called_wrongly(
                "say by --preview which preview you have seen: nobody publishes what was not looked at"
            )
        with _opened(open_house) as house:
            moment = house.moment()

            def act(tx: Tx) -> Any:
                found = _found(tx, what, mandate)
                if found.preview_hash != preview:
                    raise Refusal(
                        "OTHER_PREVIEW",
                        "--preview",
                        Text("this is not the preview of that draft", "这不是该草案的预览"),
                    )
                return service.publish(tx, moment, found.id)

            made = house.store.write(act)
            house.log.publish(moment)
        told = {"number": made.number, "hash": made.hash, "mandate_id": made.mandate_id}
        told |= {"from": rfc3339(made.from_at), "to": rfc3339(made.to_at)}
        print(msgspec.json.encode(told).decode())
        return 0

    @policy.command(name="list")
    def list_all(*, as_json: Json = False) -> int:
        """Drafts and what became of them, the newest first."""
        with _opened(open_house) as house, house.store.read() as tx:
            found = service.orders(tx, 100)
        for one in found:
            signed = ", ".join(s.role for s in one.signatures)
            _say(
                as_json, _row(one), f"{one.id}  {one.state:10} policy {one.policy_number or '-'}  [{signed}]"
            )
        if not found and not as_json:
            print("no draft yet; start with `pratique policy draft FILE --mandate ID`")
        return 0

    @policy.command
    def status(*, as_json: Json = False) -> int:
        """How far the policy in force has come: people decided again, gates reached."""
        with _opened(open_house) as house, house.store.read() as tx:
            row = _status(tx, house.moment().now)
        _say(as_json, row, " · ".join(f"{name} {value}" for name, value in row.items()))
        return 0

    @policy.command
    def redecide(*, as_json: Json = False) -> int:
        """Decide everybody again under the policy in force, with progress. Goes on where it was stopped."""
        with _opened(open_house) as house:
            job = None
            while (
                step := service.redecide(house.store, house.moment, house.house, house.mirror)
            ) is not None:
                job = step
                print(
                    f"\r{job.done:,} of {job.total:,} people, {job.changed:,} changed",
                    end="",
                    file=sys.stderr,
                )
                if job.state not in ("waiting", "running"):
                    break
            with house.store.read() as tx:
                row = _status(tx, house.moment().now)
        if job is not None:
            print(file=sys.stderr)
        _say(
            as_json,
            row,
            f"policy {row['policy']}: {row['decided']} of {row['people']} decided, {row['changed']} changed",
        )
        return 0

    def steered(name: str, act: Callable[[Tx, Moment, int, str], Any], about: str) -> None:
        def command(number: int, /) -> int:
            with _opened(open_house) as house:
                moment = house.moment()
                house.store.write(lambda tx: act(tx, moment, number, WHO))
                house.log.publish(moment)
                with house.store.read() as tx:
                    print(msgspec.json.encode(_status(tx, moment.now)).decode())
            return 0

        command.__doc__ = about
        policy.command(command, name=name)

    steered("stop", service.halt, "Stop a policy on its way to the gates; what is decided stays decided.")
    steered("go-on", service.go_on, "Let a policy that stopped go on from where it was.")
    steered("back", service.go_back, "Go back from this policy to the one before, at once and at every gate.")

    @policy.command
    def export(number: int, /, *, eu: bool = False) -> int:
        """Print a published rule set as it was published.

        Parameters
        ----------
        number
            The policy's number.
        eu
            Only its rules, in the EU form, unchanged.
        """
        with _opened(open_house) as house, house.store.read() as tx:
            raw = policy_document(tx, number)
        sys.stdout.write(msgspec.json.encode(rules_of(raw)).decode() + "\n" if eu else raw.decode())
        return 0

    return policy


def _between(
    old: bytes | None, new: bytes, people: int, days: int, seed: int, laboratory: Laboratory, now: datetime
) -> Impact:
    before = None if old is None else read_rule_set(old)
    after = read_rule_set(new)
    try:
        return impact(
            before,
            after,
            made_up_city(people, now, seed),
            clocks(now, after, days),
            laboratory=laboratory,
            draft=after.hash,
            made_up=True,
            groups=made_up_groups(people, seed),
            assumed=(ASSUMED,),
        )
    except ValueError as fault:
        raise Refusal("NOT_A_CITY", "rules", Text(str(fault), f"无法预览：{fault}")) from None


def _print_impact(seen: Impact, as_json: bool) -> None:
    if not as_json:
        print(
            f"{'worse off':>12} {shown(seen.worse)}    better off {shown(seen.better)}    of {shown(seen.people)}"
        )
        print(f"{'':>12}" + "".join(f"{name:>14}" for name in OUTCOMES))
        for name, row in zip(OUTCOMES, seen.days[0].matrix, strict=True):
            print(f"{name:>12}" + "".join(f"{shown(count):>14}" for count in row))
    print(msgspec.json.encode(seen).decode())


def _found(tx: Tx, what: str, mandate: str) -> Order:
    """The order by its id; or the newest draft of this very rule set, whatever its `from`."""
    if not Path(what).is_file():
        found = service.order_of(tx, what)
        if found.mandate_id != mandate:
            raise Refusal(
                "OTHER_MANDATE", "--mandate", Text("the draft names another mandate", "草案所列为另一授权令")
            )
        return found
    wanted = _without_from(_file(Path(what)))
    for one in service.orders(tx, 1000):
        if one.mandate_id == mandate and one.state != "withdrawn" and _without_from(one.body) == wanted:
            return one
    raise Refusal(
        "NOT_DRAFTED",
        what,
        Text(
            "this file was not drafted under that mandate: `pratique policy draft` it first",
            "该文件尚未在此授权令下起草：请先运行 `pratique policy draft`",
        ),
    )


def _without_from(raw: bytes) -> Any:
    try:
        document = strict_json(raw)
    except ValueError:
        return raw
    return {k: v for k, v in document.items() if k != "from"} if isinstance(document, dict) else document


def _status(tx: Tx, now: datetime) -> dict[str, Any]:
    live = live_policy(tx, now)
    if live is None:
        return {"policy": None}
    job, way = service.job(tx, live.number), service.rollout(tx, live.number)
    row: dict[str, Any] = {"policy": live.number, "mandate": live.mandate_id}
    if job is not None:
        row |= {
            "people": job.total,
            "decided": job.done,
            "changed": job.changed,
            "told": job.told,
            "re-decision": job.state,
        }
    if way is not None:
        row |= {"gates": way.state, "stage": way.stage, "why": way.why}
    return row


def _row(order: Order) -> dict[str, Any]:
    signed = [one.role for one in order.signatures]
    return {
        "id": order.id,
        "state": order.state,
        "mandate": order.mandate_id,
        "hash": order.hash,
        "preview": order.preview_hash,
        "lead_hours": order.lead_ms // 3_600_000,
        "signed_by": signed,
        "missing": sorted(set(SIGNING_ROLES) - set(signed)),
        "policy": order.policy_number,
    }


@contextmanager
def _opened(open_house: Open) -> Iterator[Opened]:
    house = open_house()
    try:
        yield house
    finally:
        house.close()


def _say(as_json: bool, row: dict[str, Any], line: str) -> None:
    print(msgspec.json.encode(row).decode() if as_json else line)


def _called_wrongly(told: str) -> int:
    print(told, file=sys.stderr)
    return 2


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        text = Text(
            f"{path} cannot be read ({fault.strerror}); check the name", f"无法读取 {path}；请检查文件名"
        )
        raise Refusal("NO_FILE", str(path.name), text) from None


def _signer(path: Path) -> NoteSigner:
    try:
        return NoteSigner.read(_file(path).decode())
    except (BadNote, UnicodeDecodeError):
        text = Text(
            f"{path} is not a key file of `pratique mandate key`",
            f"{path} 不是 `pratique mandate key` 生成的密钥文件",
        )
        raise Refusal("NOT_A_KEY", "key", text) from None


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        said = Text(
            "write the time as RFC 3339 with a zone, such as 2026-01-05T00:00:00Z",
            "时间请按 RFC 3339 带时区书写",
        )
        raise Refusal("NO_ZONE", "--from", said)
    return found
