"""What can be held about the laws over the whole house at once; each room holds its own share in its own tests.

Law 1 raw SQL: tests/store/test_guards.py · law 2 omissions: tests/notices · law 3 ends: tests/notices, tests/policy ·
law 4 gates: tests/gate · law 6: tests/retire, tests/test_forgetting_leaves_nothing.py.
"""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from pratique.app import web_app
from pratique.notices.model import NoticeView
from pratique.policy.model import Decision, Verdict
from pratique.port import open_port
from pratique.settings import Settings
from pratique.store.guards import APPEND_ONLY, GUARDS
from pratique.store.migrate import migration_names, statements

FOLLOWS = re.compile(
    r"latitude|longitude|geoloc|(^|_)gps|imei|imsi|mac_addr|ssid|itinerar|trip|cell_tower|face|iris|voice|fingerprint|photo"
)
RANKS = re.compile(r"(^|_)(score|rank|ranking|league|rating|trust_level|credit)(_|$)")
PLAIN_PERSON = re.compile(r"(^|_)(full_name|surname|given_name|birth|phone|id_number|passport|address)(_|$)")


def columns() -> list[tuple[str, str]]:
    """Every (table, column) of the schema."""
    found = []
    for name in migration_names():
        for statement in statements(name, "sqlite"):
            if made := re.match(r"CREATE TABLE (\w+) \((.*)\)", statement, re.S):
                for line in made[2].splitlines():
                    word = line.strip().split(" ")[0].strip(",")
                    if re.fullmatch(r"[a-z_0-9]+", word):
                        found.append((made[1], word))
    return found


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    port = open_port(Settings(home=tmp_path_factory.mktemp("home")))
    document: dict[str, Any] = TestClient(web_app(port)).get("/openapi.json").json()
    port.close()
    return document


def test_it_works(described: dict[str, Any]) -> None:
    assert ("notice", "mandate_id") in columns()
    assert "/v1/tube-events" in described["paths"]


def test_law_1_every_guarded_table_must_name_its_mandate() -> None:
    known = set(columns())
    for guard in GUARDS:
        assert {(guard.table, "mandate_id"), (guard.table, guard.at)} <= known
    assert {table for table, _ in known} >= set(APPEND_ONLY)


def test_law_2_a_decision_without_reason_remedy_facts_rule_mandate_or_end_does_not_construct() -> None:
    for struct in (Verdict, Decision, NoticeView):
        needed = {field.name for field in msgspec.structs.fields(struct) if field.required}
        assert {"facts", "remedy", "rule", "mandate_id"} <= needed
    assert {"reasons", "valid_until"} <= {f.name for f in msgspec.structs.fields(Verdict) if f.required}


def test_law_4_there_is_no_column_in_which_somebody_could_be_followed() -> None:
    assert [(t, c) for t, c in columns() if FOLLOWS.search(c)] == []
    plain = [(t, c) for t, c in columns() if PLAIN_PERSON.search(c)]
    assert plain == [("contact_card", "phone_index")]  # a keyed digest that dies with its mandate


def test_law_4_no_table_but_the_tube_joins_a_person_to_a_site() -> None:
    tables: dict[str, set[str]] = {}
    for table, column in columns():
        tables.setdefault(table, set()).add(column)
    both = [
        t
        for t, names in tables.items()
        if "subject_id" in names and names & {"site_id", "place_en", "gate_id"}
    ]
    assert both == []


def test_law_4_unknown_fields_are_refused_by_name_on_every_route(described: dict[str, Any]) -> None:
    loose = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody")
            if body is None:
                continue
            name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            if described["components"]["schemas"][name].get("additionalProperties") is not False:
                loose.append(f"{method} {path}")
    assert loose == []


def test_law_5_nothing_ranks_anybody(described: dict[str, Any]) -> None:
    assert [(t, c) for t, c in columns() if RANKS.search(c)] == []
    for schema in described["components"]["schemas"].values():
        assert [name for name in schema.get("properties", {}) if RANKS.search(name)] == []


def test_law_6_what_is_personal_is_a_sealed_blob() -> None:
    sealed = {
        ("contact_card", "sealed"), ("evidence", "body"), ("facts_row", "body"), ("appeal", "sealed_text"),
        ("appeal", "sealed_answer"), ("access_log", "sealed_subject"),
    }  # fmt: skip
    schema = " ".join(s for name in migration_names() for s in statements(name, "sqlite"))
    for table, column in sealed:
        made = re.search(rf"CREATE TABLE {table} \((.*?)\) STRICT", schema, re.S)
        assert made is not None
        assert re.search(rf"\b{column} BLOB", made[1])


def test_no_route_sets_a_status_by_hand(described: dict[str, Any]) -> None:
    """Incident S22: status is a function of signed evidence; there is no field to write it to."""
    for name, schema in described["components"]["schemas"].items():
        if name == "CountRow":  # how many, at a gate: about nobody
            continue
        if schema.get("additionalProperties") is False:  # what comes from outside
            assert not {"status", "outcome", "state", "colour", "color", "decision"} & set(
                schema.get("properties", {})
            )


def test_the_source_has_no_module_for_what_is_never_built() -> None:
    names = [p.stem for p in Path(__file__).parents[1].joinpath("src").rglob("*.py")]
    assert [n for n in names if re.search(r"face_|facial|score|ranking|tracking|location|geofence", n)] == []
