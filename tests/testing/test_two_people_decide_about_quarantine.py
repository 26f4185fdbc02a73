"""A message in quarantine is taken in or refused for good by two people, with a reason; no rule is waived."""

import pytest

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.testing import quarantine, service
from pratique.testing.quarantine import Quarantined
from tests.testing.world import NEGATIVE, POSITIVE, World, oru

WHY = "registered this morning"


def waiting(world: World) -> list[Quarantined]:
    with world.store.read() as tx:
        return quarantine.quarantined(tx)


def ask(world: World, verdict: str, by: str = "first", reason: str = WHY) -> None:
    (one,) = waiting(world)
    world.store.write(lambda tx: quarantine.ask(tx, world.moment(), one.id, verdict, reason, by))


def confirm(world: World, by: str = "second") -> str:
    (one,) = waiting(world)
    return world.store.write(lambda tx: quarantine.confirm(tx, world.moment(), one.id, by, world.tell))


def test_it_works(world: World) -> None:
    subjects = world.pool("X0001", lab="LAB-A")
    world.send(oru("X0001", NEGATIVE, world.now, lab="LAB-Z"))
    (one,) = waiting(world)
    assert (one.code, one.field, one.legible) == ("204", "MSH/4", True)

    world.store.write(lambda tx: service.add_lab(tx, world.moment(), "LAB-Z", zone="UTC"))
    world.receive("X0001", lab="LAB-Z")
    world.later(hours=2)
    ask(world, "take-in")
    assert confirm(world) == "take-in"

    assert waiting(world) == []
    assert world.state("X0001") == "negative"
    assert world.heard(subjects[0])[-1] == "not-detected"


def test_what_is_still_wrong_stays_where_it_is(world: World) -> None:
    world.pool("X0001")
    world.send(oru("X0001", NEGATIVE, world.now, lab="LAB-Z"))
    ask(world, "take-in")

    with pytest.raises(Refusal) as refused:
        confirm(world)
    assert refused.value.field == "MSH/4"
    (one,) = waiting(world)
    assert (one.asked, one.asked_by, world.state("X0001")) == ("take-in", "first", "no-result")


def test_nobody_confirms_what_they_asked(world: World) -> None:
    world.send(oru("X0001", NEGATIVE, world.now, lab="LAB-Z"))
    with pytest.raises(Refusal, match="nobody has asked"):
        confirm(world)
    ask(world, "refuse")
    with pytest.raises(NotAllowed):
        confirm(world, by="first")

    assert confirm(world) == "refuse"
    with world.store.read() as tx:
        row = tx.one("SELECT kept, reason, asked_by, resolved_by FROM lab_quarantine")
    assert row == (None, WHY, "first", "second")


@pytest.mark.parametrize("reason", ["", "   x  ", "y" * 201])
def test_a_reason_is_said_in_a_sentence(world: World, reason: str) -> None:
    world.send(oru("X0001", NEGATIVE, world.now, lab="LAB-Z"))
    with pytest.raises(Refusal) as refused:
        ask(world, "refuse", reason=reason)
    assert refused.value.field == "reason"


def test_a_key_used_twice_is_taken_in_under_a_name_of_its_own(world: World) -> None:
    world.pool("X0001")
    world.pool("X0002")
    world.later(hours=2)
    world.send(oru("X0001", NEGATIVE, world.now))
    world.send(oru("X0002", POSITIVE, world.now))  # the same MSH-10
    assert [one.code for one in waiting(world)] == ["205"]

    ask(world, "take-in")
    confirm(world)
    world.later(seconds=5)
    world.settle()

    assert (world.state("X0001"), world.state("X0002")) == ("negative", "positive")


def test_illegible_bytes_can_only_be_refused(world: World) -> None:
    world.send(b"not a message")
    (one,) = waiting(world)
    assert not one.legible
    with pytest.raises(Refusal, match="send it again"):
        ask(world, "take-in")

    ask(world, "refuse")
    world.store.write(lambda tx: quarantine.withdraw(tx, one.id))
    assert waiting(world)[0].asked == ""
    with pytest.raises(NotFound):
        world.store.write(lambda tx: quarantine.withdraw(tx, "none"))
