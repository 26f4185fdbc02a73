"""FHIR R4 intake: one document, one tube. The counterpart of `oru.incoming` for laboratories that speak FHIR.

Pure. Raises Refusal with the element path and a code of HL7 table 0357. Nothing of the document is kept but its
hash and the results: `kept` is empty.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from pratique.testing import codes
from pratique.testing.fhir import (
    Document,
    Linked,
    Resource,
    code_of,
    identifiers,
    linked_rows,
    refuse,
    specimen_id,
    value_of,
)
from pratique.testing.model import Incoming, Lab, Observed, Outcome, Sender, Status
from pratique.testing.times import read_fhir


def incoming(document: Document, raw_hash: str, lab: Lab) -> Incoming:
    """The one tube of a document and its results. `raw_hash` keys a document that carries no identifier.

    Raises Refusal with the element path.
    """
    zone = ZoneInfo(lab.zone)
    rows = linked_rows(document)
    tests = [
        (n, r) for n, r in enumerate(rows)
        if code_of(r.observation) not in codes.CT
        and (code_of(r.observation) in codes.ANALYTES or codes.meaning_of(value_of(r.observation)))
    ]  # fmt: skip
    if not tests:
        raise refuse(
            "Observation.code", "there is no test result in this document", "文件中没有检测结果", "101"
        )
    tubes = {specimen_id(r.specimen).upper() for _, r in tests}
    if len(tubes) != 1 or "" in tubes:
        raise refuse("Specimen.identifier", "send one document a tube; the tube code identifies its specimen",
                     "请每管发送一份文件，并以采样管编号作为样本标识", "101")  # fmt: skip
    reports = [r.report for _, r in tests if r.report]
    stamp = document.head.timestamp or next((r.issued for r in reports if r.issued), "")
    if not stamp:
        raise refuse("DiagnosticReport.issued", "the report time is missing", "缺少报告时间", "101")
    message_at = _time(stamp, "DiagnosticReport.issued", zone)
    ct = next((value_of(r.observation) for r in rows if code_of(r.observation) in codes.CT), "")
    specimen = tests[0][1].specimen
    return Incoming(
        sender=Sender("FHIR", lab.name, lab.name, lab.oid, _key(document, reports, raw_hash)),
        code=tubes.pop(), message_at=message_at,
        observed=tuple(_observed(n, r, message_at, zone, ct) for n, r in tests),
        people=_people(specimen), reject="", run_key="", named=document.named, kept=b"",
    )  # fmt: skip


def _key(document: Document, reports: list[Resource], raw_hash: str) -> str:
    for identifier in (
        identifiers(document.head.identifier) if document.head.resource_type == "Bundle" else []
    ):
        if identifier.value:
            return identifier.value
    for report in reports:
        for identifier in identifiers(report.identifier):
            version = report.meta.version_id if report.meta else ""
            if identifier.value:
                return f"{identifier.value}/{version}" if version else identifier.value
    return raw_hash


def _observed(n: int, linked: Linked, message_at: datetime, zone: ZoneInfo, ct: str) -> Observed:
    observation, path = linked.observation, f"Observation[{n + 1}]"
    status: Status | None = codes.STATUS_FHIR.get(observation.status)
    if status is None:
        raise refuse(
            f"{path}.status", "this status is not one that carries a result", "此状态不表示检测结果", "103"
        )
    value = value_of(observation)
    meaning = codes.meaning_of(value)
    if meaning is None and status not in ("X", "D"):
        raise refuse(f"{path}.valueCodeableConcept", "this result code is not in the table of results",
                     "结果代码不在结果代码表中", "103")  # fmt: skip
    outcome: Outcome = (
        "withdrawn" if status == "D" else "unusable" if status == "X" or not meaning else meaning.outcome
    )
    issued = (linked.report.issued if linked.report else "") or observation.issued
    effective = observation.effective_date_time
    return Observed(
        analyte=code_of(observation), outcome=outcome, sent_code=value[:80], status=status,
        pooled_code=meaning.pooled if meaning else False,
        reported_at=_time(issued, "DiagnosticReport.issued", zone) if issued else message_at,
        tested_at=_time(effective, f"{path}.effectiveDateTime", zone) if effective else None,
        ct_milli=round(float(ct) * 1000) if ct.replace(".", "", 1).isdigit() else None,
        where=f"{path}.code",
    )  # fmt: skip


def _people(specimen: Resource | None) -> int | None:
    rows = specimen.extension if specimen else []
    return next((e.value_integer for e in rows if e.value_integer and e.url.endswith("grouped-count")), None)


def _time(text: str, path: str, zone: ZoneInfo) -> datetime:
    try:
        return read_fhir(text, zone).at
    except ValueError as fault:
        raise refuse(path, str(fault), "时间格式应为 YYYY-MM-DDThh:mm:ss+zz:zz") from None
