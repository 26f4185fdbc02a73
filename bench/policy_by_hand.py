"""The fifteen rules of `policy.py`, and the same rules written by hand in Polars by somebody who knows the columns."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pratique.policy.model import RuleSet
from pratique.policy.ruleset import rule_set_of
from pratique.policy.service import town_rules

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ENDS = NOW + timedelta(days=30)
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


HOLDING = (0, 1, 12, 13, 14)
NEVER = 2**31 - 1


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


def decided() -> list[pl.Expr]:
    """Outcome, failing rules and next look of everybody."""
    clock, last = (int(at.timestamp()) // 60 for at in (NOW, ENDS))
    col = pl.col

    def within(item: str, hours: int) -> pl.Expr:
        return col(f"{item}.sampled") >= clock - hours * 60

    retest, first = col("last_retest.sampled"), col("negatives_since_positive.0.sampled")
    owed = (retest > 0) & (col("last_single.sampled") <= retest)
    owed &= col("last_retest.known") >= clock - 48 * 60
    freed = (first > 0) & (col("last_single_negative.sampled") >= first + 24 * 60)
    fails = [owed, within("last_positive", 240) & ~freed, ~within("last_negative", 72)]
    fails += [~within(item, hours) for item, hours, _ in WITHIN]
    fails += [within(item, hours) for item, hours in PAUSED]
    bits = pl.sum_horizontal(one.cast(pl.UInt16) * (1 << i) for i, one in enumerate(fails)).cast(pl.UInt16)
    turns = {(f"{item}.sampled", hours) for item, hours, *_ in [*WITHIN, *PAUSED]}
    turns |= {("last_negative.sampled", 72), ("last_positive.sampled", 240), ("last_retest.known", 48)}
    ahead = [
        pl.when(col(name) + hours * 60 >= clock).then(col(name) + hours * 60).otherwise(NEVER)
        for name, hours in sorted(turns)
    ]
    until = pl.min_horizontal(pl.lit(last, dtype=pl.Int32), *ahead).cast(pl.Int32)
    return [bits.alias("failing"), until.alias("until")]


def run(source: Path, target: Path) -> None:
    """Parquet to Parquet."""
    holding = sum(1 << i for i in HOLDING)
    failing = pl.col("failing")
    outcome = pl.when((failing & holding) > 0).then(2).when(failing > 0).then(1).otherwise(0).cast(pl.UInt8)
    frame = pl.scan_parquet(f"{source}/*.parquet").select(decided())
    frame.select(outcome.alias("outcome"), "failing", "until").sink_parquet(
        target, compression="lz4", statistics=False, engine="streaming"
    )
