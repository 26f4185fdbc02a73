"""`pratique simulate day`: one testing day of a district, with everything that goes wrong, and a ledger at its end."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from pratique.core.errors import Busy
from pratique.operate import opened as opened_by_environment
from pratique.operate import stop_quietly
from pratique.port import Port, tell
from pratique.simulate import books, house, labs, names, sites
from pratique.simulate.day import BINS_A_DAY, CALLED_BACK, COURIER, OUTAGE, Day, Profile, Terms, plan
from pratique.store.tx import Tx
from pratique.testing import ledger, service

simulate = App(name="simulate", help="Replay a day of mass testing against a running server.")
QUIET = 6.0  # seconds until a run of positives has been judged
LAST_TRIES = 400  # bins after the day in which what waits may still drain


class Target(NamedTuple):
    """The server that is put to the test."""

    host: str
    port: int
    lab_host: str
    lab_port: int


class Crew:
    """The processes of the far side: sites (one or more) and laboratories."""

    def __init__(self, day: Day, district: house.District, target: Target, workers: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.ends: list[Connection] = []
        self.processes: list[BaseProcess] = []
        jobs: list[tuple[Any, Any]] = [
            (
                sites.work,
                sites.Ground(
                    day.terms, n, workers, district.site_ids, district.device_ids, target.host, target.port
                ),
            )
            for n in range(workers)
        ]
        jobs.append((labs.work, labs.Bench(day.terms, district.lab_names, target.lab_host, target.lab_port)))
        for act, terms in jobs:
            here, there = spawn.Pipe()
            process = spawn.Process(target=act, args=(terms, there), daemon=True)
            process.start()
            self.ends.append(here)
            self.processes.append(process)
        for end in self.ends:
            end.recv()

    def step(self, n: int, *, connected: bool) -> tuple[list[sites.Told], labs.Told]:
        """One bin at every site and laboratory at once."""
        for end in self.ends[:-1]:
            end.send((n, connected))
        self.ends[-1].send((n,))
        return [end.recv() for end in self.ends[:-1]], self.ends[-1].recv()

    def end(self) -> None:
        """Send everybody home."""
        for end in self.ends:
            end.send(None)
        for process in self.processes:
            process.join(10)
            if process.is_alive():
                process.kill()


class Courier:
    """Receipt scans at the laboratories: the one thing of the day that comes by a box and not by a wire."""

    def __init__(self, port: Port, day: Day, district: house.District) -> None:
        self._port, self._day, self._district = port, day, district
        self.waiting: list[tuple[int, list[int]]] = []

    def step(self, n: int, *, reached: bool = True) -> None:
        """What arrives in this bin is scanned; without the server (`reached`) later, with the time of the scan."""
        due = (self._day.reported - COURIER == n).nonzero()[0]
        for lab in range(self._day.terms.labs if len(due) else 0):
            if mine := [int(t) for t in due if self._day.lab(int(t)) == lab]:
                self.waiting.append((lab, mine))
        if reached and self.waiting:
            try:
                self._port.store.write(self._scan)
            except Busy:  # the server has the pen; with the next bin
                return
            self.waiting = []

    def _scan(self, tx: Tx) -> None:
        moment, seed = self._port.moment(), self._day.terms.seed
        for lab, tubes in self.waiting:
            codes = [names.code(seed, tube) for tube in tubes]
            name = self._district.lab_names[lab]
            service.receive_at_lab(tx, moment, name, codes, "courier", tell(self._port))


@simulate.command(name="day")
def simulate_day(
    *,
    people: int = 2_000_000,
    sites: int = 1319,
    labs: int = 40,
    profile: Profile = "B",
    prevalence: float = 0.001,
    seed: int = 1,
    faults: bool = True,
    database: str = "",
    url: str = "",
    lab: str = "",
    workers: int = 1,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Replay one testing day and print a ledger that must balance to zero. Exit code 0 if it does, 1 if not.

    Parameters
    ----------
    people: everybody is sampled once, and once more where their pool is positive.
    sites: sampling sites, one signing device each.
    labs: laboratories that report over MLLP.
    profile: A, a working day, or B, an evening rush.
    prevalence: share of infected people.
    seed: the same seed makes the same day.
    faults: server killed for an hour, sites without network, a silent laboratory that sends twice, wrong clocks.
    database: of the server that is started for it: empty for SQLite in a folder of its own, or postgresql://…
    url: replay against this running server instead; PRATIQUE_… name its database and keys, for founding and counting.
    lab: HOST:PORT of that server's MLLP listener.
    workers: processes that play the sites.
    """
    try:
        day = plan(Terms(people, sites, labs, profile, prevalence, seed, faults))
    except ValueError as fault:
        print(f"pratique simulate: {fault}", file=sys.stderr)
        return 2
    if bool(url) != bool(lab):
        print("pratique simulate: --url and --lab go together", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, stop_quietly)  # whoever ends it ends its server and its processes too
    told = _against(day, url, lab, workers) if url else _alone(day, database, workers)
    print(json.dumps(told) if as_json else _table(told))
    return 0 if told["balances"] else 1


def _alone(day: Day, database: str, workers: int) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="pratique-simulate-"))
    server = house.Server(home, database)
    port = house.opened(home, database)
    try:
        district = _founded(port, day)
        server.start()
        target = Target(server.host, server.port, server.host, server.lab_port)
        return _replay(port, day, district, target, workers, server)
    finally:
        server.stop()
        port.close()
        shutil.rmtree(home, ignore_errors=True)


def _against(day: Day, url: str, lab: str, workers: int) -> dict[str, Any]:
    address = urlsplit(url)
    lab_host, _, lab_port = lab.rpartition(":")
    port = opened_by_environment()
    try:
        district = _founded(port, day)
        target = Target(address.hostname or "127.0.0.1", address.port or 80, lab_host, int(lab_port))
        return _replay(port, day, district, target, workers, None)
    finally:
        port.close()


def _founded(port: Port, day: Day) -> house.District:
    _say(
        f"founding a district: {day.terms.people:,} people, {day.terms.sites:,} sites, {len(day.size):,} tubes …"
    )
    return house.found(port, day)


def _replay(
    port: Port,
    day: Day,
    district: house.District,
    target: Target,
    workers: int,
    server: house.Server | None,
) -> dict[str, Any]:
    crew, courier = Crew(day, district, target, workers), Courier(port, day, district)
    started, cpu = time.monotonic(), 0.0
    outcomes: dict[str, int] = {}
    problems: list[str] = []
    reported, worst = 0.0, 0
    try:
        for n in range(day.bins + LAST_TRIES):
            if n == CALLED_BACK:
                time.sleep(QUIET)  # people come back when they have been told, not before
            if server is not None and day.terms.faults and n == OUTAGE[0]:
                cpu += server.seconds()
                threading.Timer(0.2, server.kill).start()  # in the middle of what it is doing
            if server is not None and day.terms.faults and n == OUTAGE[1]:
                server.kill()
                server.start()
            courier.step(n, reached=not (day.terms.faults and OUTAGE[0] <= n < OUTAGE[1]))
            told, lab = crew.step(n, connected=n >= BINS_A_DAY)
            for one in told:
                problems += one.refusals
                for name, count in one.outcomes.items():
                    outcomes[name] = outcomes.get(name, 0) + count
            waiting = sum(one.waiting for one in told)
            worst = max(worst, waiting)
            if time.monotonic() - reported > 5 or n % 16 == 0:
                reported = time.monotonic()
                _say(_progress(n, outcomes, waiting, lab, reported - started))
            if n >= day.bins and not waiting and not lab.waiting and not courier.waiting:
                break
        problems += lab.refusals
        _settled(port)
        seconds = time.monotonic() - started
        cpu += server.seconds() if server else 0.0
    finally:
        crew.end()
    lines = books.balance(port.store, port.sealer, day, district.site_ids, lab.sent)
    return {
        "people": day.terms.people, "sites": day.terms.sites, "tubes": len(day.size), "profile": day.terms.profile,
        "faults": day.terms.faults, "database": port.store.dialect, "seconds": round(seconds, 1),
        "people_per_s": round(int(day.size.sum()) / seconds, 1), "server_cpu_s": round(cpu, 1),
        "load": round(os.getloadavg()[0], 2), "events": outcomes, "most_tubes_waiting": worst,
        "messages": lab.accepted, "ledger": [line._asdict() for line in lines], "problems": problems[:20],
        "balances": not problems and all(line.wrong == 0 for line in lines),
    }  # fmt: skip


def _settled(port: Port) -> None:
    """Wait until no result waits for its run any more."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with port.store.read() as tx:
            if not ledger.still_waiting(tx):
                return
        time.sleep(0.25)


def _progress(n: int, outcomes: dict[str, int], waiting: int, lab: labs.Told, seconds: float) -> str:
    clock = f"day {1 + n // BINS_A_DAY} {n % BINS_A_DAY // 4:02d}:{n % 4 * 15:02d}"
    stored = outcomes.get("stored", 0)
    return (
        f"{clock}  tubes {stored:,} stored, {waiting:,} on devices  results {lab.accepted:,} acknowledged, "
        f"{lab.waiting:,} waiting  {seconds:.0f} s, {stored / seconds:.0f} tubes/s"
    )


def _say(text: str) -> None:
    print(f"pratique simulate: {text}", file=sys.stderr, flush=True)


def _table(told: dict[str, Any]) -> str:
    rows = [f"{'':56} {'the day':>12} {'the server':>12} {'wrong':>8}"]
    rows += [f"{r['name']:56} {r['day']:>12,} {r['server']:>12,} {r['wrong']:>8,}" for r in told["ledger"]]
    rows += [f"not taken: {text}" for text in told["problems"]]
    rows.append(
        f"{told['people']:,} people, {told['tubes']:,} tubes in {told['seconds']:,} s on {told['database']} "
        f"(server {told['server_cpu_s']:,} CPU s, load {told['load']}): "
        + ("the ledger balances" if told["balances"] else "THE LEDGER DOES NOT BALANCE")
    )
    return "\n".join(rows)
