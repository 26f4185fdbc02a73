"""Whom does a new policy touch? One comparison of columns for a whole range of people (pure).

Promise: whoever is left out would get the very same outcome, for the same rules, at least as long as their stored
decision holds. Nobody is named whose decision would say the same; who cannot be compared is named.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from pratique.core.moment import to_ms
from pratique.policy.check import rule_hash
from pratique.policy.city import Decided, Population, decide_city, population_of
from pratique.policy.decide import decide
from pratique.policy.model import Evidence, RuleSet, Verdict

MINUTE = 60_000


class Mark(NamedTuple):
    """What stands unsealed of a current decision."""

    policy_number: int
    mandate_id: str
    valid_until: int


def affected(
    subject_ids: Sequence[str],
    evidence: Mapping[str, list[Evidence]],
    marks: Mapping[str, Mark],
    new: RuleSet,
    olds: Mapping[int, RuleSet],
    now: datetime,
) -> list[str]:
    """Those of `subject_ids` whose decision the policy `new` changes, in their order.

    `olds` are the policies that the marks name.
    """
    touched = set()
    compared: dict[int, list[str]] = {}
    for subject_id in subject_ids:
        mark = marks.get(subject_id)
        if mark is not None and mark.policy_number == new.number:
            continue
        if (
            mark is None
            or mark.policy_number not in olds
            or mark.mandate_id != new.mandate_id
            or mark.valid_until <= to_ms(now)
        ):
            touched.add(subject_id)
        else:
            compared.setdefault(mark.policy_number, []).append(subject_id)
    for number, ids in compared.items():
        people = population_of([evidence.get(one, []) for one in ids])
        until = np.array([marks[one].valid_until // MINUTE for one in ids])
        for one, differs in zip(ids, _differ(olds[number], new, people, until, now), strict=True):
            if differs and _says_otherwise(evidence.get(one, []), olds[number], new, now):
                touched.add(one)
    return [one for one in subject_ids if one in touched]


def _differ(old: RuleSet, new: RuleSet, people: Population, until: Any, now: datetime) -> Any:
    try:
        before, after = decide_city(old, people, now), decide_city(new, people, now)
    except ValueError:  # rules about single items are decided one by one
        return np.ones(people.length, np.bool_)
    names = {key: i for i, key in enumerate(dict.fromkeys([*_keys(before), *_keys(after)]))}
    differs = before.outcome != after.outcome
    for pick in ("failing", "open"):
        was, now_is = _by_rule(before, pick, names), _by_rule(after, pick, names)
        differs |= (was != now_is).any(axis=0)
    if before.until is not None and after.until is not None:
        differs |= (before.until != after.until) | (after.until < until)
    return differs


def _says_otherwise(evidence: Sequence[Evidence], old: RuleSet, new: RuleSet, now: datetime) -> bool:
    """True if the two policies say something different of this person: columns only say where to look."""
    was, now_is = decide(evidence, now, old), decide(evidence, now, new)
    return any(getattr(was, name) != getattr(now_is, name) for name in _COMPARED)


_COMPARED = tuple(
    name for name in Verdict.__struct_fields__ if name not in ("decided_at", "looks", "policy_number")
)


def _keys(made: Decided) -> list[str]:
    return [rule_hash(rule) for rule in made.rules]


def _by_rule(made: Decided, pick: str, names: Mapping[str, int]) -> Any:
    """Bits by the content of rules, so that two policies can be laid side by side."""
    bits = getattr(made, pick)
    found = np.zeros((len(names), len(bits)), np.bool_)
    for i, key in enumerate(_keys(made)):
        found[names[key]] = (bits >> bits.dtype.type(i)) & bits.dtype.type(1)
    return found
