"""The laboratory's HTTP door on the real application: keys, FHIR, HL7, tables, manifests, its own desk."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from pratique import town
from pratique.app import web_app
from pratique.demo import hand_in
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.port import Port, open_port, tell
from pratique.settings import Settings
from pratique.testing import er7, oru, service
from pratique.testing.emitting import Ordered, order_message, specimen_bundle

CODES = ("X0001", "X0002", "X0003", "X0004")


class Lab(msgspec.Struct):
    """A port with four registered tubes of two, a laboratory with a key, and a client that speaks for it."""

    port: Port
    client: TestClient
    key: str

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def state(self, code: str) -> str:
        with self.port.store.read() as tx:
            row = tx.one("SELECT state FROM tube_state WHERE code = :c", c=code)
        return str(row[0]) if row else "no-result"

    def tasks(self) -> set[str]:
        with self.port.store.read() as tx:
            return {row[0] for row in tx.all("SELECT kind FROM testing_task WHERE closed_at IS NULL")}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    port = open_port(Settings(home=tmp_path / "home"))
    moment = port.moment()
    made = town.found(port, moment)
    holders = [Holder() for _ in range(2 * len(CODES))]
    town.settle(port, moment, holders)
    device = SiteDevice(made.site_id)

    def begin(tx) -> str:
        token = service.make_device_token(tx, moment, made.site_id)
        device.device_id = service.enrol_device(tx, moment, token, device.public_key).device_id
        service.add_tube_batch(tx, made.campaign_id, "X", "none")
        service.add_lab(tx, moment, "LAB-Z9")
        return service.make_lab_key(tx, moment, town.LAB)

    key = port.store.write(begin)
    for n, code in enumerate(CODES):
        two = [(one.subject_id, moment.now) for one in holders[2 * n : 2 * n + 2]]
        hand_in(port, moment, device.seal(moment, code, two, moment.now))

    def carry(tx) -> None:
        service.box_tubes(tx, moment, "BOX-1", CODES, "sampler")
        service.receive_at_lab(tx, moment, town.LAB, ["BOX-1"], "lab", tell(port))

    port.store.write(carry)
    yield Lab(port, TestClient(web_app(port)), key)
    port.close()


def bundle(lab: Lab, code: str, result: str = "895231008", **patient: Any) -> dict[str, Any]:
    at = lab.port.moment().now.strftime("%Y-%m-%dT%H:%M:%SZ")
    entries = [
        {"resourceType": "Specimen", "id": "s", "identifier": [{"value": code}]},
        {
            "resourceType": "Observation", "id": "o", "status": "final", "specimen": {"reference": "Specimen/s"},
            "code": {"coding": [{"system": "http://loinc.org", "code": town.ANALYTE}]},
            "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": result}]},
        },
        {"resourceType": "DiagnosticReport", "id": "d", "status": "final", "issued": at,
         "result": [{"reference": "Observation/o"}]},
    ]  # fmt: skip
    if patient:
        entries.append({"resourceType": "Patient", "id": "p", **patient})
    return {
        "resourceType": "Bundle", "type": "collection", "identifier": {"value": f"B-{code}-{result}"},
        "entry": [{"resource": one} for one in entries],
    }  # fmt: skip


def test_it_works(lab: Lab) -> None:
    answer = lab.client.post("/v1/lab/fhir", json=bundle(lab, "X0001"), headers=lab.auth)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.json()["issue"][0]["severity"] == "information"
    assert lab.state("X0001") == "negative"
    again = lab.client.post("/v1/lab/fhir", json=bundle(lab, "X0001"), headers=lab.auth)
    assert again.status_code == 200


@pytest.mark.parametrize("key", ["", "PQL-0000", "nonsense"])
def test_without_its_key_nobody_speaks_for_a_laboratory(lab: Lab, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for method, path in (("POST", "/v1/lab/fhir"), ("POST", "/v1/lab/tables"), ("GET", "/v1/lab")):
        assert lab.client.request(method, path, headers=headers).status_code == 401
    assert lab.state("X0001") == "no-result"


def test_a_new_key_ends_the_old_one_and_only_its_digest_is_kept(lab: Lab) -> None:
    moment = lab.port.moment()
    fresh = lab.port.store.write(lambda tx: service.make_lab_key(tx, moment, town.LAB))

    assert lab.client.get("/v1/lab", headers=lab.auth).status_code == 401
    assert lab.client.get("/v1/lab", headers={"Authorization": f"Bearer {fresh}"}).json()["name"] == town.LAB
    with lab.port.store.read() as tx:
        kept = tx.all("SELECT key_hash FROM lab_key")
    assert not any(fresh.encode() in bytes(row[0]) for row in kept)


def test_a_refusal_is_an_operation_outcome_with_the_element_path(lab: Lab) -> None:
    answer = lab.client.post("/v1/lab/fhir", json=bundle(lab, "X0001", "12345"), headers=lab.auth)

    assert answer.status_code == 422
    (issue,) = answer.json()["issue"]
    assert (issue["severity"], issue["expression"]) == ("error", ["Observation[1].valueCodeableConcept"])
    chinese = lab.auth | {"Accept-Language": "zh-Hans"}
    said = lab.client.post("/v1/lab/fhir", json=bundle(lab, "X0001", "12345"), headers=chinese).json()
    assert "代码" in said["issue"][0]["details"]["text"]


def test_a_name_is_dropped_and_flagged(lab: Lab) -> None:
    sent = bundle(lab, "X0002", name=[{"family": "Muster", "given": ["Ada"]}])
    assert lab.client.post("/v1/lab/fhir", json=sent, headers=lab.auth).status_code == 200

    assert lab.state("X0002") == "negative"
    assert "names" in lab.tasks()
    assert not any(b"Muster" in path.read_bytes() for path in lab.port.settings.home.rglob("pratique.db*"))


def test_a_placeholder_is_no_name(lab: Lab) -> None:
    sent = bundle(lab, "X0002", name=[{"text": "混采管一"}])
    assert lab.client.post("/v1/lab/fhir", json=sent, headers=lab.auth).status_code == 200

    assert "names" not in lab.tasks()


def test_hl7_over_http_is_answered_as_over_mllp(lab: Lab) -> None:
    raw = Laboratory(town.LAB, town.LAB_OID).report("X0003", "negative", lab.port.moment().now, members=2)
    answer = lab.client.post("/v1/lab/hl7", content=raw, headers=lab.auth)
    assert b"MSA|CA|" in answer.content
    foreign = Laboratory("LAB-Z9", "").report("X0004", "negative", lab.port.moment().now, members=2)
    assert b"MSA|CE|" in lab.client.post("/v1/lab/hl7", content=foreign, headers=lab.auth).content
    unreadable = lab.client.post("/v1/lab/hl7", content=b"not hl7", headers=lab.auth)
    assert b"MSA|AR|" in unreadable.content

    assert (lab.state("X0003"), lab.state("X0004")) == ("negative", "no-result")


def test_a_table_needs_its_row_count_and_digest(lab: Lab) -> None:
    raw = b"tube_code,result,status\nX0001,negative,F\nX0002,nonsense,F\n"
    ask = f"/v1/lab/tables?rows=2&sha256={sha256(raw).hexdigest()}"
    done = lab.client.post(ask, content=raw, headers=lab.auth)

    assert done.status_code == 200
    assert (done.json()["rows"], done.json()["accepted"]) == (2, 1)
    assert done.json()["refused"][0]["where"] == "row 3/result"
    cut = lab.client.post(
        "/v1/lab/tables?rows=3&sha256=" + sha256(raw).hexdigest(), content=raw, headers=lab.auth
    )
    assert cut.status_code == 422
    assert lab.client.post("/v1/lab/tables", content=raw, headers=lab.auth).json()["field"] == "rows"


def test_a_manifest_is_refused_by_the_name_of_its_field(lab: Lab) -> None:
    said = {"day": "2026-01-05", "run": "P1", "tubes": 4, "wells": 4, "controls_passed": True}
    assert lab.client.post("/v1/lab/manifests", json=said, headers=lab.auth).json() == {"judged_again": 0}
    for change, field in (({"day": "5 January"}, "day"), ({"tubes": -1}, "tubes"), ({"names": "x"}, "names")):
        answer = lab.client.post("/v1/lab/manifests", json=said | change, headers=lab.auth)
        assert (answer.status_code, field in answer.text) == (422, True)
    future = (lab.port.moment().now + timedelta(days=3)).date().isoformat()
    answer = lab.client.post("/v1/lab/manifests", json=said | {"day": future}, headers=lab.auth)
    assert answer.json()["field"] == "day"


def test_a_laboratory_sees_its_own_holds_with_the_rule(lab: Lab) -> None:
    raw = Laboratory(town.LAB, town.LAB_OID).report("X0004", "negative", lab.port.moment().now, members=9)
    lab.client.post("/v1/lab/hl7", content=raw, headers=lab.auth)

    (held,) = lab.client.get("/v1/lab", headers=lab.auth).json()["held_tubes"]
    assert (held["tube_code"], held["because"]) == ("X0004", "count")
    other = lab.port.store.write(lambda tx: service.make_lab_key(tx, lab.port.moment(), "LAB-Z9"))
    seen = lab.client.get("/v1/lab", headers={"Authorization": f"Bearer {other}"}).json()
    assert seen["held_tubes"] == []


def test_a_box_is_handed_over_as_fhir_and_as_hl7(lab: Lab) -> None:
    fhir = lab.client.get("/v1/lab/boxes/BOX-1", headers=lab.auth).json()
    specimens = [entry["resource"] for entry in fhir["entry"]]
    assert [one["identifier"][0]["value"] for one in specimens] == list(CODES)
    assert {e["url"].rsplit(".", 1)[1]: e for e in specimens[0]["extension"][:1]}["combined"][
        "valueCode"
    ] == "grouped"
    assert "subject" not in specimens[0]

    hl7 = lab.client.get("/v1/lab/boxes/BOX-1", headers=lab.auth | {"Accept": "application/hl7-v2"})
    message = er7.read(hl7.content)
    spm = message.all("SPM")
    assert [one.part(2) for one in spm] == list(CODES)
    assert [(one.part(11), one.part(13)) for one in spm] == [("G", "2")] * 4
    assert lab.client.get("/v1/lab/boxes/NONE", headers=lab.auth).status_code == 404


def test_pools_are_emitted_as_table_0369_reads(lab: Lab) -> None:
    import hl7

    at = lab.port.moment().now
    tubes = [
        Ordered("X1", 10, at, town.ANALYTE), Ordered("X|2", 1, at, town.ANALYTE),
        Ordered("P3", 0, at, town.ANALYTE, ("X5", "X6")),
    ]  # fmt: skip
    peer = hl7.parse(order_message(tubes, "LAB-A", at, "C1").decode())
    roles = [str(segment[11][0][0]) for segment in peer.segments("SPM")]
    assert roles == ["G", "P", "L"]
    assert [str(peer.segments("SPM")[2][3])] == ["X5&PRATIQUE~X6&PRATIQUE"]
    ours = er7.read(order_message(tubes, "LAB-A", at, "C1")).all("SPM")
    assert [one.part(2) for one in ours] == ["X1", "X|2", "P3"]
    made = [entry["resource"] for entry in specimen_bundle(tubes, at)["entry"]]
    assert [one.get("extension", [{}])[0].get("valueCode") for one in made] == ["grouped", None, "pooled"]
    assert len(made[2]["parent"]) == 2
    assert oru.check_type  # the order is no result: intake refuses it
    with pytest.raises(er7.Unreadable):
        oru.check_type(er7.read(order_message(tubes, "LAB-A", at, "C1")))
