"""Publishing: the same bytes whatever crashes, never two stories about one size, and a verifier that sees it all."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.mandates import service
from pratique.mandates.checkpoint import Checkpoint
from pratique.mandates.entries import entry_bytes, read_entry
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import ForkDanger, Publisher
from pratique.mandates.tiles import tiles_of
from pratique.mandates.tree import leaf_hash, root_hash
from pratique.mandates.verify import Verdict, read_folder, verify
from pratique.store.store import Store, open_store
from tests.mandates import making

LOG = NoteSigner("log.port.example", b"L" * 32)


def _entry(moment: Moment, n: int) -> dict[str, object]:
    return {"day": "2026-01-05", "counts": {"nurse": n}}


def _append(store: Store, moment: Moment, count: int) -> None:
    def act(tx: object) -> None:
        for n in range(count):
            service.append_log(tx, moment, "access", _entry(moment, n))  # type: ignore[arg-type]

    store.write(act)


def _verify(folder: Path, moment: Moment, earlier: Checkpoint | None = None) -> Verdict:
    return verify(read_folder(folder), LOG.vkey, moment.now, earlier)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".publishing"
    }


def test_it_works(store: Store, moment: Moment, tmp_path: Path) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment))
    publisher = Publisher(store, tmp_path / "log", LOG)

    assert publisher.pending()
    checkpoint = publisher.publish(moment)
    verdict = _verify(tmp_path / "log", moment)

    assert not publisher.pending()
    assert verdict == Verdict(checkpoint, 4, 1, ())
    assert (tmp_path / "log" / "mandate" / f"{mandate.id}.reading").read_bytes() == making.READING
    assert publisher.publish(moment) == checkpoint


def test_growth_leaves_the_files_of_a_log_written_at_once(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    step_by_step, at_once = (
        Publisher(sqlite_store, tmp_path / "a", LOG),
        Publisher(sqlite_store, tmp_path / "b", LOG),
    )
    for more in (1, 254, 1, 1, 300, 0, 700):
        _append(sqlite_store, moment, more)
        checkpoint = step_by_step.publish(moment)
        assert _verify(tmp_path / "a", moment).problems == ()

    assert at_once.publish(moment) == checkpoint
    one, other = _files(tmp_path / "a"), _files(tmp_path / "b")
    assert {name: one[name] for name in other} == other
    # Besides: only partial tiles of earlier sizes whose full tile does not exist yet.
    full = {name for name in one if ".p/" not in name}
    assert all(name.split(".p/")[0] not in full for name in one if ".p/" in name)
    assert sum(name.startswith("tile/") and "entries" not in name for name in other) == len(
        list(tiles_of(checkpoint.size))
    )


def test_an_empty_log_has_a_checkpoint(sqlite_store: Store, moment: Moment, tmp_path: Path) -> None:
    Publisher(sqlite_store, tmp_path, LOG).publish(moment)

    assert (tmp_path / "checkpoint").read_text().startswith("log.port.example\n0\n47DEQpj8HBSa+/TImW+5")
    assert _verify(tmp_path, moment).problems == ()


def test_lost_files_are_made_again_and_damaged_ones_noticed(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    _append(sqlite_store, moment, 600)
    Publisher(sqlite_store, log, LOG).publish(moment)
    before = _files(log)
    shutil.rmtree(log / "tile")
    _append(sqlite_store, moment, 1)
    Publisher(sqlite_store, log, LOG).publish(moment)

    after = _files(log)
    assert {n: before[n] for n in before if n in after and n != "checkpoint"}.items() <= after.items()
    assert _verify(log, moment).problems == ()
    (log / "tile/0/000").write_bytes(bytes(8192))
    assert "tile/0/000" in " ".join(_verify(log, moment).problems)


def test_a_restored_backup_does_not_sign_another_future(moment: Moment, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = open_store("", home)
    _append(store, moment, 5)
    store.truncate_wal()
    store.close()
    shutil.copy(home / "pratique.db", tmp_path / "backup.db")
    store = open_store("", home)
    _append(store, moment, 5)
    Publisher(store, tmp_path / "log", LOG).publish(moment)
    served = (tmp_path / "log" / "checkpoint").read_bytes()
    store.close()
    for leftover in home.iterdir():
        leftover.unlink()
    shutil.copy(tmp_path / "backup.db", home / "pratique.db")

    store = open_store("", home)
    with pytest.raises(ForkDanger, match="older"):
        Publisher(store, tmp_path / "log", LOG).publish(moment)
    _append(store, moment._replace(now=moment.now + timedelta(days=1)), 9)
    with pytest.raises(ForkDanger, match="signed"):
        Publisher(store, tmp_path / "log", LOG).publish(moment)
    store.close()

    assert (tmp_path / "log" / "checkpoint").read_bytes() == served


def test_another_key_does_not_take_over(sqlite_store: Store, moment: Moment, tmp_path: Path) -> None:
    Publisher(sqlite_store, tmp_path, LOG).publish(moment)
    other = NoteSigner("log.port.example", b"X" * 32)

    with pytest.raises(ForkDanger):
        Publisher(sqlite_store, tmp_path, other).publish(moment)
    with pytest.raises(ForkDanger):
        Publisher(sqlite_store, tmp_path / "elsewhere", NoteSigner("other.example", b"X" * 32)).publish(
            moment
        )


def test_publishers_side_by_side_tell_one_story(store: Store, moment: Moment, tmp_path: Path) -> None:
    publishers = [Publisher(store, tmp_path / "log", LOG) for _ in range(4)]
    seen: list[Checkpoint] = []

    def work(publisher: Publisher) -> None:
        for _ in range(5):
            _append(store, moment, 3)
            seen.append(publisher.publish(moment))

    threads = [threading.Thread(target=work, args=(publisher,)) for publisher in publishers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 20
    assert max(checkpoint.size for checkpoint in seen) == 60
    with store.read() as tx:
        leaves = [leaf_hash(bytes(row[0])) for row in tx.all("SELECT entry FROM log_entry ORDER BY seq")]
    assert all(checkpoint.root == root_hash(leaves[: checkpoint.size]) for checkpoint in seen)
    assert _verify(tmp_path / "log", moment).problems == ()


PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pratique.core.moment import Moment
from pratique.mandates import service
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.store.store import open_store
home = Path(sys.argv[1])
store = open_store("", home)
moment = Moment(datetime(2026, 1, 5, tzinfo=UTC), bytes)
publisher = Publisher(store, home / "log", NoteSigner("log.port.example", b"L" * 32))
print("ready", flush=True)
for n in range(100000):
    for k in range(1 + n % 90):
        store.write(lambda tx: service.append_log(tx, moment, "access", {"day": "2026-01-05", "counts": {"n": k}}))
    print(publisher.publish(moment).size, flush=True)
"""


def test_a_kill_at_any_time_leaves_a_log_that_holds(moment: Moment, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    earlier: Checkpoint | None = None
    for attempt in range(10):
        child = subprocess.Popen([sys.executable, "-c", PUBLISHER, home], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.02 + 0.031 * attempt)
        child.send_signal(signal.SIGKILL)
        said = [int(line) for line in child.stdout.read().split()]
        child.wait()

        if (home / "log" / "checkpoint").exists():
            verdict = _verify(home / "log", moment, earlier)
            assert verdict.problems == ()
            assert verdict.entries >= max(said, default=0)
            earlier = verdict.checkpoint
    store = open_store("", home)
    assert earlier is not None
    Publisher(store, home / "log", LOG).publish(moment)
    store.close()
    assert _verify(home / "log", moment, earlier).problems == ()
    assert not list((home / "log").rglob("*.new"))


# What the verifier must say


@pytest.fixture
def log(sqlite_store: Store, moment: Moment, tmp_path: Path) -> Path:
    """A served log with a mandate, a policy, and an early end."""
    mandate = sqlite_store.write(lambda tx: making.live(tx, moment))
    policy = {"digest": "0" * 64, "version": "1", "mandate": mandate.id}
    sqlite_store.write(lambda tx: service.append_log(tx, moment, "policy", policy))
    Publisher(sqlite_store, tmp_path / "log", LOG).publish(moment)
    return tmp_path / "log"


def test_an_overdue_destruction_is_said(log: Path, moment: Moment) -> None:
    late = moment._replace(now=moment.now + timedelta(days=40))

    assert _verify(log, moment).problems == ()
    assert "no certificate" in _verify(log, late).problems[0]


def test_a_policy_after_the_end_is_said(sqlite_store: Store, log: Path, moment: Moment) -> None:
    late = moment._replace(now=moment.now + timedelta(days=31))
    with sqlite_store.read() as tx:
        (mandate,) = service.live_mandates(tx, moment.now)
    policy = {"digest": "0" * 64, "version": "2", "mandate": mandate.id}
    sqlite_store.write(lambda tx: service.append_log(tx, late, "policy", policy))
    Publisher(sqlite_store, log, LOG).publish(late)

    assert _verify(log, late).problems == (
        "entry 5: a policy without a mandate in force that allows restrictions",
    )


@pytest.mark.parametrize("what", ["missing", "other", "unsigned", "reading"])
def test_a_document_that_is_not_the_logged_one_is_said(
    sqlite_store: Store, log: Path, moment: Moment, what: str
) -> None:
    (note,) = (log / "mandate").glob("*.note")
    if what == "missing":
        note.unlink()
    elif what == "reading":
        note.with_suffix(".reading").write_bytes(b"another order")
    elif what == "unsigned":
        note.write_bytes(b"\n".join(note.read_bytes().split(b"\n")[:-2]) + b"\n")
    else:
        other = making.document(moment)
        sqlite_store.write(lambda tx: service.draft(tx, moment, other))
        for signer in (making.LEGAL, making.HEALTH):
            sqlite_store.write(lambda tx, by=signer: service.sign_with(tx, moment, other.id, by))
        with sqlite_store.read() as tx:
            note.write_bytes(service.note_of(service.standing(tx, other.id)))

    assert _verify(log, moment).problems != ()


def test_a_rewritten_history_is_said(log: Path, moment: Moment, tmp_path: Path) -> None:
    earlier = _verify(log, moment).checkpoint
    assert earlier is not None
    other = open_store("", _made(tmp_path / "other"))
    _append(other, moment, 8)
    Publisher(other, tmp_path / "forged", LOG).publish(moment)
    other.close()

    assert any("append-only" in said for said in _verify(tmp_path / "forged", moment, earlier).problems)


def test_every_flipped_bit_in_the_served_files_is_said(log: Path, moment: Moment) -> None:
    for path in sorted(
        p for p in log.rglob("*") if p.is_file() and p.name not in (".publishing", "log.vkey")
    ):
        raw = path.read_bytes()
        for at in range(0, len(raw) * 8, max(8, len(raw) * 8 // 40) + 1):
            changed = bytearray(raw)
            changed[at // 8] ^= 1 << at % 8
            path.write_bytes(bytes(changed))
            assert _verify(log, moment).problems, f"{path.name} bit {at}"
        path.write_bytes(raw)
    assert _verify(log, moment).problems == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff" * 100,
        b"log.port.example\n01\n" + b"A" * 43 + b"=\n\n",
        b"log.port.example\r\n1\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_hostile_checkpoints_are_refused(log: Path, moment: Moment, raw: bytes) -> None:
    (log / "checkpoint").write_bytes(raw)

    assert _verify(log, moment).problems


@pytest.mark.parametrize("size", ["01", "-1", "9223372036854775808", "1e3", " 1", "18446744073709551616"])
def test_hostile_sizes_are_refused(log: Path, moment: Moment, size: str) -> None:
    text = f"log.port.example\n{size}\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".encode()
    (log / "checkpoint").write_bytes(LOG.note(text).raw)

    assert "size" in _verify(log, moment).problems[0]


def test_an_entry_of_a_form_the_log_does_not_have_is_said(
    sqlite_store: Store, moment: Moment, tmp_path: Path
) -> None:
    for seq, entry in enumerate(
        (b"not json", json.dumps({"type": "itinerary", "v": 1}).encode(), b'{"v": 1}')
    ):
        sqlite_store.write(
            lambda tx, s=seq, e=entry: tx.run(
                "INSERT INTO log_entry (seq, type, entry, leaf, logged_at) VALUES (:s, 'x', :e, :l, 1)",
                s=s,
                e=e,
                l=leaf_hash(e),
            )
        )
    Publisher(sqlite_store, tmp_path, LOG).publish(moment)

    assert len(_verify(tmp_path, moment).problems) == 3


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@given(
    st.dictionaries(st.text(max_size=9), st.integers(-(2**53), 2**53), max_size=5),
    st.datetimes(timezones=st.just(UTC)),
)
def test_every_entry_reads_back_as_it_was_written(counts: dict[str, int], at: datetime) -> None:
    raw = entry_bytes("access", at, {"day": "2026-01-05", "counts": counts})

    assert raw == canonical_json(read_entry(raw))
    for other in (raw + b" ", raw.replace(b'"v":1', b'"v":1,"v":1'), raw.replace(b",", b", ", 1)):
        with pytest.raises(Refusal):
            read_entry(other)
