"""Passkeys: registered once with an invitation, shown to sign in and again before a card; nothing can be replayed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pratique.core.errors import Conflict, Refusal
from pratique.core.moment import Moment
from pratique.people import passkeys, service
from pratique.people.model import Session
from pratique.people.passkeys import GOOD_FOR, party_of
from pratique.people.seeing import StepUp
from pratique.store.store import Store
from tests.people.device import Device

PARTY = party_of("http://127.0.0.1:8080")


def invited(store: Store, moment: Moment, name: str = "Test Dunlin") -> Session:
    made = store.write(lambda tx: service.invite_staff(tx, moment, None, name=name, role="case-worker"))
    return store.write(lambda tx: service.accept_invite(tx, moment, made.token))


def registered(store: Store, moment: Moment, device: Device, session: Session) -> Session:
    ask = store.write(lambda tx: passkeys.ask_creation(tx, moment, session))
    answer = device.create(ask.challenge)
    return store.write(lambda tx: passkeys.register(tx, moment, PARTY, session, **answer))


def signed_in(store: Store, moment: Moment, device: Device) -> Session:
    challenge = store.write(lambda tx: passkeys.ask_sign_in(tx, moment))
    return store.write(lambda tx: passkeys.sign_in(tx, moment, PARTY, device.show(challenge)))


def test_it_works(store: Store, moment: Moment) -> None:
    device = Device()
    newcomer = invited(store, moment)
    session = registered(store, moment, device, newcomer)
    assert not session.newcomer
    with store.read() as tx:
        assert service.staff_session(tx, moment.now, newcomer.token) is None
        assert service.staff_session(tx, moment.now, session.token) == session
    again = signed_in(store, moment, device)
    assert (again.staff.id, again.staff.asserted_at) == (newcomer.staff.id, moment.now)

    later = moment._replace(now=moment.now + timedelta(hours=1))
    challenge, known = store.write(lambda tx: passkeys.ask_step_up(tx, later, again))
    assert len(known) == 1
    store.write(lambda tx: passkeys.step_up(tx, later, PARTY, again, device.show(challenge)))
    with store.read() as tx:
        kept = service.staff_session(tx, later.now, again.token)
    assert kept is not None
    assert kept.staff.asserted_at == later.now


def test_a_passkey_belongs_to_a_name_and_never_to_a_number() -> None:
    assert party_of("https://port.example") == ("port.example", ("https://port.example",))
    assert party_of("https://port.example:8443/")[1] == ("https://port.example:8443",)
    assert party_of("http://127.0.0.1:9000") == ("localhost", ("http://localhost:9000",))


def spoil(device: Device, **fields: Any) -> Device:
    for name, value in fields.items():
        setattr(device, name, value)
    return device


@pytest.mark.parametrize(
    "change",
    [{"origin": "https://evil.example"}, {"party": "evil.example"}, {"verified": False}, {"count": 0}],
    ids=["another page", "another name", "nobody touched it", "a copy that counts back"],
)
def test_an_answer_that_is_not_exactly_ours_signs_nobody_in(
    sqlite_store: Store, moment: Moment, change: dict[str, Any]
) -> None:
    device = Device()
    registered(sqlite_store, moment, device, invited(sqlite_store, moment))
    signed_in(sqlite_store, moment, device)
    with pytest.raises(Refusal) as refused:
        signed_in(sqlite_store, moment, spoil(device, **change))
    assert refused.value.code == "PASSKEY_REFUSED"


def test_another_key_with_a_known_id_signs_nobody_in(sqlite_store: Store, moment: Moment) -> None:
    device, thief = Device(), Device()
    registered(sqlite_store, moment, device, invited(sqlite_store, moment))
    thief.id, thief.count = device.id, 50
    with pytest.raises(Refusal):
        signed_in(sqlite_store, moment, thief)
    with pytest.raises(Refusal):
        signed_in(sqlite_store, moment, Device())


def test_no_answer_works_twice_late_or_in_another_ceremony(sqlite_store: Store, moment: Moment) -> None:
    store, device = sqlite_store, Device()
    session = registered(store, moment, device, invited(store, moment))
    challenge = store.write(lambda tx: passkeys.ask_sign_in(tx, moment))
    answer = device.show(challenge)
    store.write(lambda tx: passkeys.sign_in(tx, moment, PARTY, answer))
    late = moment._replace(now=moment.now + GOOD_FOR)
    old = device.show(store.write(lambda tx: passkeys.ask_sign_in(tx, moment)))
    own = device.show(store.write(lambda tx: passkeys.ask_sign_in(tx, moment)))
    other = registered(store, moment, Device(), invited(store, moment, "Test Ruff"))
    theirs = device.show(store.write(lambda tx: passkeys.ask_step_up(tx, moment, other))[0])
    made_up = device.show("bm90LW91cnM")
    tries: list[Callable[[Any], Any]] = [
        lambda tx: passkeys.sign_in(tx, moment, PARTY, answer),
        lambda tx: passkeys.sign_in(tx, late, PARTY, old),
        lambda tx: passkeys.step_up(tx, moment, PARTY, session, own),
        lambda tx: passkeys.step_up(tx, moment, PARTY, session, theirs),
        lambda tx: passkeys.step_up(tx, moment, PARTY, other, theirs),
        lambda tx: passkeys.sign_in(tx, moment, PARTY, made_up),
        lambda tx: passkeys.sign_in(tx, moment, PARTY, answer._replace(client_data="!")),
        lambda tx: passkeys.sign_in(tx, moment, PARTY, answer._replace(client_data="W10")),
    ]
    for act in tries:
        with pytest.raises(Refusal):
            store.write(act)


def test_a_former_or_locked_worker_signs_in_with_nothing(store: Store, moment: Moment) -> None:
    one, two = Device(), Device()
    left = registered(store, moment, one, invited(store, moment))
    locked = registered(store, moment, two, invited(store, moment, "Test Knot"))
    store.write(lambda tx: service.end_staff(tx, moment, left.staff.id))
    store.write(lambda tx: service.lock_staff(tx, moment, locked.staff.id))
    for device in (one, two):
        with pytest.raises(Refusal):
            signed_in(store, moment, device)
    store.write(lambda tx: service.unlock_staff(tx, locked.staff.id))
    assert signed_in(store, moment, two).staff.id == locked.staff.id


def test_a_browser_left_open_adds_no_passkey(sqlite_store: Store, moment: Moment) -> None:
    store, device = sqlite_store, Device()
    session = registered(store, moment, device, invited(store, moment))
    with pytest.raises(Conflict):
        registered(store, moment, device, session)
    session = registered(store, moment, Device(), session)
    later = moment._replace(now=moment.now + timedelta(hours=1))
    with pytest.raises(StepUp):
        store.write(lambda tx: passkeys.ask_creation(tx, later, session))
