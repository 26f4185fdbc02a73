"""The organisation's register (pure): doors, passes, and the signed list for its gates."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from pratique.core.errors import Refusal
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials import challenge, pq1
from pratique.credentials.doors import Door, Doors, doors_bytes, gate_of
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.membership import DAY, MAX_MEMBERSHIP_S, Hours, issue_membership
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import Bundle, KeyEntry, StatusEntry
from pratique.credentials.status import build
from pratique.membership import texts
from pratique.membership.model import KEEP_FOR_DAYS, STATUS_SIZE, DoorRow, Member, Register

WALLET_KEY, GATE_KEY = "PQK1:", "PQD1:"
LISTS_LIVE = timedelta(hours=72)
CERTIFIED_FOR = timedelta(days=400)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)")


def with_door(
    register: Register, key: str, name: Text, *, visitors: bool = True, receipts: bool = True
) -> tuple[Register, DoorRow]:
    """The register with a door more, or with the same door changed. Raises Refusal for a key that is no gate's."""
    raw = _key(key, GATE_KEY, 32)
    known = next((door for door in register.doors if door.key == b64url(raw)), None)
    number = known.number if known else register.last_door + 1
    made = DoorRow(number, name, b64url(raw), visitors, receipts)
    others = tuple(door for door in register.doors if door.number != number)
    last = max(number, register.last_door)
    return msgspec.structs.replace(register, doors=(*others, made), last_door=last), made


def without_door(register: Register, number: int) -> Register:
    """The register without a door: stolen, sold, walled up. Its receipts from before hold no more. Raises Refusal."""
    left = tuple(door for door in register.doors if door.number != number)
    if len(left) == len(register.doors):
        raise Refusal("NO_SUCH_DOOR", "number", texts.NO_SUCH_DOOR)
    return msgspec.structs.replace(register, doors=left)


def with_member(
    register: Register,
    signer: Signer,
    key: str,
    label: str,
    now: datetime,
    lasts: timedelta,
    *,
    hosts: bool = False,
    doors: Sequence[int] = (),
    hours: Sequence[Hours] = (),
) -> tuple[Register, bytes]:
    """The register with a pass more, and the pass. A place in the status list is used again once its pass is forgotten.

    Raises Refusal for a key that is no wallet's, doors that do not exist, a life over 400 days, a full list.
    """
    register = forget(register, now)
    point = _key(key, WALLET_KEY, 33)
    if not label.strip():
        raise Refusal("NO_LABEL", "label", texts.NO_LABEL)
    if not timedelta(0) < lasts <= timedelta(seconds=MAX_MEMBERSHIP_S):
        raise Refusal("BAD_LIFE", "days", texts.BAD_LIFE)
    if not set(doors) <= {door.number for door in register.doors}:
        raise Refusal("NO_SUCH_DOOR", "doors", texts.NO_SUCH_DOOR)
    taken = {member.index for member in register.members}
    index = next((n for n in range(STATUS_SIZE) if n not in taken), None)
    if index is None:
        raise Refusal("LIST_FULL", "", texts.LIST_FULL)
    expires = now + lasts
    try:
        made = issue_membership(
            signer, point, now, expires, hosts=hosts, doors=doors, hours=hours, status=(1, index)
        )
    except CredentialError:
        raise Refusal("BAD_KEY", "key", texts.BAD_WALLET_KEY) from None
    x, odd = pq1.compress(point)
    member = Member(
        label=label.strip(),
        point=b64url((b"\x03" if odd else b"\x02") + x),
        index=index,
        issued=int(now.timestamp()),
        expires=int(expires.timestamp()),
        hosts=hosts,
        doors=tuple(doors),
        hours=tuple((one.days, one.start, one.end) for one in hours),
    )
    return msgspec.structs.replace(register, members=(*register.members, member)), made


def withdraw(register: Register, label: str) -> tuple[Register, int]:
    """The register with every pass of a member withdrawn, and how many. Raises Refusal for nobody of that label."""
    found = sum(member.label == label and not member.withdrawn for member in register.members)
    if not found:
        raise Refusal("NO_SUCH_MEMBER", "label", texts.NO_SUCH_MEMBER)
    members = tuple(
        msgspec.structs.replace(member, withdrawn=True) if member.label == label else member
        for member in register.members
    )
    return msgspec.structs.replace(register, members=members), found


def forget(register: Register, now: datetime) -> Register:
    """The register without passes that ended over 35 days ago."""
    since = now.timestamp() - KEEP_FOR_DAYS * 86_400
    members = tuple(member for member in register.members if member.expires > since)
    return msgspec.structs.replace(register, members=members)


def lists_for_gates(
    register: Register, signer: Signer, spki: bytes, now: datetime
) -> tuple[Register, Bundle]:
    """The next list for the organisation's gates. It names no member: a status list, doors and a key."""
    register = forget(msgspec.structs.replace(register, number=register.number + 1), now)
    withdrawn = [(member.index, 1) for member in register.members if member.withdrawn]
    doors = tuple(
        Door(
            door.number,
            challenge.certify(
                signer, gate_of(unb64url(door.key)), door.name, unb64url(door.key), now, now + CERTIFIED_FOR
            ),
            door.visitors,
            door.receipts,
        )
        for door in sorted(register.doors, key=lambda door: door.number)
    )
    issued = int(now.timestamp())
    return register, Bundle(
        number=register.number,
        issued=issued,
        expires=issued + int(LISTS_LIVE.total_seconds()),
        keys=(KeyEntry(signer.kid, spki, "member"),),
        status=(StatusEntry("", 1, 1, build(1, STATUS_SIZE, withdrawn).pack(), STATUS_SIZE),),
        door=doors_bytes(Doors(register.name, register.zone, doors)),
    )


def read_hours(text: str) -> tuple[Hours, ...]:
    """`mon-fri 07:00-19:00, sat 09:00-12:00`; nothing is always. Raises Refusal."""
    found = []
    for part in filter(None, (one.strip().lower() for one in text.split(","))):
        match = _HOURS.fullmatch(part)
        first, last = (match[1], match[2] or match[1]) if match else ("", "")
        if match is None or first not in _DAYS or last not in _DAYS:
            raise Refusal("BAD_HOURS", "hours", texts.BAD_HOURS)
        start, end = int(match[3]) * 60 + int(match[4]), int(match[5]) * 60 + int(match[6])
        days = range(_DAYS.index(first), _DAYS.index(last) + 1)
        if not days or not 0 <= start < end <= DAY:
            raise Refusal("BAD_HOURS", "hours", texts.BAD_HOURS)
        found.append(Hours(sum(1 << day for day in days), start, end))
    return tuple(found)


def _key(text: str, prefix: str, size: int) -> bytes:
    field = texts.BAD_WALLET_KEY if prefix == WALLET_KEY else texts.BAD_GATE_KEY
    try:
        raw = unb64url(text.strip().removeprefix(prefix))
    except CredentialError:
        raise Refusal("BAD_KEY", "key", field) from None
    if not text.strip().startswith(prefix) or len(raw) != size:
        raise Refusal("BAD_KEY", "key", field)
    return raw
