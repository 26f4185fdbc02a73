"""Everything we hold of one person, for that person to take away: an HL7 FHIR R4 Bundle, and the same to read on paper.

Pure: what is known comes in, bytes go out. Nothing is left out that its holder may see, nothing is added.
"""

import importlib.resources
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from pratique.core.canonical import canonical_json
from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.notices.model import AppealView, NoticeView, OrderView, WalletView
from pratique.people.model import ContactCard
from pratique.policy.model import Evidence

SNOMED, DICOM = "http://snomed.info/sct", "http://dicom.nema.org/resources/ontology/DCM"
FOUND = {"detected": ("260373001", "Detected"), "not-detected": ("260415000", "Not detected")}
FONT = "card_font.ttf"


class Held(NamedTuple):
    """What is held: the wallet's view, the contact card, the evidence, and one's own words in appeals by their id."""

    wallet: WalletView
    card: ContactCard | None
    evidence: Sequence[Evidence]
    words: dict[str, str]


def bundle(held: Held) -> bytes:
    """The Bundle as canonical JSON (type `collection`).

    Every address is a `urn:uuid:` of the resource's kind and id, so that references resolve inside the bundle (FHIR R4,
    Bundle, "Resolving references in Bundles").
    """
    me = {"reference": address("Patient", held.wallet.subject_id)}
    resources = [
        _patient(held),
        *(_evidence(one, me) for one in held.evidence if one.outcome != "sample-sealed"),
        *(_notice(one, me) for one in held.wallet.notices),
        *(_order(one, me) for one in held.wallet.orders),
        *(_appeal(one, me, held.words.get(one.id, "")) for one in held.wallet.appeals),
        *(_look(n, look, me) for n, look in enumerate(held.wallet.looks, 1)),
    ]
    entries = [{"fullUrl": address(one["resourceType"], one["id"]), "resource": one} for one in resources]
    return canonical_json(
        {"resourceType": "Bundle", "type": "collection", "timestamp": held.wallet.now, "entry": entries}
    )


def address(kind: str, resource_id: str) -> str:
    """The address of a resource in the bundle: the same each time it is taken away."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'urn:pratique:{kind}:{resource_id}')}"


def _patient(held: Held) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "id": held.wallet.subject_id,
        "identifier": [{"system": "urn:pratique:subject", "value": held.wallet.subject_id}],
    }
    if held.card is not None:
        found |= {
            "name": [{"text": held.card.name}],
            "telecom": [{"system": "phone", "value": held.card.phone}],
            "communication": [
                {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": held.card.language}]}}
            ],
        }
    return found


def _evidence(one: Evidence, me: dict[str, str]) -> dict[str, Any]:
    source = one.source.en if isinstance(one.source, Text) else one.source
    if one.kind == "vaccination":
        return {
            "resourceType": "Immunization", "id": one.id, "status": "completed", "patient": me,
            "vaccineCode": {"text": "vaccination / 疫苗接种"}, "occurrenceDateTime": rfc3339(one.sampled_at),
            **({"performer": [{"actor": {"display": source}}]} if source.strip() else {}),
        }  # fmt: skip
    found: dict[str, Any] = {
        "resourceType": "Observation", "id": one.id, "status": "final", "subject": me,
        "code": {"text": one.kind}, "effectiveDateTime": rfc3339(one.sampled_at), "issued": rfc3339(one.known_at),
    }  # fmt: skip
    if source.strip():
        found["performer"] = [{"display": source}]
    if one.analyte:
        found["code"] = {"coding": [{"system": "http://loinc.org", "code": one.analyte}], "text": one.kind}
    if one.outcome:
        value: dict[str, Any] = {"text": f"{one.outcome}{' (pool)' if one.pooled else ''}"}
        if one.outcome in FOUND:
            code, display = FOUND[one.outcome]
            value["coding"] = [{"system": SNOMED, "code": code, "display": display}]
        found["valueCodeableConcept"] = value
    return found


def _notice(one: NoticeView, me: dict[str, str]) -> dict[str, Any]:
    said = [one.title, one.reason.text, *(fact.what for fact in one.facts), *one.remedy]
    lines = [*(_both(text) for text in said), f"until {one.deadline_effective}"]
    lines += [f"{event.at} {_both(event.what)}" for event in one.history]
    return {
        "resourceType": "Communication", "id": one.id,
        "status": "in-progress" if one.state in ("open", "waiting") else "completed", "subject": me,
        "category": [{"text": f"notice {one.kind}, {one.state}"}], "sent": one.opened_at,
        "payload": [{"contentString": line} for line in lines],
    }  # fmt: skip


def _order(one: OrderView, me: dict[str, str]) -> dict[str, Any]:
    notes = [
        one.why,
        *(f"{_both(line.what)}: {line.who}" for line in one.care),
        f"行政复议 / Administrative review: {_said(one.review_path)}",
        f"法院 / Court: {_said(one.court_path)}",
        _family(one),
    ]
    return {
        "resourceType": "ServiceRequest", "id": one.id, "status": "active" if one.state == "open" else "completed",
        "intent": "order", "code": {"text": "stay at home / 居家"}, "subject": me, "authoredOn": one.opened_at,
        "occurrencePeriod": {"start": one.opened_at, "end": one.ends_at},
        "requester": {"display": _both(one.issuer)}, "note": [{"text": line} for line in notes],
    }  # fmt: skip


def _appeal(one: AppealView, me: dict[str, str], words: str) -> dict[str, Any]:
    lines = [words, _both(one.reason) if one.reason else "", one.answer]
    return {
        "resourceType": "Communication", "id": one.id, "status": "in-progress" if one.state == "open" else "completed",
        "subject": me, "about": [{"reference": address("Communication", one.notice_id)}],
        "category": [{"text": f"appeal, {one.outcome or one.state}"}], "sent": one.opened_at,
        "payload": [{"contentString": line} for line in lines if line.strip()] or [{"contentString": "appeal / 申诉"}],
    }  # fmt: skip


def _look(n: int, look: Any, me: dict[str, str]) -> dict[str, Any]:
    return {
        "resourceType": "AuditEvent", "id": f"look-{n}",
        "type": {"system": DICOM, "code": "110110", "display": "Patient Record"},
        "action": "R", "recorded": look.at,
        "agent": [{"requestor": True, "role": [{"text": look.role}], "purposeOfUse": [{"text": _both(look.purpose)}]}],
        "source": {"observer": {"display": "Pratique"}},
        "entity": [{"what": me, "detail": [{"type": "fields", "valueString": ", ".join(look.fields) or "-"}]}],
    }  # fmt: skip


def _both(text: Text) -> str:
    return f"{text.zh_hans} / {text.en}"


def _said(text: Text | str) -> str:
    return text if isinstance(text, str) else _both(text)


FAMILY = {
    "": "家属将在此前告知 / Family is told by",
    "told": "已告知家属 / Family was told",
    "not-wished": "本人不希望告知家属 / Nobody of the family is told, as wished",
}


def _family(order: OrderView) -> str:
    return f"{FAMILY[order.family]}: {order.family_at or order.family_by}"


def lines(held: Held, zone: tzinfo) -> Iterator[tuple[int, str]]:
    """The same to read: (level 1 to 3, line), in both languages."""

    def when(at: str) -> str:
        return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M}"

    wallet = held.wallet
    yield 1, "我的全部资料 / Everything that is held of me"
    yield 3, f"{wallet.subject_id} · {when(wallet.now)} ({zone})"
    if held.card is not None:
        yield 2, "联系卡 / Contact card"
        yield 3, f"{held.card.name} · {held.card.phone} · {held.card.language}"
    yield 2, "提示 / Notices"
    for one in wallet.notices:
        yield 3, f"{_both(one.title)} · {when(one.opened_at)} – {when(one.deadline_effective)} · {one.state}"
        yield 3, _both(one.reason.text)
        for event in one.history:
            yield 3, f"    {when(event.at)} {_both(event.what)}"
    for order in wallet.orders:
        yield 2, "命令 / Order"
        yield 3, f"{_both(order.issuer)} · {'; '.join(order.basis)}"
        yield 3, f"{order.why} · {when(order.opened_at)} – {when(order.ends_at)}"
        for line in order.care:
            yield 3, f"{_both(line.what)}: {line.who}"
        yield 3, _family(order)
        yield 3, f"行政复议 / Administrative review: {_said(order.review_path)}"
        yield 3, f"法院 / Court: {_said(order.court_path)}"
        yield 3, f"申诉 / Appeal: {_both(order.appeal_office)}"
    yield 2, "证据 / Evidence"
    for fact in held.evidence:
        source = _both(fact.source) if isinstance(fact.source, Text) else fact.source
        yield 3, f"{when(rfc3339(fact.sampled_at))} {fact.kind} {fact.outcome} {fact.analyte} · {source}"
    yield 2, "申诉 / Appeals"
    for appeal in wallet.appeals:
        yield 3, f"{when(appeal.opened_at)} {appeal.outcome or appeal.state} {held.words.get(appeal.id, '')}"
        if appeal.reason is not None:
            yield 3, f"    {_both(appeal.reason)} {appeal.answer}"
    yield 2, "谁查阅过 / Who looked"
    for look in wallet.looks:
        yield 3, f"{when(look.at)} {look.role} · {_both(look.purpose)} · {', '.join(look.fields)}"


def pdf(held: Held, zone: tzinfo) -> bytes:
    """The lines as an A4 document with real text. Letters the font lacks are shown as a box, never dropped."""
    from fpdf import FPDF
    from fpdf.enums import WrapMode
    from fpdf.fonts import TTFFont

    page = FPDF(format="A4")
    page.set_title("Pratique: everything that is held of me")
    page.set_lang("zh-Hans")
    page.set_creation_date(datetime.fromisoformat(held.wallet.now))
    page.set_auto_page_break(True, 15)
    with importlib.resources.as_file(importlib.resources.files("pratique.credentials") / FONT) as path:
        page.add_font("text", fname=str(path))
    page.add_page()
    font = page.fonts["text"]
    known = font.cmap if isinstance(font, TTFFont) else {}
    for level, line in lines(held, zone):
        page.set_font("text", size={1: 18, 2: 13, 3: 10}[level])
        shown = "".join(letter if ord(letter) in known else "□" for letter in line)
        page.multi_cell(
            0, {1: 10, 2: 8, 3: 5.5}[level], shown, new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR
        )
    return bytes(page.output())
