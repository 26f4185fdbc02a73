"""`pratique retire`: thin; what it opens is handed in by the composition root.

Exit codes: 0 done · 1 refused, or not gone yet · 2 called wrongly.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.mandates.note import BadNote, NoteSigner
from pratique.retire import service
from pratique.retire.model import Plan, Standing
from pratique.retire.service import Retiring

Json = Annotated[bool, Parameter(name="--json")]
Switch = Annotated[bool, Parameter(negative="")]


def retire_command(open_house: Callable[[], AbstractContextManager[Retiring]]) -> App:
    """The one command of the end. `open_house` opens the deployment and closes it again."""
    app = App(name="retire", help="The end of a mandate: destroy its data, prove it, certify it.")

    @app.default
    def retire(
        *,
        mandate: str,
        dry_run: Switch = False,
        order: Switch = False,
        approve: Path | None = None,
        attest: Path | None = None,
        as_json: Json = False,
    ) -> int:
        """Destroy the data of a mandate that is past its end and grace; that also happens by itself.

        Earlier: --dry-run shows what would go, --order orders it, two officers --approve, the mandate is ended by
        `pratique mandate end`, and 24 hours after the order the same command without options acts. It cannot be undone.

        Parameters
        ----------
        mandate
            The mandate's id.
        dry_run
            Count what would be destroyed; change nothing.
        order
            Order the destruction before its time.
        approve
            An officer's key file: approve the early order.
        attest
            An officer's key file: sign under the certificate; the second of two roles puts it into the public log.
        """
        if sum((dry_run, order, approve is not None, attest is not None)) > 1:
            text = Text("one thing at a time: --dry-run, --order, --approve or --attest", "一次只做一件事")
            raise Refusal("ONE_AT_A_TIME", "options", text)
        with open_house() as house:
            moment = house.moment()
            if dry_run:
                return _say_plan(service.plan(house, mandate), as_json)
            if order:
                made = service.order_early(house, mandate)
                row = msgspec.to_builtins(made)
                line = f"{mandate}: ordered; two officers approve, and it acts from {row['act_at']}"
                return _say(as_json, row, line)
            if approve is not None:
                signer = _signer(approve)
                n = house.store.write(lambda tx: service.approve_with(tx, moment, mandate, signer))
                return _say(as_json, {"mandate": mandate, "approvals": n}, f"{mandate}: {n} of 2 approvals")
            if attest is not None:
                signer = _signer(attest)
                house.store.write(lambda tx: service.attest_with(tx, moment, mandate, signer))
                house.log.publish(moment)
                with house.store.read() as tx:
                    return _say_standing(service.standing(tx, mandate), as_json)
            standing = service.destroy(house, mandate)
            house.log.publish(moment)
            return _say_standing(standing, as_json)

    return app


def _say_plan(plan: Plan, as_json: bool) -> int:
    row = msgspec.to_builtins(plan) | {"per_class": plan.per_class()}
    lines = [f"{plan.mandate}: {'early' if plan.early else 'due'}; nothing was changed"]
    lines += [f"  {name:12} {n:8} records" for name, n in plan.per_class().items()]
    lines += [f"  {kind:12} {n:8} secrets" for kind, n in plan.secrets.items()]
    return _say(as_json, row, "\n".join(lines))


def _say_standing(standing: Standing, as_json: bool) -> int:
    text = (standing.certificate or b"").split(b"\n", 1)[0]
    certificate: dict[str, Any] = json.loads(text) if text else {}
    row = {
        "mandate": standing.mandate,
        "state": standing.state,
        "attested_by": standing.attested_by,
        "log_index": standing.log_index,
        "certificate": certificate,
    }
    lines = [f"{standing.mandate}: {standing.state}"]
    if certificate:
        lines.append(f"  {certificate['canaries']['result']['en']}")
        lines += [
            f"  {name:12} {n:8} records before, 0 after" for name, n in certificate["records_before"].items()
        ]
        lines.append(f"  attested by: {', '.join(standing.attested_by) or 'nobody yet (--attest)'}")
    return _say(as_json, row, "\n".join(lines))


def _say(as_json: bool, row: dict[str, Any], line: str) -> int:
    print(msgspec.json.encode(row).decode() if as_json else line)
    return 0


def _signer(path: Path) -> NoteSigner:
    try:
        return NoteSigner.read(path.read_text())
    except (BadNote, UnicodeDecodeError, OSError):
        text = Text(
            f"{path} is not a key file of `pratique mandate key`",
            f"{path} 不是 `pratique mandate key` 生成的密钥文件",
        )
        raise Refusal("NOT_A_KEY", "key", text) from None
