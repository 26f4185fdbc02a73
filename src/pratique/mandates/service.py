"""Use cases of the law: draft, sign, publish, end early; ask what is in force; append to the public log.

Extending is a new mandate that names the old one: there is no function that makes one longer or wider.
"""

from datetime import datetime
from typing import Any

from pratique.core.errors import Conflict, NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.mandate import Mandate
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.mandates import areas as listing
from pratique.mandates import store
from pratique.mandates.areas import begin_list, check_areas
from pratique.mandates.document import check_document, digest, document_text, read_end, role_of
from pratique.mandates.entries import AccessHeadEntry, entry_bytes, read_entry
from pratique.mandates.model import Document, Signed, Standing
from pratique.mandates.note import (
    BadNote,
    Note,
    NoteSigner,
    Signature,
    check_note,
    parse_note,
    parse_signature,
    parse_vkey,
)
from pratique.mandates.store import Officer
from pratique.mandates.tree import leaf_hash
from pratique.store.tx import Tx

# Areas of this deployment

areas, add_area = listing.areas, listing.add_area

# Officers


def trust_officer(tx: Tx, moment: Moment, vkey: str) -> int:
    """Trust a key whose name ends with its role to sign mandates; the entry's index in the log."""
    try:
        key = parse_vkey(vkey)
        role = role_of(key)
    except BadNote:
        raise Refusal("BAD_KEY", "vkey", _BAD_KEY) from None
    if any(officer.name == key.name for officer in store.officers(tx)):
        raise Conflict("KEY_KNOWN", "vkey", _KEY_KNOWN)
    fields = {"what": "officer", "vkey": vkey, "since": moment.now, "until": None}
    seq = append_log(tx, moment, "key", fields)
    store.add_officer(tx, Officer(vkey, key.name, role, moment.now_ms, None), seq)
    return seq


def stop_officer(tx: Tx, moment: Moment, vkey: str) -> int:
    """Stop trusting a key from now on. Mandates logged before stay valid."""
    known = {officer.vkey: officer for officer in store.officers(tx)}
    if vkey not in known or not store.stop_officer(tx, vkey, moment.now_ms):
        raise NotFound("NO_SUCH_KEY", "vkey", _NO_KEY)
    since = from_ms(known[vkey].from_at)
    return append_log(
        tx, moment, "key", {"what": "officer", "vkey": vkey, "since": since, "until": moment.now}
    )


def officers(tx: Tx) -> list[Officer]:
    """Every key ever trusted, with its times."""
    return store.officers(tx)


# The life of a mandate


def draft(tx: Tx, moment: Moment, document: Document, reading: bytes | None = None) -> Standing:
    """Store a draft. Raises Refusal by field, Conflict if the id exists."""
    check_document(document)
    if reading is not None and digest(reading) != document.text.sha256:
        raise Refusal("WRONG_DIGEST", "text.sha256", _READING)
    if document.end <= moment.now:
        raise Refusal("ALREADY_OVER", "end", _OVER)
    check_areas(tx, document)
    if store.standing(tx, document.id) is not None:
        raise Conflict("MANDATE_EXISTS", "id", _EXISTS)
    if document.extends is not None and store.published(tx, document.extends) is None:
        raise NotFound("NO_SUCH_MANDATE", "extends", _NO_SUCH)
    for i, vkey in enumerate(document.issuer.vkeys):
        _trusted(tx, vkey, moment, f"issuer.vkeys[{i}]")
    text = document_text(document)
    store.add_document(tx, document, text, digest(text), reading, moment.now_ms)
    return _standing(tx, document.id)


def sign(tx: Tx, moment: Moment, mandate_id: str, line: str) -> Standing:
    """Add one officer's signature line. The same again is harmless; a second of one role is a Conflict."""
    standing = _standing(tx, mandate_id)
    found, vkey, role = _signature(line, document_text(standing.document), standing.document.issuer.vkeys)
    _trusted(tx, vkey, moment, "signature")
    kept = found.line.decode().rstrip("\n")
    for signed in standing.signatures:
        if signed.role == role:
            if signed.vkey == vkey:
                return standing
            raise Conflict("ROLE_SIGNED", "signature", _ROLE_SIGNED)
    if standing.published_at is not None:
        raise Conflict("PUBLISHED", "mandate_id", _PUBLISHED)
    store.add_signature(tx, mandate_id, Signed(role, vkey, kept), moment.now_ms)
    return _standing(tx, mandate_id)


def sign_with(tx: Tx, moment: Moment, mandate_id: str, signer: NoteSigner) -> Standing:
    """`sign` with a key at hand."""
    text = document_text(_standing(tx, mandate_id).document)
    return sign(tx, moment, mandate_id, signer.signature(text).line.decode())


def officer_signature(tx: Tx, moment: Moment, text: bytes, line: str, vkeys: tuple[str, ...]) -> Signed:
    """One officer's signature line under a text that is not a mandate, by one of `vkeys` that is trusted now.
    Raises NotAllowed."""
    found, vkey, role = _signature(line, text, vkeys)
    _trusted(tx, vkey, moment, "signature")
    return Signed(role, vkey, found.line.decode().rstrip("\n"))


def publish(tx: Tx, moment: Moment, mandate_id: str) -> int:
    """Log a mandate signed by both roles; from now on it may come into force. The entry's index in the log.

    It is in force from its start, and never earlier than this moment. Doing it twice changes nothing.
    """
    standing = _standing(tx, mandate_id)
    if standing.log_seq is not None:
        return standing.log_seq
    document = standing.document
    if not {"legal", "public-health"} <= {signed.role for signed in standing.signatures}:
        raise Refusal("SIGNATURES_MISSING", "signatures", _TWO)
    for signed in standing.signatures:
        _trusted(tx, signed.vkey, moment, "signatures")
    if document.end <= moment.now:
        raise Refusal("ALREADY_OVER", "end", _OVER)
    begin_list(tx, moment, document)
    check_areas(tx, document)
    fields = {
        "id": document.id,
        "digest": standing.digest,
        "extends": document.extends,
        "issuer": document.issuer.name,
        "areas": document.scope.areas,
        "start": document.start,
        "end": document.end,
        "grace_hours": document.grace_hours,
        "unlocks": document.unlocks,
        "data": document.data,
    }
    seq = append_log(tx, moment, "mandate", fields)
    store.set_published(tx, mandate_id, moment.now_ms, seq)
    return seq


def end(tx: Tx, moment: Moment, raw: bytes) -> int:
    """End a mandate early by a signed note (one signature of a key it names). The entry's index in the log.

    Takes effect when logged, or at the later time the note names.
    """
    try:
        note = parse_note(raw)
    except BadNote:
        raise Refusal("NOT_A_NOTE", "note", _NOTE) from None
    order = read_end(note.text)
    standing = _standing(tx, order.id)
    mandate = store.published(tx, order.id)
    if mandate is None:
        raise Conflict("NOT_PUBLISHED", "id", _NOT_PUBLISHED)
    if store.ended(tx, order.id):
        raise Conflict("ENDED_ALREADY", "id", _ENDED)
    try:
        signers = check_note(note, map(parse_vkey, standing.document.issuer.vkeys))
    except BadNote:
        raise NotAllowed("SIGNATURE_WRONG", "note", _SIGNATURE) from None
    _trusted(tx, signers[0].text, moment, "note")
    ends = max(order.at, moment.now)
    if ends >= mandate.end:
        raise Refusal("NOT_EARLIER", "at", _NOT_EARLIER)
    role = role_of(signers[0])
    seq = append_log(
        tx, moment, "mandate-end", {"id": order.id, "reason": order.reason, "by": role, "ends": ends}
    )
    store.add_end(tx, order.id, raw, order.reason, role, to_ms(ends), seq)
    return seq


# Questions


def mandate_by_id(tx: Tx, mandate_id: str) -> Mandate | None:
    """A published mandate, also after its end; None for drafts and unknown ids."""
    return store.published(tx, mandate_id)


def require(tx: Tx, mandate_id: str, unlock: str, at: datetime) -> Mandate:
    """The mandate, if it is in force at `at` and unlocks this kind. Raises NoMandate."""
    mandate = store.published(tx, mandate_id)
    if mandate is None or not mandate.in_force(at, unlock):
        raise NoMandate(what=unlock)
    return mandate


def live_mandates(tx: Tx, at: datetime) -> list[Mandate]:
    """All in force at `at`, the one that ends first in front."""
    return store.published_between(tx, to_ms(at))


def due_for_destruction(tx: Tx, at: datetime) -> list[Mandate]:
    """Past end and grace, not yet destroyed."""
    return store.overdue(tx, to_ms(at))


def standings(tx: Tx) -> list[Standing]:
    """Every mandate as it stands, drafts too, for lists."""
    return store.standings(tx)


def standing(tx: Tx, mandate_id: str) -> Standing:
    """One mandate as it stands. Raises NotFound."""
    return _standing(tx, mandate_id)


def note_of(standing: Standing) -> bytes:
    """The whole signed note, signatures in the order of roles."""
    lines = tuple(parse_signature(signed.line.encode()) for signed in standing.signatures)
    return Note(document_text(standing.document), lines).raw


def reading_of(tx: Tx, mandate_id: str) -> bytes | None:
    """What residents read, where it is kept here."""
    return store.reading(tx, mandate_id)


def mark_destroyed(tx: Tx, moment: Moment, mandate_id: str) -> None:
    """Called by room `retire` with the deletion entry, in one transaction."""
    store.set_destroyed(tx, mandate_id, moment.now_ms)


# The log


def append_log(tx: Tx, moment: Moment, type: str, fields: dict[str, Any]) -> int:  # noqa: A002
    """Append one entry in the transaction of the fact it tells; its index. Raises Refusal for unknown fields."""
    entry = entry_bytes(type, moment.now, fields)
    return store.add_entry(tx, type, entry, leaf_hash(entry), moment.now_ms)


def log_looks_head(tx: Tx, moment: Moment, entries: int, head: bytes) -> bool:
    """Put the head of the chain of looks into the public log, where it is new; whether it was."""
    known = store.last_entry(tx, "access-head")
    said = read_entry(known) if known is not None else None
    if entries == (said.entries if isinstance(said, AccessHeadEntry) else 0):
        return False
    append_log(tx, moment, "access-head", {"entries": entries, "head": head.hex()})
    return True


# Inside


def _standing(tx: Tx, mandate_id: str) -> Standing:
    found = store.standing(tx, mandate_id)
    if found is None:
        raise NotFound("NO_SUCH_MANDATE", "mandate_id", _NO_SUCH)
    return found


def _trusted(tx: Tx, vkey: str, moment: Moment, field: str) -> None:
    for officer in store.officers(tx):
        if officer.vkey == vkey:
            if officer.from_at <= moment.now_ms and (
                officer.until_at is None or moment.now_ms < officer.until_at
            ):
                return
            break
    raise NotAllowed("KEY_NOT_TRUSTED", field, _NOT_TRUSTED)


def _signature(line: str, text: bytes, vkeys: tuple[str, ...]) -> tuple[Signature, str, str]:
    try:
        found = parse_signature(line.rstrip("\n").encode())
        (key,) = check_note(Note(text, (found,)), map(parse_vkey, vkeys))
        return found, key.text, role_of(key)
    except (BadNote, UnicodeEncodeError):
        raise NotAllowed("SIGNATURE_WRONG", "signature", _SIGNATURE) from None


_BAD_KEY = Text("not a verifier key whose name ends with /legal, /public-health or /court; make one with `pratique mandate key`", "不是名称以 /legal、/public-health 或 /court 结尾的验证公钥；请用 `pratique mandate key` 生成")  # fmt: skip  # noqa: E501
_KEY_KNOWN = Text(
    "a key of this name is known already; a new key needs a new name", "同名公钥已存在；新公钥须用新名称"
)
_NO_KEY = Text("no such key is trusted now", "当前没有信任此公钥")
_READING = Text(
    "the digest is not that of the text given; compute it over the file's bytes",
    "摘要与所附文本不符；请按文件字节计算",
)
_OVER = Text("this mandate would be over already; draft a new one", "该授权令已过期；请重新起草")
_EXISTS = Text(
    "a mandate with this id exists; drafts are never changed, make a new one",
    "此编号的授权令已存在；草案不可修改，请新建",
)
_NO_SUCH = Text("no such mandate; see `pratique mandate list`", "没有此授权令；见 `pratique mandate list`")
_ROLE_SIGNED = Text("another key of this role signed already", "该角色的另一把密钥已签名")
_PUBLISHED = Text("it is published; signatures are complete", "已公布，签名已齐")
_TWO = Text(
    "two signatures are needed: one legal, one public-health; have the missing one sign",
    "须有两个签名：法务与公共卫生各一；请补签",
)
_NOTE = Text(
    "this is not a signed note: text, an empty line, signature lines", "不是签名文书：应为正文、空行、签名行"
)
_NOT_PUBLISHED = Text("it was never published, so there is nothing to end", "该令未公布，无需终止")
_ENDED = Text("an early end was ordered already", "已下令提前终止")
_SIGNATURE = Text(
    "the signature is wrong, or the key is not one the mandate names", "签名有误，或该密钥不在授权令所列之中"
)
_NOT_EARLIER = Text(
    "it ends before that time anyway; nothing can make a mandate longer",
    "该令届时已自行终止；任何命令都不能延长授权令",
)
_NOT_TRUSTED = Text(
    "this key is not trusted here now; enrol it with `pratique mandate trust`",
    "此处目前不信任该密钥；请用 `pratique mandate trust` 登记",
)
