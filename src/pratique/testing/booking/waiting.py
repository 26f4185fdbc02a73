"""How long the line will be, quarter-hour by quarter-hour, from what lanes can do. Pure.

served = min(queue + arriving, per quarter);  queue += arriving - served;  wait = queue / rate
"""

from collections.abc import Sequence
from typing import NamedTuple

QUARTER_MS = 15 * 60_000
# Share of a day's people that come in each hour from 06:00, in per mille: a working day as it was measured.
COMING = (31, 86, 129, 88, 56, 65, 69, 50, 35, 47, 83, 109, 91, 52, 8, 1)
FIRST_HOUR = 6


class Step(NamedTuple):
    """One quarter-hour: who arrives, who is served, who stands at its end, and how long the last of them waits."""

    arriving: float
    served: float
    queue: float
    minutes: float


def forecast(queue: float, arriving: Sequence[float], per_hour: float) -> list[Step]:
    """One step for each quarter-hour. `per_hour` is what all lanes of the place take together, above 0."""
    steps = []
    can = per_hour / 4
    for coming in arriving:
        served = min(queue + coming, can)
        queue += coming - served
        steps.append(Step(coming, served, queue, minutes(queue, per_hour)))
    return steps


def minutes(queue: float, per_hour: float) -> float:
    """How long the last in a line of `queue` people waits."""
    return 60 * queue / per_hour


def walk_in(expected: int, booked: int, quarter_of_day: int) -> float:
    """People who come without a ticket in this quarter-hour (0 is midnight), of a day that expects `expected`."""
    hour = quarter_of_day // 4 - FIRST_HOUR
    share = COMING[hour] / 1000 if 0 <= hour < len(COMING) else 0.0
    return max(0, expected - booked) * share / 4
