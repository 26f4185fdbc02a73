"""No window ever holds more tickets than places, and no place is lost, whatever the order and whoever is at work."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.core.errors import Conflict, NoMandate, Refusal
from pratique.store.engine import Engine
from pratique.store.sealing import Sealer
from pratique.store.store import open_store
from pratique.testing.booking import service
from tests.booking.conftest import Booking
from tests.conftest import SecretsInMemory
from tests.testing.world import World

ACTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=40)


def test_it_works(booking: Booking) -> None:
    slots = booking.open(booking.far)

    ticket = booking.book("SUBJECT-A", slots[0])

    assert ticket.slot_id == slots[0]
    assert booking.tickets("SUBJECT-A") == [ticket]
    assert booking.book("SUBJECT-A", slots[0]) == ticket
    assert booking.cancel("SUBJECT-A", slots[0])
    assert not booking.cancel("SUBJECT-A", slots[0])
    assert {(b, t) for _, b, t in booking.balance()} == {(0, 0)}


def test_a_full_window_refuses_and_says_what_else_one_can_do(booking: Booking) -> None:
    slots = booking.open(booking.far, share=0.08)  # two places
    booking.book("SUBJECT-A", slots[0])
    booking.book("SUBJECT-B", slots[0])

    with pytest.raises(Conflict) as told:
        booking.book("SUBJECT-C", slots[0])

    assert (told.value.code, told.value.field) == ("WINDOW_FULL", "slot_id")
    assert "walk in" in told.value.text.en
    booking.cancel("SUBJECT-A", slots[0])
    assert booking.book("SUBJECT-C", slots[0]).slot_id == slots[0]


def test_a_second_booking_of_a_day_moves_the_first_and_never_loses_it(booking: Booking) -> None:
    slots = booking.open(booking.far, share=0.04)  # one place
    booking.book("SUBJECT-A", slots[0])
    booking.book("SUBJECT-B", slots[1])

    with pytest.raises(Conflict):
        booking.book("SUBJECT-A", slots[1])
    assert [t.slot_id for t in booking.tickets("SUBJECT-A")] == [slots[0]]

    booking.book("SUBJECT-A", slots[2])
    assert [t.slot_id for t in booking.tickets("SUBJECT-A")] == [slots[2]]
    assert sorted(b for _, b, _ in booking.balance()) == [0, 0, 1, 1]


def test_a_window_that_is_over_or_unknown_is_refused(lite: Booking) -> None:
    slots = lite.open(lite.far)
    lite.world.now += timedelta(hours=1, minutes=15)

    with pytest.raises(Conflict) as told:
        lite.book("SUBJECT-A", slots[0])
    assert told.value.code == "WINDOW_OVER"
    with pytest.raises(Refusal):
        lite.book("SUBJECT-A", "0" * 26)


def test_without_a_mandate_nothing_is_opened_or_booked(lite: Booking) -> None:
    slots = lite.open(lite.far, hours=24 * 6)
    lite.world.now += timedelta(days=70)

    with pytest.raises((NoMandate, Conflict)):
        lite.book("SUBJECT-A", slots[-1])
    with pytest.raises(NoMandate):
        lite.world.store.write(
            lambda tx: tx.run(
                "INSERT INTO booking_area (id, campaign_id, mandate_id, name_en, name_zh, made_at)"
                " VALUES ('x', 'y', 'z', 'a', 'b', 1)"
            )
        )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_a_model_and_the_tables_agree_after_every_order_of_acts(tmp_path_factory: Any, acts: Any) -> None:
    """Six people, four windows of one or two places; the model is a dictionary."""
    store = open_store("", tmp_path_factory.mktemp("booking"))
    try:
        booking = Booking(World(store, Sealer(SecretsInMemory(), secrets.token_bytes)))
        slots = booking.open(booking.far, share=0.04)
        held: dict[int, int] = {}
        for person, slot, books in acts:
            who = f"SUBJECT-{person}"
            if books:
                room = held.get(person) == slot or list(held.values()).count(slot) < 1
                try:
                    booking.book(who, slots[slot])
                    assert room
                    held[person] = slot
                except Conflict:
                    assert not room
            else:
                assert booking.cancel(who, slots[slot]) == (held.get(person) == slot)
                if held.get(person) == slot:
                    del held[person]
            taken = [slots.index(t.slot_id) for p in range(6) for t in booking.tickets(f"SUBJECT-{p}")]
            assert sorted(taken) == sorted(held.values())
        assert all(booked == tickets <= capacity for capacity, booked, tickets in booking.balance())
    finally:
        store.close()


def _rush(
    engine: Engine, slots: list[str], people: int, start: Barrier, n: int, sealer: Sealer, world: World
) -> int:
    """One client with a connection of its own, beside the house's writer and without its lock."""
    connection = engine.connect(writer=False)
    taken = 0
    start.wait()
    for k in range(people):
        who, slot = f"SUBJECT-{n}-{k}", slots[k % len(slots)]
        begin = "BEGIN IMMEDIATE" if engine.dialect == "sqlite" else "BEGIN"
        connection.execute(begin)
        try:
            service.book(engine.tx(connection), world.moment(), sealer, who, slot)
            if k % 3 == 2:
                assert service.cancel(engine.tx(connection), sealer, who, slot)
                taken -= 1
            connection.execute("COMMIT")
            taken += 1
        except Conflict:
            connection.execute("ROLLBACK")
    connection.close()
    return taken


def test_eight_clients_at_once_on_connections_of_their_own_take_no_place_twice(booking: Booking) -> None:
    slots = booking.open(booking.far, hours=2, share=0.5)  # eight windows of sixteen
    start, world = Barrier(8), booking.world
    with ThreadPoolExecutor(8) as pool:
        work = [
            pool.submit(_rush, world.store.engine, slots, 40, start, n, world.sealer, world) for n in range(8)
        ]
        taken = sum(one.result() for one in work)

    rows = booking.balance()
    assert all(booked == tickets <= capacity for capacity, booked, tickets in rows)
    assert sum(booked for _, booked, _ in rows) == taken
    assert max(booked for _, booked, _ in rows) == 16


def test_the_database_itself_refuses_one_ticket_too_many(booking: Booking) -> None:
    slots = booking.open(booking.far)

    with pytest.raises(Exception, match=r"(?i)check"):
        booking.world.store.write(
            lambda tx: tx.run("UPDATE booking_slot SET booked = capacity + 1 WHERE id = :id", id=slots[0])
        )


def test_bookings_survive_a_restart(tmp_path: Path, sealer: Sealer) -> None:
    store = open_store("", tmp_path)
    booking = Booking(World(store, sealer))
    slot = booking.open(booking.far)[0]
    booking.book("SUBJECT-A", slot)
    store.close()

    booking.world.store = open_store("", tmp_path)
    assert [t.slot_id for t in booking.tickets("SUBJECT-A")] == [slot]
    booking.world.store.close()
