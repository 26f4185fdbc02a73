"""The machine and the loop: longest times, faults, the end of a mandate, a jammed turnstile, clock attacks."""

import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.making import NOW, ROOT_KEYS, a_pass, mandate_note, pass_bytes, show, signed

from pratique.gate.clock import CONFIRMED_FOR, Clock, Confirmed
from pratique.gate.enrol import write_whole
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists
from pratique.gate.loop import Gate
from pratique.gate.machine import LONGEST, Machine
from pratique.gate.memory import Memory
from pratique.gate.model import AMBER, STATES, STOPS, slot_of
from pratique.gate.ports import DoorFault
from pratique.gate.sources import Hint, Scan, SourceBack, SourceLost, Synced, Turned


class Door:
    def __init__(self) -> None:
        self.is_open, self.broken, self.openings = False, False, 0

    def open(self) -> None:
        if self.broken:
            raise DoorFault
        self.openings += not self.is_open
        self.is_open = True

    def shut(self) -> None:
        if self.broken:
            raise DoorFault
        self.is_open = False

    def check(self) -> None:
        if self.broken:
            raise DoorFault


class Bench:
    """A whole gate with a real journal and real lists; only time is turned by hand."""

    def __init__(self, folder: Path, *, turn_sensor: bool = False, lists: bytes | None = None) -> None:
        self.wall, self.ran = NOW.timestamp(), 1000.0
        self.path, self.folder = folder / "snapshot.cbor", folder
        write_whole(self.path, signed() if lists is None else lists)
        self.lines: list[dict[str, Any]] = []
        self.shown: list[dict[str, Any]] = []
        self.door, self.turn_sensor = Door(), turn_sensor
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.folder / "journal.db")
        clock = Clock(
            self.journal.floor(), self.journal.last_slot() * 900, lambda: self.wall, lambda: self.ran
        )
        self.gate = Gate(
            Lists(self.path, ROOT_KEYS, 2, int(self.journal.setting("snapshot", "0"))), self.journal, clock,
            Memory(secrets.token_bytes(32)), self.door, self.lines.append, self.shown.append,
            turn_sensor=self.turn_sensor, ticks=lambda: self.ran,
        )  # fmt: skip

    def go(self, seconds: float, step: float = 1.0) -> None:
        while seconds > 0:
            self.wall += min(step, seconds)
            self.ran += min(step, seconds)
            seconds -= step
            self.gate.handle(None)

    def scan(self, text: str) -> dict[str, Any] | None:
        before = len(self.lines)
        self.gate.handle(Scan(text, self.ran))
        return self.lines[-1] if len(self.lines) > before else None

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.wall - NOW.timestamp())

    @property
    def state(self) -> str:
        return self.gate.machine.state

    def fresh(self, **changes: Any) -> str:
        return a_pass(self.now, **changes)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_works(bench: Bench) -> None:
    assert bench.state == "ready"

    line = bench.scan(bench.fresh())

    assert line == {
        "outcome": "clear",
        "reason": "pass",
        "policy": 0,
        "snapshot": 7,
        "slot15": slot_of(bench.wall),
        "ms": 0,
    }
    assert bench.state == "waiting_passage"
    assert bench.door.is_open
    bench.go(8)
    assert bench.state == "ready"
    assert not bench.door.is_open
    assert bench.journal.counts(slot_of(NOW.timestamp())) == {"clear": 1}


def test_a_verdict_leaves_the_screen_by_itself(bench: Bench) -> None:
    bench.scan("nonsense")
    assert bench.state == "decided"
    assert bench.shown[-1]["outcome"] == "see_staff"
    assert not bench.door.is_open

    bench.go(4)

    assert bench.state == "ready"
    assert bench.shown[-1]["outcome"] is None


def test_the_same_code_in_view_is_one_scan(bench: Bench) -> None:
    text = bench.fresh()
    assert bench.scan(text)
    for _ in range(20):
        bench.go(0.5, 0.5)
        assert bench.scan(text) is None
    assert bench.gate.decided == 1


def test_a_person_standing_there_is_counted_once_while_the_proof_renews(bench: Bench) -> None:
    credential = pass_bytes(issued=NOW - timedelta(hours=1), expires=NOW + timedelta(hours=23))
    for turn in range(4):
        text = show(credential, NOW + timedelta(seconds=15 * turn))
        for _ in range(15):
            bench.scan(text)
            bench.go(1)

    assert bench.gate.decided == 1


def test_a_copy_of_a_showing_is_not_taken(bench: Bench) -> None:
    text = bench.fresh()
    bench.scan(text)
    bench.go(30)

    line = bench.scan(text)

    assert line is not None
    assert (line["outcome"], line["reason"]) == ("see_staff", "clock")
    assert bench.door.openings == 1


def test_an_opened_turnstile_that_did_not_turn_takes_the_count_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, turn_sensor=True)
    text = bench.fresh()
    bench.scan(text)
    assert bench.scan(bench.fresh(status=(1, 9))) is None  # one passage at a time
    bench.go(8)

    assert bench.state == "annulled"
    assert bench.lines[-1]["outcome"] == "annulled"
    assert bench.journal.counts(slot_of(bench.wall)) == {"annulled": 1}
    assert not bench.door.is_open
    bench.go(3)
    assert bench.state == "ready"
    line = bench.scan(text)
    assert line is not None
    assert line["outcome"] == "clear"
    bench.gate.handle(Turned())
    assert bench.state == "ready"
    assert bench.journal.counts(slot_of(bench.wall)) == {"annulled": 1, "clear": 1}


def test_when_the_mandate_ends_the_door_is_free_at_that_second(tmp_path: Path) -> None:
    ends = NOW + timedelta(hours=2)
    note = mandate_note(NOW, days=1 + 2 / 24)
    bench = Bench(tmp_path, lists=signed(mandates=(note,)))
    bench.go((ends - NOW).total_seconds() - 1, 600)
    line = bench.scan(bench.fresh())
    assert line is not None
    assert line["outcome"] == "clear"

    bench.wall += 1  # no tick in between: the decision itself asks
    line = bench.scan(bench.fresh(status=(1, 9)))

    assert line is not None
    assert (line["outcome"], line["reason"]) == (None, "no_check")
    bench.go(2)
    assert bench.state == "no_check"
    assert bench.door.is_open
    assert bench.shown[-1]["text"]["en"].startswith("No check here")
    assert sum(bench.journal.counts(slot_of(bench.wall)).values()) <= 1

    write_whole(bench.path, signed(bench.now, number=9))
    bench.go(2)
    assert bench.state in ("ready", "degraded")
    assert not bench.door.is_open


def test_without_a_mandate_for_gates_there_is_no_check(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lists=signed(mandates=(mandate_note(unlocks=("campaign",)),)))
    line = bench.scan(bench.fresh())

    assert bench.state == "no_check"
    assert bench.door.is_open
    assert line is not None
    assert line["outcome"] is None
    assert bench.journal.last_slot() == 0


@pytest.mark.parametrize(("action", "outcome", "state"), [
    ("admit", "clear", "waiting_passage"), ("see-staff", "see_staff", "decided"), ("stop", None, "no_check"),
])  # fmt: skip
def test_stale_lists_follow_the_mandate_and_show_amber(
    tmp_path: Path, action: str, outcome: str, state: str
) -> None:
    note = mandate_note(NOW, lists_stale=action)
    bench = Bench(tmp_path, lists=signed(mandates=(note,)))
    bench.go(24 * 3600, 900)
    assert bench.state == "degraded"
    assert bench.shown[-1]["faults"] == ["stale"]
    bench.go(48 * 3600, 900)

    line = bench.scan(bench.fresh())

    assert line is not None
    assert line["outcome"] == outcome
    assert bench.state == state
    assert bench.door.is_open is (outcome != "see_staff")


def test_a_relay_that_does_not_answer_puts_the_gate_out_of_order_and_counts_nobody(bench: Bench) -> None:
    bench.door.broken = True
    bench.scan(bench.fresh())

    assert bench.state == "out_of_order"
    assert "Out of order, exit free" in bench.shown[-1]["text"]["en"]
    assert bench.journal.counts(slot_of(bench.wall)) == {"annulled": 1}
    line = bench.scan(bench.fresh(status=(1, 9)))
    assert line is not None
    assert line["reason"] == "out_of_order"

    bench.door.broken = False
    bench.go(3)
    assert bench.state == "ready"


def test_a_lost_scanner_is_out_of_order_until_it_is_back(bench: Bench) -> None:
    bench.gate.handle(SourceLost("unplugged"))
    assert bench.state == "out_of_order"
    bench.gate.handle(SourceBack())
    assert bench.state == "ready"


def test_hints_say_what_to_do_about_the_code(bench: Bench) -> None:
    bench.gate.handle(Hint("brighter"))
    assert bench.state == "reading"
    assert bench.shown[-1]["text"] == {"en": "Make the screen brighter", "zh-Hans": "请调亮屏幕"}
    bench.go(3)
    assert bench.state == "ready"


def test_without_lists_nothing_is_decided(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lists=b"not a bundle")

    assert bench.state == "out_of_order"
    line = bench.scan(bench.fresh())
    assert line is not None
    assert line["outcome"] is None
    assert not bench.door.is_open
    write_whole(bench.path, signed())
    bench.go(2)
    assert bench.state == "ready"


def test_refused_lists_are_an_alarm_and_the_old_ones_stay(bench: Bench) -> None:
    write_whole(bench.path, signed(number=3))
    bench.go(2)

    assert bench.state == "degraded"
    assert bench.shown[-1]["faults"] == ["snapshot_refused"]
    line = bench.scan(bench.fresh())
    assert line is not None
    assert (line["outcome"], line["snapshot"]) == ("clear", 7)


def test_past_end_and_grace_the_gate_destroys_what_it_holds_without_a_network(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, lists=signed(mandates=(mandate_note(NOW, days=2),))
    )  # ends in a day, grace of a day
    over: list[tuple] = []
    bench.gate._end = over.append
    bench.go(2 * 86_400 - 60, 900)
    assert bench.state == "no_check"
    assert not over
    bench.go(60 + 899)
    assert not over
    bench.go(2)

    assert len(over) == 1
    assert bench.state == "retired"
    bench.go(86_400, 900)
    assert len(over) == 1


def test_a_clock_that_jumps_past_the_end_and_back_destroys_nothing(bench: Bench) -> None:
    over: list[tuple] = []
    bench.gate._end = over.append
    bench.wall += 90 * 86_400
    bench.go(600, 10)
    assert bench.state == "no_check"
    bench.gate.handle(Synced(confirmed=Confirmed(NOW.timestamp() + 600, bench.ran)))
    bench.go(86_400, 900)

    assert not over
    assert bench.state in ("ready", "degraded")


# Clock attacks


def test_a_clock_set_back_a_day_admits_nothing_that_ran_out(bench: Bench) -> None:
    ended = a_pass(NOW - timedelta(hours=25))
    bench.wall -= 86_400
    bench.go(1)

    line = bench.scan(ended)

    assert line is not None
    assert line["outcome"] != "clear"
    assert bench.shown[-1]["ages"]["clock"] == "bad"
    assert bench.gate.machine.faults == {"clock"}


def test_a_clock_set_back_over_a_restart_is_noticed_by_the_journal(bench: Bench) -> None:
    bench.go(86_400, 900)
    bench.scan(bench.fresh())
    bench.wall -= 80_000
    bench.start()

    line = bench.scan(a_pass(bench.now))

    assert line is not None
    assert (line["outcome"], line["reason"]) == ("see_staff", "clock")


def test_a_clock_set_ahead_holds_nobody_who_has_a_live_phone(bench: Bench) -> None:
    text = bench.fresh()
    bench.wall += 86_400

    line = bench.scan(text)

    assert line is not None
    assert (line["outcome"], line["reason"]) == ("see_staff", "clock")


@pytest.mark.parametrize("jump", [-86_400, 86_400, 2 * 365 * 86_400, -NOW.timestamp()])
def test_with_a_confirmed_time_the_wall_clock_may_say_what_it_likes(bench: Bench, jump: float) -> None:
    bench.gate.handle(Synced(confirmed=Confirmed(NOW.timestamp(), bench.ran)))
    bench.go(1)
    assert bench.shown[-1]["ages"]["clock"] == "good"
    text = bench.fresh()
    bench.wall += jump

    line = bench.scan(text)

    assert line is not None
    assert line["outcome"] == "clear"
    assert bench.journal.floor() == NOW.timestamp() // 900 * 900


def test_a_confirmed_time_wears_out(bench: Bench) -> None:
    bench.gate.handle(Synced(confirmed=Confirmed(NOW.timestamp(), bench.ran)))
    bench.ran += CONFIRMED_FOR + 2
    bench.wall += CONFIRMED_FOR + 2
    bench.go(1)

    assert bench.shown[-1]["ages"]["clock"] == "lower_bound"


def test_a_signed_time_below_the_floor_is_not_believed(bench: Bench) -> None:
    assert not bench.gate.clock.confirm(Confirmed(0, bench.ran))
    assert not bench.gate.clock.confirm(Confirmed(NOW.timestamp(), bench.ran + 5))


def test_a_phone_that_is_three_minutes_off_gets_its_holder_in(bench: Bench) -> None:
    for i, seconds in enumerate((-180, 180)):
        line = bench.scan(bench.fresh(at=bench.now + timedelta(seconds=seconds), status=(1, i)))
        assert line is not None
        assert line["outcome"] == "clear"


# The machine as a table

events = st.sampled_from(["started", "seen", "opened", "refused", "turned", "pin", "touched", "left"])
causes = st.tuples(st.sampled_from(sorted(STOPS | AMBER)), st.booleans())


@given(st.lists(st.tuples(events | causes | st.booleans(), st.floats(0, 30)), max_size=60), st.booleans())
def test_no_state_outlives_its_longest_time_and_a_stopped_gate_never_decides(
    steps: list, sensor: bool
) -> None:
    machine, now = Machine(turn_sensor=sensor), 0.0
    for what, later in steps:
        now += later
        machine = machine.tick(now)
        longest = LONGEST[machine.state]
        assert longest is None or now - machine.since < longest
        if isinstance(what, bool):
            machine = machine.under_mandate(what, now)
        elif isinstance(what, tuple):
            machine = machine.cause(*what, now)
        else:
            machine = machine.feed(what, now)
        assert machine.state in STATES
        if machine.stopped or machine.ended:
            assert machine.state not in ("ready", "degraded", "waiting_passage", "decided", "reading")


def test_a_retired_gate_stays_retired() -> None:
    machine = Machine().retire(5)

    assert (
        machine.feed("started", 6).cause("door", True, 7).under_mandate(False, 8).tick(1e9).state == "retired"
    )


def test_a_start_that_takes_too_long_is_out_of_order() -> None:
    assert Machine().tick(5).state == "out_of_order"


def test_after_a_hundred_passages_nothing_of_any_code_is_on_the_disk(bench: Bench) -> None:
    from base64 import b64encode
    from hashlib import sha1, sha256

    from pratique.credentials import base45

    texts = []
    for n in range(100):
        texts.append(bench.fresh(status=(1, n)))
        bench.scan(texts[-1])
        bench.go(9, 3)
    bench.gate.chores()
    disk = b"".join(path.read_bytes() for path in bench.folder.iterdir() if path.name.startswith("journal"))
    disk += repr(bench.lines).encode() + repr(bench.shown).encode()

    assert bench.gate.opened == 100
    for text in texts:
        raw = base45.decode(text[4:])
        parts = [
            raw[60:76],
            raw[-40:-24],
            text[40:60].encode(),
            raw[60:76].hex().encode(),
            b64encode(raw[60:75]),
        ]
        parts += [digest(body).digest()[:8] for digest in (sha1, sha256) for body in (text.encode(), raw)]
        assert not any(part in disk for part in parts)
