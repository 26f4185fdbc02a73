"""The plan of a day: its shape, its tubes, its faults. Pure, so two processes make the same one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.check37 import is_checked
from pratique.core.ids import is_id
from pratique.simulate import names
from pratique.simulate.day import BINS_A_DAY, CALLED_BACK, COURIER, Terms, plan, served, shape

HERE = Path(__file__).resolve()
PROFILES = [
    folder / "shared/data/testing/profile/day_profile_2M_1319sites.csv"
    for folder in (*HERE.parents, Path("/work"))
]


def terms(people: int = 3000, sites: int = 20, **changes: object) -> Terms:
    return Terms(people, sites, 3, "B", 0.002, 7, True)._replace(**changes)  # type: ignore[arg-type]


def test_it_works() -> None:
    day = plan(terms())

    assert int(day.size[: day.pools].sum()) == 3000
    assert int(day.people_at.sum()) == 3000
    assert day.size.max() == 10
    assert 0.03 < float((day.size[: day.pools] < 10).mean()) < 0.2


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 500), st.integers(0, 99))
def test_everybody_is_in_one_tube_and_every_tube_has_its_result_later(
    sites: int, more: int, seed: int
) -> None:
    day = plan(terms(sites + more, sites, seed=seed))
    pools = slice(0, day.pools)

    assert np.array_equal(np.sort(day.first[pools]), np.cumsum(np.concatenate(([0], day.size[pools][:-1]))))
    assert (day.sealed < BINS_A_DAY)[pools].all()
    assert (day.reported - COURIER >= day.sealed).all()
    singles = slice(day.pools, None)
    assert (day.sealed[singles] >= CALLED_BACK).all()
    assert (day.size[singles] == 1).all()
    called = {int(n) for n in day.first[singles]}
    assert called >= set(np.flatnonzero(day.infected).tolist())
    assert int(day.positive[singles].sum()) == int(day.infected.sum())


def test_the_same_seed_makes_the_same_day() -> None:
    one, two, other = plan(terms()), plan(terms()), plan(terms(seed=8))

    assert all(np.array_equal(a, b) for a, b in zip(one[1:], two[1:], strict=True))
    assert not np.array_equal(one.people_at, other.people_at)


def test_without_faults_every_site_has_its_network_and_its_time() -> None:
    day = plan(terms(faults=False))

    assert not day.offline.any()
    assert not day.skew.any()
    assert plan(terms()).offline.any()


def test_names_can_be_known_again() -> None:
    assert is_id(names.subject(1, 5))
    assert names.subject(1, 5) != names.subject(2, 5)
    assert all(is_checked(names.code(1, n)) and names.code(1, n)[-1] not in "ILOU" for n in range(300))


@pytest.mark.parametrize("profile", ["A", "B"])
def test_the_shape_is_that_of_the_published_profile(profile: str) -> None:
    path = next((one for one in PROFILES if one.exists()), None)
    if path is None:
        pytest.skip("the published day profile is not beside this checkout")
    rows = [line.split(",") for line in path.read_text().splitlines()]
    at = rows[0].index(f"{profile}_demand_share")
    said = np.array([float(row[at]) for row in rows[1 : BINS_A_DAY + 1]])
    done = np.array(
        [float(row[rows[0].index(f"{profile}_served_persons")]) for row in rows[1 : BINS_A_DAY + 1]]
    )

    ours = shape("A" if profile == "A" else "B")
    assert np.abs(ours - said / said.sum()).max() < 2e-4
    lanes = served(ours, np.array([2_000_000]), np.array([2072]))[0]
    assert np.abs(np.diff(lanes, prepend=0) - done).max() < 0.03 * done.max()
