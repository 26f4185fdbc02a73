"""HC1, the chain of HCERT and the EU DCC: prefix, base45, zlib, COSE, CWT (hcert-spec 1.0, WHO smart-trust 3.2.7).

Each step stands alone so that it can be checked alone; `check_hcert` walks them all. The signature is checked over
the bytes as received, and contents are looked at only after it.
"""

import zlib
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple, TypeGuard

from pratique.credentials import base45, dcc, proposals, status
from pratique.credentials.cbor import read
from pratique.credentials.cose import header, unwrap
from pratique.credentials.envelope import Signed, remember, signed_as_before, signed_by
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.reasons import BadCbor, BadCompression, BadText, CredentialError, TooLarge
from pratique.credentials.snapshot import Snapshot, TrustKey

PREFIX = "HC1:"
MAX_INFLATED, _USUAL = 64 << 10, 1 << 10
_ISS, _EXP, _IAT, _HCERT, _STATUS = 1, 4, 6, -260, 65535
_DCC = 1


class Cwt(NamedTuple):
    """The claims; times in seconds since 1970 as the issuer wrote them, floats included; `status` as it was read."""

    iss: str | None
    iat: float
    exp: float
    hcert: Mapping[Any, Any]
    status: Any = None


def inflate(raw: bytes) -> bytes:
    """RFC 1950 data, at most 64 KiB inflated. Raises BadCompression or TooLarge."""
    if raw[:1] != b"\x78":
        raise BadCompression("not zlib")
    inflater = zlib.decompressobj()
    try:  # room for what nearly every one is: to set up more takes longer than to inflate
        inflated = inflater.decompress(raw, _USUAL)
        if not inflater.eof and len(inflated) == _USUAL:
            inflated += inflater.decompress(inflater.unconsumed_tail, MAX_INFLATED - _USUAL)
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
    return Cwt(iss if type(iss) is str else None, iat, exp, hcert, claims.get(_STATUS))


def _is_number(value: Any) -> TypeGuard[int | float]:
    return type(value) is int or (type(value) is float and isfinite(value))


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
    signed = signed_as_before(inflated, snapshot)
    if signed is None:
        try:
            sign1 = unwrap(inflated)
            head = header(sign1)
        except CredentialError as fault:
            return _refused(fault, _UNPACKED_BADLY)
        try:
            signed = signed_by(sign1, head, snapshot)
        except CredentialError as fault:
            return _refused(fault, _NOT_SIGNED)
        remember(inflated, sign1, signed.key, snapshot)
    try:
        claims = read_claims(signed.payload)
    except CredentialError as fault:
        return _refused(fault, _UNPACKED_BADLY)
    if _is_plainly_good(signed.key, claims, now, snapshot):
        return Outcome(True, "HC1", None, _ALL_GOOD, _said(claims, signed.key, {"1": claims.hcert[_DCC]}))
    return _judged(signed, claims, now, snapshot)


_UNPACKED_BADLY = Stages(prefix=True, base45=True, compression=True, cose=False)
_NOT_SIGNED = Stages(prefix=True, base45=True, compression=True, cose=True, signature=False)
_ALL_GOOD = Stages(True, True, True, True, True, True, True, True)


def _refused(fault: CredentialError, stages: Stages) -> Outcome:
    return Outcome(ok=False, format="HC1", reason=fault.code, stages=stages, detail=fault.detail)


class _Content(NamedTuple):
    """What the contents say: the tidied contents, fault of form, whether anything usable is there, right type, and
    whether there is a model to judge the form by."""

    content: dict[str, Any]
    fault: str | None
    single: bool
    usable: bool
    checked: bool = True


def _is_plainly_good(key: TrustKey, claims: Cwt, now: float, snapshot: Snapshot) -> bool:
    """True for what nearly every certificate is: in time, tidy, of a type its key may sign, and nothing else to ask.
    What it lets through `_judged` would let through in the same words (the vectors hold both to one answer)."""
    certificate = claims.hcert.get(_DCC)
    if certificate is None or claims.status is not None or snapshot.asks_more or snapshot.expires <= now:
        return False
    if not (key.valid_from <= claims.iat <= now <= claims.exp <= key.valid_to):
        return False
    kind = dcc.plain_kind(certificate)
    return bool(kind) and (not key.usages or kind in key.usages)


def _said(claims: Cwt, key: TrustKey, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "iss": claims.iss,
        "iat": claims.iat,
        "exp": claims.exp,
        "kid": key.kid_text,
        "country": key.issuer,
        "hcert": content,
    }


_NOT_READ = ("no content that is read here", True)


def _judged(signed: Signed, claims: Cwt, now: float, snapshot: Snapshot) -> Outcome:
    key = signed.key
    reason = _time_fault(claims, key, now)
    content, broken, single, usable, checked = _content(claims, key, snapshot)
    if reason is None:
        reason = None if usable and single else "SCHEMA" if usable else "KEY_USAGE"
    findings = ["SCHEMA"] if broken else []
    if snapshot.value_sets and any(dcc.unknown_codes(content.get("1") or {}, snapshot.value_sets)):
        findings.append("CODE_UNKNOWN")
    if reason is None and snapshot.hashes and _is_revoked(signed, claims, content, now, snapshot):
        reason = "REVOKED"
    detail = broken or ""
    if reason is None and claims.status is not None:
        reason, told = _status_fault(claims.status, key, now, snapshot)
        detail = told or detail
        if told and reason is None:
            findings.append("STATUS_UNKNOWN")
    if snapshot.expires <= now:
        findings.append("LISTS_STALE")
    stages = _ALL_GOOD
    if reason or broken or not checked:
        in_time = claims.iat <= now <= claims.exp
        stages = Stages(True, True, True, True, True, in_time, usable, broken is None if checked else None)
    said = _said(claims, key, content)
    return Outcome(reason is None, "HC1", reason, stages, said, tuple(findings), broken or "")


def _content(claims: Cwt, key: TrustKey, snapshot: Snapshot) -> _Content:
    if _DCC not in claims.hcert:
        number = next((one for one in proposals.PROPOSALS if one in claims.hcert), proposals.ICVP)
        other = dcc.tidy(claims.hcert.get(number))
        fault, checked = proposals.examine(number, other) if snapshot.icvp else _NOT_READ
        return _Content({str(number): other}, fault, fault is None, True, checked)
    certificate, fault = dcc.examine(claims.hcert[_DCC])
    single = fault is None or dcc.is_single(certificate)
    usable = not key.usages or key.usages.issuperset(dcc.types_of(certificate))
    return _Content({"1": certificate}, fault, single, usable)


def _time_fault(claims: Cwt, key: TrustKey, now: float) -> str | None:
    if claims.iat <= now <= claims.exp:
        covered = key.valid_from <= claims.iat and claims.exp <= key.valid_to
        return None if covered else "KEY_NOT_VALID"
    return "NOT_YET_VALID" if now < claims.iat else "EXPIRED"


def _status_fault(claim: Any, key: TrustKey, now: float, snapshot: Snapshot) -> tuple[str | None, str]:
    """Reason and words for what a status claim comes to (Token Status List, section 8.3); words alone where the list
    is missing and the mandate's fail table takes that."""
    place = status.claimed(claim)
    if place is None:
        return "STATUS_UNKNOWN", "its status claim names no status list"
    uri, index = place
    listed = snapshot.foreign_status.get(uri)
    if listed is None or listed.issuer not in ("", key.issuer) or listed.expires <= now:
        admitted = snapshot.fail.get("status_list_missing", "refuse") == "admit"
        told = (
            "its status list is not here" if listed is None else "its status list is another's or has ended"
        )
        return None if admitted else "STATUS_UNKNOWN", told
    try:
        value = listed.statuses.value(index)
    except CredentialError as fault:
        return fault.code, fault.detail
    if value in (status.INVALID, status.SUSPENDED):
        return "REVOKED", "suspended" if value == status.SUSPENDED else ""
    return (None, "") if value == status.VALID else ("STATUS_UNKNOWN", "a status that is not known here")


def _is_revoked(signed: Signed, claims: Cwt, content: dict[str, Any], now: float, snapshot: Snapshot) -> bool:
    key, certificate = signed.key, content.get("1") or {}
    entries = [
        entry
        for kind in dcc.types_of(certificate)
        if type(certificate[kind]) is list
        for entry in certificate[kind]
        if type(entry) is dict
    ]
    ids = [entry["ci"] for entry in entries if type(entry.get("ci")) is str]
    countries = {entry["co"] for entry in entries if type(entry.get("co")) is str}
    return any(
        snapshot.hashes.revoked(country, key.kid, ids, signed.signature, key.alg, now)
        for country in countries | {claims.iss or key.issuer}
    )
