"""A long random comparison: many rules, each on many payloads. PRATIQUE_FUZZ_PAIRS=1000000 runs the whole length."""

import json
import os
from random import Random
from typing import Any

from pratique.policy.certlogic import Fault, Instant, evaluate
from pratique.policy.columns import Plan
from pratique.policy.compile_py import compiled
from pratique.policy.statics import paths_of
from pratique.policy.suites import equal
from pratique.policy.table import Ground, table_of

PAIRS = int(os.environ.get("PRATIQUE_FUZZ_PAIRS", "10000"))
ROWS = 200
DATES = ["2021", "2020-02", "2020-02-29", "2021-01-31", "2021-06-01T23:59:59.999-1130", "2021-06-01T24:00:00"]
DATES += ["2021-02-30", "2021-06-01T12:00Z", "", "2020-12-31T23:59:59+14:00", "x"]
UNITS = ["year", "month", "day", "hour"]


def whole(r: Random, depth: int) -> Any:
    kind = r.randrange(6)
    if kind < 3 or depth <= 0:
        return (
            {"var": r.choice(["n", "m", "v.0.dn", "v.1.dn", "t"])} if r.random() < 0.7 else r.randint(-3, 3)
        )
    if kind == 3:
        return {"+": [whole(r, depth - 1), whole(r, depth - 1)]}
    if kind == 4:
        step = {"+": [{"var": "accumulator"}, {"var": r.choice(["current.dn", "current"])}]}
        return {"reduce": [{"var": r.choice(["v", "none", "l"])}, step, whole(r, depth - 1)]}
    return {"if": [judged(r, depth - 1), whole(r, depth - 1), whole(r, depth - 1)]}


def date(r: Random, depth: int) -> Any:
    text = r.choice([{"var": "x"}, {"var": "y"}, {"var": "v.0.dt"}, r.choice(DATES)])
    if r.random() < 0.15:
        return {"dccDateOfBirth": [text]}
    if r.random() < 0.1 and depth > 0:
        return {"if": [judged(r, depth - 1), date(r, depth - 1), date(r, depth - 1)]}
    return {"plusTime": [text, r.choice([0, 0, 1, -1, 13, -18, 40, 400, 10**7, 10**17]), r.choice(UNITS)]}


def word(r: Random) -> Any:
    return r.choice(
        [
            {"var": "t"},
            {"var": "x"},
            {"var": "none"},
            {"var": "v.0.mp"},
            "a",
            "b",
            "",
            {"extractFromUVCI": [{"var": "u"}, r.randint(-1, 4)]},
        ]
    )


def judged(r: Random, depth: int) -> Any:
    kind = r.randrange(12) if depth > 0 else r.randrange(7)
    if kind == 0:
        return {r.choice(["<", ">", "<=", ">="]): [whole(r, depth - 1) for _ in range(r.randint(2, 3))]}
    if kind in (1, 2):
        name = r.choice(["after", "before", "not-after", "not-before"])
        return {name: [date(r, depth - 1) for _ in range(r.randint(2, 3))]}
    if kind == 3:
        return {"===": [r.choice([word(r), whole(r, 0), True]), r.choice([word(r), whole(r, 0), False])]}
    if kind == 4:
        return {
            "in": [
                word(r),
                r.choice([["a", "b"], {"var": "l"}, ["a", 1, True], [word(r), "x"], {"var": "t"}]),
            ]
        }
    if kind in (5, 6):
        return {"var": r.choice(["t", "x", "v.0", "l", "n", "none", "b", "v", ""])}
    if kind in (7, 8):
        return {
            "if": [judged(r, depth - 1), judged(r, depth - 1), r.choice([True, False, judged(r, depth - 1)])]
        }
    if kind in (9, 10):
        return {"and": [judged(r, depth - 1) for _ in range(r.randint(2, 4))]}
    return {"!": [judged(r, depth - 1)]}


def payload(r: Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "n": r.choice([0, 1, 2, -3, 1.0, 0.5, None, 2**53, True, "1"]),
        "m": r.randint(-3, 3),
        "x": r.choice([*DATES, None, 7]),
        "y": r.choice(DATES[:6]),
        "t": r.choice(["a", "b", "", None]),
        "u": r.choice(["URN:UVCI:01:NL:1/2#3", "a::c/#/f", None, 5]),
        "b": r.choice([True, False]),
        "l": r.choice([[], ["a"], ["a", None, 1], ["b", True]]),
        "v": r.choice([[], [{"dn": 1, "dt": "2021-05-05", "mp": "a"}], [{"dn": 2, "mp": "b"}, {"dn": 3}]]),
    }
    return {name: value for name, value in made.items() if r.random() < 0.85}


def test_it_works() -> None:
    rare = 0
    for seed in range(max(1, PAIRS // ROWS)):
        r = Random(seed)
        rule = judged(r, 4)
        kinds = [payload(r) for _ in range(r.choice([2, 10, 60]))]
        rows = [kinds[0] if r.random() < 0.9 * (seed % 2) else r.choice(kinds) for _ in range(ROWS)]
        plan = Plan(rule, Ground(table_of(rows, paths_of(rule))))
        result, values, act = plan.result(), plan.values(), compiled(rule)
        for i, row in enumerate(rows):
            told = evaluate(rule, row)
            where = (seed, json.dumps(rule), row)
            assert act(row) == told if isinstance(told, Fault) else _alike(act(row), told), where
            assert isinstance(values[i], Fault) if isinstance(told, Fault) else _alike(values[i], told), where
            assert (result.value[i], result.error[i]) == (told is True, not isinstance(told, bool)), where
            rare += isinstance(told, bool)
    assert rare > PAIRS // 5  # the comparison is not one of errors only


def _alike(a: Any, b: Any) -> bool:
    return not isinstance(a, Fault) and isinstance(a, Instant) == isinstance(b, Instant) and equal(a, b)
