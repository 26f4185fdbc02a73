"""Staff accounts: invited with a role, signed in by a one-time link, out at once when they leave.

What proves identity is one function (`accept_invite`); a passkey ceremony takes its place beside it and ends in the
same `_start`. Links and sessions are stored as SHA-256 of 32 random bytes: a stolen backup signs nobody in.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.people.access import MAY_INVITE, ROLES
from pratique.people.binding import to_b64
from pratique.people.model import Invitation, Session, Staff
from pratique.store.tx import Tx

INVITED_FOR = timedelta(hours=72)
SIGNED_IN_FOR = timedelta(hours=12)  # a shift


def invite_staff(
    tx: Tx, moment: Moment, by: Staff | None, *, name: str, role: str, scope: str = ""
) -> Invitation:
    """A new account and its one-time link. `by` None is the operator at the machine itself.

    Raises NotAllowed where `by` may not invite, Refusal for a role outside the table or a bad name.
    """
    if by is not None and by.role not in MAY_INVITE:
        raise NotAllowed(
            "MAY_NOT_INVITE", "role", Text("your role does not invite people", "您的角色不能邀请人员")
        )
    if role not in ROLES:
        raise Refusal("UNKNOWN_ROLE", "role", Text("choose a role from the list", "请从列表中选择角色"))
    if not 1 <= len(name.strip()) <= 100:
        raise Refusal(
            "BAD_NAME", "name", Text("give a name of 1 to 100 characters", "请填写 1 至 100 字的姓名")
        )
    staff = Staff(moment.new_id(), name.strip(), role, scope)
    tx.run(
        "INSERT INTO staff (id, name, role, scope, created_at) VALUES (:id, :name, :role, :scope, :at)",
        id=staff.id,
        name=staff.name,
        role=role,
        scope=scope,
        at=moment.now_ms,
    )
    token = to_b64(moment.random(32))
    ends = moment.now + INVITED_FOR
    tx.run(
        "INSERT INTO staff_invite (token_hash, staff_id, made_at, ends_at) VALUES (:hash, :id, :at, :ends)",
        hash=_hash(token),
        id=staff.id,
        at=moment.now_ms,
        ends=to_ms(ends),
    )
    return Invitation(staff, token, ends)


def accept_invite(tx: Tx, moment: Moment, token: str) -> Session:
    """Sign in with a one-time link. Raises NotFound for a link that is unknown, used, expired or of a former worker."""
    won = tx.run(
        "UPDATE staff_invite SET used_at = :now WHERE token_hash = :hash AND used_at IS NULL AND :now < ends_at",
        hash=_hash(token),
        now=moment.now_ms,
    )
    row = won and tx.one(
        "SELECT s.id, s.name, s.role, s.scope FROM staff_invite i JOIN staff s ON s.id = i.staff_id "
        "WHERE i.token_hash = :hash AND s.ended_at IS NULL",
        hash=_hash(token),
    )
    if not row:
        raise NotFound(
            "NO_INVITATION",
            "token",
            Text(
                "this link was used or has expired; ask for a new one", "该链接已使用或已过期，请索取新链接"
            ),
        )
    return _start(tx, moment, Staff(*row))


def staff_session(tx: Tx, now: datetime, token: str) -> Staff | None:
    """Who is signed in with this cookie at `now`, or None."""
    row = tx.one(
        "SELECT s.id, s.name, s.role, s.scope FROM staff_session x JOIN staff s ON s.id = x.staff_id "
        "WHERE x.token_hash = :hash AND :now < x.ends_at AND s.ended_at IS NULL",
        hash=_hash(token),
        now=to_ms(now),
    )
    return Staff(*row) if row else None


def sign_out(tx: Tx, token: str) -> None:
    """End this session; signing out twice is no fault."""
    tx.run("DELETE FROM staff_session WHERE token_hash = :hash", hash=_hash(token))


def end_staff(tx: Tx, moment: Moment, staff_id: str) -> None:
    """A worker leaves: no session and no link of theirs works from this commit on. The row stays."""
    tx.run(
        "UPDATE staff SET ended_at = :now WHERE id = :id AND ended_at IS NULL", now=moment.now_ms, id=staff_id
    )
    tx.run("DELETE FROM staff_session WHERE staff_id = :id", id=staff_id)
    tx.run("DELETE FROM staff_invite WHERE staff_id = :id", id=staff_id)


def list_staff(tx: Tx) -> list[tuple[Staff, datetime, datetime | None]]:
    """All accounts with when they began and ended."""
    rows = tx.all("SELECT id, name, role, scope, created_at, ended_at FROM staff ORDER BY created_at, id")
    return [(Staff(*row[:4]), from_ms(row[4]), from_ms(row[5]) if row[5] else None) for row in rows]


def _start(tx: Tx, moment: Moment, staff: Staff) -> Session:
    token = to_b64(moment.random(32))
    ends = moment.now + SIGNED_IN_FOR
    tx.run("DELETE FROM staff_session WHERE ends_at <= :now", now=moment.now_ms)
    tx.run(
        "INSERT INTO staff_session (token_hash, staff_id, started_at, ends_at) VALUES (:hash, :id, :at, :ends)",
        hash=_hash(token),
        id=staff.id,
        at=moment.now_ms,
        ends=to_ms(ends),
    )
    return Session(staff, token, ends)


def _hash(token: str) -> bytes:
    return sha256(b"staff\x00" + token.encode()).digest()
