"""PQ1, the pass of the house: short-lived, bound to a key on the holder's device, without name or health fact.

    text         = "PQ1:" + base45(CBOR)
    presentation = [credential: bstr, shown: uint, proof: bstr(64)]                    a device
                 / [credential: bstr, shown: uint, nonce: bstr(8), proof: bstr(64)]    answer to a gate's challenge
                 / the credential's own array                                          paper
    credential   = COSE_Sign1 [bstr({1: -7, 4: kid8}), {}, bstr(claims), bstr(64)], untagged
    claims       = {4: exp, 6: iat, ? 8: {1: {1: 2, -1: 1, -2: bstr(32), -3: bool}},
                    -70001: [class, ? hints], ? -70003: [list, index]}
    proof        = ES256 by the holder's key over CBOR ["PQ1", SHA-256(credential), shown, ? nonce]

Everything is deterministic CBOR and is refused in any other form. This file knows no clock and no trust list.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, TypeGuard

from cbor2 import dumps
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.signer import Signer
from pratique.credentials import base45
from pratique.credentials.cbor import encode_number
from pratique.credentials.cbor import read as decode
from pratique.credentials.cose import ES256, Sign1, bytes_head, to_be_signed
from pratique.credentials.reasons import BadCbor, BadCose, CredentialError, NotIssued, TooLarge

PREFIX = "PQ1:"
CLEAR, CONDITIONS = 1, 2
MAX_TEXT = 1024
MAX_PAPER_DAYS = 28

_EXP, _IAT, _CNF, _CLASS, _STATUS = 4, 6, 8, -70001, -70003
_CLAIMS = (_EXP, _IAT, _CNF, _CLASS, _STATUS)  # in the order of their encoded bytes
_TIME_LIMIT = 1 << 40


class Claims(NamedTuple):
    """What a pass says. `holder` is None on paper; `hints` are [given initial, family initial, day, month] or None."""

    pass_class: int
    issued: int
    expires: int
    holder: tuple[bytes, bool] | None
    hints: tuple[Any, ...] | None
    status: tuple[int, int] | None


class Presentation(NamedTuple):
    """A pass as shown. Without a proof it is paper."""

    credential: bytes
    sign1: Sign1
    kid: bytes
    claims: Claims
    shown: int | None
    nonce: bytes | None
    proof: bytes | None


def issue_pass(
    signer: Signer,
    holder_key: bytes | None,
    pass_class: int,
    issued: datetime,
    expires: datetime,
    status: tuple[int, int] | None,
    hints: Sequence[str | int | None] | None = None,
) -> bytes:
    """A signed pass as COSE_Sign1 bytes.

    `holder_key` is a P-256 point of 33 or 65 bytes, or None for paper; `status` is (list, index). `hints` are for
    paper. Raises NotIssued for a point that is not on the curve, a class below 1 or a life that is not positive.
    """
    if pass_class < 1 or expires <= issued:
        raise NotIssued("a pass has a class of 1 or more and ends after it begins")
    ends, begins = int(expires.timestamp()), int(issued.timestamp())
    if hints is None and begins > 0xFFFF and ends <= 0xFFFFFFFF and pass_class < 24:
        # What a release makes ten times a tube, written by hand: `_payload` byte for byte (a test holds it to that).
        count = 3 + (holder_key is not None) + (status is not None)
        payload = b"%c\x04\x1a%b\x06\x1a%b" % (
            0xA0 + count,
            ends.to_bytes(4, "big"),
            begins.to_bytes(4, "big"),
        )
        if holder_key is not None:
            x, odd = compress(holder_key)
            payload += b"\x08\xa1\x01\xa4\x01\x02\x20\x01\x21\x58\x20%b\x22%b" % (
                x,
                b"\xf5" if odd else b"\xf4",
            )
        payload += b"\x3a\x00\x01\x11\x70\x81%c" % pass_class
        if status is not None:
            payload += b"\x3a\x00\x01\x11\x72\x82%b%b" % (encode_number(status[0]), encode_number(status[1]))
    else:
        payload = _payload(holder_key, pass_class, begins, ends, status, hints)
    protected = b"\xa2\x01\x26\x04%b%b" % (bytes_head(len(signer.kid)), signer.kid)
    signature = signer.sign(to_be_signed(protected, payload))
    return b"\x84%b%b\xa0%b%b%b%b" % (
        bytes_head(len(protected)), protected, bytes_head(len(payload)), payload, bytes_head(len(signature)), signature,
    )  # fmt: skip


def _payload(
    holder_key: bytes | None, pass_class: int, begins: int, ends: int, status: tuple[int, int] | None,
    hints: Sequence[str | int | None] | None,
) -> bytes:  # fmt: skip
    """The claims in the order of their encoded bytes, which makes plain encoding the deterministic one."""
    shows: list[Any] = [pass_class] if hints is None else [pass_class, list(hints)]
    claims: dict[int, Any] = {_EXP: ends, _IAT: begins}
    if holder_key is not None:
        x, odd = compress(holder_key)
        claims[_CNF] = {1: {1: 2, -1: 1, -2: x, -3: odd}}
    claims[_CLASS] = shows
    if status is not None:
        claims[_STATUS] = list(status)
    return dumps(claims)


_P = (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def compress(point: bytes) -> tuple[bytes, bool]:
    """x and the sign of y of a P-256 point in 33 or 65 bytes. Raises NotIssued if it is not on the curve."""
    if len(point) == 65 and point[0] == 4:
        x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
        if x >= _P or y >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
            raise NotIssued("not a point of P-256")
        return point[1:33], bool(y & 1)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise NotIssued("not a point of P-256") from None
    if len(point) != 33:
        raise NotIssued("not a point of P-256")
    return point[1:], point[0] == 3


def proof_message(credential: bytes, shown: int, nonce: bytes | None = None) -> bytes:
    """What the holder's key signs: these bytes, with ES256 (SHA-256 over them)."""
    parts: list[Any] = ["PQ1", sha256(credential).digest(), shown]
    return dumps(parts if nonce is None else [*parts, nonce])


def present(credential: bytes, shown: int, proof: bytes, nonce: bytes | None = None) -> str:
    """The text of the code on a screen. `shown` is in seconds since 1970, `proof` r‖s over `proof_message`."""
    parts: list[Any] = [credential, shown, proof] if nonce is None else [credential, shown, nonce, proof]
    return PREFIX + base45.encode(dumps(parts))


def paper(credential: bytes) -> str:
    """The text of the code on a card: the credential alone, without proof."""
    return PREFIX + base45.encode(credential)


def read(text: str) -> Presentation:
    """Take a PQ1 text apart. Checks form only: no signature, no time.

    Raises CredentialError: UNKNOWN_PREFIX, TOO_LARGE, BAD_TEXT, BAD_CBOR, BAD_COSE or BAD_HEADER.
    """
    if not text.startswith(PREFIX):
        raise CredentialError("UNKNOWN_PREFIX")
    if len(text) > MAX_TEXT:
        raise TooLarge("longer than any pass")
    return read_cbor(base45.decode(text[len(PREFIX) :]))


def read_cbor(raw: bytes) -> Presentation:
    """`read` from the decoded bytes on."""
    parts = _exact(raw)
    if not isinstance(parts, list) or len(parts) not in (3, 4):
        raise BadCose("neither a presentation nor a credential")
    if len(parts) == 4 and isinstance(parts[1], dict):
        return _presentation(raw, parts, None, None, None)
    credential, shown, *nonces, proof = parts
    nonce = nonces[0] if nonces else None
    if not (
        isinstance(credential, bytes)
        and _is_time(shown)
        and isinstance(proof, bytes)
        and len(proof) == 64
        and (nonce is None or (isinstance(nonce, bytes) and len(nonce) == 8))
    ):
        raise BadCose("the parts of the presentation are not of their types")
    return _presentation(credential, _exact(credential), shown, nonce, proof)


def _exact(raw: bytes) -> Any:
    """The value in `raw` if it is written as we would write it: shortest forms, definite lengths, nothing twice.

    The order of map keys is left as it is; the few maps of a pass are held to theirs where they are read.
    """
    value = decode(raw)
    if dumps(value) != raw:
        raise BadCbor("not the deterministic form")
    return value


def _in_order(found: Iterable[int], order: Sequence[int]) -> bool:
    places = [order.index(key) for key in found]
    return places == sorted(places)


def _presentation(
    credential: bytes, parts: Any, shown: int | None, nonce: bytes | None, proof: bytes | None
) -> Presentation:
    if not isinstance(parts, list) or len(parts) != 4:
        raise BadCose("not an array of four")
    protected, unprotected, payload, signature = parts
    if not isinstance(protected, bytes) or unprotected != {} or not isinstance(payload, bytes):
        raise BadCose("the parts of the credential are not of their types")
    if not isinstance(signature, bytes) or len(signature) != 64:
        raise CredentialError("SIGNATURE_FORMAT", "the signature is not 64 bytes")
    header = _exact(protected)
    if not isinstance(header, dict) or list(header) != [1, 4] or type(header[1]) is not int:
        raise CredentialError("BAD_HEADER")
    kid = header[4]
    if not isinstance(kid, bytes) or len(kid) != 8:
        raise CredentialError("BAD_HEADER", "the key id is not 8 bytes")
    if header[1] != ES256:
        raise CredentialError("ALG_NOT_ALLOWED")
    sign1 = Sign1(protected, unprotected, payload, signature)
    return Presentation(credential, sign1, kid, _claims(_exact(payload)), shown, nonce, proof)


def _claims(claims: Any) -> Claims:
    if not isinstance(claims, dict) or not claims.keys() <= set(_CLAIMS):
        raise BadCose("unknown claims")
    if not _in_order(claims, _CLAIMS):
        raise BadCbor("not the deterministic form")
    expires, issued, shows = claims.get(_EXP), claims.get(_IAT), claims.get(_CLASS)
    if not (_is_time(expires) and _is_time(issued) and isinstance(shows, list) and len(shows) in (1, 2)):
        raise BadCose("exp, iat or class is missing or not of its type")
    if type(shows[0]) is not int or not 1 <= shows[0] <= 255:
        raise BadCose("the class is not a small number")
    hints = _hints(shows[1]) if len(shows) == 2 else None
    status = claims.get(_STATUS)
    if status is not None and not (
        isinstance(status, list)
        and len(status) == 2
        and all(type(n) is int and 0 <= n < 1 << 32 for n in status)
    ):
        raise BadCose("the status is not a list and an index")
    return Claims(
        pass_class=shows[0],
        issued=issued,
        expires=expires,
        holder=holder_of(claims[_CNF]) if _CNF in claims else None,
        hints=hints,
        status=(status[0], status[1]) if status else None,
    )


def _hints(hints: Any) -> tuple[Any, ...]:
    if not isinstance(hints, list) or len(hints) != 4:
        raise BadCose("hints are four places")
    for hint, kind in zip(hints, (str, str, int, int), strict=True):
        if hint is not None and (type(hint) is not kind or len(str(hint)) > 2):
            raise BadCose("a hint is not of its type")
    return tuple(hints)


def holder_of(cnf: Any) -> tuple[bytes, bool]:
    """x and the sign of y in a `cnf` claim. Raises BadCose for any other form."""
    key = cnf.get(1) if isinstance(cnf, dict) and cnf.keys() == {1} else None
    if not isinstance(key, dict) or list(key) != [1, -1, -2, -3] or key[1] != 2 or key[-1] != 1:
        raise BadCose("the holder's key is not P-256")
    if not isinstance(key[-2], bytes) or len(key[-2]) != 32 or not isinstance(key[-3], bool):
        raise BadCose("the holder's key is not compressed")
    return key[-2], key[-3]


def _is_time(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _TIME_LIMIT


def holder_public_key(holder: tuple[bytes, bool]) -> ec.EllipticCurvePublicKey:
    """The holder's key. Raises BadCose where x is not on the curve."""
    x, odd = holder
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), (b"\x03" if odd else b"\x02") + x)
    except ValueError:
        raise BadCose("the holder's key is not on the curve") from None
