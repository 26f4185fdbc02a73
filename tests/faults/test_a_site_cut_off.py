"""Server, hub and three gates, each on a host of its own: network namespaces with a real link that is cut and restored.

The gates' host has no way to the server but through the hub. Nothing here knows that it is a test: the programs are
started as they are at a site.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.credentials.making import HOLDER, show

from pratique import town
from pratique.core.text import Text
from pratique.credentials import pq1
from pratique.credentials.pairing import roots_hash
from pratique.fleet import service as fleet
from pratique.gate.enrol import ENROLMENT, JOURNAL, SNAPSHOT, device_signer, read_enrolment
from pratique.gate.journal import Journal
from pratique.port import QUORUM, Port, open_port
from pratique.settings import Settings

SERVER, HUB_UP, HUB_DOWN, SITE = "10.77.1.1", "10.77.1.2", "10.77.2.1", "10.77.2.2"
GATES = 3


def ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True)


class Hosts:
    """Three hosts: server — hub — site."""

    def __init__(self) -> None:
        mark = f"pq{os.getpid() % 100_000}"
        self.server, self.hub, self.site = (f"{mark}{name}" for name in "shg")
        self.up, self.down = (f"{mark}u0", f"{mark}u1"), (f"{mark}d0", f"{mark}d1")
        for name in (self.server, self.hub, self.site):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for (left, right), (at, to), (a, b) in (
            (self.up, (self.server, self.hub), (SERVER, HUB_UP)),
            (self.down, (self.hub, self.site), (HUB_DOWN, SITE)),
        ):
            ip("link", "add", left, "netns", at, "type", "veth", "peer", "name", right, "netns", to)
            ip("-n", at, "addr", "add", f"{a}/24", "dev", left)
            ip("-n", to, "addr", "add", f"{b}/24", "dev", right)
            ip("-n", at, "link", "set", left, "up")
            ip("-n", to, "link", "set", right, "up")

    def cut(self) -> None:
        ip("-n", self.hub, "link", "set", self.up[1], "down")

    def mend(self) -> None:
        ip("-n", self.hub, "link", "set", self.up[1], "up")

    def close(self) -> None:
        for name in (self.server, self.hub, self.site):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    assert shutil.which("ip"), "network namespaces need one more package: apt-get install iproute2"
    made = Hosts()
    yield made
    made.close()


def at(host: str, *command: str, **more: Any) -> "subprocess.Popen[str]":
    program = ["ip", "netns", "exec", host, sys.executable, "-m", *command]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def once(host: str, *command: str) -> subprocess.CompletedProcess[str]:
    program = ["ip", "netns", "exec", host, sys.executable, "-m", *command]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)


def a_town(home: Path) -> tuple[Port, list[str]]:
    """A server's home with a mandate for gates, and a token for each gate."""
    port = open_port(Settings(home=home))
    moment = port.moment()
    officers = town.Officers(moment)
    mandate = town.order(port.store, moment, officers, town.mandate_document(moment, officers))
    tokens = [
        port.store.write(
            lambda tx: fleet.make_token(
                tx, moment, mandate_id=mandate, place=Text("Gate", "哨位"), made_by="desk"
            )
        )
        for _ in range(GATES)
    ]
    return port, tokens


def a_pass(port: Port) -> str:
    now = datetime.now(UTC)
    credential = pq1.issue_pass(
        port.pass_signer,
        HOLDER.public_key,
        pq1.CLEAR,
        now - timedelta(minutes=10),
        now + timedelta(hours=5),
        None,
    )
    return show(credential, now)


def scanned(host: str, home: Path, *texts: str) -> list[str]:
    ran = subprocess.run(
        ["ip", "netns", "exec", host, sys.executable, "-m", "pratique.gate", "run", "--source", "stdin", "--home",
         str(home), "--json"], input="\n".join(texts) + "\n", capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return [json.loads(line)["outcome"] for line in ran.stdout.splitlines()]


def close_the_quarter(home: Path) -> None:
    signer = device_signer(home)
    assert signer is not None
    journal = Journal(home / JOURNAL, signer.sign)
    journal.close_slots(time.time(), 1, all_of_them=True)
    journal.close()


def doors(process: int) -> set[tuple[str, int]]:
    """Every address and port on which anything listens in the network of this process; IPv6 counts as `::`."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A":
                address, port = parts[1].split(":")
                host = socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else "::"
                found.add((host, int(port, 16)))
    return found


def test_a_site_works_through_a_cut_and_every_count_arrives_once(hosts: Hosts, tmp_path: Path) -> None:
    port, tokens = a_town(tmp_path / "server")
    environment = os.environ | {"PRATIQUE_HOME": str(tmp_path / "server")}
    server = at(hosts.server, "pratique.cli", "serve", "--host", SERVER, "--port", "8080", env=environment)
    hub = at(
        hosts.hub, "pratique.gate", "hub", "--upstream", f"http://{SERVER}:8080", "--home", str(tmp_path / "hub"),
        "--host", HUB_DOWN, "--port", "8070",
    )  # fmt: skip
    address = f"http://{HUB_DOWN}:8070"
    roots = roots_hash([root.public_key for root in port.signing_roots], QUORUM)
    homes = [tmp_path / f"gate{number}" for number in range(GATES)]
    try:
        for home, token in zip(homes, tokens, strict=True):
            for _ in range(40):
                enrolled = once(
                    hosts.site,
                    "pratique.gate",
                    "enrol",
                    "--link",
                    f"{address}/handheld/#token={token}&roots={roots}",
                    "--home",
                    str(home),
                )
                if enrolled.returncode == 0:
                    break
                time.sleep(0.5)
            assert enrolled.returncode == 0, enrolled.stderr
            gate_id = read_enrolment((home / ENROLMENT).read_bytes()).gate_id
            port.store.write(lambda tx, gate_id=gate_id: fleet.confirm(tx, port.moment(), gate_id, "desk"))
            assert once(hosts.site, "pratique.gate", "sync", "--once", "--home", str(home)).returncode == 0
            assert (home / SNAPSHOT).exists()
            assert scanned(hosts.site, home, a_pass(port)) == ["clear"]
        direct = once(
            hosts.site,
            "pratique.gate",
            "sync",
            "--once",
            "--home",
            str(homes[0]),
            "--server",
            f"http://{SERVER}:8080",
        )
        assert '"offline"' in direct.stdout  # the site has no way to the server but through the hub
        assert doors(server.pid) == {(SERVER, 8080)}  # nothing else of ours listens on the server's host

        hosts.cut()
        for home in homes:
            assert scanned(hosts.site, home, a_pass(port), "nonsense") == ["clear", "see_staff"]
            close_the_quarter(home)
            away = once(hosts.site, "pratique.gate", "sync", "--once", "--home", str(home))
            assert away.returncode == 1
            assert '{"pull": ""}' in away.stdout  # the hub's own lists
            assert '{"push": "offline"}' in away.stdout

        hosts.mend()
        for home in (*homes, homes[0]):  # the second time the first has nothing left to say
            back = once(hosts.site, "pratique.gate", "sync", "--once", "--home", str(home))
            assert back.returncode == 0, back.stdout
    finally:
        for process in (hub, server):
            process.terminate()
            process.wait(20)
    with port.store.read() as tx:
        rows = tx.all("SELECT outcome, sum(n) FROM slot_count GROUP BY outcome ORDER BY outcome")
    port.close()
    assert [(row[0], int(row[1])) for row in rows] == [("clear", 2 * GATES), ("see_staff", GATES)]
