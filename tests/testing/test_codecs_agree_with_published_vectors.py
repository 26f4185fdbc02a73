"""Tube codes, the fold, the release gate's tail and the pool table against the vectors of the design."""

import math
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.check37 import CHARACTERS, check_character, is_checked
from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.testing import pools, release, tubecode
from pratique.testing.fold import RANK, fold
from pratique.testing.model import Version


def test_it_works(moment: Moment) -> None:
    code = tubecode.make(moment)

    assert len(code) == 12
    assert tubecode.tidy(code.lower()[:6] + "-" + code[6:]) == code


# Tube codes


@pytest.mark.parametrize(
    ("code", "check"),
    [("T0000000001", "S"), ("T7MZD5HY532", "T"), ("TE9K0TQ8XK0", "A"), ("A12425GABC1234002", "M")],
)
def test_published_check_characters(code: str, check: str) -> None:
    assert check_character(code) == check


def test_no_single_error_escapes_and_few_swaps_do(moment: Moment) -> None:
    for _ in range(20):
        code = tubecode.make(moment)
        for n in range(1, 12):
            for other in CHARACTERS:
                if other != code[n]:
                    assert not is_checked(code[:n] + other + code[n + 1 :])


def test_look_alikes_are_read_as_meant(moment: Moment) -> None:
    for _ in range(200):
        code = tubecode.make(moment)
        assert code[-1] not in "ILOU"
        assert tubecode.tidy(code.replace("1", "l").replace("0", "o")) == code


@pytest.mark.parametrize(
    "typed", ["", "T", "T0000000001T", "Z0000000001S", "T000000000 S", "T0000000001SS", "茶"]
)
def test_a_wrong_code_is_a_plain_sentence(typed: str) -> None:
    with pytest.raises(Refusal) as refusal:
        tubecode.tidy(typed)
    assert refusal.value.field == "code"
    assert len(typed) < 2 or typed not in refusal.value.text.en


def test_foreign_tubes_are_taken_as_printed() -> None:
    assert tubecode.tidy(" abc-0001 ", "none") == "ABC-0001"
    with pytest.raises(Refusal):
        tubecode.tidy("A B", "none")


# Fold


def _version(n: int, status: str, outcome: str, reported: int, message: int) -> Version:
    return Version(
        id=f"{n:026d}", outcome=outcome, status=status, lab_id="L", reported_at=reported, message_at=message,  # type: ignore[arg-type]
        received_at=n,
    )  # fmt: skip


versions = st.lists(
    st.builds(
        _version, st.integers(0, 99), st.sampled_from("PFCXD"), st.sampled_from(["negative", "positive", "unusable"]),
        st.integers(0, 3), st.integers(0, 2),
    ),
    max_size=5, unique_by=lambda v: v.id,
)  # fmt: skip


@given(versions)
def test_the_fold_does_not_see_the_order(found: list[Version]) -> None:
    ends = {fold(order) for order in permutations(found)}

    assert len(ends) == 1
    (end,) = ends
    assert (end.version is None) == all(v.status == "P" for v in found)
    if end.version is not None:
        assert all(RANK[v.status] <= RANK[end.version.status] for v in found)


def test_an_older_final_does_not_undo_a_correction() -> None:
    correction = _version(1, "C", "positive", 1, 1)

    assert fold([correction, _version(2, "F", "negative", 9, 9)]).version == correction
    assert fold([correction, _version(3, "C", "negative", 1, 1)]).tie


# Release gate


@pytest.mark.parametrize("row", [(4, 4), (5, 5), (10, 6), (20, 8), (40, 11), (60, 14), (93, 18)])
def test_the_smallest_number_of_positives_that_holds_a_run(row: tuple[int, int]) -> None:
    n, least = row
    prior = release.Prior(1, 99)

    assert release.is_improbable(least, n, prior)
    assert not release.is_improbable(least - 1, n, prior)


def test_one_positive_never_holds_and_retests_have_their_own_prior() -> None:
    assert not release.is_improbable(1, 1, release.Prior(1, 999_999_999))
    assert not release.is_improbable(1, 10, release.default_prior("retest"))
    assert not release.is_improbable(10, 10, release.default_prior("retest"))
    assert release.is_improbable(40, 60, release.default_prior("screen"))


@given(st.integers(1, 60), st.floats(0.5, 5), st.floats(5, 200))
def test_the_tail_is_a_probability_that_falls(n: int, a: float, b: float) -> None:
    tails = [release.tail(x, n, release.Prior(a, b)) for x in range(n + 1)]

    assert tails[0] == 1.0
    assert all(0 <= later <= before + 1e-9 for before, later in pairwise(tails))
    chance = [before - later for before, later in zip(tails, [*tails[1:], 0.0], strict=True)]
    mean = sum(x * p for x, p in enumerate(chance))
    assert math.isclose(mean, n * a / (a + b), rel_tol=1e-6)


def test_a_prior_is_learnt_from_enough_runs_only() -> None:
    start = release.Prior(1, 99)

    assert release.prior_from([(93, 1)] * 4, start) == start
    learnt = release.prior_from([(93, 2)] * 40, start)
    assert learnt.a / (learnt.a + learnt.b) == pytest.approx(2 / 93, rel=0.02)
    assert 20 <= learnt.a + learnt.b <= 1000
    assert not release.is_improbable(1, 1, release.prior_from([(93, 0)] * 100, start))


# Pools: prevalence, k = 5, 10, 20, best Dorfman (k), 10 x 10 array, best three stages, positive tubes of ten

TABLE = [
    (0.0001, .2005, .1010, .0520, (100, .0200), .2001, (100, 10, .0120), .00100),
    (0.001, .2050, .1100, .0698, (32, .0628), .2011, (100, 10, .0295), .00996),
    (0.005, .2248, .1489, .1454, (15, .1391), .2069, (36, 6, .0849), .0489),
    (0.01, .2490, .1956, .2321, (11, .1956), .2174, (25, 5, .1334), .0956),
    (0.02, .2961, .2829, .3824, (8, .2742), .2471, (16, 4, .2092), .183),
    (0.05, .4262, .5013, .6915, (5, .4262), .3799, (9, 3, .3770), .401),
    (0.1, .6095, .7513, .9284, (4, .5939), .6377, (9, 3, .5863), .651),
    (0.2, .8723, .9926, 1.0385, (3, .8213), .9997, None, .893),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_the_pool_table(row: tuple) -> None:
    p, k5, k10, k20, best, square, stages, positive = row

    assert [round(pools.dorfman(p, k), 4) for k in (5, 10, 20)] == [k5, k10, k20]
    k, tests = pools.best_dorfman(p)
    assert (k, round(tests, 4)) == best
    assert round(pools.array(p, 10), 4) == square
    found = pools.best_three_stage(p)
    assert (found and (*found[:2], round(found[2], 4))) == stages
    assert pools.positive_share(p, 10) == pytest.approx(positive, rel=0.006)


@pytest.mark.parametrize(("k", "even"), [(20, 0.139), (10, 0.206), (5, 0.275), (3, 0.307)])
def test_beyond_break_even_a_pool_costs_more_than_it_saves(k: int, even: float) -> None:
    assert pools.dorfman(even - 0.001, k) < 1 < pools.dorfman(even + 0.001, k)


def test_small_formulae() -> None:
    assert [round(pools.ct_shift(k), 1) for k in (5, 10, 20)] == [2.3, 3.3, 4.3]
    assert pools.prevalence(96, 1000, 10) == pytest.approx(0.01, rel=0.01)
    assert pools.dorfman(0.01, 10, 1.0, 1.0) == pools.dorfman(0.01, 10)
    with pytest.raises(ValueError, match="negative pool"):
        pools.prevalence(10, 10, 10)


def test_the_advisor_counts_people_called_back() -> None:
    assert [pools.advise(p, 2_000_000)[0] for p in (0.0001, 0.001, 0.009, 0.02, 0.06)] == [10, 10, 10, 5, 1]
    rows = {row.k: row for row in pools.advise(0.001, 2_000_000)[1]}
    assert (rows[10].positive_tubes, rows[10].called_back) == (1991, 19910)
