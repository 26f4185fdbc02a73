"""Snapshots: numbers only grow, the same content is not signed twice, what changed arrives, the gate reads it."""

from datetime import timedelta

import pytest
from tests.credentials.making import HOLDER
from tests.fleet.making import PASSES, ROOTS, a_mandate
from tests.ruling import publish

from pratique.core.moment import Moment
from pratique.credentials import pq1
from pratique.credentials import service as credentials
from pratique.credentials.trust import read_bundle
from pratique.fleet import service
from pratique.gate.lists import Loaded, load
from pratique.policy import service as policy
from pratique.store.store import Store

KEYS = tuple(root.public_key for root in ROOTS)


@pytest.fixture
def mandate_id(store: Store, moment: Moment) -> str:
    return a_mandate(store, moment)


def refresh(store: Store, moment: Moment) -> int | None:
    return store.write(lambda tx: service.refresh_snapshot(tx, moment, ROOTS))


def newest(store: Store, moment: Moment) -> Loaded:
    with store.read() as tx:
        found = service.newest_snapshot(tx)
        assert found is not None
        return load(service.snapshot_body(tx, found[0]), KEYS, 2, 0, moment.now)


def test_it_works(store: Store, moment: Moment, mandate_id: str) -> None:
    assert refresh(store, moment) == 1

    loaded = newest(store, moment)

    assert [order.id for order in loaded.orders] == [mandate_id]
    assert loaded.snapshot.keys_for("pass", PASSES.kid)
    assert loaded.snapshot.expires - loaded.snapshot.issued == 72 * 3600


def test_the_same_content_is_signed_again_only_after_six_hours(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    refresh(store, moment)
    later = [moment._replace(now=moment.now + timedelta(hours=hours)) for hours in (1, 5, 6)]

    assert [refresh(store, at) for at in later] == [None, None, 2]


def test_a_policy_and_a_revocation_arrive_at_once(store: Store, moment: Moment, mandate_id: str) -> None:
    refresh(store, moment)
    published = store.write(lambda tx: publish(tx, moment, policy.town_rules(), mandate_id))
    soon = moment._replace(now=published.from_at)
    assert refresh(store, soon) == 2
    loaded = newest(store, soon)
    assert loaded.policy_number == published.number
    assert loaded.rules is not None
    assert len(loaded.rules.rules) > 0

    subject = moment.new_id()
    store.write(
        lambda tx: credentials.renew_passes(
            tx, soon, PASSES, subject_id=subject, holder_keys=[HOLDER.public_key], pass_class=pq1.CLEAR,
            mandate_id=mandate_id, until=soon.now + timedelta(hours=20),
        )
    )  # fmt: skip
    refresh(store, soon)
    number = newest(store, soon).number
    store.write(
        lambda tx: credentials.revoke_passes(
            tx, soon, subject_id=subject, mandate_id=mandate_id, reason="RESULT_CORRECTED", notice_id=None
        )
    )
    assert refresh(store, soon) == number + 1
    blocks = newest(store, soon).snapshot.status[("", 1)].blocks
    assert sum(bin(byte).count("1") for byte in blocks) == 1


def test_when_the_mandate_is_over_the_next_snapshot_lets_nobody_check(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    refresh(store, moment)
    after = moment._replace(now=moment.now + timedelta(days=31))

    assert refresh(store, after) == 2
    assert newest(store, after).orders == ()


def test_the_last_sixteen_are_kept_and_each_has_its_own_etag(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    tags = set[str]()
    for hours in range(18):
        at = moment._replace(now=moment.now + timedelta(hours=hours))
        store.write(lambda tx, at=at: service.publish_snapshot(tx, at, ROOTS))
        with store.read() as tx:
            tags.add(service.newest_snapshot(tx).tag)  # type: ignore[union-attr]

    assert len(tags) == 18
    with store.read() as tx:
        assert tx.all("SELECT number FROM gate_snapshot ORDER BY number") == [(n,) for n in range(3, 19)]
        assert read_bundle(service.snapshot_body(tx, 18), KEYS, 2, 18, moment.now).number == 18
