"""HC1, the chain of HCERT and the EU DCC: prefix, base45, zlib, COSE, CWT (hcert-spec 1.0, WHO smart-trust 3.2.7).

Each step stands alone so that it can be checked alone; `check_hcert` walks them all. The signature is checked over
the bytes as received, and contents are looked at only after it.
"""

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from pratique.credentials import base45, dcc
from pratique.credentials.cbor import read
from pratique.credentials.cose import ES256, PS256, Header, Sign1, header, is_signed, to_be_signed, unwrap
from pratique.credentials.icvp import icvp_fault
from pratique.credentials.jose import b64url
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.reasons import (
    BadCbor,
    BadCompression,
    BadText,
    CredentialError,
    TooLarge,
)
from pratique.credentials.snapshot import Snapshot, TrustKey

PREFIX = "HC1:"
MAX_INFLATED = 64 << 10
MAX_SEEN_HEADERS = 4096
_ISS, _EXP, _IAT, _HCERT = 1, 4, 6, -260
_DCC, _ICVP = 1, -6


class Cwt(NamedTuple):
    """The claims; times in seconds since 1970 as the issuer wrote them, floats included."""

    iss: str | None
    iat: float
    exp: float
    hcert: Mapping[Any, Any]


def inflate(raw: bytes) -> bytes:
    """RFC 1950 data, at most 64 KiB inflated. Raises BadCompression or TooLarge."""
    if raw[:1] != b"\x78":
        raise BadCompression("not zlib")
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(raw, MAX_INFLATED)
    except zlib.error:
        raise BadCompression("broken zlib data") from None
    if not inflater.eof:
        if len(inflated) == MAX_INFLATED:
            raise TooLarge("inflates beyond 64 KiB")
        raise BadCompression("cut short")
    if inflater.unused_data:
        raise BadCompression("bytes behind the compressed data")
    return inflated


def read_claims(payload: bytes) -> Cwt:
    """The claims of a CWT payload. Raises BadCbor where they are not those of an HCERT, TooLarge beyond 16 levels."""
    claims = read(payload)
    if type(claims) is not dict:
        raise BadCbor("the claims are not a map")
    iss, iat, exp, hcert = claims.get(_ISS), claims.get(_IAT), claims.get(_EXP), claims.get(_HCERT)
    if not (_is_number(iat) and _is_number(exp)):
        raise BadCbor("iat or exp is missing or not a number")
    if type(hcert) is not dict or not hcert:
        raise BadCbor("there is no health certificate inside")
    if _DCC in hcert and type(hcert[_DCC]) is not dict:
        raise BadCbor("the health certificate is not a map")
    return Cwt(iss if type(iss) is str else None, iat, exp, hcert)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return type(value) is int or type(value) is float


def check_hcert(text: str, now: float, snapshot: Snapshot) -> Outcome:
    """Verify an HC1 text. `now` in seconds since 1970."""
    try:
        raw = base45.decode(text[4:])
    except BadText as fault:
        return _refused(fault, Stages(prefix=True, base45=False))
    try:
        inflated = inflate(raw)
    except CredentialError as fault:
        return _refused(fault, Stages(prefix=True, base45=True, compression=False))
    try:
        sign1 = unwrap(inflated)
        head = snapshot.seen_headers.get(sign1.protected) or header(sign1)
    except CredentialError as fault:
        return _refused(fault, _UNPACKED_BADLY)
    try:
        key = _signed_by(sign1, head, snapshot)
    except CredentialError as fault:
        return _refused(fault, _NOT_SIGNED)
    try:
        claims = read_claims(sign1.payload)
    except CredentialError as fault:
        return _refused(fault, _UNPACKED_BADLY)
    return _judged(sign1, head, key, claims, now, snapshot)


_UNPACKED_BADLY = Stages(prefix=True, base45=True, compression=True, cose=False)
_NOT_SIGNED = Stages(prefix=True, base45=True, compression=True, cose=True, signature=False)


def _refused(fault: CredentialError, stages: Stages) -> Outcome:
    return Outcome(ok=False, format="HC1", reason=fault.code, stages=stages, detail=fault.detail)


def _signed_by(sign1: Sign1, head: Header, snapshot: Snapshot) -> TrustKey:
    """The key that signed. Every key listed under the kid is tried; the algorithm must be the key's own."""
    if head.alg not in (ES256, PS256):
        raise CredentialError("ALG_NOT_ALLOWED")
    keys = snapshot.keys_for("hcert", head.kid)
    if not keys:
        raise CredentialError("UNKNOWN_KEY")
    fitting = [key for key in keys if key.alg == head.alg]
    if not fitting:
        raise CredentialError("ALG_KEY_MISMATCH")
    if head.alg == ES256 and len(sign1.signature) != 64:
        raise CredentialError("SIGNATURE_FORMAT")
    message = to_be_signed(sign1.protected, sign1.payload)
    for key in fitting:
        if is_signed(key.public, sign1.signature, message):
            _remember(sign1, head, snapshot)
            return key
    raise CredentialError("BAD_SIGNATURE")


def _remember(sign1: Sign1, head: Header, snapshot: Snapshot) -> None:
    # Only a header that says everything by itself: nothing unprotected may be remembered for another credential.
    seen = snapshot.seen_headers
    if not sign1.unprotected and sign1.protected not in seen and len(seen) < MAX_SEEN_HEADERS:
        seen[sign1.protected] = head


def _judged(
    sign1: Sign1, head: Header, key: TrustKey, claims: Cwt, now: float, snapshot: Snapshot
) -> Outcome:
    certificate = dcc.tidy(claims.hcert.get(_DCC))
    content = {str(_DCC): certificate}
    findings: list[str] = []
    reason, detail = _time_fault(claims, key, now)
    in_time = claims.iat <= now <= claims.exp
    if type(certificate) is dict:
        usable = not key.usages or key.usages.issuperset(dcc.types_of(certificate))
        broken = dcc.schema_fault(certificate)
        if broken:
            findings.append("SCHEMA")
        if snapshot.value_sets and any(dcc.unknown_codes(certificate, snapshot.value_sets)):
            findings.append("CODE_UNKNOWN")
        if not usable:
            reason = reason or "KEY_USAGE"
        elif not dcc.is_single(certificate):
            reason, detail = reason or "SCHEMA", detail or "not exactly one entry of exactly one type"
        if snapshot.hashes and _is_revoked(sign1, head, key, claims, certificate, now, snapshot):
            reason = reason or "REVOKED"
    else:
        usable = True
        content = {str(_ICVP): dcc.tidy(claims.hcert.get(_ICVP))}
        broken = icvp_fault(content[str(_ICVP)]) if snapshot.icvp else "no content that is read here"
        if broken:
            reason, detail = reason or "SCHEMA", detail or broken
    if snapshot.expires <= now:
        findings.append("LISTS_STALE")
    return Outcome(
        ok=reason is None,
        format="HC1",
        reason=reason,
        stages=Stages(
            prefix=True,
            base45=True,
            compression=True,
            cose=True,
            signature=True,
            expiry=in_time,
            key_usage=usable,
            schema=broken is None,
        ),
        claims={
            "iss": claims.iss,
            "iat": claims.iat,
            "exp": claims.exp,
            "kid": b64url(head.kid),
            "country": key.issuer,
            "hcert": content,
        },
        findings=tuple(findings),
        detail=detail or broken or "",
    )


def _time_fault(claims: Cwt, key: TrustKey, now: float) -> tuple[str | None, str]:
    if not now <= claims.exp:
        return "EXPIRED", ""
    if not claims.iat <= now:
        return "NOT_YET_VALID", ""
    if not (key.covers(claims.iat) and key.covers(claims.exp)):
        return "KEY_NOT_VALID", "the key's validity does not cover iat and exp"
    return None, ""


def _is_revoked(
    sign1: Sign1,
    head: Header,
    key: TrustKey,
    claims: Cwt,
    certificate: Mapping[str, Any],
    now: float,
    snapshot: Snapshot,
) -> bool:
    entries = [
        entry
        for kind in dcc.types_of(certificate)
        if type(certificate[kind]) is list
        for entry in certificate[kind]
        if type(entry) is dict
    ]
    ids = [entry["ci"] for entry in entries if type(entry.get("ci")) is str]
    countries = {entry["co"] for entry in entries if type(entry.get("co")) is str} | {
        claims.iss or key.issuer
    }
    return any(
        snapshot.hashes.revoked(country, head.kid, ids, sign1.signature, head.alg, now)
        for country in countries
    )
