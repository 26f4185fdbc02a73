"""The page of gates: sums, words to compare, groups, a list that is searched, actions with progress; no person."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.booking.test_the_console_plans_watches_and_books import LANGUAGES, Office
from tests.fleet.making import Device

from pratique.chores import gate_actions
from pratique.fleet import groups, service


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.port.close()


def a_gate(office: Office, *, confirmed: bool = True) -> Device:
    return Device(office.port.store, office.port.moment(), office.made.mandate_id, confirmed=confirmed)


def test_it_works(office: Office) -> None:
    for language in LANGUAGES:
        assert "fleet_" not in office.see("/console/gates", language)
    gate = a_gate(office)
    office.port.store.write(lambda tx: service.record_counts(tx, office.port.moment(), gate.batch(1)))
    text = office.see("/console/gates")
    assert gate.place.en in text
    assert text.count("<svg") >= 3
    assert 'http-equiv="refresh"' in text
    assert 'http-equiv="refresh"' not in office.see("/console/gates?state=lost")
    assert (
        gate.place.en
        not in office.see("/console/gates?state=lost").split('id="list"')[1].split("</table>")[0]
    )
    assert "heard" in office.see("/console")


def test_a_gate_is_connected_and_its_words_are_compared(office: Office) -> None:
    shown = office.send("/console/gates/enrol", place_zh="合成门", place_en="Synthetic door")
    assert re.search(r"/handheld/#token=\w+&amp;roots=[\w-]{43}", shown)
    good, bad = a_gate(office, confirmed=False), a_gate(office, confirmed=False)
    assert "Compare the words" in office.see("/console/gates")

    office.send(f"/console/gates/{good.id}/words", same="yes")
    office.send(f"/console/gates/{bad.id}/words", same="no")

    with office.port.store.read() as tx:
        assert {gate.id: gate.state for gate in service.gates(tx)} == {good.id: "up", bad.id: "ended"}
    office.send(f"/console/gates/{good.id}/words", 404, same="yes")


def test_groups_and_actions_on_many(office: Office) -> None:
    a_gate(office)
    office.send("/console/gate-groups", name_zh="码头", name_en="Piers", accepts_pass="1", channel="early")
    with office.port.store.read() as tx:
        (group,) = groups.groups(tx)
    assert (group.config.accepts, group.config.paper, group.channel) == (("pass",), False, "early")
    shown = office.send("/console/gate-actions", q="", state="", group="-", action=f"move:{group.id}")
    assert "0 / 1" in shown
    gate_actions(office.port)
    text = office.see(f"/console/gates?group={group.id}")
    assert "1 / 1" in text
    assert "other configuration" in text
    office.send(
        "/console/gate-groups", 422, group_id=group.id, name_zh="码头", name_en="Piers", channel="early"
    )
    office.send("/console/gate-actions", 409, state="ended", action="end")


def test_a_text_in_a_search_is_shown_as_text(office: Office) -> None:
    assert "<b>x" not in office.see("/console/gates?q=<b>x&state=<b>x&group=<b>x&after=<b>x")
