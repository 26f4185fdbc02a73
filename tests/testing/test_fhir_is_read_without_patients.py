"""FHIR R4: results as texts, results for intake, every refusal with its element path, no patient ever decoded."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.testing import fhir, service
from pratique.testing.reading import Refused, Result, read_file
from tests.testing.world import NEGATIVE, World

LOINC, SCT = "http://loinc.org", "http://snomed.info/sct"


def bundle(code: str = "X0001", result: str = NEGATIVE, **changes: Any) -> dict[str, Any]:
    """A made-up bundle about one pooled tube, without a subject."""
    resources = [
        {"resourceType": "Patient", "id": "p", "name": [{"family": "CANARY"}]},
        {"resourceType": "Specimen", "id": "s", "identifier": [{"value": code}],
         "collection": {"collectedDateTime": "2026-01-04T20:00:00Z"}},
        {"resourceType": "ServiceRequest", "id": "o", "identifier": [{"value": "ORDER"}]},
        {"resourceType": "Observation", "id": "b", "status": changes.get("status", "final"),
         "code": {"coding": [{"system": "http://local", "code": "X"}, {"system": LOINC, "code": "94500-6"}]},
         "specimen": {"reference": "Specimen/s"}, "effectiveDateTime": "2026-01-04T23:00:00Z",
         "valueCodeableConcept": {"coding": [{"system": SCT, "code": result}]}},
        {"resourceType": "DiagnosticReport", "id": "d", "status": "final", "issued": "2026-01-04T23:30:00Z",
         "identifier": [{"value": "REPORT-1"}], "result": [{"reference": "Observation/b"}],
         "basedOn": [{"reference": "ServiceRequest/o"}]},
    ]  # fmt: skip
    entry = [{"fullUrl": f"urn:{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "message", "entry": entry, **changes.get("head", {})}


def raw(document: Any) -> bytes:
    return json.dumps(document).encode()


def take(world: World, body: bytes):
    return world.store.write(
        lambda tx: service.receive_document(tx, world.moment(), body, "LAB-A", "api", world.tell)
    )


def test_it_works(world: World) -> None:
    subjects = world.pool("X0001")
    (line,) = read_file("x.json", raw(bundle()))

    assert isinstance(line, Result)
    assert (line.specimen, line.placer, line.loinc, line.value) == ("X0001", "ORDER", "94500-6", NEGATIVE)
    assert (line.status, line.collected, line.reported) == (
        "final",
        "2026-01-04T20:00:00Z",
        "2026-01-04T23:30:00Z",
    )
    assert take(world, raw(bundle())).letter == "A"
    assert take(world, raw(bundle())).letter == "A"
    assert world.heard(subjects[0]) == ["not-detected"]
    assert world.count("result_version") == 1


def test_no_patient_is_decoded_or_kept(world: World) -> None:
    world.pool("X0001")
    take(world, raw(bundle()))

    assert "CANARY" not in str(list(fhir.read(raw(bundle())).resources))
    with world.store.read() as tx:
        assert "CANARY" not in str(tx.all("SELECT * FROM lab_message"))


def test_a_correction_by_fhir_withdraws(world: World) -> None:
    subjects = world.pool("X0001")
    take(world, raw(bundle()))
    world.later(hours=1)
    corrected = bundle(status="corrected", result="462371000124108", head={"identifier": {"value": "B2"}})
    assert take(world, raw(corrected)).letter == "A"
    world.later()

    assert world.heard(subjects[0]) == ["not-detected", "retest-required"]


@pytest.mark.parametrize(
    ("break_it", "field"),
    [
        (lambda b: b["entry"][3]["resource"].update(status="unknown"), "Observation[1].status"),
        (
            lambda b: b["entry"][3]["resource"]["valueCodeableConcept"]["coding"][0].update(code="1"),
            "Observation.code",
        ),
        (lambda b: b["entry"][1]["resource"].update(identifier=[]), "Specimen.identifier"),
        (lambda b: b["entry"][4]["resource"].update(issued="yesterday"), "DiagnosticReport.issued"),
        (lambda b: b["entry"][3]["resource"].update(issued=5), "$.entry[3].resource.issued"),
        (lambda b: b.update(resourceType=""), "$.resourceType"),
    ],
)
def test_every_refusal_has_its_element_path(world: World, break_it: Any, field: str) -> None:
    world.pool("X0001")
    document = bundle()
    break_it(document)

    ack = take(world, raw(document))

    assert ack.letter == "E"
    assert ack.field.startswith(field) or (field == "Observation.code" and "Observation" in ack.field)
    assert world.count("result_version") == 0


def test_several_documents_in_one_file() -> None:
    lines = raw(bundle()) + b"\n" + raw(bundle("X0002"))
    assert [line.specimen for line in read_file("x", lines) if isinstance(line, Result)] == ["X0001", "X0002"]

    broken = raw(bundle()) + b"\n{broken\n" + raw(bundle("X0002"))
    found = list(read_file("x", broken))
    assert [(line.message, isinstance(line, Refused)) for line in found] == [
        (1, False),
        (2, True),
        (3, False),
    ]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1500), st.binary(max_size=4), st.integers(0, 8))
def test_no_mutation_makes_it_crash(at: int, put: bytes, cut: int) -> None:
    body = raw(bundle())
    for line in read_file("x", body[:at] + put + body[at + cut :]):
        assert isinstance(line, Refused | Result)


KEYS = st.sampled_from(["resourceType", "entry", "resource", "code", "identifier", "id"])
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
SHAPES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=20
)


@given(SHAPES)
def test_no_shape_makes_it_crash(document: Any) -> None:
    for line in read_file("x", raw(document if isinstance(document, dict) else [document])):
        assert isinstance(line, Refused | Result)
