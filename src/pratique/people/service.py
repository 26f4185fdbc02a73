"""Use cases of the room `people`: subjects, claim codes, contact cards, who looked, forgetting, staff.

Each function takes the transaction it works in. Names and phone numbers pass through here sealed or not at all; nothing
here knows of tests, notices or passes.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import msgspec

from pratique.core.errors import Destroyed, NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.ids import is_id
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text
from pratique.people import store
from pratique.people.access import Scope, Seen, allow, masked
from pratique.people.binding import check_binding, check_challenge, check_key
from pratique.people.breaking import (
    MAY_BREAK,
    OPEN_FOR,
    REASONS,
    Glass,
    break_glass,
    glass_text,
    lock_unreviewed,
    open_glass,
    review,
    waiting_reviews,
)
from pratique.people.grants import give, reach, take
from pratique.people.looks import Looked, chain_head, check_chain, first_bad_entry, log_looks, looks_at
from pratique.people.model import ContactCard, Forgotten, Kind, Reader, Staff
from pratique.people.scope import EXTENTS, Extent, Grant, Reach, Thing, holds
from pratique.people.seeing import FRESH_FOR, StepUp, must_be_fresh, must_reach, pseudonym, seen
from pratique.people.slip import code_hash, make_code, read_shown, slip_text, tidy_code, wallet_text
from pratique.people.staff import (
    accept_invite,
    assert_again,
    end_staff,
    invite_again,
    invite_staff,
    list_staff,
    lock_staff,
    sign_out,
    staff_by_id,
    staff_session,
    start_session,
    unlock_staff,
)
from pratique.people.tokens import make_token, read_token
from pratique.policy import service as policy
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Tx
from pratique.web.frame import Caller

CODE_FOR = timedelta(days=90)
TOKEN_FOR = timedelta(days=30)
FINAL_WITHIN = timedelta(hours=24)

_log = logging.getLogger("pratique.people")
_encode = msgspec.json.Encoder().encode
_card = msgspec.json.Decoder(ContactCard)


class SubjectSecrets(Protocol):
    """What forgetting needs of the key store: destroy one subject's secret under one mandate, never fail for none."""

    def destroy_subject(self, mandate: str, subject: str) -> object: ...


class Bound(NamedTuple):
    """A wallet that proved its key. `fresh` is false where the key was known already."""

    subject_id: str
    token: str
    expires: datetime
    fresh: bool


def create_subject(tx: Tx, moment: Moment, kind: Kind, public_key: bytes | None = None) -> str:
    """A new subject under a random id; a wallet brings its P-256 key (65 bytes, uncompressed), paper none.

    Raises Refusal for a key that is no point of the curve or a wallet without one.
    """
    if kind == "wallet" or public_key is not None:
        check_key(public_key or b"")
    subject_id = moment.new_id()
    store.add_subjects(tx, kind, [subject_id], moment.now_ms)
    if public_key is not None:
        store.add_key(tx, public_key, subject_id, moment.now_ms)
    return subject_id


def create_papers(tx: Tx, moment: Moment, n: int) -> list[str]:
    """`n` paper subjects at once, for printing slips."""
    ids = [moment.new_id() for _ in range(n)]
    store.add_subjects(tx, "paper", ids, moment.now_ms)
    return ids


def bind_wallet(
    tx: Tx, moment: Moment, secret: bytes, *, public_key: bytes, challenge: str, signature: bytes
) -> Bound:
    """The subject of a wallet that signed our challenge, made at first sight, with a token for 30 days.

    Raises Refusal for an old challenge, a bad key or a signature that does not fit.
    """
    check_challenge(secret, challenge, moment.now)
    check_binding(public_key, challenge, signature)
    known = subject_of_key(tx, public_key)
    subject_id = known or create_subject(tx, moment, "wallet", public_key)
    token, expires = token_for(secret, subject_id, moment.now)
    return Bound(subject_id, token, expires, fresh=known is None)


def token_for(secret: bytes, subject_id: str, now: datetime) -> tuple[str, datetime]:
    """A holder's token and when it expires."""
    expires = now.replace(microsecond=0) + TOKEN_FOR
    return make_token(secret, "holder", subject_id, expires), expires


def holder_of(secret: bytes, token: str, now: datetime) -> str | None:
    """The subject id a holder's token stands for; whether that subject still exists is asked per request."""
    return read_token(secret, "holder", token, now)


def subject_of_key(tx: Tx, public_key: bytes) -> str | None:
    """The subject that holds this key."""
    row = tx.one("SELECT subject_id FROM subject_key WHERE public_key = :key", key=public_key)
    return row[0] if row else None


def holder_keys(tx: Tx, subject_id: str) -> list[bytes]:
    """Every key a pass may be bound to, oldest first; empty for paper."""
    rows = tx.all(
        "SELECT public_key FROM subject_key WHERE subject_id = :id ORDER BY added_at, public_key",
        id=subject_id,
    )
    return [bytes(row[0]) for row in rows]


def holder_keys_of(tx: Tx, subject_ids: Iterable[str]) -> dict[str, list[bytes]]:
    """`holder_keys` of many; subjects without a key are left out."""
    found: dict[str, list[bytes]] = {}
    for subject_id, key in store.keys_of(tx, subject_ids):
        found.setdefault(subject_id, []).append(bytes(key))
    return found


def existing(tx: Tx, subject_ids: Iterable[str]) -> set[str]:
    """Those of these subjects that are known and not forgotten."""
    return store.existing(tx, subject_ids)


def subjects_after(tx: Tx, after: str, limit: int) -> list[str]:
    """The next subjects in the order of their random ids; "" begins."""
    return store.subjects_after(tx, after, limit)


def subject_exists(tx: Tx, subject_id: str) -> bool:
    """True unless unknown or forgotten."""
    return store.subject_row(tx, subject_id) is not None


WALLET_VERSION = (
    "SELECT version FROM subject WHERE id = :subject_id"  # for a statement that asks more at once
)


def wallet_version(tx: Tx, subject_id: str) -> int:
    """Grows with each change the wallet shows. Raises NotFound for an unknown or forgotten subject."""
    row = store.subject_row(tx, subject_id)
    if row is None:
        raise nobody()
    return int(row[2])


def touch(tx: Tx, subject_ids: Sequence[str]) -> None:
    """Tell the wallets of these subjects that something changed: their next poll gets it."""
    store.touch(tx, subject_ids)


def make_claim_code(tx: Tx, moment: Moment, secret: bytes, subject_id: str) -> str:
    """A claim code for a slip (11 characters), shown once; only its keyed hash is kept, for 90 days.

    Raises NotFound for an unknown subject.
    """
    if not subject_exists(tx, subject_id):
        raise nobody()
    code = make_code(moment)
    tx.run(
        "INSERT INTO claim_code (code_hash, subject_id, made_at, ends_at) VALUES (:hash, :id, :at, :ends)",
        hash=code_hash(secret, code),
        id=subject_id,
        at=moment.now_ms,
        ends=to_ms(moment.now + CODE_FOR),
    )
    return code


def subject_of_code(tx: Tx, now: datetime, secret: bytes, typed: str) -> str:
    """The subject of a claim code as typed. Raises Refusal where it was mistyped, NotFound where nobody has it."""
    row = tx.one(
        "SELECT subject_id FROM claim_code WHERE code_hash = :hash AND :now < ends_at",
        hash=code_hash(secret, tidy_code(typed)),
        now=to_ms(now),
    )
    if row is None:
        raise nobody()
    return str(row[0])


def write_card(
    tx: Tx, moment: Moment, sealer: Sealer, subject_id: str, card: ContactCard, *, mandate_id: str = ""
) -> str:
    """Seal a contact card under a mandate that unlocks `enrolment` (by default the one that lasts longest).

    Returns the mandate's id. Raises NoMandate where none is in force, NotFound for an unknown subject.
    """
    if not subject_exists(tx, subject_id):
        raise nobody()
    if not card.name.strip() or not card.name.isprintable():
        raise Refusal("BAD_NAME", "name", Text("write the name in letters", "请填写有效的姓名"))
    mandate = mandate_id or store.live_mandate(tx, "enrolment", moment.now_ms)
    if not mandate:
        raise NoMandate(what="contact cards")
    sealed = sealer.seal(_card_place(subject_id, mandate, moment.now_ms), _encode(card))
    phone = sealer.blind_index(mandate, "phone", _digits(card.phone))
    store.put_card(tx, subject_id, mandate, written_at=moment.now_ms, phone_index=phone, sealed=sealed)
    store.touch(tx, [subject_id])
    return mandate


def read_card(
    tx: Tx,
    moment: Moment,
    sealer: Sealer,
    reader: Reader,
    subject_id: str,
    *,
    purpose: str,
    inside: bool = False,
) -> dict[str, str]:
    """What `reader` may see of a contact card, and the entry in the log that says so, in one transaction.

    `inside`: whether the person lies within the reader's reach (`holds`). A field the table does not give is not a key
    of the answer. Raises NotAllowed where nothing may be seen and StepUp where the reader must first show that it is
    them (no entry: nothing was read), NotFound where there is no card.
    """
    scope = Scope("inside" if inside else "outside", reader.until)
    rights: dict[str, Seen] = {
        field: allow(reader.role, scope, purpose, field, moment.now)
        for field in ContactCard.__struct_fields__
    }
    shown = tuple(field for field, seen in rights.items() if seen in ("show", "mask"))
    if not shown:
        raise NotAllowed(
            "NO_RIGHT_TO_CARD",
            "purpose",
            Text(
                "your role does not see this for this purpose; open the task first",
                "您的角色不能为此目的查看；请先打开任务",
            ),
        )
    must_be_fresh(reader.asserted_at, moment.now)
    for mandate, written_at, sealed in store.cards(tx, subject_id):
        try:
            plain = sealer.open(_card_place(subject_id, mandate, written_at), bytes(sealed))
        except Destroyed:
            continue
        seen = [Looked(subject_id, mandate, shown)]
        log_looks(tx, moment, sealer, reader, seen, purpose=purpose, action="card")
        card = _card.decode(plain)
        values = {field: str(getattr(card, field)) for field in shown}
        return {f: v if rights[f] == "show" else masked(v) for f, v in values.items()}
    raise nobody()


def find_by_phone(
    tx: Tx, moment: Moment, sealer: Sealer, reader: Reader, phone: str, *, purpose: str
) -> list[str]:
    """The subjects whose card bears exactly this number, for somebody who calls: siblings may share one.

    Each hit counts as a look and is shown to its subject. Raises NotAllowed where the role may not see phone numbers.
    """
    if allow(reader.role, Scope("inside", reader.until), purpose, "phone", moment.now) != "show":
        raise NotAllowed(
            "NO_RIGHT_TO_CARD",
            "purpose",
            Text("your role does not search by phone", "您的角色不能按电话查找"),
        )
    must_be_fresh(reader.asserted_at, moment.now)
    found = [
        Looked(subject_id, mandate, ("phone",))
        for mandate in store.card_mandates(tx)
        for subject_id in store.by_phone(tx, sealer.blind_index(mandate, "phone", _digits(phone)))
    ]
    log_looks(tx, moment, sealer, reader, found, purpose=purpose, action="search")
    return sorted({look.subject_id for look in found})


def own_card(tx: Tx, sealer: Sealer, subject_id: str) -> ContactCard | None:
    """The holder's own card, for the holder's own screen."""
    for mandate, written_at, sealed in store.cards(tx, subject_id):
        try:
            return _card.decode(sealer.open(_card_place(subject_id, mandate, written_at), bytes(sealed)))
        except Destroyed:
            continue
    return None


def forget(tx: Tx, moment: Moment, keys: SubjectSecrets, subject_id: str) -> Forgotten:
    """Delete everything this room holds of a subject; once that is on disk, destroy the subject's secrets.

    What ends: key, card, codes, the index of looks, every sealed value of the subject in every room. What stays: log
    entries that now point at nobody. A crash in between is made good by `finish_forgetting`. Raises NotFound.
    """
    if not subject_exists(tx, subject_id):
        raise nobody()
    store.delete_subject(tx, subject_id)
    policy.leave_mirror(tx, subject_id)
    final_by = moment.now + FINAL_WITHIN
    tx.run(
        "INSERT INTO forgetting (subject_id, asked_at, final_by) VALUES (:id, :at, :final)",
        id=subject_id,
        at=moment.now_ms,
        final=to_ms(final_by),
    )
    mandates = store.mandate_ids(tx)

    def destroy() -> None:
        try:
            for mandate in mandates:
                keys.destroy_subject(mandate, subject_id)
        except Exception:  # noqa: BLE001 - logged below, tried again by the sweep
            # The row in `forgetting` stands, so the sweep tries again; the writer must live on.
            _log.exception("a subject's secrets could not be destroyed yet; the next sweep tries again")

    tx.after_commit(destroy)
    return Forgotten(moment.now, final_by)


def finish_forgetting(tx: Tx, keys: SubjectSecrets) -> int:
    """Destroy the secrets of everyone forgotten (again, where it was done before) and drop the reminder rows.

    Run at start and by the sweep. Returns how many. Raises what the key store raises: then the rows stay.
    """
    waiting = [row[0] for row in tx.all("SELECT subject_id FROM forgetting ORDER BY subject_id")]
    for subject_id in waiting:
        for mandate in store.mandate_ids(tx):
            keys.destroy_subject(mandate, subject_id)
        tx.run("DELETE FROM forgetting WHERE subject_id = :id", id=subject_id)
    return len(waiting)


def worker(caller: Caller) -> Staff:
    """Who is signed in, as the rooms want it."""
    return Staff(caller.id, caller.name, caller.role, caller.asserted_at)


def reader(staff: Staff, until: datetime | None) -> Reader:
    """`staff` as somebody who looks, for a task, appeal or shift that lasts until `until`."""
    return Reader(staff.id, staff.role, until, staff.asserted_at)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete this room's rows of a mandate; rows deleted per table.

    Subjects and their keys stand as long as any other mandate's data does; with the last one they go too.
    """
    gone = {
        table: tx.run(f"DELETE FROM {table} WHERE mandate_id = :id", id=mandate_id)
        for table in ("contact_card", "access_index", "break_glass")
    }
    if not set(store.mandate_ids(tx, standing=True)) - {mandate_id}:
        for table in ("claim_code", "subject_key", "subject"):
            gone[table] = tx.run(f"DELETE FROM {table}")
    return gone


def check_subject_id(text: str) -> str:
    """The id itself. Raises NotFound for anything else: what is not there and what is no id sound alike."""
    if not is_id(text):
        raise nobody()
    return text


def nobody() -> NotFound:
    """The refusal for a subject that is unknown or forgotten: both sound alike."""
    return NotFound("NOBODY", "subject_id", Text("there is nobody here by that", "查无此人"))


def _digits(phone: str) -> str:
    return "".join(c for c in phone if c.isdigit())


def _card_place(subject_id: str, mandate: str, written_at: int) -> Place:
    return Place("contact_card", "sealed", subject_id, mandate, rfc3339(from_ms(written_at))[:10], subject_id)


__all__ = [
    "EXTENTS", "FRESH_FOR", "MAY_BREAK", "OPEN_FOR", "REASONS", "WALLET_VERSION", "Bound", "Extent", "Glass", "Grant",
    "Looked", "Reach", "StepUp", "SubjectSecrets", "Thing", "accept_invite", "assert_again", "bind_wallet",
    "break_glass", "chain_head", "check_chain", "check_subject_id", "create_papers", "create_subject", "end_staff",
    "erase_mandate", "existing", "find_by_phone", "finish_forgetting", "first_bad_entry", "forget", "give",
    "glass_text", "holder_keys", "holder_keys_of", "holder_of", "holds", "invite_again", "invite_staff",
    "list_staff", "lock_staff", "lock_unreviewed", "log_looks", "looks_at", "make_claim_code", "must_be_fresh",
    "must_reach", "nobody", "open_glass", "own_card", "pseudonym", "reach", "read_card", "read_shown", "reader",
    "review", "seen", "sign_out", "slip_text", "staff_by_id", "staff_session", "start_session", "subject_exists",
    "subject_of_code", "subject_of_key", "subjects_after", "take", "tidy_code", "token_for", "touch",
    "unlock_staff", "waiting_reviews", "wallet_text", "wallet_version", "worker", "write_card",
]  # fmt: skip
