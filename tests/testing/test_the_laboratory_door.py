"""The MLLP listener: acknowledged after the commit, in order, also when frames come cut, slow, piped or too large."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from pratique.core.errors import StorageFull
from pratique.store.store import Store
from pratique.testing import mllp
from pratique.testing.client import Answer, read_answer, send
from pratique.testing.mllp import END, START, Door, Listener
from pratique.testing.mllp_tls import client_tls, server_tls
from tests.testing.world import NEGATIVE, POSITIVE, World, oru


@asynccontextmanager
async def listening(world: World, store: Store | None = None, **options) -> AsyncIterator[int]:
    """A listener on a free port in front of this world."""
    tls = options.pop("tls", None)
    door = Door(store or world.store, world.moment, world.tell, world.sealer)
    listener = Listener(door, **options)
    port = await listener.open("127.0.0.1", 0, tls)
    try:
        yield port
    finally:
        await listener.close()


def play(
    world: World, act: Callable[[int], Awaitable[object]], loop: Callable = asyncio.run, **options
) -> object:
    """Run `act(port)` against a listener."""

    async def run() -> object:
        async with listening(world, **options) as port:
            return await asyncio.wait_for(act(port), 60)

    return loop(run())


def letters(answers: list[list[Answer]]) -> list[str]:
    return [one.letters for found in answers for one in found]


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run])
def test_it_works(world: World, loop: Callable) -> None:
    subjects = world.pool("X0001")

    async def act(port: int) -> list[list[Answer]]:
        return await send("127.0.0.1", port, [oru("X0001", NEGATIVE, world.now)])

    answers = play(world, act, loop)

    assert answers == [[Answer("CA", "C1")]]
    assert world.state("X0001") == "negative"
    assert world.heard(subjects[0]) == ["not-detected"]


def test_what_is_acknowledged_is_committed(world: World) -> None:
    """At the moment the answer arrives, a fresh reader of the database sees the message."""
    world.pool("X0001")
    seen: list[int] = []

    async def act(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(20):
            writer.write(START + oru("X0001", NEGATIVE, world.now, control=f"C{n}") + END)
            await reader.readuntil(END)
            seen.append(world.count("lab_message"))
        writer.close()

    play(world, act)

    assert seen == list(range(1, 21))


def test_answers_come_in_the_order_of_the_messages(lite: World) -> None:
    async def act(port: int) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(200):
            writer.write(START + oru(f"X{n:04d}", NEGATIVE, lite.now, control=f"C{n}") + END)
        found = []
        for _ in range(200):
            found += [a.control_id for a in read_answer(await reader.readuntil(END))]
        writer.close()
        return found

    assert play(lite, act) == [f"C{n}" for n in range(200)]


def test_a_cut_frame_leaves_nothing(world: World) -> None:
    world.pool("X0001")
    raw = oru("X0001", POSITIVE, world.now)

    async def act(port: int) -> list[list[Answer]]:
        for cut in (1, 50, len(raw) // 2, len(raw)):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(START + raw[:cut])
            await writer.drain()
            writer.transport.abort()
        await asyncio.sleep(0.1)
        assert [world.count(t) for t in ("lab_message", "result_version", "lab_quarantine")] == [0, 0, 0]
        return await send("127.0.0.1", port, [raw])

    assert letters(play(world, act)) == ["CA"]
    assert world.count("result_version") == 1


def test_a_frame_may_come_byte_by_byte(lite: World) -> None:
    lite.pool("X0001")

    async def act(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in b"noise" + START + oru("X0001", NEGATIVE, lite.now) + END:
            writer.write(bytes([byte]))
            await writer.drain()
        answer = await reader.readuntil(END)
        writer.close()
        return answer

    assert read_answer(play(lite, act))[0].letters == "CA"


def test_a_frame_beyond_the_cap_is_refused_with_the_reason(
    lite: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mllp, "MAX_FRAME", 10_000)

    async def act(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(START + oru("X0001", NEGATIVE, lite.now) + b"x" * 20_000)
        answer = await reader.readuntil(END)
        assert await reader.read() == b""
        return answer

    (answer,) = read_answer(play(lite, act))
    assert (answer.letters, answer.code, answer.control_id) == ("AR", "207", "C1")
    assert lite.count("lab_message") == 0


def test_a_silent_connection_is_closed(lite: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mllp, "IDLE_SECONDS", 0.2)

    async def act(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(START + b"MSH|")
        return await asyncio.wait_for(reader.read(), 5)

    assert play(lite, act) == b""


def test_what_does_not_speak_mllp_is_closed(lite: World) -> None:
    async def act(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n" * 100)
        return await asyncio.wait_for(reader.read(), 5)

    assert play(lite, act) == b""


def test_connections_are_bounded(lite: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mllp, "MAX_CONNECTIONS", 2)
    lite.pool("X0001")

    async def act(port: int) -> list[list[Answer]]:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.05)
        reader, third = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        for writer in [third, *(one for _, one in idle)]:
            writer.close()
        await asyncio.sleep(0.05)
        return await send("127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)])

    assert letters(play(lite, act)) == ["CA"]


def test_forty_laboratories_at_once(lite: World) -> None:
    async def one(port: int, lab: int) -> list[str]:
        frames = [oru(f"X{lab:02d}{n:02d}", NEGATIVE, lite.now, control=f"{lab}-{n}") for n in range(10)]
        return [a.control_id for found in await send("127.0.0.1", port, frames) for a in found if a.accepted]

    async def act(port: int) -> list[list[str]]:
        return await asyncio.gather(*(one(port, lab) for lab in range(40)))

    assert play(lite, act) == [[f"{lab}-{n}" for n in range(10)] for lab in range(40)]
    assert lite.count("lab_message") == 400


def test_a_batch_is_answered_as_a_batch(world: World) -> None:
    for n in range(3):
        world.pool(f"X000{n}", 1)
    good = [oru(f"X000{n}", "260415000", world.now, control=f"C{n}", people="") for n in range(3)]
    bad = oru("X0009", "260415000", world.now, control="C9").replace(b"X0009", b"")
    frame = b"BHS|^~\\&|LIS|LAB-A\r" + good[0] + good[1] + bad + good[2] + b"BTS|4\r"

    async def act(port: int) -> list[list[Answer]]:
        return await send("127.0.0.1", port, [frame])

    (answers,) = play(world, act)
    assert [(a.letters, a.control_id) for a in answers] == [
        ("CA", "C0"),
        ("CA", "C1"),
        ("CE", "C9"),
        ("CA", "C2"),
    ]
    assert (answers[2].where, answers[2].code) == ("SPM^1^2", "101")
    assert [world.state(f"X000{n}") for n in range(3)] == ["negative"] * 3


@pytest.mark.parametrize(
    ("accept", "good", "bad"),
    [
        ("AL", ["CA"], ["CE"]),
        ("NE", [], []),
        ("ER", [], ["CE"]),
        ("SU", ["CA"], []),
        ("ACCEPT", ["CA"], ["CE"]),
    ],
)
def test_enhanced_mode_answers_when_it_is_asked_to(lite: World, accept: str, good: list, bad: list) -> None:
    lite.pool("X0001")

    async def act(port: int) -> list[list[Answer]]:
        frames = [
            oru("X0001", NEGATIVE, lite.now, control="C1", accept=accept),
            oru("X0001", "999", lite.now, control="C2", accept=accept),
        ]
        return await send("127.0.0.1", port, frames, wait=0.3)

    assert letters(play(lite, act)) == good + bad
    assert lite.count("lab_message") == 1


def test_original_mode_and_a_profile_that_always_wants_an_answer(lite: World) -> None:
    lite.pool("X0001")
    plain = oru("X0001", NEGATIVE, lite.now).replace(b"|||AL|NE||", b"||||||")

    async def act(port: int) -> list[list[Answer]]:
        return await send(
            "127.0.0.1", port, [plain, oru("X0001", NEGATIVE, lite.now, accept="NE", control="C2")]
        )

    assert letters(play(lite, act, always_answer=True)) == ["AA", "CA"]


def test_a_disk_that_is_full_is_said_and_nothing_is_kept(
    lite: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lite.pool("X0001")

    def full(*_: object) -> None:
        raise StorageFull

    async def act(port: int) -> list[list[Answer]]:
        with monkeypatch.context() as patched:
            patched.setattr(lite.store, "submit", full)
            refused = await send("127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)])
        return [*refused, *await send("127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)])]

    refused, accepted = play(lite, act)
    assert (refused[0].letters, refused[0].code) == ("CE", "207")
    assert "disk is full" in refused[0].why
    assert accepted[0].letters == "CA"


def test_positives_are_let_out_by_the_listener_itself(lite: World) -> None:
    subjects = lite.pool("X0001")

    async def act(port: int) -> None:
        await send("127.0.0.1", port, [oru("X0001", POSITIVE, lite.now)])
        assert lite.state("X0001") == "waiting"
        lite.later()
        for _ in range(40):
            await asyncio.sleep(0.1)
            if lite.state("X0001") == "positive":
                return

    play(lite, act)
    assert lite.heard(subjects[0]) == ["retest-required"]


def test_tls_names_the_laboratory(lite: World, tmp_path: Path) -> None:
    lite.pool("X0001")
    for name in ("127.0.0.1", "LAB-A", "LAB-B"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
    ours = tmp_path / "127.0.0.1.pem"
    known = tmp_path / "labs.pem"
    known.write_bytes(b"".join((tmp_path / f"{name}.pem").read_bytes() for name in ("LAB-A", "LAB-B")))
    server = server_tls(ours, tmp_path / "127.0.0.1.key", known)

    def client(name: str) -> ssl.SSLContext:
        return client_tls(ours, tmp_path / f"{name}.pem", tmp_path / f"{name}.key")

    async def act(port: int) -> list[list[Answer]]:
        try:  # TLS 1.3 tells a client without a certificate with its first read, or simply hangs up
            stranger = await send(
                "127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)], client_tls(ours, None, None)
            )
        except OSError:
            stranger = [[]]
        assert stranger == [[]]
        wrong = await send("127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)], client("LAB-B"))
        return [*wrong, *await send("127.0.0.1", port, [oru("X0001", NEGATIVE, lite.now)], client("LAB-A"))]

    wrong, right = play(lite, act, tls=server)
    assert (wrong[0].letters, wrong[0].where) == ("CE", "MSH^1^4")
    assert right[0].letters == "CA"


def test_closing_in_the_middle_leaves_the_store_alive(lite: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mllp, "TICK_SECONDS", 0)

    async def act(port: int) -> None:
        await asyncio.sleep(0.05)

    for _ in range(20):
        play(lite, act)

    lite.pool("X0001")  # the writer still writes
    assert lite.count("tube") == 1
