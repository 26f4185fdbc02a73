"""FHIR R4: Bundles, DiagnosticReports and Observations as results. Typed, lenient about what is not needed.

`readings` gives the texts as sent; intake is in `bundles.py`. Elements that are not named here (above all Patient)
are never decoded, so no name can come through. Pure; a refusal carries the element path.
"""

from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import TypeVar

import msgspec

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.testing import codes
from pratique.testing.model import Reading

MAX_DOCUMENT = 16 << 20
NAMED = "Patient with a name"


class _Coding(msgspec.Struct, frozen=True):
    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct, frozen=True):
    coding: list[_Coding] = []
    text: str = ""

    def pick(self, system: str, *, or_text: bool = True) -> str:
        """The code of that system, else the first code, else (if wanted) the text."""
        named = [c.code for c in self.coding if c.code and c.system == system]
        first = next((c.code for c in self.coding if c.code), "")
        return next(iter(named), first) or (self.text if or_text else "")


class _Identifier(msgspec.Struct, frozen=True):
    value: str = ""
    type: _Concept | None = None


class _Reference(msgspec.Struct, frozen=True):
    reference: str = ""
    identifier: _Identifier | None = None


class _Quantity(msgspec.Struct, frozen=True):
    value: int | float | None = None


class _Period(msgspec.Struct, frozen=True):
    start: str = ""


class _Collection(msgspec.Struct, frozen=True, rename="camel"):
    collected_date_time: str = ""
    collected_period: _Period | None = None


class _Extension(msgspec.Struct, frozen=True, rename="camel"):
    url: str = ""
    value_integer: int | None = None


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    version_id: str = ""


class Resource(msgspec.Struct, frozen=True, rename="camel"):
    """The union of the elements we read. What a resource does not have stays empty."""

    resource_type: str = ""
    id: str = ""
    status: str = ""
    meta: _Meta | None = None
    code: msgspec.Raw = msgspec.Raw()
    specimen: list[_Reference] | _Reference | None = None
    result: list[_Reference] = []
    based_on: list[_Reference] = []
    issued: str = ""
    effective_date_time: str = ""
    effective_period: _Period | None = None
    value_codeable_concept: _Concept | None = None
    value_string: str | None = None
    value_quantity: _Quantity | None = None
    value_integer: int | None = None
    value_boolean: bool | None = None
    value_date_time: str | None = None
    value_time: str | None = None
    value_period: _Period | None = None
    identifier: msgspec.Raw = msgspec.Raw()
    collection: _Collection | None = None
    extension: list[_Extension] = []
    contained: list[msgspec.Raw] = []


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    id: str = ""
    entry: list[_Entry] = []
    identifier: msgspec.Raw = msgspec.Raw()
    timestamp: str = ""


_READ = frozenset({"Observation", "DiagnosticReport", "Specimen", "ServiceRequest", "MessageHeader"})


class _Name(msgspec.Struct, frozen=True):
    family: str = ""
    text: str = ""
    given: list[str] = []


class _Person(msgspec.Struct, frozen=True):
    """Of a Patient nothing is read but whether a name was sent; it is forgotten at once."""

    name: list[_Name] = []


class _Type(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""


class Document:
    """One FHIR document: its head and the resources we read, by reference. `named`: it holds what looks like a name."""

    def __init__(self, head: _Head, rows: list[tuple[str, Resource]]) -> None:
        self.head = head
        self.named = any(resource.resource_type == NAMED for _, resource in rows)
        self.resources = [resource for _, resource in rows]
        self._by_name: dict[str, Resource] = {}
        for url, resource in rows:
            for name in (url, f"{resource.resource_type}/{resource.id}", f"#{resource.id}", resource.id):
                self._by_name.setdefault(name, resource)

    def all(self, kind: str) -> list[Resource]:
        """The resources of one type, in entry order."""
        return [resource for resource in self.resources if resource.resource_type == kind]

    def find(self, reference: _Reference | None, kind: str) -> Resource | None:
        """What a reference points to inside the document, if it is of that type."""
        if reference is None:
            return None
        found = self._by_name.get(reference.reference.split("/_history/")[0])
        return found if found is not None and found.resource_type == kind else None


def refuse(path: str, en: str, zh: str, code: str = "102") -> Refusal:
    """A refusal with the element path; `code` of HL7 table 0357, as for HL7 v2."""
    return Refusal(code, path, Text(en, zh))


def documents(raw: bytes) -> Iterator[bytes | Refusal]:
    """The JSON documents of a file: one document, lines of NDJSON, documents one after another, or an array."""
    if len(raw) > MAX_DOCUMENT:
        yield refuse("$", "the document is larger than 16 MiB", "文件超过 16 MiB")
        return
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        yield refuse("$", "the bytes are not UTF-8", "字节内容不是 UTF-8")
        return
    decoder, at = JSONDecoder(), 0
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (JSONDecodeError, RecursionError):
            yield refuse("$", "this is not JSON", "内容不是 JSON")
            end = text.find("\n{", at) + 1 or len(text)
        else:
            yield text[at:end].encode()
        at = end
        while at < len(text) and text[at] in " \t\r\n":
            at += 1


def read(raw: bytes) -> Document:
    """One document. Raises Refusal with the element path."""
    if raw[:1] == b"[":
        items = _decode(raw, list[msgspec.Raw], "$")
        return Document(_Head("(array)"), [_resource(one, "", f"$[{n}]") for n, one in enumerate(items)])
    head = _decode(raw, _Head, "$")
    if not head.resource_type:
        raise refuse("$.resourceType", "this is no FHIR resource", "不是 FHIR 资源", "101")
    if head.resource_type != "Bundle":
        return Document(head, _with_contained(msgspec.Raw(raw), "", "$"))
    found: list[tuple[str, Resource]] = []
    for n, entry in enumerate(head.entry):
        if bytes(entry.resource):
            found += _with_contained(entry.resource, entry.full_url, f"$.entry[{n}].resource")
    return Document(head, found)


def _with_contained(raw: msgspec.Raw, url: str, path: str) -> list[tuple[str, Resource]]:
    own = _resource(raw, url, path)
    return [own] + [_resource(one, "", f"{path}.contained[{n}]") for n, one in enumerate(own[1].contained)]


def _resource(raw: msgspec.Raw, url: str, path: str) -> tuple[str, Resource]:
    kind = _decode(bytes(raw), _Type, path).resource_type
    if kind not in _READ:
        named = kind == "Patient" and _is_named(bytes(raw))
        return url, Resource(resource_type=NAMED if named else kind)  # nothing of it is kept
    return url, _decode(bytes(raw), Resource, path)


def _is_named(raw: bytes) -> bool:
    try:
        names = msgspec.json.decode(raw, type=_Person).name
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return any(
        not codes.is_placeholder(part) for name in names for part in (name.family, name.text, *name.given)
    )


T = TypeVar("T")


def _decode(raw: bytes | msgspec.Raw, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as fault:
        where = str(fault).rsplit("`", 2)[-2].removeprefix("$") if "`" in str(fault) else ""
        raise refuse(path + where, "this element has another type than FHIR R4 gives it",
                     "此元素的类型与 FHIR R4 不符") from None  # fmt: skip
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise refuse(path, "this is not JSON", "内容不是 JSON") from None


# Small questions about resources


def identifiers(raw: msgspec.Raw) -> list[_Identifier]:
    """The identifiers of a resource or bundle, which hold one or a list; anything else counts as none."""
    if not bytes(raw):
        return []
    try:
        found = msgspec.json.decode(raw, type=list[_Identifier] | _Identifier)
    except msgspec.DecodeError:
        return []
    return found if isinstance(found, list) else [found]


def code_of(resource: Resource) -> str:
    if not bytes(resource.code):
        return ""
    try:
        return msgspec.json.decode(resource.code, type=_Concept).pick("http://loinc.org", or_text=False)
    except msgspec.DecodeError:
        return ""


def value_of(resource: Resource) -> str:
    """Observation.value[x] as text; a code where it is coded."""
    r = resource
    if r.value_codeable_concept is not None:
        return r.value_codeable_concept.pick("http://snomed.info/sct")
    if r.value_quantity is not None and r.value_quantity.value is not None:
        return str(r.value_quantity.value)
    if r.value_boolean is not None:
        return "true" if r.value_boolean else "false"
    for value in (r.value_string, r.value_integer, r.value_date_time, r.value_time):
        if value is not None:
            return str(value)
    return r.value_period.start if r.value_period else ""


class Linked(msgspec.Struct, frozen=True):
    observation: Resource
    report: Resource | None
    specimen: Resource | None
    order: Resource | None


def linked_rows(document: Document) -> list[Linked]:
    """Each observation with its report, specimen and order, as far as the document says."""
    reports, specimens = document.all("DiagnosticReport"), document.all("Specimen")
    orders = document.all("ServiceRequest")
    of_report: dict[int, Resource] = {}
    for one in reports:
        for reference in one.result:
            if (found := document.find(reference, "Observation")) is not None:
                of_report.setdefault(id(found), one)
    made = []
    for observation in document.all("Observation"):
        report = of_report.get(id(observation)) or (reports[0] if len(reports) == 1 else None)
        specimen: Resource | None = document.find(_first(observation.specimen), "Specimen")
        if specimen is None and report is not None:
            specimen = document.find(_first(report.specimen), "Specimen")
        if specimen is None and len(specimens) == 1:
            specimen = specimens[0]
        named = [document.find(r, "ServiceRequest") for r in (report.based_on if report else [])]
        order = next((found for found in named if found), orders[0] if len(orders) == 1 else None)
        made.append(Linked(observation, report, specimen, order))
    return made


def _first(reference: list[_Reference] | _Reference | None) -> _Reference | None:
    return next(iter(reference), None) if isinstance(reference, list) else reference


def specimen_id(specimen: Resource | None) -> str:
    return next((i.value for i in identifiers(specimen.identifier) if i.value), "") if specimen else ""


def _placer(order: Resource | None) -> str:
    if order is None:
        return ""
    rows = identifiers(order.identifier)
    marked = [i.value for i in rows if i.type and any(c.code == "PLAC" for c in i.type.coding)]
    return next(iter(marked), "") or next((i.value for i in rows if i.value), "")


def _collected(linked: Linked) -> str:
    collection = linked.specimen.collection if linked.specimen else None
    if collection:
        period = collection.collected_period
        if found := collection.collected_date_time or (period.start if period else ""):
            return found
    period = linked.observation.effective_period
    return linked.observation.effective_date_time or (period.start if period else "")


def readings(document: Document) -> list[Reading]:
    """One reading an Observation, in entry order."""
    rows = linked_rows(document)
    ct = {
        specimen_id(r.specimen): value_of(r.observation) for r in rows if code_of(r.observation) in codes.CT
    }
    return [
        Reading(
            specimen=specimen_id(r.specimen) or None,
            placer=_placer(r.order) or None,
            loinc=code_of(r.observation) or None,
            value=value_of(r.observation) or None,
            status=r.observation.status or None,
            collected=_collected(r) or None,
            reported=(r.report.issued if r.report else "") or r.observation.issued or None,
            ct=ct.get(specimen_id(r.specimen)),
        )
        for r in rows
    ]
