"""Whatever the order in which messages arrive, repeats and rekeyed copies included, the end is the same, byte for byte,
and equal to an oracle: a pure fold over the distinct messages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.testing.world import NEGATIVE, POSITIVE, UNCLEAR, World, oru

RESULTS = {NEGATIVE: "negative", POSITIVE: "positive", UNCLEAR: "indeterminate"}
PEOPLE = {"negative": "not-detected", "positive": "retest-required", "indeterminate": "retest-required"}
REPORTED = [datetime(2026, 1, 4, 23, m, tzinfo=UTC) for m in (1, 2, 3)]


class Sent(NamedTuple):
    """One message of a storm: which tube, what it says, when it was reported and sent, how its key is made."""

    tube: int
    status: str
    result: str
    reported: int
    sent: int
    rekeyed: int


MESSAGES = st.lists(
    st.builds(
        Sent, st.integers(0, 1), st.sampled_from("PFFFCCXD"), st.sampled_from(list(RESULTS)), st.integers(0, 2),
        st.integers(0, 3), st.integers(0, 1),
    ),
    min_size=1, max_size=7,
)  # fmt: skip


def raw(sent: Sent, batch: int) -> bytes:
    reported = REPORTED[sent.reported].strftime("%Y%m%d%H%M%S+0000")
    at = datetime(2026, 1, 4, 23, 10 + sent.sent, tzinfo=UTC)
    control = "-".join(str(part) for part in (batch, *sent))
    # Each message is a run of its own: what a run of improbable positives does is tested elsewhere.
    return oru(
        code_of(sent.tube, batch), sent.result, at, control=control, status=sent.status, reported=reported, people="2",
        instrument=control,
    )  # fmt: skip


def code_of(tube: int, batch: int) -> str:
    return f"X{batch:04d}{tube}"


def outcome_of(sent: Sent) -> str:
    return {"X": "unusable", "D": "withdrawn"}.get(sent.status, RESULTS[sent.result])


def oracle(messages: Sequence[Sent], tube: int) -> tuple[str, bool]:
    """(state, tie) of one tube by the rules of testing.md 5.1 and 5.2, over the set of what was ever said."""
    earliest: dict[tuple[str, str, int], int] = {}
    for one in messages:
        if one.tube == tube and one.status != "P":
            content = (one.status, outcome_of(one), one.reported)
            earliest[content] = min(one.sent, earliest.get(content, one.sent))
    if not earliest:
        return "no-result", False
    rank = {"C": 1, "D": 1, "F": 0, "X": 0}
    order = {c: (rank[c[0]], c[2], sent) for c, sent in earliest.items()}
    top = {c[1] for c, place in order.items() if place == max(order.values())}
    return ("held", True) if len(top) > 1 else (top.pop(), False)


SETTLED = ("negative", "positive", "indeterminate", "unusable")


def end_state(world: World, batch: int, people: dict[int, list[str]]) -> bytes:
    """Everything that stands, without what chance and receipt alone decide (ids, times of receipt).

    What people were told on the way counts where a result stands; where none does (two that contradict each other, one
    withdrawn) it is history, and history has an order.
    """
    with world.store.read() as tx:
        versions = tx.all(
            "SELECT v.code, v.analyte, v.outcome, v.status, v.reported_at, COALESCE(f.message_at, v.message_at),"
            " v.people"
            " FROM result_version v LEFT JOIN result_first_sent f ON f.code = v.code AND f.content_key = v.content_key"
            " WHERE v.code LIKE :code",
            code=f"X{batch:04d}%",
        )
        states = tx.all(
            "SELECT s.code, s.state, s.outcome, s.held_because, s.told_outcome, t.state, (SELECT COUNT(*) FROM tube p"
            " WHERE p.parent_pool = s.code AND p.state = 'reserved') FROM tube_state s JOIN tube t ON t.code = s.code"
            " WHERE s.code LIKE :code",
            code=f"X{batch:04d}%",
        )
    rows = [*versions, *(row if row[1] in SETTLED else row[:4] for row in states)]
    rows += [
        (row[0], *((world.heard(s) or [""])[-1] for s in people[int(row[0][-1])]))
        for row in states
        if row[1] in SETTLED
    ]
    plain = sorted(str([str(v) for v in row]).replace(f"X{batch:04d}", "X") for row in rows)
    return canonical_json({"rows": "\n".join(plain)})


NO_SHRINKING = (
    Phase.explicit,
    Phase.reuse,
    Phase.generate,
)  # each example is a town: shrinking takes minutes
batches = iter(range(10_000))


@settings(
    max_examples=15,
    deadline=None,
    phases=NO_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data(), MESSAGES)
def test_it_works(sqlite_store: Store, sealer: Sealer, data: st.DataObject, messages: list[Sent]) -> None:
    world = getattr(sqlite_store, "world", None) or World(sqlite_store, sealer)
    sqlite_store.world = world  # type: ignore[attr-defined] - one world, many storms
    ends = []
    orders = [messages, *(data.draw(st.permutations(messages)) for _ in range(2))]
    for order in orders:
        batch = next(batches)
        world.now = datetime(2026, 1, 5, 2, tzinfo=UTC) + timedelta(hours=batch)
        people = {tube: world.pool(code_of(tube, batch), 2) for tube in (0, 1)}
        repeats = data.draw(st.lists(st.sampled_from(order), max_size=3))
        for sent in (*order, *repeats):
            assert world.send(raw(sent, batch)).ack.letter == "A"
            if data.draw(st.booleans()):
                world.later()  # a run may be judged between any two messages
        world.later(minutes=1)
        for tube in (0, 1):
            state, tie = oracle(order, tube)
            found = world.state(code_of(tube, batch))
            assert found == ("no-result" if state in ("withdrawn", "no-result") else state), (order, tube)
            told = [(world.heard(s) or [""])[-1] for s in people[tube]]
            if not tie and state in PEOPLE:
                assert set(told) == {PEOPLE[state]}, (order, tube)
        ends.append(end_state(world, batch, people))

    assert len(set(ends)) == 1


def test_the_oracle_and_the_fold_are_not_the_same_code() -> None:
    first = Sent(0, "F", NEGATIVE, 0, 0, 0)
    assert oracle([first], 0) == ("negative", False)
    assert oracle([first, first._replace(result=POSITIVE)], 0) == ("held", True)
    assert oracle([first, first._replace(result=POSITIVE, sent=1)], 0) == ("positive", False)
    assert oracle([first._replace(status="C"), first._replace(result=POSITIVE, reported=2)], 0) == (
        "negative",
        False,
    )
