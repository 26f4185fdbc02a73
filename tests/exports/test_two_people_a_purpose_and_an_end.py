"""An export needs a mandate, two people, a purpose and an end; each row is a look its subject sees."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pratique import town
from pratique.core.errors import Conflict, NoMandate, NotAllowed, NotFound, Refusal
from pratique.exports import cli, service
from pratique.exports.marks import observe
from pratique.exports.model import Made, Wish
from pratique.notices import service as notices
from pratique.peers import Holder
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.port import Port, open_port
from pratique.settings import Settings

PEOPLE = 30
PLANNER = Staff("W-PLAN", "Test Planner", "campaign-officer")
OTHER = Staff("W-OTHER", "Test Other", "campaign-officer")
OFFICER = Staff("W-DATA", "Test Officer", "data-officer")


class House:
    """A town with notices, and an export that was asked for."""

    def __init__(self, home: Path, url: str = "") -> None:
        self.port: Port = open_port(Settings(home=home, database_url=url))
        self.moment = self.port.moment()
        self.town = town.found(self.port, self.moment)
        self.holders = [Holder() for _ in range(PEOPLE)]
        town.settle(self.port, self.moment, self.holders)
        self.wish = Wish(self.town.mandate_id, "capacity", "beds for the coming week", "Harbour hospital", 7)
        self.id = self.port.store.write(lambda tx: service.ask(tx, self.moment, PLANNER, self.wish)).id

    def agree(self) -> None:
        self.port.store.write(lambda tx: service.decide(tx, self.moment, OFFICER, self.id, agreed=True))

    def copy(self) -> Made:
        return self.port.store.write(
            lambda tx: service.take_copy(
                tx, self.moment, self.port.sealer, self.port.secret, PLANNER, self.id
            )
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres_database") if request.param == "postgresql" else ""
    made = House(tmp_path, url)
    yield made
    made.port.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.port.close()


def csv_of(made: Made) -> str:
    return "\n".join(",".join(row) for row in made.rows)


def test_it_works(house: House) -> None:
    house.agree()
    made, again = house.copy(), house.copy()
    assert len(made.rows) == PEOPLE + 1
    assert made.rows != again.rows
    with house.port.store.read() as tx:
        verdict = service.trace_rows(tx, observe(csv_of(made)))
        assert verdict.copy_id == made.copy_id
        assert service.receiver(tx, made.copy_id)[0] == PLANNER.id
        looks = people.looks_at(tx, house.port.sealer, house.holders[0].subject_id)
    assert [look.fields for look in looks] == [("subject", "kind", "state")] * 2
    gone = [holder.subject_id for holder in house.holders if holder.subject_id in csv_of(made)]
    assert gone == []


def test_nothing_leaves_without_a_second_person(small: House) -> None:
    with pytest.raises(Refusal):
        small.copy()
    with pytest.raises(NotAllowed):
        small.port.store.write(lambda tx: service.decide(tx, small.moment, PLANNER, small.id, agreed=True))
    small.port.store.write(lambda tx: service.decide(tx, small.moment, OFFICER, small.id, agreed=False))
    with pytest.raises(Refusal):
        small.copy()
    with pytest.raises(Conflict):
        small.agree()


def test_who_asked_never_agrees_whatever_role_they_hold_by_then(small: House) -> None:
    promoted = Staff(PLANNER.id, PLANNER.name, "data-officer")
    with pytest.raises(NotAllowed) as refused:
        small.port.store.write(lambda tx: service.decide(tx, small.moment, promoted, small.id, agreed=True))
    assert refused.value.code == "SECOND_PERSON"
    with pytest.raises(Exception, match=r"(?i)check"):
        small.port.store.write(
            lambda tx: tx.run(
                "UPDATE export SET decided_by = asked_by, agreed = 1 WHERE id = :id", id=small.id
            )
        )


def test_it_is_for_who_asked_and_ends(small: House) -> None:
    small.agree()
    for staff, at in ((OTHER, small.moment.now), (PLANNER, small.moment.now + timedelta(days=8))):
        with pytest.raises((NotFound, Refusal)):
            small.port.store.write(
                lambda tx, s=staff, a=at: service.take_copy(
                    tx, small.moment._replace(now=a), small.port.sealer, small.port.secret, s, small.id
                )
            )
    with small.port.store.read() as tx:
        assert service.exports(tx, OTHER) == []
        (seen,) = service.exports(tx, OFFICER)
    assert seen.state(small.moment.now + timedelta(days=8)) == "overdue"
    small.port.store.write(lambda tx: service.confirm_destroyed(tx, small.moment, PLANNER, small.id))
    with small.port.store.read() as tx:
        assert service.export(tx, small.id).state(small.moment.now + timedelta(days=8)) == "destroyed"


def test_no_mandate_no_export_not_even_by_raw_sql(small: House) -> None:
    for mandate in ("", small.moment.new_id()):
        wish = Wish(mandate, "capacity", "beds for the coming week", "Harbour hospital", 7)
        with pytest.raises(NoMandate):
            small.port.store.write(lambda tx, w=wish: service.ask(tx, small.moment, PLANNER, w))
        with pytest.raises(NoMandate):
            small.port.store.write(
                lambda tx, m=mandate: tx.run(
                    "INSERT INTO export (id, mandate_id, purpose, reason, recipient, columns_asked, asked_by, "
                    "asked_at, ends_at) VALUES ('X', :m, 'audit', 'r', 'r', '', 'W', :now, :now)",
                    m=m,
                    now=small.moment.now_ms,
                )
            )


def test_two_exports_cannot_be_joined(small: House) -> None:
    small.agree()
    first = {row[0].replace("-", "") for row in small.copy().rows}
    small.id = small.port.store.write(lambda tx: service.ask(tx, small.moment, PLANNER, small.wish)).id
    small.agree()
    assert first & {row[0].replace("-", "") for row in small.copy().rows} == set()


def test_an_export_is_traced_after_its_data_is_gone(small: House) -> None:
    small.agree()
    made = small.copy()
    for holder in small.holders:
        small.port.store.write(
            lambda tx, h=holder: notices.forget(tx, small.moment, small.port.house, h.subject_id)
        )
    with small.port.store.read() as tx:
        assert service.trace_rows(tx, observe(csv_of(made))).copy_id == made.copy_id


def test_the_command_names_the_receiver_of_a_file_and_of_a_picture(
    small: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from pratique.credentials.qr import to_png, write

    small.agree()
    made = small.copy()
    leak = tmp_path / "leak.txt"
    leak.write_text("\n".join(",".join(row) for row in made.rows[3:23]), encoding="utf-8")
    picture = tmp_path / "shot.png"
    picture.write_bytes(to_png(write(made.code)))
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("no row here", encoding="utf-8")

    command = cli.commands(lambda: open_port(Settings(home=tmp_path)))
    for file, code in ((leak, 0), (picture, 0), (nothing, 1)):
        assert command(["trace", str(file), "--json"], result_action="return_value") == code
        said = json.loads(capsys.readouterr().out)
        assert (said.get("staff_id"), said["copy_id"]) == (
            (PLANNER.id, made.copy_id) if code == 0 else (None, "")
        )
