"""Use cases of the laboratory door: one message in, one verdict out, everything in one transaction.

Promises: the same key with the same bytes changes nothing and is accepted again; the same key with other bytes is
refused; the same content under a new key is one version; what is refused goes to quarantine, redacted, and is never
half stored. Laboratories know tube codes; names are blanked before anything is kept. The acknowledgement is written by
the caller, after the commit.
"""

from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Tx
from pratique.testing import accepting, bundles, er7, fhir, oru, store, store_results, tables
from pratique.testing import ack as acks
from pratique.testing.accepting import Refused, refuse
from pratique.testing.model import Ack, Lab, Sender
from pratique.testing.releasing import Tell

QUARANTINE_DAYS = 30
DAY_MS = 86_400_000


class LabChannel(msgspec.Struct, frozen=True):
    """How a message came in. `lab`: the laboratory this channel belongs to (client certificate, upload), or empty
    where MSH-4 alone says who sends; `by` is written as the uploader of a run."""

    lab: str = ""
    by: str = "mllp"


class Uploaded(msgspec.Struct, frozen=True):
    """What became of a table: accepted + refused = rows in the file."""

    rows: int
    accepted: int
    refused: tuple[tuple[str, Text], ...]


class Judged(NamedTuple):
    """A verdict, the message as far as it could be read (the answer needs its header), and whether this laboratory
    wants an answer whatever the header says."""

    ack: Ack
    message: er7.Message | None
    always: bool


# HL7 v2


def receive(
    tx: Tx, moment: Moment, raw: bytes, channel: LabChannel, tell: Tell, sealer: Sealer, batch_key: str = ""
) -> Judged:
    """One HL7 v2 message. A refusal is a verdict, never an exception; what is raised are faults of the database."""
    digest = sha256(raw).digest()
    lab = store_results.lab_named(tx, channel.lab) if channel.lab else None
    try:
        message = er7.read(raw, lab.charset if lab else "")
    except er7.Unreadable as refusal:
        _quarantine_bytes(tx, moment, raw, digest, refusal, lab, sealer)
        return Judged(
            _verdict(tx, moment, refusal, Sender("", "", "", "", er7.control_id(raw)), lab), None, False
        )
    sender = Sender("", "", message.msh.part(4), "", message.msh.text(10))
    try:
        oru.check_type(message)
    except er7.Unreadable as refusal:  # of what is no result nothing is kept but the verdict
        return Judged(_verdict(tx, moment, refusal, sender, lab), message, bool(lab and lab.always_answer))
    try:
        sender = oru.sender_of(message)
        lab, earlier = _known_lab(tx, sender, channel)
        if not _is_repeat(earlier, digest):
            accepting.accept(tx, moment, oru.incoming(message, lab, batch_key), lab, digest, channel.by, tell)
    except Refusal as refusal:
        if isinstance(refusal, er7.Unreadable | Refused):
            kept = oru.kept(message)
            _quarantine(tx, moment, kept, digest, refusal, sender.control_id, lab)
            return Judged(
                _verdict(tx, moment, refusal, sender, lab), message, bool(lab and lab.always_answer)
            )
        raise
    return Judged(Ack("A", sender.control_id), message, lab.always_answer)


def receive_file(
    tx: Tx, moment: Moment, raw: bytes, channel: LabChannel, tell: Tell, sealer: Sealer
) -> bytes:
    """One message or a batch that came as a file; the acknowledgement as it would be written over MLLP, always one."""
    try:
        batch = er7.split_batch(raw)
    except er7.Unreadable:
        batch = er7.Batch([raw], False, None, "")
    answers = []
    for one in batch.messages:
        judged = receive(tx, moment, one, channel, tell, sealer, batch.key)
        letters = acks.wants(judged.message, judged.ack, always=True)
        answers.append(acks.write(judged.message, judged.ack, letters, moment.now, moment.new_id()))
    return acks.write_batch(answers, moment.now, moment.new_id()) if batch.is_batch else answers[0]


def _known_lab(tx: Tx, sender: Sender, channel: LabChannel) -> tuple[Lab, bytes | None]:
    """The laboratory, and the hash of what came under this key before. Raises Refused."""
    known = store_results.lab_and_repeat(
        tx, sender.name, sender.application, sender.facility, sender.control_id
    )
    if known is None or (known[0].oid and sender.oid and known[0].oid != sender.oid):
        raise refuse("204", "MSH/4", "this laboratory is not registered here", "该检测机构未登记")
    if channel.lab and channel.lab != known[0].name:
        raise refuse("204", "MSH/4", "this channel belongs to another laboratory", "该通道属于其他检测机构")
    return known


def _is_repeat(earlier: bytes | None, digest: bytes) -> bool:
    """True if the same bytes came under this key before. Raises Refused where other bytes did."""
    if earlier is not None and earlier != digest:
        raise refuse("205", "MSH/10", "this control id was used for another message; send it under a new one",
                      "该控制编号已用于另一条消息，请使用新编号")  # fmt: skip
    return earlier is not None


# FHIR and tables


def receive_document(tx: Tx, moment: Moment, raw: bytes, lab_name: str, by: str, tell: Tell) -> Ack:
    """One FHIR document of a known laboratory. Raises Refusal (element path) after noting it in quarantine."""
    digest = sha256(raw).digest()
    lab = _lab(tx, lab_name)
    try:
        incoming = bundles.incoming(fhir.read(raw), digest.hex(), lab)
        if not _is_repeat(_earlier(tx, incoming.sender), digest):
            accepting.accept(tx, moment, incoming, lab, digest, by, tell)
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        _quarantine(tx, moment, None, digest, refusal, "", lab)
        return _verdict(tx, moment, refusal, Sender("FHIR", lab.name, lab.name, lab.oid, ""), lab)
    return Ack("A", incoming.sender.control_id)


def receive_table(
    tx: Tx, moment: Moment, raw: bytes, *, rows: int, digest: str, lab_name: str, by: str, tell: Tell
) -> Uploaded:
    """A CSV or XLSX file with its declared row count and SHA-256.

    Each row is accepted or refused by itself; a refusal names row and column. Raises Refusal for the whole file and
    stores nothing of it where it is not what was declared or cannot be read.
    """
    lab = _lab(tx, lab_name)
    live = store.live_campaigns(tx, moment.now_ms)
    if not live:
        raise refuse("207", "file", "no campaign is open", "没有进行中的采样行动")
    analyte = live[0][5].split()[0]
    found = list(tables.incoming(raw, lab, analyte, rfc3339(moment.now)))
    tables.check_declared(raw, rows, digest, len(found))
    refused: list[tuple[str, Text]] = []
    for one in found:
        if isinstance(one, Refusal):
            refused.append((one.field, one.text))
            continue
        row = one.sender.control_id.rsplit("/", 1)[1]
        key = sha256(one.sender.control_id.encode()).digest()
        try:
            if not _is_repeat(_earlier(tx, one.sender), key):
                accepting.accept(tx, moment, one, lab, key, by, tell)
        except Refused as refusal:
            refused.append((f"row {row}/{_COLUMN_OF.get(refusal.code, 'tube_code')}", refusal.text))
    return Uploaded(len(found), len(found) - len(refused), tuple(refused))


_COLUMN_OF = {"103": "result", "204": "tube_code"}


def _earlier(tx: Tx, sender: Sender) -> bytes | None:
    known = store_results.lab_and_repeat(
        tx, sender.name, sender.application, sender.facility, sender.control_id
    )
    return known[1] if known else None


def _lab(tx: Tx, name: str) -> Lab:
    lab = store_results.lab_named(tx, name)
    if lab is None:
        raise refuse("204", "lab", "this laboratory is not registered here", "该检测机构未登记")
    return lab


# Refused


def _verdict(tx: Tx, moment: Moment, refusal: Refusal, sender: Sender, lab: Lab | None) -> Ack:
    letter: Literal["E", "R"] = "R" if getattr(refusal, "answer", "E") == "R" else "E"
    store_results.add_refusal(
        tx, id=moment.new_id(), lab_id=lab.id if lab else "", control_id=sender.control_id[:200], answer=letter,
        code=refusal.code, field=refusal.field, received_at=moment.now_ms,
    )  # fmt: skip
    return Ack(
        letter, sender.control_id, refusal.code, refusal.field, refusal.text, er7.location(refusal.field)
    )


def _quarantine(
    tx: Tx, moment: Moment, kept: bytes | None, digest: bytes, refusal: Refusal, control_id: str,
    lab: Lab | None, sealed_under: str = "", row_id: str = "",
) -> None:  # fmt: skip
    store_results.add_quarantine(
        tx, id=row_id or moment.new_id(), lab_id=lab.id if lab else "", control_id=control_id[:200],
        code=refusal.code, field=refusal.field, why_en=refusal.text.en, why_zh=refusal.text.zh_hans,
        sha256=digest, kept=kept, sealed_under=sealed_under, received_at=moment.now_ms,
        expires_at=moment.now_ms + QUARANTINE_DAYS * DAY_MS,
    )  # fmt: skip


def _quarantine_bytes(
    tx: Tx, moment: Moment, raw: bytes, digest: bytes, refusal: Refusal, lab: Lab | None, sealer: Sealer
) -> None:
    """Bytes nobody could read may hold names: they are sealed under a live campaign's mandate and a key of their
    own. Without a mandate, or too large to be a message, only their hash is kept."""
    row_id = moment.new_id()
    live = store.live_campaigns(tx, moment.now_ms)
    sealed, mandate = None, ""
    if live and len(raw) <= er7.MAX_MESSAGE:
        mandate = str(live[0][1])
        place = Place("lab_quarantine", "kept", row_id, mandate, moment.now.strftime("%Y-%m-%d"), row_id)
        sealed = sealer.seal(place, raw)
    _quarantine(tx, moment, sealed, digest, refusal, "", lab, mandate, row_id)
