"""Forgetting deletes the rows, destroys the secret, and leaves a chain that still verifies."""

from datetime import timedelta
from pathlib import Path

import pytest

from pratique.core.errors import NotFound
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.model import ContactCard, Reader
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.people.keys import new_key, point
from tests.people.law import put_mandate

CARD = ContactCard("Canary Robin", "+86 000 5550 0123", "en")


class Keys:
    """The key store's one act, over the secrets of the `sealer` fixture."""

    def __init__(self, sealer: Sealer, broken: bool = False) -> None:
        self.kept = sealer._secrets.kept  # type: ignore[attr-defined]
        self.broken = broken

    def destroy_subject(self, mandate: str, subject: str) -> None:
        if self.broken:
            raise OSError("the disk of the key store is away")
        self.kept.pop(("subject", mandate, subject), None)


def known(store: Store, moment: Moment, sealer: Sealer) -> str:
    store.write(lambda tx: put_mandate(tx, moment))
    subject = store.write(lambda tx: service.create_subject(tx, moment, "wallet", point(new_key())))
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))
    reader = Reader("S", "case-worker", moment.now + timedelta(hours=1), moment.now)
    store.write(
        lambda tx: service.read_card(tx, moment, sealer, reader, subject, purpose="call", inside=True)
    )
    return subject


def test_it_works(store: Store, moment: Moment, sealer: Sealer) -> None:
    subject = known(store, moment, sealer)
    keys = Keys(sealer)

    forgotten = store.write(lambda tx: service.forget(tx, moment, keys, subject))

    assert forgotten == (moment.now, moment.now + timedelta(hours=24))
    assert not [name for name in keys.kept if subject in name]
    with store.read() as tx:
        assert not service.subject_exists(tx, subject)
        assert service.looks_at(tx, sealer, subject) == []
        assert service.first_bad_entry(tx) is None
        for table in ("subject_key", "contact_card", "access_index"):
            assert tx.one(f"SELECT count(*) FROM {table}") == (0,)
    assert store.write(lambda tx: service.finish_forgetting(tx, keys)) == 1
    assert store.write(lambda tx: service.finish_forgetting(tx, keys)) == 0
    with pytest.raises(NotFound):
        store.write(lambda tx: service.forget(tx, moment, keys, subject))


def test_a_key_store_that_is_away_is_tried_again(sqlite_store: Store, moment: Moment, sealer: Sealer) -> None:
    subject = known(sqlite_store, moment, sealer)
    sqlite_store.write(lambda tx: service.forget(tx, moment, Keys(sealer, broken=True), subject))
    keys = Keys(sealer)
    assert [name for name in keys.kept if subject in name]

    with pytest.raises(OSError, match="away"):
        sqlite_store.write(lambda tx: service.finish_forgetting(tx, Keys(sealer, broken=True)))
    assert sqlite_store.write(lambda tx: service.finish_forgetting(tx, keys)) == 1
    assert not [name for name in keys.kept if subject in name]


def test_no_plain_byte_of_a_card_is_on_disk(
    sqlite_store: Store, moment: Moment, sealer: Sealer, tmp_path: Path
) -> None:
    subject = known(sqlite_store, moment, sealer)
    sqlite_store.write(lambda tx: service.forget(tx, moment, Keys(sealer), subject))

    for file in tmp_path.iterdir():
        raw = file.read_bytes()
        for canary in (CARD.name, CARD.phone, "0005550123"):
            assert canary.encode() not in raw, file.name


def test_the_last_mandate_takes_the_subjects_with_it(store: Store, moment: Moment, sealer: Sealer) -> None:
    first = store.write(lambda tx: put_mandate(tx, moment, days=40))
    second = store.write(lambda tx: put_mandate(tx, moment, days=20))
    subject = store.write(lambda tx: service.create_subject(tx, moment, "paper"))
    store.write(lambda tx: service.write_card(tx, moment, sealer, subject, CARD))

    gone = store.write(lambda tx: service.erase_mandate(tx, first))
    assert gone == {"contact_card": 1, "access_index": 0, "break_glass": 0}
    store.write(lambda tx: tx.run("UPDATE mandate SET destroyed_at = 1 WHERE id = :id", id=first))
    gone = store.write(lambda tx: service.erase_mandate(tx, second))
    assert gone["subject"] == 1
