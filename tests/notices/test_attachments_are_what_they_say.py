"""An attachment is told by its content, drawn anew, sealed, read by its holder and one reviewer."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pratique.core.errors import Conflict, NotAllowed, NotFound, Refusal
from pratique.notices import service
from pratique.notices.attachment import MAX_SIZE, checked
from pratique.notices.model import AppealView
from pratique.people.model import Staff
from tests.notices.test_silence_lifts import ANNA, BEN, appeal, decide, held, read
from tests.notices.town import Town

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), *, place: bool = False) -> bytes:
    out = BytesIO()
    made = Image.new("RGB", size, (20, 90, 120))
    exif = Image.Exif()
    exif[0x010F] = "planted camera"
    exif.get_ifd(0x8825)[1] = "N"
    made.save(out, kind, **({"exif": exif.tobytes()} if place else {}))
    return out.getvalue()


def attach(town: Town, made: AppealView, raw: bytes, whom: int = 0) -> str:
    view = town.store.write(
        lambda tx: service.attach(
            tx, town.moment, town.house, subject_id=town.members[whom], appeal_id=made.id, raw=raw
        )
    )
    return view.id


def test_it_works(town: Town) -> None:
    made = appeal(town, held(town))
    first = attach(town, made, picture(place=True))
    assert attach(town, made, picture(place=True)) == first  # sent twice: kept once
    attach(town, made, PDF)

    (view,) = town.wallet(town.members[0]).appeals
    assert sorted(one.media for one in view.attachments) == ["application/pdf", "image/jpeg"]
    file = read(town, made.id)
    assert [one.id for one in file.attachments] == [one.id for one in view.attachments]
    seen = town.store.write(
        lambda tx: service.read_attachment(
            tx, town.moment, town.house, ANNA, appeal_id=made.id, attachment_id=first
        )
    )
    with town.store.read() as tx:
        own = service.own_attachment(tx, town.house, subject_id=town.members[0], attachment_id=first)
        sealed = b"".join(bytes(row[0]) for row in tx.all("SELECT sealed FROM appeal_attachment"))
    assert seen == own
    assert Image.open(BytesIO(own.body)).size == (60, 40)
    assert own.body[:8] not in sealed
    assert len(town.wallet(town.members[0]).looks) == 2  # the appeal and the attachment


def test_a_picture_keeps_nothing_hidden() -> None:
    raw = picture(place=True)
    assert b"planted camera" in raw
    clean = checked(raw).body
    assert b"planted camera" not in clean
    assert not Image.open(BytesIO(clean)).getexif()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "ATTACHMENT_EMPTY"),
        (b"<script>alert(1)</script>", "ATTACHMENT_NOT_A_PICTURE"),
        (b"GIF89a" + bytes(50), "ATTACHMENT_NOT_A_PICTURE"),
        (b"MZ" + bytes(200), "ATTACHMENT_NOT_A_PICTURE"),
        (picture()[:200], "ATTACHMENT_NOT_A_PICTURE"),
        (picture() + bytes(MAX_SIZE), "ATTACHMENT_TOO_LARGE"),
        (PDF[:-8], "ATTACHMENT_CUT"),
        (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript>>"), "ATTACHMENT_ACTIVE"),
    ],
)
def test_what_is_no_picture_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked(raw)
    assert refused.value.code == code


def test_a_bomb_is_refused_before_it_is_drawn() -> None:
    with pytest.raises(Refusal):
        checked(picture("PNG", (9000, 9000)))


@given(st.binary(max_size=300), st.sampled_from([b"", b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]))
def test_any_bytes_are_taken_whole_or_refused_by_name(tail: bytes, head: bytes) -> None:
    with suppress(Refusal):  # any other fault fails the test
        checked(head + tail)


def test_only_to_ones_own_open_appeal_and_only_three(town: Town) -> None:
    made = appeal(town, held(town))
    with pytest.raises(NotFound):
        attach(town, made, PDF, whom=1)
    for n in range(3):
        attach(town, made, picture("PNG", (10 + n, 10)))
    with pytest.raises(Conflict):
        attach(town, made, picture("PNG", (99, 10)))
    decide(town, made.id, "upheld", "FACTS_STAND", BEN)
    with pytest.raises(Conflict):
        attach(town, made, PDF)


def test_another_reviewer_and_another_person_read_nothing(town: Town) -> None:
    made = appeal(town, held(town))
    one = attach(town, made, PDF)
    read(town, made.id, ANNA)
    for staff in (BEN, Staff("STAFF-C", "C", "case-worker")):
        with pytest.raises(NotAllowed):
            town.store.write(
                lambda tx, staff=staff: service.read_attachment(
                    tx, town.moment, town.house, staff, appeal_id=made.id, attachment_id=one
                )
            )
    with town.store.read() as tx, pytest.raises(NotFound):
        service.own_attachment(tx, town.house, subject_id=town.members[1], attachment_id=one)


def test_a_reviewer_who_does_not_answer_lets_go_at_four_fifths(town: Town) -> None:
    made = appeal(town, held(town))
    read(town, made.id, ANNA)
    with pytest.raises(NotAllowed):
        read(town, made.id, BEN)
    town.after(hours=20).sweep()
    assert read(town, made.id, BEN).line.reviewer == BEN.id
