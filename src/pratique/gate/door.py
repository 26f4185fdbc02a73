"""A gate as the door reader of an organisation (pure): one membership or visitor pass, one moment → one decision.

No credential of health is read here, whatever is shown, and no mandate is asked for: nothing that needs one is done.
A hold is about this door and this hour, never about a person's body.
"""

from collections.abc import Callable, Container
from datetime import datetime
from typing import NamedTuple

from pratique.credentials import membership
from pratique.credentials.doors import OwnDoor
from pratique.credentials.member_check import check_member, replay_name
from pratique.credentials.membership import Bell, Shown
from pratique.credentials.reasons import CredentialError
from pratique.gate.decide import CLOCK, EXPIRED, PAIR_OF, STALE, UNREADABLE, Judged
from pratique.gate.lists import Loaded
from pratique.gate.model import Decision, FailTable, Grade, Pair

MEMBER: Pair = ("clear", "member")
VISITOR: Pair = ("clear", "visitor")
NOT_HERE: Pair = ("hold", "door")
NOT_NOW: Pair = ("hold", "hours")


class Admitted(NamedTuple):
    """What the porter does for who was let in, and forgets: a receipt to `member` (a point of 33 bytes), or a ring of
    `bell` about `invitation`."""

    member: bytes = b""
    bell: Bell | None = None
    invitation: bytes = b""


def decide_door(
    own: OwnDoor,
    text: str,
    now: datetime,
    grade: Grade,
    loaded: Loaded,
    fail: FailTable,
    shown_before: Callable[[bytes], bool],
    nonces: Container[bytes] = (),
) -> tuple[Judged, Admitted]:
    """What the door does about `text`. Arguments as of `decide`, and which door it is. Never raises for any text."""
    shown: Shown | None = None
    try:
        shown = check_member(text, now.timestamp(), loaded.snapshot, nonces)
        pair = _at_this_door(shown, now, own)
    except CredentialError as fault:
        pair = PAIR_OF.get(fault.code, UNREADABLE)
        if pair == EXPIRED and grade == "lower_bound" and _disagrees(text, now, loaded.snapshot.skew_s):
            pair = CLOCK
    replay = replay_name(shown) if shown else b""
    if grade == "bad" and pair in (MEMBER, VISITOR, NOT_NOW):
        pair = CLOCK
    elif pair in (MEMBER, VISITOR):
        if loaded.stale(now) and fail.stale != "admit":
            pair = STALE
        elif replay and shown_before(replay):
            pair = PAIR_OF["PROOF_REPLAYED"]
    judged = Judged(
        Decision(*pair, loaded.policy_number, loaded.number),
        replay,
        b"".join(shown.chain) if shown else b"",
        2.0 * loaded.snapshot.skew_s,
    )
    return judged, _admitted(pair, shown, own)


def _at_this_door(shown: Shown, now: datetime, own: OwnDoor) -> Pair:
    member, visit, number = shown.membership, shown.invitation, own.door.number
    if visit is not None and not own.door.visitors:
        return NOT_HERE
    if any(listed and number not in listed for listed in (member.doors, visit.doors if visit else ())):
        return NOT_HERE
    # A visitor comes at the hour of the invitation, and not when the host could not come.
    if not membership.open_at(member.hours, now.astimezone(own.zone)):
        return NOT_NOW
    if visit is None:
        return MEMBER
    return VISITOR if visit.begins <= now.timestamp() else NOT_NOW


def _admitted(pair: Pair, shown: Shown | None, own: OwnDoor) -> Admitted:
    if shown is None or pair not in (MEMBER, VISITOR):
        return Admitted()
    if shown.invitation is not None:
        return Admitted(bell=shown.invitation.bell, invitation=shown.invitation.signed.raw)
    return Admitted(membership.point(shown.membership.holder) if own.door.receipts else b"")


def _disagrees(text: str, now: datetime, skew_s: float) -> bool:
    """Nobody confirmed our clock, and the phone's says otherwise: ours may be the wrong one."""
    try:
        shown = membership.read(text).shown
    except CredentialError:
        return False
    return shown is not None and abs(shown - now.timestamp()) > skew_s
