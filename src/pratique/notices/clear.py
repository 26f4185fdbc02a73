"""When a notice clears: a closed grammar and its evaluation. Pure.

A condition is data in `kinds.json`, never code: a sample was sealed, a result arrived, evidence of a kind came,
something happened, time is over, any of these, all of these. Nothing else can be said. Time counts from sampling,
never from the result.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

Tube = Literal["any", "single"]
ResultOutcome = Literal["not-detected", "detected", "retest-required"]
Happening = Literal["contact", "order-ended", "read", "rule-met"]


class Known(NamedTuple):
    """One fact: a piece of evidence (`kind` test, vaccination, …) or something that happened (`kind` happened)."""

    kind: str
    outcome: str
    analyte: str
    pooled: bool
    at: datetime


def happened(what: Happening, at: datetime) -> Known:
    """The fact that `what` happened."""
    return Known("happened", what, "", False, at)


class Standing(NamedTuple):
    """What the grammar may ask of a notice. `since`: the sample must not be older; `deadline` is the effective one."""

    analyte: str
    since: datetime
    deadline: datetime


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sample was sealed, in any tube or in one of the person's own."""

    tube: Tube


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result with one of these outcomes, of a sample taken from `since` on or strictly after it."""

    outcomes: tuple[ResultOutcome, ...]
    tube: Tube
    sampled: Literal["from-since", "after-since"]


class OfKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Evidence of one of these kinds, as of `since` or later."""

    kinds: tuple[Literal["vaccination", "recovery", "exemption"], ...]


class Happened(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is no evidence."""

    what: Happening


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The deadline, stopped clock counted, is over."""

    at: Literal["deadline"]


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one of its fields is set: a node of the grammar. Raises ValueError otherwise."""

    sample: Sample | None = None
    result: Result | None = None
    evidence: OfKind | None = None
    happened: Happened | None = None
    time: Time | None = None
    any: tuple["Condition", ...] | None = None
    all: tuple["Condition", ...] | None = None

    def __post_init__(self) -> None:
        if sum(getattr(self, name) is not None for name in self.__struct_fields__) != 1:
            raise ValueError("a condition is exactly one of: " + ", ".join(self.__struct_fields__))
        if self.any == () or self.all == ():
            raise ValueError("any and all need at least one condition")


def clears(condition: Condition, notice: Standing, facts: Sequence[Known], now: datetime) -> str:
    """What cleared the notice, as a code of its history (`result`, `evidence`, `sample`, `time`, …); "" if nothing.

    More facts never un-clear: the answer for a longer list of facts is "" only if it is "" for every shorter one.
    """
    if condition.any is not None:
        return next((why for part in condition.any if (why := clears(part, notice, facts, now))), "")
    if condition.all is not None:
        found = [clears(part, notice, facts, now) for part in condition.all]
        return found[-1] if all(found) else ""
    if condition.time is not None:
        return "time" if now >= notice.deadline else ""
    return next((why for fact in facts if (why := _by(condition, notice, fact))), "")


def _by(condition: Condition, notice: Standing, fact: Known) -> str:
    if condition.happened is not None:
        return fact.outcome if fact.kind == "happened" and fact.outcome == condition.happened.what else ""
    if condition.evidence is not None:
        counts = fact.kind in condition.evidence.kinds and fact.at >= notice.since
        return "evidence" if counts else ""
    if fact.kind != "test" or (notice.analyte and fact.analyte and notice.analyte != fact.analyte):
        return ""
    if condition.sample is not None:
        right = condition.sample.tube == "any" or not fact.pooled
        return "sample" if fact.outcome == "sample-sealed" and right and fact.at >= notice.since else ""
    if condition.result is not None:
        wanted = condition.result
        in_time = fact.at >= notice.since if wanted.sampled == "from-since" else fact.at > notice.since
        right = wanted.tube == "any" or not fact.pooled
        return "result" if fact.outcome in wanted.outcomes and right and in_time else ""
    return ""
