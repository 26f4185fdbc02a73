"""What the screen shows, as one value: state, verdict, one line in both languages, ages, counts (pure)."""

from typing import Any

from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.gate import texts
from pratique.gate.clock import Reading
from pratique.gate.lists import Loaded
from pratique.gate.machine import Machine
from pratique.gate.model import LAMPS, Decision
from pratique.gate.order import Order


def status(
    machine: Machine,
    verdict: Decision | None,
    hint: str,
    loaded: Loaded | None,
    order: Order | None,
    reading: Reading,
    counts: dict[str, int],
    advice: str = "",
    challenge: str = "",
    receipt: str = "",
) -> dict[str, Any]:
    """The body of `GET /events`. `advice` is a word of `texts.ADVICE` or nothing,
    `challenge` the text of a challenge to wallets or nothing, `receipt` that of a receipt for the member's wallet.

    `counts` are those of this quarter of an hour, by outcome: no finer time.
    """
    shown = verdict if verdict is not None and machine.state in ("decided", "waiting_passage") else None
    fault = min(machine.faults, default="")
    door = loaded.door if loaded else None
    text = texts.line(
        machine.state,
        shown.outcome if shown else "",
        shown.reason if shown else "",
        fault,
        door=door is not None,
    )
    said = texts.ADVICE.get(advice) if machine.state not in ("no_check", "retired", "out_of_order") else None
    if machine.state == "reading" and hint:
        text = texts.HINTS[hint]
    return {
        "state": machine.state,
        "outcome": shown.outcome if shown else None,
        "reason": shown.reason if shown else None,
        "lamp": LAMPS[shown.outcome if shown and machine.state == "decided" else machine.state],
        "advice": _both(said) if said else None,
        "challenge": challenge or None,
        "receipt": receipt or None,
        "door": _both(door.organisation) if door else None,
        "faults": sorted(machine.faults),
        "text": _both(text),
        "ages": {
            "snapshot_s": max(0, int(reading.unix - loaded.issued)) if loaded else None,
            "snapshot": loaded.number if loaded else None,
            "clock": reading.grade,
            "mandate_end": rfc3339(order.end) if order and not door else None,
        },
        "mandate": _both(order.purpose) if order and not door else None,
        "counts": counts,
    }


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh-Hans": text.zh_hans}
