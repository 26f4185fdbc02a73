"""The mirror's folder: sealed Parquet parts, a mark that says how level they are, and a lock.

A part's key is sealed under every mandate that has evidence in it, so that the part dies with the first of them
(law 6). A part is written beside and renamed: whole or not there. File: 4 bytes length ‖ head (JSON) ‖ 12-byte nonce ‖
AES-256-GCM of the Parquet file with the head as associated data.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment
from pratique.store.sealing import Place, Sealer
from pratique.store.store import sync_folder

STEM = "people-"


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Before the sealed bytes of a part: its key, sealed under one mandate after the other, how many people, and the
    numbers of the policies that decided about them."""

    day: str
    mandates: list[str]
    analytes: list[str]
    key: str
    people: int
    policies: list[int]


class SealedParts:
    """`folder` belongs to one mirror alone. A part is named by how the ids in it begin."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self.folder, self.sealer = folder, sealer

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time, threads and processes alike."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            flock(handle, LOCK_EX)
            yield
        finally:
            os.close(handle)

    def mark(self) -> tuple[str, int]:
        """(name, level) as noted last; ("", 0) where nothing was."""
        with suppress(FileNotFoundError, ValueError):
            name, level = (self.folder / "level").read_text().split()
            return name, int(level)
        return "", 0

    def set_mark(self, name: str, level: int) -> None:
        """Note it; it is on disk when this returns, and so is every part that was written or dropped before."""
        _put(self.folder / "level", f"{name} {level}\n".encode())
        sync_folder(self.folder)

    def names(self) -> list[str]:
        """The parts, in order."""
        return sorted(path.stem.removeprefix(STEM) for path in self.folder.glob(f"{STEM}*.part"))

    def largest(self) -> int:
        """Bytes of the largest part; 0 where there is none."""
        return max((path.stat().st_size for path in self.folder.glob(f"{STEM}*.part")), default=0)

    def clear(self) -> None:
        """No part is left."""
        for path in self.folder.glob("*.part"):
            path.unlink()

    def drop(self, part: str) -> None:
        """This part is not there."""
        self._path(part).unlink(missing_ok=True)

    def head(self, part: str) -> Head:
        """Raises FileNotFoundError."""
        with self._path(part).open("rb") as file:
            return msgspec.json.decode(file.read(int.from_bytes(file.read(4), "big")), type=Head)

    def lives(self, head: Head, part: str) -> bool:
        """False once a mandate of the part has ended and its secrets are destroyed."""
        try:
            self._key(part, head)
        except Destroyed:
            return False
        return True

    def write(
        self,
        moment: Moment,
        part: str,
        frame: pl.DataFrame,
        mandates: Sequence[str],
        analytes: Sequence[str],
    ) -> None:
        """Seal a part under these mandates. Raises Destroyed."""
        buffer, key, nonce = BytesIO(), moment.random(32), moment.random(12)
        frame.write_parquet(buffer, compression="lz4", statistics=False)
        day, sealed = moment.now.date().isoformat(), key
        under = sorted(set(mandates))
        for mandate in under:
            sealed = self.sealer.seal(_place(part, mandate, day), sealed)
        policies = sorted(set(frame["decided.policy"].unique()) - {0})
        head = msgspec.json.encode(
            Head(day, under, sorted({"", *analytes}), sealed.hex(), frame.height, policies)
        )
        body = AESGCM(key).encrypt(nonce, buffer.getbuffer(), head)
        _put(self._path(part), len(head).to_bytes(4, "big") + head + nonce + body)

    def read(self, part: str, wanted: Sequence[str] | None = None) -> pl.DataFrame:
        """A part, or those of its columns that are wanted and there. Raises Destroyed, FileNotFoundError, and
        ValueError where the file is not what was written."""
        raw = self._path(part).read_bytes()
        end = 4 + int.from_bytes(raw[:4], "big")
        head = msgspec.json.decode(raw[4:end], type=Head)
        try:
            plain = AESGCM(self._key(part, head)).decrypt(raw[end : end + 12], raw[end + 12 :], raw[4:end])
        except InvalidTag:
            raise ValueError(
                f"{part}.part is not what was written: discard the mirror and begin again"
            ) from None
        columns = None
        if wanted is not None:
            columns = [name for name in pl.read_parquet_schema(BytesIO(plain)) if name in set(wanted)]
        return pl.read_parquet(BytesIO(plain), columns=columns, use_statistics=False)

    def _path(self, part: str) -> Path:
        return self.folder / f"{STEM}{part}.part"

    def _key(self, part: str, head: Head) -> bytes:
        """Raises Destroyed."""
        key = bytes.fromhex(head.key)
        for mandate in reversed(head.mandates):
            key = self.sealer.open(_place(part, mandate, head.day), key)
        return key


def _put(path: Path, raw: bytes) -> None:
    """Whole or not there; its bytes are on disk before it has its name."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _place(part: str, mandate: str, day: str) -> Place:
    return Place("policy_mirror", "key", part, mandate, day, "mirror")
