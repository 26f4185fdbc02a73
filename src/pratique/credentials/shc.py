"""SMART Health Cards 1.4: numeric text, JWS, raw DEFLATE, claims, FHIR bundle; one card at a time.

The JWS is checked as it came: three base64url parts, header ES256 and DEF, r‖s over the first two parts. A key counts
only for the issuer whose key set it came in (`shc_keys`).
"""

import re
import zlib
from typing import Any, NamedTuple, TypeGuard

from pratique.core.canonical import strict_json
from pratique.credentials.cose import ES256, is_signed
from pratique.credentials.fhir import bundle_faults
from pratique.credentials.jose import unb64url
from pratique.credentials.model import Outcome, Stages
from pratique.credentials.reasons import BadCompression, BadCose, BadText, CredentialError, TooLarge
from pratique.credentials.shc_keys import ShcKey
from pratique.credentials.snapshot import Snapshot

PREFIX = "shc:/"
HEALTH_CARD = "https://smarthealth.cards#health-card"
MAX_IN_ONE_CODE, MAX_IN_ONE_CHUNK = 1195, 1191
MAX_JWS, MAX_INFLATED, MAX_CHUNKS = 64 << 10, 256 << 10, 32
_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_CHUNK = re.compile(r"shc:/(?:([1-9][0-9]?)/([1-9][0-9]?)/)?([0-9]*)")
_LARGEST_PAIR = 77  # "z" is 122 − 45
_MILLISECONDS = 1e11


class Jws(NamedTuple):
    """The parts of a card's JWS; `signed` is what the signature covers."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def is_jws(text: str) -> bool:
    """True for the three parts of a compact JWS."""
    return len(text) <= MAX_JWS and _JWS.fullmatch(text) is not None


def join_chunks(texts: list[str]) -> tuple[str, int]:
    """The JWS in one `shc:/…` text, or in all chunks `shc:/C/N/…` of one card in any order, and how many there were.

    Raises BadText for digits out of range, CHUNK_MISSING where a chunk lacks, stands twice or belongs elsewhere.
    """
    parts: dict[int, str] = {}
    totals = set()
    for text in texts:
        match = _CHUNK.fullmatch(text)
        if match is None:
            raise BadText("not shc:/ and digits")
        number, total = (int(match[1]), int(match[2])) if match[1] else (1, 1)
        if number in parts:
            raise CredentialError("CHUNK_MISSING", "one chunk stands twice")
        totals.add(total)
        parts[number] = digits_to_text(match[3])
        if total > 1 and len(parts[number]) > MAX_IN_ONE_CHUNK:
            raise BadText("a chunk larger than a chunk may be")
    if len(totals) != 1 or set(parts) != set(range(1, totals.pop() + 1)):
        raise CredentialError("CHUNK_MISSING", "not all chunks of one card are here")
    return "".join(parts[number] for number in sorted(parts)), len(parts)


def digits_to_text(digits: str) -> str:
    """Two digits stand for one character, its code less 45. Raises BadText for an odd count or more than 77."""
    if len(digits) % 2 or not digits:
        raise BadText("an odd count of digits")
    codes = [int(digits[at : at + 2]) for at in range(0, len(digits), 2)]
    if max(codes) > _LARGEST_PAIR:
        raise BadText("a pair of digits above 77")
    return "".join(chr(code + 45) for code in codes)


def text_to_digits(jws: str) -> str:
    """The numeric part of the QR code of a JWS."""
    return "".join(f"{ord(character) - 45:02d}" for character in jws)


def inflate_raw(raw: bytes) -> bytes:
    """Raw DEFLATE (RFC 1951), capped. Raises BadCompression (a zlib header is one cause) or TooLarge."""
    inflater = zlib.decompressobj(-15)
    try:
        inflated = inflater.decompress(raw, MAX_INFLATED)
    except zlib.error:
        raise BadCompression("not raw DEFLATE") from None
    if not inflater.eof:
        if len(inflated) == MAX_INFLATED:
            raise TooLarge("inflates beyond 256 KiB")
        raise BadCompression("cut short")
    if inflater.unused_data:
        raise BadCompression("bytes behind the compressed data")
    return inflated


def check_shc(texts: list[str], now: float, snapshot: Snapshot) -> Outcome:
    """Verify a card given as one numeric text or all its chunks. `now` in seconds since 1970."""
    if len(texts) > MAX_CHUNKS or sum(map(len, texts)) > 2 * MAX_JWS:
        return _refused(TooLarge("larger than any card"), Stages(prefix=True, base45=False))
    try:
        jws, chunks = join_chunks(texts)
    except CredentialError as fault:
        return _refused(fault, Stages(prefix=True, base45=False))
    findings = ("CHUNKS_DEPRECATED",) if chunks > 1 else ()
    return _check(jws, now, snapshot, Stages(prefix=True, base45=True), findings)


def check_jws(jws: str, now: float, snapshot: Snapshot) -> Outcome:
    """Verify a card given as its bare JWS, as files and FHIR answers hold it."""
    return _check(jws, now, snapshot, Stages(), ())


def _check(jws: str, now: float, snapshot: Snapshot, before: Stages, findings: tuple[str, ...]) -> Outcome:
    def stages(**reached: bool | None) -> Stages:
        return Stages(prefix=before.prefix, base45=before.base45, **reached)

    try:
        parts = read_jws(jws)
    except (BadCompression, TooLarge) as fault:
        return _refused(fault, stages(compression=False), findings)
    except CredentialError as fault:
        return _refused(fault, stages(compression=True, cose=False), findings)
    try:
        key = _signed_by(parts, snapshot)
    except CredentialError as fault:
        return _refused(fault, stages(compression=True, cose=True, signature=False), findings)
    refused, faults = judge_claims(parts.claims, now)
    in_time = refused is None or refused.code not in ("EXPIRED", "NOT_YET_VALID")
    more = list(findings)
    if len(jws) > MAX_IN_ONE_CODE:
        more.append("JWS_TOO_LONG")
    if faults:
        more.append("SCHEMA")
    trust, unknown = _trust_fault(parts, key, snapshot)
    if unknown:
        more.append("STATUS_UNKNOWN")
    if snapshot.expires <= now:
        more.append("LISTS_STALE")
    why = trust or refused
    return Outcome(
        ok=why is None,
        format="SHC",
        reason=why.code if why else None,
        stages=stages(compression=True, cose=True, signature=True, expiry=in_time, schema=not faults),
        claims=parts.claims,
        findings=tuple(more),
        detail=why.detail if why else (faults[0] if faults else ""),
    )


def _refused(fault: CredentialError, stages: Stages, findings: tuple[str, ...] = ()) -> Outcome:
    return Outcome(
        ok=False, format="SHC", reason=fault.code, stages=stages, findings=findings, detail=fault.detail
    )


def read_jws(jws: str) -> Jws:
    """Take a card's JWS apart; no signature is checked.

    Raises BadCompression or TooLarge for the payload, BAD_HEADER, BadCose or BadText for the rest.
    """
    if not is_jws(jws):
        raise BadCose("not the three parts of a JWS")
    head, body, signature = jws.split(".")
    try:
        payload = inflate_raw(unb64url(body))
        header = _json_object(unb64url(head), "the header")
    except BadText:
        raise BadCose("a part of the JWS is not base64url") from None
    if header.get("alg") != "ES256" or header.get("zip") != "DEF" or not isinstance(header.get("kid"), str):
        raise CredentialError("BAD_HEADER", "the header does not say alg ES256, zip DEF and kid")
    if "crit" in header:
        raise CredentialError("BAD_HEADER", "a critical header that is not understood")
    try:
        raw_signature = unb64url(signature)
    except BadText:
        raise BadCose("the signature is not base64url") from None
    return Jws(header, _json_object(payload, "the payload"), f"{head}.{body}".encode(), raw_signature)


def _json_object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        value = strict_json(raw)
    except ValueError:
        raise BadCose(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise BadCose(f"{what} is not a JSON object")
    return value


def _signed_by(parts: Jws, snapshot: Snapshot) -> ShcKey:
    iss = parts.claims.get("iss")
    if not _is_issuer(iss):
        raise _bad_issuer()
    if len(parts.signature) != 64:
        raise CredentialError("SIGNATURE_FORMAT", "the signature is not r and s in 64 bytes")
    key = snapshot.shc.key(iss, parts.header["kid"])
    if not is_signed(ES256, key.public, parts.signature, parts.signed):
        raise CredentialError("BAD_SIGNATURE")
    return key


def _trust_fault(parts: Jws, key: ShcKey, snapshot: Snapshot) -> tuple[CredentialError | None, bool]:
    """What the issuer's lists say against the card, and whether its revocation list is not here."""
    iss = parts.claims["iss"]
    if not snapshot.shc.is_listed(iss):
        return CredentialError("ISSUER_NOT_TRUSTED"), False
    vc = parts.claims.get("vc")
    rid = vc.get("rid") if isinstance(vc, dict) else None
    not_before = parts.claims.get("nbf")
    try:
        revoked = snapshot.shc.is_revoked(iss, key, rid, not_before if _is_number(not_before) else 0)
    except CredentialError as fault:
        return fault, False
    if revoked is None and snapshot.fail.get("shc_list_missing", "admit") != "admit":
        return CredentialError("STATUS_UNKNOWN", "the issuer's revocation list is not in the snapshot"), True
    return (CredentialError("REVOKED") if revoked else None), revoked is None


def _bad_issuer() -> CredentialError:
    return CredentialError("ISSUER_URL", "iss is an https address without a slash at its end")


def _is_issuer(iss: Any) -> TypeGuard[str]:
    return isinstance(iss, str) and iss.startswith("https://") and not iss.endswith("/")


def judge_claims(claims: dict[str, Any], now: float) -> tuple[CredentialError | None, list[str]]:
    """What refuses the claims at `now` by themselves, and every fault of their form."""
    if not _is_issuer(claims.get("iss")):
        return _bad_issuer(), contents_faults(claims)
    reason, detail = claims_fault(claims, now)
    faults = contents_faults(claims)
    if reason is None and not _is_card(claims):
        reason, detail = "SCHEMA", faults[0]
    return (CredentialError(reason, detail) if reason else None), faults


def claims_fault(claims: dict[str, Any], now: float) -> tuple[str | None, str]:
    """What the times say against the card at `now` (seconds since 1970)."""
    not_before, ends = claims.get("nbf"), claims.get("exp")
    if not _is_number(not_before):
        return "SCHEMA", "nbf is missing or not a number"
    if ends is not None and not _is_number(ends):
        return "SCHEMA", "exp is not a number"
    if not not_before <= now:
        slip = "nbf seems to be in milliseconds" if not_before > _MILLISECONDS else ""
        return "NOT_YET_VALID", slip
    if ends is not None and not now <= ends:
        return "EXPIRED", ""
    return None, ""


def contents_faults(claims: dict[str, Any]) -> list[str]:
    """Where the credential leaves the specification, in words without contents."""
    if not _is_card(claims):
        return ["vc is not a health card with a FHIR bundle"]
    subject = claims["vc"]["credentialSubject"]
    faults = bundle_faults(subject["fhirBundle"])
    version = subject.get("fhirVersion")
    if not isinstance(version, str) or not re.fullmatch(r"4\.[0-9]+(\.[0-9]+)?", version):
        faults.append("fhirVersion is missing or not release 4")
    return faults


def _is_card(claims: dict[str, Any]) -> bool:
    vc = claims.get("vc")
    types = vc.get("type") if isinstance(vc, dict) else None
    subject = vc.get("credentialSubject") if isinstance(vc, dict) else None
    return (
        isinstance(types, list)
        and HEALTH_CARD in types
        and isinstance(subject, dict)
        and isinstance(subject.get("fhirBundle"), dict)
    )


def _is_number(value: Any) -> TypeGuard[int | float]:
    return type(value) is int or type(value) is float
