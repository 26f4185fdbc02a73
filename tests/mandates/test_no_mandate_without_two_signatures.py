"""A mandate comes into force only through draft, two signatures of different roles, publication, and its start."""

from datetime import timedelta

import pytest

from pratique.core.errors import Conflict, NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.mandates import service
from pratique.mandates.document import document_text, open_mandate
from pratique.mandates.model import EndOrder
from pratique.mandates.note import NoteSigner, parse_note, sign_note
from pratique.store.store import Store
from tests.mandates import making


def _later(moment: Moment, **by: float) -> Moment:
    return moment._replace(now=moment.now + timedelta(**by))


def _end_note(mandate_id: str, moment: Moment, signer: NoteSigner) -> bytes:
    order = EndOrder(v=1, kind="mandate-end", id=mandate_id, reason="no-longer-needed", at=moment.now)
    return sign_note(document_text(order), signer).raw


def test_it_works(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment))

    with store.read() as tx:
        assert service.require(tx, mandate.id, "gate", moment.now) == mandate
        assert [m.id for m in service.live_mandates(tx, moment.now)] == [mandate.id]
        standing = service.standing(tx, mandate.id)
        assert standing.state(moment.now) == "live"
        assert open_mandate(parse_note(service.note_of(standing))) == standing.document


def test_one_signature_is_not_enough(store: Store, moment: Moment) -> None:
    made = making.document(moment)
    store.write(lambda tx: making.trust(tx, moment))
    store.write(lambda tx: service.draft(tx, moment, made))
    store.write(lambda tx: service.sign_with(tx, moment, made.id, making.LEGAL))
    store.write(lambda tx: service.sign_with(tx, moment, made.id, making.LEGAL))

    with pytest.raises(Refusal) as refusal:
        store.write(lambda tx: service.publish(tx, moment, made.id))
    with store.read() as tx, pytest.raises(NoMandate):
        service.require(tx, made.id, "gate", moment.now)
    with store.read() as tx, pytest.raises(Refusal):
        open_mandate(parse_note(service.note_of(service.standing(tx, made.id))))

    assert refusal.value.code == "SIGNATURES_MISSING"


def test_a_court_cannot_stand_in_for_the_health_office(store: Store, moment: Moment) -> None:
    made = making.document(moment)
    store.write(lambda tx: making.trust(tx, moment))
    store.write(lambda tx: service.draft(tx, moment, made))
    for signer in (making.LEGAL, making.COURT):
        store.write(lambda tx, by=signer: service.sign_with(tx, moment, made.id, by))

    with pytest.raises(Refusal, match="two signatures"):
        store.write(lambda tx: service.publish(tx, moment, made.id))


def test_keys_that_are_not_trusted_do_not_sign(store: Store, moment: Moment) -> None:
    stranger = NoteSigner("port.example/legal", b"7" * 32)
    made = making.document(moment)
    with pytest.raises(NotAllowed):
        store.write(lambda tx: service.draft(tx, moment, made))
    store.write(lambda tx: making.trust(tx, moment))
    store.write(lambda tx: service.draft(tx, moment, made))

    with pytest.raises(NotAllowed) as unknown:
        store.write(lambda tx: service.sign_with(tx, moment, made.id, stranger))
    wrong = making.LEGAL.signature(b"another text\n").line.decode()
    with pytest.raises(NotAllowed) as forged:
        store.write(lambda tx: service.sign(tx, moment, made.id, wrong))
    with pytest.raises(NotAllowed):
        store.write(lambda tx: service.sign(tx, moment, made.id, "not a line"))

    assert (unknown.value.code, forged.value.code) == ("SIGNATURE_WRONG", "SIGNATURE_WRONG")


def test_a_stopped_key_no_longer_publishes(store: Store, moment: Moment) -> None:
    before = store.write(lambda tx: making.live(tx, moment))
    made = making.document(moment)
    store.write(lambda tx: service.draft(tx, moment, made))
    for signer in (making.LEGAL, making.HEALTH):
        store.write(lambda tx, by=signer: service.sign_with(tx, moment, made.id, by))
    store.write(lambda tx: service.stop_officer(tx, moment, making.LEGAL.vkey.text))

    with pytest.raises(NotAllowed):
        store.write(lambda tx: service.publish(tx, _later(moment, seconds=1), made.id))
    with store.read() as tx:
        assert service.require(tx, before.id, "gate", _later(moment, hours=1).now)


def test_nothing_is_back_dated(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment, start=moment.now - timedelta(days=2)))

    with store.read() as tx:
        assert service.require(tx, mandate.id, "gate", moment.now)
        with pytest.raises(NoMandate):
            service.require(tx, mandate.id, "gate", moment.now - timedelta(seconds=1))
        assert service.live_mandates(tx, moment.now - timedelta(seconds=1)) == []


def test_it_begins_and_ends_by_itself(store: Store, moment: Moment) -> None:
    start = moment.now + timedelta(hours=1)
    mandate = store.write(lambda tx: making.live(tx, moment, start=start, days=1, unlocks=("gate",)))

    with store.read() as tx:
        for at, unlock, holds in (
            (moment.now, "gate", False),
            (start, "gate", True),
            (start, "campaign", False),
            (start + timedelta(days=1) - timedelta(milliseconds=1), "gate", True),
            (start + timedelta(days=1), "gate", False),
        ):
            if holds:
                assert service.require(tx, mandate.id, unlock, at)
            else:
                with pytest.raises(NoMandate):
                    service.require(tx, mandate.id, unlock, at)
        standing = service.standing(tx, mandate.id)
        ages = (0, 1, 24, 25, 49)
        assert [standing.state(moment.now + timedelta(hours=h)) for h in ages] == [
            "waiting", "live", "live", "grace", "due",
        ]  # fmt: skip
        assert service.due_for_destruction(tx, moment.now + timedelta(hours=48)) == []
        assert [m.id for m in service.due_for_destruction(tx, moment.now + timedelta(hours=49))] == [
            mandate.id
        ]


@pytest.mark.parametrize("signer", [making.HEALTH, making.COURT])
def test_one_signature_ends_it_early(store: Store, moment: Moment, signer: NoteSigner) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment))
    then = _later(moment, days=1)

    store.write(lambda tx: service.end(tx, then, _end_note(mandate.id, moment, signer)))

    with store.read() as tx:
        assert service.require(tx, mandate.id, "gate", then.now - timedelta(milliseconds=1))
        with pytest.raises(NoMandate):
            service.require(tx, mandate.id, "gate", then.now)
        ended = service.mandate_by_id(tx, mandate.id)
        assert ended is not None
        assert ended.ends() == then.now
    with pytest.raises(Conflict):
        store.write(lambda tx: service.end(tx, then, _end_note(mandate.id, moment, signer)))


def test_an_early_end_is_earlier_and_signed_by_a_named_key(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment, days=2))
    stranger = NoteSigner("court.example/court", b"5" * 32)

    with pytest.raises(NotAllowed):
        store.write(lambda tx: service.end(tx, moment, _end_note(mandate.id, moment, stranger)))
    with pytest.raises(Refusal, match="longer"):
        store.write(
            lambda tx: service.end(tx, moment, _end_note(mandate.id, _later(moment, days=2), making.LEGAL))
        )
    with pytest.raises(Refusal):
        store.write(lambda tx: service.end(tx, moment, b"not a note"))
    with store.read() as tx:
        assert service.require(tx, mandate.id, "gate", moment.now)


def test_extending_is_a_new_mandate(store: Store, moment: Moment) -> None:
    first = store.write(lambda tx: making.live(tx, moment, days=2))
    second = store.write(lambda tx: making.live(tx, _later(moment, days=1), days=90, extends=first.id))

    with store.read() as tx:
        assert [m.id for m in service.live_mandates(tx, moment.now + timedelta(days=1))] == [
            first.id,
            second.id,
        ]
        assert [m.id for m in service.live_mandates(tx, moment.now + timedelta(days=2))] == [second.id]
    with pytest.raises(NotFound):
        store.write(lambda tx: service.draft(tx, moment, making.document(moment, extends=moment.new_id())))


def test_drafts_are_kept_as_they_are(store: Store, moment: Moment) -> None:
    made = making.document(moment)
    store.write(lambda tx: making.trust(tx, moment))
    with pytest.raises(Refusal, match="digest"):
        store.write(lambda tx: service.draft(tx, moment, made, b"another reading"))
    store.write(lambda tx: service.draft(tx, moment, made, making.READING))

    with pytest.raises(Conflict):
        store.write(lambda tx: service.draft(tx, moment, made, making.READING))
    with pytest.raises(Refusal, match="over"):
        store.write(lambda tx: service.draft(tx, _later(moment, days=31), made))
    with store.read() as tx:
        assert service.reading_of(tx, made.id) == making.READING


def test_the_log_has_no_holes_and_takes_no_unknown_field(store: Store, moment: Moment) -> None:
    store.write(lambda tx: making.live(tx, moment))

    def refused(tx: object) -> None:
        service.append_log(tx, moment, "access", {"day": "2026-01-05", "counts": {"nurse": 3}})  # type: ignore[arg-type]
        service.append_log(tx, moment, "access", {"day": "2026-01-05", "counts": {}, "subject": "X"})  # type: ignore[arg-type]

    with pytest.raises(Refusal) as refusal:
        store.write(refused)
    with pytest.raises(Refusal, match="type"):
        store.write(lambda tx: service.append_log(tx, moment, "itinerary", {}))
    seq = store.write(
        lambda tx: service.append_log(tx, moment, "access", {"day": "2026-01-05", "counts": {"nurse": 3}})
    )

    assert refusal.value.field == "subject"
    with store.read() as tx:
        assert [row[0] for row in tx.all("SELECT seq FROM log_entry ORDER BY seq")] == list(range(seq + 1))
