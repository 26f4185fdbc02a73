"""Staff accounts: invited with a role, signed in by passkey or at the provider, out at once when they leave.

A one-time link proves nothing but that it was handed over: it opens a `newcomer` session that registers the first
passkey (or the provider's account) and does nothing else. Links of a demonstration (`trial`) open a whole session;
only `demo.py` makes them. Links and sessions are stored as SHA-256 of 32 random bytes: a stolen backup signs nobody in.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.people.access import MAY_INVITE, ROLES
from pratique.people.binding import to_b64
from pratique.people.grants import give
from pratique.people.model import Invitation, Session, Staff
from pratique.people.scope import Grant
from pratique.store.tx import Row, Tx

INVITED_FOR = timedelta(hours=72)
SIGNED_IN_FOR = timedelta(hours=12)  # a shift
NEWCOMER_FOR = timedelta(minutes=15)


def invite_staff(
    tx: Tx,
    moment: Moment,
    by: Staff | None,
    *,
    name: str,
    role: str,
    grants: Sequence[Grant] = (),
    trial: bool = False,
) -> Invitation:
    """A new account with its grants, and its one-time link. `by` None is the operator at the machine itself; `trial` is
    for demonstrations only.

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
    staff = Staff(moment.new_id(), name.strip(), role)
    tx.run(
        "INSERT INTO staff (id, name, role, created_at) VALUES (:id, :name, :role, :at)",
        id=staff.id,
        name=staff.name,
        role=role,
        at=moment.now_ms,
    )
    for grant in grants:
        give(tx, moment, by, staff.id, grant)
    return invite_again(tx, moment, staff, trial=trial)


def invite_again(tx: Tx, moment: Moment, staff: Staff, *, trial: bool = False) -> Invitation:
    """A one-time link for an account that stands: a lost device, a new one."""
    token = to_b64(moment.random(32))
    ends = moment.now + INVITED_FOR
    tx.run(
        "INSERT INTO staff_invite (token_hash, staff_id, made_at, ends_at, trial) "
        "VALUES (:hash, :id, :at, :ends, :trial)",
        trial=int(trial),
        hash=session_hash(token),
        id=staff.id,
        at=moment.now_ms,
        ends=to_ms(ends),
    )
    return Invitation(staff, token, ends)


def accept_invite(tx: Tx, moment: Moment, token: str) -> Session:
    """Come in with a one-time link, to register a passkey. Raises NotFound for a link that is unknown, used, expired
    or of a former worker."""
    won = tx.run(
        "UPDATE staff_invite SET used_at = :now WHERE token_hash = :hash AND used_at IS NULL AND :now < ends_at",
        hash=session_hash(token),
        now=moment.now_ms,
    )
    row = won and tx.one(
        "SELECT s.id, s.name, s.role, i.trial FROM staff_invite i JOIN staff s ON s.id = i.staff_id "
        "WHERE i.token_hash = :hash AND s.ended_at IS NULL AND s.locked_at IS NULL",
        hash=session_hash(token),
    )
    if not row:
        raise NotFound(
            "NO_INVITATION",
            "token",
            Text(
                "this link was used or has expired; ask for a new one", "该链接已使用或已过期，请索取新链接"
            ),
        )
    return start_session(tx, moment, row, newcomer=not row[3])


def staff_session(tx: Tx, now: datetime, token: str) -> Session | None:
    """The session of this cookie at `now`, or None: ended, or of somebody who left or is locked."""
    row = tx.one(
        "SELECT s.id, s.name, s.role, x.asserted_at, x.ends_at, x.newcomer FROM staff_session x "
        "JOIN staff s ON s.id = x.staff_id WHERE x.token_hash = :hash AND :now < x.ends_at "
        "AND s.ended_at IS NULL AND s.locked_at IS NULL",
        hash=session_hash(token),
        now=to_ms(now),
    )
    if row is None:
        return None
    asserted = from_ms(row[3]) if row[3] else None
    return Session(Staff(row[0], row[1], row[2], asserted), token, from_ms(row[4]), bool(row[5]))


def assert_again(tx: Tx, moment: Moment, token: str) -> None:
    """Whoever sits there showed again that it is them: contact cards open for five minutes."""
    tx.run(
        "UPDATE staff_session SET asserted_at = :now WHERE token_hash = :hash AND newcomer = 0",
        now=moment.now_ms,
        hash=session_hash(token),
    )


def sign_out(tx: Tx, token: str) -> None:
    """End this session; signing out twice is no fault."""
    tx.run("DELETE FROM staff_session WHERE token_hash = :hash", hash=session_hash(token))


def end_staff(tx: Tx, moment: Moment, staff_id: str) -> None:
    """A worker leaves: no session and no link of theirs works from this commit on. The row stays."""
    tx.run(
        "UPDATE staff SET ended_at = :now WHERE id = :id AND ended_at IS NULL", now=moment.now_ms, id=staff_id
    )
    for table in (
        "staff_session",
        "staff_invite",
        "staff_grant",
        "staff_passkey",
        "staff_identity",
        "staff_challenge",
    ):
        tx.run(f"DELETE FROM {table} WHERE staff_id = :id", id=staff_id)


def lock_staff(tx: Tx, moment: Moment, staff_id: str) -> None:
    """No sign-in and no session until somebody unlocks the account (`unlock_staff`)."""
    tx.run(
        "UPDATE staff SET locked_at = :now WHERE id = :id AND locked_at IS NULL",
        now=moment.now_ms,
        id=staff_id,
    )
    tx.run("DELETE FROM staff_session WHERE staff_id = :id", id=staff_id)


def unlock_staff(tx: Tx, staff_id: str) -> None:
    """The account works again; the worker signs in anew."""
    tx.run("UPDATE staff SET locked_at = NULL WHERE id = :id", id=staff_id)


def staff_by_id(tx: Tx, staff_id: str) -> Staff:
    """An account that stands. Raises NotFound."""
    row = tx.one("SELECT id, name, role FROM staff WHERE id = :id AND ended_at IS NULL", id=staff_id)
    if row is None:
        raise NotFound("NO_SUCH_WORKER", "staff_id", Text("there is no such worker", "没有此工作人员"))
    return Staff(*row)


def list_staff(tx: Tx) -> list[tuple[Staff, datetime, datetime | None]]:
    """All accounts with when they began and ended."""
    rows = tx.all("SELECT id, name, role, created_at, ended_at FROM staff ORDER BY created_at, id")
    return [(Staff(*row[:3]), from_ms(row[3]), from_ms(row[4]) if row[4] else None) for row in rows]


def start_session(tx: Tx, moment: Moment, row: Row, *, newcomer: bool = False) -> Session:
    """Sign in the account of `row` (id, name, role, …), whose identity the caller has just proved."""
    staff = Staff(row[0], row[1], row[2], None if newcomer else moment.now)
    token = to_b64(moment.random(32))
    ends = moment.now + (NEWCOMER_FOR if newcomer else SIGNED_IN_FOR)
    tx.run("DELETE FROM staff_session WHERE ends_at <= :now", now=moment.now_ms)
    tx.run(
        "INSERT INTO staff_session (token_hash, staff_id, started_at, ends_at, newcomer, asserted_at) "
        "VALUES (:hash, :id, :at, :ends, :newcomer, :asserted)",
        newcomer=int(newcomer),
        asserted=0 if newcomer else moment.now_ms,
        hash=session_hash(token),
        id=staff.id,
        at=moment.now_ms,
        ends=to_ms(ends),
    )
    return Session(staff, token, ends, newcomer)


def session_hash(token: str) -> bytes:
    """How a link or session is stored."""
    return sha256(b"staff\x00" + token.encode()).digest()
