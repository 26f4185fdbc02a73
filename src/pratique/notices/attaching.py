"""Attachments of an appeal: checked by content, sealed, read by its holder and by the one reviewer who has it."""

from hashlib import sha256
from typing import NamedTuple

from pratique.core.errors import Conflict, NotFound
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.core.text import Text
from pratique.notices import appeal_store
from pratique.notices.answering import may_read
from pratique.notices.attachment import MAX_NUMBER, Clean, checked
from pratique.notices.model import AttachmentView, House
from pratique.people import service as people
from pratique.people.model import Reader, Staff
from pratique.store.sealing import Place
from pratique.store.tx import Tx


class AttachmentRow(NamedTuple):
    """An attachment as it is stored."""

    id: str
    appeal_id: str
    subject_id: str
    mandate_id: str
    added_at: int
    media: str
    size: int
    digest: bytes
    sealed: bytes


def attach(
    tx: Tx, moment: Moment, house: House, *, subject_id: str, appeal_id: str, raw: bytes
) -> AttachmentView:
    """Add a picture or a PDF to one's own open appeal; the same file again is the same attachment.

    Raises NotFound for an appeal of somebody else, Conflict where it is over, Refusal for what may not be kept.
    """
    appeal = appeal_store.by_id(tx, appeal_id)
    if appeal is None or appeal.subject_id != subject_id:
        raise NotFound("NO_SUCH_THING", "appeal_id", Text("there is nothing here by that id", "没有此项"))
    if appeal.state != "open":
        raise Conflict("APPEAL_OVER", "appeal_id", Text("this appeal is over", "此申诉已结束"))
    digest = sha256(raw).digest()
    there = appeal_store.attachments(tx, appeal_id)
    for row in there:
        if row[4] == house.sealer.blind_index(appeal.mandate_id, "attachment", digest.hex()):
            return view_of(row)
    if len(there) >= MAX_NUMBER:
        raise Conflict(
            "ENOUGH",
            "attachment",
            Text(f"an appeal takes {MAX_NUMBER} files", f"每项申诉最多 {MAX_NUMBER} 个文件"),
        )
    clean = checked(raw)
    row_id = moment.new_id()
    place = _place(row_id, appeal.mandate_id, moment.now_ms, subject_id)
    made = AttachmentRow(
        row_id, appeal_id, subject_id, appeal.mandate_id, moment.now_ms, clean.media, len(clean.body),
        house.sealer.blind_index(appeal.mandate_id, "attachment", digest.hex()), house.sealer.seal(place, clean.body),
    )  # fmt: skip
    appeal_store.add_attachment(tx, made._asdict())
    appeal_store.add_event(tx, appeal_id, moment.now_ms, "attached", "person", reference=row_id)
    people.touch(tx, [subject_id])
    return AttachmentView(made.id, made.media, made.size, rfc3339(moment.now))


def own_attachment(tx: Tx, house: House, *, subject_id: str, attachment_id: str) -> Clean:
    """One's own attachment as it was kept. Raises NotFound, Destroyed."""
    row = appeal_store.attachment(tx, attachment_id)
    if row is None or row[2] != subject_id:
        raise NotFound("NO_SUCH_THING", "attachment_id", Text("there is nothing here by that id", "没有此项"))
    return _opened(house, row)


def read_attachment(
    tx: Tx, moment: Moment, house: House, staff: Staff, *, appeal_id: str, attachment_id: str
) -> Clean:
    """An attachment for the reviewer who has the appeal; the look is logged and its holder sees it.

    Raises NotFound, NotAllowed for who decided before or where another reviewer has it.
    """
    appeal = may_read(tx, staff, appeal_id)
    row = appeal_store.attachment(tx, attachment_id)
    if row is None or row[1] != appeal_id:
        raise NotFound("NO_SUCH_THING", "attachment_id", Text("there is nothing here by that id", "没有此项"))
    reader = Reader(staff.id, staff.role, from_ms(appeal.due_at))
    seen = people.Looked(appeal.subject_id, appeal.mandate_id, ("reason",))
    people.log_looks(tx, moment, house.sealer, reader, [seen], purpose="appeal", action="attachment")
    return _opened(house, row)


def view_of(row: tuple[object, ...]) -> AttachmentView:
    """(id, media, size, added_at, …) as its holder sees it."""
    return AttachmentView(str(row[0]), str(row[1]), int(str(row[2])), rfc3339(from_ms(int(str(row[3])))))


def _opened(house: House, row: tuple[object, ...]) -> Clean:
    found = AttachmentRow(*row)  # type: ignore[arg-type]
    place = _place(found.id, found.mandate_id, found.added_at, found.subject_id)
    return Clean(found.media, house.sealer.open(place, bytes(found.sealed)))


def _place(row_id: str, mandate_id: str, at: int, subject_id: str) -> Place:
    return Place(
        "appeal_attachment", "sealed", row_id, mandate_id, from_ms(at).date().isoformat(), subject_id
    )
