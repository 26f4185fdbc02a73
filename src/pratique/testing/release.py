"""The release gate: what must not reach anyone before a second person has looked. Pure.

Per message: times in the future, custody that cannot be, a count that does not match, missing controls. Per run: a
beta-binomial tail against what this laboratory finds otherwise. Custody (our own scan at the laboratory) is the clock;
what the laboratory says about collection and receipt is never used.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pratique.testing.model import Tube, Version

FUTURE_MS = 10 * 60_000  # a clock may run this far ahead
QUIET_MS = 2_000  # a run that has been silent this long is complete enough to judge
LONGEST_WAIT_MS = 4_000
RUN_SIZE = 93  # wells of a plate without its controls
RUN_SPAN_MS = 30 * 60_000
TAIL = 1e-6
DISTRICT = (1.0, 99.0)  # prior of a new laboratory, a + b = 100
RETEST = (1.0, 9.0)  # one positive in ten is normal among the singles of a positive pool
WEIGHT = 100.0


class Prior(NamedTuple):
    """Beta(a, b): what share of positives a laboratory finds."""

    a: float
    b: float


@lru_cache(maxsize=1 << 15)
def tail(positives: int, n: int, prior: Prior) -> float:
    """P(X >= positives) for X beta-binomial(n, a, b)."""
    if positives <= 0:
        return 1.0
    a, b = prior
    base = _log_beta(a, b)
    terms = [
        math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + _log_beta(x + a, n - x + b) - base
        for x in range(positives, n + 1)
    ]
    top = max(terms)
    return min(1.0, math.exp(top) * sum(math.exp(t - top) for t in terms))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def is_improbable(positives: int, n: int, prior: Prior) -> bool:
    """True if a run with that many positives must be held. One positive of one never is."""
    return positives > 1 and tail(positives, n, prior) < TAIL


def prior_from(runs: Sequence[tuple[int, int]], fallback: Prior) -> Prior:
    """Beta by the method of moments from (n, positives) of earlier runs; `fallback` where they are too few.

    The weight a + b stays between 20 and 1,000, so that a quiet fortnight cannot make one positive improbable.
    """
    seen = [(n, x) for n, x in runs if n > 0]
    total = sum(n for n, _ in seen)
    if len(seen) < 5 or total < 500:
        return fallback
    mean = (sum(x for _, x in seen) + 0.5) / (total + 1.0)
    variance = sum(n * (x / n - mean) ** 2 for n, x in seen) / total
    noise = mean * (1 - mean) * len(seen) / total
    extra = max(variance - noise, 0.0)
    weight = mean * (1 - mean) / extra - 1 if extra > 0 else 1000.0
    weight = min(max(weight, 20.0), 1000.0)
    return Prior(mean * weight, (1 - mean) * weight)


def default_prior(purpose: str) -> Prior:
    """What is expected of a laboratory nobody knows yet."""
    return Prior(*(RETEST if purpose == "retest" else DISTRICT))


def hold_message(
    version: Version, tube: Tube, custody_at: int | None, run_minutes: int, *, lacks_controls: bool
) -> str:
    """Why this one result must be held, as a code, or "" if nothing speaks against it.

    `custody_at` is our receipt scan at the laboratory that reports, in ms; `lacks_controls` that this laboratory says
    how the controls of its runs went and has not said that those of this run were right.
    """
    if tube.in_conflict:
        return "conflict"
    times = (version.reported_at, version.tested_at, version.analysed_at)
    if any(at is not None and at > version.received_at + FUTURE_MS for at in times):
        return "future"
    if custody_at is None:
        return "no-custody"
    if version.received_at - custody_at < run_minutes * 60_000:
        return "too-fast"
    if version.people is not None and version.people != tube.people:
        return "count"
    if tube.kind == "single" and version.pooled_code and version.outcome == "positive":
        return "pooled-code"  # the laboratory says pool, we know one person: nobody is positive from a pool
    if lacks_controls:
        return "controls"
    return ""


def waits(outcome: str, *, suspect: bool) -> bool:
    """True if a result waits for its run: positives and indeterminates always, the rest while the run is suspect."""
    return suspect or outcome in ("positive", "indeterminate")
