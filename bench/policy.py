"""What deciding costs: one person on each engine, and a whole city as columns beside a bare scan of the same columns.

City: 15 rules over so many made-up people; columns of codes lie as .npy files and are mapped, outcome, failing rules
and next look are written as .npy files (there is no Parquet here: no reader of it is among the dependencies). The
scan sums every column that the rules read, in the same ranges of rows. By hand: the same 15 rules written directly
in numpy by somebody who knows the columns. Rounds alternate in one process; CPU time, median. Memory is the peak of
that process, mapped columns included. Equality is checked in the run: outcome and reasons of all engines, or it ends
with an error.

One person: EU rules with their payload tests (--data), else the town's. certlogic-js takes part where --certlogic-js
names a folder that holds node_modules/certlogic-js. Last line: one JSON object.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pratique.policy.certlogic import evaluate
from pratique.policy.city import NEVER_MINUTE, Population, decide_city
from pratique.policy.columns import CHUNK, Column, Moments
from pratique.policy.compile_py import compiled
from pratique.policy.decide import decide
from pratique.policy.model import Evidence, HouseRule, RuleSet
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules
from pratique.policy.statics import paths_of
from pratique.policy.suites import cases_of, read_cases
from pratique.policy.synthetic import made_up_city

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ENDS = NOW + timedelta(days=30)
HOUR = 3_600_000
ROUNDS = 3
PART = 2_000_000  # people mapped at a time: what was read and written is let go, memory stays flat
WITHIN = [  # (item, hours, what happens otherwise): "a date of this item within so many hours"
    *(("last_negative", hours, "conditions") for hours in (24, 48, 96, 168)),
    *(("last_single_negative", hours, "conditions") for hours in (120, 200)),
    *(("last_dose", hours, "conditions") for hours in (150, 220, 239)),
]
PAUSED = [  # "an item that is there is so many hours old": a hold that ends by itself
    ("last_positive", 120),
    ("last_retest", 24),
    ("last_single", 2),
]


def fifteen_rules() -> RuleSet:
    """The town's three rules and twelve more over the same evidence."""
    document = json.loads(town_rules())
    town = document["rules"]
    clock = {"plusTime": [{"var": "external.validationClock"}, 0, "hour"]}

    def date(item: str, hours: int) -> Any:
        return {"plusTime": [{"var": f"subject.{item}.sampled"}, hours, "hour"]}

    made = [
        (
            {"if": [{"var": f"subject.{item}.sampled"}, {"not-after": [clock, date(item, hours)]}, False]},
            on_false,
        )
        for item, hours, on_false in WITHIN
    ]
    made += [
        ({"if": [{"var": f"subject.{item}.sampled"}, {"after": [clock, date(item, hours)]}, True]}, "hold")
        for item, hours in PAUSED
    ]
    for i, (logic, on_false) in enumerate(made):
        rule = {**town[2]["rule"], "Identifier": f"TR-ZZ-{100 + i:04d}", "Logic": logic}
        town.append({"rule": rule, "house": {**town[2]["house"], "on_false": on_false}})
    return msgspec.structs.replace(rule_set_of({"country": "ZZ", "rules": town}), mandate_id="m", to_at=ENDS)


def make(folder: Path, people: int) -> None:
    """Write the columns of a made-up city, each as codes and moments."""
    rules = fifteen_rules()
    city = made_up_city(people, NOW)
    house = rules.rules[0].house
    assert house is not None
    wanted = sorted({p for rule in rules.rules for p in paths_of(rule.logic) if p.startswith("subject.")})
    for path in wanted:
        column = city.column(house, path)
        if isinstance(column.values, Moments):
            np.save(folder / f"{path}.codes.npy", column.codes)
            np.save(folder / f"{path}.ms.npy", column.values.ms)


def read_city(folder: Path, start: int = 0) -> Population:
    """So many people of the city from `start` on, as mapped files."""
    known = {path.name.removesuffix(".codes.npy"): path for path in sorted(folder.glob("*.codes.npy"))}
    mapped = {name: np.load(path, mmap_mode="r")[start : start + PART] for name, path in known.items()}
    ms = {name: np.load(folder / f"{name}.ms.npy") for name in known}
    length = len(next(iter(mapped.values())))
    nothing = np.broadcast_to(np.uint8(0), length)

    def column(_house: HouseRule, path: str) -> Column:
        return Column(mapped[path], Moments(ms[path])) if path in mapped else Column(nothing, [None])

    def row(_house: HouseRule, _i: int) -> dict[str, Any]:
        raise AssertionError("every rule of this bench runs in columns")

    return Population(length, column, row)


def parts(folder: Path) -> Iterator[Population]:
    """The whole city, part by part."""
    length = len(np.load(next(iter(sorted(folder.glob("*.codes.npy")))), mmap_mode="r"))
    for start in range(0, length, PART):
        yield read_city(folder, start)


def in_parts(folder: Path, act: Callable[[Population], tuple[Any, ...]]) -> list[int]:
    """Run `act` on every part and write what it makes as .npy files; the sums of the three."""
    length = sum(city.length for city in parts(folder))
    sums = [0, 0, 0]
    out = folder / "out"
    out.mkdir(exist_ok=True)
    files = [(out / f"{name}.npy").open("wb") for name in ("outcome", "failing", "until")]
    for i, city in enumerate(parts(folder)):
        made = act(city)
        for n, (file, array) in enumerate(zip(files, made, strict=True)):
            if i == 0:
                header = {"descr": array.dtype.str, "fortran_order": False, "shape": (length,)}
                np.lib.format.write_array_header_1_0(file, header)
            array.tofile(file)
            sums[n] += int(np.sum(array, dtype=np.int64))
    for file in files:
        file.close()
    return sums


def by_columns(rules: RuleSet, city: Population) -> tuple[Any, Any, Any]:
    """The engine."""
    made = decide_city(rules, city, NOW)
    assert made.until is not None
    return made.outcome, made.failing, made.until


def by_hand(city: Population) -> tuple[Any, Any, Any]:
    """The same fifteen rules as somebody would write them in numpy who knows the columns."""
    house = fifteen_rules().rules[0].house
    assert house is not None

    def codes(item: str, field: str = "sampled") -> Any:
        return city.column(house, f"subject.{item}.{field}").codes

    moments = city.column(house, "subject.last_negative.sampled").values
    late = city.column(house, "subject.last_retest.known").values
    assert isinstance(moments, Moments)
    assert isinstance(late, Moments)
    clock = int(NOW.timestamp() * 1000)

    def first(ms: Any, hours: int) -> int:
        """The first code whose moment is within so many hours of the clock."""
        return int(np.searchsorted(ms[1:], clock - hours * HOUR)) + 1

    def ends(ms: Any, hours: int, beyond: int = 1) -> Any:
        at = ms + hours * HOUR + beyond
        at[0] = clock
        return np.where(at > clock, np.minimum(at // 60_000, NEVER_MINUTE), NEVER_MINUTE).astype(np.int32)

    outcome, failing = np.zeros(city.length, np.uint8), np.zeros(city.length, np.uint16)
    until = np.empty(city.length, np.int32)
    turn = {"last_negative": ends(moments.ms, 72)}
    for item, hours, _ in WITHIN:
        turn[item] = np.minimum(turn.get(item, NEVER_MINUTE), ends(moments.ms, hours))
    for item, hours in PAUSED:
        turn[item] = np.minimum(turn.get(item, NEVER_MINUTE), ends(moments.ms, hours))
    turn["last_positive"] = np.minimum(turn["last_positive"], ends(moments.ms, 240))
    known = ends(late.ms, 48)
    last = np.int32(ENDS.timestamp() // 60)
    names = (
        "last_negative",
        "last_single_negative",
        "last_single",
        "last_positive",
        "last_retest",
        "last_dose",
    )
    for start in range(0, city.length, CHUNK):
        rows = slice(start, start + CHUNK)
        of = {name: codes(name)[rows] for name in names}
        negative, alone, single, positive, retest = (of[name] for name in names[:5])
        bits = np.zeros(len(negative), np.uint16)
        where = np.flatnonzero(retest)
        owed = (single[where] <= retest[where]) & (
            codes("last_retest", "known")[rows][where] >= first(late.ms, 48)
        )
        bits[where[owed]] |= 1
        where = np.flatnonzero(positive)
        one = codes("negatives_since_positive.0")[rows][where].astype(np.int32)
        freed = (one > 0) & (alone[where].astype(np.int32) >= one + 24 * 60)
        bits[where[~freed & (positive[where] >= first(moments.ms, 240))]] |= 2
        hold = bits > 0
        bits |= (negative < first(moments.ms, 72)).astype(np.uint16) << 2
        for i, (item, hours, _) in enumerate(WITHIN):
            bits |= (of[item] < first(moments.ms, hours)).astype(np.uint16) << np.uint16(3 + i)
        for i, (item, hours) in enumerate(PAUSED):
            held = of[item] >= first(moments.ms, hours)
            hold |= held
            bits |= held.astype(np.uint16) << np.uint16(3 + len(WITHIN) + i)
        failing[rows] = bits
        outcome[rows] = np.where(hold, np.uint8(2), (bits > 0).view(np.uint8))
        soonest = np.full(len(negative), last, np.int32)
        for name in names:
            np.minimum(soonest, np.take(turn[name], of[name]), out=soonest)
        where = np.flatnonzero(retest)
        soonest[where] = np.minimum(soonest[where], known[codes("last_retest", "known")[rows][where]])
        until[rows] = soonest
    return outcome, failing, until


def scan(folder: Path) -> int:
    """The sum of every column that the rules read, in the same ranges of rows."""
    total = 0
    files = sorted(folder.glob("*.codes.npy"))
    length = len(np.load(files[0], mmap_mode="r"))
    for part in range(0, length, PART):
        columns = [np.asarray(np.load(path, mmap_mode="r")[part : part + PART]) for path in files]
        for start in range(0, len(columns[0]), CHUNK):
            total += sum(int(np.sum(one[start : start + CHUNK], dtype=np.uint64)) for one in columns)
    return total


def measure(folder: Path) -> dict[str, Any]:
    """Scan, engine and hand in turn."""
    rules = fifteen_rules()
    times: dict[str, list[float]] = {"scan": [], "engine": [], "hand": []}
    results: dict[str, Any] = {}
    acts: dict[str, Callable[[], Any]] = {
        "scan": lambda: scan(folder),
        "engine": lambda: in_parts(folder, lambda city: by_columns(rules, city)),
        "hand": lambda: in_parts(folder, by_hand),
    }
    peak = 0
    for _ in range(ROUNDS):
        for name, act in acts.items():
            start = time.process_time()
            results[name] = act()
            times[name].append(time.process_time() - start)
            if name == "engine" and not peak:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if results["engine"][:2] != results["hand"][:2]:
        raise SystemExit(f"the engine and the rules by hand disagree: {results}")
    took = {name: statistics.median(found) for name, found in times.items()}
    people = sum(city.length for city in parts(folder))
    return {
        "people": people,
        "rules": len(rules.rules),
        "seconds": round(took["engine"], 3),
        "scan_seconds": round(took["scan"], 3),
        "hand_numpy_seconds": round(took["hand"], 3),
        "ratio_to_scan": round(took["engine"] / took["scan"], 2),
        "ratio_to_hand_numpy": round(took["engine"] / took["hand"], 2),
        "ratio_to_hand_polars": None,
        "million_rule_rows_a_second": round(people * len(rules.rules) / took["engine"] / 1e6),
        "peak_mb": peak,
        "same_reasons_as_by_hand": True,
        "same_next_look_as_by_hand": results["engine"][2] == results["hand"][2],
    }


def singles(data: Path, certlogic_js: Path | None) -> dict[str, Any]:
    """Evaluations a second of one rule on one payload."""
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

    ours = rate(run_compiled)
    theirs = _javascript(cases, certlogic_js) if certlogic_js else None
    return {
        "cases": len(cases),
        "compiled_per_second": round(ours),
        "interpreter_per_second": round(rate(run_interpreter)),
        "certlogic_js_per_second": theirs,
        "ratio_to_certlogic_js": round(ours / theirs, 2) if theirs else None,
    }


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


def _javascript(cases: list[Any], folder: Path) -> int:
    pairs = json.dumps([[case.expression, case.data] for case in cases])
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
    """Run it all; the city in a process of its own, so that its memory is its own."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--people", type=int, default=2_000_000)
    reader.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    reader.add_argument("--certlogic-js", type=Path)
    reader.add_argument("--make", type=Path)
    reader.add_argument("--measure", type=Path)
    asked = reader.parse_args()
    if asked.make:
        make(asked.make, asked.people)
        return 0
    if asked.measure:
        print(json.dumps(measure(asked.measure)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        again = [sys.executable, __file__, "--people", str(asked.people)]
        subprocess.run([*again, "--make", folder], check=True)
        told = subprocess.run([*again, "--measure", folder], check=True, capture_output=True, text=True)
    found = {
        "bench": "policy",
        **json.loads(told.stdout),
        **singles(asked.data, asked.certlogic_js),
        **one_decision(),
    }
    for name, value in found.items():
        print(f"{name:28} {value}")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
