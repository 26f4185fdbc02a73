"""Accounts have one role, start with a one-time link, and end at once."""

from datetime import timedelta

import pytest

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.model import Session
from pratique.store.store import Store


def enter(store: Store, moment: Moment, role: str = "console", name: str = "Test Kestrel") -> Session:
    """Signed in as in a demonstration, where a link opens a whole session."""
    invited = store.write(lambda tx: service.invite_staff(tx, moment, None, name=name, role=role, trial=True))
    return store.write(lambda tx: service.accept_invite(tx, moment, invited.token))


def test_it_works(store: Store, moment: Moment) -> None:
    session = enter(store, moment)
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, session.token) == session
        assert service.staff_session(tx, session.ends_at, session.token) is None
        assert service.staff_session(tx, moment.now, "x" + session.token) is None
        kept = repr(
            tx.all("SELECT token_hash FROM staff_session UNION ALL SELECT token_hash FROM staff_invite")
        )
    assert session.token not in kept


def test_a_link_works_once_and_for_three_days(store: Store, moment: Moment) -> None:
    one = store.write(lambda tx: service.invite_staff(tx, moment, None, name="A", role="reviewer"))
    two = store.write(lambda tx: service.invite_staff(tx, moment, None, name="B", role="reviewer"))
    store.write(lambda tx: service.accept_invite(tx, moment, one.token))
    late = moment._replace(now=two.ends_at)
    for when, token in ((moment, one.token), (late, two.token), (moment, "nothing")):
        with pytest.raises(NotFound):
            store.write(lambda tx, w=when, t=token: service.accept_invite(tx, w, t))


def test_only_some_roles_invite(sqlite_store: Store, moment: Moment) -> None:
    worker = enter(sqlite_store, moment, "case-worker").staff
    console = enter(sqlite_store, moment, "console").staff
    with pytest.raises(NotAllowed):
        sqlite_store.write(lambda tx: service.invite_staff(tx, moment, worker, name="C", role="console"))
    with pytest.raises(Refusal) as refused:
        sqlite_store.write(lambda tx: service.invite_staff(tx, moment, console, name="C", role="everything"))
    assert refused.value.field == "role"
    sqlite_store.write(lambda tx: service.invite_staff(tx, moment, console, name="C", role="lab-desk"))


def test_a_former_worker_is_out_at_once(store: Store, moment: Moment) -> None:
    session = enter(store, moment)
    pending = store.write(lambda tx: service.invite_staff(tx, moment, None, name="D", role="console"))
    store.write(lambda tx: service.end_staff(tx, moment, session.staff.id))
    store.write(lambda tx: service.end_staff(tx, moment, pending.staff.id))
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, session.token) is None
        assert [ended for _, _, ended in service.list_staff(tx)] == [moment.now, moment.now]
    with pytest.raises(NotFound):
        store.write(lambda tx: service.accept_invite(tx, moment, pending.token))


def test_signing_out_ends_one_session(store: Store, moment: Moment) -> None:
    session = enter(store, moment)
    later = moment._replace(now=moment.now + timedelta(minutes=1))
    other = enter(store, later, name="Test Osprey")
    store.write(lambda tx: service.sign_out(tx, session.token))
    with store.read() as tx:
        assert service.staff_session(tx, later.now, session.token) is None
        assert service.staff_session(tx, later.now, other.token) == other


def test_a_link_alone_opens_nothing_but_the_registration(store: Store, moment: Moment) -> None:
    invited = store.write(lambda tx: service.invite_staff(tx, moment, None, name="E", role="duty-doctor"))
    session = store.write(lambda tx: service.accept_invite(tx, moment, invited.token))
    assert session.newcomer
    assert session.staff.asserted_at is None
    store.write(lambda tx: service.assert_again(tx, moment, session.token))
    with store.read() as tx:
        kept = service.staff_session(tx, moment.now, session.token)
    assert kept is not None
    assert (kept.newcomer, kept.staff.asserted_at) == (True, None)


def test_a_locked_account_is_out_until_somebody_unlocks_it(store: Store, moment: Moment) -> None:
    session = enter(store, moment)
    again = store.write(lambda tx: service.invite_again(tx, moment, session.staff))
    store.write(lambda tx: service.lock_staff(tx, moment, session.staff.id))
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, session.token) is None
    with pytest.raises(NotFound):
        store.write(lambda tx: service.accept_invite(tx, moment, again.token))
