"""ORU^R01: from segments to results. Two readings of the same message.

`readings` gives the texts as sent, for `pratique lab read`. `incoming` gives one tube's results for intake, checked
field by field, stripped of everything that may be personal. Pure; raises Unreadable naming segment and field.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pratique.testing import codes
from pratique.testing.er7 import Message, Segment, refuse
from pratique.testing.model import Incoming, Lab, Observed, Reading, Sender, Status
from pratique.testing.times import read_hl7

CODED = frozenset({"CWE", "CE", "CNE", "CF", "IS", "ID", "CX", ""})

# What may be stored of a message. PID, PD1, NK1, PV1, PV2, IN1 and NTE are not here, nor anything unknown.
_KEPT = {
    "MSH": tuple(range(1, 22)),
    "ORC": (1, 2, 3, 4),
    "OBR": (1, 2, 3, 4, 7, 22, 25),
    "OBX": (1, 2, 3, 4, 5, 11, 14, 18, 19),
    "SPM": (1, 2, 3, 4, 11, 13, 17, 18, 21),
}
MOST_PARENTS = 100
_CODE = re.compile(r"[A-Z0-9._-]{1,40}")


class _Group(NamedTuple):
    """OBR with what belongs to it: the ORC before, the OBX and SPM after."""

    orc: Segment | None
    obr: Segment | None
    obx: list[Segment]
    spm: list[Segment]


def groups(message: Message) -> Iterator[_Group]:
    """The order observations of a message. OBX or SPM before any OBR make a group without one.

    An ORC belongs to the OBR that follows it; with no OBR after it, to the group it stands in.
    """
    orc: Segment | None = None
    now = _Group(None, None, [], [])
    for segment in message.segments:
        if segment.name == "ORC":
            orc = segment
        elif segment.name == "OBR":
            if now.obr is not None or now.obx or now.spm:
                yield now
            now, orc = _Group(orc, segment, [], []), None
        elif segment.name == "OBX":
            now.obx.append(segment)
        elif segment.name == "SPM":
            now.spm.append(segment)
    if now.orc is None and orc is not None:
        now = now._replace(orc=orc)
    if now.obr is not None or now.obx or now.spm or now.orc is not None:
        yield now


# What a file holds


def readings(message: Message) -> list[Reading]:
    """One reading an OBX, in order, texts unescaped but otherwise as sent.

    An order that names no specimen or placer of its own speaks of the only one the message knows.
    """
    found = list(groups(message))
    specimens = [segment for group in found for segment in group.spm]
    only = specimens[0] if len({segment.part(2) for segment in specimens}) == 1 else None
    placers = {_placer(group) for group in found} - {""}
    only_placer = placers.pop() if len(placers) == 1 else ""
    made = []
    for group in found:
        spm = group.spm[0] if group.spm else only
        ct = next((obx.text(5) for obx in group.obx if obx.part(3) in codes.CT), None)
        for obx in group.obx:
            made.append(_reading(group.obr, obx, spm, _placer(group) or only_placer, ct))
    return made


def _placer(group: _Group) -> str:
    return (group.obr.part(2) if group.obr else "") or (group.orc.part(2) if group.orc else "")


def _reading(obr: Segment | None, obx: Segment, spm: Segment | None, placer: str, ct: str | None) -> Reading:
    return Reading(
        specimen=(spm.part(2) if spm else "") or None,
        placer=placer or None,
        loinc=obx.part(3) or None,
        value=value_of(obx) or None,
        status=obx.part(11) or (obr.part(25) if obr else "") or None,
        collected=(spm.part(17) if spm else "") or obx.part(14) or (obr.part(7) if obr else "") or None,
        reported=(obr.part(22) if obr else "") or None,
        ct=ct or None,
    )


def value_of(obx: Segment) -> str:
    """OBX-5.1 where it is coded (or, without a code, its text), the whole text elsewhere."""
    if obx.part(2) in CODED:
        return obx.part(5) or obx.part(5, 2) or obx.part(5, 9)
    return obx.text(5)


# What may be taken in


def sender_of(message: Message) -> Sender:
    """The idempotency key and the laboratory's name. Raises Unreadable for a message without a control id."""
    msh = message.msh
    if not (control_id := msh.text(10)):
        raise refuse("101", "MSH/10", "the control id is missing; without it a repeat cannot be told from news",
                     "缺少消息控制编号，无法区分重发与新消息", "R")  # fmt: skip
    return Sender(msh.text(3), msh.text(4), msh.part(4), msh.part(4, 2), control_id)


def check_type(message: Message) -> None:
    """Only ORU^R01, with or without the structure part. Raises Unreadable."""
    if (message.msh.part(9), message.msh.part(9, 2)) != ("ORU", "R01"):
        raise refuse("200", "MSH/9", "only ORU^R01 is taken here", "此处仅接收 ORU^R01 消息", "R")


def incoming(message: Message, lab: Lab, batch_key: str = "") -> Incoming:
    """The one tube this message is about and its results.

    The tube is SPM-2, else OBR-2, else ORC-2, else (where the laboratory's profile says so) OBR-3 or ORC-3;
    never PID-3. Raises Unreadable with answer E.
    """
    zone = ZoneInfo(lab.zone)
    found = list(groups(message))
    code = _tube_code(found, lab)
    message_at = _time(message.msh, 7, zone, "101")
    assert message_at is not None  # noqa: S101 - a missing MSH-7 was refused with 101
    tests = [list(_tests(group)) for group in found]
    observed = [
        one
        for group, some in zip(found, tests, strict=True)
        for one in _observed(group, some, zone, message_at)
    ]
    if not observed:
        raise refuse("101", "OBX[1]/3", "there is no test result in this message", "消息中没有检测结果")
    spm = next((segment for group in found for segment in group.spm), None)
    instrument = next((obx.part(18) for some in tests for obx, _ in some if obx.raw(18)), "")
    return Incoming(
        sender=sender_of(message), code=code, message_at=message_at, observed=tuple(observed),
        people=_people(spm), reject=spm.part(21) if spm else "",
        run_key=f"batch:{batch_key}" if batch_key else f"instrument:{instrument}" if instrument else "",
        named=looks_named(message, code), kept=_kept(message, {obx.number for some in tests for obx, _ in some}),
        parents=_parents(spm),
    )  # fmt: skip


def _tube_code(found: list[_Group], lab: Lab) -> str:
    named: list[tuple[Segment, int]] = [(spm, 2) for group in found for spm in group.spm]
    places = [(2, "obr"), (2, "orc"), *([(3, "obr"), (3, "orc")] if lab.filler_is_tube else [])]
    for field, which in places:
        for group in found:
            segment = group.obr if which == "obr" else group.orc
            if segment is not None:
                named.append((segment, field))
    tubes = [
        (code, segment, field) for segment, field in named if (code := segment.part(field).strip().upper())
    ]
    if not tubes:
        raise refuse(
            "101", "SPM[1]/2", "no tube code in SPM-2, OBR-2 or ORC-2", "SPM-2、OBR-2、ORC-2 中均无采样管编号"
        )
    first, segment, field = tubes[0]
    for code, other, number in tubes[1:]:
        if other.name == segment.name and number == field and code != first:
            raise refuse("102", other.where(number), "a second tube in one message; send one message a tube",
                         "一条消息含两个采样管，请每管发送一条")  # fmt: skip
    if not _CODE.fullmatch(first):
        raise refuse("102", segment.where(field), "a tube code is at most 40 letters, digits or hyphens",
                     "采样管编号为最多 40 位字母、数字或连字符")  # fmt: skip
    return first


def _tests(group: _Group) -> Iterator[tuple[Segment, str]]:
    """The OBX that say something about the tube, with their LOINC: results and Ct values. Questionnaire answers,
    ages and dates are read past and never kept."""
    for obx in group.obx:
        loinc = obx.part(3)
        if loinc in codes.ANALYTES or loinc in codes.CT or _is_result(obx):
            yield obx, loinc


def _is_result(obx: Segment) -> bool:
    """An analyte our tables do not name, with a result that they do: refused later by its code, not overlooked."""
    return codes.meaning_of(obx.part(5)) is not None and obx.part(2) in CODED


def _observed(
    group: _Group, tests: list[tuple[Segment, str]], zone: ZoneInfo, message_at: datetime
) -> Iterator[Observed]:
    obr = group.obr
    reported = _time(obr, 22, zone) if obr else None
    cts = [found for obx, loinc in tests if loinc in codes.CT and (found := _ct(obx)) is not None]
    for obx, loinc in tests:
        if loinc in codes.CT:
            continue
        status = _status(obx, obr)
        value = value_of(obx)
        meaning = codes.meaning_of(value)
        if meaning is None and status not in ("X", "D"):
            raise refuse(
                "103",
                obx.where(5),
                "this result code is not in the table of results",
                "结果代码不在结果代码表中",
            )
        said = meaning.outcome if meaning else "unusable"
        yield Observed(
            analyte=loinc,
            outcome="withdrawn" if status == "D" else "unusable" if status == "X" else said,
            sent_code=value[:80],
            pooled_code=meaning.pooled if meaning else False,
            status=status,
            reported_at=reported or message_at,
            tested_at=_time(obx, 14, zone),
            analysed_at=_time(obx, 19, zone),
            ct_milli=cts[0] if cts else None,
            ct2_milli=cts[1] if len(cts) > 1 else None,
            where=obx.where(3),
        )  # fmt: skip


def _status(obx: Segment, obr: Segment | None) -> Status:
    sent, segment, field = obx.part(11), obx, 11
    if not sent and obr is not None:
        sent, segment, field = obr.part(25), obr, 25
    if sent not in codes.STATUS_HL7:
        raise refuse("103" if sent else "101", segment.where(field), "the result status is not P, F, C, X or D",
                     "结果状态不是 P、F、C、X 或 D")  # fmt: skip
    return codes.STATUS_HL7[sent]


def _ct(obx: Segment) -> int | None:
    if not obx.raw(5):
        return None
    try:
        value = float(obx.part(5) if obx.part(2) == "NM" else obx.part(5, 2) or obx.part(5))
    except ValueError:
        raise refuse("102", obx.where(5), "a Ct value is a number", "Ct 值应为数字") from None
    if not 0 <= value <= 100:
        raise refuse("102", obx.where(5), "a Ct value lies between 0 and 100", "Ct 值应在 0 到 100 之间")
    return round(value * 1000)


def _people(spm: Segment | None) -> int | None:
    if spm is None or not (sent := spm.part(13)):
        return None
    if not sent.isascii() or not sent.isdigit() or not 1 <= int(sent[:6]) <= 1000:
        raise refuse(
            "102", spm.where(13), "the grouped count is a whole number from 1", "混样人数应为不小于 1 的整数"
        )
    return int(sent)


def _parents(spm: Segment | None) -> tuple[str, ...]:
    """The separate tubes of a laboratory's own pool: SPM-3, where SPM-11 says `L` (HL7 table 0369)."""
    if spm is None or not spm.raw(3) or spm.part(11) not in codes.LAB_POOLS:
        return ()
    count = len(spm.repetitions(3))
    if count > MOST_PARENTS:
        raise refuse(
            "102", spm.where(3), f"more than {MOST_PARENTS} tubes in one pool", f"单池超过 {MOST_PARENTS} 管"
        )
    found = tuple(spm.part(3, repetition=n).strip().upper() for n in range(1, count + 1))
    if not all(_CODE.fullmatch(code) for code in found):
        raise refuse("102", spm.where(3), "a tube code is at most 40 letters, digits or hyphens",
                     "采样管编号为最多 40 位字母、数字或连字符")  # fmt: skip
    return tuple(dict.fromkeys(found))


def _time(segment: Segment, field: int, zone: ZoneInfo, missing: str = "") -> datetime | None:
    sent = segment.part(field)
    if not sent:
        if missing:
            raise refuse(missing, segment.where(field), "the time is missing", "缺少时间")
        return None
    try:
        return read_hl7(sent, zone).at
    except ValueError as fault:
        raise refuse("102", segment.where(field), str(fault), "时间格式应为 YYYYMMDDHHMMSS+ZZZZ") from None


# What may be kept


def looks_named(message: Message, code: str) -> bool:
    """True if PID-5, PID-9 or NK1-2 hold something that is neither a placeholder nor the tube code."""
    for segment in message.segments:
        fields = (5, 9) if segment.name == "PID" else (2,) if segment.name == "NK1" else ()
        for field in fields:
            for repetition in segment.repetitions(field):
                parts = segment.unescape(repetition).split(segment.delimiters.component or "^")
                if parts[0] == code:
                    continue
                if not codes.is_placeholder(parts[0]) or (not parts[0] and any(parts[1:3])):
                    return True
    return False


def kept(message: Message) -> bytes:
    """The message as it may be stored: only the fields intake needs, every other segment down to its name.

    Questionnaire answers (OBX outside the tables) go too: they are facts about a person. UTF-8, CR ends.
    """
    return _kept(message, {obx.number for obx in message.all("OBX") if _is_known(obx.part(3))})


def _is_known(loinc: str) -> bool:
    return loinc in codes.ANALYTES or loinc in codes.CT


def _kept(message: Message, tests: set[int]) -> bytes:
    mark = message.delimiters.field
    lines = []
    for segment in message.segments:
        name = segment.name
        fields = _KEPT.get(name)
        if fields is None or (name == "OBX" and segment.number not in tests):
            lines.append(name)
            continue
        sent = segment.fields()
        if name == "MSH":
            lines.append(mark.join([name, *sent[2:22]]))
            continue
        values = [name, *["" for _ in range(min(len(sent) - 1, fields[-1]))]]
        for n in fields:
            if n < len(sent):
                values[n] = sent[n]
        lines.append(mark.join(values).rstrip(mark))
    return ("\r".join(lines) + "\r").encode()
