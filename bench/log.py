"""The public log and the key store: appends a second (durable, a checkpoint every second) beside a bare commit loop,
a whole log checked from its files beside bare hashing of its entries, and secrets made and destroyed.

Rounds of ours and of the peer alternate. The last line is one JSON object: `appends_per_s`, `ratio_to_bare` (same
group commit, same bytes, no entry form, no hash), `verify_s` for a log of 70,000 entries (a round of 10,000 unless
`--entries` says otherwise), `verify_ratio_to_hashing`, `secrets_per_s`, `destroy_s`.
"""

import argparse
import json
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pratique.core.moment import Moment
from pratique.mandates import service
from pratique.mandates.keystore import KeyStore
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.mandates.verify import read_folder, verify
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx

LOG = NoteSigner("bench.example/log", b"B" * 32)
MOMENT = Moment(datetime(2026, 1, 5, tzinfo=UTC), secrets.token_bytes)
WAITING = 2000


def append(n: int) -> Callable[[Tx], Any]:
    """One entry of the log, as a room appends it."""
    return lambda tx: service.append_log(tx, MOMENT, "access", {"day": "2026-01-05", "counts": {"nurse": n}})


def bare(n: int) -> Callable[[Tx], Any]:
    """The same bytes into a table, nothing else."""
    raw = b'{"at":"2026-01-05T00:00:00Z","counts":{"nurse":%d},"day":"2026-01-05","type":"access","v":1}' % n
    return lambda tx: tx.run("INSERT INTO bare (n, raw) VALUES (:n, :raw)", n=n, raw=raw)


def pushed(store: Store, count: int, first: int, make: Callable[[int], Callable[[Tx], Any]]) -> float:
    """Seconds until `count` use cases are durable, at most WAITING of them waiting."""
    start = time.perf_counter()
    futures: list[Future[Any]] = []
    for n in range(first, first + count):
        futures.append(store.submit(make(n)))
        if len(futures) >= WAITING:
            futures[-WAITING // 2].result()
            futures = futures[-WAITING // 2 :]
    for future in futures:
        future.result()
    return time.perf_counter() - start


def main() -> None:
    """Run and print."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--entries", type=int, default=70_000)
    reader.add_argument("--rounds", type=int, default=5)
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = open_store("", home)
        store.write(lambda tx: tx.run("CREATE TABLE bare (n INTEGER PRIMARY KEY, raw BLOB)"))
        publisher = Publisher(store, home / "log", LOG)
        stop = threading.Event()

        def publish() -> None:
            while not stop.wait(1):
                publisher.publish(MOMENT)

        sequencer = threading.Thread(target=publish)
        sequencer.start()
        size = asked.entries // asked.rounds
        ours, peer = [], []
        for i in range(asked.rounds):
            ours.append(pushed(store, size, i * size, append))
            peer.append(pushed(store, size, i * size, bare))
        stop.set()
        sequencer.join()
        publisher.publish(MOMENT)
        checks, hashing = [], []
        for _ in range(3):
            start = time.perf_counter()
            verdict = verify(read_folder(home / "log"), LOG.vkey, MOMENT.now)
            checks.append(time.perf_counter() - start)
            if verdict.problems or verdict.entries != size * asked.rounds:
                raise SystemExit(f"the log does not hold: {verdict.problems[:3]}")
            with store.read() as tx:
                entries = [bytes(row[0]) for row in tx.all("SELECT entry FROM log_entry")]
            start = time.perf_counter()
            for entry in entries:
                sha256(sha256(b"\x00" + entry).digest() * 2).digest()
            hashing.append(time.perf_counter() - start)
        store.close()
        keys = KeyStore(home / "keys", secrets.token_bytes)
        start = time.perf_counter()
        keys.make_subjects("0" * 26, [f"{n:026}" for n in range(100_000)])
        made = time.perf_counter() - start
        start = time.perf_counter()
        keys.destroy_mandate("0" * 26)
        destroyed = time.perf_counter() - start
        keys.close()
    row = {
        "appends_per_s": round(size / statistics.median(ours)),
        "ratio_to_bare": round(statistics.median(peer) / statistics.median(ours), 3),
        "entries": size * asked.rounds,
        "verify_s": round(min(checks), 2),
        "verify_ratio_to_hashing": round(min(hashing) / min(checks), 3),
        "secrets_per_s": round(100_000 / made),
        "destroy_s": round(destroyed, 2),
    }
    print(
        f"{row['appends_per_s']} appends/s, {row['ratio_to_bare']} of the bare loop; checked in {row['verify_s']} s"
    )
    print(json.dumps(row))


if __name__ == "__main__":
    main()
