"""The access log: one entry for each look, chained, and shown to the person looked at.

hash = SHA-256 over the canonical CBOR (RFC 8949 §4.2.1) of {n, at, who, role, purpose, action, mandate, subject,
fields, prev}; `subject` is sealed under the subject's own secret, so that forgetting makes the entry anonymous
while the chain still verifies. An entry is written in the transaction of the read: if it cannot be written,
nothing is read. There is no switch that turns it off.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from pratique.core.canonical import canonical_cbor
from pratique.core.errors import Destroyed, Refusal
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.core.text import Text
from pratique.people import store
from pratique.people.access import PURPOSES
from pratique.people.model import Look, Reader
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Row, Tx

FIRST_PREV = bytes(32)


class Looked(NamedTuple):
    """One subject looked at: the fields shown, under which mandate they are held."""

    subject_id: str
    mandate_id: str
    fields: tuple[str, ...]


def log_looks(
    tx: Tx,
    moment: Moment,
    sealer: Sealer,
    reader: Reader,
    seen: Sequence[Looked],
    *,
    purpose: str,
    action: str,
) -> int:
    """Append one entry for each subject seen; a list counts as a look at each of its rows.

    Returns the number of the last entry. Raises Refusal for a purpose that is not in the table.
    """
    if purpose not in PURPOSES:
        raise Refusal(
            "UNKNOWN_PURPOSE",
            "purpose",
            Text("say for which purpose: one of the published list", "请说明目的：须为已公布的目的之一"),
        )
    last = store.last_access(tx)
    n, prev = (last[0], bytes(last[1])) if last else (0, FIRST_PREV)
    entries: list[dict[str, object]] = []
    for look in seen:
        n += 1
        place = _place(n, look.mandate_id, moment.now_ms, look.subject_id)
        entry: dict[str, object] = {
            "n": n,
            "at": moment.now_ms,
            "who": reader.who,
            "role": reader.role,
            "purpose": purpose,
            "action": action,
            "mandate_id": look.mandate_id,
            "sealed_subject": sealer.seal(place, look.subject_id.encode()),
            "fields": ",".join(look.fields),
            "prev": prev,
        }
        prev = entry["hash"] = _hash(tuple(entry.values()))
        entries.append(entry)
    index: list[dict[str, object]] = [
        {"subject_id": look.subject_id, "n": entry["n"], "mandate_id": look.mandate_id}
        for look, entry in zip(seen, entries, strict=True)
    ]
    store.add_access(tx, entries, index)
    store.touch(tx, {look.subject_id for look in seen})
    return n


def looks_at(tx: Tx, sealer: Sealer, subject_id: str, limit: int = 100) -> list[Look]:
    """Who looked at this subject, newest first: role, purpose, time, fields, never the worker's name.

    An entry counts only if its sealed subject opens to this subject.
    """
    found = []
    for n, at, role, purpose, mandate, sealed, fields in store.accesses_of(tx, subject_id, limit):
        try:
            sealer.open(_place(n, mandate, at, subject_id), bytes(sealed))
        except (Destroyed, ValueError):
            continue
        found.append(Look(from_ms(at), role, PURPOSES[purpose], tuple(filter(None, fields.split(",")))))
    return found


def chain_head(tx: Tx) -> tuple[int, bytes]:
    """The number and hash of the newest entry; (0, 32 zero bytes) for an empty log. Goes into the public log."""
    last = store.last_access(tx)
    return (last[0], bytes(last[1])) if last else (0, FIRST_PREV)


class Verdict(NamedTuple):
    """What a check of the chain found: how many entries there are, the number of the first bad one, or None, and
    whether it is the public log that says so."""

    entries: int
    first_bad: int | None
    by_log: bool = False


def first_bad_entry(tx: Tx) -> int | None:
    """The number of the first entry that does not follow from the one before; None if the whole chain holds."""
    return check_chain(tx, {}).first_bad


def check_chain(tx: Tx, logged: Mapping[int, bytes]) -> Verdict:
    """Check every entry against the one before, and against the heads that the public log holds (number → hash).

    Whoever rewrote the whole chain, or cut off its end, is found by the log. An entry that the log knows and that is
    not here is the first bad one.
    """
    n, prev = 0, FIRST_PREV
    for page in store.access_pages(tx):
        for row in page:
            n += 1
            found = bytes(row[10])
            if row[0] != n or bytes(row[9]) != prev or found != _hash(row):
                return Verdict(n, n)
            if n in logged and logged[n] != found:
                return Verdict(n, n, by_log=True)
            prev = found
    missing = [known for known in logged if known > n]
    return Verdict(n, min(missing), by_log=True) if missing else Verdict(n, None)


# An entry is a map of ten pairs, its keys in canonical order: shorter ones first, then by their letters.
_N, _AT, _WHO, _PREV, _ROLE, _ACTION, _FIELDS, _MANDATE, _PURPOSE, _SUBJECT = (
    canonical_cbor(key)
    for key in ("n", "at", "who", "prev", "role", "action", "fields", "mandate", "purpose", "subject")
)
_BEGIN = b"\xaa" + _N


def entry_bytes(row: Row) -> bytes:
    """The canonical CBOR of one entry, written out flat: a million entries are checked in seconds."""
    n, at, who, role, purpose, action, mandate, subject, fields, prev = row[:10]
    said, named = _texts(who, role, action, fields, mandate, purpose)
    return b"".join(
        (
            _BEGIN, _cbor_head(0x00, n), _AT, _cbor_head(0x00, at), said, _PREV, _cbor_head(0x40, len(prev)), prev,
            named, _cbor_head(0x40, len(subject)), subject,
        )
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _texts(who: str, role: str, action: str, fields: str, mandate: str, purpose: str) -> tuple[bytes, bytes]:
    """What stands before the hash of the entry before, and what stands after it up to the sealed subject. The same few
    workers, roles and purposes stand in millions of entries."""
    named = ((_ROLE, role), (_ACTION, action), (_FIELDS, fields), (_MANDATE, mandate), (_PURPOSE, purpose))
    return _text(_WHO, who), b"".join(_text(*one) for one in named) + _SUBJECT


def _text(key: bytes, text: str) -> bytes:
    raw = text.encode()
    return key + _cbor_head(0x60, len(raw)) + raw


def _cbor_head(major: int, n: int) -> bytes:
    """The head of an integer, byte string or text (RFC 8949 §3); `major` as its three bits stand in the byte."""
    if n < 256:
        return _BYTE[major][n]
    size, info = (8, 27) if n >= 1 << 32 else (4, 26) if n >= 1 << 16 else (2, 25)
    return _INFO[major | info] + n.to_bytes(size, "big")


_INFO = [bytes((n,)) for n in range(256)]
_BYTE = {
    major: [bytes((major | n,)) if n < 24 else bytes((major | 24, n)) for n in range(256)]
    for major in (0x00, 0x40, 0x60)
}


def _hash(row: Row) -> bytes:
    return sha256(entry_bytes(row)).digest()


def _place(n: int, mandate: str, at: int, subject: str) -> Place:
    return Place("access_log", "sealed_subject", str(n), mandate, rfc3339(from_ms(at))[:10], subject)
