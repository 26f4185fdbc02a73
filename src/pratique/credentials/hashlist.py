"""Revocation of EU certificates by 128-bit hashes (DCC gateway `RevocationBatchDto`), to read only.

A hash is the first 16 bytes of SHA-256 over the certificate id (UCI), over the COSE signature, or over country
code ‖ UCI. Bloom forms are not taken: their false hits refuse honest people.
"""

from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from pratique.credentials.cose import PS256
from pratique.credentials.reasons import BadTrust

HashType = Literal["SIGNATURE", "UCI", "COUNTRYCODEUCI"]
MAX_ENTRIES = 1000
ANY_KID = b""


class HashBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One batch: `kid` empty counts for every key of `country`; `expires` in seconds since 1970."""

    country: str
    kid: bytes
    hash_type: HashType
    expires: int
    hashes: bytes  # 16 bytes each, one after the other


class HashLists:
    """All batches, indexed by kind, country and key."""

    def __init__(self, batches: Iterable[HashBatch]) -> None:
        self._sets: dict[tuple[str, str, bytes], dict[bytes, int]] = {}
        for batch in batches:
            if len(batch.hashes) % 16:
                raise BadTrust("a revocation batch whose hashes are not 16 bytes each")
            place = self._sets.setdefault((batch.hash_type, batch.country, batch.kid), {})
            for at in range(0, len(batch.hashes), 16):
                one = batch.hashes[at : at + 16]
                place[one] = max(batch.expires, place.get(one, 0))

    def __bool__(self) -> bool:
        return bool(self._sets)

    def revoked(
        self, country: str, kid: bytes, ucis: Iterable[str], signature: bytes, alg: int, now: float
    ) -> bool:
        """True if a batch that is alive at `now` names this certificate.

        For ES256 the signature's hash covers its first half only, since r alone cannot be changed into another
        good signature (s can); for PS256 all of it.
        """
        signed = signature if alg == PS256 else signature[: len(signature) // 2]
        wanted = [("SIGNATURE", _hash(signed))]
        for uci in ucis:
            wanted += [("UCI", _hash(uci.encode())), ("COUNTRYCODEUCI", _hash((country + uci).encode()))]
        return any(
            self._sets.get((kind, country, key), {}).get(one, -1) >= now
            for kind, one in wanted
            for key in (kid, ANY_KID)
        )


def read_batch(value: Any) -> HashBatch:
    """A batch from its JSON form (decoded). Raises BadTrust for any other form, and for more than 1,000 entries."""
    try:
        entries = value["entries"]
        if len(entries) > MAX_ENTRIES:
            raise BadTrust("more than 1000 entries in one revocation batch")
        kid = value["kid"]
        return HashBatch(
            country=value["country"],
            kid=ANY_KID if kid == "UNKNOWN_KID" else b64decode(kid, validate=True),
            hash_type=msgspec.convert(value["hashType"], HashType),
            expires=int(msgspec.convert(value["expires"], datetime).timestamp()),
            hashes=b"".join(_one(entry["hash"]) for entry in entries),
        )
    except (KeyError, TypeError, ValueError, msgspec.ValidationError):
        raise BadTrust("not a revocation batch") from None


def _one(text: str) -> bytes:
    raw = b64decode(text, validate=True)
    if len(raw) != 16:
        raise ValueError("a hash of another length")
    return raw


def _hash(raw: bytes) -> bytes:
    return sha256(raw).digest()[:16]
