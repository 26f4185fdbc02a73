"""One person asks to be forgotten: no byte of database, WAL, log, key store or backup gives them away afterwards."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pratique import town
from pratique.app import results
from pratique.core.errors import Destroyed, NotFound
from pratique.demo import hand_in
from pratique.mandates.keystore import KeyStore
from pratique.notices import service as notices
from pratique.peers import Holder, Laboratory, SiteDevice
from pratique.people import service as people
from pratique.people.model import ContactCard, Reader
from pratique.port import Port, open_port, retiring, tell
from pratique.retire import service as retire
from pratique.retire.scan import Needle, scan
from pratique.settings import Settings
from pratique.store.sealing import Sealer
from pratique.store.store import open_store
from pratique.testing import service as testing
from pratique.testing import tubecode

PLANTED = {
    "name": "Planted Person 合成甲",
    "phone": "+999 0000 0007",
    "appeal": "planted appeal words 合成陈述",
}


def needles() -> list[Needle]:
    return [Needle(name, text) for name, text in PLANTED.items()]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return open_port(Settings(home=tmp_path / "home"))


def lived_in(port: Port) -> Holder:
    """A person with everything the house can hold of a person."""
    moment = port.moment()
    made = town.found(port, moment)
    holder, other = Holder(), Holder()
    town.settle(port, moment, [holder, other])
    card = ContactCard(PLANTED["name"], PLANTED["phone"], "en")
    port.store.write(lambda tx: people.write_card(tx, moment, port.sealer, holder.subject_id, card))
    device = SiteDevice(made.site_id)
    token = port.store.write(lambda tx: testing.make_device_token(tx, moment, made.site_id))
    device.device_id = port.store.write(
        lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
    ).device_id
    code = tubecode.make(moment)
    both = [(one.subject_id, moment.now) for one in (holder, other)]
    hand_in(port, moment, device.seal(moment, code, both, moment.now))
    port.store.write(lambda tx: testing.receive_at_lab(tx, moment, town.LAB, [code], "c", tell(port)))
    raw = Laboratory(town.LAB, town.LAB_OID).report(code, "positive", moment.now, members=2)
    port.store.write(
        lambda tx: testing.receive(tx, moment, raw, testing.LabChannel(), tell(port), port.sealer)
    )
    with port.store.read() as tx:
        view = notices.wallet_view(tx, moment, port.house, holder.subject_id, results(port), 180)
    port.store.write(
        lambda tx: notices.appeal(
            tx,
            moment,
            port.house,
            subject_id=holder.subject_id,
            notice_id=view.notices[0].id,
            text=PLANTED["appeal"],
        )
    )
    reader = Reader("worker", "duty-doctor", datetime.max.replace(tzinfo=UTC), moment.now)
    port.store.write(
        lambda tx: people.read_card(
            tx, moment, port.sealer, reader, holder.subject_id, purpose="care", inside=True
        )
    )
    return holder


def test_it_works(port: Port, tmp_path: Path) -> None:
    holder = lived_in(port)
    home, backup = port.settings.home, tmp_path / "backup"
    with port.store.read() as tx:
        assert people.own_card(tx, port.sealer, holder.subject_id) is not None
        assert len(people.looks_at(tx, port.sealer, holder.subject_id)) == 1
    assert scan(files(home), needles()).hits == ()  # never in clear, even while it is known
    assert scan(files(home), [Needle("subject", holder.subject_id)]).hits
    shutil.copytree(home, backup, ignore=shutil.ignore_patterns("keys"))

    port.store.write(lambda tx: notices.forget(tx, port.moment(), port.house, holder.subject_id))
    retire.forget_nightly(retiring(port))
    port.store.truncate_wal()

    with port.store.read() as tx, pytest.raises(NotFound):
        people.wallet_version(tx, holder.subject_id)
    assert scan(files(home), needles()).hits == ()
    assert port.keys.mandates_of(holder.subject_id) == []
    assert _sealed_card_is_dead(backup, port.keys, holder.subject_id)
    port.close()


def _sealed_card_is_dead(backup: Path, keys: KeyStore, subject_id: str) -> bool:
    """The database of the backup, opened with today's keys: the card is there and nobody can read it."""
    restored = open_store("", backup)
    sealer = Sealer(keys, bytes)
    with restored.read() as tx:
        there = tx.one("SELECT COUNT(*) FROM contact_card WHERE subject_id = :id", id=subject_id)
        card = people.own_card(tx, sealer, subject_id)
    restored.close()
    return there == (1,) and card is None


def test_the_key_store_makes_no_new_secret_for_a_forgotten_person(port: Port) -> None:
    holder = lived_in(port)
    with port.store.read() as tx:
        mandate = tx.one("SELECT id FROM mandate")
    assert mandate is not None
    port.store.write(lambda tx: notices.forget(tx, port.moment(), port.house, holder.subject_id))

    with pytest.raises(Destroyed):
        port.keys.subject(mandate[0], holder.subject_id, make=True)
    port.close()
