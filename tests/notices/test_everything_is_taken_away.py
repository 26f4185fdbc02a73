"""What is held of a person leaves with the person: a FHIR Bundle with every fact, and a PDF with the same lines."""

import json
import re
from zoneinfo import ZoneInfo

import pytest

from pratique.notices import service
from pratique.notices.my_data import Held, bundle, lines, pdf
from pratique.people import service as people
from pratique.people.model import ContactCard
from tests.notices.fhir_r4 import RESOURCES, faults
from tests.notices.test_an_order_brings_care import LINES, order
from tests.notices.test_silence_lifts import appeal, decide, held, read
from tests.notices.town import Town

ZONE = ZoneInfo("Asia/Shanghai")
FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def lived_in(town: Town) -> Held:
    """A person with a card, results, a notice, an answered appeal, an order and two looks."""
    me = town.members[0]
    card = ContactCard("合成甲 Planted 𠮷", "+999 0000 0007", "zh-Hans")
    town.store.write(lambda tx: people.write_card(tx, town.moment, town.house.sealer, me, card))
    made = appeal(town, held(town), "my own words 我的话")
    read(town, made.id)
    decide(town, made.id, "upheld", "FACTS_STAND", answer="written answer 书面答复")
    order(town)
    town.tell("not-detected", "N", sampled=town.now, whom=[me], pooled=False)
    with town.store.read() as tx:
        return service.held(tx, town.moment, town.house, me, lambda *_: [])


def test_it_works(small_town: Town) -> None:
    mine = lived_in(small_town)
    made = json.loads(bundle(mine))
    assert (made["resourceType"], made["type"]) == ("Bundle", "collection")
    kinds = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert kinds.count("Patient") == 1
    assert kinds.count("Observation") == 2
    assert kinds.count("Communication") == len(mine.wallet.notices) + 1
    assert kinds.count("ServiceRequest") == 1
    assert kinds.count("AuditEvent") == len(mine.wallet.looks) == 1
    ids = [(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in made["entry"]]
    assert len(set(ids)) == len(ids)
    assert all(FHIR_ID.fullmatch(one) for _, one in ids)
    text = bundle(mine).decode()
    for wanted in ("合成甲", "+999 0000 0007", "my own words 我的话", "written answer 书面答复", "260415000", "94500-6",
                   *LINES.values()):  # fmt: skip
        assert wanted in text
    assert small_town.members[1] not in text


def test_the_paper_says_the_same(small_town: Town) -> None:
    mine = lived_in(small_town)
    said = "\n".join(line for _, line in lines(mine, ZONE))
    for wanted in ("合成甲", "my own words", "written answer", *LINES.values(), "not-detected", "reviewer"):
        assert wanted in said
    made = pdf(mine, ZONE)  # a letter the font lacks is a box, not a fault
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert pdf(mine, ZONE)[:200] == made[:200]


def test_of_a_fresh_person_there_is_next_to_nothing(small_town: Town) -> None:
    with small_town.store.read() as tx:
        mine = service.held(tx, small_town.moment, small_town.house, small_town.members[1], lambda *_: [])
    assert [entry["resource"]["resourceType"] for entry in json.loads(bundle(mine))["entry"]] == ["Patient"]
    assert pdf(mine, ZONE)


def test_the_bundle_is_as_r4_says(small_town: Town) -> None:
    lived_in(small_town)
    me = small_town.members[0]
    for kind in ("vaccination", "recovery", "exemption"):
        small_town.tell("", kind, sampled=small_town.now, whom=[me], kind=kind, analyte="", source="")
    small_town.tell("detected", "D", sampled=small_town.now, whom=[me], pooled=False)
    with small_town.store.read() as tx:
        mine = service.held(tx, small_town.moment, small_town.house, me, lambda *_: [])
    made = json.loads(bundle(mine))
    assert {entry["resource"]["resourceType"] for entry in made["entry"]} == set(RESOURCES)
    assert faults(made) == []


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("Patient", {"gender": "x"}, "Patient.gender is not an element"),
        ("Observation", {"status": "done"}, "Observation.status is not of its list"),
        ("Observation", {"code": None}, "Observation.code is empty"),
        ("Communication", {"payload": []}, "Communication.payload stands 0 times"),
        ("Communication", {"sent": "yesterday"}, "Communication.sent is no dateTime"),
        ("ServiceRequest", {"note": [{"text": " "}]}, "ServiceRequest.note.text is no string"),
        ("AuditEvent", {"entity": [{"what": {"reference": "Patient/x"}}]}, "points at nothing in the bundle"),
        ("AuditEvent", {"agent": [{}]}, "AuditEvent.agent is empty"),
        ("AuditEvent", {"type": {"system": "urn:x", "code": "1"}}, "AuditEvent.type.system is not known"),
    ],
)
def test_the_rules_see_a_fault(small_town: Town, kind: str, change: dict[str, object], said: str) -> None:
    made = json.loads(bundle(lived_in(small_town)))
    resource = next(e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == kind)
    resource |= change
    assert any(said in fault for fault in faults(made))
