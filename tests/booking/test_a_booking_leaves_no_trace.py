"""Law 4: nobody can be found by a booking, and the booking goes with its day. Singles after a pool are kept for ten."""

from datetime import timedelta

from pratique.core.moment import to_ms
from pratique.store.migrate import migration_names, statements
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.booking import service
from tests.booking.conftest import Booking

TABLES = (
    "booking_area", "booking_place", "booking_release", "booking_slot", "booking_ticket", "booking_wish",
    "booking_line", "booking_day",
)  # fmt: skip


def everything(tx: Tx) -> str:
    return " ".join(repr(row) for table in TABLES for row in tx.all(f"SELECT * FROM {table}"))


def test_it_works(booking: Booking) -> None:
    subject = booking.world.people(1)[0]
    slot = booking.open(booking.far)[0]
    booking.book(subject, slot)
    with booking.world.store.read() as tx:
        assert subject not in everything(tx)

    booking.world.now += timedelta(hours=15)  # 23:00 where the people live
    booking.world.store.write(lambda tx: service.sweep(tx, booking.world.moment()))
    assert booking.world.count("booking_ticket") == 1
    booking.world.now += timedelta(hours=1)
    assert booking.world.store.write(lambda tx: service.sweep(tx, booking.world.moment())) == 1

    assert booking.world.count("booking_ticket") == 0
    assert [b for _, b, _ in booking.balance() if b] == [1]  # the count stays, the person is gone


def test_no_table_of_booking_has_a_column_for_a_person() -> None:
    for name in migration_names():
        if "booking" in name:
            for statement in statements(name, "sqlite"):
                assert "subject" not in statement


def test_two_days_of_one_person_are_not_alike(booking: Booking) -> None:
    subject = booking.world.people(1)[0]
    booking.book(subject, booking.open(booking.far)[0])
    booking.world.now += timedelta(days=1)
    booking.book(subject, booking.open(booking.far)[0])

    with booking.world.store.read() as tx:
        marks = [bytes(row[0]) for row in tx.all("SELECT mark FROM booking_ticket")]
    assert len(set(marks)) == 2
    assert len(booking.tickets(subject)) == 1  # yesterday's is not shown, also before it is swept


def test_the_end_of_a_mandate_empties_every_table(booking: Booking) -> None:
    world = booking.world
    release = world.store.write(
        lambda tx: service.open_release(tx, world.moment(), world.campaign, world.now)
    )
    slots = booking.open(booking.far, release=release.id)
    world.store.write(lambda tx: service.wish(tx, world.moment(), world.sealer, "SUBJECT-A", slots[:1]))
    booking.book("SUBJECT-B", booking.open(world.site)[0])

    gone = world.store.write(lambda tx: testing.erase_mandate(tx, world.mandate))

    assert gone["booking_ticket"] == gone["booking_wish"] == 1
    assert [world.count(table) for table in TABLES] == [0] * len(TABLES)


def test_ten_singles_are_kept_near_the_pool_and_may_become_home_visits(booking: Booking) -> None:
    world = booking.world
    subjects = world.people(10)
    near = booking.open(world.site, hours=0.5, share=0.06)  # two windows of three places
    far = booking.open(booking.far, hours=1)
    home = booking.open(booking.team, hours=2)

    def singles(tx: Tx) -> list[service.Single]:
        return service.book_singles(
            tx, world.moment(), world.sealer, campaign_id=world.campaign, subjects=subjects, near=world.site
        )

    kept = world.store.write(singles)

    assert [one.subject_id for one in kept] == subjects
    slots = [one.ticket.slot_id for one in kept if one.ticket]
    assert len(slots) == 10
    assert [slot in near for slot in slots] == [True] * 6 + [False] * 4
    assert set(slots[6:]) <= set(far)
    assert world.store.write(singles) == kept  # again: whoever has a window keeps it

    moved = world.store.write(
        lambda tx: service.book(tx, world.moment(), world.sealer, subjects[0], home[0], "retest")
    )
    assert moved.kind == "home"
    assert [t.slot_id for t in booking.tickets(subjects[0])] == [home[0]]
    assert all(booked == tickets for _, booked, tickets in booking.balance())
    assert moved.start > world.now + service.LEAD
    assert to_ms(moved.start) % 900_000 == 0


def test_a_pool_where_nothing_is_free_refuses_nobody(booking: Booking) -> None:
    world = booking.world
    subjects = world.people(3)

    kept = world.store.write(
        lambda tx: service.book_singles(
            tx, world.moment(), world.sealer, campaign_id=world.campaign, subjects=subjects
        )
    )

    assert [one.ticket for one in kept] == [None, None, None]
