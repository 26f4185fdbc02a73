"""What a rule sees: the closed evidence model, made from a person's evidence at one moment.

Two forms: `{"subject": …, "external": …}` with all of a person's evidence, `{"item": …, "external": …}` with one.
The lists below are all there is; a rule that names another path is refused by name (laws 4 and 5: no place, phone,
employer, household or score can be named because none is here). Pure; `now` comes in.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pratique.core.moment import to_ms
from pratique.policy.dates import write_date
from pratique.policy.model import Evidence

CLOCK = "external.validationClock"
VALUE_SETS = "external.valueSets"
# Fields of one piece of evidence: name → CertLogic types it can have (N null, B, I, S, A, O).
ITEM_FIELDS = {"kind": "S", "outcome": "S", "analyte": "S", "pooled": "B", "sampled": "S", "known": "S"}
ITEMS_OF_SUBJECT = (
    "last_negative",
    "last_single_negative",
    "last_single",
    "last_positive",
    "last_retest",
    "last_sample",
    "last_dose",
    "last_recovery",
    "last_exemption",
    "last_order",
)
LISTS_OF_SUBJECT = ("negatives_since_positive", "items")
DATE_FIELDS = ("sampled", "known")


class Context(NamedTuple):
    """`data` without the clock; `origin` names the evidence that stands at a path such as `last_negative`."""

    data: dict[str, Any]
    origin: dict[str, Evidence]


def subject_context(evidence: Iterable[Evidence], analyte: str, zone: str, grain: str) -> Context:
    """All of a person's evidence as `subject` rules see it. Times are instants, or civil days of `zone`."""
    items = sorted(
        (one for one in evidence if not analyte or one.analyte in (analyte, "")),
        key=lambda one: (one.sampled_at, one.known_at, one.id),
    )
    last: dict[str, Evidence] = {}
    since: list[Evidence] = []
    for one in items:
        for role in _roles(one):
            last[role] = one
        if one.outcome == "detected":
            since = []
        elif one.outcome == "not-detected" and not one.pooled and "last_positive" in last:
            since.append(one)
    fields = {id(one): _fields(one, zone, grain) for one in items}
    subject: dict[str, Any] = {role: fields[id(one)] for role, one in last.items()}
    subject["negatives_since_positive"] = [fields[id(one)] for one in since]
    subject["items"] = [fields[id(one)] for one in items]
    subject["doses"] = sum(one.kind == "vaccination" for one in items)
    origin = {f"subject.{role}": one for role, one in last.items()}
    origin |= {f"subject.negatives_since_positive.{i}": one for i, one in enumerate(since)}
    origin |= {f"subject.items.{i}": one for i, one in enumerate(items)}
    return Context({"subject": subject}, origin)


def item_context(item: Evidence, zone: str, grain: str) -> Context:
    """One piece of evidence as `item` rules see it."""
    return Context({"item": _fields(item, zone, grain)}, {"item": item})


@lru_cache(maxsize=4096)  # ten people of a tube share their times
def clock_text(now: datetime, zone: str, grain: str) -> str:
    """The clock as the rule sees it: an instant, or the civil day of `zone`."""
    return now.astimezone(ZoneInfo(zone)).date().isoformat() if grain == "day" else write_date(to_ms(now))


def with_clock(context: Context, clock: str, value_sets: dict[str, Any]) -> dict[str, Any]:
    """The complete data context of a rule."""
    return {**context.data, "external": {"validationClock": clock, "valueSets": value_sets}}


def types_at(path: str, value_sets: dict[str, Any]) -> str | None:
    """The CertLogic types that can stand at `path` in the evidence model; None for a path that does not exist."""
    steps = path.split(".")
    if path == CLOCK:
        return "S"
    if path.startswith(VALUE_SETS + "."):
        return "A" if path.removeprefix(VALUE_SETS + ".") in value_sets else None
    if steps[0] == "item":
        return "O" if len(steps) == 1 else _field_types(steps[1:])
    if steps[0] != "subject" or len(steps) < 2:
        return None
    if steps[1] == "doses":
        return "I" if len(steps) == 2 else None
    if steps[1] in ITEMS_OF_SUBJECT:
        return "NO" if len(steps) == 2 else _field_types(steps[2:])
    if steps[1] in LISTS_OF_SUBJECT:
        if len(steps) == 2:
            return "A"
        if not steps[2].isdigit():
            return None
        return "NO" if len(steps) == 3 else _field_types(steps[3:])
    return None


def label_of(path: str) -> str:
    """The key of `texts.LABELS` for a path: `subject.last_negative.sampled` → `last_negative`."""
    steps = path.split(".")
    return "item" if steps[0] == "item" else steps[1] if len(steps) > 1 else "items"


def origin_of(path: str, origin: dict[str, Evidence]) -> Evidence | None:
    """The evidence that a path of a rule leads into, if there is one."""
    steps = path.split(".")
    for length in (3, 2, 1):
        if (found := origin.get(".".join(steps[:length]))) is not None:
            return found
    return None


def _field_types(steps: Sequence[str]) -> str | None:
    found = ITEM_FIELDS.get(steps[0]) if len(steps) == 1 else None
    return found and "N" + found


def _roles(one: Evidence) -> list[str]:
    if one.kind == "vaccination":
        return ["last_dose"]
    if one.kind != "test":
        return [f"last_{one.kind}"]
    if one.outcome == "not-detected":
        return ["last_negative"] if one.pooled else ["last_negative", "last_single_negative", "last_single"]
    if one.outcome == "detected":
        return ["last_positive", "last_single"]
    if one.outcome == "retest-required":
        return ["last_retest"]
    return (
        ["last_sample"] if one.outcome == "sample-sealed" else []
    )  # recollect counts for and against nobody


def _fields(one: Evidence, zone: str, grain: str) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "outcome": one.outcome,
        "analyte": one.analyte,
        "pooled": one.pooled,
        "sampled": clock_text(one.sampled_at, zone, grain),
        "known": clock_text(one.known_at, zone, grain),
    }
