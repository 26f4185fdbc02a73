"""Break-glass: a reason, an hour, one person; told to the person at once; reviewed by somebody else or locked."""

from datetime import timedelta

import pytest

from pratique.core.errors import Conflict, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.access import PURPOSES, ROLES
from pratique.people.model import ContactCard, Session, Staff
from pratique.people.seeing import StepUp
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.people.law import put_mandate

CARD = ContactCard("Canary Plover 金鸻", "+86 000 5550 0123", "zh-Hans")
WHY = "fell at the counter, unconscious, no relative present"
OFFICER = Staff("W-DATA", "Test Officer", "data-officer")


@pytest.fixture
def subject(store: Store, moment: Moment, sealer: Sealer) -> str:
    store.write(lambda tx: put_mandate(tx, moment))
    made = store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    store.write(lambda tx: service.write_card(tx, moment, sealer, made, CARD))
    return made


def doctor(store: Store, moment: Moment, role: str = "duty-doctor") -> Session:
    made = store.write(
        lambda tx: service.invite_staff(tx, moment, None, name="Test Doctor", role=role, trial=True)
    )
    return store.write(lambda tx: service.accept_invite(tx, moment, made.token))


def smash(
    store: Store, moment: Moment, sealer: Sealer, staff: Staff, subject: str, **more: str
) -> service.Glass:
    said = {"reason": "life", "text": WHY} | more
    return store.write(lambda tx: service.break_glass(tx, moment, sealer, staff, subject, **said))


def test_it_works(store: Store, moment: Moment, sealer: Sealer, subject: str) -> None:
    worker = doctor(store, moment).staff
    glass = smash(store, moment, sealer, worker, subject)
    with store.read() as tx:
        assert service.open_glass(tx, moment.now, worker, glass.id) == glass
        (look,) = service.looks_at(tx, sealer, subject)
        assert (look.role, look.purpose) == ("duty-doctor", PURPOSES["emergency"])
        assert service.waiting_reviews(tx) == [glass]
        assert service.glass_text(tx, sealer, glass) == WHY
        with pytest.raises(NotFound):
            service.open_glass(tx, glass.to_at, worker, glass.id)
        with pytest.raises(NotFound):
            service.open_glass(tx, moment.now, OFFICER, glass.id)
        kept = repr(tx.all("SELECT * FROM break_glass"))
    assert "unconscious" not in kept
    store.write(lambda tx: service.review(tx, moment, OFFICER, glass.id, in_order=True))
    with store.read() as tx:
        assert service.waiting_reviews(tx) == []


def test_only_some_roles_with_a_reason_and_a_fresh_confirmation(
    sqlite_store: Store, moment: Moment, sealer: Sealer
) -> None:
    store = sqlite_store
    store.write(lambda tx: put_mandate(tx, moment))
    for role in set(ROLES) - set(service.MAY_BREAK):
        with pytest.raises(NotAllowed):
            smash(store, moment, sealer, Staff("W", "w", role, moment.now), "x")
    able = Staff("W", "w", "duty-doctor", moment.now)
    with pytest.raises(StepUp):
        smash(store, moment, sealer, Staff("W", "w", "duty-doctor"), "x")
    for wrong in ({"reason": "curious"}, {"text": "short"}, {"text": "x" * 1001}):
        with pytest.raises(Refusal):
            smash(store, moment, sealer, able, "x", **wrong)
    with pytest.raises(NotFound):
        smash(store, moment, sealer, able, moment.new_id())


def test_what_nobody_reviews_within_a_day_locks_the_account(
    store: Store, moment: Moment, sealer: Sealer, subject: str
) -> None:
    session = doctor(store, moment)
    glass = smash(store, moment, sealer, session.staff, subject)
    with pytest.raises(Conflict):
        smash(store, moment, sealer, session.staff, subject)
    early = moment._replace(now=glass.review_due_at - timedelta(seconds=1))
    late = moment._replace(now=glass.review_due_at)
    assert store.write(lambda tx: service.lock_unreviewed(tx, early)) == 0
    assert store.write(lambda tx: service.lock_unreviewed(tx, late)) == 1
    assert store.write(lambda tx: service.lock_unreviewed(tx, late)) == 0
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, session.token) is None


def test_nobody_reviews_themselves_and_what_was_wrong_locks_at_once(
    store: Store, moment: Moment, sealer: Sealer, subject: str
) -> None:
    session = doctor(store, moment)
    glass = smash(store, moment, sealer, session.staff, subject)
    promoted = Staff(session.staff.id, "Test Doctor", "data-officer")
    for staff in (promoted, Staff("W", "w", "console")):
        with pytest.raises(NotAllowed):
            store.write(lambda tx, s=staff: service.review(tx, moment, s, glass.id, in_order=True))
    store.write(lambda tx: service.review(tx, moment, OFFICER, glass.id, in_order=False))
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, session.token) is None
