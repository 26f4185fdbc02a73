"""Token Status List (draft-ietf-oauth-status-list-20): the state of very many credentials in few bits.

Index i is the block of `bits` bits counted from the least significant end of its byte. Values: 0 valid, 1 invalid,
2 suspended, others by the application. A verifier holds whole lists, so asking tells nobody anything.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from cbor2 import CBORTag

from pratique.core.canonical import canonical_cbor, strict_json
from pratique.core.signer import Signer
from pratique.credentials.cbor import read
from pratique.credentials.cose import (
    PublicKey,
    algorithm_of,
    check_algorithm,
    header,
    is_signed,
    to_be_signed,
    unwrap,
)
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.reasons import CredentialError

VALID, INVALID, SUSPENDED = 0, 1, 2
SIZE = 1 << 20
MAX_BYTES = 16 << 20
_SUB, _EXP, _IAT, _TTL, _LIST, _TYPE = 2, 4, 6, 65534, 65533, 16
_CWT_TYPE, _JWT_TYPE = "application/statuslist+cwt", "statuslist+jwt"


class StatusList(msgspec.Struct, frozen=True):
    """`bits` is 1, 2, 4 or 8; `blocks` are the inflated bytes."""

    bits: int
    blocks: bytes

    def __post_init__(self) -> None:
        if self.bits not in (1, 2, 4, 8):
            raise _broken("bits is not 1, 2, 4 or 8")

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self.blocks) * 8 // self.bits

    def value(self, index: int) -> int:
        """The value at `index`. Raises STATUS_UNKNOWN out of bounds: no statement is not a statement."""
        place = index * self.bits
        if index < 0 or place >> 3 >= len(self.blocks):
            raise _broken("the index is outside the list")
        return (self.blocks[place >> 3] >> (place & 7)) & ((1 << self.bits) - 1)

    def pack(self) -> bytes:
        """`lst`: zlib at its highest level."""
        return zlib.compress(self.blocks, 9)

    def as_json(self) -> dict[str, Any]:
        """The JSON form, `lst` in base64url."""
        return {"bits": self.bits, "lst": b64url(self.pack())}

    def as_cbor(self) -> dict[str, Any]:
        """The CBOR form as plain values, `lst` as bytes."""
        return {"bits": self.bits, "lst": self.pack()}


def build(bits: int, size: int, values: Iterable[tuple[int, int]]) -> StatusList:
    """A list of `size` entries; those not named are 0. Raises STATUS_UNKNOWN for what does not fit."""
    import numpy as np  # who only verifies never needs it

    rows = np.array(list(values), dtype=np.int64).reshape(-1, 2)
    places, marks = rows[:, 0], rows[:, 1]
    if len(rows) and (places.min() < 0 or places.max() >= size):
        raise _broken("an index outside the list")
    if len(rows) and (marks.min() < 0 or marks.max() >> bits):
        raise _broken("a value that does not fit")
    blocks = np.zeros((size * bits + 7) // 8, dtype=np.uint8)
    np.bitwise_or.at(blocks, places * bits >> 3, (marks << (places * bits & 7)).astype(np.uint8))
    return StatusList(bits, blocks.tobytes())


def unpack(bits: Any, lst: Any, max_bytes: int = MAX_BYTES) -> StatusList:
    """A list from its compressed form. Raises STATUS_UNKNOWN where it is broken or inflates beyond `max_bytes`."""
    if type(bits) is not int or not isinstance(lst, bytes):
        raise _broken("bits or lst is missing")
    inflater = zlib.decompressobj()
    try:
        blocks = inflater.decompress(lst, max_bytes + 1)
    except zlib.error:
        raise _broken("lst is not zlib") from None
    if not inflater.eof or inflater.unused_data or len(blocks) > max_bytes:
        raise _broken("lst is cut short, too large, or has bytes behind it")
    return StatusList(bits, blocks)


def from_json(value: Any) -> StatusList:
    """A list from its JSON form."""
    if not isinstance(value, dict) or not isinstance(value.get("lst"), str):
        raise _broken("not a status list")
    return unpack(value.get("bits"), unb64url(value["lst"]))


def from_cbor(value: Any) -> StatusList:
    """A list from its CBOR form (decoded)."""
    if not isinstance(value, dict):
        raise _broken("not a status list")
    return unpack(value.get("bits"), value.get("lst"))


class Token(NamedTuple):
    """A checked status list token."""

    statuses: StatusList
    uri: str
    issued: int
    expires: int | None
    ttl: int | None


def claimed(claim: Any) -> tuple[str, int] | None:
    """Address and index of a credential's `status` claim (65535, section 6.3), None where it names no status list."""
    named = claim.get("status_list") if isinstance(claim, Mapping) else None
    if not isinstance(named, Mapping):
        return None
    uri, index = named.get("uri"), named.get("idx")
    return (uri, index) if type(uri) is str and type(index) is int and index >= 0 else None


def cwt_token(
    signer: Signer, statuses: StatusList, uri: str, issued: datetime, expires: datetime, ttl: int
) -> bytes:
    """The list as a signed CWT: tag 18, type in header 16 (section 5.2). `ttl` in seconds."""
    protected = canonical_cbor({1: -7, 4: signer.kid, _TYPE: _CWT_TYPE})
    claims = {_SUB: uri, _IAT: int(issued.timestamp()), _EXP: int(expires.timestamp()), _TTL: ttl}
    payload = canonical_cbor(claims | {_LIST: statuses.as_cbor()})
    signature = signer.sign(to_be_signed(protected, payload))
    return b"\xd2" + canonical_cbor([protected, {}, payload, signature])


def jwt_token(
    signer: Signer, statuses: StatusList, uri: str, issued: datetime, expires: datetime, ttl: int
) -> str:
    """The list as a signed JWT (section 5.1)."""
    head = {"alg": "ES256", "kid": b64url(signer.kid), "typ": _JWT_TYPE}
    claims = {"sub": uri, "iat": int(issued.timestamp()), "exp": int(expires.timestamp()), "ttl": ttl}
    signed = ".".join(
        b64url(json.dumps(p).encode()) for p in (head, claims | {"status_list": statuses.as_json()})
    )
    return f"{signed}.{b64url(signer.sign(signed.encode()))}"


def read_cwt_token(raw: bytes, key: PublicKey, uri: str, now: datetime) -> Token:
    """The list in a CWT signed by `key` for exactly `uri`. Raises CredentialError, in doubt STATUS_UNKNOWN."""
    return _for(open_cwt_token(raw, key), uri, now)


def cwt_token_kid(raw: bytes) -> bytes:
    """The key id that a CWT names. Raises CredentialError where it names none."""
    return header(unwrap(raw)).kid


def open_cwt_token(raw: bytes, key: PublicKey) -> Token:
    """The list in a CWT signed by `key`, for whichever address and time. Raises CredentialError."""
    tagged = read(raw)
    if not isinstance(tagged, CBORTag) or tagged.tag != 18 or type(tagged.value) not in (list, tuple):
        raise _broken("a status list token carries tag 18 and no other")
    sign1 = unwrap(raw)
    kind = read(sign1.protected)
    if not isinstance(kind, Mapping) or kind.get(_TYPE) != _CWT_TYPE:
        raise _broken("the type is not that of a status list token")
    check_algorithm(header(sign1).alg, key)
    if not is_signed(algorithm_of(key), key, sign1.signature, to_be_signed(sign1.protected, sign1.payload)):
        raise CredentialError("BAD_SIGNATURE", "status list token")
    claims = read(sign1.payload)
    if not isinstance(claims, dict):
        raise _broken("the claims are not a map")
    return _token(
        claims.get(_SUB),
        claims.get(_IAT),
        claims.get(_EXP),
        claims.get(_TTL),
        from_cbor(claims.get(_LIST)),
    )


def read_jwt_token(text: str, key: PublicKey, uri: str, now: datetime) -> Token:
    """The list in a JWT signed by `key` for exactly `uri`. Raises CredentialError, in doubt STATUS_UNKNOWN."""
    return _for(open_jwt_token(text, key), uri, now)


def jwt_token_kid(text: str) -> bytes:
    """The key id that a JWT names, in base64url as ours do. Raises CredentialError where it names none."""
    try:
        head = strict_json(unb64url(text.partition(".")[0]))
        return unb64url(head["kid"])
    except (ValueError, TypeError, LookupError, AttributeError):
        raise _broken("not a JWT with a key id") from None


def open_jwt_token(text: str, key: PublicKey) -> Token:
    """The list in a JWT signed by `key`, for whichever address and time. Raises CredentialError."""
    head, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    try:
        kind, claims = strict_json(unb64url(head)), strict_json(unb64url(body))
    except ValueError:
        raise _broken("not a JWT") from None
    if not isinstance(kind, dict) or not isinstance(claims, dict) or kind.get("typ") != _JWT_TYPE:
        raise _broken("the type is not that of a status list token")
    check_algorithm({"ES256": -7, "PS256": -37}.get(str(kind.get("alg")), 0), key)
    if not is_signed(algorithm_of(key), key, unb64url(signature), f"{head}.{body}".encode()):
        raise CredentialError("BAD_SIGNATURE", "status list token")
    statuses = from_json(claims.get("status_list"))
    return _token(claims.get("sub"), claims.get("iat"), claims.get("exp"), claims.get("ttl"), statuses)


def _for(token: Token, uri: str, now: datetime) -> Token:
    if token.uri != uri:
        raise _broken("the token is for another list")
    if token.expires is not None and token.expires < now.timestamp():
        raise _broken("the token has expired")
    return token


def _token(sub: Any, iat: Any, exp: Any, ttl: Any, statuses: StatusList) -> Token:
    if type(sub) is not str:
        raise _broken("the token does not say which list it is")
    if not _is_number(iat) or not (exp is None or _is_number(exp)) or not (ttl is None or _is_number(ttl)):
        raise _broken("iat, exp or ttl is not a number")
    return Token(
        statuses, sub, int(iat), None if exp is None else int(exp), None if ttl is None else int(ttl)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 40


def _broken(detail: str) -> CredentialError:
    return CredentialError("STATUS_UNKNOWN", detail)
