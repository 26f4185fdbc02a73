"""`pratique policy …` on a deployment: sign, publish, status, re-decide, stop, go on, go back; the rest of the way in
`drafting_cli.py`.

Thin; what it opens is handed in by the composition root. Refusals reach the one handler above all commands.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.mandates.command_line import Json, file_of, opened, say, signer_of
from pratique.policy.cli import policy
from pratique.policy.service import live_policy, policy_document
from pratique.rollout import service
from pratique.rollout.drafting_cli import WHO, Open, add_drafting, called_wrongly, row_of
from pratique.rollout.model import Order
from pratique.rollout.order import rules_of
from pratique.store.tx import Tx


def policy_commands(open_house: Open, clock: Callable[[], datetime]) -> App:
    """The commands of the room `policy`, and beside them those that need a deployment."""
    add_drafting(policy, open_house, clock)

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
        signer = signer_of(key)
        with opened(open_house) as house:
            moment = house.moment()
            made = house.store.write(lambda tx: service.sign_with(tx, moment, order, signer))
        roles = ", ".join(signed.role for signed in made.signatures)
        say(as_json, row_of(made), f"{order}: signed by {roles}")
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
            return called_wrongly(
                "say by --preview which preview you have seen: nobody publishes what was not looked at"
            )
        with opened(open_house) as house:
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
        with opened(open_house) as house, house.store.read() as tx:
            found = service.orders(tx, 100)
        for one in found:
            signed = ", ".join(s.role for s in one.signatures)
            say(
                as_json,
                row_of(one),
                f"{one.id}  {one.state:10} policy {one.policy_number or '-'}  [{signed}]",
            )
        if not found and not as_json:
            print("no draft yet; start with `pratique policy draft FILE --mandate ID`")
        return 0

    @policy.command
    def status(*, as_json: Json = False) -> int:
        """How far the policy in force has come: people decided again, gates reached."""
        with opened(open_house) as house, house.store.read() as tx:
            row = _status(tx, house.moment().now)
        say(as_json, row, " · ".join(f"{name} {value}" for name, value in row.items()))
        return 0

    @policy.command
    def redecide(*, as_json: Json = False) -> int:
        """Decide everybody again under the policy in force, with progress. Goes on where it was stopped."""
        with opened(open_house) as house:
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
        say(
            as_json,
            row,
            f"policy {row['policy']}: {row['decided']} of {row['people']} decided, {row['changed']} changed",
        )
        return 0

    def steered(name: str, act: Callable[[Tx, Moment, int, str], Any], about: str) -> None:
        def command(number: int, /) -> int:
            with opened(open_house) as house:
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
        with opened(open_house) as house, house.store.read() as tx:
            raw = policy_document(tx, number)
        sys.stdout.write(msgspec.json.encode(rules_of(raw)).decode() + "\n" if eu else raw.decode())
        return 0

    return policy


def _found(tx: Tx, what: str, mandate: str) -> Order:
    """The order by its id; or the newest draft of this very rule set, whatever its `from`."""
    if not Path(what).is_file():
        found = service.order_of(tx, what)
        if found.mandate_id != mandate:
            raise Refusal(
                "OTHER_MANDATE", "--mandate", Text("the draft names another mandate", "草案所列为另一授权令")
            )
        return found
    wanted = _without_from(file_of(Path(what)))
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
