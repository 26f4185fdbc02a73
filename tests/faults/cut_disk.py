"""A disk whose power can be cut: an SQLite file system that notes each write and each sync of the gate's journal.

Run as a program in a process of its own: it becomes the default file system of the SQLite that Python uses, the
unchanged journal works on it, and then the disk is rebuilt as a cut at many random moments would leave it:
everything before a file's last sync is there; of what came later, nothing with probability 1/4, otherwise each
512-byte sector by coin, so that pages tear; a truncation by coin; the shared-memory file gone. The model trusts sync.
Prints one JSON line.
"""

import _sqlite3
import ctypes as c
import json
import os
import random
import sqlite3
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pratique.gate import database
from pratique.gate.journal import Journal
from pratique.gate.model import Decision

SECTOR = 512


class IoMethods(c.Structure):
    _fields_ = (
        ("version", c.c_int),
        ("close", c.c_void_p),
        ("read", c.c_void_p),
        ("write", c.c_void_p),
        ("truncate", c.c_void_p),
        ("sync", c.c_void_p),
        ("rest", c.c_void_p * 13),
    )


class File(c.Structure):
    _fields_ = (("methods", c.POINTER(IoMethods)),)


class Vfs(c.Structure):
    _fields_ = (
        ("version", c.c_int),
        ("file_size", c.c_int),
        ("path_size", c.c_int),
        ("next", c.c_void_p),
        ("name", c.c_char_p),
        ("data", c.c_void_p),
        ("open", c.c_void_p),
        ("delete", c.c_void_p),
        ("rest", c.c_void_p * 14),
    )


WRITE = c.CFUNCTYPE(c.c_int, c.POINTER(File), c.c_void_p, c.c_int, c.c_int64)
TRUNCATE = c.CFUNCTYPE(c.c_int, c.POINTER(File), c.c_int64)
SYNC = c.CFUNCTYPE(c.c_int, c.POINTER(File), c.c_int)
DELETE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_int)
OPEN = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.POINTER(File), c.c_int, c.c_void_p)


class NotedDisk:
    """Every write, truncation, sync and deletion, in order: (what, file, offset, bytes)."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, int, bytes]] = []
        self._names: dict[int, str] = {}
        self._keep: list[object] = []
        library = c.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = c.POINTER(Vfs)
        original = library.sqlite3_vfs_find(None).contents
        self._vfs = Vfs()
        c.pointer(self._vfs)[0] = original
        self._open = OPEN(original.open)
        self._delete = DELETE(original.delete)
        opened, deleted = OPEN(self._opened), DELETE(self._deleted)
        self._keep += [opened, deleted]
        self._vfs.delete = c.cast(deleted, c.c_void_p).value
        self._vfs.name, self._vfs.next = b"noted", None
        self._vfs.open = c.cast(opened, c.c_void_p).value
        library.sqlite3_vfs_register(c.byref(self._vfs), 1)

    def _opened(self, vfs: int, name: int, file: "c._Pointer[File]", flags: int, out: int) -> int:
        result = self._open(vfs, name, file, flags, out)
        if result == 0 and file.contents.methods:
            where = c.cast(file, c.c_void_p).value or 0
            self._names[where] = Path(c.string_at(name).decode()).name if name else "?"
            self._wrap(file)
        return result

    def _deleted(self, vfs: int, name: bytes, sync_folder: int) -> int:
        self.log.append(("delete", Path(name.decode()).name, sync_folder, b""))
        return int(self._delete(vfs, name, sync_folder))

    def _wrap(self, file: "c._Pointer[File]") -> None:
        original = file.contents.methods.contents
        write, truncate = WRITE(original.write), TRUNCATE(original.truncate)

        def name_of(which: "c._Pointer[File]") -> str:
            return self._names[c.cast(which, c.c_void_p).value or 0]

        def noted_write(which: "c._Pointer[File]", what: int, size: int, offset: int) -> int:
            self.log.append(("write", name_of(which), offset, c.string_at(what, size)))
            return int(write(which, what, size, offset))

        def noted_truncate(which: "c._Pointer[File]", size: int) -> int:
            self.log.append(("truncate", name_of(which), size, b""))
            return int(truncate(which, size))

        def noted_sync(which: "c._Pointer[File]", _: int) -> int:
            self.log.append(("sync", name_of(which), 0, b""))
            return 0  # the model is the disk: the real one need not spin

        methods = IoMethods()
        c.pointer(methods)[0] = original
        calls = (WRITE(noted_write), TRUNCATE(noted_truncate), SYNC(noted_sync))
        methods.write, methods.truncate, methods.sync = (c.cast(call, c.c_void_p).value for call in calls)
        self._keep += [methods, *calls, write, truncate]
        file.contents.methods = c.pointer(methods)


def rebuild(
    log: Sequence[tuple[str, str, int, bytes]], cut: int, chance: random.Random, folder: Path
) -> None:
    """The files as they stand after the power went at log entry `cut`."""
    synced = {name: i for i, (what, name, _, _) in enumerate(log[:cut]) if what == "sync"}
    folder_synced = max((i for i, entry in enumerate(log[:cut]) if entry[0] == "folder"), default=-1)
    files: dict[str, bytearray] = {}
    nothing_more = {name: chance.random() < 0.25 for name in {entry[1] for entry in log}}
    for i, (what, name, offset, body) in enumerate(log[:cut]):
        if what == "delete":  # durable once its folder was synced
            if offset or i < folder_synced or chance.random() < 0.5:
                files.pop(name, None)
            continue
        if what == "folder":
            continue
        content = files.setdefault(name, bytearray())
        durable = i < synced.get(name, -1)
        if not durable and nothing_more[name]:
            continue
        if what == "truncate" and (durable or chance.random() < 0.5):
            del content[offset:]
        elif what == "write":
            _apply(content, offset, body, None if durable else chance)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _apply(content: bytearray, offset: int, body: bytes, chance: random.Random | None) -> None:
    end = offset + len(body)
    at = offset
    while at < end:
        stop = end if chance is None else min(end, (at // SECTOR + 1) * SECTOR)
        if chance is None or chance.random() < 0.5:
            if len(content) < stop:
                content.extend(bytes(stop - len(content)))
            content[at:stop] = body[at - offset : stop - offset]
        at = stop


def main(decisions: int, cuts: int, synchronous: int, seed: int) -> dict[str, int]:
    """Write, cut, reopen, compare with what was acknowledged."""
    chance = random.Random(seed)
    disk = NotedDisk()
    os.fsync = lambda _: disk.log.append(
        ("folder", "", 0, b"")
    )  # the journal syncs its folder and nothing else
    if synchronous != 2:
        database.connect = partial(database.connect, synchronous=synchronous)
    acknowledged: list[int] = []  # length of the log when decision n was acknowledged
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "journal.db"
        journal = Journal(path)
        first = len(disk.log)
        now = 1_963_000 * 900.0
        for n in range(decisions):
            journal.record(Decision("clear", "pass", 1, 1), int(now // 900))
            acknowledged.append(len(disk.log))
            now += chance.choice((1, 2, 200))
            if n % 50 == 49:
                journal.close_slots(now, 1)
        journal.close()
    log = tuple(disk.log)  # reopening a cut disk writes too: that is not part of the story
    lost = worst = damaged = 0
    for _ in range(cuts):
        cut = chance.randrange(first, len(log) + 1)
        with tempfile.TemporaryDirectory() as folder:
            rebuild(log, cut, chance, Path(folder))
            promised = bisect_right(acknowledged, cut)
            kept = _kept(Path(folder) / "journal.db")
        if kept is None:
            damaged += 1
        elif kept < promised:
            lost += 1
            worst = max(worst, promised - kept)
    return {
        "decisions": decisions,
        "cuts": cuts,
        "lost": lost,
        "worst": worst,
        "damaged": damaged,
        "entries": len(log),
    }


def _kept(path: Path) -> int | None:
    """Decisions that a gate finds after the restart; None if the file is damaged or its parts disagree."""
    try:
        connection = sqlite3.connect(path)
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return None
        total, closed = connection.execute(
            "SELECT coalesce(sum(n), 0), coalesce(sum(closed), 0) FROM counter"
        ).fetchone()
        open_rows = connection.execute("SELECT count(*) FROM decision").fetchone()[0]
        bodies = [json.loads(row[0]) for row in connection.execute("SELECT body FROM outbox")]
        sent = sum(row["n"] for body in bodies for row in body["rows"])
        links = connection.execute("SELECT count(*) FROM slot_chain").fetchone()[0]
        connection.close()
    except sqlite3.DatabaseError:
        return None
    agree = total - closed == open_rows and sent == closed and links == len(bodies)
    return int(total) if agree else None


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:5]))))
