"""The case desk with 300,000 open cases: its list and a bulk action on 10,000, on SQLite and on PostgreSQL.

5,000 workers; a tenth of the cases in the pools of fifty areas. A list is what the page asks for: reach, own cases,
pool, merged. The yardstick in the same run is the bare indexed read of fifty rowsp95 to p95. Bar outside:
20 to 30 seconds a tab, and 300 cases in 15 to 20 minutes. Last line: one JSON object.
"""

import argparse
import json
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.desk import service
from pratique.desk.model import Chosen, Place
from pratique.mandates import service as mandates
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.store.store import Store, open_store

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.mandates.making import live
from tests.postgres import as_nobody, installation

AREAS, WORKERS = 50, 5000
START = datetime(2026, 1, 5, tzinfo=UTC)
KINDS = ("call", "call-me", "daily-call", "visit", "help")


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL that syncs, on a socket of its own."""
    binaries, home = installation() / "bin", Path(tempfile.mkdtemp(prefix="pratique-bench-"))
    home.chmod(0o777)
    clean = {"env": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, "cwd": home, **as_nobody()}
    init = [binaries / "initdb", "-D", home / "c", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(init, check=True, capture_output=True, **clean)
    start = [
        binaries / "pg_ctl",
        "-D",
        home / "c",
        "-w",
        "-o",
        f"-c listen_addresses='' -k {home}",
        "-l",
        home / "l",
    ]
    subprocess.run([*start, "start"], check=True, capture_output=True, **clean)
    try:
        yield f"postgresql://postgres@/postgres?host={home}"
    finally:
        stop = [binaries / "pg_ctl", "-D", home / "c", "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, capture_output=True, **clean)
        shutil.rmtree(home, ignore_errors=True)


def fill(store: Store, moment: Moment, n: int) -> list[Staff]:
    """`n` open cases, and a sample of the workers who have them."""
    mandate = store.write(lambda tx: live(tx, moment))
    for i in range(AREAS):
        name = Text(f"Area {i}", f"片区 {i}")
        store.write(lambda tx, code=f"area-{i}", name=name: mandates.add_area(tx, moment, code, name))
    staff = [
        store.write(
            lambda tx, i=i: people.invite_staff(
                tx, moment, None, name=f"Bench {i}", role="case-worker",
                grants=[people.Grant("area", f"area-{i % AREAS}")],
            ).staff
        )
        for i in range(200)
    ]  # fmt: skip
    others = [moment.new_id() for _ in range(WORKERS - len(staff))]
    owners = [one.id for one in staff] + others
    chance = random.Random(7)
    for start in range(0, n, 20_000):
        rows = [
            {
                "id": moment.new_id(), "subject": moment.new_id(), "mandate": mandate.id,
                "kind": KINDS[i % len(KINDS)], "notice": moment.new_id(), "area": f"area-{i % AREAS}",
                "owner": "" if i // AREAS % 10 == 0 else owners[i % WORKERS], "now": moment.now_ms,
                "due": moment.now_ms + chance.randrange(72 * 3_600_000),
            }
            for i in range(start, min(start + 20_000, n))
        ]  # fmt: skip
        store.write(
            lambda tx, rows=rows: tx.many(
                "INSERT INTO desk_case (id, subject_id, mandate_id, kind, notice_id, area, owner, opened_at, due_at, "
                "state, state_at) VALUES "
                "(:id, :subject, :mandate, :kind, :notice, :area, :owner, :now, :due, 'open', :now)",
                rows,
            )
        )
    if store.dialect == "postgresql":
        store.write(lambda tx: tx.run("ANALYZE desk_case"))
    return staff


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def lists(store: Store, moment: Moment, staff: list[Staff], rounds: int) -> dict[str, float]:
    """First pages, second pages, pages of one kind; and the bare read beside them."""
    ours, bare = [], []
    for i in range(rounds):
        worker, kind = staff[i % len(staff)], KINDS[i % 5] if i % 3 == 0 else ""
        begun = time.perf_counter()
        with store.read() as tx:
            found = service.cases(tx, moment, worker, kind=kind)
        ours.append(time.perf_counter() - begun)
        if len(found) == service.PAGE:
            place = Place(int(found[-1].due_at.timestamp() * 1000), found[-1].id)
            begun = time.perf_counter()
            with store.read() as tx:
                service.cases(tx, moment, worker, kind=kind, after=place)
            ours.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        with store.read() as tx:
            tx.all(
                "SELECT * FROM desk_case WHERE owner = '' AND area = :area AND state = 'open' "
                "ORDER BY due_at, id LIMIT 50",
                area=f"area-{i % AREAS}",
            )
        bare.append(time.perf_counter() - begun)
    return {
        "list_p50_ms": round(statistics.median(ours) * 1000, 2),
        "list_p95_ms": round(p95(ours) * 1000, 2),
        "bare_p95_ms": round(p95(bare) * 1000, 2),
        "ratio": round(p95(ours) / p95(bare), 2),
    }


def bulk(store: Store, moment: Moment, n: int) -> dict[str, float]:
    """Choose, do and undo `n` cases as the chore does: each part a durable transaction."""
    worker = store.write(
        lambda tx: people.invite_staff(
            tx, moment, None, name="Bench bulk", role="case-worker",
            grants=[people.Grant("area", f"area-{i}") for i in range(AREAS)],
        ).staff
    )  # fmt: skip

    def run() -> int:
        done = 0
        while part := store.write(lambda tx: service.go_on(tx, moment)):
            done += part
        return done

    begun = time.perf_counter()
    bulk_id = store.write(
        lambda tx: service.begin_bulk(
            tx, moment, worker, action="give", chosen=Chosen(whose="pool", limit=n), target=worker.id
        )
    )
    done = run()
    acted = time.perf_counter() - begun
    begun = time.perf_counter()
    store.write(lambda tx: service.undo_bulk(tx, moment, worker, bulk_id))
    undone = run()
    took_back = time.perf_counter() - begun
    if done != n or undone != n:
        raise RuntimeError(f"{done} done and {undone} undone of {n}")
    return {"bulk_cases": done, "bulk_s": round(acted, 2), "undo_s": round(took_back, 2)}


def measure(store: Store, cases: int, rounds: int, many: int) -> dict[str, float]:
    moment = Moment(START, secrets.token_bytes)
    staff = fill(store, moment, cases)
    at = moment._replace(now=START + timedelta(hours=1))
    return lists(store, at, staff, rounds) | bulk(store, at, many)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=300_000)
    asked.add_argument("--rounds", type=int, default=400)
    asked.add_argument("--bulk", type=int, default=10_000)
    asked.add_argument("--only", choices=("sqlite", "postgresql"))
    given = asked.parse_args()
    found: dict[str, object] = {"bench": "desk", "open_cases": given.cases}
    for dialect in ("sqlite", "postgresql"):
        if given.only not in (None, dialect):
            continue
        with (
            tempfile.TemporaryDirectory() as folder,
            postgres() if dialect == "postgresql" else nullcontext("") as address,
        ):
            store = open_store(address, Path(folder))
            try:
                found[dialect] = measure(store, given.cases, given.rounds, given.bulk)
            finally:
                store.close()
        print(dialect, found[dialect])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
