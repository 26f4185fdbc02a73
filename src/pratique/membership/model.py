"""What an organisation keeps: its doors, and to whom it gave passes. It keeps no passage: none is told to it."""

import msgspec

from pratique.core.text import Text

STATUS_SIZE = 1 << 14  # passes in force at a time
KEEP_FOR_DAYS = 35  # after its end a pass is remembered so long: a week of receipts may still be handed in


class DoorRow(msgspec.Struct, frozen=True):
    """A door of the register. `key` is the base64url Ed25519 key of its gate."""

    number: int
    name: Text
    key: str
    visitors: bool = True
    receipts: bool = True


class Member(msgspec.Struct, frozen=True):
    """A pass that was given. `label` is the organisation's own word for the member; `point` its key, base64url.

    `issued` and `expires` are seconds since 1970; `hours` are [days, from, to] as in the pass.
    """

    label: str
    point: str
    index: int
    issued: int
    expires: int
    hosts: bool = False
    doors: tuple[int, ...] = ()
    hours: tuple[tuple[int, int, int], ...] = ()
    withdrawn: bool = False


class Register(msgspec.Struct, frozen=True):
    """The whole of it. `number` is that of the newest list for gates, `last_door` of the newest door; both only grow,
    so that no pass for an old door opens a new one."""

    name: Text
    zone: str
    number: int = 0
    last_door: int = 0
    doors: tuple[DoorRow, ...] = ()
    members: tuple[Member, ...] = ()


class Attendance(msgspec.Struct, frozen=True):
    """One receipt that holds: a row of the table that attendance software takes, in the organisation's own zone."""

    member: str
    date: str
    time: str
    door: str
    receipt: str


class Refused(msgspec.Struct, frozen=True):
    """One receipt, or a whole file, that does not hold: where it stands, a code of `texts.WHY`, and the sentence."""

    file: str
    place: int
    code: str
    text: Text
