"""Who would be decided otherwise under a policy: one comparison of columns for all people at once (pure).

Promise: whoever is left out would get the very same outcome, for the same rules, at least as long as their stored
decision holds. Who cannot be compared is named. Naming somebody in vain costs a look, never a wrong decision: whoever
is named is decided again from the live facts before anything is written.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pratique.core.moment import to_ms
from pratique.policy.check import rule_hash
from pratique.policy.city import Decided, Population, decide_city
from pratique.policy.model import Rule, RuleSet

MINUTE = 60_000


class Standing(NamedTuple):
    """What stands decided, by person: `outcome` (index into OUTCOMES, 255 for nothing), `until` (ms), `policy` (its
    number) and whether it is of the mandate asked about."""

    outcome: Any
    until: Any
    policy: Any
    of_mandate: Any


def differing(
    new: RuleSet,
    known: Callable[[int], RuleSet | None],
    people: Population,
    standing: Standing,
    now: datetime,
) -> Any:
    """True for whom `new` would decide otherwise at `now`: nothing decided yet, another outcome or mandate, other rules
    failing or open than under the policy that the decision stands on, an end that has come or moves. `known` gives a
    policy by its number; who was decided by one it does not know is named."""
    try:
        after = decide_city(new, people, now)
    except ValueError:  # rules about single items are decided one by one
        return standing.policy != new.number if new.number else np.ones(people.length, np.bool_)
    differs = (standing.outcome != after.outcome) | (standing.until <= to_ms(now))
    if not new.number:
        return differs
    differs |= ~standing.of_mandate
    for number in np.unique(standing.policy).tolist():
        if number == new.number:
            continue
        theirs = standing.policy == number
        old = known(number)
        differs |= theirs if old is None else theirs & _moved(old, new, after, people, standing.until, now)
    return differs


def _moved(old: RuleSet, new: RuleSet, after: Decided, people: Population, until: Any, now: datetime) -> Any:
    """Whose reasons or end differ between `old` and what was found of the new rules. An end may be earlier in columns
    than it is; so two of one making are compared, and the stored one only with the turns of rules that are new."""
    try:
        before = decide_city(old, people, now)
    except ValueError:
        return np.ones(people.length, np.bool_)
    names = {key: i for i, key in enumerate(dict.fromkeys([*_keys(before), *_keys(after)]))}
    moved = before.outcome != after.outcome
    for pick in ("failing", "open"):
        was, now_is = _by_rule(before, pick, names), _by_rule(after, pick, names)
        for bit in range(len(names)):
            if was.get(bit) is not now_is.get(bit):
                moved |= _true(was.get(bit)) != _true(now_is.get(bit))
    if before.until is not None and after.until is not None:
        moved |= before.until != after.until
    fresh = tuple(rule for rule in after.rules if _key(rule) not in set(_keys(before)))
    if fresh:
        turning = decide_city(msgspec.structs.replace(new, rules=fresh), people, now).until
        moved |= turning < until // MINUTE
    return moved


def _keys(made: Decided) -> list[tuple[str, str, str]]:
    return [_key(rule) for rule in made.rules]


def _key(rule: Rule) -> tuple[str, str, str]:
    return rule.id, rule.version, rule_hash(rule)


def _by_rule(made: Decided, pick: str, names: Mapping[Any, int]) -> dict[int, Any]:
    """Bits by the content of rules, so that two policies can be laid side by side; none for a rule nobody has."""
    bits = getattr(made, pick)
    every = np.bitwise_or.reduce(bits) if len(bits) else 0
    return {
        names[key]: (bits & bits.dtype.type(1 << i)) != 0
        for i, key in enumerate(_keys(made))
        if int(every) >> i & 1
    }


def _true(bits: Any) -> Any:
    return np.bool_(False) if bits is None else bits
