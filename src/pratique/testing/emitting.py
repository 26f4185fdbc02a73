"""Tubes as laboratories' systems read them: an HL7 v2.5.1 order (OML^O33) and FHIR R4 specimens. Pure.

HL7 table 0369 is used as it reads: `G` is one tube with the swabs of several people who are not individually
identified, with their number in SPM-13; `L` is a pool a laboratory made of separate tubes, each named in SPM-3; `P` is
one person's own tube. FHIR says the same with `Specimen.combined` (native in R5, its cross-version extension in R4).
A tube code is all that identifies anything; there is no patient.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

COMBINED = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Specimen.combined"
GROUPED_COUNT = "https://pratique.example/fhir/StructureDefinition/grouped-count"
TUBES = "https://pratique.example/fhir/tube-code"
ROLES = {"grouped": "G^Group^HL70369", "pooled": "L^Pool^HL70369", "patient": "P^Patient specimen^HL70369"}


class Ordered(NamedTuple):
    """One tube to be tested. `parents` are the tubes a laboratory's own pool was made of."""

    code: str
    people: int
    sealed_at: datetime
    analyte: str
    parents: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        """The row of table 0369: grouped, pooled or patient."""
        return "pooled" if self.parents else "grouped" if self.people > 1 else "patient"


def order_message(tubes: Sequence[Ordered], receiver: str, at: datetime, control_id: str) -> bytes:
    """OML^O33^OML_O33 in UTF-8, CR ends: one SPM with its ORC and OBR a tube."""
    now = _stamp(at)
    lines = [
        f"MSH|^~\\&|PRATIQUE|HUB||{_text(receiver)}|{now}||OML^O33^OML_O33|{_text(control_id)}|P|2.5.1"
        "|||AL|NE||UNICODE UTF-8"
    ]
    for n, tube in enumerate(tubes, 1):
        lines += [
            specimen_segment(tube, n),
            f"ORC|NW|{_text(tube.code)}",
            f"OBR|{n}|{_text(tube.code)}||{_text(tube.analyte)}^^LN",
        ]
    return ("\r".join(lines) + "\r").encode()


def specimen_segment(tube: Ordered, n: int = 1) -> str:
    """SPM of a tube: SPM-2 its code, SPM-3 the tubes of a pool, SPM-11 the role, SPM-13 how many people."""
    fields = [""] * 18
    fields[0] = "SPM"
    fields[1] = str(n)
    fields[2] = f"{_text(tube.code)}&PRATIQUE"
    fields[3] = "~".join(f"{_text(parent)}&PRATIQUE" for parent in tube.parents)
    fields[4] = "258529004^Throat swab^SCT"
    fields[11] = ROLES[tube.role]
    fields[13] = (
        str(tube.people) if tube.role == "grouped" else str(len(tube.parents)) if tube.parents else ""
    )
    fields[17] = _stamp(tube.sealed_at)
    return "|".join(fields)


def specimen_resource(tube: Ordered) -> dict[str, Any]:
    """A FHIR R4 Specimen without subject."""
    made: dict[str, Any] = {
        "resourceType": "Specimen",
        "id": tube.code,
        "identifier": [{"system": TUBES, "value": tube.code}],
        "type": {
            "coding": [{"system": "http://snomed.info/sct", "code": "258529004", "display": "Throat swab"}]
        },
        "collection": {"collectedDateTime": tube.sealed_at.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }
    if tube.role != "patient":
        made["extension"] = [{"url": COMBINED, "valueCode": tube.role}]
    if tube.role == "grouped":
        made["extension"].append({"url": GROUPED_COUNT, "valueInteger": tube.people})
    if tube.parents:
        made["parent"] = [
            {"identifier": {"system": TUBES, "value": parent}, "type": "Specimen"} for parent in tube.parents
        ]
    return made


def specimen_bundle(tubes: Iterable[Ordered], at: datetime) -> dict[str, Any]:
    """A collection Bundle of Specimens."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entry": [{"resource": specimen_resource(tube)} for tube in tubes],
    }


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S+0000")


def _text(value: str) -> str:
    """HL7 v2.5.1 section 2.7.1: what could be read as a delimiter is escaped, controls are left out."""
    for sign, escape in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\")):
        value = value.replace(sign, escape)
    return "".join(c for c in value if c >= " ")
