"""The draw favours nobody and can be done again by anybody; lines are foretold from what lanes can do."""

import secrets
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.core.errors import Conflict, Refusal
from pratique.core.moment import to_ms
from pratique.peers import b64
from pratique.store.tx import Tx
from pratique.testing.booking import lines, lottery, service
from pratique.testing.booking.waiting import COMING, forecast, walk_in
from tests.booking.conftest import Booking

PROFILE = Path(__file__).parents[3] / "shared/data/testing/profile/day_profile_2M_1319sites.csv"


def test_it_works() -> None:
    given_places = lottery.draw(b"seed", [(b"a", ["x"]), (b"b", ["x", "y"])], {"x": 1, "y": 1})

    assert len(given_places) == 2 or given_places == [(b"b", "x")]


@settings(deadline=None)
@given(
    st.binary(min_size=32, max_size=32),
    st.dictionaries(
        st.binary(min_size=4, max_size=4), st.lists(st.sampled_from("abcd"), max_size=4), max_size=30
    ),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5)),
)
def test_a_draw_gives_each_place_once_and_nobody_two(
    seed: bytes, wishes: dict[bytes, list[str]], free: dict[str, int]
) -> None:
    drawn = lottery.draw(seed, list(wishes.items()), free)

    assert len({mark for mark, _ in drawn}) == len(drawn)
    for slot, places in free.items():
        assert sum(1 for _, got in drawn if got == slot) <= places
    winners = dict(drawn)
    assert all(winners[mark] in wishes[mark] for mark in winners)
    # Who got nothing wished only for what is gone.
    left = {s: n - sum(1 for _, got in drawn if got == s) for s, n in free.items()}
    assert not [m for m, w in wishes.items() if m not in winners and any(left.get(s, 0) > 0 for s in w)]


def test_the_order_of_arrival_changes_nothing() -> None:
    wishes = [(secrets.token_bytes(8), ["a"]) for _ in range(200)]

    assert lottery.draw(b"s", wishes, {"a": 50}) == lottery.draw(b"s", wishes[::-1], {"a": 50})


def test_who_asks_a_hundred_times_gets_the_share_of_one(booking: Booking) -> None:
    world = booking.world
    release = world.store.write(
        lambda tx: service.open_release(tx, world.moment(), world.campaign, world.now)
    )
    slots = booking.open(booking.far, share=1, release=release.id)
    with pytest.raises(Conflict, match="by lot"):
        booking.book("SUBJECT-A", slots[0])

    def rush(tx: Tx) -> None:
        for _ in range(100):
            service.wish(tx, world.moment(), world.sealer, "SUBJECT-BOT", slots)
        for n in range(60):
            service.wish(tx, world.moment(), world.sealer, f"SUBJECT-{n}", slots[:1])

    world.store.write(rush)
    assert world.count("booking_wish") == 61
    assert release.seed == ""
    world.now += timedelta(seconds=61)
    given_tickets = world.store.write(lambda tx: service.draw_due(tx, world.moment()))

    assert given_tickets in (32, 33)  # 32 places in the first window, and the bot's other wishes
    assert world.count("booking_wish") == 0
    with world.store.read() as tx:
        after = service.releases_of(tx, world.campaign)[0]
    assert sha256(bytes.fromhex(after.seed)).hexdigest() == release.seed_digest
    assert len(booking.tickets("SUBJECT-BOT")) == 1
    assert all(booked == tickets <= capacity for capacity, booked, tickets in booking.balance())
    with pytest.raises(Conflict, match="not open"):
        world.store.write(lambda tx: service.wish(tx, world.moment(), world.sealer, "SUBJECT-A", slots))
    assert booking.book("SUBJECT-LATE", slots[1]).slot_id == slots[1]


def test_a_thousand_draws_give_everybody_the_same_share() -> None:
    marks = [bytes([n]) for n in range(20)]
    won = dict.fromkeys(marks, 0)
    for n in range(1000):
        for mark, _ in lottery.draw(n.to_bytes(4, "big"), [(m, ["a"]) for m in marks], {"a": 5}):
            won[mark] += 1

    assert all(190 < times < 310 for times in won.values())  # 250 expected, standard deviation 13.7


def test_the_line_grows_only_by_those_who_are_not_served() -> None:
    steps = forecast(0, [50, 100, 0, 0, 0], 262)

    assert [round(s.queue, 1) for s in steps] == [0, 34.5, 0, 0, 0]
    assert round(steps[1].minutes, 1) == 7.9
    assert abs(sum(COMING) - 1000) <= 2
    assert sum(walk_in(1600, 0, quarter) for quarter in range(96)) == pytest.approx(1600, rel=0.01)
    assert walk_in(100, 100, 40) == 0


@pytest.mark.skipif(not PROFILE.exists(), reason="the day profile is not beside this checkout")
def test_the_forecast_agrees_with_the_day_that_was_measured() -> None:
    """Profile B over the district: what its lanes served, bin by bin."""
    rows = [line.split(",") for line in PROFILE.read_text().splitlines()]
    head = rows[0]
    demand_at, served_at = (
        head.index(next(h for h in head if "demand" in h and "B" in h)),
        head.index(next(h for h in head if "served" in h and "B" in h)),
    )
    shares = [float(row[demand_at]) for row in rows[1:97]]
    steps = forecast(0, [2_000_000 * share / sum(shares) for share in shares], 2072 * 131)

    served = [float(row[served_at]) for row in rows[1:97]]
    assert max(abs(step.served - said) for step, said in zip(steps, served, strict=True)) < 0.02 * max(served)


def test_a_site_says_how_its_line_is_and_people_see_it_before_they_set_out(booking: Booking) -> None:
    world, device = booking.world, booking.world.device
    booking.open(world.site)

    def said(waiting: int, at: int, unsent: int = 3) -> lines.Line:
        plain = {"dev": device.id, "at": at, "waiting": waiting, "unsent": unsent}
        return lines.Line(**plain, sig=b64(device.key.sign(canonical_json(plain))))

    now = to_ms(world.now)
    world.store.write(lambda tx: lines.say_line(tx, world.moment(), said(131, now)))
    world.store.write(lambda tx: lines.say_line(tx, world.moment(), said(5, now - 1)))  # heard late: old news

    view = next(one for one in booking.look() if one.id == world.site)
    assert view.wait_now == 30  # 131 people, two lanes of 131 an hour
    assert view.windows[0].wait >= 0
    assert next(one for one in booking.look() if one.kind == "home").wait_now is None
    forged = lines.Line(device.id, now + 5, 0, 0, "AAAA")
    with pytest.raises(Refusal, match="signed"):
        world.store.write(lambda tx: lines.say_line(tx, world.moment(), forged))
    world.now += timedelta(minutes=31)
    assert next(one for one in booking.look() if one.id == world.site).wait_now == 0
