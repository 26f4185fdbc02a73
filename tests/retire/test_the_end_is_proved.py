"""At the end of a mandate its data is gone, from rows, files, keys and old copies, and a certificate says so."""

import json
import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pratique.core.errors import Conflict, Destroyed, NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.mandate import Kept
from pratique.core.moment import Moment
from pratique.mandates import service as mandates
from pratique.mandates.document import digest, document_text
from pratique.mandates.keystore import KeyStore
from pratique.mandates.model import CEILINGS, EndOrder
from pratique.mandates.note import NoteSigner, open_note, sign_note
from pratique.mandates.verify import read_folder, verify
from pratique.people import service as people
from pratique.retire import canary
from pratique.retire import service as retire
from pratique.retire.model import CLASS_OF_TABLE, Certificate
from pratique.retire.rooms import ROOMS
from pratique.retire.scan import Needle, files_below, scan
from pratique.retire.service import Incomplete, Retiring
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from tests.mandates import making
from tests.retire.houses import LOG, begun, house_of, somebody

SOMEBODY = Needle("somebody", "Mei Example")


def _text(house: Retiring, mandate_id: str) -> dict[str, Any]:
    with house.store.read() as tx:
        made: dict[str, Any] = json.loads(retire.certificate_text(tx, mandate_id))
    return made


def _attest(house: Retiring, mandate_id: str) -> None:
    for signer in (making.LEGAL, making.HEALTH):
        house.store.write(lambda tx, by=signer: retire.attest_with(tx, house.moment(), mandate_id, by))


def test_it_works(store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(store, tmp_path, moment)
    (planted,) = canary.known(house.home, mandate.id)
    clock.move(days=3)

    assert retire.destroy_due(house) == 1
    assert retire.destroy_due(house) == 0
    _attest(house, mandate.id)
    house.log.publish(clock())

    with store.read() as tx:
        standing = retire.standing(tx, mandate.id)
        assert (standing.state, standing.attested_by) == ("certified", ("legal", "public-health"))
        assert mandates.standing(tx, mandate.id).state(clock().now) == "destroyed"
        assert tx.one("SELECT COUNT(*) FROM contact_card") == (0,)
        assert tx.one("SELECT COUNT(*) FROM subject") == (0,)
    assert house.keys.held(mandate.id).counts == {"mandate": 0, "day": 0, "subject": 0}
    needles = [*planted.texts(), *planted.ids(), SOMEBODY]
    assert scan(files_below([tmp_path]), needles).hits == ()
    assert canary.known(house.home, mandate.id) == []
    verdict = verify(read_folder(tmp_path / "log"), LOG.vkey, clock().now + timedelta(days=90))
    assert verdict.problems == ()


def test_the_certificate_leaves_nothing_empty(store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(store, tmp_path, moment)
    clock.move(days=3)
    retire.destroy_due(house)
    said = _text(house, mandate.id)

    assert said["mandate"] == mandate.id
    assert said["records_before"]["contact"] >= 2
    assert set(said["records_after"].values()) == {0}
    assert set(said["classes"]) == {kept.data_class for kept in mandate.data}
    assert said["keys"]["counts"]["subject"] == 2
    assert "software root; relies on overwriting" in said["keys"]["root"]
    assert said["canaries"]["valid"] is True
    assert said["canaries"]["before"]["leaked"] == []
    assert said["canaries"]["after"]["tables"] > 30
    medium = said["media"][0]
    for field in (
        "manufacturer", "model", "serial_number", "property_number", "media_type", "media_source",
        "confidentiality_before", "confidentiality_after", "description", "method", "tool", "verification",
        "destination", "sanitised", "verified", "backups",
    ):  # fmt: skip
        assert medium[field]
    with pytest.raises(ValueError, match="in words"):
        msgspec.structs.replace(msgspec.convert(said, Certificate), mandate_digest=" ")


def test_the_machine_and_two_officers_sign(sqlite_store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path, moment)
    clock.move(days=3)
    retire.destroy_due(house)

    stranger = NoteSigner("port.example/legal", b"9" * 32)
    with pytest.raises(NotAllowed):
        sqlite_store.write(lambda tx: retire.attest_with(tx, clock(), mandate.id, stranger))
    for _ in range(2):
        sqlite_store.write(lambda tx: retire.attest_with(tx, clock(), mandate.id, making.LEGAL))
    with sqlite_store.read() as tx:
        assert retire.standing(tx, mandate.id).log_index is None
    sqlite_store.write(lambda tx: retire.attest_with(tx, clock(), mandate.id, making.COURT))
    house.log.publish(clock())

    with sqlite_store.read() as tx:
        text = retire.certificate_text(tx, mandate.id)
    raw = (tmp_path / "log" / "certificate" / f"{digest(text)}.note").read_bytes()
    note = open_note(raw, [LOG.vkey, making.LEGAL.vkey, making.COURT.vkey])
    assert len(note.signatures) == 3
    with pytest.raises(Conflict):
        sqlite_store.write(lambda tx: retire.attest_with(tx, clock(), mandate.id, making.HEALTH))


def test_after_seven_days_it_is_logged_as_the_machines_alone(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    house, clock, _ = begun(sqlite_store, tmp_path, moment)
    clock.move(days=3)
    retire.destroy_due(house)
    clock.move(days=6, hours=23)
    retire.destroy_due(house)
    with sqlite_store.read() as tx:
        assert tx.all("SELECT entry FROM log_entry WHERE type = 'deletion'") == []
    clock.move(hours=1)
    retire.destroy_due(house)

    with sqlite_store.read() as tx:
        ((entry,),) = tx.all("SELECT entry FROM log_entry WHERE type = 'deletion'")
    assert json.loads(entry)["attested"] is False


def test_an_old_copy_opens_nothing(moment: Moment, tmp_path: Path) -> None:
    """A backup from before restores to ciphertext, and the key store cannot bring the secrets back."""
    home, old = tmp_path / "home", tmp_path / "old"
    for folder in (home, old):
        folder.mkdir()
    store = open_store("", home)
    house, clock, _ = begun(store, home, moment)
    with store.read() as tx:
        (subject,) = [row[0] for row in tx.all("SELECT subject_id FROM contact_card")][:1]
        assert people.own_card(tx, house.sealer, subject) is not None
    store.truncate_wal()
    shutil.copy(home / "pratique.db", old / "pratique.db")
    shutil.copytree(home / "keys", old / "keys-without-root")
    for root in (old / "keys-without-root").glob("root-*"):
        root.unlink()
    clock.move(days=3)
    retire.destroy_due(house)
    store.close()

    restored = open_store("", old)
    with restored.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM contact_card WHERE subject_id = :id", id=subject) == (1,)
        assert people.own_card(tx, Sealer(house.keys, secrets.token_bytes), subject) is None
    restored.close()
    assert scan(files_below([old]), [SOMEBODY]).hits == ()


def test_a_personal_text_in_a_backup_is_not_certified_away(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    home, backups = tmp_path, tmp_path / "backups"
    backups.mkdir()
    house, clock, mandate = begun(sqlite_store, home, moment)
    (planted,) = canary.known(house.home, mandate.id)
    house = house._replace(backups=((backups, moment.now + timedelta(days=30)),))
    (backups / "old-ids").write_text(planted.subject)
    (backups / "export.csv").write_text(f"1,{planted.name}\n")
    clock.move(days=3)

    with pytest.raises(Incomplete, match="backup"):
        retire.destroy(house, mandate.id)
    (backups / "export.csv").unlink()
    retire.destroy(house, mandate.id)

    assert "until 2026-02-04" in _text(house, mandate.id)["backups"]["en"]
    assert _text(house, mandate.id)["canaries"]["after"]["in_backups"] == 1


@pytest.mark.parametrize("what", ["log", "export", "wal"])
def test_a_trace_anywhere_stops_the_certificate(
    sqlite_store: Store, moment: Moment, tmp_path: Path, what: str
) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path, moment)
    (planted,) = canary.known(house.home, mandate.id)
    trace = tmp_path / what
    trace.write_bytes(b"x" * 1000 + planted.phone.encode("utf-16-le"))
    clock.move(days=3)

    with pytest.raises(Incomplete) as refusal:
        retire.destroy(house, mandate.id)
    assert planted.phone not in str(refusal.value)
    assert what in str(refusal.value)
    with sqlite_store.read() as tx:
        assert retire.standing(tx, mandate.id).state == "running"
        assert mandates.standing(tx, mandate.id).destroyed_at is None
    trace.unlink()
    assert retire.destroy_due(house) == 1
    # The trace was there before as well: the certificate tells.
    assert _text(house, mandate.id)["canaries"]["before"]["leaked"] != []


def test_a_scan_that_never_found_anything_proves_nothing(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    house, clock = house_of(sqlite_store, tmp_path, moment)
    mandate = sqlite_store.write(lambda tx: making.live(tx, moment, days=2))
    somebody(house, mandate, "Mei Example")
    clock.move(days=3)
    retire.destroy_due(house)

    said = _text(house, mandate.id)["canaries"]
    assert said["valid"] is False
    assert "void" in said["result"]["en"]


def test_a_reader_that_holds_the_write_ahead_log_delays_the_certificate(
    sqlite_store: Store, moment: Moment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.retire.steps.WAL_TRIES", 2)
    house, clock, mandate = begun(sqlite_store, tmp_path, moment)
    sqlite_store.engine.busy_timeout_ms = 10  # type: ignore[attr-defined]
    clock.move(days=3)
    reader = sqlite_store.engine.connect(writer=False)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM contact_card").fetchone()

    with pytest.raises(RuntimeError, match="reader"):
        retire.destroy(house, mandate.id)
    reader.execute("COMMIT")
    reader.close()
    assert retire.destroy(house, mandate.id).state == "waits for two signatures"


def test_only_its_own_data_goes(store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, first = begun(store, tmp_path, moment)
    second = store.write(lambda tx: making.live(tx, moment, days=60))
    kept = somebody(house, second, "Ada Example")
    clock.move(days=3)

    retire.destroy_due(house)

    with store.read() as tx:
        card = people.own_card(tx, house.sealer, kept)
        assert card is not None
        assert card.name == "Ada Example"
        assert mandates.require(tx, second.id, "gate", clock().now)
    for made in (True, False):
        with pytest.raises(Destroyed):
            house.keys.mandate(first.id, make=made)


def test_nothing_new_is_stored_under_an_ended_mandate(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path, moment)
    clock.move(days=2)

    with pytest.raises(NoMandate):
        somebody(house, mandate, "Late Example")
    clock.move(days=1)
    retire.destroy_due(house)
    with pytest.raises((NoMandate, Destroyed)):
        somebody(house, mandate, "Late Example")


def test_the_grace_time_is_waited_for(sqlite_store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path, moment)
    clock.move(days=3, seconds=-1)

    assert retire.destroy_due(house) == 0
    with pytest.raises(Refusal, match="not due"):
        retire.destroy(house, mandate.id)
    clock.move(seconds=1)
    assert retire.destroy_due(house) == 1
    with pytest.raises(NotFound):
        retire.destroy(house, "0" * 26)


def test_one_that_cannot_be_finished_does_not_hold_up_the_others(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    house, clock, first = begun(sqlite_store, tmp_path, moment)
    second = sqlite_store.write(lambda tx: making.live(tx, moment, days=2))
    retire.destroy_due(house)
    (planted,) = canary.known(house.home, first.id)
    (tmp_path / "trace").write_text(planted.name)
    clock.move(days=3)

    with pytest.raises(Incomplete):
        retire.destroy_due(house)
    with sqlite_store.read() as tx:
        assert retire.standing(tx, first.id).state == "running"
        assert retire.standing(tx, second.id).state == "waits for two signatures"


def test_days_nothing_may_be_kept_for_are_forgotten_at_night(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    house, clock = house_of(sqlite_store, tmp_path, moment)
    data = (Kept("contact", 14), Kept("evidence", 10))
    mandate = sqlite_store.write(lambda tx: making.live(tx, moment, days=60, data=data))
    old = somebody(house, mandate, "Mei Example")
    clock.move(days=14)
    assert retire.forget_nightly(house).left_out == 0
    new = somebody(house, mandate, "Ada Example")
    clock.move(days=1)
    assert retire.forget_nightly(house).left_out == 1

    with sqlite_store.read() as tx:
        assert people.own_card(tx, house.sealer, old) is None
        assert people.own_card(tx, house.sealer, new) is not None


# Early


def _ended(house: Retiring, mandate_id: str) -> None:
    moment = house.moment()
    order = EndOrder(v=1, kind="mandate-end", id=mandate_id, reason="over", at=moment.now)
    house.store.write(lambda tx: mandates.end(tx, moment, sign_note(document_text(order), making.COURT).raw))


def test_a_dry_run_counts_and_changes_nothing(store: Store, moment: Moment, tmp_path: Path) -> None:
    house, _, mandate = begun(store, tmp_path, moment)

    made = retire.plan(house, mandate.id)

    assert made.early
    assert made.rows["people"]["contact_card"] == 2
    assert made.secrets["subject"] == 2
    assert made.per_class()["contact"] >= 4
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM contact_card") == (2,)
        with pytest.raises(NotFound):
            retire.standing(tx, mandate.id)
    assert retire.plan(house, mandate.id) == made


def test_early_needs_two_officers_the_end_and_a_day(store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(store, tmp_path, moment, days=60)
    retire.order_early(house, mandate.id)
    approve = [
        lambda tx, by=signer: retire.approve_with(tx, clock(), mandate.id, by)
        for signer in (making.LEGAL, making.HEALTH)
    ]

    def refused() -> bool:
        try:
            retire.destroy(house, mandate.id)
        except Refusal as refusal:
            return refusal.code == "NOT_DUE"
        return False

    assert refused()
    assert store.write(approve[0]) == 1
    assert store.write(approve[0]) == 1
    clock.move(hours=25)
    assert refused()
    assert store.write(approve[1]) == 2
    assert refused()  # still in force: nothing ends it but a signed end
    _ended(house, mandate.id)
    assert retire.destroy_due(house) == 1
    assert _text(house, mandate.id)["why"]["en"].startswith("ordered early")


def test_approvals_are_of_the_order_as_it_stands(sqlite_store: Store, moment: Moment, tmp_path: Path) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path, moment, days=60)
    retire.order_early(house, mandate.id)
    sqlite_store.write(lambda tx: retire.approve_with(tx, clock(), mandate.id, making.LEGAL))
    with sqlite_store.read() as tx:
        old = making.HEALTH.signature(retire.order_text(retire.order_of(tx, mandate.id))).line.decode()
    clock.move(hours=1)
    somebody(house, mandate, "New Example")
    retire.order_early(house, mandate.id)

    with pytest.raises(NotAllowed):
        sqlite_store.write(lambda tx: retire.approve(tx, clock(), mandate.id, old))
    assert sqlite_store.write(lambda tx: retire.approve_with(tx, clock(), mandate.id, making.HEALTH)) == 1


def test_every_table_of_a_room_has_a_class() -> None:
    assert len(ROOMS) >= 7
    assert set(CLASS_OF_TABLE.values()) <= set(CEILINGS)


def test_postgresql_keeps_no_text_even_in_its_own_files(
    postgres_server: str, postgres_database: str, moment: Moment, tmp_path: Path
) -> None:
    """Rows deleted in PostgreSQL stay in its write-ahead log: ids and sealed values, never a text."""
    socket_folder = Path(postgres_database.split("host=")[1])
    store = open_store(postgres_database, tmp_path)
    house, clock, mandate = begun(store, tmp_path, moment)
    if not socket_folder.is_dir():
        pytest.skip("the server's own folder is elsewhere")
    house = house._replace(also=(socket_folder / "cluster",))
    (planted,) = canary.known(house.home, mandate.id)
    clock.move(days=3)

    retire.destroy_due(house)

    store.close()
    reopened = KeyStore(house.home / "keys", secrets.token_bytes)
    assert reopened.held(mandate.id).counts == {"mandate": 0, "day": 0, "subject": 0}
    assert scan(files_below([socket_folder / "cluster"]), [*planted.texts(), SOMEBODY]).hits == ()
