"""A storm of messages, as interfaces under stress send it: 20 % repeats, 10 % out of order, 5 % under a new key, 2 %
under a key that is taken. It ends as a pure fold over the distinct messages says, and nobody hears a thing twice.

PRATIQUE_STORM=100000 makes it of full size; by default it is a hundredth of that.
"""

import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing.intake import LabChannel, receive
from tests.testing.test_any_order_ends_byte_equal import (
    PEOPLE,
    RESULTS,
    Sent,
    code_of,
    oracle,
    outcome_of,
    raw,
)
from tests.testing.world import World

SIZE = int(os.environ.get("PRATIQUE_STORM", "1000"))
A_TUBE = 10  # messages about one tube, repeats and all
GROUP = 100


def storm(chance: Random, size: int) -> tuple[list[Sent], list[tuple[bytes, bool]]]:
    """The distinct messages, and what is sent in its order: bytes, and whether their key is taken."""
    tubes = max(2, size // A_TUBE)
    distinct: list[Sent] = []
    sent: list[tuple[float, bytes, bool]] = []
    while len(sent) < size:
        at = float(len(sent))
        draw = chance.random()
        if distinct and draw < 0.20:
            sent.append((at, raw(chance.choice(distinct[-200:]), 0), False))
        elif distinct and draw < 0.25:
            sent.append((at, raw(chance.choice(distinct[-200:])._replace(rekeyed=1), 0), False))
        elif len(distinct) > 100 and draw < 0.27:
            old = raw(chance.choice(distinct[:-100]), 0)
            sent.append((at, old.replace(b"|RE|", b"|RE|taken-"), True))
        else:
            one = Sent(
                chance.randrange(tubes), chance.choice("PFFFCCXD"), chance.choice(list(RESULTS)), chance.randrange(3),
                chance.randrange(4), 0,
            )  # fmt: skip
            distinct.append(one)
            late = chance.uniform(1, 40) if chance.random() < 0.10 else 0
            sent.append((at + late, raw(one, 0), False))
    return distinct, [(some, taken) for _, some, taken in sorted(sent, key=lambda one: one[0])]


def test_it_works(sqlite_store: Store, sealer: Sealer) -> None:
    world = World(sqlite_store, sealer)
    distinct, sent = storm(Random(7), SIZE)
    by_tube: dict[int, list[Sent]] = defaultdict(list)
    for one in distinct:
        by_tube[one.tube].append(one)
    world.now = datetime(2026, 1, 5, 2, tzinfo=UTC)
    people = {tube: world.pool(code_of(tube, 0), 2) for tube in by_tube}

    letters: Counter[tuple[str, bool]] = Counter()
    for start in range(0, len(sent), GROUP):
        group = sent[start : start + GROUP]

        def take(tx: Tx, group: list[tuple[bytes, bool]] = group) -> list[str]:
            return [
                receive(tx, world.moment(), one, LabChannel(), world.tell, sealer).ack.letter
                for one, _ in group
            ]

        said = sqlite_store.write(take)
        letters.update((letter, taken) for letter, (_, taken) in zip(said, group, strict=True))
    world.later(minutes=1)

    assert set(letters) == {("A", False), ("E", True)}
    assert letters["E", True] > SIZE // 100
    heard: dict[str, list[str]] = defaultdict(list)
    for change in world.told:
        heard[change.evidence.subject_id].append(change.evidence.outcome)
    for tube, messages in by_tube.items():
        state, tie = oracle(messages, tube)
        assert world.state(code_of(tube, 0)) == ("no-result" if state == "withdrawn" else state), messages
        for subject in people[tube]:
            assert "detected" not in heard[subject]
            assert all(one != two for one, two in pairwise(heard[subject]))
            if not tie and state in PEOPLE:
                assert heard[subject][-1] == PEOPLE[state]
    contents = {(one.tube, one.status, outcome_of(one), one.reported) for one in distinct}
    assert world.count("result_version") == len(contents)
