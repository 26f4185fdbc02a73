"""A gate's challenge: its signed identity and a nonce, for when a phone's clock and a gate's disagree. Pure.

    text        = "PQG1:" + base45(CBOR [certificate: bstr, challenge: bstr])
    certificate = COSE_Sign1 [bstr({1: -7, 4: kid8}), {}, bstr(claims), bstr(64)], untagged, by a key that signs passes
    its claims  = {4: exp, 6: iat, 8: {1: {1: 1, -1: 6, -2: bstr(32)}}, -70011: gate: bstr(16), -70012: [en, zh-Hans]}
    challenge   = COSE_Sign1 [bstr({1: -8}), {}, bstr(claims), bstr(64)], untagged, by the gate's own key
    its claims  = {4: exp, 6: iat, -70013: nonce: bstr(8), -70014: mandate: bstr(16)}

The holder's wallet reads it and knows who asks before it shows anything; its answer is a presentation with the nonce,
good whatever the phone's clock says. Everything is deterministic CBOR and is refused in any other form.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cbor2 import dumps
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials import base45
from pratique.credentials.cbor import read as decode
from pratique.credentials.cose import EDDSA, ES256, is_signed, to_be_signed
from pratique.credentials.reasons import BadCbor, BadCose, CredentialError, TooLarge

PREFIX = "PQG1:"
MAX_TEXT = 1500
MAX_PLACE = 120  # bytes of a place's name, in each language
OPEN_FOR = timedelta(seconds=60)
CERTIFIED_FOR = timedelta(days=30)

_EXP, _IAT, _CNF, _GATE, _PLACE, _NONCE, _MANDATE = 4, 6, 8, -70011, -70012, -70013, -70014


class GateCertificate(NamedTuple):
    """What a gate is, as the server that enrolled it says."""

    gate: bytes
    place: Text
    device_key: bytes
    kid: bytes
    issued: int
    expires: int


class Challenge(NamedTuple):
    """A gate's challenge, checked. `at` and `until` are by the gate's clock, in seconds since 1970."""

    certificate: GateCertificate
    nonce: bytes
    mandate: bytes
    at: int
    until: int


def certify(
    signer: Signer, gate: bytes, place: Text, device_key: bytes, issued: datetime, expires: datetime
) -> bytes:
    """A gate's certificate. `signer` signs passes (ES256). Raises ValueError for parts of the wrong size."""
    names = [_cut(place.en), _cut(place.zh_hans)]
    if len(gate) != 16 or len(device_key) != 32 or expires <= issued:
        raise ValueError(
            "a gate has an id of 16 bytes and a key of 32, and its certificate ends after it begins"
        )
    claims = {
        _EXP: int(expires.timestamp()),
        _IAT: int(issued.timestamp()),
        _CNF: {1: {1: 1, -1: 6, -2: device_key}},
        _GATE: gate,
        _PLACE: names,
    }
    protected, payload = dumps({1: ES256, 4: signer.kid}), dumps(claims)
    return dumps([protected, {}, payload, signer.sign(to_be_signed(protected, payload))])


def make_challenge(
    sign: Callable[[bytes], bytes], certificate: bytes, nonce: bytes, mandate: bytes, now: datetime
) -> str:
    """The text of the code a gate shows. `sign` is Ed25519 by the device's key; `nonce` 8 fresh bytes."""
    if len(nonce) != 8 or len(mandate) != 16:
        raise ValueError("a nonce has 8 bytes, a mandate's id 16")
    at = int(now.timestamp())
    claims = {_EXP: at + int(OPEN_FOR.total_seconds()), _IAT: at, _NONCE: nonce, _MANDATE: mandate}
    protected, payload = dumps({1: EDDSA}), dumps(claims)
    challenge = dumps([protected, {}, payload, sign(to_be_signed(protected, payload))])
    return PREFIX + base45.encode(dumps([certificate, challenge]))


def read_certificate(
    raw: bytes, keys: Mapping[bytes, Iterable[ec.EllipticCurvePublicKey]]
) -> GateCertificate:
    """Check a certificate against the keys that sign passes, by key id.

    Raises CredentialError: BAD_CBOR, BAD_COSE, UNKNOWN_KEY or BAD_SIGNATURE. Times are for the caller to judge.
    """
    protected, payload, signature = _sign1(raw)
    header = _exact(protected)
    kid = (
        header.get(4) if isinstance(header, dict) and list(header) == [1, 4] and header[1] == ES256 else None
    )
    if not isinstance(kid, bytes) or len(kid) != 8:
        raise BadCose("not the header of a gate's certificate")
    known = list(keys.get(kid, ()))
    if not known:
        raise CredentialError("UNKNOWN_KEY")
    message = to_be_signed(protected, payload)
    if not any(is_signed(ES256, key, signature, message) for key in known):
        raise CredentialError("BAD_SIGNATURE")
    return _certificate(_exact(payload), kid)


def read_challenge(text: str, keys: Mapping[bytes, Iterable[ec.EllipticCurvePublicKey]]) -> Challenge:
    """Check a gate's challenge as a wallet does. Times are not judged: the phone's clock is what is in doubt.

    Raises CredentialError: UNKNOWN_PREFIX, TOO_LARGE, BAD_TEXT, BAD_CBOR, BAD_COSE, UNKNOWN_KEY or BAD_SIGNATURE.
    """
    if not text.startswith(PREFIX):
        raise CredentialError("UNKNOWN_PREFIX")
    if len(text) > MAX_TEXT:
        raise TooLarge("longer than any gate's challenge")
    parts = _exact(base45.decode(text[len(PREFIX) :]))
    if not (isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, bytes) for part in parts)):
        raise BadCose("not a certificate and a challenge")
    certificate = read_certificate(parts[0], keys)
    protected, payload, signature = _sign1(parts[1])
    claims = _exact(payload)
    if _exact(protected) != {1: EDDSA} or not _are(claims, {_EXP: int, _IAT: int, _NONCE: 8, _MANDATE: 16}):
        raise BadCose("not a gate's challenge")
    try:
        Ed25519PublicKey.from_public_bytes(certificate.device_key).verify(
            signature, to_be_signed(protected, payload)
        )
    except (InvalidSignature, ValueError):
        raise CredentialError("BAD_SIGNATURE") from None
    return Challenge(certificate, claims[_NONCE], claims[_MANDATE], claims[_IAT], claims[_EXP])


def _certificate(claims: Any, kid: bytes) -> GateCertificate:
    if not _are(claims, {_EXP: int, _IAT: int, _CNF: dict, _GATE: 16, _PLACE: list}):
        raise BadCose("not the claims of a gate's certificate")
    key, place = claims[_CNF].get(1), claims[_PLACE]
    if not (isinstance(key, dict) and _are(key, {1: int, -1: int, -2: 32}) and (key[1], key[-1]) == (1, 6)):
        raise BadCose("the gate's key is not Ed25519")
    if len(place) != 2 or not all(
        isinstance(name, str) and len(name.encode()) <= MAX_PLACE for name in place
    ):
        raise BadCose("the place is not named in two languages")
    return GateCertificate(claims[_GATE], Text(*place), key[-2], kid, claims[_IAT], claims[_EXP])


def _are(claims: Any, kinds: Mapping[int, type | int]) -> bool:
    """Exactly these keys in this order; a number stands for so many bytes."""
    if not isinstance(claims, dict) or list(claims) != list(kinds):
        return False
    return all(
        isinstance(claims[key], bytes) and len(claims[key]) == kind
        if isinstance(kind, int)
        else type(claims[key]) is kind
        for key, kind in kinds.items()
    )


def _sign1(raw: bytes) -> tuple[bytes, bytes, bytes]:
    parts = _exact(raw)
    if not (isinstance(parts, list) and len(parts) == 4 and parts[1] == {}):
        raise BadCose("not an array of four")
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)) or len(signature) != 64:
        raise BadCose("the parts are not of their types")
    return protected, payload, signature


def _exact(raw: bytes) -> Any:
    value = decode(raw)
    if dumps(value) != raw:
        raise BadCbor("not the deterministic form")
    return value


def _cut(name: str) -> str:
    return name.encode()[:MAX_PLACE].decode("utf-8", "ignore")
