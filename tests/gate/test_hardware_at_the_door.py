"""Door boards, lamps, voices, printers and thermometers through real lines: pseudo-terminals, a pipe, a real OSDP
peripheral on the other end, a real speech program where the machine has one."""

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import osdp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osdp import helpers
from osdp.channel import Channel
from tests.gate.making import Pty, a_home
from tests.gate.test_real_lines_pictures_and_clips import now

from pratique.core.text import Text
from pratique.gate import warmth
from pratique.gate.drivers.hid import RECORD, Hid, Keys
from pratique.gate.drivers.lcus import LcusLamp, lcus_frame
from pratique.gate.drivers.osdp import OsdpRelay, read_key
from pratique.gate.drivers.printer import SlipPrinter, raster, slip
from pratique.gate.drivers.thermo import ModuleFrames, SerialThermometer, celsius, crc8, thermometer_for
from pratique.gate.drivers.voice import Voice, make_voices
from pratique.gate.outfit import watch
from pratique.gate.ports import DoorFault, Sign, Warmth
from pratique.gate.relay import relay_for
from pratique.gate.signs import Signs
from pratique.gate.sources import Advised, Event, Scan, Silent, SourceLost
from pratique.gate.warmth import Calibration, advise, fit

KEY = bytes(range(16))
TODAY = date(2026, 1, 5)
GOOD = Calibration(date(2026, 1, 1), date(2027, 1, 1), 1.0, 0.0)
PASSED = Sign("waiting_passage", "success", "clear", "pass", Text("Enter", "请进"))
STAFF = Sign("decided", "attention", "see_staff", "clock", Text("Show a fresh code", "请出示新码"))
REST = Sign("ready", "off", "", "", Text("Show your code", "请出示码"))


def until(holds: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


# A door over OSDP


class Line(Channel):  # type: ignore[misc]
    def __init__(self, handle: int) -> None:
        super().__init__()
        os.set_blocking(handle, False)
        self.handle = handle

    def read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.handle, max_bytes)
        except OSError:
            return b""

    def write(self, buf: bytes) -> int:
        try:
            return os.write(self.handle, buf)
        except OSError:
            return 0

    def flush(self) -> None:
        return None


def board_at(handle: int, key: bytes = KEY) -> Any:
    """A real peripheral: the door board on the other end of the line."""
    can = helpers.PDCapabilities(
        [(osdp.Capability.OutputControl, 1, 1), (osdp.Capability.CommunicationSecurity, 1, 1)]
    )
    info = helpers.PDInfo(5, Line(handle), scbk=key, flags=[osdp.LibFlag.EnforceSecure])
    board = osdp.PeripheralDevice(info, can, log_level=osdp.LogLevel.Emergency)
    board.start()
    return board


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    pty = Pty()
    yield pty.ours, pty.name
    pty.unplug()


def answers(relay: OsdpRelay) -> bool:
    try:
        relay.check()
    except DoorFault:
        return False
    return True


def test_it_works_over_osdp(line: tuple[int, str]) -> None:
    board, relay = board_at(line[0]), OsdpRelay(line[1], 5, KEY)
    until(lambda: answers(relay))

    relay.open()
    opened = board.get_command(10)
    relay.shut()
    shut = board.get_command(10)

    assert [(c["command"], c["output_no"], c["control_code"]) for c in (opened, shut)] == [
        (osdp.Command.Output, 0, 2),
        (osdp.Command.Output, 0, 1),
    ]
    board.teardown()
    until(lambda: not answers(relay))
    with pytest.raises(DoorFault, match="does not answer"):
        relay.open()
    relay.close()


def test_a_board_with_another_key_opens_nothing(line: tuple[int, str]) -> None:
    board, relay = board_at(line[0], bytes(16)), OsdpRelay(line[1], 5, KEY)
    time.sleep(2)

    with pytest.raises(DoorFault):
        relay.open()
    assert board.get_command(-1) is None
    board.teardown()
    relay.close()


def test_a_key_is_read_from_a_file_of_its_own(tmp_path: Path) -> None:
    good, short = tmp_path / "good", tmp_path / "short"
    good.write_text(KEY.hex() + "\n")
    short.write_text("00ff")

    assert read_key(str(good)) == KEY
    for bad in (short, tmp_path / "absent"):
        with pytest.raises(ValueError, match=bad.name):
            read_key(str(bad))


@pytest.mark.parametrize(
    "name", ["serial:", "serial:/dev/x:9", "osdp:/dev/x", "osdp:/dev/x:200:k", "gpio:x", "python:none:Such"]
)
def test_a_relay_that_cannot_be_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"a relay is|cannot be had"):
        relay_for(name)


# A scanner that types


def typed(text: str) -> bytes:
    """The records of a US keyboard typing `text` and Enter."""
    from pratique.gate.drivers import hid

    records = []
    for sign in text:
        shift = sign not in hid._PLAIN.values()
        code = next(c for c, s in (hid._UPPER if shift else hid._PLAIN).items() if s == sign)
        if shift:
            records.append((1, 42, 1))
        records += [(4, 4, 458756), (1, code, 1), (0, 0, 0), (1, code, 0)]
        if shift:
            records.append((1, 42, 0))
    records += [(1, 28, 1), (1, 28, 0)]
    return b"".join(RECORD.pack(0, 0, *record) for record in records)


SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:abcxyz"


@given(st.text(alphabet=SIGNS, min_size=1, max_size=40), st.integers(1, 100))
@settings(deadline=None)
def test_what_a_scanner_types_is_what_was_on_the_code(text: str, size: int) -> None:
    raw, keys = typed(text), Keys()

    found = [done for at in range(0, len(raw), size) for done in keys.feed(raw[at : at + size])]

    assert found == [text]


def test_a_typing_scanner_comes_and_goes(tmp_path: Path) -> None:
    pipe, events, stop = tmp_path / "event", list[Event](), threading.Event()
    os.mkfifo(pipe)
    threading.Thread(target=Hid(str(pipe)).run, args=(events.append, stop), daemon=True).start()

    with pipe.open("wb", buffering=0) as scanner:
        scanner.write(typed("PQ1:ABC") + struct.pack("@llHHi", 0, 0, 1, 30, 1)[:5])

    until(lambda: any(isinstance(event, SourceLost) for event in events))
    assert [event.text for event in events if isinstance(event, Scan)] == ["PQ1:ABC"]
    stop.set()


# Lamp, voice, slip


def test_the_lamp_says_what_the_screen_says_and_sends_only_changes() -> None:
    tower = Pty()
    lamp = LcusLamp(tower.name)

    lamp.tell(REST)
    assert tower.read(12) == b"".join(lcus_frame(channel, False) for channel in (2, 3, 4))
    lamp.tell(PASSED)
    assert tower.read(4) == lcus_frame(2, True)
    lamp.tell(STAFF)
    assert tower.read(8) == lcus_frame(2, False) + lcus_frame(3, True)
    assert tower.read(1, 0.2) == b""
    tower.unplug()


def test_a_broken_lamp_is_told_once_and_holds_up_nobody() -> None:
    told: list[tuple[str, bool]] = []
    heard: list[str] = []

    class Ear:
        def tell(self, sign: Sign) -> None:
            heard.append(sign.outcome)

    signs = Signs(
        [("lamp", LcusLamp("/dev/absent")), ("voice", Ear())],
        lambda name, stands: told.append((name, stands)),
    )
    for sign in (PASSED, REST, STAFF):
        signs.show(
            {"state": sign.state, "lamp": sign.lamp, "outcome": sign.outcome, "reason": sign.reason,
             "text": {"en": sign.text.en, "zh-Hans": sign.text.zh_hans}}
        )  # fmt: skip
        time.sleep(0.1)
    signs.close()

    assert told == [("lamp", True)]
    assert heard == ["clear", "", "see_staff"]


def test_the_voice_speaks_both_languages_when_the_verdict_falls(tmp_path: Path) -> None:
    assert make_voices(tmp_path / "voices", [("clear", "pass"), ("see_staff", "clock")]) == 4
    with wave.open(str(tmp_path / "voices" / "clear-pass.zh-Hans.wav")) as spoken:
        assert spoken.getnframes() / spoken.getframerate() > 0.2
    player = tmp_path / "player"
    player.write_text(f"#!/bin/sh\ncat > {tmp_path}/$$.wav; echo $$ >> {tmp_path}/order\n")
    player.chmod(0o755)
    voice = Voice(tmp_path / "voices", player=(str(player),))

    for sign in (REST, PASSED, STAFF):
        voice.tell(sign)

    order = (tmp_path / "order").read_text().split()
    played = [(tmp_path / f"{pid}.wav").read_bytes() for pid in order]
    names = ("clear-pass.zh-Hans", "clear-pass.en", "see_staff-clock.zh-Hans", "see_staff-clock.en")
    assert played == [(tmp_path / "voices" / f"{name}.wav").read_bytes() for name in names]
    with pytest.raises(ValueError, match="pratique gate voices"):
        Voice(tmp_path)


def test_a_slip_is_printed_for_the_counter_and_for_nothing_else() -> None:
    printer = Pty()
    made = SlipPrinter(printer.name, Text("North gate", "北门"))
    expected = slip(STAFF.text, Text("North gate", "北门"), made._font)

    made.tell(PASSED)
    made.tell(REST)
    assert printer.read(1, 0.2) == b""
    sent = threading.Thread(target=made.tell, args=(STAFF,))
    sent.start()
    raw = printer.read(2 + 8 + 48 * expected.height + 2 + 4)
    sent.join()

    assert raw.startswith(b"\x1b@\x1dv0\x00\x30\x00" + expected.height.to_bytes(2, "little"))
    assert raw[10 : 10 + 48 * expected.height] == raster(expected)[8:]
    assert raw.endswith(b"\x1dVB\x00")
    black = sum(bin(byte).count("1") for byte in raw[10:])
    assert 2_000 < black < 48 * 8 * expected.height / 2  # words, not an empty or a black strip
    printer.unplug()


# A thermometer is a hint


def frame(skin: float, air: float) -> bytes:
    body = b"\x5a\x5a\x45\x04" + round(skin * 100).to_bytes(2, "big") + round(air * 100).to_bytes(2, "big")
    return body + bytes([sum(body) % 256])


@given(
    st.lists(st.tuples(st.integers(-2000, 12000), st.integers(-2000, 8000)), max_size=5),
    st.binary(max_size=9),
)
@settings(deadline=None)
def test_frames_are_found_between_noise(readings: list[tuple[int, int]], noise: bytes) -> None:
    noise = noise.replace(b"\x5a", b"")
    raw = noise + noise.join(
        b"\x5a\x5a\x45\x04"
        + (body := struct.pack(">hh", *pair))
        + bytes([(0x5A + 0x5A + 0x45 + 4 + sum(body)) % 256])
        for pair in readings
    )
    frames = ModuleFrames()

    found = [reading for byte in raw for reading in frames.feed(bytes([byte]))]

    assert [(r.object_c, r.ambient_c) for r in found] == [(a / 100, b / 100) for a, b in readings]


def test_the_sensor_s_own_example_is_read_and_a_disturbed_one_is_not() -> None:
    assert celsius(0x07, b"\xd2\x3a\x30") == pytest.approx(28.01)
    flagged = b"\x00\x80"
    assert celsius(0x07, flagged + bytes([crc8(b"\xb4\x07\xb5" + flagged)])) is None
    with pytest.raises(OSError, match="damaged"):
        celsius(0x07, b"\xd3\x3a\x30")


@pytest.mark.parametrize(
    ("reading", "advice"),
    [
        (Warmth(36.2, 22.0), ""),
        (Warmth(37.3, 22.0), "take_reading"),
        (Warmth(38.0, 10.0), "ambient"),
        (Warmth(38.0, 33.0), "ambient"),
        (Warmth(None, 22.0), "missing"),
        (Warmth(38.0, None), "missing"),
        (Warmth(0.0, 22.0), ""),
        (Warmth(60.0, 22.0), ""),
        (Warmth(38.0, 22.0, distance_cm=30), "come_closer"),
        (Warmth(38.0, 22.0, distance_cm=200), ""),
        (Warmth(38.0, 22.0, distance_cm=5), "take_reading"),
    ],
)
def test_it_has_one_thing_to_say(reading: Warmth, advice: str) -> None:
    assert advise(reading, GOOD, TODAY) == advice


def test_it_falls_silent_when_it_may_not_be_trusted() -> None:
    ill = Warmth(39.0, 22.0, reference_c=37.2)
    with_reference = Calibration(GOOD.checked_on, GOOD.due_on, 1.0, 0.0, reference_c=37.0)

    assert advise(ill, GOOD, date(2027, 1, 2)) == "overdue"
    assert advise(ill, with_reference, TODAY) == "drift"
    assert advise(ill._replace(reference_c=None), with_reference, TODAY) == "drift"
    assert advise(ill._replace(reference_c=37.1), with_reference, TODAY) == "take_reading"


def test_a_sensor_that_normalises_is_found() -> None:
    points = [float(c) for c in range(30, 43, 2)]

    assert fit([(c, c - 0.3) for c in points]).faults == ()
    assert "slope" in fit([(c, 36.5 + (c - 36) * 0.4) for c in points]).faults
    assert "plateau" in fit([(c, min(max(c, 36.0), 37.0)) for c in points]).faults
    with pytest.raises(ValueError, match="30 to 42"):
        fit([(36.0, 36.0)] * 7)


@pytest.mark.parametrize(
    ("slope", "code"), [(1.0, 0), (0.3, 1)], ids=["a sensor that follows", "a sensor that normalises"]
)
def test_the_self_test_is_run_on_a_line_and_only_a_good_sensor_is_used(
    tmp_path: Path, slope: float, code: int
) -> None:
    blackbody, stop, at = Pty(), threading.Event(), [30.0]
    home = a_home(tmp_path, now())

    def send() -> None:
        with contextlib.suppress(
            OSError
        ):  # once nobody reads the line is full, and writing waits until it is unplugged
            while not stop.wait(0.005):
                os.write(blackbody.ours, frame(36.6 + (at[0] - 36) * slope, 22.0))

    command = [sys.executable, "-m", "pratique.gate", "thermometer-check", "--home", str(home), "--json"]
    asked = subprocess.Popen(
        [*command, "--thermometer", f"serial:{blackbody.name}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert asked.stdin is not None
    assert asked.stderr is not None
    assert asked.stdout is not None
    threading.Thread(target=send, daemon=True).start()
    for question in asked.stderr:
        at[0] = float(question.split(" to ")[1].split(" ")[0])
        time.sleep(0.3)  # what was on the line before
        asked.stdin.write("\n")
        asked.stdin.flush()
    told = json.loads(asked.stdout.read())
    stop.set()

    assert asked.wait(10) == code, told
    assert (home / "thermometer.json").exists() is (code == 0)
    assert told["slope"] == pytest.approx(slope, abs=0.02)
    blackbody.unplug()


def test_a_warm_forehead_is_told_once_and_a_lost_sensor_too() -> None:
    pty, events, stop = Pty(), list[Event](), threading.Event()
    threading.Thread(
        target=watch,
        args=(SerialThermometer(pty.name), GOOD, events.append, stop, lambda: TODAY),
        daemon=True,
    ).start()
    time.sleep(0.3)
    for skin in (36.0, 38.2, 38.3, 36.1, 36.0):
        os.write(pty.ours, frame(skin, 22.0))
        time.sleep(0.2)
    # The newest reading counts: on a busy machine one between may be passed over.
    until(lambda: Advised("") in events)
    assert set(events[: events.index(Advised(""))]) == {Advised("take_reading")}
    until(lambda: Silent("thermometer", True) in events)
    stop.set()
    with pytest.raises(ValueError, match="a thermometer is"):
        thermometer_for("telepathy")
    pty.unplug()
    assert warmth.LIMIT_C == 37.3
