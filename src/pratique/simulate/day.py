"""The day that is replayed: who is served when and where, which tube they share, what its result is, what goes wrong.

A pure function of its terms, so that every process makes the same day for itself and nothing has to be handed around.
Shapes, delays and faults are those of docs/simulate.md. A bin is a quarter-hour from midnight.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS_A_DAY = 96
LANES_A_SITE = 1.57
PER_LANE = 131 / 4  # people a lane takes in a quarter-hour
TUBE, SHORT = 10, 0.08
OUTAGE = (70, 74)  # the server is down from 17:30 to 18:30
OFFLINE_SHARE, OFFLINE_FOR = 0.15, 24
SILENT = (60, 72)  # one laboratory says nothing from 15:00 to 18:00, then sends everything twice
WRONG_CLOCKS = 0.01
CALLED_BACK = 128  # singles are sampled from 08:00 of the next day on
COURIER = 10  # bins before a result in which the tube is received at the laboratory: what a PCR takes

Ints = NDArray[np.int64]
Profile = Literal["A", "B"]


class Terms(NamedTuple):
    """What is asked for."""

    people: int
    sites: int
    labs: int
    profile: Profile
    prevalence: float
    seed: int
    faults: bool


class Day(NamedTuple):
    """Arrays by tube, then by site. People are numbered site by site; a tube holds `first` to `first + size`."""

    terms: Terms
    site: Ints
    first: Ints
    size: Ints
    sealed: Ints
    reported: Ints
    positive: NDArray[np.bool_]
    pools: int  # tubes before this number are pools, those from it on singles of people called back
    infected: NDArray[np.bool_]
    people_at: Ints
    lanes: Ints
    offline: Ints  # (site, 2): from and until bin
    skew: Ints  # seconds a site's clock is ahead

    @property
    def bins(self) -> int:
        """How many bins it takes until the last result is out."""
        return int(self.reported.max()) + 1

    def lab(self, tube: int) -> int:
        """The laboratory a tube goes to."""
        return int(self.site[tube]) % self.terms.labs


def shape(profile: Profile) -> NDArray[np.float64]:
    """Share of the day's people that come in each bin."""
    hour = (np.arange(BINS_A_DAY) + 0.5) / 4

    def bump(middle: float, width: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-(((hour - middle) / width) ** 2) / 2))

    even = np.where((hour >= 8) & (hour < 20), 1.0, 0.0)
    if profile == "A":
        coming = bump(8.3, 1.1) + 0.45 * bump(12.2, 1.2) + 0.8 * bump(17.6, 1.3) + 0.18 * even
    else:
        coming = 0.3 * bump(8, 0.9) + 0.12 * bump(12.2, 1) + bump(18.3, 1.1) + 0.05 * even
    coming[hour < 6] = 0
    return np.asarray(coming / coming.sum())


def served(coming: NDArray[np.float64], people: Ints, lanes: Ints) -> NDArray[np.float64]:
    """People served by the end of each bin, (site, bin): lanes take what they can, the rest stands in line."""
    queue = np.zeros(len(people))
    done = np.zeros((len(people), BINS_A_DAY))
    for n in range(BINS_A_DAY):
        queue += people * coming[n]
        now = np.minimum(queue, lanes * PER_LANE)
        queue -= now
        done[:, n] = now
    done[:, -1] += queue
    return np.cumsum(done, axis=1)


def plan(terms: Terms) -> Day:
    """The day. Raises ValueError for terms that make no day."""
    if not (terms.people >= terms.sites >= 1 and terms.labs >= 1 and 0 <= terms.prevalence < 0.5):
        raise ValueError(
            "a day needs at least one site, a person for each, a laboratory and a prevalence below 0.5"
        )
    chance = np.random.Generator(np.random.PCG64(terms.seed))
    people = _sizes(chance, terms)
    lanes = np.maximum(1, np.rint(LANES_A_SITE * people / people.mean())).astype(np.int64)
    site, first, size, sealed = _pools(chance, people, served(shape(terms.profile), people, lanes))
    infected = chance.random(terms.people) < terms.prevalence
    upto = np.concatenate(([0], np.cumsum(infected)))
    positive = upto[first + size] > upto[first]
    delay = _delays(chance, len(size))
    pools = len(size)
    called = [n for tube in np.flatnonzero(positive) for n in range(first[tube], first[tube] + size[tube])]
    back = np.asarray(called, dtype=np.int64)
    again = np.repeat(site[positive], size[positive])
    late = CALLED_BACK + chance.integers(0, 8, len(back))
    joined = (
        np.concatenate(pair)
        for pair in (
            (site, again),
            (first, back),
            (size, np.ones(len(back), np.int64)),
            (sealed, late),
            (sealed + delay, late + _delays(chance, len(back))),
            (positive, infected[back]),
        )
    )
    return Day(terms, *joined, pools, infected, people, lanes, *_faults(chance, terms))  # type: ignore[arg-type,call-arg]


def _sizes(chance: Any, terms: Terms) -> Ints:
    """People of each site: log-normal, together exactly as many as there are, nobody's site empty."""
    weight = chance.lognormal(0, 0.6, terms.sites)
    people = 1 + np.floor(weight / weight.sum() * (terms.people - terms.sites)).astype(np.int64)
    people[: terms.people - int(people.sum())] += 1
    return np.asarray(people)


def _pools(chance: Any, people: Ints, done: NDArray[np.float64]) -> tuple[Ints, ...]:
    """Tubes of ten, some short, sealed when the last of their people has been served."""
    site, first, size, sealed = [], [], [], []
    start = 0
    for n, count in enumerate(people):
        most = int(count)
        drawn = np.where(chance.random(most) < SHORT, chance.integers(1, TUBE, most), TUBE)
        ends = np.minimum(np.cumsum(drawn), count)
        ends = ends[: int(np.searchsorted(ends, count)) + 1]
        begins = np.concatenate(([0], ends[:-1]))
        site.append(np.full(len(ends), n))
        first.append(start + begins)
        size.append(ends - begins)
        sealed.append(np.minimum(np.searchsorted(done[n], ends - 1e-6), BINS_A_DAY - 1))
        start += most
    return tuple(np.concatenate(parts).astype(np.int64) for parts in (site, first, size, sealed))


def _delays(chance: Any, n: int) -> Ints:
    hours = chance.uniform(1, 2.5, n) + chance.gamma(3, 0.6, n) + 2.5
    return np.asarray(np.ceil(hours * 4).astype(np.int64))


def _faults(chance: Any, terms: Terms) -> tuple[Ints, Ints]:
    offline = np.zeros((terms.sites, 2), np.int64)
    skew = np.zeros(terms.sites, np.int64)
    if terms.faults:
        starts = chance.integers(28, 60, terms.sites)
        without = _some(chance, terms.sites, OFFLINE_SHARE)
        offline[without] = np.stack((starts, starts + OFFLINE_FOR), axis=1)[without]
        wrong = _some(chance, terms.sites, WRONG_CLOCKS)
        ahead = chance.integers(60, 86_000, terms.sites) * chance.choice((-1, 1), terms.sites)
        skew[wrong] = ahead[wrong]
    return offline, skew


def _some(chance: Any, n: int, share: float) -> Ints:
    """At least one of n."""
    return np.asarray(chance.permutation(n)[: max(1, round(share * n))])
