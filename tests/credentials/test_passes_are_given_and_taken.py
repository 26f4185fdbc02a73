"""Passes come with a mandate, in time, with places nobody can foresee; revoked ones are in the next list."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pratique.core.errors import NoMandate, Refusal
from pratique.core.moment import Moment
from pratique.credentials import pq1, service
from pratique.credentials.keys import new_signer
from pratique.credentials.snapshot import Bundle, Snapshot
from pratique.credentials.trust import read_bundle
from pratique.credentials.verify import verify
from pratique.store.store import Store
from pratique.store.tx import Tx
from tests.credentials.making import HOLDER, ISSUER, es256, show
from tests.people.law import put_mandate

ROOT = new_signer("Ed25519")


def renew(tx: Tx, moment: Moment, mandate_id: str, **changes: Any) -> int:
    given: dict[str, Any] = {
        "subject_id": "S" * 26,
        "holder_keys": [HOLDER.public_key],
        "pass_class": pq1.CLEAR,
        "mandate_id": mandate_id,
        "until": moment.now + timedelta(days=10),
    }
    service.register_key(tx, moment, ISSUER, "pass", moment.now + timedelta(days=60))
    return service.renew_passes(tx, moment, ISSUER, **(given | changes))


def taken_along(tx: Tx, moment: Moment) -> Snapshot:
    """What a gate would hold if it fetched a bundle now."""
    _, raw = service.publish_bundle(
        tx,
        moment,
        [ROOT],
        moment.now + timedelta(days=3),
        lambda number: Bundle(number=number, issued=0, expires=1),
    )
    return read_bundle(raw, [ROOT.public_key], 1, 1, moment.now)


def test_it_works(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        assert renew(tx, moment, mandate_id) == 1
        held = service.passes_of(tx, "S" * 26, moment.now)
        text = show(held[0].credential, moment.now)
        assert verify(text, moment.now, taken_along(tx, moment)).ok

        done = service.revoke_passes(
            tx, moment, subject_id="S" * 26, mandate_id=mandate_id, reason="RESULT", notice_id=None
        )
        assert done == 1
        assert verify(text, moment.now, taken_along(tx, moment)).reason == "REVOKED"
        assert service.passes_of(tx, "S" * 26, moment.now) == []

    store.write(way)


def test_without_a_mandate_nothing_is_issued(store: Store, moment: Moment) -> None:
    with pytest.raises(NoMandate):
        store.write(lambda tx: renew(tx, moment, "M" * 26))

    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM issuance") == (0,)


def test_a_pass_never_lives_beyond_a_day_or_its_decision(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        for hours in (1, 5, 24, 240):
            until = moment.now + timedelta(hours=hours)
            renew(tx, moment, mandate_id, until=until)
            held = service.passes_of(tx, "S" * 26, moment.now)[0]
            assert held.expires <= min(until, moment.now + timedelta(hours=24))
            assert held.expires >= moment.now + timedelta(hours=min(hours, 24)) * 0.87
        assert renew(tx, moment, mandate_id, until=moment.now) == 0

    store.write(way)


def test_a_hold_gives_nothing_and_takes_back_what_says_more(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id)
        first = show(service.passes_of(tx, "S" * 26, moment.now)[0].credential, moment.now)
        renew(tx, moment, mandate_id, pass_class=pq1.CONDITIONS)
        second = show(service.passes_of(tx, "S" * 26, moment.now)[0].credential, moment.now)
        assert verify(first, moment.now, taken_along(tx, moment)).reason == "REVOKED"
        assert verify(second, moment.now, taken_along(tx, moment)).ok

        renew(tx, moment, mandate_id, pass_class=pq1.CLEAR)
        assert verify(second, moment.now, taken_along(tx, moment)).ok
        assert renew(tx, moment, mandate_id, pass_class=None) == 0
        assert verify(second, moment.now, taken_along(tx, moment)).reason == "REVOKED"

    store.write(way)


def test_every_device_gets_its_own_pass_and_place(sqlite_store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        keys = [es256().public_key for _ in range(5)]
        assert renew(tx, moment, mandate_id, holder_keys=keys) == 5
        held = [
            pq1.read(pq1.paper(one.credential)).claims for one in service.passes_of(tx, "S" * 26, moment.now)
        ]
        assert len({claims.status for claims in held}) == 5
        assert len({claims.holder for claims in held}) == 5

    sqlite_store.write(way)


def test_nothing_stored_could_rebuild_a_pass(sqlite_store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        renew(tx, moment, put_mandate(tx, moment))
        credential = service.passes_of(tx, "S" * 26, moment.now)[0].credential
        x = pq1.read(pq1.paper(credential)).claims.holder
        assert x is not None
        rows = tx.all("SELECT * FROM issuance")
        assert not any(x[0] in bytes(value) for row in rows for value in row if isinstance(value, bytes))

    sqlite_store.write(way)


def test_a_cut_key_leaves_the_bundle_and_signs_no_more(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id)
        text = show(service.passes_of(tx, "S" * 26, moment.now)[0].credential, moment.now)
        assert service.revoke_key(tx, moment, kid=ISSUER.kid, mandate_id=mandate_id, reason="KEY_LOST")
        assert not service.revoke_key(tx, moment, kid=ISSUER.kid, mandate_id=mandate_id, reason="KEY_LOST")
        assert verify(text, moment.now, taken_along(tx, moment)).reason == "UNKNOWN_KEY"
        with pytest.raises(Refusal):
            renew(tx, moment, mandate_id)

    store.write(way)


def test_a_quota_holds(sqlite_store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        service.register_key(tx, moment, ISSUER, "pass", moment.now + timedelta(days=60), max_per_day=2)
        assert renew(tx, moment, mandate_id) == 1
        assert renew(tx, moment, mandate_id) == 1
        with pytest.raises(Refusal, match="quota"):
            renew(tx, moment, mandate_id)
        later = moment._replace(now=moment.now + timedelta(days=1))
        assert renew(tx, later, mandate_id) == 1

    sqlite_store.write(way)


def test_bundle_numbers_only_grow(sqlite_store: Store, moment: Moment) -> None:
    numbers = [sqlite_store.write(lambda tx: taken_along(tx, moment).number) for _ in range(3)]

    assert numbers == [1, 2, 3]


def test_what_nobody_needs_is_swept_away(sqlite_store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id)
        assert service.sweep(tx, moment._replace(now=moment.now + timedelta(days=20))) == 0
        assert service.sweep(tx, moment._replace(now=moment.now + timedelta(days=32))) == 1
        assert tx.one("SELECT COUNT(*) FROM pass_outbox") == (0,)

    sqlite_store.write(way)


def test_the_hours_of_a_pass_do_not_tell_when_it_was_made(sqlite_store: Store) -> None:
    fixed = Moment(datetime(2026, 1, 5, tzinfo=UTC), lambda n: bytes(range(n)))

    def way(tx: Tx) -> tuple[int, int]:
        renew(tx, fixed, put_mandate(tx, fixed))
        claims = pq1.read(pq1.paper(service.passes_of(tx, "S" * 26, fixed.now)[0].credential)).claims
        return claims.issued, claims.expires

    issued, expires = sqlite_store.write(way)
    at = int(fixed.now.timestamp())
    assert at - 1800 <= issued <= at - 300
    assert at + 23 * 3600 <= expires <= at + 24 * 3600


def test_a_paper_pass_is_good_for_at_most_28_days_and_can_be_revoked(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment, days=80)
        service.register_key(tx, moment, ISSUER, "pass", moment.now + timedelta(days=90))
        held = service.issue_paper(
            tx,
            moment,
            ISSUER,
            subject_id="P" * 26,
            pass_class=pq1.CLEAR,
            mandate_id=mandate_id,
            until=moment.now + timedelta(days=70),
        )
        text = pq1.paper(held.credential)
        assert held.expires <= moment.now + timedelta(days=28)
        assert verify(text, moment.now, taken_along(tx, moment)).ok
        service.revoke_passes(
            tx, moment, subject_id="P" * 26, mandate_id=mandate_id, reason="RESULT", notice_id=None
        )
        assert verify(text, moment.now, taken_along(tx, moment)).reason == "REVOKED"

    store.write(way)


def test_what_stood_under_a_mandate_is_erased(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id)
        service.revoke_passes(
            tx, moment, subject_id="S" * 26, mandate_id=mandate_id, reason="RESULT", notice_id=None
        )
        renew(tx, moment, mandate_id)
        assert sum(service.erase_mandate(tx, mandate_id).values()) == 4
        for table in ("issuance", "revocation", "pass_outbox"):
            assert tx.one(f"SELECT COUNT(*) FROM {table}") == (0,)

    store.write(way)
