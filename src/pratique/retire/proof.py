"""The certificate's way into the public log: two officers sign under it, or it stands there as the machine's alone."""

from datetime import timedelta

import msgspec

from pratique.core.errors import Conflict, NotFound
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.mandates.document import digest
from pratique.mandates.note import Note, NoteSigner, parse_note, parse_signature
from pratique.retire import store
from pratique.retire.early import signed_by, two_roles
from pratique.retire.house import MAX_CERTIFICATE
from pratique.retire.model import Plan
from pratique.retire.store import Row
from pratique.store.tx import Tx

ATTEST_WITHIN = timedelta(days=7)


def attest(tx: Tx, moment: Moment, mandate_id: str, line: str) -> int:
    """One officer's signature under the certificate; the second one logs it. How many there are."""
    row = store.find(tx, mandate_id)
    if row is None or row.certificate is None:
        raise NotFound("NO_CERTIFICATE", "mandate_id", _NO_CERTIFICATE)
    if row.log_seq is not None:
        raise Conflict("LOGGED", "mandate_id", _LOGGED)
    text = parse_note(row.certificate, max_bytes=MAX_CERTIFICATE).text
    store.add_approval(tx, mandate_id, signed_by(tx, moment, "attest", line, text), moment.now_ms)
    signed = store.approvals(tx, mandate_id, "attest")
    if two_roles(signed):
        _log(tx, moment, row, attested=True)
    return len(signed)


def attest_with(tx: Tx, moment: Moment, mandate_id: str, signer: NoteSigner) -> int:
    """`attest` with a key at hand."""
    return attest(tx, moment, mandate_id, signer.signature(certificate_text(tx, mandate_id)).line.decode())


def certificate_text(tx: Tx, mandate_id: str) -> bytes:
    """What an officer attests. Raises NotFound."""
    row = store.find(tx, mandate_id)
    if row is None or row.certificate is None:
        raise NotFound("NO_CERTIFICATE", "mandate_id", _NO_CERTIFICATE)
    return parse_note(row.certificate, max_bytes=MAX_CERTIFICATE).text


def log_unattested(tx: Tx, moment: Moment) -> int:
    """Certificates that two people did not sign within 7 days are logged as the machine's alone, for all to see."""
    waiting = [
        row
        for row in store.every(tx)
        if row.finished_at is not None
        and row.log_seq is None
        and moment.now >= row.finished_at + ATTEST_WITHIN
    ]
    for row in waiting:
        _log(tx, moment, row, attested=False)
    return len(waiting)


def certificates(tx: Tx) -> list[tuple[str, bytes]]:
    """The logged certificates as files of the public log: (`certificate/<digest>.note`, bytes)."""
    found = []
    for row in store.every(tx):
        if row.certificate is not None and row.log_seq is not None:
            note = whole(tx, row)
            found.append((f"certificate/{digest(note.text)}.note", note.raw))
    return found


def whole(tx: Tx, row: Row) -> Note:
    """The certificate with the lines of those who attested."""
    note = parse_note(row.certificate or b"", max_bytes=MAX_CERTIFICATE)
    lines = [parse_signature(a.line.encode()) for a in store.approvals(tx, row.mandate_id, "attest")]
    return Note(note.text, (*note.signatures, *lines))


def _log(tx: Tx, moment: Moment, row: Row, *, attested: bool) -> None:
    made = msgspec.json.decode(row.plan, type=Plan)
    counted = msgspec.json.decode(row.rows_before or b"{}", type=dict[str, dict[str, int]])
    text = parse_note(row.certificate or b"", max_bytes=MAX_CERTIFICATE).text
    fields = {
        "mandate": row.mandate_id,
        "digest": digest(text),
        "classes": made.classes,
        "counts": msgspec.structs.replace(made, rows=counted).per_class(),
        "attested": attested,
    }
    store.put(tx, row.mandate_id, log_seq=mandates.append_log(tx, moment, "deletion", fields))


_NO_CERTIFICATE = Text("there is no certificate yet to sign", "尚无可签署的证明")

_LOGGED = Text(
    "the certificate is in the log already; its signatures are final", "证明已入日志，签名不再变更"
)
