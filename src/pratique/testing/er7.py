"""HL7 v2 in its pipe form (ER7): bytes in, segments and fields out, nothing stored, nothing guessed.

Promises: every line ending (CR, LF, CRLF), a leading BOM, blank lines and garbage after the last segment are read;
text is decoded before it is split, because second bytes of GB 18030 can equal a delimiter; a refusal names segment
and field; sizes are capped. Segments and fields are split only when somebody asks for them.
Must not know what a tube, a campaign or a laboratory is.
"""

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pratique.core.errors import Refusal
from pratique.core.text import Text

MAX_MESSAGE = 1 << 20
MAX_SEGMENTS = 10_000
MAX_FIELD = 64 << 10
MAX_BATCH = 5_000

BLANK = b" \t\r\n\x0b\x00\x1c\x1a"  # what may stand around a message
DELETE = '""'  # the two quotes that mean "delete the value"; an empty field means "no change"

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHARSETS = {
    "ASCII": "utf-8",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/5": "iso8859-5",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "GB18030-2000": "gb18030",
    "GB 18030": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
}


class Unreadable(Refusal):
    """A message that is refused. `answer` is `R` (the frame cannot be used) or `E` (understood and refused);
    `code` is of HL7 table 0357; `field` reads `OBX[2]/5`, and `PID`, a whole segment, or `message`."""

    def __init__(self, answer: str, code: str, field: str, text: Text) -> None:
        super().__init__(code, field, text)
        self.answer = answer


def location(field: str) -> str:
    """ERR-2 for a field such as `OBX[2]/5`: segment^sequence^field; empty where no segment is meant."""
    found = re.fullmatch(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:/(\d+))?", field)
    return "^".join([found[1], found[2] or "1", found[3] or ""]).rstrip("^") if found else ""


def refuse(code: str, field: str, en: str, zh: str, answer: str = "E") -> Unreadable:
    """An `Unreadable` with both texts; `answer` is R or E."""
    return Unreadable(answer, code, field, Text(en, zh))


class Delimiters(NamedTuple):
    """MSH-1 and MSH-2, four or five characters; `truncation` is empty where there are four."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str = ""


class Segment:
    """One line. `number` counts segments of the same name from 1."""

    __slots__ = ("_fields", "_line", "delimiters", "encoding", "name", "number")

    def __init__(self, name: str, number: int, line: str, delimiters: Delimiters, encoding: str) -> None:
        self.name = name
        self.number = number
        self.delimiters = delimiters
        self.encoding = encoding
        self._line = line
        self._fields: list[str] | None = None

    def where(self, field: int) -> str:
        """`OBX[2]/5`, or `MSH/10` for what occurs once."""
        return f"{self.name}/{field}" if self.name == "MSH" else f"{self.name}[{self.number}]/{field}"

    def fields(self) -> list[str]:
        """All fields as sent, the name in front; MSH-1 is the separator. Raises Unreadable for one over 64 KiB."""
        fields = self._fields
        if fields is None:
            fields = self._line.split(self.delimiters.field)
            if self.name == "MSH":
                fields.insert(1, self.delimiters.field)
            if len(self._line) > MAX_FIELD:
                for n, value in enumerate(fields):
                    if len(value) > MAX_FIELD:
                        raise refuse(
                            "102", self.where(n), "the field is longer than 64 KiB", "字段超过 64 KiB", "R"
                        )
            self._fields = fields
        return fields

    def raw(self, field: int) -> str:
        """The field as sent, or an empty string. Numbers count from 1; MSH-1 is the separator."""
        fields = self._fields or self.fields()
        return fields[field] if field < len(fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """The repeats of a field as sent; none if the field is empty."""
        value = self.raw(field)
        if not value:
            return []
        mark = self.delimiters.repetition
        return value.split(mark) if mark and mark in value else [value]

    def part(self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """One subcomponent, unescaped; empty if absent. `""` (delete) comes out as empty too."""
        fields = self._fields or self.fields()
        value = fields[field] if field < len(fields) else ""
        if not value or value.isalnum():  # no delimiter is a letter or a digit
            return value if component == subcomponent == repetition == 1 else ""
        marks = self.delimiters
        if component == subcomponent == repetition == 1:
            value = value.partition(marks.repetition)[0].partition(marks.component)[0]
            value = value.partition(marks.subcomponent)[0]
        else:
            value = _nth(_nth(value, marks.repetition, repetition), marks.component, component)
            value = _nth(value, marks.subcomponent, subcomponent)
        return _unquoted(self.unescape(value)) if marks.escape in value or value == DELETE else value

    def text(self, field: int) -> str:
        """The whole field, unescaped, delimiters of components left as sent."""
        return _unquoted(self.unescape(self.raw(field)))

    def unescape(self, value: str) -> str:
        """HL7 v2.5.1 section 2.7; an unknown escape stays as it was sent."""
        mark = self.delimiters.escape
        if not mark or mark not in value:
            return value
        parts = value.split(mark)
        out, n = [parts[0]], 1
        while n < len(parts):
            meant = self._meaning(parts[n]) if n + 1 < len(parts) else None
            if meant is None:
                out.append(mark + parts[n])
                n += 1
            else:
                out.append(meant + parts[n + 1])
                n += 2
        return "".join(out)

    def _meaning(self, code: str) -> str | None:
        d = self.delimiters
        plain = {"F": d.field, "S": d.component, "T": d.subcomponent, "R": d.repetition, "E": d.escape}
        if code in plain:
            return plain[code]
        if code == "P":
            return d.truncation or "#"
        if code == ".br":
            return "\n"
        if code[:1] == "X" and len(code) > 1:
            try:
                return bytes.fromhex(code[1:]).decode(self.encoding)
            except (ValueError, UnicodeDecodeError):
                return None
        return None


def _nth(value: str, mark: str, wanted: int) -> str:
    parts = value.split(mark, wanted)
    return parts[wanted - 1] if wanted <= len(parts) else ""


def _unquoted(value: str) -> str:
    return "" if value == DELETE else value


class Message:
    """One decoded message. `segments` come in the order sent; `raw` are the bytes as received."""

    __slots__ = ("delimiters", "encoding", "raw", "segments")

    def __init__(self, raw: bytes, segments: list[Segment], delimiters: Delimiters, encoding: str) -> None:
        self.raw = raw
        self.segments = segments
        self.delimiters = delimiters
        self.encoding = encoding

    @property
    def msh(self) -> Segment:
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """All segments of that name."""
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)


def read(raw: bytes, charset: str = "") -> Message:
    """One message (MSH first). `charset` is what the laboratory's profile says; it wins over MSH-18.

    Raises Unreadable.
    """
    if len(raw) > MAX_MESSAGE:
        raise refuse("207", "message", "the message is larger than 1 MiB", "消息超过 1 MiB", "R")
    raw = _tidy(raw)
    head = _first_line(raw)
    if head[:3] != b"MSH" or len(head) < 8:
        raise refuse(
            "100", "MSH", "the message does not begin with an MSH segment", "消息不是以 MSH 段开头", "R"
        )
    encoding = _CHARSETS.get(charset.upper(), "") or _declared(head)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise refuse(
            "102", "MSH/18", f"the bytes are not {encoding}, which this field (or its absence) declares",
            f"字节内容与本字段声明的编码 {encoding} 不符，请按声明的编码发送",
        ) from None  # fmt: skip
    separator = text[3]
    marks = text[4:12].partition("\r")[0].partition("\n")[0].partition(separator)[0]
    delimiters = _delimiters(separator, marks)
    return Message(raw, _segments(text, delimiters, encoding), delimiters, encoding)


def control_id(raw: bytes) -> str:
    """MSH-10 of a message that cannot be read otherwise, so that its sender knows which one is meant; or nothing."""
    head = _first_line(_tidy(raw[:4096]))
    fields = head.split(head[3:4]) if head[:3] == b"MSH" and len(head) > 3 else []
    found = fields[9] if len(fields) > 9 else b""
    return found.decode() if re.fullmatch(rb"[A-Za-z0-9._:-]{1,64}", found) else ""


def _first_line(raw: bytes) -> bytes:
    end = raw.find(b"\r")
    line = raw[:end] if end >= 0 else raw
    return line.partition(b"\n")[0]


def _tidy(raw: bytes) -> bytes:
    for bom in _BOMS if raw[:1] in b"\xef\xff\xfe" else ():
        if raw.startswith(bom):
            raw = (
                raw.removeprefix(bom) if bom == codecs.BOM_UTF8 else raw.decode("utf-16", "replace").encode()
            )
            break
    return raw.strip(BLANK)


def _declared(head: bytes) -> str:
    """The codec that MSH-18 names. GB 18030 is looked for in the whole line: its bytes may hide a separator."""
    if b"GB" in head and re.search(rb"GB ?18030|GBK|GB2312", head):
        return "gb18030"
    fields = head.split(head[3:4])
    sent = fields[17] if len(fields) > 17 else b""
    name = sent.split(fields[1][1:2] or b"~")[0].decode("ascii", "replace").strip().upper()
    if not name:
        return "utf-8"  # ASCII is the standard's default; UTF-8 holds it, and other bytes are refused, not guessed
    if name not in _CHARSETS:
        raise refuse(
            "103", "MSH/18", "this character set is not read here; send UTF-8 or GB 18030",
            "不支持此字符集，请使用 UTF-8 或 GB 18030", "R",
        )  # fmt: skip
    return _CHARSETS[name]


@lru_cache(maxsize=64)
def _delimiters(separator: str, marks: str) -> Delimiters:
    used = separator + marks
    if len(marks) not in (4, 5) or len(set(used)) != len(used) or any(c.isalnum() or c < " " for c in used):
        raise refuse(
            "102",
            "MSH/2",
            "the delimiters are not four or five different signs",
            "分隔符应为四个或五个不同的符号",
            "R",
        )
    return Delimiters(separator, *marks)


def _segments(text: str, delimiters: Delimiters, encoding: str) -> list[Segment]:
    lines = (text.replace("\n", "\r") if "\n" in text else text).split("\r")
    if len(lines) > MAX_SEGMENTS:
        lines = [line for line in lines if line]
        if len(lines) > MAX_SEGMENTS:
            raise refuse("207", "message", "more than 10,000 segments", "消息超过 10000 段", "R")
    found: list[Segment] = []
    counts: dict[str, int] = {}
    loose: list[str] = []
    mark = delimiters.field
    seen, add = counts.get, found.append
    for line in lines:
        name = line[:3]
        if (line[3:4] == mark or len(line) == 3) and _is_name(name):
            if loose and found:
                _continue(found, loose)
                loose = []
            counts[name] = n = seen(name, 0) + 1
            add(Segment(name, n, line, delimiters, encoding))
        elif line.strip():
            loose.append(line)
    return found


@lru_cache(maxsize=512)
def _is_name(name: str) -> bool:
    """Three letters or digits, the first a letter, as every segment is called."""
    return _SEGMENT.fullmatch(name) is not None


def _continue(found: list[Segment], loose: list[str]) -> None:
    """Free text with line breaks of its own, between two segments, belongs to the field before it."""
    last = found[-1]
    found[-1] = Segment(
        last.name, last.number, "\n".join([last._line, *loose]), last.delimiters, last.encoding
    )


class Batch(NamedTuple):
    """What one file or frame held: raw messages in order, what BTS-1 said their number was, and BHS-11 (or FHS-11),
    the batch's own id."""

    messages: list[bytes]
    is_batch: bool
    declared: int | None
    key: str


_START = re.compile(rb"(?:\A|(?<=[\r\n]))(?=(?:MSH|FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\r\n]|[\r\n]|\Z))")


def split_batch(raw: bytes) -> Batch:
    """The messages of FHS BHS … BTS FTS, or of a file with one or more bare messages.

    CR and LF never occur inside a character of UTF-8, ISO 8859 or GB 18030, so lines are safe to find in bytes.
    Raises Unreadable for more than 5,000 messages or none.
    """
    tidy = _tidy(raw)
    if (
        tidy[:3] == b"MSH"
        and tidy.find(b"\rMSH", 4) < 0
        and tidy.find(b"\nMSH", 4) < 0
        and b"BTS" not in tidy
    ):
        return Batch([raw], False, None, "")
    starts = [found.start() for found in _START.finditer(tidy)] + [len(tidy)]
    messages: list[bytes] = []
    declared, is_batch, key = None, False, ""
    for start, end in pairwise(starts):
        name = tidy[start : start + 3]
        if name == b"MSH":
            messages.append(tidy[start:end])
            continue
        is_batch = True
        if name == b"BTS":
            number = re.match(rb"\d+", tidy[start + 4 : end])
            declared = int(number[0][:9]) if number else None
        elif name in (b"FHS", b"BHS"):
            fields = tidy[start:end].split(tidy[start + 3 : start + 4] or b"|")
            key = fields[10].decode("ascii", "replace").strip() if len(fields) > 10 else key
    if len(messages) > MAX_BATCH:
        raise refuse("207", "BTS/1", "more than 5,000 messages in one batch", "一批消息超过 5000 条", "R")
    if not messages:
        raise refuse("100", "MSH", "there is no MSH segment", "没有 MSH 段", "R")
    return Batch(messages, is_batch, declared, key)


def every(raw: bytes, charset: str = "") -> Iterator[Message | Unreadable]:
    """Each message of a file, judged alone."""
    try:
        batch = split_batch(raw)
    except Unreadable as refusal:
        yield refusal
        return
    for one in batch.messages:
        try:
            yield read(one, charset)
        except Unreadable as refusal:
            yield refusal
