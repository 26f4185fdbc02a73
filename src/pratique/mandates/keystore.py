"""The key store: small secrets whose destruction is the destruction of data (law 6).

A folder of flat files of its own, outside the database and outside every backup of it. `secrets-<g>` holds all
secrets, wrapped by root generation g; `root-<g>` is that root. Making appends and syncs. Forgetting writes a new
file without the destroyed secrets under root g+1, syncs, renames, syncs the folder, and overwrites and unlinks
generation g. This is a software root: it relies on overwriting, and the certificate says so.

One lock per object for threads, one lock file for processes. Whoever reads looks first whether another process
has changed the file, so that a secret destroyed there is gone here with the next use.
"""

import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS
from fcntl import LOCK_EX, LOCK_UN, flock
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import NamedTuple

from pratique.core.errors import Destroyed, StorageFull
from pratique.mandates import keyfile
from pratique.mandates.keyfile import (
    DAY,
    GONE_DAYS,
    GONE_MANDATE,
    GONE_SUBJECT,
    GONE_VEILED,
    MANDATE,
    SUBJECT,
    Record,
)

Name = tuple[int, str, str]
KEPT_OPEN = 4096  # secrets that stay unwrapped in memory; any destruction empties the lot
ROOT_KIND = "software root; relies on overwriting"


class Held(NamedTuple):
    """Secrets of one mandate: how many of each kind, and SHA-256 over their sorted names."""

    counts: dict[str, int]
    digest: str


class Forgotten(NamedTuple):
    """What a rewrite did: the generation destroyed with its root, the one that holds now, secrets left out."""

    destroyed_generation: int
    generation: int
    left_out: int


class KeyStore:
    """Implements `store.sealing.Secrets`. `random(n)` must be fit for keys."""

    def __init__(self, folder: Path, random: Callable[[int], bytes]) -> None:
        self.folder = folder
        self._random = random
        self._thread = RLock()
        self._records: dict[Name, bytes] = {}
        self._gone: set[Name] = set()
        self._opened: dict[Name, bytes] = {}
        self._generation = 0
        self._read_to = self._size = self._dead = self._depth = 0
        self._root = b""
        self._path = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        with self._thread, self._alone():
            if not self._generations():
                self._found(1, b"")
            self._load()
            self._tidy()

    # Reading and making

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        """The mandate's secret, 32 bytes. Raises Destroyed."""
        return self._get((MANDATE, mandate, ""), make=make)

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        """The secret of a day (YYYY-MM-DD) under a mandate. Raises Destroyed."""
        return self._get((DAY, mandate, day), make=make)

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        """The secret of a subject under a mandate. Raises Destroyed."""
        return self._get((SUBJECT, mandate, subject), make=make)

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        """The secrets of mandate, day and subject with one look at the file, 96 bytes. Raises Destroyed."""
        names = (MANDATE, mandate, ""), (DAY, mandate, day), (SUBJECT, mandate, subject)
        with self._thread:
            self._catch_up()
            return b"".join([self._secret(name, make=make) for name in names])

    def make_subjects(self, mandate: str, subjects: Iterable[str]) -> int:
        """Make all missing secrets of these subjects with one sync; how many were new."""
        with self._thread, self._alone():
            wanted = dict.fromkeys((SUBJECT, mandate, subject) for subject in subjects)
            fresh = [name for name in wanted if name not in self._records]
            if fresh:
                self._make(fresh)
            return len(fresh)

    def held(self, mandate: str) -> Held:
        """What is held for this mandate, for the plan and the certificate."""
        with self._thread:
            self._catch_up()
            names = sorted(name for name in self._records if name[1] == mandate)
        counts = {text: sum(1 for n in names if n[0] == kind) for kind, text in keyfile.KIND_NAMES.items()}
        listed = "".join(f"{keyfile.KIND_NAMES[kind]} {m} {name}\n" for kind, m, name in names)
        return Held(counts, sha256(listed.encode()).hexdigest())

    def mandates_of(self, subject: str) -> list[str]:
        """The mandates under which this subject has a secret."""
        with self._thread:
            self._catch_up()
            return sorted(m for kind, m, name in self._records if kind == SUBJECT and name == subject)

    @property
    def generation(self) -> int:
        """The root generation that holds now."""
        with self._thread:
            self._catch_up()
            return self._generation

    # Forgetting

    def destroy_subject(self, mandate: str, subject: str) -> bool:
        """Unreadable at once; final with the next `rewrite`. False if there was no such secret."""
        with self._thread, self._alone():
            if (SUBJECT, mandate, subject) not in self._records:
                return False
            self._append([Record(GONE_SUBJECT, mandate, subject)])
            return True

    def destroy_days_before(self, mandate: str, day: str) -> int:
        """Days before `day` (YYYY-MM-DD) are unreadable at once, final with the next `rewrite`; how many."""
        with self._thread, self._alone():
            old = [n for kind, m, n in self._records if kind == DAY and m == mandate and n < day]
            if old:
                self._append([Record(GONE_DAYS, mandate, day)])
            return len(old)

    def destroy_mandate(self, mandate: str) -> Forgotten:
        """Everything under this mandate, at once and finally. Running it again is harmless."""
        with self._thread, self._alone():
            if (GONE_MANDATE, mandate, "") not in self._gone:
                self._append([Record(GONE_MANDATE, mandate, "")])
            return self._rewrite()

    def rewrite(self) -> Forgotten:
        """Make every forgetting final: new file, new root, old ones destroyed. Runs nightly."""
        with self._thread, self._alone():
            return self._rewrite()

    def close(self) -> None:
        """Let go of the root and the lock file."""
        self._records.clear()
        self._opened.clear()
        self._root = b""
        os.close(self._lock)

    # Inside: everything below holds the thread lock; what writes holds the lock file as well

    def _get(self, name: Name, *, make: bool) -> bytes:
        with self._thread:
            self._catch_up()
            return self._secret(name, make=make)

    def _secret(self, name: Name, *, make: bool) -> bytes:
        if (secret := self._opened.get(name)) is not None:
            return secret
        if name not in self._records:
            if not make:
                raise Destroyed
            with self._alone():
                if name not in self._records:
                    self._make([name])
        secret = keyfile.unwrap(self._root, Record(*name, self._records[name]))
        if len(self._opened) >= KEPT_OPEN:
            self._opened.clear()
        self._opened[name] = secret
        return secret

    def _make(self, names: list[Name]) -> None:
        for name in names:
            if self._is_gone(name):
                raise Destroyed
        self._append([Record(*n, keyfile.wrap(self._root, *n, self._random(32))) for n in names])

    def _is_gone(self, name: Name) -> bool:
        kind, mandate, own = name
        if (GONE_MANDATE, mandate, "") in self._gone:
            return True
        if kind == DAY:
            return any(k == GONE_DAYS and m == mandate and own < before for k, m, before in self._gone)
        if kind == SUBJECT:
            veiled = (MANDATE, mandate, "") in self._records and (
                GONE_VEILED,
                mandate,
                self._veil(mandate, own),
            )
            return (GONE_SUBJECT, mandate, own) in self._gone or veiled in self._gone
        return False

    def _veil(self, mandate: str, subject: str) -> str:
        """The memory of a forgotten subject: a keyed digest that dies with the mandate's secret."""
        name = (MANDATE, mandate, "")
        if name not in self._records:
            self._make([name])
        secret = keyfile.unwrap(self._root, Record(*name, self._records[name]))
        return hmac.digest(secret, b"gone\x00" + subject.encode(), sha256)[:16].hex()

    def _take(self, record: Record) -> None:
        kind, mandate, own = name = record[:3]
        if kind in keyfile.SECRETS:
            self._records[name] = record.wrapped
            return
        self._gone.add(name)
        self._opened.clear()
        if kind == GONE_MANDATE:
            dead = [n for n in self._records if n[1] == mandate]
        elif kind == GONE_DAYS:
            dead = [n for n in self._records if n[0] == DAY and n[1] == mandate and n[2] < own]
        else:
            dead = [n for n in ((SUBJECT, mandate, own),) if n in self._records]
        for n in dead:
            del self._records[n]
        self._dead += len(dead)

    def _append(self, records: list[Record]) -> None:
        raw = b"".join(map(keyfile.pack, records))
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            _write_all(file, raw)
            os.fsync(file)
        except OSError as fault:
            os.ftruncate(file, self._size)
            if fault.errno in (ENOSPC, EDQUOT, EROFS):
                raise StorageFull from fault
            raise
        finally:
            os.close(file)
        self._catch_up()

    def _catch_up(self) -> None:
        """Take in what another process wrote or destroyed since."""
        try:
            size = os.stat(self._path).st_size  # asked at every use: half the price of Path.stat
        except FileNotFoundError:
            self._load()
            return
        if size == self._size:
            return
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            raw = file.read(size - self._read_to)
        base = self._read_to
        for record, end in keyfile.unpack(raw):
            self._take(record)
            self._read_to = base + end
        self._size = size

    def _load(self) -> None:
        with self._alone():
            self._generation = max(self._generations())
            self._path = self.folder / f"secrets-{self._generation}"
            self._root = (self.folder / f"root-{self._generation}").read_bytes()
            with self._path.open("rb") as file:
                generation = keyfile.read_head(file.read(keyfile.HEAD))
            if generation != self._generation or len(self._root) != 32:
                raise ValueError("the key store's files do not belong together")
            self._records.clear()
            self._opened.clear()
            self._gone.clear()
            self._size = self._read_to = keyfile.HEAD
            self._dead = 0
            self._catch_up()

    def _rewrite(self) -> Forgotten:
        gone = sorted({memory for name in self._gone if (memory := self._lasting(name))})
        old, left_out, root = self._generation, self._dead, self._random(32)
        parts = [keyfile.pack(Record(*name)) for name in gone]
        for name in sorted(self._records):
            secret = keyfile.unwrap(self._root, Record(*name, self._records[name]))
            parts.append(keyfile.pack(Record(*name, keyfile.wrap(root, *name, secret))))
        self._found(old + 1, b"".join(parts), root)
        self._load()
        self._tidy()
        return Forgotten(old, self._generation, left_out)

    def _lasting(self, name: Name) -> Name | None:
        """What the next file remembers: of a dead mandate only itself, of a subject only the veil."""
        kind, mandate, own = name
        if kind != GONE_MANDATE and (GONE_MANDATE, mandate, "") in self._gone:
            return None
        return (GONE_VEILED, mandate, self._veil(mandate, own)) if kind == GONE_SUBJECT else name

    def _found(self, generation: int, records: bytes, root: bytes = b"") -> None:
        """Write a generation: root first, then secrets; it holds from the rename on."""
        try:
            for name, raw in (
                (f"root-{generation}", root or self._random(32)),
                (f"secrets-{generation}", keyfile.head(generation) + records),
            ):
                draft = self.folder / f"{name}.new"
                file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                try:
                    _write_all(file, raw)
                    os.fsync(file)
                finally:
                    os.close(file)
                draft.rename(self.folder / name)
                _sync_folder(self.folder)
        except OSError as fault:
            if fault.errno in (ENOSPC, EDQUOT, EROFS):
                raise StorageFull from fault
            raise

    def _tidy(self) -> None:
        """Overwrite and unlink every file that is not of the generation that holds: old ones and drafts."""
        keep = {f"root-{self._generation}", f"secrets-{self._generation}", "lock"}
        # The root goes first: without it the old secrets are only ciphertext.
        for path in sorted(path for path in self.folder.iterdir() if path.name not in keep):
            if path.name.startswith(("root-", "secrets-")):
                _overwrite(path)
                path.unlink()
        _sync_folder(self.folder)

    def _generations(self) -> list[int]:
        names = (path.name.removeprefix("secrets-") for path in self.folder.glob("secrets-*"))
        return [int(name) for name in names if name.isdigit()]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock file; caught up with other processes on entry. May be nested."""
        if not self._depth:
            flock(self._lock, LOCK_EX)
        self._depth += 1
        try:
            if self._depth == 1 and self._root:
                self._catch_up()
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                flock(self._lock, LOCK_UN)


def _write_all(file: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(file, view) :]


def _overwrite(path: Path) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        _write_all(file, os.urandom(path.stat().st_size))
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
