"""`pratique demo`: a small port on this machine. Real server, real MLLP socket, real gate process, synthetic town.

Nothing here is a short cut: the town is made by the same use cases as a deployment, in a folder of its own that is
thrown away when the demonstration ends.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import uvicorn
from cyclopts import Parameter

from pratique import town
from pratique.app import DOORS, desk_of, web_app
from pratique.console.model import Desk, Way
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.gate.enrol import Link, enrol
from pratique.operate import stop_quietly
from pratique.peers import Holder, Laboratory, SiteDevice, free_port, is_free
from pratique.people import service as people
from pratique.port import Port, open_port, tell
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing import tubecode
from pratique.testing.booking import service as booking
from pratique.testing.client import send
from pratique.testing.model import TubeEvent

ROLES = (
    "console", "mandate-officer", "campaign-officer", "lab-desk", "reviewer", "case-worker", "duty-doctor",
    "data-officer", "auditor",
)  # fmt: skip
RESIDENTS, SAMPLED = 200, 14
OFFICERS = ("legal.key", "public-health.key")


class Running(NamedTuple):
    """The port while it runs."""

    port: Port
    town: town.Town
    screen: int


def demo(
    *,
    port: int = 8080,
    home: Path | None = None,
    replay: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """A small port on this machine: every face, a synthetic town, a laboratory, a gate.

    Parameters
    ----------
    port: where the first page is; the gate's screen takes the next free port.
    home: keep the demonstration in this folder instead of throwing it away.
    replay: print the whole way step by step instead of serving it.
    as_json: with --replay, one JSON line a step.
    """
    if replay:
        from pratique.replay import print_replay

        return print_replay(as_json=as_json)
    if not is_free(port):
        print(f"pratique demo: port {port} is taken: name another one with --port", file=sys.stderr)
        return 2
    folder = home or Path(tempfile.mkdtemp(prefix="pratique-demo-"))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _serve(folder, port)
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _serve(folder: Path, number: int) -> None:
    settings = Settings(home=folder, port=number, lab_port=free_port(number + 2))
    port = open_port(settings)
    print("pratique demo: making a synthetic town …", file=sys.stderr, flush=True)
    running = Running(port, make_town(port), free_port(number + 1))
    server = uvicorn.Server(
        uvicorn.Config(
            web_app(port, desk(running)),
            host=settings.host,
            port=number,
            lifespan="on",
            access_log=False,
            log_level="warning",
            server_header=False,
        )
    )
    gate = GateProcess(running)
    threading.Thread(target=gate.start, name="gate", daemon=True).start()
    signal.signal(signal.SIGTERM, stop_quietly)
    print(f"pratique demo: open {settings.public_address()}/  (Ctrl-C ends it)", file=sys.stderr, flush=True)
    print(
        f"pratique demo: two officers' keys, to sign a policy with: {folder / 'officers'}",
        file=sys.stderr,
        flush=True,
    )
    try:
        server.run()
    finally:
        gate.stop()
        port.close()


def make_town(port: Port) -> town.Town:
    """Found the town, let people move in, and let the first tubes of the day be sealed and reported."""
    moment = port.moment()
    made = town.found(port, moment)
    keep_officers(port, made)
    residents = [Holder() for _ in range(RESIDENTS)]
    town.settle(port, moment, residents)
    device = SiteDevice(made.site_id)
    token = port.store.write(lambda tx: testing.make_device_token(tx, moment, made.site_id))
    device.device_id = port.store.write(
        lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
    ).device_id
    laboratory = Laboratory(town.LAB, town.LAB_OID)
    codes = []
    for n in range(SAMPLED):
        code = tubecode.make(moment)
        event = device.seal(
            moment,
            code,
            [(one.subject_id, moment.now) for one in residents[10 * n : 10 * n + 10]],
            moment.now,
        )
        hand_in(port, moment, event)
        codes.append(code)
    port.store.write(lambda tx: testing.receive_at_lab(tx, moment, town.LAB, codes[:12], "demo", tell(port)))
    port.store.write(lambda tx: open_booking(tx, port, made))
    later = moment._replace(now=moment.now + timedelta(seconds=1))
    for n, code in enumerate(codes[:9]):
        raw = laboratory.report(code, "positive" if n == 4 else "negative", later.now)
        report_in(port, later, raw)
    return made


def keep_officers(port: Port, made: town.Town) -> None:
    """The two officers' key files, so that a visitor can sign a policy as both. Only a demonstration has them."""
    folder = port.settings.home / "officers"
    folder.mkdir(mode=0o700, exist_ok=True)
    for signer, name in zip(made.officers.both, OFFICERS, strict=True):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(signer.private_text() + "\n", encoding="utf-8")


def open_booking(tx: Tx, port: Port, made: town.Town) -> None:
    """An area with windows at the site and with a team that comes home, for the rest of the day."""
    moment = port.moment()
    area = booking.add_area(tx, moment, made.campaign_id, Text("North quay", "北码头"))
    places = [
        booking.add_site_place(tx, area, made.site_id, expected=1500),
        booking.add_home_team(tx, moment, area, Text("Home visits, north quay", "北码头上门组"), 8),
    ]
    opens = moment.now + timedelta(minutes=30)
    for place in places:
        booking.open_windows(
            tx, moment, place, opens_at=opens, closes_at=opens + timedelta(hours=10), zone=port.zone
        )


def hand_in(port: Port, moment: Moment, event: dict[str, object]) -> None:
    """A device's event as the server takes it."""
    read = msgspec.convert(event, TubeEvent)
    port.store.write(lambda tx: testing.take_events(tx, moment, [read], tell(port)))


def report_in(port: Port, moment: Moment, raw: bytes) -> None:
    """A laboratory's message as the listener hands it on."""
    port.store.write(
        lambda tx: testing.receive(tx, moment, raw, testing.LabChannel(), tell(port), port.sealer)
    )


def desk(running: Running) -> Desk:
    """The console of the demonstration: with a laboratory to play, and invitations on the sign-in page."""
    port = running.port
    laboratory = Laboratory(town.LAB, town.LAB_OID)

    def grants(role: str) -> list[people.Grant]:
        return [people.Grant("area", "harbour")] if "area" in people.EXTENTS[role].grantable else []

    def invitations() -> list[tuple[str, str]]:
        def act(tx: Tx) -> list[tuple[str, str]]:
            moment = port.moment()
            return [
                (
                    role,
                    people.invite_staff(
                        tx, moment, None, name=f"Demo {role}", role=role, grants=grants(role), trial=True
                    ).token,
                )
                for role in ROLES
            ]

        return port.store.write(act)

    async def report(tube: str, result: str, moment: Moment) -> str:
        def scan(tx: Tx) -> int:
            testing.receive_at_lab(tx, moment, town.LAB, [tube], "demo", tell(port))
            return testing.people_in(tx, tube)

        n = await port.store.awrite(scan)
        raw = laboratory.report(tube, result, moment.now, members=n or 10)
        answers = await send(port.settings.host, port.settings.lab_port, [raw])
        said = [f"{one.letters} {one.control_id} {one.where} {one.why}".strip() for one in answers[0]]
        return raw.decode().replace("\r", "\n") + "\n" + ("\n".join(said) or "(no answer)")

    gate = Way(
        f"http://{port.settings.host}:{running.screen}/",
        Text("Gate", "哨位"),
        Text("a kiosk that decides offline and remembers nobody", "离线判定、不记任何人的哨位"),
    )
    return desk_of(port)._replace(
        doors=(*DOORS[:2], gate, *DOORS[2:]), invitations=invitations, laboratory=report
    )


class GateProcess:
    """The terminal as a process of its own: enrolled by a one-time token, fed by signed snapshots."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def start(self) -> None:
        """Enrol once the server answers, then run with the kiosk page as the camera."""
        port, made, screen = self._running
        address = port.settings.public_address()
        home = port.settings.home / "gate"
        if not _answers(address):
            return
        moment = port.moment()
        token = port.store.write(
            lambda tx: fleet.make_token(
                tx, moment, mandate_id=made.mandate_id, place=town.GATE, made_by="demo"
            )
        )
        gate_id = enrol(Link(address, token, ""), home, lambda _: True).gate_id
        port.store.write(lambda tx: fleet.confirm(tx, moment, gate_id, "demo"))
        if not self._ended:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "pratique.gate", "run", "--source", "browser", "--home", str(home),
                    "--server", address, "--screen", str(screen), "--every", "5",
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ,
            )  # fmt: skip

    def stop(self) -> None:
        """End the terminal."""
        self._ended = True
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)


def _answers(address: str) -> bool:
    for _ in range(100):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/v1/challenge", timeout=2).close()  # noqa: S310 - our own server
            return True
        time.sleep(0.1)
    return False
