"""HL7 v2 as it really comes: line ends, charsets, delimiters, escapes, batches, caps; and whatever bytes, no crash."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.testing import er7, oru
from pratique.testing.ack import escape
from pratique.testing.model import Lab
from pratique.testing.reading import Refused, Result, read_file

_LAB = Lab("0" * 26, "LAB", "2.999.1", "Asia/Shanghai", "", False, False, 60, False)
SAMPLE = (
    "MSH|^~\\&|LIS|LAB^2.999.1^ISO|PRATIQUE|HUB|20260105121500+0800||ORU^R01^ORU_R01|C1|P|2.5.1|||AL|NE||"
    "UNICODE UTF-8\r"
    "PID|1||T1||POOL\rORC|RE|T1\rOBR|1|T1^NS||94500-6^n^LN|||20260105|||||||||||||||20260105121500|||F\r"
    "OBX|1|CWE|94500-6^n^LN||260415000^Not \\T\\ detected^SCT|||N|||F|||20260105\rSPM|1|T1&NS^F2||x|||||||G||10\r"
)


def test_it_works() -> None:
    message = er7.read(SAMPLE.encode())

    assert message.msh.raw(1) == "|"
    assert message.msh.raw(2) == "^~\\&"
    assert message.msh.text(10) == "C1"
    (spm,) = message.all("SPM")
    assert (spm.part(2), spm.part(2, 1, 2), spm.part(2, 2)) == ("T1", "NS", "F2")
    assert spm.part(13) == "10"
    assert message.all("OBX")[0].part(5, 2) == "Not & detected"


@pytest.mark.parametrize("ends", ["\r", "\n", "\r\n", "\r\r", "\n\r\n"])
@pytest.mark.parametrize("before", ["", "\ufeff", "\r\n\r\n", "\x0b"])
@pytest.mark.parametrize("after", ["", "\r\n\x1c\r", "\x00\x00", "\rtrailing garbage without a segment"])
def test_every_line_ending_is_read(ends: str, before: str, after: str) -> None:
    message = er7.read((before + SAMPLE.replace("\r", ends) + after).encode())

    assert [s.name for s in message.segments] == ["MSH", "PID", "ORC", "OBR", "OBX", "SPM"]
    assert message.all("SPM")[0].part(13) == "10"


def test_free_text_may_hold_line_breaks_of_its_own() -> None:
    text = SAMPLE.replace("Not \\T\\ detected^SCT", "first line\nsecond line")

    assert er7.read(text.encode()).all("OBX")[0].part(5, 2) == "first line\nsecond line"
    assert er7.read(text.encode()).all("SPM")[0].part(2) == "T1"


def test_five_delimiters_and_unusual_ones() -> None:
    five = er7.read(SAMPLE.replace("^~\\&", "^~\\&#").encode())
    assert five.delimiters.truncation == "#"
    assert five.all("SPM")[0].part(2) == "T1"

    odd = SAMPLE.translate(str.maketrans("|^~\\&", "!*+?%"))
    message = er7.read(odd.encode())
    assert message.delimiters[:5] == ("!", "*", "+", "?", "%")
    assert message.all("SPM")[0].part(2, 1, 2) == "NS"


@pytest.mark.parametrize("marks", ["^^\\&", "^~\\&#!", "a~\\&", "^~|&"])
def test_delimiters_that_cannot_be_are_refused(marks: str) -> None:
    with pytest.raises(er7.Unreadable) as refusal:
        er7.read(SAMPLE.replace("^~\\&", marks).encode())
    assert refusal.value.field in ("MSH/2", "MSH/18")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("\\F\\", "|"), ("\\S\\", "^"), ("\\T\\", "&"), ("\\R\\", "~"), ("\\E\\", "\\"), ("\\P\\", "#"),
        ("a\\.br\\b", "a\nb"), ("\\X41\\", "A"), ("\\XC3A9\\", "é"), ("\\XZZ\\", "\\XZZ\\"), ("\\Q9\\", "\\Q9\\"),
        ("\\XFF\\", "\\XFF\\"), ("C:\\dir", "C:\\dir"), ("\\F\\\\F\\", "||"), ("\\", "\\"),
        ("a\\b\\c\\F\\", "a\\b\\c|"),
    ],
)  # fmt: skip
def test_escapes(sent: str, meant: str) -> None:
    message = er7.read(SAMPLE.encode())

    assert message.msh.unescape(sent) == meant


@given(st.text(max_size=40))
def test_escaping_and_reading_gives_the_text_back(text: str) -> None:
    plain = text.replace("\r", " ").replace("\n", " ")
    assert er7.read(SAMPLE.encode()).msh.unescape(escape(plain)) == plain


def test_two_quotes_delete_and_nothing_changes_nothing() -> None:
    message = er7.read(SAMPLE.replace("|POOL", '|""').encode())

    assert message.all("PID")[0].raw(5) == er7.DELETE
    assert message.all("PID")[0].text(5) == ""


# 億 is 83 7C (|), 區 is 85 5E (^); 116 characters each for | ^ ~ and \ have such a second byte.
DELIMITER_BYTES = [
    bytes([first, second]).decode("gb18030")
    for first in range(0x81, 0xFE)
    for second in b"|^~\\"
    if len(bytes([first, second]).decode("gb18030", "ignore")) == 1
]


def test_gb18030_is_decoded_before_it_is_split() -> None:
    assert "億" in DELIMITER_BYTES
    assert "區" in DELIMITER_BYTES
    text = SAMPLE.replace("UNICODE UTF-8", "GB 18030-2000").replace("LIS", "億區檢驗")
    for n in range(0, len(DELIMITER_BYTES), 8):
        some = "".join(DELIMITER_BYTES[n : n + 8])
        message = er7.read(text.replace("Not \\T\\ detected", some).encode("gb18030"))
        assert message.all("OBX")[0].part(5, 2) == some
        assert message.msh.text(3) == "億區檢驗"
        assert message.all("SPM")[0].part(2) == "T1"


def test_bytes_that_are_not_what_they_say_are_refused_not_guessed() -> None:
    raw = SAMPLE.replace("POOL", "混采管").encode("gb18030")

    with pytest.raises(er7.Unreadable) as refusal:
        er7.read(raw)
    assert (refusal.value.field, refusal.value.answer) == ("MSH/18", "E")
    assert er7.control_id(raw) == "C1"
    assert (
        er7.read(raw, "GB 18030").all("PID")[0].text(5) == "混采管"
    )  # the laboratory's profile knows better


@pytest.mark.parametrize("name", ["UTF-8~UNICODE", "", "ASCII", "8859/1", "unicode utf-8"])
def test_charsets_that_occur(name: str) -> None:
    assert er7.read(SAMPLE.replace("UNICODE UTF-8", name).encode()).all("SPM")[0].part(2) == "T1"


def test_an_unknown_charset_is_refused() -> None:
    with pytest.raises(er7.Unreadable, match="MSH/18"):
        er7.read(SAMPLE.replace("UNICODE UTF-8", "KS X 1001").encode())


def test_batches_are_judged_message_by_message() -> None:
    other = SAMPLE.replace("|C1|", "|C2|")
    raw = (
        "FHS|^~\\&|LIS\rBHS|^~\\&|LIS|LAB|||20260105||||RUN7\r" + SAMPLE + other + "BTS|3\rFTS|1\r"
    ).encode()

    batch = er7.split_batch(raw)

    assert (len(batch.messages), batch.is_batch, batch.declared, batch.key) == (2, True, 3, "RUN7")
    assert [m.msh.text(10) for m in er7.every(raw) if isinstance(m, er7.Message)] == ["C1", "C2"]


def test_caps_are_refused_with_the_reason() -> None:
    head = SAMPLE.encode()
    with pytest.raises(er7.Unreadable, match="1 MiB"):
        er7.read(head + b"NTE|" + b"x" * er7.MAX_MESSAGE)
    with pytest.raises(er7.Unreadable, match="10,000"):
        er7.read(head + b"NTE|1\r" * 10_001)
    with pytest.raises(er7.Unreadable, match="64 KiB") as refusal:
        er7.read(head.replace(b"|POOL", b"|" + b"x" * (er7.MAX_FIELD + 1))).all("PID")[0].raw(5)
    assert refusal.value.field == "PID[1]/5"
    with pytest.raises(er7.Unreadable, match="5,000"):
        er7.split_batch(b"MSH|^~\\&|\r" * 5_001)


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("OBX[2]/5", "OBX^2^5"),
        ("MSH/10", "MSH^1^10"),
        ("PID", "PID^1"),
        ("message", ""),
        ("SPM[1]/2", "SPM^1^2"),
    ],
)
def test_places_become_err_2(field: str, place: str) -> None:
    assert er7.location(field) == place


def test_readings_are_the_texts_as_sent() -> None:
    (line,) = read_file("x.hl7", SAMPLE.encode())

    assert isinstance(line, Result)
    assert (line.specimen, line.placer, line.loinc, line.value, line.status) == (
        "T1",
        "T1",
        "94500-6",
        "260415000",
        "F",
    )
    assert (line.collected, line.reported, line.ct) == ("20260105", "20260105121500", None)


def test_a_message_without_results_prints_nothing() -> None:
    assert list(read_file("x.hl7", SAMPLE.split("OBX")[0].encode())) == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_it_crash(raw: bytes) -> None:
    for start in (b"", b"MSH|^~\\&|", b"BHS|^~\\&|\rMSH|"):
        for line in read_file("x", start + raw):
            assert isinstance(line, Refused | Result)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=6), st.integers(0, 12))
def test_no_mutation_makes_it_crash(at: int, put: bytes, cut: int) -> None:
    raw = SAMPLE.encode()
    for found in er7.every(raw[:at] + put + raw[at + cut :]):
        if isinstance(found, er7.Message):
            oru.readings(found)
            oru.kept(found)
            refusal = _refusal_of(found)
            assert refusal is None or (refusal.field and refusal.text.en)


def _refusal_of(message: er7.Message) -> er7.Unreadable | None:
    try:
        oru.sender_of(message)
        oru.incoming(message, _LAB)
    except er7.Unreadable as refusal:
        return refusal
    return None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("|260415000^", "|999^", "OBX[1]/5"),
        ("|F|||20260105\r", "|Q|||20260105\r", "OBX[1]/11"),
        ("|20260105\rSPM", "|2026-01-05\rSPM", "OBX[1]/14"),
        ("|20260105121500|||F", "|20261305121500|||F", "OBR[1]/22"),
        ("|G||10", "|G||ten", "SPM[1]/13"),
        ("SPM|1|T1&NS", "SPM|1|T 1&NS", "SPM[1]/2"),
        ("|20260105121500+0800||ORU", "|||ORU", "MSH/7"),
    ],
)
def test_every_refusal_names_segment_and_field(old: str, new: str, field: str) -> None:
    message = er7.read(SAMPLE.replace(old, new, 1).encode())

    with pytest.raises(er7.Unreadable) as refusal:
        oru.incoming(message, _LAB)
    assert refusal.value.field == field
    assert refusal.value.answer == "E"


def test_two_tubes_in_one_message_are_refused() -> None:
    message = er7.read((SAMPLE + "OBR|2|T2\rSPM|2|T2&NS\r").encode())

    with pytest.raises(er7.Unreadable, match=r"SPM\[2\]/2"):
        oru.incoming(message, _LAB)


def test_what_is_kept_holds_nothing_personal() -> None:
    text = SAMPLE.replace("|POOL", "|Canary^Ada||19700101|F").replace(
        "OBX|1|", "OBX|1|ST|30525-0^Age^LN||44 canary\rNTE|1||canary\rNK1|1|canary\rOBX|2|"
    )
    kept = oru.kept(er7.read(text.encode()))

    assert b"anary" not in kept
    assert b"44" not in kept
    assert er7.read(kept).all("SPM")[0].part(2) == "T1"
