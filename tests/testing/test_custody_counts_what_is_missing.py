"""Where tubes are: into the box, with the courier, at the laboratory, and what is missing on the way."""

from datetime import timedelta

import pytest

from pratique.core.errors import Refusal
from pratique.testing import service
from tests.testing.world import NEGATIVE, World

CODES = [f"X10{n:02d}" for n in range(6)]


def packed(world: World, codes: list[str] = CODES, box: str = "BOX-1") -> None:
    for code in codes:
        world.pool(code, 2, lab=None)
    world.store.write(lambda tx: service.box_tubes(tx, world.moment(), box, codes, "sampler"))


def way(world: World) -> service.Way:
    with world.store.read() as tx:
        return service.on_the_way(tx, world.moment().now_ms)


def open_tasks(world: World) -> list[tuple[str, str]]:
    with world.store.read() as tx:
        return [
            (row[0], row[1]) for row in tx.all("SELECT kind, about FROM testing_task WHERE closed_at IS NULL")
        ]


def test_it_works(world: World) -> None:
    packed(world)
    assert (way(world).sent, way(world).received, way(world).in_boxes) == (6, 0, 6)
    assert world.store.write(lambda tx: service.take_boxes(tx, world.moment(), ["BOX-1"], "courier")) == 6
    (box,) = way(world).boxes
    assert (box.code, box.tubes, box.outstanding, box.taken_at) == ("BOX-1", 6, 6, world.moment().now_ms)

    world.receive("BOX-1")

    assert way(world).boxes == ()
    assert (way(world).sent, way(world).received, way(world).missing) == (6, 6, 0)


def test_a_box_that_lacks_a_tube_stands_for_nothing_and_names_the_missing_one(world: World) -> None:
    packed(world)
    moment = world.moment()
    said = world.store.write(
        lambda tx: service.receive_box(tx, moment, "LAB-A", "BOX-1", 5, "lab", world.tell)
    )
    assert said == (6, 5)
    assert ("box-count", "BOX-1") in open_tasks(world)
    assert way(world).in_boxes == 6

    world.receive(*CODES[:5])

    (box,) = way(world).boxes
    assert (box.outstanding, box.missing, box.lab) == (1, (CODES[5],), "LAB-A")
    assert way(world).missing == 1
    assert world.report(CODES[5], NEGATIVE, people="2") == "A"
    assert world.state(CODES[5]) == "held"  # no receipt scan, whatever the laboratory says


def test_a_box_counted_right_is_received_with_one_scan(world: World) -> None:
    packed(world)
    moment = world.moment()
    world.store.write(lambda tx: service.receive_box(tx, moment, "LAB-A", "BOX-1", 6, "lab", world.tell))

    assert way(world).boxes == ()


def test_what_is_at_no_laboratory_after_six_hours_is_missing(world: World) -> None:
    packed(world, CODES[:2])
    world.pool(CODES[2], lab=None)

    assert way(world).missing == 0
    world.now += timedelta(hours=7)
    assert way(world).missing == 3
    assert [box.code for box in way(world).boxes] == ["", "BOX-1"] or [b.code for b in way(world).boxes] == [
        "BOX-1",
        "",
    ]


@pytest.mark.parametrize(
    ("act", "field"),
    [
        (lambda tx, w: service.box_tubes(tx, w.moment(), "", ["X1001"], "s"), "box"),
        (lambda tx, w: service.box_tubes(tx, w.moment(), "B", [], "s"), "codes"),
        (lambda tx, w: service.box_tubes(tx, w.moment(), "B", ["B"], "s"), "codes"),
        (lambda tx, w: service.take_boxes(tx, w.moment(), ["NOTHING"], "c"), "codes"),
        (lambda tx, w: service.receive_box(tx, w.moment(), "LAB-A", "NOTHING", 3, "l", w.tell), "codes"),
        (lambda tx, w: service.receive_at_lab(tx, w.moment(), "LAB-Z", ["X1001"], "l", w.tell), "lab"),
    ],
)
def test_a_wrong_scan_says_which_field_and_changes_nothing(lite: World, act, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        lite.store.write(lambda tx: act(tx, lite))

    assert refused.value.field == field
    assert lite.count("custody") == 0
