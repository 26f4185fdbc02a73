"""What a campaign needs before it opens: tests, people called back, staff, lanes and laboratory hours, side by side for
each pool size. Pure; the pool mathematics is `pools.py`.

The human cost decides: the advice follows how many tubes will be positive, not how many tests are saved.
"""

import math
from typing import NamedTuple

from pratique.testing import pools
from pratique.testing.booking.waiting import COMING

PEOPLE_A_SAMPLER = 360  # field practice: samplers = people / 360
PEOPLE_A_SITE = 2500
PLATE, RUN_HOURS = 93, 2.5  # wells of a plate that hold samples; how long it takes
SIZES = (1, 5, 10, 20)
HOUSEHOLD, ATTACK = 5, 0.4


class Terms(NamedTuple):
    """What is asked: `prevalence` and `sensitivity` as shares; `hours` sites are open; `machines` PCR instruments.
    `together`: households are kept in one tube."""

    people: int
    prevalence: float
    hours: int = 14
    per_lane: int = 131
    machines: int = 20
    sensitivity: float = 1.0
    together: bool = True


class Option(NamedTuple):
    """One pool size. `finds`: share of infected people that both stages together detect."""

    size: int
    tests: int
    tests_per_person: float
    tubes: int
    positive_tubes: int
    positive_share: float
    called_back: int
    lab_hours: float
    finds: float


class Staff(NamedTuple):
    """Sites, lanes and samplers. `even_lanes` would do if people came evenly, `lanes` keep up with the busiest hour."""

    sites: int
    even_lanes: int
    lanes: int
    samplers: int


class Plan(NamedTuple):
    """The options side by side, the one advised, and what the sites need."""

    terms: Terms
    options: tuple[Option, ...]
    advised: int
    least_tests: int  # pool size with the fewest tests, up to 32
    staff: Staff


def plan(terms: Terms) -> Plan:
    """Raises ValueError naming the term that is out of range."""
    _check(terms)
    best = min(range(1, 33), key=lambda k: pools.dorfman(terms.prevalence, k))
    return Plan(terms, tuple(option(terms, size) for size in SIZES), advised(terms), best, staff(terms))


def option(terms: Terms, size: int) -> Option:
    """What one pool size means for these people."""
    p, people = terms.prevalence, terms.people
    share = positive_share(p, size, together=terms.together)
    tubes = math.ceil(people / size)
    positive = round(tubes * share * terms.sensitivity) if size > 1 else round(people * p * terms.sensitivity)
    called = positive * size if size > 1 else 0
    tests = tubes + called
    return Option(
        size, tests, tests / people, tubes, positive, share, min(called, people),
        tests / (terms.machines * PLATE / RUN_HOURS), terms.sensitivity ** (1 if size == 1 else 2),
    )  # fmt: skip


def positive_share(p: float, size: int, *, together: bool) -> float:
    """Share of tubes with an infected person. Households of five with 40 % secondary attack bring theirs together."""
    if not together or size < HOUSEHOLD:
        return pools.positive_share(p, size)
    struck = min(1.0, HOUSEHOLD * p / (1 + (HOUSEHOLD - 1) * ATTACK))
    return float(1 - (1 - struck) ** (size / HOUSEHOLD))


def advised(terms: Terms) -> int:
    """10 while few tubes are positive, 5 from about 10 % of tubes on, single tubes above a prevalence of 5 %."""
    return pools.advise(terms.prevalence, terms.people)[0]


def staff(terms: Terms) -> Staff:
    """Sites, lanes and samplers. The busiest hour is that of a working day as it was measured."""
    busiest = terms.people * max(COMING) / sum(COMING)
    return Staff(
        math.ceil(terms.people / PEOPLE_A_SITE),
        math.ceil(terms.people / (terms.per_lane * terms.hours)),
        math.ceil(busiest / terms.per_lane),
        math.ceil(terms.people / PEOPLE_A_SAMPLER),
    )


def _check(terms: Terms) -> None:
    for name, value, low, high in (
        ("people", terms.people, 1, 100_000_000),
        ("prevalence", terms.prevalence, 0.0, 0.5),
        ("hours", terms.hours, 1, 24),
        ("per_lane", terms.per_lane, 1, 1000),
        ("machines", terms.machines, 1, 100_000),
        ("sensitivity", terms.sensitivity, 0.5, 1.0),
    ):
        if not low <= value <= high:
            raise ValueError(name)
