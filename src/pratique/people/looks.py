"""The access log: one entry for each look, chained, and shown to the person looked at.

hash = SHA-256 over the canonical CBOR (RFC 8949 §4.2.1) of {n, at, who, role, purpose, action, mandate, subject,
fields, prev}; `subject` is sealed under the subject's own secret, so that forgetting makes the entry anonymous
while the chain still verifies. An entry is written in the transaction of the read: if it cannot be written,
nothing is read. There is no switch that turns it off.
"""

from collections.abc import Sequence
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


def first_bad_entry(tx: Tx) -> int | None:
    """The number of the first entry that does not follow from the one before; None if the whole chain holds."""
    n, prev = 0, FIRST_PREV
    for page in store.access_pages(tx):
        for row in page:
            n += 1
            if row[0] != n or bytes(row[9]) != prev or bytes(row[10]) != _hash(row[:10]):
                return n
            prev = bytes(row[10])
    return None


# The entry as a map in canonical order: its head, and each key with the place of its value in the row.
_PLACES = {
    "n": 0, "at": 1, "who": 2, "role": 3, "purpose": 4, "action": 5, "mandate": 6, "subject": 7, "fields": 8, "prev": 9,
}  # fmt: skip
_HEAD = b"\xaa"
_KEYS = tuple(sorted((canonical_cbor(key), place) for key, place in _PLACES.items()))


def entry_bytes(row: Row) -> bytes:
    """The canonical CBOR of one entry, written out flat: a million entries are checked in seconds."""
    parts = [_HEAD]
    for key, place in _KEYS:
        parts.append(key)
        value = row[place]
        if isinstance(value, int):
            parts.append(_cbor_head(0, value))
        else:
            raw = value.encode() if isinstance(value, str) else bytes(value)
            parts += (_cbor_head(3 if isinstance(value, str) else 2, len(raw)), raw)
    return b"".join(parts)


def _cbor_head(major: int, n: int) -> bytes:
    if n < 24:
        return _SHORT[major << 5 | n]
    if n < 256:
        return bytes((major << 5 | 24, n))
    size, info = (2, 25) if n < 1 << 16 else (4, 26) if n < 1 << 32 else (8, 27)
    return bytes((major << 5 | info,)) + n.to_bytes(size, "big")


_SHORT = [bytes((n,)) for n in range(256)]


def _hash(row: Row) -> bytes:
    return sha256(entry_bytes(row)).digest()


def _place(n: int, mandate: str, at: int, subject: str) -> Place:
    return Place("access_log", "sealed_subject", str(n), mandate, rfc3339(from_ms(at))[:10], subject)
