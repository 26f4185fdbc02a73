"""The routes of the site app and the commands of a laboratory, as they are called from outside."""

import asyncio
import json
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique.core.errors import Conflict
from pratique.core.moment import rfc3339
from pratique.testing import api, service
from pratique.testing.cli import lab_commands, read_files, send_files
from pratique.testing.mllp import Door, Listener
from pratique.web.serve import build_app
from tests.testing.world import NEGATIVE, World, oru


def call(world: World, act: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run `act(client)` against the room's routes in an application."""
    app = build_app(api.routes(world.store, world.tell, bytes(32)), lambda *_: None, world.moment, {})

    async def run() -> Any:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return await act(client)

    return asyncio.run(run())


def test_it_works(world: World) -> None:
    key = Ed25519PrivateKey.generate()
    public = urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")
    token = world.store.write(lambda tx: service.make_device_token(tx, world.moment(), world.site))

    async def act(client: Any) -> Any:
        made = await client.post("/v1/devices", json={"token": token, "public_key": public})
        again = await client.get(f"/v1/devices/{made.json()['device_id']}")
        return made, again

    made, again = call(world, act)

    assert made.status_code == 201
    body = made.json()
    assert body["campaign"]["capacity"] == 10
    assert body["campaign"]["mandate_id"] == world.mandate
    assert body["site"] == {"id": world.site, "name": {"en": "site one", "zh-Hans": "一号点"}}
    assert len(body["server_key"]) == 43
    assert (again.status_code, again.json()["last_seq"]) == (200, 0)


def test_tubes_are_sent_and_each_is_answered(world: World) -> None:
    events = [world.device.event(f"X000{n}", world.people(3)) for n in range(2)]
    bad = world.device.event("X0002", world.people(11))
    sent = {"events": msgspec.to_builtins([*events, events[0], bad]), "now": rfc3339(world.now)}

    async def act(client: Any) -> Any:
        return await client.post("/v1/tube-events", json=sent)

    answer = call(world, act)

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [r["outcome"] for r in results] == ["stored", "stored", "already", "refused"]
    assert (results[3]["code"], results[3]["field"]) == ("TUBE_OVERFULL", "m[10]")
    assert set(results[3]["text"]) == {"en", "zh-Hans"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": [{"id": "x", "gps": "31.2,121.4"}]}, "gps"),
        ({"events": [], "site": "x"}, "site"),
        ({"events": [{}] * 51}, "events"),
    ],
)
def test_unknown_fields_are_refused_by_name(world: World, body: dict, field: str) -> None:
    async def act(client: Any) -> Any:
        return await client.post("/v1/tube-events", json=body)

    answer = call(world, act)

    assert answer.status_code == 422
    assert field in json.dumps(answer.json())


def test_an_unknown_device_is_not_found(world: World) -> None:
    async def act(client: Any) -> Any:
        return await client.get("/v1/devices/" + "0" * 26)

    assert call(world, act).status_code == 404


# Commands


def test_lab_read_prints_one_line_a_result(
    tmp_path: Path, lite: World, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, table = tmp_path / "good.hl7", tmp_path / "bad.hl7", tmp_path / "rows.csv"
    good.write_bytes(oru("X0001", NEGATIVE, lite.now))
    bad.write_bytes(b"MSH|^~\\&|LIS|LAB|||20260105||ORU^R01|C1|P|2.5.1||||||KS X 1001\r")
    table.write_text("tube_code,result\nX1,negative\n,negative\n")

    assert read_files([good]) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(line) == [
        "file", "message", "specimen", "placer", "loinc", "value", "status", "collected", "reported", "ct",
    ]  # fmt: skip
    assert (line["specimen"], line["value"], line["message"]) == ("X0001", NEGATIVE, 1)
    assert read_files([bad, table]) == 1
    refused, first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert refused == {"file": str(bad), "message": 1, "refused": refused["refused"]}
    assert refused["refused"].startswith("MSH/18: ")
    assert first["value"] == "negative"
    assert second["refused"] == "row 3/tube_code: the cell is empty"


def test_lab_send_prints_what_it_is_answered(
    tmp_path: Path, lite: World, capsys: pytest.CaptureFixture[str]
) -> None:
    lite.pool("X0001")
    good, bad = tmp_path / "good.hl7", tmp_path / "bad.hl7"
    good.write_bytes(oru("X0001", NEGATIVE, lite.now))
    bad.write_bytes(oru("X0001", "nonsense", lite.now, control="C2"))

    async def run() -> tuple[int, int]:
        listener = Listener(Door(lite.store, lite.moment, lite.tell, lite.sealer))
        port = await listener.open("127.0.0.1", 0)
        right = await asyncio.to_thread(send_files, [good], f"127.0.0.1:{port}")
        wrong = await asyncio.to_thread(send_files, [good, bad], f"127.0.0.1:{port}")
        await listener.close()
        return right, wrong

    assert asyncio.run(run()) == (0, 1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["answer"] for line in lines] == ["CA", "CA", "CE"]
    assert lines[2]["where"] == "OBX^1^5"
    assert send_files([good], "127.0.0.1:1") == 3
    assert send_files([good], "nowhere") == 2


def test_the_front_door_reads_files(tmp_path: Path, lite: World) -> None:
    path = tmp_path / "x.hl7"
    path.write_bytes(oru("X0001", NEGATIVE, lite.now))
    done = subprocess.run(
        [sys.executable, "-m", "pratique.cli", "lab", "read", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["specimen"] == "X0001"


def test_laboratories_are_added_and_files_taken_in(
    tmp_path: Path, lite: World, capsys: pytest.CaptureFixture[str]
) -> None:
    class Opened:
        door = Door(lite.store, lite.moment, lite.tell, lite.sealer)

        def close(self) -> None: ...

    app = lab_commands(Opened)
    subjects = lite.pool("X0001", 2)
    table = tmp_path / "rows.csv"
    table.write_text("tube_code,result\nX0001,negative\nX0002,perhaps\n")
    digest = sha256(table.read_bytes()).hexdigest()

    def run(*words: str) -> int:
        return int(app([*words], result_action="return_value"))

    assert run("add", "LAB-C", "--charset", "GB 18030") == 0
    with pytest.raises(Conflict):
        run("add", "LAB-C")
    assert run("take", str(table), "--lab", "LAB-A", "--by", "me", "--rows", "2", "--sha256", digest) == 1
    out = capsys.readouterr().out.splitlines()[1:]
    refused, counts = map(json.loads, out)
    assert refused["refused"].startswith("row 3/result: ")
    assert counts == {"file": str(table), "rows": 2, "accepted": 1, "refused": 1}
    assert lite.heard(subjects[0]) == ["not-detected"]
