"""What deciding costs: a whole city Parquet to Parquet beside its peers, and one person on each engine.

City: 15 rules over so many made-up people in Parquet parts; outcome, failing and open rules and next look are written
as Parquet parts. In turn, in one process: the scan (the same engine reads the same columns and sums them), the engine,
the same rules written by hand in Polars over the same files (`policy_by_hand.py`), the preview of a draft. CPU time
of all threads, median of the rounds; wall time beside it. Memory is the peak of a process that runs the engine alone.
Outcome, reasons and next look of engine and hand are compared row by row, or the run ends with an error.

One person: EU rules with their payload tests (--data), else the town's. certlogic-js is fetched by npm into a scratch
folder and run by node; without npm its figures are null. Last line: one JSON object.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

import policy_by_hand as hand
from policy_by_hand import NOW, fifteen_rules

from pratique.policy.certlogic import evaluate
from pratique.policy.compile_py import compiled
from pratique.policy.decide import decide
from pratique.policy.model import Evidence
from pratique.policy.parts import batches, columns_read, decide_parts, parts_in, read_part
from pratique.policy.preview import preview_parts
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules
from pratique.policy.suites import cases_of, read_cases
from pratique.policy.synthetic import made_up_city

ROUNDS = 3
PART = 1 << 20  # people in a part


def make(folder: Path, people: int) -> None:
    """Write a made-up city in parts."""
    rules = fifteen_rules()
    house = rules.rules[0].house
    assert house is not None
    for i, start in enumerate(range(0, people, PART)):
        city = made_up_city(min(PART, people - start), NOW, seed=i + 1)
        columns = {}
        for name in sorted(columns_read(rules, NOW)):
            codes, values = city.column(house, f"subject.{name}")
            if not isinstance(values, list):
                there = codes > 0
                columns[name] = np.where(there, codes.astype(np.int64) + values.origin, 0).astype(np.int32)
        frame = pl.DataFrame(columns)
        frame.write_parquet(folder / f"part-{i:05}.parquet", compression="lz4", row_group_size=PART)


def scan(folder: Path) -> int:
    """The sum of every column that the rules read, by the engine's own way of reading."""
    wanted = columns_read(fifteen_rules(), NOW)

    def one(path: Path) -> int:
        columns = read_part(path, wanted).get_columns()
        return sum(int(np.sum(column.to_numpy(), dtype=np.int64)) for column in columns)

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one, parts_in(folder)))


def seen(folder: Path) -> int:
    """A preview of the town's rules as a draft after the fifteen."""
    rules = fifteen_rules()
    draft = rule_set_of({**json.loads(town_rules()), "tests": []})
    wanted = columns_read(rules, NOW) | columns_read(draft, NOW)
    return preview_parts(rules, draft, batches(parts_in(folder), wanted), [NOW]).people


def measure(folder: Path) -> dict[str, Any]:
    """Scan, engine, hand and preview in turn."""
    rules, ours, theirs = fifteen_rules(), folder / "ours", folder / "theirs.pq"

    def engine() -> int:
        shutil.rmtree(ours, ignore_errors=True)
        return decide_parts(rules, folder, ours, NOW).people

    acts: dict[str, Callable[[], Any]] = {
        "scan": lambda: scan(folder),
        "engine": engine,
        "hand": lambda: hand.run(folder, theirs),
        "preview": lambda: seen(folder),
    }
    cpu: dict[str, list[float]] = {name: [] for name in acts}
    wall: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS):
        for name, act in acts.items():
            start, at = time.process_time(), time.perf_counter()
            act()
            cpu[name].append(time.process_time() - start)
            wall[name].append(time.perf_counter() - at)
    names = ["outcome", "failing", "until"]
    mine = pl.concat([pl.read_parquet(path, columns=names) for path in parts_in(ours)])
    if not mine.equals(pl.read_parquet(theirs, columns=names)):
        raise SystemExit("the engine and the rules by hand disagree")
    took = {name: statistics.median(found) for name, found in cpu.items()}
    lasted = {name: statistics.median(found) for name, found in wall.items()}
    return {
        "people": mine.height,
        "rules": len(rules.rules),
        "seconds": round(lasted["engine"], 3),
        "cpu_seconds": round(took["engine"], 3),
        "scan_cpu_seconds": round(took["scan"], 3),
        "hand_polars_cpu_seconds": round(took["hand"], 3),
        "ratio_to_scan": round(took["engine"] / took["scan"], 2),
        "ratio_to_hand_polars": round(took["engine"] / took["hand"], 2),
        "wall_ratio_to_scan": round(lasted["engine"] / lasted["scan"], 2),
        "wall_ratio_to_hand_polars": round(lasted["engine"] / lasted["hand"], 2),
        "preview_cpu_seconds": round(took["preview"], 3),
        "ratio_preview_to_redecide": round(took["preview"] / took["engine"], 2),
        "million_rule_rows_a_cpu_second": round(mine.height * len(rules.rules) / took["engine"] / 1e6),
        "same_rows_as_by_hand": True,
    }


def memory(folder: Path) -> dict[str, Any]:
    """The peak of a process that only runs the engine."""
    decide_parts(fifteen_rules(), folder, folder / "peak", NOW)
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def singles(data: Path) -> dict[str, Any]:
    """Evaluations a second of one rule on one payload; ours and theirs in turn."""
    rules = data / "creds" / "rules"
    cases = (
        list(read_cases(rules)) if rules.is_dir() else list(cases_of(json.loads(town_rules()), "town.json"))
    )
    acts = {id(case.expression): compiled(case.expression) for case in cases}
    pairs = [(acts[id(case.expression)], case.data, case.expression) for case in cases]
    for act, given, expression in pairs:
        assert act(given) == evaluate(expression, given)

    def rate(run: Callable[[], None]) -> float:
        best = []
        for _ in range(ROUNDS):
            start, count = time.process_time(), 0
            while time.process_time() - start < 0.7:
                run()
                count += len(pairs)
            best.append(count / (time.process_time() - start))
        return statistics.median(best)

    def run_compiled() -> None:
        for act, given, _ in pairs:
            act(given)

    def run_interpreter() -> None:
        for _, given, expression in pairs:
            evaluate(expression, given)

    before, theirs, after = rate(run_compiled), _javascript(cases), rate(run_compiled)
    ours = (before + after) / 2
    return {
        "cases": len(cases),
        "compiled_per_second": round(ours),
        "interpreter_per_second": round(rate(run_interpreter)),
        "certlogic_js_per_second": theirs,
        "ratio_to_certlogic_js": round(ours / theirs, 2) if theirs else None,
    }


CERTLOGIC_JS = "certlogic-js@1.2.2"
JAVASCRIPT = """
const {evaluate} = require('certlogic-js')
const pairs = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const rates = []
for (let round = 0; round < 3; round++) {
  const from = process.cpuUsage(); let count = 0, spent = 0
  while (spent < 700000) {
    for (const [rule, data] of pairs) evaluate(rule, data)
    count += pairs.length; const now = process.cpuUsage(from); spent = now.user + now.system
  }
  rates.push(count / spent * 1e6)
}
rates.sort((a, b) => a - b); console.log(Math.round(rates[1]))
"""


def _javascript(cases: list[Any]) -> int | None:
    """The reference on node, fetched into a scratch folder; None where that cannot be had."""
    pairs = json.dumps([[case.expression, case.data] for case in cases])
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(
                ["npm", "install", "--silent", "--no-fund", "--no-audit", f"--prefix={folder}", CERTLOGIC_JS],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            print(f"{CERTLOGIC_JS} cannot be fetched here: not compared", file=sys.stderr)
            return None
        told = subprocess.run(
            ["node", "-e", JAVASCRIPT], input=pairs, capture_output=True, text=True, check=True, cwd=folder
        )
    return int(told.stdout)


def one_decision() -> dict[str, Any]:
    """Milliseconds to decide about and explain one person with six pieces of evidence."""
    given = [(200, "not-detected"), (150, "not-detected"), (100, "not-detected"), (50, "not-detected")]
    given += [(20, "retest-required"), (3, "not-detected")]
    evidence = [
        Evidence(
            id=f"{hours:026d}",
            subject_id="0" * 26,
            kind="test",
            outcome=outcome,  # type: ignore[arg-type]
            pooled=True,
            sampled_at=NOW - timedelta(hours=hours),
            known_at=NOW - timedelta(hours=hours - 2),
            source="made up",
            ref=str(hours),
            mandate_id="m",
        )
        for hours, outcome in given
    ]
    rules, times = fifteen_rules(), []
    for _ in range(300):
        start = time.process_time()
        decide(evidence, NOW, rules)
        times.append((time.process_time() - start) * 1000)
    times.sort()
    return {"decide_p50_ms": round(times[150], 3), "decide_p99_ms": round(times[296], 3)}


def main() -> int:
    """Run it all; the city in processes of its own, so that its memory is its own."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--people", type=int, default=2_000_000)
    reader.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    reader.add_argument("--inner", nargs=2)
    asked = reader.parse_args()
    if asked.inner:
        act = {"measure": measure, "memory": memory}[asked.inner[0]]
        print(json.dumps(act(Path(asked.inner[1]))))
        return 0
    found: dict[str, Any] = {"bench": "policy"}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), asked.people)
        for act in ("memory", "measure"):
            again = [sys.executable, __file__, "--inner", act, folder]
            found |= json.loads(subprocess.run(again, check=True, stdout=subprocess.PIPE, text=True).stdout)
    found |= {**singles(asked.data), **one_decision()}
    for name, value in found.items():
        print(f"{name:30} {value}")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
