"""Appeals in public: finished weeks only, small cells hidden before they are stored, none to be worked out."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pratique.notices import service
from pratique.notices.statistics import (
    OUTCOMES,
    SMALLEST,
    Closed,
    finished_weeks,
    hidden_small,
    told,
    week_of,
    week_span,
)
from tests.notices.test_silence_lifts import ANNA, appeal, decide
from tests.notices.town import Town


def closed(**counts: int) -> list[Closed]:
    return [Closed(name, 0, 60_000 * 30, 60_000 * 60) for name, n in counts.items() for _ in range(n)]


def test_it_works(town: Town) -> None:
    """Ten appeals in one week; in the next it stands there, to the end of time the same."""
    town.tell("retest-required", "R1", sampled=town.now)
    made = [appeal(town, town.notice(one, "N2").id, whom=n) for n, one in enumerate(town.members)]
    town.after(hours=3)
    for one in made:
        decide(town, one.id, "upheld", "FACTS_STAND", ANNA)
    assert town.store.write(lambda tx: service.publish_weeks(tx, town.moment)) == 0  # the week is not over
    town.after(days=7)
    assert town.store.write(lambda tx: service.publish_weeks(tx, town.moment)) == 1
    town.store.write(lambda tx: service.publish_weeks(tx, town.moment))
    with town.store.read() as tx:
        (week,) = service.appeal_weeks(tx)
    assert (week.week, week.kind) == ("2026-W02", "N2")
    assert (week.opened, week.closed, week.upheld, week.changed, week.silence) == (10, 10, 10, 0, 0)
    assert (week.in_time, week.median_minutes, week.share_upheld) == (10, 180, 1.0)
    town.store.write(lambda tx: service.erase_mandate(tx, town.mandate.id))
    with town.store.read() as tx:
        assert service.appeal_weeks(tx) == [week]  # counts about nobody outlive the mandate


def test_nine_are_too_few() -> None:
    assert told(9, closed(upheld=9)) is None
    assert told(12, closed(upheld=9)) == (12, *(None,) * 7)


def test_one_small_cell_takes_another_with_it() -> None:
    shown = told(60, closed(upheld=40, changed=3, silence=12))
    assert shown is not None
    assert (shown.closed, shown.upheld, shown.changed, shown.silence, shown.in_time) == (
        55,
        40,
        None,
        None,
        None,
    )


@given(st.dictionaries(st.sampled_from(OUTCOMES), st.integers(0, 60), min_size=4))
def test_no_small_cell_is_shown_or_can_be_worked_out(counts: dict[str, int]) -> None:
    shown = hidden_small(counts)
    hidden = [name for name, n in shown.items() if n is None]
    assert not [n for n in shown.values() if n is not None and 0 < n < SMALLEST]
    left = sum(counts.values()) - sum(n for n in shown.values() if n is not None)
    if left:
        assert len(hidden) >= 2
    assert not (len(hidden) == 1 and left)


def test_weeks_are_iso_weeks_in_utc() -> None:
    assert week_of(datetime(2027, 1, 3, 23, 59, tzinfo=UTC)) == "2026-W53"
    start, end = week_span("2026-W53")
    assert (start, end - start) == (datetime(2026, 12, 28, tzinfo=UTC), timedelta(days=7))
    assert finished_weeks(datetime(2026, 1, 5, tzinfo=UTC), "2026-W02", datetime(2026, 1, 26, tzinfo=UTC)) == [
        "2026-W03", "2026-W04",
    ]  # fmt: skip
