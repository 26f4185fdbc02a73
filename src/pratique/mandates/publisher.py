"""Publishes the log as static files that any web server can serve, in the order a crash cannot hurt.

Entries are committed → tiles, bundles and documents are written, synced, renamed → the new size is taken by
compare-and-swap → the checkpoint is signed → it is written. A restart repeats the same bytes. Before anything is
signed the served checkpoint is compared with the database: a log restored from an old backup stops here.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

from pratique.core.moment import Moment
from pratique.mandates import service, store
from pratique.mandates.checkpoint import Checkpoint, open_checkpoint
from pratique.mandates.note import BadNote, NoteSigner
from pratique.mandates.tiles import (
    HASH,
    WIDTH,
    BadTile,
    TreeOfTiles,
    bundle_path,
    pack_bundle,
    split_tile,
    tile_path,
    tiles_of,
)
from pratique.mandates.tree import leaf_hash, root_hash
from pratique.store.store import Store
from pratique.store.tx import Tx

# Further public files, such as certificates: (path inside the folder, bytes).
Documents = Callable[[Tx], Iterable[tuple[str, bytes]]]


class ForkDanger(Exception):  # noqa: N818 - names the danger
    """Signing now could tell two stories about one size. Nothing was signed."""


class Lost(Exception):  # noqa: N818 - names what happened
    """Another publisher was faster; this one stops."""


class Publisher:
    """One per process. `signer.name` is the log's origin: its address without scheme and trailing slash."""

    def __init__(
        self, opened: Store, folder: Path, signer: NoteSigner, documents: tuple[Documents, ...] = ()
    ) -> None:
        self.folder = folder
        self._store = opened
        self._signer = signer
        self._documents = (mandate_documents, *documents)
        self._checked = False

    @property
    def signer(self) -> NoteSigner:
        """The log's key, which also signs certificates of destruction for the machine."""
        return self._signer

    def pending(self) -> bool:
        """True if entries wait to be published."""
        with self._store.read() as tx:
            published = store.log_published(tx)
            return published is None or published.checkpoint is None or published.size < store.log_size(tx)

    def publish(self, moment: Moment) -> Checkpoint:
        """Bring the folder up to date; the checkpoint now served. Raises ForkDanger, Lost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._alone():
            return self._publish(moment)

    def _publish(self, moment: Moment) -> Checkpoint:
        served = self._served()
        with self._store.read() as tx:
            size, taken = store.log_size(tx), store.log_published(tx)
        self._guard(served, taken, size)
        if (
            served is not None
            and taken is not None
            and served.size == size == taken.size
            and taken.checkpoint
        ):
            self._write_documents()
            return served
        root = self._write_tiles(served, size)
        self._write_documents()
        checkpoint = Checkpoint(self._signer.name, size, root)
        old = taken.size if taken else None
        if not self._store.write(
            lambda tx: store.swap_log_state(tx, old, checkpoint.origin, size, root, moment.now_ms)
        ):
            raise Lost("another publisher was faster")
        raw = self._signer.note(checkpoint.text).raw
        self._put([("log.vkey", self._signer.vkey.text.encode() + b"\n"), ("checkpoint", raw)])
        self._store.write(lambda tx: store.set_checkpoint(tx, size, raw))
        self._drop_partials(served.size if served else 0, size)
        return checkpoint

    def _served(self) -> Checkpoint | None:
        path = self.folder / "checkpoint"
        if not path.exists():
            return None
        try:
            return open_checkpoint(path.read_bytes(), [self._signer.vkey], self._signer.name)[1]
        except BadNote as fault:
            raise ForkDanger(f"{path} is not a checkpoint of this log's key: {fault}") from fault

    def _guard(self, served: Checkpoint | None, taken: store.Published | None, size: int) -> None:
        if taken is not None and taken.origin != self._signer.name:
            raise ForkDanger(
                f"the database belongs to the log {taken.origin}, the key to {self._signer.name}"
            )
        if not self._checked:
            for draft in self.folder.rglob("*.new"):  # what a crash left half written
                draft.unlink()
        if served is None:
            return
        if served.size > size:
            raise ForkDanger(
                f"the folder serves {served.size} entries, the database holds {size}: it was restored from an "
                "older backup; restore the newer one, or start a new log under a new name"
            )
        if not self._checked:
            leaves = [leaf for _, leaf in self._leaves(0, served.size)]
            if root_hash(leaves) != served.root:
                raise ForkDanger(
                    f"the first {served.size} entries are not those the served checkpoint signed"
                )
            self._checked = True

    # Files

    def _write_tiles(self, served: Checkpoint | None, size: int) -> bytes:
        """All tiles of `size` are on disk afterwards; the root over them."""
        old = served.size if served else 0
        try:
            self._extend(old, size)
            tree = TreeOfTiles(size, self._read)
            if served is None or tree.root(old) == served.root:
                return tree.root()
        except (FileNotFoundError, BadTile):
            pass
        # A tile is missing or damaged: all of them are derived, so they are made anew.
        self._extend(0, size)
        tree = TreeOfTiles(size, self._read)
        if served is not None and tree.root(old) != served.root:
            raise ForkDanger("the entries are not those the served checkpoint signed")
        return tree.root()

    def _extend(self, old: int, size: int) -> None:
        for level, index, width in tiles_of(size, old):
            start = index * WIDTH
            if level == 0:
                pairs = list(self._leaves(start, start + width))
                bundle = pack_bundle([entry for entry, _ in pairs])
                hashes = [leaf for _, leaf in pairs]
                self._put([(bundle_path(index, width), bundle)])
            else:
                known = max(0, min((old >> 8 * level) - start, width))
                hashes = split_tile(self._read(level, index, known), known) if known else []
                below = (self._read(level - 1, i, WIDTH) for i in range(start + known, start + width))
                hashes += [root_hash(split_tile(raw, WIDTH)) for raw in below]
            self._put([(tile_path(level, index, width), b"".join(hashes))])

    def _leaves(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        for first in range(start, end, 16 * WIDTH):
            with self._store.read() as tx:
                entries = store.log_entries(tx, first, min(end, first + 16 * WIDTH))
            for entry in entries:
                yield entry, leaf_hash(entry)

    def _read(self, level: int, index: int, width: int) -> bytes:
        try:
            return (self.folder / tile_path(level, index, width)).read_bytes()
        except FileNotFoundError:
            return (self.folder / tile_path(level, index)).read_bytes()[: width * HASH]

    def _write_documents(self) -> None:
        with self._store.read() as tx:
            self._put([item for documents in self._documents for item in documents(tx)])

    def _put(self, files: list[tuple[str, bytes]]) -> None:
        """Write, sync and rename each file that does not stand there already; then sync their folders."""
        folders = set()
        for name, raw in files:
            path = self.folder / name
            if path.exists() and path.read_bytes() == raw:
                continue
            folders |= {path.parent, *_missing_parents(path.parent, self.folder)}
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(path.name + ".new")
            with draft.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        for folder in folders:
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    def _drop_partials(self, old: int, size: int) -> None:
        """A partial tile whose full tile is published is no longer needed."""
        for level, index, width in tiles_of(size, old):
            if width == WIDTH:
                for path in (tile_path(level, index), *([bundle_path(index)] if level == 0 else [])):
                    partials = self.folder / f"{path}.p"
                    for partial in list(partials.glob("*")):
                        partial.unlink()
                    if partials.exists():
                        partials.rmdir()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self.folder / ".publishing", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            flock(handle, LOCK_EX)
            yield
        finally:
            flock(handle, LOCK_UN)
            os.close(handle)


def _missing_parents(folder: Path, top: Path) -> set[Path]:
    found = set()
    while folder != top and not folder.exists():
        found |= {folder, folder.parent}
        folder = folder.parent
    return found


def mandate_documents(tx: Tx) -> list[tuple[str, bytes]]:
    """`mandate/<id>.note` of every published mandate, with its reading and its early end where there is one."""
    notes = [
        (f"mandate/{standing.document.id}.note", service.note_of(standing))
        for standing in service.standings(tx)
        if standing.published_at is not None
    ]
    return notes + [(f"mandate/{name}", raw) for name, raw in store.public_documents(tx)]
