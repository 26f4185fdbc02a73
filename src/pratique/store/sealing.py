"""Sealing: personal columns are readable only while three small secrets exist.

The key of a record is derived from the secret of its mandate, of its (mandate, day) and of its (mandate, subject).
Destroy any one of them and the record is gone, backups included. AES-256-GCM-SIV; the place of a value is its
associated data, so that a ciphertext cannot be moved to another row.
Form: 0x01 ‖ 12-byte nonce ‖ ciphertext ‖ 16-byte tag.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from pratique.core.errors import Destroyed

VERSION = b"\x01"
NONCE, NONCES = 12, 64  # bytes of one; how many a sealer for one use draws at once


class Place(NamedTuple):
    """Where a sealed value stands. `day` is the UTC day it was written, YYYY-MM-DD."""

    table: str
    column: str
    row: str
    mandate: str
    day: str
    subject: str


class Secrets(Protocol):
    """The key store. Each method returns 32 bytes, makes the secret at first use where `make` is true,
    and raises Destroyed where it was destroyed or never made. `together` returns all three, one behind the other."""

    def mandate(self, mandate: str, *, make: bool = False) -> bytes: ...
    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes: ...
    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes: ...
    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes: ...


class Sealer:
    """Seals and opens single values. Holds no key longer than one call."""

    def __init__(self, secrets: Secrets, random: Callable[[int], bytes]) -> None:
        self._secrets = secrets
        self._random = random

    def seal(self, place: Place, plain: bytes) -> bytes:
        """Seal `plain` at `place`, making missing secrets. Raises Destroyed if one was destroyed."""
        nonce = self._nonce()
        sealed = AESGCMSIV(self._key(place, make=True)).encrypt(nonce, plain, _associated(place))
        return VERSION + nonce + sealed

    def open(self, place: Place, sealed: bytes) -> bytes:
        """The plain bytes. Raises Destroyed if a secret is gone, ValueError if the value was moved or changed."""
        if sealed[:1] != VERSION or len(sealed) < 29:
            raise ValueError(f"{place.table}.{place.column} is not a sealed value")
        try:
            return AESGCMSIV(self._key(place, make=False)).decrypt(
                sealed[1:13], sealed[13:], _associated(place)
            )
        except InvalidTag:
            raise ValueError(f"{place.table}.{place.column} was changed or moved") from None

    def blind_index(self, mandate: str, kind: str, value: str) -> bytes:
        """A look-up value for exact matches (phone, claim code): keyed, and dead when the mandate's secret is."""
        key = self._secrets.mandate(mandate, make=True)
        return hmac.digest(key, b"blind\x00" + kind.encode() + b"\x00" + value.encode(), sha256)

    def for_one_use(self) -> "Sealer":
        """The same for one use case about many values of the same people: what their secrets come to is worked out
        once and dropped with it. Nobody keeps one: a secret destroyed meanwhile must not live on."""
        return _OnceSealer(self._secrets, self._random)

    def _nonce(self) -> bytes:
        return self._random(NONCE)

    def _key(self, place: Place, *, make: bool) -> bytes:
        prk = self._extract(place.mandate, place.day, place.subject, make=make)
        return hmac.digest(prk, f"{place.table}\x00{place.column}\x00v1".encode() + b"\x01", sha256)

    def _extract(self, mandate: str, day: str, subject: str, *, make: bool) -> bytes:
        # HKDF-SHA256 (RFC 5869) with one output block: extract with a zero salt, expand with info and 0x01.
        return hmac.digest(bytes(32), self._secrets.together(mandate, day, subject, make=make), sha256)


class _OnceSealer(Sealer):
    """A sealer that lasts as long as one use case."""

    def __init__(self, secrets: Secrets, random: Callable[[int], bytes]) -> None:
        super().__init__(secrets, random)
        self._known: dict[tuple[str, str, str], bytes] = {}
        self._nonces: list[bytes] = []

    def _nonce(self) -> bytes:
        if not self._nonces:
            drawn = self._random(NONCE * NONCES)
            self._nonces = [drawn[at : at + NONCE] for at in range(0, len(drawn), NONCE)]
        return self._nonces.pop()

    def _extract(self, mandate: str, day: str, subject: str, *, make: bool) -> bytes:
        if (prk := self._known.get((mandate, day, subject))) is None:
            prk = self._known[mandate, day, subject] = super()._extract(mandate, day, subject, make=make)
        return prk


def _associated(place: Place) -> bytes:
    return "\x00".join(place).encode()


__all__ = ["Destroyed", "Place", "Sealer", "Secrets"]
