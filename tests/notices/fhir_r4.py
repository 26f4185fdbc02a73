"""What HL7 FHIR R4 (4.0.1) says about the resources we hand out: their elements, how many, of which type and list.

Written from the resource pages of hl7.org/fhir/R4; only elements that R4 has are named, so that anything else is a
fault. `faults(bundle)` gives one sentence for each. It holds: bdl-7 and bdl-8 (full addresses: absolute, once each),
references that resolve inside the bundle, required elements, no empty value (ele-1), primitive types by their regular
expressions, required code lists, and the systems a coding may name.
"""

import re
from typing import Any

STRING = re.compile(r"[ \r\n\t\S]*\S[ \r\n\t\S]*")
PRIMITIVES: dict[str, re.Pattern[str]] = {
    "string": STRING,
    "id": re.compile(r"[A-Za-z0-9\-.]{1,64}"),
    "code": re.compile(r"[^\s]+(\s[^\s]+)*"),
    "uri": re.compile(r"\S+"),
    "instant": re.compile(
        r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    ),
    "dateTime": re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?"),
}
SYSTEMS = {
    "http://loinc.org", "http://snomed.info/sct", "http://dicom.nema.org/resources/ontology/DCM", "urn:ietf:bcp:47",
}  # fmt: skip
CONTACTS = ("phone", "fax", "email", "pager", "url", "sms", "other")
SENT = (
    "preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown",
)  # fmt: skip
OBSERVED = (
    "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
)  # fmt: skip
ASKED = ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown")
INTENTS = (
    "proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order",
    "option",
)  # fmt: skip

# element: (type, least, most); a tuple of words is a required code list; "Reference:A|B" names what may be meant.
COMPLEX: dict[str, dict[str, tuple[Any, int, int]]] = {
    "Coding": {"system": ("uri", 1, 1), "code": ("code", 1, 1), "display": ("string", 0, 1)},
    "CodeableConcept": {"coding": ("Coding", 0, 9), "text": ("string", 0, 1)},
    "Identifier": {"system": ("uri", 1, 1), "value": ("string", 1, 1)},
    "HumanName": {"text": ("string", 1, 1)},
    "ContactPoint": {"system": (CONTACTS, 1, 1), "value": ("string", 1, 1)},
    "Period": {"start": ("dateTime", 0, 1), "end": ("dateTime", 0, 1)},
    "Annotation": {"text": ("string", 1, 1)},
    "Patient.communication": {"language": ("CodeableConcept", 1, 1)},
    "Immunization.performer": {"actor": ("Reference:Organization", 1, 1)},
    "Communication.payload": {"contentString": ("string", 1, 1)},
    "AuditEvent.agent": {
        "requestor": ("boolean", 1, 1), "role": ("CodeableConcept", 0, 9), "purposeOfUse": ("CodeableConcept", 0, 9),
    },
    "AuditEvent.source": {"observer": ("Reference:Organization", 1, 1)},
    "AuditEvent.entity": {"what": ("Reference:Patient", 0, 1), "detail": ("AuditEvent.entity.detail", 0, 99)},
    "AuditEvent.entity.detail": {"type": ("string", 1, 1), "valueString": ("string", 1, 1)},
}  # fmt: skip
RESOURCES: dict[str, dict[str, tuple[Any, int, int]]] = {
    "Patient": {
        "identifier": ("Identifier", 0, 9), "name": ("HumanName", 0, 9), "telecom": ("ContactPoint", 0, 9),
        "communication": ("Patient.communication", 0, 9),
    },
    "Immunization": {
        "status": (("completed", "entered-in-error", "not-done"), 1, 1), "vaccineCode": ("CodeableConcept", 1, 1),
        "patient": ("Reference:Patient", 1, 1), "occurrenceDateTime": ("dateTime", 1, 1),
        "performer": ("Immunization.performer", 0, 9),
    },
    "Observation": {
        "status": (OBSERVED, 1, 1),
        "code": ("CodeableConcept", 1, 1), "subject": ("Reference:Patient", 0, 1),
        "effectiveDateTime": ("dateTime", 0, 1), "issued": ("instant", 0, 1),
        "performer": ("Reference:Organization", 0, 9), "valueCodeableConcept": ("CodeableConcept", 0, 1),
    },
    "Communication": {
        "status": (SENT, 1, 1), "category": ("CodeableConcept", 0, 9), "subject": ("Reference:Patient", 0, 1),
        "about": ("Reference:Communication", 0, 9), "sent": ("dateTime", 0, 1),
        "payload": ("Communication.payload", 0, 999),
    },
    "ServiceRequest": {
        "status": (ASKED, 1, 1),
        "intent": (INTENTS, 1, 1),
        "code": ("CodeableConcept", 0, 1), "subject": ("Reference:Patient", 1, 1), "authoredOn": ("dateTime", 0, 1),
        "occurrencePeriod": ("Period", 0, 1), "requester": ("Reference:Organization", 0, 1),
        "note": ("Annotation", 0, 99),
    },
    "AuditEvent": {
        "type": ("Coding", 1, 1), "action": (("C", "R", "U", "D", "E"), 0, 1), "recorded": ("instant", 1, 1),
        "agent": ("AuditEvent.agent", 1, 9), "source": ("AuditEvent.source", 1, 1),
        "entity": ("AuditEvent.entity", 0, 9),
    },
}  # fmt: skip


def faults(bundle: dict[str, Any]) -> list[str]:
    """What is wrong with a bundle, one sentence each."""
    found = [] if bundle.get("resourceType") == "Bundle" else ["it is no Bundle"]
    found += [] if bundle.get("type") in ("collection", "document", "message") else ["Bundle.type"]
    found += _value(bundle.get("timestamp"), "instant", "Bundle.timestamp", {})
    found += [
        f"Bundle.{name} is not an element"
        for name in bundle.keys() - {"resourceType", "type", "timestamp", "entry"}
    ]
    held: dict[str, str] = {}
    for entry in bundle.get("entry", []):
        address, kind = entry.get("fullUrl", ""), entry["resource"].get("resourceType", "")
        if not re.match(r"(https?://|urn:(uuid|oid):)\S+$", address):
            found.append(f"{kind}.fullUrl is no address that R4 knows")
        if address in held or "/_history/" in address:
            found.append(f"{address} stands twice, or names a version")
        held[address] = kind
    for entry in bundle.get("entry", []):
        resource = dict(entry["resource"])
        kind = resource.pop("resourceType", "")
        if kind not in RESOURCES:
            found.append(f"{kind} is not described")
            continue
        found += _struct(resource, RESOURCES[kind] | {"id": ("id", 1, 1)}, kind, held)
    return found


def _struct(
    value: Any, elements: dict[str, tuple[Any, int, int]], where: str, held: dict[str, str]
) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"{where} is empty"]
    found = [f"{where}.{name} is not an element" for name in value.keys() - elements.keys()]
    for name, (kind, least, most) in elements.items():
        if name not in value:
            found += [f"{where}.{name} is missing"] if least else []
            continue
        given = value[name]
        if isinstance(given, list) != (most > 1):
            found.append(f"{where}.{name} is {'one' if most > 1 else 'a list'}")
            continue
        many = given if isinstance(given, list) else [given]
        if not least <= len(many) <= most or not many:
            found.append(f"{where}.{name} stands {len(many)} times")
        for one in many:
            found += _value(one, kind, f"{where}.{name}", held)
    return found


def _value(value: Any, kind: Any, where: str, held: dict[str, str]) -> list[str]:
    if not isinstance(kind, str):
        return [] if value in kind else [f"{where} is not of its list"]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{where} is no boolean"]
    if kind in PRIMITIVES:
        return (
            [] if isinstance(value, str) and PRIMITIVES[kind].fullmatch(value) else [f"{where} is no {kind}"]
        )
    if kind.startswith("Reference:"):
        return _reference(value, kind.removeprefix("Reference:").split("|"), where, held)
    found = _struct(value, COMPLEX[kind], where, held)
    if kind == "Coding" and value.get("system") not in SYSTEMS:
        found.append(f"{where}.system is not known")
    return found


def _reference(value: Any, kinds: list[str], where: str, held: dict[str, str]) -> list[str]:
    if not isinstance(value, dict) or not value or value.keys() - {"reference", "display"}:
        return [f"{where} is no reference"]
    if "reference" not in value:
        return _value(value["display"], "string", f"{where}.display", held)
    if value["reference"] not in held:
        return [f"{where} points at nothing in the bundle"]
    return [] if held[value["reference"]] in kinds else [f"{where} points at a {held[value['reference']]}"]
