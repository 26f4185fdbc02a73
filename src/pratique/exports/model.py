"""The facts of the room `exports`: what is asked for, by whom, for whom, until when. No I/O, no person."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from pratique.core.text import Text

PURPOSES: dict[str, Text] = {
    "capacity": Text("to plan beds, staff and sites", "规划床位、人员与站点"),
    "study": Text("an approved study", "经批准的研究"),
    "audit": Text("a check by an auditor", "审计核查"),
    "court": Text("a court or an administrative review asks", "法院或行政复议要求"),
}
COLUMNS = ("pseudonym", "kind", "state", "opened_on", "ends_on")
LONGEST_DAYS = 30
LARGEST = 50_000

Purpose = Literal["capacity", "study", "audit", "court"]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody asks a copy of: always the open notices under one mandate, as pseudonyms."""

    mandate_id: Annotated[str, msgspec.Meta(max_length=40)]
    purpose: Purpose
    reason: Annotated[str, msgspec.Meta(min_length=10, max_length=1000)]
    recipient: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] = 7


class Export(NamedTuple):
    """One export as it stands. `agreed` None: nobody has decided."""

    id: str
    mandate_id: str
    purpose: str
    reason: str
    recipient: str
    asked_by: str
    asked_at: datetime
    ends_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    agreed: bool | None
    destroyed_at: datetime | None
    copies: int

    def state(self, now: datetime) -> str:
        """waiting, refused, agreed, overdue (past its end and not confirmed destroyed), destroyed."""
        if self.destroyed_at:
            return "destroyed"
        if self.agreed is None:
            return "waiting"
        if not self.agreed:
            return "refused"
        return "overdue" if now >= self.ends_at else "agreed"


class Made(NamedTuple):
    """A copy as it leaves: cells of each row, the id and the code that name it."""

    copy_id: str
    code: str
    rows: list[tuple[str, str, str, str, str]]
