"""Real laboratory files, read as `pratique lab read` reads them, compared with what must be found (fields.jsonl).

A message passes when specimen, placer, code, value, status and times that are present there come out equal, after
unescaping and component split. The expected side is split here by hand, not by the parser under test. Messages
without a result print nothing and are skipped; a refusal counts as failed where something could have been read.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pratique.testing import er7
from pratique.testing.reading import Line, Refused, read_file

Row = tuple[str, int, int, int, list[str]]
Judge = Callable[[list[Line], dict[str, Any]], str | None]
CODED = ("CWE", "CE", "CNE", "CF", "IS", "ID", "CX")
ESCAPES = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}


def run(data: Path) -> Iterable[Row]:
    """One row a format, and one for the raw fields of every HL7 segment."""
    folder = data / "testing"
    listed = [json.loads(line) for line in (folder / "fields.jsonl").read_text(encoding="utf-8").splitlines()]
    for name, kinds, entries, judge in (
        ("HL7 v2 results", ("hl7v2",), "messages", _hl7),
        ("FHIR results", ("fhir", "json", "ndjson"), "docs", _fhir),
    ):
        yield _score(name, folder, [x for x in listed if x["kind"] in kinds], entries, judge)
    yield _tables(folder, [x for x in listed if x["kind"] == "csv"])
    yield _raw_fields(folder, [x for x in listed if x["kind"] == "hl7v2"])


def _score(name: str, folder: Path, listed: list[dict[str, Any]], entries: str, judge: Judge) -> Row:
    passed = failed = skipped = 0
    lines: list[str] = []
    for item in listed:
        found: dict[int, list[Line]] = {}
        try:
            for line in read_file(item["file"], (folder / item["file"]).read_bytes()):
                found.setdefault(line.message, []).append(line)
        except Exception as fault:
            failed += len(item[entries])
            lines.append(f"{item['file']}: crashed with {type(fault).__name__}: {fault}")
            continue
        for number, entry in enumerate(item[entries], 1):
            wrong = judge(found.get(number, []), entry)
            passed, skipped = passed + (wrong == ""), skipped + (wrong is None)
            if wrong:
                failed += 1
                lines.append(f"{item['file']} message {number}: {wrong}")
    return name, passed, failed, skipped, lines


def _hl7(got: list[Line], message: dict[str, Any]) -> str | None:
    """ "" if all is equal, what differs, or None where there is nothing to compare."""
    wanted = message.get("OBX", [])
    if not wanted:
        return f"unexpected: {got[0]}" if got else None
    if any(isinstance(line, Refused) for line in got):
        return f"refused: {got[0]}"
    if len(got) != len(wanted):
        return f"{len(got)} results, expected {len(wanted)}"
    named = {key: {_part(s, n) for s in message.get(seg, [])} - {""} for key, seg, n in (
        ("specimen", "SPM", "2"), ("placer", "OBR", "2"), ("reported", "OBR", "22"), ("collected", "SPM", "17"),
    )}  # fmt: skip
    named["placer"] |= {_part(s, "2") for s in message.get("ORC", [])} - {""}
    status = {_part(s, "25") for s in message.get("OBR", [])}
    for n, (line, obx) in enumerate(zip(got, wanted, strict=True), 1):
        assert not isinstance(line, Refused)
        for field, want in (("loinc", _part(obx, "3")), ("value", _value(obx)), ("status", _part(obx, "11"))):
            if want and getattr(line, field) != want:
                return f"OBX[{n}] {field} is {getattr(line, field)!r}, expected {want!r}"
        if not obx.get("11") and (line.status or "") not in status | {""}:
            return f"OBX[{n}] status {line.status!r} is not one of OBR-25"
        named_here = named | {"collected": named["collected"] or {_part(obx, "14")} - {""}}
        for field, any_of in named_here.items():
            value = getattr(line, field)
            if len(any_of) == 1 and value not in any_of:
                return f"OBX[{n}] {field} is {value!r}, expected {any_of}"
            if len(any_of) > 1 and value is not None and value not in any_of:
                return f"OBX[{n}] {field} is {value!r}, none of {sorted(any_of)}"
    return ""


def _part(segment: dict[str, str], field: str) -> str:
    return _plain(segment.get(field, "").split("~")[0].split("^")[0].split("&")[0])


def _value(obx: dict[str, str]) -> str:
    if obx.get("2", "CWE") in CODED:
        return _part(obx, "5")
    return _plain(obx.get("5", ""))


def _plain(text: str) -> str:
    for name, sign in ESCAPES.items():
        text = text.replace(f"\\{name}\\", sign)
    return text.replace("\\.br\\", "\n")


def _fhir(got: list[Line], document: dict[str, Any]) -> str | None:
    wanted = document["observations"]
    if not wanted:
        return None if not got or isinstance(got[0], Refused) else f"unexpected: {got[0]}"
    if len(got) != len(wanted):
        return f"{len(got)} results, expected {len(wanted)}"
    specimens = {name for names in document["specimens"] for name in names}
    issued = {report["issued"] for report in document["reports"] if report.get("issued")}
    for n, (line, want) in enumerate(zip(got, wanted, strict=True), 1):
        if isinstance(line, Refused):
            return line.refused
        code, value = want["code"] or [], want["value"]
        known = [str(v) for v in (value if isinstance(value, list) else [value])]
        if any(code) and line.loinc not in code:
            return f"Observation {n} code is {line.loinc!r}, expected {code}"
        if value is not None and line.value not in known:
            return f"Observation {n} value is {line.value!r}, expected {known}"
        if line.status != want["status"]:
            return f"Observation {n} status is {line.status!r}"
        for field, any_of in (("specimen", specimens), ("reported", issued)):
            said = getattr(line, field)
            if (said is None and len(any_of) == 1) or (said is not None and any_of and said not in any_of):
                return f"Observation {n} {field} is {said!r}, expected {sorted(any_of)}"
    return ""


def _tables(folder: Path, listed: list[dict[str, Any]]) -> Row:
    passed, lines = 0, []
    for item in listed:
        got = list(read_file(item["file"], (folder / item["file"]).read_bytes()))
        unnamed = [
            line.refused for line in got if isinstance(line, Refused) and not line.refused.startswith("row ")
        ]
        if len(got) != item["nonblank_rows_after_header"] or unnamed:
            lines.append(
                f"{item['file']}: {len(got)} rows of {item['nonblank_rows_after_header']} {unnamed[:1]}"
            )
        else:
            passed += 1
    return "CSV rows accepted + refused", passed, len(lines), 0, lines


def _raw_fields(folder: Path, listed: list[dict[str, Any]]) -> Row:
    """Every non-empty field of MSH, ORC, OBR, OBX and SPM as it was sent."""
    passed, failed, lines = 0, 0, []
    for item in listed:
        messages = list(er7.every((folder / item["file"]).read_bytes()))
        if len(messages) != len(item["messages"]):
            failed += 1
            lines.append(f"{item['file']}: {len(messages)} messages, expected {len(item['messages'])}")
        for message, entry in zip(messages, item["messages"], strict=False):
            wrong = "" if isinstance(message, er7.Message) else str(message)
            if isinstance(message, er7.Message):
                rows = [("MSH", [message.msh], [entry["MSH"]])]
                rows += [(n, message.all(n), entry.get(n, [])) for n in ("ORC", "OBR", "OBX", "SPM")]
                for name, got, wanted in rows:
                    if len(got) != len(wanted):
                        wrong = f"{len(got)} {name}, expected {len(wanted)}"
                    for segment, fields in zip(got, wanted, strict=False):
                        wrong = wrong or next(
                            (f"{name}-{k}" for k, v in fields.items() if segment.raw(int(k)) != v), ""
                        )
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                lines.append(f"{item['file']}: {wrong}")
    return "HL7 v2 raw fields", passed, failed, 0, lines
