"""The deployment that is put to the test: founded as any other, served by a process of its own that can be killed."""

import http.client
import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pratique import town
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.peers import free_port
from pratique.people import service as people
from pratique.port import Port, open_port, real_clock
from pratique.settings import Settings
from pratique.simulate import names
from pratique.simulate.day import Day
from pratique.store.tx import Tx
from pratique.testing import service as testing

AT_ONCE = 5000
START_SECONDS = 120


class District(NamedTuple):
    """What was founded for the day."""

    campaign_id: str
    site_ids: list[str]
    device_ids: list[str]
    lab_names: list[str]


class Server:
    """`pratique serve` as a child on free ports; `kill` is SIGKILL."""

    def __init__(self, home: Path, database_url: str) -> None:
        self.host, self.port = "127.0.0.1", free_port(42000 + os.getpid() % 5000)
        self.lab_port = free_port(self.port + 1)
        self._environment = os.environ | {
            "PRATIQUE_HOME": str(home), "PRATIQUE_DATABASE_URL": database_url, "PRATIQUE_HOST": self.host,
            "PRATIQUE_PORT": str(self.port), "PRATIQUE_LAB_PORT": str(self.lab_port),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError where it does not."""
        run = "from pratique.cli import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", run, "serve"], env=self._environment, stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError):
                asked = http.client.HTTPConnection(self.host, self.port, timeout=5)
                asked.request("GET", "/openapi.json")
                if asked.getresponse().status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(
            "the server did not start: run `pratique serve` with the same settings and read why"
        )

    def kill(self) -> None:
        """As a power cut would, short of the disk."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Let it finish what it holds."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def seconds(self) -> float:
        """CPU seconds of the running server so far."""
        if self._process is None:
            return 0.0
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def found(port: Port, day: Day) -> District:
    """A mandate, a campaign, its sites and devices, laboratories, and everybody with a slip."""
    moment = port.moment()
    made = town.found(port, moment)
    lab_names = [f"LAB-S{n:02d}" for n in range(day.terms.labs)]

    def build(tx: Tx) -> tuple[list[str], list[str]]:
        for name in lab_names:
            testing.add_lab(tx, moment, name, zone="UTC", run_minutes=0)
        sites, devices = [], []
        for n in range(day.terms.sites):
            called = Text(f"Synthetic site {n + 1}", f"合成采样点{n + 1}")
            sites.append(testing.add_site(tx, moment, made.campaign_id, called, min(99, int(day.lanes[n]))))
            token = testing.make_device_token(tx, moment, sites[-1])
            key = names.device_key(day.terms.seed, n).public_key().public_bytes_raw()
            devices.append(testing.enrol_device(tx, moment, token, key).device_id)
        return sites, devices

    sites, devices = port.store.write(build)
    for first in range(0, day.terms.people, AT_ONCE):
        count = min(AT_ONCE, day.terms.people - first)
        named = Moment(moment.now, names.chance_of_subjects(day.terms.seed, first))
        port.store.write(partial(people.create_papers, moment=named, n=count))
    return District(made.campaign_id, sites, devices, lab_names)


def opened(home: Path, database_url: str) -> Port:
    """The deployment itself, for founding it and for reading its books."""
    return open_port(Settings(home=home, database_url=database_url), real_clock)
