"""Pool mathematics: expected tests per person, and what a pool size costs people. Pure.

p is the prevalence, q = 1 - p; the test is perfect unless `sensitivity` and `specificity` are named.
"""

import math
from typing import NamedTuple

LARGEST = 100


def dorfman(p: float, k: int, sensitivity: float = 1.0, specificity: float = 1.0) -> float:
    """Expected tests per person with pools of k and single retests; 1 for k = 1. p and both rates in [0, 1]."""
    if k == 1:
        return 1.0
    return 1 / k + sensitivity - (sensitivity + specificity - 1) * (1 - p) ** k


def array(p: float, n: int) -> float:
    """Expected tests per person in a square of n x n, rows and columns pooled."""
    q = 1 - p
    return 2 / n + p + q * (1 - q ** (n - 1)) ** 2


def three_stage(p: float, k1: int, k2: int) -> float:
    """Expected tests per person with pools of k1, split into k2, then singles. k2 divides k1."""
    q = 1 - p
    return 1 / k1 + (1 - q**k1) / k2 + 1 - q**k2


def best_dorfman(p: float, largest: int = LARGEST) -> tuple[int, float]:
    """(k, tests per person) of the best pool size up to `largest`."""
    return min(((k, dorfman(p, k)) for k in range(2, largest + 1)), key=lambda row: row[1])


def best_three_stage(p: float, largest: int = LARGEST) -> tuple[int, int, float] | None:
    """(k1, k2, tests per person) of the best three stages, or None where they gain nothing over two or one."""
    rows = [
        (k1, k2, three_stage(p, k1, k2))
        for k1 in range(4, largest + 1)
        for k2 in range(2, k1 // 2 + 1)
        if k1 % k2 == 0
    ]
    best = min(rows, key=lambda row: row[2])
    return best if best[2] < min(1.0, best_dorfman(p, largest)[1]) else None


def positive_share(p: float, k: int) -> float:
    """Share of pools of k that hold at least one positive person."""
    return float(1 - (1 - p) ** k)


def prevalence(positive: int, pools: int, k: int) -> float:
    """Prevalence estimated from `positive` of `pools` pools of k. Raises ValueError where no pool was negative."""
    if not 0 <= positive < pools:
        raise ValueError("an estimate needs at least one negative pool")
    return float(1 - (1 - positive / pools) ** (1 / k))


def ct_shift(k: int) -> float:
    """Cycles that diluting one specimen among k costs; swabs into one tube do not dilute."""
    return math.log2(k)


class Advice(NamedTuple):
    """What a pool size means for a campaign of `people`."""

    k: int
    tests: int
    positive_tubes: int
    called_back: int


def advise(p: float, people: int) -> tuple[int, list[Advice]]:
    """The recommended pool size, and tests, positive tubes and call-backs for 1, 5, 10 and 20 side by side.

    From 10 to 5 when more than about 10 % of tubes are positive (p near 1 %), to single above p near 5 %: the people
    called back decide, not the tests saved.
    """
    rows = []
    for k in (1, 5, 10, 20):
        tubes = round(people / k * positive_share(p, k))
        rows.append(Advice(k, round(people * dorfman(p, k)), tubes, tubes * k if k > 1 else 0))
    return (1 if p > 0.05 else 5 if positive_share(p, 10) > 0.1 else 10), rows
