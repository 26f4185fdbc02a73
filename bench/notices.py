"""Three promises of law 3 on a real server: cleared at once, given back to everybody, lifted by itself.

1. A clearing fact is committed → a wallet that asks sees the notice cleared, at 100 a second over HTTP (p99, beside
   the same wallet asked without any fact in the same run).
2. A fault is declared for everybody → 2,000,000 people's deadlines are longer: one commit, then some wallets.
3. An appeal nobody answers: the server is killed before its time is over and started after it; seconds until the wallet
   says lifted, and how many notices a second a sweep lifts where very many end at once.

Last line: one JSON object.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from pratique import town
from pratique.app import web_app
from pratique.core.moment import Moment
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange
from pratique.peers import Holder, free_port
from pratique.people import service as people
from pratique.policy.model import Evidence
from pratique.port import open_port, tell
from pratique.settings import Settings

COPY = (
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :people) "
    "INSERT INTO notice ({columns}) SELECT {values} FROM c, (SELECT * FROM notice LIMIT 1) t"
)


def now() -> Moment:
    return Moment(datetime.now(UTC), secrets.token_bytes)


def ask(url: str, token: str) -> tuple[float, dict[str, Any]]:
    """Seconds, and the wallet."""
    begun = time.perf_counter()
    request = urllib.request.Request(f"{url}/v1/wallet", headers={"Authorization": f"Bearer {token}"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body: dict[str, Any] = json.loads(answer.read())
            return time.perf_counter() - begun, body
        except urllib.error.HTTPError as refused:
            if refused.code not in (429, 503):
                raise
            time.sleep(0.02)  # it said "busy, come again"; the waiting counts


def percent(values: list[float], n: int) -> float:
    return round(statistics.quantiles(values, n=100)[n - 1] * 1000, 1)


def clearing(home: Path, facts: int, rate: int) -> dict[str, float]:
    """Facts at `rate` a second; each person's wallet is asked as soon as the fact is on disk."""
    number = free_port(30000 + os.getpid() % 800 * 10)
    port = open_port(Settings(home=home, port=number))
    town.found(port, port.moment())
    residents = [Holder() for _ in range(facts)]
    town.settle(port, port.moment(), residents)
    tokens = [people.token_for(port.secret, one.subject_id, now().now)[0] for one in residents]
    server = uvicorn.Server(uvicorn.Config(web_app(port), port=number, access_log=False, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    url, seen, idle = f"http://127.0.0.1:{number}", [], []
    mandate = port.store.write(lambda tx: tx.one("SELECT id FROM mandate"))[0]
    told = tell(port)
    for token in tokens[:50]:
        idle.append(ask(url, token)[0])

    def one(n: int) -> float:
        moment, subject = now(), residents[n].subject_id
        evidence = Evidence(
            id=moment.new_id(), subject_id=subject, kind="test", outcome="not-detected", analyte=town.ANALYTE,
            pooled=True, sampled_at=moment.now, known_at=moment.now, source="bench", ref=f"R{n}", mandate_id=mandate,
        )  # fmt: skip
        port.store.write(lambda tx: told(tx, moment, [EvidenceChange(evidence, None)]))
        committed = time.perf_counter()
        while True:
            _, body = ask(url, tokens[n])
            if all(notice["state"] == "cleared" for notice in body["notices"] if notice["kind"] == "N1"):
                return time.perf_counter() - committed

    async def at_rate() -> list[float]:
        loop, waiting, begun = asyncio.get_running_loop(), [], time.perf_counter()
        for n in range(facts):
            await asyncio.sleep(max(0.0, begun + n / rate - time.perf_counter()))
            waiting.append(loop.run_in_executor(None, one, n))
        return list(await asyncio.gather(*waiting))

    begun = time.perf_counter()
    seen = asyncio.run(at_rate())
    took = time.perf_counter() - begun
    for token in tokens[-50:]:
        idle.append(ask(url, token)[0])
    server.should_exit = True
    thread.join(20)
    port.close()
    return {
        "facts": facts, "facts_per_s": round(facts / took, 1), "clear_p50_ms": percent(seen, 50),
        "clear_p99_ms": percent(seen, 99), "idle_poll_p99_ms": percent(idle, 99),
        "ratio_p50": round(statistics.median(seen) / statistics.median(idle), 2),
    }  # fmt: skip


def extension(home: Path, many: int) -> dict[str, float]:
    """Two million open duties, one fault, and what wallets picked by chance say before and after."""
    port = open_port(Settings(home=home))
    town.found(port, port.moment())
    holder = Holder()
    town.settle(port, port.moment(), [holder])
    port.close()
    database = sqlite3.connect(home / "pratique.db")
    columns = [row[1] for row in database.execute("PRAGMA table_info(notice)")]
    made = {
        "id": "printf('%026d', c.n)",
        "subject_id": "printf('%025dS', c.n)",
        "appeal_path": "'/v1/notices/' || printf('%026d', c.n) || '/appeals'",
    }
    values = ", ".join(made.get(name, f"t.{name}") for name in columns)
    begun = time.perf_counter()
    database.execute("PRAGMA synchronous=OFF")
    database.execute(COPY.format(columns=", ".join(columns), values=values), {"people": many - 1})
    database.execute(
        "INSERT INTO subject (id, kind, created_at) SELECT subject_id, 'paper', 0 FROM notice "
        "WHERE subject_id NOT IN (SELECT id FROM subject)"
    )
    database.commit()
    database.close()
    filled = time.perf_counter() - begun
    port = open_port(Settings(home=home))
    picked = [f"{secrets.randbelow(many - 1) + 1:025d}S" for _ in range(500)]

    def deadlines(moment: Moment) -> list[str]:
        with port.store.read() as tx:
            return [
                notices.wallet_view(tx, moment, port.house, one, lambda *_: [], 0)
                .notices[0]
                .deadline_effective
                for one in picked
            ]

    moment = now()
    before = deadlines(moment)
    begun = time.perf_counter()
    port.store.write(
        lambda tx: notices.declare_fault(
            tx, moment, scope="all", cause="outage", by="bench", begins=moment.now - timedelta(seconds=1),
            ends=moment.now + timedelta(hours=3),
        )
    )  # fmt: skip
    declared = time.perf_counter() - begun
    after = deadlines(moment)
    longer = sum(b < a for b, a in zip(before, after, strict=True))
    shown = time.perf_counter() - begun
    later = moment._replace(now=moment.now + timedelta(days=200))
    begun, lifted = time.perf_counter(), 0
    while time.perf_counter() - begun < 10 and (
        done := port.store.write(lambda tx: notices.sweep(tx, later, port.house, 2000))
    ):
        lifted += done
    rate = lifted / (time.perf_counter() - begun)
    port.close()
    if longer != len(picked):
        raise RuntimeError(f"{len(picked) - longer} of {len(picked)} deadlines did not move")
    return {
        "people": many, "fill_s": round(filled, 1), "declare_ms": round(declared * 1000, 2),
        "declared_and_500_wallets_read_s": round(shown, 2), "lifted_per_s": round(rate),
    }  # fmt: skip


def silence(home: Path) -> dict[str, float]:
    """An appeal whose time is over while no server runs."""
    number = free_port(31000 + os.getpid() % 800 * 10)
    port = open_port(Settings(home=home, port=number))
    town.found(port, port.moment())
    holder = Holder()
    town.settle(port, port.moment(), [holder])
    token = people.token_for(port.secret, holder.subject_id, now().now)[0]
    with port.store.read() as tx:
        view = notices.wallet_view(tx, now(), port.house, holder.subject_id, lambda *_: [], 0)
    port.store.write(
        lambda tx: notices.appeal(
            tx, now(), port.house, subject_id=holder.subject_id, notice_id=view.notices[0].id, text=""
        )
    )
    due = now().now_ms + 4000
    port.store.write(
        lambda tx: tx.run("UPDATE appeal SET due_at = :due, next_at = :due, escalated = 2", due=due)
    )
    port.close()
    environment = os.environ | {"PRATIQUE_HOME": str(home)}
    command = [sys.executable, "-m", "pratique.cli", "serve", "--port", str(number)]
    url = f"http://127.0.0.1:{number}"
    first = subprocess.Popen(command, env=environment)
    _until(url, token, lambda body: body["notices"][0]["state"] == "open")
    first.send_signal(signal.SIGKILL)
    first.wait()
    while now().now_ms < due + 1500:
        time.sleep(0.1)
    begun = time.perf_counter()
    second = subprocess.Popen(command, env=environment)
    try:
        body = _until(url, token, lambda body: body["notices"][0]["state"] == "lifted")
        lifted = time.perf_counter() - begun
    finally:
        second.terminate()
        second.wait(20)
    at = datetime.fromisoformat(body["notices"][0]["history"][-1]["at"]).timestamp() * 1000
    return {"restart_to_lifted_s": round(lifted, 2), "written_with_its_due_time": abs(at - due) < 1000}


def _until(url: str, token: str, holds: Any) -> dict[str, Any]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            _, body = ask(url, token)
            if holds(body):
                return body
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("it did not come to pass in 90 seconds")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--facts", type=int, default=2000)
    asked.add_argument("--rate", type=int, default=100)
    asked.add_argument("--people", type=int, default=2_000_000)
    asked.add_argument("--only", choices=("clearing", "extension", "silence"))
    given = asked.parse_args()
    found: dict[str, object] = {"bench": "notices"}
    for name, run in (
        ("clearing", lambda home: clearing(home, given.facts, given.rate)),
        ("extension", lambda home: extension(home, given.people)),
        ("silence", silence),
    ):
        if given.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[name] = run(Path(folder))
        print(name, found[name], flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
