"""Everybody decided again under a new policy: people a second, beside a bare loop that writes the same rows.

One deployment on disk (SQLite, or a PostgreSQL of its own): people with one piece of evidence each, decided by the
town's rules; then a rule changes under which a third of them are worse off. Measured: the mirror made from nothing;
columns alone saying who changes (of these people, and of a made-up million in sealed parts); the whole job with
notices and passes (`people_per_s` counts everybody compared, `changed_per_s` who was written); the mirror taking in
what the job wrote; a preview of the next draft over 14 days on the same people; and, in the same run, the rows that the
job added, inserted bare in transactions of the same size. CPU seconds of all threads stand beside. The last line is one
JSON object.

    python bench/redecide.py [--people 3000] [--database postgresql]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

from databases import KINDS, database

from pratique import town
from pratique.core.moment import Moment
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.city import decide_city
from pratique.policy.mirror import Mirror
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.parts import columns_read
from pratique.policy.service import town_rules
from pratique.policy.synthetic import made_up_city
from pratique.port import Port, open_port
from pratique.rollout import service as rollout
from pratique.rollout.model import Laboratory
from pratique.rollout.redeciding import BATCH, follow, redecide
from pratique.settings import Settings
from pratique.store.tx import Tx

TABLES = ("decision", "facts_row", "notice")
SLICE = 500
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--made-up", type=int, default=1_000_000)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pratique-bench-") as folder, database(asked.database) as url:
        port = open_port(Settings(home=Path(folder), database_url=url), lambda: datetime.now(UTC))
        try:
            print(json.dumps(measure(port, asked.people, asked.made_up)))
        finally:
            port.close()


def measure(port: Port, count: int, million: int) -> dict[str, Any]:
    made = town.found(port, port.moment())
    settle(port, made.mandate_id, count)
    rules = json.loads(town_rules())
    rules["rules"][2]["rule"]["Version"] = "1.1.0"
    rules["rules"][2]["house"]["on_false"] = "hold"
    for test in rules["tests"]:
        if test["rule"] == "TR-ZZ-0003":
            test["version"] = "1.1.0"
    raw, moment = json.dumps(rules).encode(), port.moment()
    port.store.write(lambda tx: town.publish_rules(port, tx, moment, made.officers, made.mandate_id, raw))
    before = {table: ids(port, table) for table in TABLES}

    made_for, made_cpu = taken(lambda: level(port))
    with port.store.read() as tx:
        live = policy.live_policy(tx, port.moment().now)
        known = {number: policy.rule_set(tx, number) for number in (1, 2)}
    assert live is not None
    compared, compared_cpu = taken(
        lambda: sum(len(one.subject_ids) for one in port.mirror.changed(live, port.moment().now, known.get))
    )
    city = made_up_mirror(port, made.mandate_id, known[1], live, million)
    million_for, million_cpu = taken(
        lambda: sum(len(one.subject_ids) for one in city.changed(live, port.moment().now, known.get))
    )
    whole, whole_cpu = taken(lambda: run(port))
    with port.store.read() as tx:
        job = rollout.job(tx, live.number)
    assert job is not None
    assert job.state == "done"
    taken_in, _ = taken(lambda: level(port))
    next_draft = json.dumps(rules | {"rules": [*rules["rules"][:2], softer(rules["rules"][2])]}).encode()
    looked, looked_cpu = taken(
        lambda: rollout.look_over(port.store, port.moment(), port.mirror, next_draft, Laboratory())
    )
    bare, rows = write_bare(port, before)
    return {
        "database": port.store.dialect,
        "people": job.done,
        "changed": job.changed,
        "told": job.told,
        "seconds": round(whole, 2),
        "cpu_seconds": round(whole_cpu, 2),
        "people_per_s": round(job.done / whole),
        "changed_per_s": round(job.changed / whole),
        "changed_per_cpu_s": round(job.changed / whole_cpu),
        "compared_per_s": round(job.done / compared),
        "compared_per_cpu_s": round(job.done / compared_cpu),
        "made_up_people": million,
        "made_up_compared_per_s": round(million / million_for),
        "made_up_compared_per_cpu_s": round(million / million_cpu),
        "mirror_made_per_s": round(job.done / made_for),
        "mirror_made_per_cpu_s": round(job.done / made_cpu),
        "mirror_took_in_per_s": round(job.changed / taken_in),
        "preview_people_per_s": round(job.done / looked),
        "preview_people_per_cpu_s": round(job.done / looked_cpu),
        "ratio_preview_to_redecide": round(looked / whole, 3),
        "bare_rows": rows,
        "bare_seconds": round(bare, 2),
        "bare_people_per_s": round(job.changed / bare),
        "ratio_to_bare_writes": round(bare / whole, 3),
        "batch": BATCH,
    }


def made_up_mirror(port: Port, mandate_id: str, old: RuleSet | None, new: RuleSet, count: int) -> Mirror:
    """So many made-up people in sealed parts, as they were decided by the rules before; the database knows none."""
    assert old is not None
    moment = port.moment()
    mirror = Mirror(port.settings.home / "made-up", port.store, port.sealer)
    house = old.rules[0].house
    assert house is not None
    wanted = sorted(columns_read(old, moment.now) | columns_read(new, moment.now))
    with mirror.files.alone():
        for n, first in enumerate(ALPHABET):
            size = count // len(ALPHABET)
            city = made_up_city(size, moment.now, seed=n + 1)
            decided = decide_city(old, city, moment.now)
            assert decided.until is not None
            columns: dict[str, Any] = {
                "subject": [f"{first}{at:025d}" for at in range(size)],
                "decided.outcome": decided.outcome,
                "decided.until": decided.until.astype(np.int64) * 60_000,
                "decided.policy": np.full(size, old.number, np.int32),
                "decided.mandate": [mandate_id] * size,
            }
            for name in wanted:
                codes, values = city.column(house, f"subject.{name}")
                if not isinstance(values, list):
                    there = np.where(codes > 0, codes.astype(np.int64) + values.origin, 0)
                    columns[name] = there.astype(np.int32)
            mirror.files.write(moment, first, pl.DataFrame(columns), [mandate_id], [])
    return mirror


def softer(entry: dict[str, Any]) -> dict[str, Any]:
    """The rule with conditions for a hold again, as its next version."""
    rule = {**entry["rule"], "Version": "1.2.0"}
    return {"rule": rule, "house": {**entry["house"], "on_false": "conditions"}}


def taken(act: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and CPU seconds of all threads."""
    begun, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - begun, time.process_time() - cpu


def level(port: Port) -> None:
    """The mirror as the database is."""
    while follow(port.store, port.moment(), port.mirror):
        pass


def run(port: Port) -> None:
    """The whole job."""
    while (job := redecide(port.store, port.moment, port.house, port.mirror)) is not None:
        if job.state not in ("waiting", "running"):
            return


def settle(port: Port, mandate_id: str, count: int) -> None:
    """Two thirds were found negative today, one third four days ago; everybody is decided."""
    for start in range(0, count, SLICE):
        moment = port.moment()

        def act(tx: Tx, start: int = start, moment: Moment = moment) -> None:
            subjects = [people.create_subject(tx, moment, "paper") for _ in range(min(SLICE, count - start))]
            changes = [
                EvidenceChange(negative(moment, one, mandate_id, 100 if n % 3 == 0 else 5))
                for n, one in enumerate(subjects)
            ]
            notices.evidence_changed(tx, moment, port.house, changes)

        port.store.write(act)


def negative(moment: Moment, subject_id: str, mandate_id: str, hours: int) -> Evidence:
    ref = moment.new_id()
    at = moment.now - timedelta(hours=hours)
    return Evidence(
        id=ref, subject_id=subject_id, kind="test", outcome="not-detected", sampled_at=at, known_at=at,
        source="made up", ref=ref, mandate_id=mandate_id,
    )  # fmt: skip


def ids(port: Port, table: str) -> set[str]:
    with port.store.read() as tx:
        return {row[0] for row in tx.all(f"SELECT id FROM {table}")}


def write_bare(port: Port, before: dict[str, set[str]]) -> tuple[float, int]:
    """The rows the job added, written again under other ids into tables without keys, a transaction a batch."""
    added: dict[str, list[tuple[Any, ...]]] = {}
    with port.store.read() as tx:
        for table in TABLES:
            added[table] = [row for row in tx.all(f"SELECT * FROM {table}") if row[0] not in before[table]]
    for table in TABLES:
        port.store.write(
            lambda tx, t=table: tx.run(f"CREATE TABLE bare_{t} AS SELECT * FROM {t} WHERE 1 = 0")
        )
    batches = max(1, -(-len(added["decision"]) // BATCH))
    begun = time.perf_counter()
    for n in range(batches):

        def act(tx: Tx, n: int = n) -> None:
            for table, rows in added.items():
                part = rows[n * BATCH : (n + 1) * BATCH]
                if part:
                    names = [f"v{i}" for i in range(len(part[0]))]
                    values = ", ".join(f":{name}" for name in names)
                    tx.many(
                        f"INSERT INTO bare_{table} VALUES ({values})",
                        [dict(zip(names, row, strict=True)) for row in part],
                    )

        port.store.write(act)
    return time.perf_counter() - begun, sum(map(len, added.values()))


if __name__ == "__main__":
    main()
