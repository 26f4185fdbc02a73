"""The staff PIN: what it opens, what it never tells, how it locks."""

import json
import secrets
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.gate.test_the_gate_works_through_its_states import Bench

from pratique.gate.screen import Screen
from pratique.gate.sources import Advised
from pratique.gate.staff import LOCKED_FOR, PIN, TRIES, Act, Door, Staffed, set_pin


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_works(bench: Bench) -> None:
    bench.gate.handle(Staffed("admit"))

    assert (bench.lines[-1]["outcome"], bench.lines[-1]["reason"]) == ("staff", "admitted")
    assert bench.door.is_open
    bench.go(8)
    assert not bench.door.is_open
    assert bench.gate.journal.counts(bench.lines[-1]["slot15"]) == {"staff": 1}


def test_maintenance_stops_scanning_and_ends_by_itself(bench: Bench) -> None:
    bench.gate.handle(Staffed("maintenance"))
    assert bench.state == "maintenance"
    assert bench.scan(bench.fresh()) is None

    bench.go(10 * 60, 30)
    bench.gate.handle(Staffed("touch"))
    bench.go(10 * 60, 30)
    assert bench.state == "maintenance"
    bench.go(6 * 60, 30)
    assert bench.state == "ready"
    bench.gate.handle(Staffed("maintenance"))
    bench.gate.handle(Staffed("leave"))
    assert bench.state == "ready"


def test_a_door_opened_with_a_key_is_counted_too(bench: Bench) -> None:
    bench.door.broken = True
    bench.scan(bench.fresh())
    bench.go(2)
    assert bench.state == "out_of_order"

    bench.gate.handle(Staffed("admit"))

    assert bench.lines[-1]["outcome"] == "staff"
    assert bench.state == "out_of_order"


def test_a_door_that_goes_away_puts_the_gate_out_of_order_before_anybody_comes(bench: Bench) -> None:
    bench.door.broken = True
    bench.go(2)
    assert bench.state == "out_of_order"

    bench.door.broken = False
    bench.go(2)
    assert bench.state == "ready"


def test_a_temperature_hint_is_shown_and_changes_no_decision(bench: Bench) -> None:
    bench.gate.handle(Advised("take_reading"))
    assert "counter" in bench.shown[-1]["advice"]["en"]

    line = bench.scan(bench.fresh())

    assert line is not None
    assert line["outcome"] == "clear"
    assert "advice" not in line
    bench.gate.handle(Advised(""))
    assert bench.shown[-1]["advice"] is not None  # it stands long enough to be read
    bench.go(6)
    bench.gate.handle(Advised(""))
    assert bench.shown[-1]["advice"] is None
    assert b"take_reading" not in b"".join(p.read_bytes() for p in bench.folder.iterdir())


@pytest.mark.parametrize("pin", ["", "12345", "12345a", "111111", "121212", "１２３４５６７"[:3]])
def test_a_weak_pin_is_refused(tmp_path: Path, pin: str) -> None:
    with pytest.raises(ValueError, match="six digits"):
        set_pin(tmp_path, pin)


def test_five_wrong_tries_lock_it_for_five_minutes(tmp_path: Path) -> None:
    door = Door(tmp_path)
    assert door.opens("482913", 0) is None  # none was ever set
    set_pin(tmp_path, "482913", secrets.token_bytes)

    assert [door.opens("000000", n) for n in range(TRIES)] == [False] * TRIES
    assert door.opens("482913", 10) is None
    assert door.opens("482913", TRIES + LOCKED_FOR) is True
    assert b"482913" not in (tmp_path / PIN).read_bytes()
    assert (tmp_path / PIN).stat().st_mode & 0o077 == 0


def test_the_screen_takes_it_on_loopback_only_with_the_pin(tmp_path: Path) -> None:
    set_pin(tmp_path, "482913", secrets.token_bytes)
    door, acts = Door(tmp_path), list[Act]()

    def staffed(act: Act, pin: str) -> bool | None:
        knows = door.opens(pin, 0)
        if knows:
            acts.append(act)
        return knows

    screen = Screen(0, lambda _: None, tmp_path, staffed=staffed)

    def post(body: object, **headers: str) -> int:
        connection = HTTPConnection("127.0.0.1", screen.port, timeout=10)
        head = {"Content-Type": "application/json", "Host": f"127.0.0.1:{screen.port}"} | headers
        connection.request("POST", "/staff", json.dumps(body), head)
        return connection.getresponse().status

    assert post({"act": "admit", "pin": "482913"}) == 202
    assert post({"act": "admit", "pin": "482914"}) == 403
    assert post({"act": "everything", "pin": "482913"}) == 422
    assert post({"act": "admit", "pin": 482913}) == 422
    assert post({"act": "admit", "pin": "482913", "who": "x"}) == 422
    assert post({"act": "admit", "pin": "482913"}, Origin="https://elsewhere.example") == 403
    assert acts == ["admit"]
    for _ in range(TRIES):
        post({"act": "admit", "pin": "000000"})
    assert post({"act": "admit", "pin": "482913"}) == 423
    screen.close()
