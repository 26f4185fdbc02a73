"""What a worker sees of somebody: reach, table and step-up put together. Pure but for the keyed pseudonym.

Rooms ask here before they show anything: `must_reach` for one thing, `seen` for its fields, `pseudonym` for what stands
in a list in place of a person, `must_be_fresh` before a contact card.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pratique.core.errors import NotAllowed, NotFound
from pratique.core.ids import ALPHABET
from pratique.core.text import Text
from pratique.people.access import FIELDS, Scope, Seen, allow
from pratique.people.scope import Reach, Thing, holds
from pratique.store.sealing import Sealer

FRESH_FOR = timedelta(minutes=5)


class StepUp(NotAllowed):
    """The worker must show again that it is them: a page answers by asking for the passkey."""

    def __init__(self) -> None:
        super().__init__(
            "STEP_UP_NEEDED",
            "session",
            Text(
                "confirm first that it is you; a confirmation lasts five minutes",
                "请先确认本人身份；确认后五分钟内有效",
            ),
        )


def must_be_fresh(asserted_at: datetime | None, now: datetime) -> None:
    """Raises StepUp unless the worker showed within `FRESH_FOR` that it is them. A time ahead of `now` is none."""
    if asserted_at is None or not timedelta(0) <= now - asserted_at <= FRESH_FOR:
        raise StepUp


def must_reach(reach: Reach, thing: Thing) -> None:
    """Raises NotFound for what lies outside: what is not yours and what is not there sound alike."""
    if not holds(reach, thing):
        raise NotFound("NOT_FOUND", "", Text("there is nothing here for you", "此处没有与您有关的内容"))


def seen(
    reach: Reach,
    thing: Thing,
    purpose: str,
    now: datetime,
    *,
    until: datetime | None = None,
    fields: Iterable[str] = FIELDS,
) -> dict[str, Seen]:
    """How each field is shown, those that are absent left out. `until`: when the task, appeal or shift ends (None: none
    is open, and then only rights that need none are left)."""
    scope = Scope("inside" if holds(reach, thing) else "outside", until)
    rights = {field: allow(reach.role, scope, purpose, field, now) for field in fields}
    return {field: right for field, right in rights.items() if right != "absent"}


def pseudonym(sealer: Sealer, mandate_id: str, subject_id: str, *, scope: str, purpose: str) -> str:
    """What stands for a person outside one's scope: 16 characters, the same at each read inside one (mandate, scope,
    purpose), unlinkable between two, and dead when the mandate's secret is destroyed. No chance on read: there is
    nothing to average."""
    raw = sealer.blind_index(mandate_id, f"pseudonym\x00{scope}\x00{purpose}", subject_id)[:10]
    n = int.from_bytes(raw, "big")
    return "".join(ALPHABET[n >> shift & 31] for shift in range(75, -1, -5))
