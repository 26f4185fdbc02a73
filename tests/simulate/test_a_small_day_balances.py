"""A day of two thousand people with all its faults, on each database: real server, killed and started; real sockets."""

import json
from pathlib import Path

import pytest

from pratique.simulate import books, house
from pratique.simulate.command import simulate_day
from pratique.simulate.day import Terms, plan


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_database"))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_it_works(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = simulate_day(people=2000, sites=12, labs=3, prevalence=0.0015, database=database, as_json=True)

    told = json.loads(capsys.readouterr().out)
    assert [row for row in told["ledger"] if row["wrong"]] == []
    assert told["problems"] == []
    assert (code, told["balances"]) == (0, True)
    assert told["most_tubes_waiting"] > 0  # there was an outage
    assert told["messages"] > told["tubes"]  # one laboratory sent twice


def test_the_ledger_sees_a_lost_tube_a_lost_person_and_a_false_positive(tmp_path: Path) -> None:
    """Nothing was sent: everything is missing, and the ledger says so."""
    day = plan(Terms(60, 2, 1, "B", 0.1, 3, True))
    port = house.opened(tmp_path, "")
    try:
        district = house.found(port, day)
        lines = {
            line.name: line for line in books.balance(port.store, port.sealer, day, district.site_ids, 0)
        }
    finally:
        port.close()

    assert lines["people sampled"].wrong == int(day.size.sum())
    assert lines["tubes registered"].wrong == len(day.size)
    assert lines["tubes with their result told"].wrong == len(day.size)
    assert lines["people detected"].wrong == int(day.infected.sum()) > 0


def test_a_day_that_is_none_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate_day(people=3, sites=5) == 2
    assert "at least one site" in capsys.readouterr().err
    assert simulate_day(people=30, sites=5, url="http://127.0.0.1:1") == 2
