"""The stopped clock, held against a slow model that counts minute by minute; and what sweeping does with it."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.notices import service
from pratique.notices.clock import Stop, counted, effective_deadline
from pratique.notices.kinds import kind_body, kind_of, words
from pratique.notices.model import TRANSITIONS, NoticeRow
from pratique.notices.sweep import deadline_of, lapse
from tests.notices.town import Town

stops = st.lists(
    st.tuples(st.integers(-20, 60), st.one_of(st.none(), st.integers(0, 40))).map(
        lambda s: Stop(s[0], None if s[1] is None else s[0] + s[1], "outage")
    ),
    max_size=6,
)


def slow(opened: int, duration: int, faults: list[Stop], now: int) -> int:
    """Minute by minute: time inside a fault does not count."""
    t, left = opened, duration
    while left:
        inside = any(stop.start <= t < (now if stop.to is None else stop.to) for stop in faults)
        left -= not inside
        t += 1
    # A fault that begins exactly when the time is up takes nothing: the duty was over.
    return t


@given(st.integers(1, 30), stops, st.integers(0, 100))
@settings(max_examples=400)
def test_it_works(duration: int, faults: list[Stop], now: int) -> None:
    assert effective_deadline(0, duration, faults, now) == slow(0, duration, faults, now)


@given(st.integers(1, 30), stops, st.integers(0, 100), st.integers(0, 20))
def test_a_deadline_only_moves_away(duration: int, faults: list[Stop], now: int, later: int) -> None:
    first = effective_deadline(0, duration, faults, now)
    assert first >= duration
    assert effective_deadline(0, duration, faults, now + later) >= first
    assert effective_deadline(0, duration, faults[1:], now) <= first
    assert bool(counted(faults, 0, duration, now)) == (first > duration)


@given(
    st.sampled_from([kind.code for kind in words().kinds]),
    st.sampled_from(("open", "waiting")),
    st.integers(1, 90),
    st.integers(1, 90),
    stops,
    st.integers(0, 200),
)
@settings(max_examples=400)
def test_nothing_outlives_its_end(
    code: str, state: str, duration: int, end: int, faults: list[Stop], now: int
) -> None:
    kind = kind_of(code)
    row = blank_row()._replace(
        kind=code, class_=kind.class_, cause=kind.cause, state=state, duration_ms=duration,
        deadline_at=duration, ends_at=min(end, duration) if kind.class_ == "restriction" else end,
    )  # fmt: skip
    due = deadline_of(row, faults, now)
    assert due <= row.ends_at
    assert kind.class_ == "duty" or due == min(row.deadline_at, row.ends_at)  # no restriction gains time
    assert kind.class_ != "duty" or due >= min(row.deadline_at, row.ends_at)  # no duty loses any
    ended = lapse(row, kind_body(kind), due)
    assert ended.state in TRANSITIONS[state]
    assert ended.at == due


def test_overlapping_faults_count_once() -> None:
    assert effective_deadline(0, 10, [Stop(2, 6), Stop(4, 8), Stop(2, 6)], 100) == 16
    assert effective_deadline(0, 10, [Stop(2, 6), Stop(12, 15)], 100) == 17  # begins inside the extension
    assert effective_deadline(0, 10, [Stop(10, 15)], 100) == 10


def blank_row() -> NoticeRow:
    texts = dict.fromkeys(NoticeRow._fields, "")
    zero = {name: 0 for name in texts if name.endswith(("_at", "_ms", "_version"))}
    return NoticeRow(**(texts | zero | {"sealed_facts": None}))


def iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_one_row_reaches_everybody(town: Town) -> None:
    town.start()
    before = {one: town.notice(one, "N1") for one in town.members}
    town.after(hours=1)
    rows = town.store.write(
        lambda tx: service.declare_fault(tx, town.moment, scope="all", cause="outage", by="rule:probe")
    )
    town.after(hours=3)
    town.store.write(lambda tx: service.end_fault(tx, town.moment, scope="all", cause="outage"))
    assert rows == 1
    for one in town.members:
        now = town.notice(one, "N1")
        assert iso(now.deadline_effective) - iso(before[one].deadline) == timedelta(hours=3)
        assert now.deadline == before[one].deadline
        assert [text.en for text in now.extended_because] == ["our system did not work"]


def test_a_duty_lapses_at_its_deadline_and_not_before(town: Town) -> None:
    town.start()
    one = town.members[0]
    town.after(days=1)
    town.store.write(
        lambda tx: service.declare_fault(
            tx, town.moment, scope="campaign", scope_ids=[town.campaign.id], cause="closed-site", by="S",
            ends=town.now + timedelta(hours=10),
        )
    )  # fmt: skip
    town.after(days=4)
    town.sweep()
    assert town.states(one)["N1"] == "open"
    town.after(hours=9, minutes=59)
    town.sweep()
    assert town.states(one)["N1"] == "open"
    due = iso(town.notice(one, "N1").deadline_effective)
    town.after(hours=5)
    assert town.sweep() >= 10
    lapsed = town.notice(one, "N1")
    assert lapsed.state == "lifted"
    assert iso(lapsed.history[-1].at) == due  # the time it was due, not the time of the run
    assert town.sweep() == 0


def test_a_fault_never_lengthens_a_restriction(town: Town) -> None:
    one = town.members[0]
    town.tell("detected", "S0", sampled=town.now, whom=[one], pooled=False)
    before = town.notice(one, "N4")
    town.after(hours=1)
    town.store.write(
        lambda tx: service.declare_fault(tx, town.moment, scope="all", cause="outage", by="rule:probe")
    )
    town.after(days=5)
    assert town.notice(one, "N4").deadline_effective == before.deadline_effective
    town.after(days=5)
    town.sweep()
    assert town.states(one)["N4"] in ("lifted", "cleared")


def test_who_waits_for_us_is_not_the_cause(town: Town) -> None:
    town.start()
    one = town.members[0]
    town.after(days=4).tell("sample-sealed", "X", sampled=town.now, whom=[one])
    town.after(days=2)
    town.sweep()
    waited, idle = town.notice(one, "N1"), town.notice(town.members[1], "N1")
    assert "while we owed you" in waited.history[-1].what.en
    assert "The deadline passed" in idle.history[-1].what.en


def test_the_same_fault_is_declared_once(small_town: Town) -> None:
    town = small_town

    def declare() -> int:
        return town.store.write(
            lambda tx: service.declare_fault(
                tx, town.moment, scope="subject", scope_ids=town.members, cause="late-lab", by="rule:promise"
            )
        )

    assert declare() == 2
    assert declare() == 0
    assert (
        town.store.write(
            lambda tx: service.end_fault(
                tx, town.moment, scope="subject", scope_ids=town.members, cause="late-lab"
            )
        )
        == 0  # it ended before it began: there never was one
    )
    assert declare() == 2
