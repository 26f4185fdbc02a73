"""`pratique log verify`: replay a whole log from its static files and say what is wrong with it.

Needs nothing of the server: no database, no key store, only this room's pure files and a way to read a name below
the log's address. What it trusts is the log's key; everything else is recomputed.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

from pratique.core.errors import Refusal
from pratique.core.mandate import LONGEST
from pratique.mandates.checkpoint import MAX_CHECKPOINT, Checkpoint, open_checkpoint
from pratique.mandates.document import digest, open_mandate, read_end, signed_roles
from pratique.mandates.entries import (
    AccessHeadEntry,
    DeletionEntry,
    Entry,
    KeyEntry,
    MandateEndEntry,
    MandateEntry,
    PolicyEntry,
    read_entry,
)
from pratique.mandates.note import MAX_NOTE, BadNote, VerifierKey, parse_note
from pratique.mandates.tiles import (
    HASH,
    MAX_BUNDLE,
    WIDTH,
    BadTile,
    bundle_path,
    bundles_of,
    tile_path,
    tiles_of,
    unpack_bundle,
)
from pratique.mandates.tree import leaf_hash, root_hash

# Destruction runs at the end of the grace time; its certificate waits at most 7 days for two people to sign it.
DESTROY_WITHIN = timedelta(days=8)
MAX_DOCUMENT = 4 * 1024 * 1024
MAX_PROBLEMS = 100

# The bytes under a name, or None where there is nothing; never more than the limit, else BadTile.
Read = Callable[[str, int], bytes | None]


class Verdict(NamedTuple):
    """What was replayed, and each thing that is wrong, as a sentence."""

    checkpoint: Checkpoint | None
    entries: int
    mandates: int
    problems: tuple[str, ...]


def read_folder(folder: Path) -> Read:
    """Names below a folder."""

    def read(name: str, limit: int) -> bytes | None:
        path = folder / name
        if not path.is_file():
            return None
        if path.stat().st_size > limit:
            raise BadTile(f"{name} is larger than it may be")
        return path.read_bytes()

    return read


def read_address(address: str, timeout_s: float = 20) -> Read:
    """Names below an http(s) address. Raises OSError where it cannot be reached."""

    def read(name: str, limit: int) -> bytes | None:
        try:
            with urlopen(f"{address.rstrip('/')}/{quote(name)}", timeout=timeout_s) as answer:  # noqa: S310
                raw: bytes = answer.read(limit + 1)
        except HTTPError as fault:
            if fault.code in (404, 410):
                return None
            raise OSError(f"{name}: the log's server answers {fault.code}") from fault
        except URLError as fault:
            raise OSError(f"{name}: {fault.reason}") from fault
        if len(raw) > limit:
            raise BadTile(f"{name} is larger than it may be")
        return raw

    return read


def verify(read: Read, key: VerifierKey, now: datetime, earlier: Checkpoint | None = None) -> Verdict:
    """Replay everything below `read`. `earlier` is a checkpoint seen before, which must be the beginning."""
    try:
        raw = read("checkpoint", MAX_CHECKPOINT)
        if raw is None:
            return Verdict(None, 0, 0, ("there is no checkpoint",))
        _, checkpoint = open_checkpoint(raw, [key], key.name)
        entries = list(_entries(read, checkpoint.size))
    except (BadNote, BadTile) as fault:
        return Verdict(None, 0, 0, (f"the log's files are not what they should be: {fault}",))
    problems = list(_tree_problems(read, checkpoint, entries, earlier))
    replay = Replay(read, now)
    for index, entry in enumerate(entries):
        problems += [f"entry {index}: {said}" for said in replay.take(entry)]
    problems += replay.at_the_end()
    if len(problems) > MAX_PROBLEMS:
        problems[MAX_PROBLEMS:] = [f"and {len(problems) - MAX_PROBLEMS} more"]
    return Verdict(checkpoint, len(entries), len(replay.mandates), tuple(problems))


def logged_looks(read: Read, key: VerifierKey) -> dict[int, bytes]:
    """The heads of the chain of looks that a log holds: number of entries → hash of the newest.

    Raises BadNote, BadTile, Refusal where the log's files are not what its key signed.
    """
    raw = read("checkpoint", MAX_CHECKPOINT)
    if raw is None:
        raise BadTile("there is no checkpoint")
    _, checkpoint = open_checkpoint(raw, [key], key.name)
    entries = list(_entries(read, checkpoint.size))
    if root_hash([leaf_hash(entry) for entry in entries]) != checkpoint.root:
        raise BadTile("the entries do not lead to the root that the log signed")
    found = (read_entry(entry) for entry in entries if b'"access-head"' in entry)
    return {one.entries: bytes.fromhex(one.head) for one in found if isinstance(one, AccessHeadEntry)}


def _entries(read: Read, size: int) -> Iterator[bytes]:
    for index, width in bundles_of(size):
        raw = read(bundle_path(index, width), MAX_BUNDLE)
        if raw is None and width < WIDTH:  # the full bundle may have replaced a partial one
            raw = read(bundle_path(index), MAX_BUNDLE)
            if raw is not None:
                yield from unpack_bundle(raw, WIDTH)[:width]
                continue
        if raw is None:
            raise BadTile(f"{bundle_path(index, width)} is missing")
        yield from unpack_bundle(raw, width)


def _tree_problems(
    read: Read, checkpoint: Checkpoint, entries: list[bytes], earlier: Checkpoint | None
) -> Iterator[str]:
    levels = [[leaf_hash(entry) for entry in entries]]
    if root_hash(levels[0]) != checkpoint.root:
        yield "the entries do not lead to the root that the log signed"
    if earlier is not None:
        if earlier.origin != checkpoint.origin or earlier.size > checkpoint.size:
            yield "the log is shorter than it was, or another one"
        elif root_hash(levels[0][: earlier.size]) != earlier.root:
            yield "the log is not append-only: its beginning is not what it signed before"
    for level, index, width in tiles_of(checkpoint.size):
        if level == len(levels):
            below = levels[-1]
            levels.append([root_hash(below[i : i + WIDTH]) for i in range(0, len(below) - WIDTH + 1, WIDTH)])
        wanted = b"".join(levels[level][index * WIDTH : index * WIDTH + width])
        name = tile_path(level, index, width)
        found = read(name, WIDTH * HASH) or read(tile_path(level, index), WIDTH * HASH)
        if found is None:
            yield f"{name} is missing"
        elif found[: width * HASH] != wanted:
            yield f"{name} does not hold the hashes of the entries"


class Replay:
    """The log read as law, entry by entry: who may sign, what is in force, what had to be destroyed."""

    def __init__(self, read: Read, now: datetime) -> None:
        self._read = read
        self._now = now
        self._officers: dict[str, bool] = {}
        self._ends: dict[str, datetime] = {}
        self._destroyed: dict[str, set[str]] = {}
        self._last: datetime | None = None
        self._looks = AccessHeadEntry(v=1, at=now, entries=0, head="0" * 64)
        self.mandates: dict[str, MandateEntry] = {}

    def take(self, raw: bytes) -> Iterable[str]:
        """What is wrong with the next entry."""
        try:
            entry = read_entry(raw)
        except Refusal as fault:
            return [f"it is not an entry of this log: {fault}"]
        problems = (
            ["it is dated before the entry in front of it"] if self._last and entry.at < self._last else []
        )
        self._last = max(entry.at, self._last or entry.at)
        return [*problems, *self._by_type(entry)]

    def at_the_end(self) -> Iterable[str]:
        """What should have happened by now and did not."""
        for name, mandate in self.mandates.items():
            due = self._ends[name] + timedelta(hours=mandate.grace_hours) + DESTROY_WITHIN
            missing = {kept.data_class for kept in mandate.data} - self._destroyed.get(name, set())
            if self._now > due and missing:
                classes = ", ".join(sorted(missing))
                yield f"mandate {name} ended, and no certificate tells of the destruction of {classes}"

    def _by_type(self, entry: Entry) -> Iterable[str]:
        match entry:
            case KeyEntry(what="officer"):
                self._officers[entry.vkey] = entry.until is None
            case MandateEntry():
                return self._mandate(entry)
            case MandateEndEntry():
                return self._early_end(entry)
            case PolicyEntry():
                named = self.mandates.get(entry.mandate)
                live = named is not None and named.start <= entry.at < self._ends[entry.mandate]
                if not live or named is None or "restriction" not in named.unlocks:
                    return ["a policy without a mandate in force that allows restrictions"]
            case DeletionEntry():
                return self._deletion(entry)
            case AccessHeadEntry():
                before, self._looks = self._looks, entry
                same = entry.entries == before.entries and entry.head != before.head
                if entry.entries < before.entries or same:
                    return ["the chain of looks is not the longer one of what was logged before"]
        return []

    def _mandate(self, entry: MandateEntry) -> Iterable[str]:
        if entry.id in self.mandates:
            yield "a mandate is logged a second time"
            return
        self.mandates[entry.id], self._ends[entry.id] = entry, entry.end
        if entry.end - entry.start > LONGEST:
            yield "a mandate over 90 days"
        raw = self._read(f"mandate/{entry.id}.note", MAX_NOTE)
        if raw is None:
            yield f"the document of mandate {entry.id} is not published"
            return
        try:
            note = parse_note(raw)
            document = open_mandate(note)
        except (BadNote, Refusal) as fault:
            yield f"the document of mandate {entry.id} does not hold: {fault}"
            return
        if digest(note.text) != entry.digest:
            yield f"the document of mandate {entry.id} is not the one that was logged"
        said = (
            document.id,
            document.start,
            document.end,
            document.unlocks,
            document.data,
            document.grace_hours,
        )
        if said != (entry.id, entry.start, entry.end, entry.unlocks, entry.data, entry.grace_hours):
            yield f"the entry of mandate {entry.id} says something else than its document"
        trusted = [vkey for vkey in document.issuer.vkeys if self._officers.get(vkey)]
        try:
            enough = {"legal", "public-health"} <= signed_roles(note, trusted)
        except BadNote:
            enough = False
        if not enough:
            yield f"mandate {entry.id} is not signed by two keys that the log trusted at that time"
        reading = self._read(f"mandate/{entry.id}.reading", MAX_DOCUMENT)
        if reading is not None and digest(reading) != document.text.sha256:
            yield f"what residents read of mandate {entry.id} is not what was signed"

    def _early_end(self, entry: MandateEndEntry) -> Iterable[str]:
        if entry.id not in self.mandates:
            return ["an end of a mandate that was never logged"]
        if entry.ends >= self._ends[entry.id]:
            return ["an end that makes a mandate longer"]
        self._ends[entry.id] = entry.ends
        raw = self._read(f"mandate/{entry.id}.end", MAX_NOTE)
        try:
            note = parse_note(raw or b"")
            document = open_mandate(parse_note(self._read(f"mandate/{entry.id}.note", MAX_NOTE) or b""))
            trusted = [vkey for vkey in document.issuer.vkeys if self._officers.get(vkey)]
            if entry.by in signed_roles(note, trusted) and read_end(note.text).id == entry.id:
                return []
        except (BadNote, Refusal):
            pass
        return [f"the early end of mandate {entry.id} is not signed by a key that it names"]

    def _deletion(self, entry: DeletionEntry) -> Iterable[str]:
        if entry.mandate not in self.mandates:
            return ["a destruction under a mandate that was never logged"]
        self._destroyed.setdefault(entry.mandate, set()).update(entry.classes)
        raw = self._read(f"certificate/{entry.digest}.note", MAX_DOCUMENT)
        if raw is None:
            return [f"the certificate of mandate {entry.mandate} is not published"]
        try:
            text = parse_note(raw, max_bytes=MAX_DOCUMENT).text
        except BadNote as fault:
            return [f"the certificate of mandate {entry.mandate} is not a signed note: {fault}"]
        return [] if digest(text) == entry.digest else ["a certificate is not the one that was logged"]
