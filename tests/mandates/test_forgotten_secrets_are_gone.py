"""The key store: what was made stays, what was destroyed is gone from every file, whoever asks and whatever crashes."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pratique.core.errors import Destroyed, StorageFull
from pratique.mandates import keyfile
from pratique.mandates.keyfile import Record
from pratique.mandates.keystore import KeyStore
from pratique.store.sealing import Place, Sealer

M, N = "0" * 26, "1" * 26
A, B = "A" + "0" * 25, "B" + "0" * 25
DAY = "2026-01-05"


def _open(folder: Path) -> KeyStore:
    return KeyStore(folder, secrets.token_bytes)


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_it_works(tmp_path: Path) -> None:
    keys = _open(tmp_path / "keys")
    place = Place("contact_card", "name", "row", M, DAY, A)
    sealed = Sealer(keys, secrets.token_bytes).seal(place, b"Ada Example")
    keys.close()

    again = _open(tmp_path / "keys")
    assert Sealer(again, secrets.token_bytes).open(place, sealed) == b"Ada Example"
    assert again.held(M).counts == {"mandate": 1, "day": 1, "subject": 1}


def test_nothing_is_made_unasked(tmp_path: Path) -> None:
    keys = _open(tmp_path)

    for ask in (lambda: keys.mandate(M), lambda: keys.day(M, DAY), lambda: keys.subject(M, A)):
        with pytest.raises(Destroyed):
            ask()
    assert keys.held(M).counts == {"mandate": 0, "day": 0, "subject": 0}


def test_secrets_differ_and_stand_nowhere_in_clear(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    made = [keys.mandate(M, make=True), keys.day(M, DAY, make=True), keys.subject(M, A, make=True)]
    made += [keys.subject(M, B, make=True), keys.subject(N, A, make=True)]

    assert len(set(made)) == 5
    assert not any(secret in _bytes(tmp_path) for secret in made)


def test_a_forgotten_subject_is_gone_at_once_and_for_good(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    kept = keys.subject(M, B, make=True)
    keys.subject(M, A, make=True)

    assert keys.destroy_subject(M, A)
    assert not keys.destroy_subject(M, A)
    for store in (keys, _open(tmp_path)):
        for make in (False, True):
            with pytest.raises(Destroyed):
                store.subject(M, A, make=make)
    before = _bytes(tmp_path)
    done = keys.rewrite()

    assert (done.destroyed_generation, done.generation, done.left_out) == (1, 2, 1)
    assert A.encode() in before
    assert A.encode() not in _bytes(tmp_path)
    for store in (keys, _open(tmp_path)):
        assert store.subject(M, B) == kept
        with pytest.raises(Destroyed):
            store.subject(M, A, make=True)


def test_days_past_their_retention_are_gone(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    for day in ("2026-01-01", "2026-01-02", DAY):
        keys.day(M, day, make=True)

    assert keys.destroy_days_before(M, DAY) == 2
    keys.rewrite()

    assert keys.day(M, DAY)
    with pytest.raises(Destroyed):
        keys.day(M, "2026-01-02", make=True)
    assert b"2026-01-02" not in _bytes(tmp_path)


def test_a_mandate_takes_everything_with_it(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    place = Place("contact_card", "name", "row", M, DAY, A)
    sealer = Sealer(keys, secrets.token_bytes)
    sealed = sealer.seal(place, b"Ada Example")
    keys.destroy_subject(M, B)
    other = keys.subject(N, A, make=True)
    backup = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    done = keys.destroy_mandate(M)
    keys.destroy_mandate(M)

    assert done.left_out == 3
    assert keys.held(M).counts == {"mandate": 0, "day": 0, "subject": 0}
    assert keys.subject(N, A) == other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "root-3", "secrets-3"]
    for store in (keys, _open(tmp_path)):
        with pytest.raises(Destroyed):
            Sealer(store, secrets.token_bytes).open(place, sealed)
        with pytest.raises(Destroyed):
            Sealer(store, secrets.token_bytes).seal(place, b"again")
    # A copy of the old secrets without the destroyed root opens nothing.
    stolen = tmp_path / "stolen"
    stolen.mkdir()
    (stolen / "secrets-1").write_bytes(backup["secrets-1"])
    (stolen / "root-1").write_bytes((tmp_path / "root-3").read_bytes())
    with pytest.raises(ValueError, match="does not open"):
        _open(stolen).subject(M, A)


def test_old_files_are_overwritten_before_they_are_unlinked(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    keys.subject(M, A, make=True)
    root, content = (tmp_path / "root-1").read_bytes(), (tmp_path / "secrets-1").read_bytes()
    handles = [(tmp_path / name).open("rb") for name in ("root-1", "secrets-1")]

    keys.rewrite()

    left = [handle.read() for handle in handles]
    assert left[0] != root
    assert left[1] != content
    assert not (tmp_path / "root-1").exists()


def test_two_stores_on_one_folder_agree(tmp_path: Path) -> None:
    one, two = _open(tmp_path), _open(tmp_path)
    secret = one.subject(M, A, make=True)

    assert two.subject(M, A, make=True) == secret
    assert two.subject(M, B, make=True) == one.subject(M, B)
    two.destroy_subject(M, A)
    with pytest.raises(Destroyed):
        one.subject(M, A)
    two.destroy_mandate(M)
    with pytest.raises(Destroyed):
        one.subject(M, B, make=True)
    assert one.subject(N, A, make=True) == two.subject(N, A)
    assert one.generation == two.generation == 2


def test_threads_make_each_secret_once(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    seen: list[bytes] = []
    threads = [threading.Thread(target=lambda: seen.append(keys.subject(M, A, make=True))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert keys.held(M).counts["subject"] == 1


def test_many_are_made_with_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = _open(tmp_path)
    syncs: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (syncs.append(file), real(file))[1])

    assert keys.make_subjects(M, [f"{i:026}" for i in range(5000)]) == 5000
    assert keys.make_subjects(M, [f"{i:026}" for i in range(5000)]) == 0

    assert len(syncs) <= 2
    assert _open(tmp_path).held(M).counts["subject"] == 5000


def test_a_torn_tail_is_ignored_and_a_damaged_middle_skipped(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    first, last = keys.subject(M, A, make=True), None
    at = (tmp_path / "secrets-1").stat().st_size
    with (tmp_path / "secrets-1").open("ab") as file:
        file.write(keyfile.pack(Record(keyfile.SUBJECT, M, B, bytes(40)))[:30])

    torn = _open(tmp_path)
    assert torn.subject(M, A) == first
    with pytest.raises(Destroyed):
        torn.subject(M, B)
    last = torn.subject(M, B, make=True)

    assert at < (tmp_path / "secrets-1").stat().st_size
    again = _open(tmp_path)
    assert (again.subject(M, A), again.subject(M, B)) == (first, last)


def test_a_record_moved_to_another_name_does_not_open(tmp_path: Path) -> None:
    keys = _open(tmp_path)
    keys.subject(M, A, make=True)
    path = tmp_path / "secrets-1"
    (record, _), *_ = keyfile.unpack(path.read_bytes()[keyfile.HEAD :])
    with path.open("ab") as file:
        file.write(keyfile.pack(record._replace(name=B)))

    with pytest.raises(ValueError, match="does not open"):
        _open(tmp_path).subject(M, B)


def test_a_full_disk_is_a_refusal_and_leaves_the_store_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = _open(tmp_path)
    kept = keys.subject(M, A, make=True)
    real, size = os.write, (tmp_path / "secrets-1").stat().st_size

    def full(file: int, raw: bytes) -> int:
        real(file, bytes(raw)[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFull):
        keys.subject(M, B, make=True)
    monkeypatch.undo()

    assert (tmp_path / "secrets-1").stat().st_size == size
    assert keys.subject(M, A) == kept
    assert keys.subject(M, B, make=True) == _open(tmp_path).subject(M, B)


FORGETTER = """
import secrets, sys
from pathlib import Path
from pratique.mandates.keystore import KeyStore
keys = KeyStore(Path(sys.argv[1]), secrets.token_bytes)
for i in range(100000):
    name = f"{i:026}"
    keys.subject("K" * 26, name, make=True)
    print("made", name, flush=True)
    if i % 3 == 0:
        keys.destroy_subject("K" * 26, name)
        keys.rewrite()
        print("gone", name, flush=True)
"""


def test_a_kill_at_any_time_loses_nothing_made_and_revives_nothing_destroyed(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    for attempt in range(12):
        child = subprocess.Popen([sys.executable, "-c", FORGETTER, folder], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.003 * attempt)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().splitlines()
        child.wait()

        keys = _open(folder)
        done = {tuple(line.split()) for line in said}
        gone = {name for what, name in done if what == "gone"}
        for name in {name for what, name in done if what == "made"} - gone:
            if int(name) % 3:
                assert keys.subject("K" * 26, name)
        for name in gone:
            with pytest.raises(Destroyed):
                keys.subject("K" * 26, name, make=True)
        generation = keys.generation
        assert sorted(p.name for p in folder.iterdir()) == [
            "lock",
            f"root-{generation}",
            f"secrets-{generation}",
        ]
        keys.close()
        for path in folder.iterdir():
            path.unlink()


def test_a_secret_in_use_is_gone_when_another_process_destroys_it(tmp_path: Path) -> None:
    keys, other = _open(tmp_path), _open(tmp_path)
    whole = keys.together(M, DAY, A, make=True)

    assert whole == keys.mandate(M) + keys.day(M, DAY) + keys.subject(M, A) == keys.together(M, DAY, A)
    other.destroy_subject(M, A)
    for ask in (lambda: keys.subject(M, A), lambda: keys.together(M, DAY, A, make=True)):
        with pytest.raises(Destroyed):
            ask()
    other.destroy_mandate(M)
    with pytest.raises(Destroyed):
        keys.mandate(M)
