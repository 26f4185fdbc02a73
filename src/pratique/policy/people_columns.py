"""People's evidence and decisions as the columns of a part (`parts.py` says which types a column may have). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from pratique.core.moment import to_ms
from pratique.policy.context import subject_context
from pratique.policy.model import WORSE, Evidence, Mark
from pratique.policy.parts import STEPS, column_name

MOST_NEGATIVES = (
    8  # negatives after the last detection that have a column; rules that read on are decided one by one
)
UNDECIDED = 255
DECIDED = ("decided.outcome", "decided.until", "decided.policy", "decided.mandate")
FIELDS = ("kind", "outcome", "analyte", "pooled")


class Person(NamedTuple):
    """One row: `outcome` "" and `valid_until` 0 where nothing was decided."""

    subject_id: str
    evidence: Sequence[Evidence]
    outcome: str = ""
    policy_number: int = 0
    mandate_id: str = ""
    valid_until: int = 0


def frame_of_people(people: Sequence[Person], analytes: Iterable[str]) -> pl.DataFrame:
    """`subject`, `decided.outcome`, `decided.until` (ms), `decided.policy`, `decided.mandate`, and the evidence as
    rules of any of these analytes ("" stands for rules that name none) see it."""
    columns: dict[str, pl.Series] = {
        "subject": pl.Series([one.subject_id for one in people], dtype=pl.String),
        "decided.outcome": pl.Series([WORSE.get(one.outcome, UNDECIDED) for one in people], dtype=pl.UInt8),
        "decided.until": pl.Series([one.valid_until for one in people], dtype=pl.Int64),
        "decided.policy": pl.Series([one.policy_number for one in people], dtype=pl.Int32),
        "decided.mandate": pl.Series([one.mandate_id or None for one in people], dtype=pl.String),
    }
    for analyte in sorted({"", *analytes}):
        found: dict[str, dict[int, Any]] = {}
        for i, one in enumerate(people):
            for path, value in _values(one.evidence, analyte):
                found.setdefault(column_name(analyte, path), {})[i] = value
        columns |= {name: _series(name, values, len(people)) for name, values in sorted(found.items())}
    return pl.DataFrame(columns)


def refuse_beyond(columns: Iterable[str]) -> None:
    """Raises ValueError for a column of a negative that has none."""
    for name in columns:
        steps = name.split("|")[-1].split(".")
        if len(steps) > 1 and steps[1].isdigit() and int(steps[1]) >= MOST_NEGATIVES:
            raise ValueError(f"{name}: columns hold the first {MOST_NEGATIVES} negatives only")


def with_decisions(frame: pl.DataFrame, decided: Mapping[str, Mark]) -> pl.DataFrame:
    """Other decisions for some of the people of a frame."""
    rows = ((m.outcome, m.valid_until, m.policy_number, m.mandate_id) for m in decided.values())
    fresh = pl.DataFrame(
        [(one, WORSE[row[0]], *row[1:]) for one, row in zip(decided, rows, strict=True)],
        schema={"subject": pl.String, **{name: frame.schema[name] for name in DECIDED}},
        orient="row",
    )
    return frame.update(fresh, on="subject")


def without(frame: pl.DataFrame, subject_ids: Iterable[str]) -> pl.DataFrame:
    """The rows of everybody else."""
    return frame.filter(~pl.col("subject").is_in(list(subject_ids)))


def together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """People of several frames, in order of their ids."""
    return stacked(frames).sort("subject")


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One frame after the other: columns that one lacks are nobody's there; times count in what is fine enough for
    all."""
    dtypes: dict[str, Any] = {}
    for frame in frames:
        for name, dtype in frame.schema.items():
            held = dtypes.get(name, dtype)
            finer = dtype in STEPS and held in STEPS and STEPS[dtype] < STEPS[held]
            dtypes[name] = dtype if finer else held
    return pl.concat([_conform(frame, dtypes) for frame in frames])


def _conform(frame: pl.DataFrame, dtypes: Mapping[str, Any]) -> pl.DataFrame:
    made = []
    for name, dtype in dtypes.items():
        if name not in frame.columns:
            made.append(pl.lit(0 if dtype.is_integer() else None, dtype=dtype).alias(name))
        elif frame.schema[name] != dtype:
            factor = STEPS[frame.schema[name]] // STEPS[dtype]
            made.append((pl.col(name).cast(pl.Int64) * factor).cast(dtype))
        else:
            made.append(pl.col(name))
    return frame.select(made)


def _values(evidence: Sequence[Evidence], analyte: str) -> Iterable[tuple[str, Any]]:
    context = subject_context(evidence, analyte, "UTC", "instant")
    yield "subject.doses", context.data["subject"]["doses"]
    for path, item in context.origin.items():
        steps = path.split(".")
        if steps[1] == "items" or (len(steps) == 3 and int(steps[2]) >= MOST_NEGATIVES):
            continue
        yield f"{path}.sampled", to_ms(item.sampled_at)
        yield f"{path}.known", to_ms(item.known_at)
        for field in FIELDS:
            yield f"{path}.{field}", getattr(item, field)


def _series(name: str, values: Mapping[int, Any], length: int) -> pl.Series:
    field = name.rpartition(".")[2]
    if field in ("sampled", "known"):
        fine = next(
            (dtype for dtype, step in STEPS.items() if not any(ms % step for ms in values.values())), pl.Int64
        )
        step = STEPS[fine]
        return pl.Series(name, [values.get(i, 0) // step for i in range(length)], dtype=fine)
    dtype: Any = pl.UInt8 if name.endswith("doses") else pl.Boolean if field == "pooled" else pl.String
    return pl.Series(
        name, [values.get(i, 0 if dtype == pl.UInt8 else None) for i in range(length)], dtype=dtype
    )
