"""Key sets and revocation lists of SMART Health Cards issuers, bound to their issuer.

A key counts only for the issuer whose set it came in; a set that carries a private part is refused whole.
"""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.canonical import strict_json
from pratique.credentials.jose import b64url, jwk_point, thumbprint
from pratique.credentials.reasons import BadTrust, CredentialError

ANY_ISSUER = ""
_RID = re.compile(r"([A-Za-z0-9_-]{1,24})(?:\.([0-9]{1,12}))?")
_PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class ShcIssuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer with the JSON of its key set and revocation lists as it publishes them.

    `iss` empty (only from a bare key set given by hand) counts for any issuer. `listed` false: the keys are known,
    the issuer is not in the directory of trusted issuers.
    """

    iss: str
    keys: bytes
    crls: tuple[bytes, ...] = ()
    name: str = ""
    listed: bool = True


class ShcKey(msgspec.Struct, frozen=True):
    """A usable key; `crl_version` is None where the issuer keeps no revocation list for it."""

    kid: str
    public: ec.EllipticCurvePublicKey
    crl_version: int | None


class RevocationList(msgspec.Struct, frozen=True):
    """Revoked ids of one key; the time (seconds since 1970) or None: revoked whatever its date."""

    kid: str
    counter: int
    rids: dict[str, int | None]


class ShcTrust:
    """Issuers and their keys, indexed by key id."""

    def __init__(self, issuers: Iterable[ShcIssuer]) -> None:
        self._keys: dict[str, dict[str, ShcKey]] = {}
        self._lists: dict[tuple[str, str], RevocationList | None] = {}
        self._listed: set[str] = set()
        for issuer in issuers:
            if issuer.listed:
                self._listed.add(issuer.iss)
            for key in usable_keys(issuer.keys):
                self._keys.setdefault(key.kid, {})[issuer.iss] = key
            for raw in issuer.crls:
                self._add_list(issuer.iss, raw)

    def _add_list(self, iss: str, raw: bytes) -> None:
        try:
            listed = read_revocation_list(raw)
        except CredentialError:
            kid = _kid_of_broken(raw)
            if kid is not None:
                self._lists[iss, kid] = None
            return
        self._lists[iss, listed.kid] = listed

    def is_listed(self, iss: str) -> bool:
        """True if the issuer is trusted, not merely known."""
        return iss in self._listed or ANY_ISSUER in self._listed

    def key(self, iss: str, kid: str) -> ShcKey:
        """The issuer's key. Raises UNKNOWN_KEY, or ISSUER_KID_MISMATCH where the key is another issuer's."""
        of_kid = self._keys.get(kid)
        if of_kid is None:
            raise CredentialError("UNKNOWN_KEY")
        key = of_kid.get(iss) or of_kid.get(ANY_ISSUER)
        if key is None:
            raise CredentialError("ISSUER_KID_MISMATCH")
        return key

    def any_key(self, kid: str) -> ShcKey | None:
        """Some issuer's key of that id, to say more exactly what is wrong; never to accept with."""
        return next(iter(self._keys.get(kid, {}).values()), None)

    def is_revoked(self, iss: str, key: ShcKey, rid: Any, not_before: float) -> bool | None:
        """True if the card's `rid` is on the issuer's list, None where that list is not here.

        Raises STATUS_UNKNOWN where the list is broken or of another version than the key says: then nothing can be
        concluded from it. A card without rid cannot be revoked.
        """
        place = (iss, key.kid) if (iss, key.kid) in self._lists else (ANY_ISSUER, key.kid)
        if place not in self._lists:
            return None if key.crl_version is not None and rid is not None else False
        listed = self._lists[place]
        if listed is None:
            raise CredentialError("STATUS_UNKNOWN", "the issuer's revocation list is broken")
        if listed.counter != key.crl_version:
            raise CredentialError("STATUS_UNKNOWN", "the revocation list is not of the version the key names")
        if not isinstance(rid, str) or rid not in listed.rids:
            return False
        before = listed.rids[rid]
        return before is None or not_before < before


def usable_keys(raw: bytes) -> list[ShcKey]:
    """The keys of a set that may verify cards. Raises BadTrust for a broken set, PRIVATE_KEY for a private part."""
    keys = _key_list(raw)
    return [_usable(jwk) for jwk in keys if not key_problems(jwk)]


def _key_list(raw: bytes) -> list[dict[str, Any]]:
    try:
        value = strict_json(raw)
    except ValueError:
        raise BadTrust("the key set is not JSON") from None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise BadTrust("the key set has no list of keys")
    if any(is_private(key) for key in keys):
        raise BadTrust("the key set holds a private key", "PRIVATE_KEY")
    return keys


def is_private(jwk: dict[str, Any]) -> bool:
    """True if a JWK carries a private part."""
    return bool(_PRIVATE_PARTS & jwk.keys())


def _usable(jwk: dict[str, Any]) -> ShcKey:
    version = jwk.get("crlVersion")
    return ShcKey(jwk["kid"], jwk_point(jwk), version if type(version) is int else None)


def key_problems(jwk: dict[str, Any]) -> list[str]:
    """What keeps a JWK from verifying cards: any of `kty`, `crv`, `alg`, `use`, `kid`, `point`.

    Only causes are named: of a key of another kind its curve, of a key on another curve its algorithm say no more.
    """
    if jwk.get("kty") != "EC":
        return ["kty"]
    problems = [] if jwk.get("use") == "sig" else ["use"]
    if jwk.get("crv") != "P-256":
        return [*problems, "crv"]
    if jwk.get("alg") != "ES256":
        problems.append("alg")
    try:
        kid = thumbprint(jwk_point(jwk))
    except BadTrust:
        return [*problems, "point"]
    return problems if jwk.get("kid") == kid else [*problems, "kid"]


def read_revocation_list(raw: bytes) -> RevocationList:
    """A list from its JSON. Raises STATUS_UNKNOWN for anything that is not exactly one: no silent pass."""
    try:
        value = strict_json(raw)
    except ValueError:
        raise CredentialError("STATUS_UNKNOWN", "the revocation list is not JSON") from None
    if not isinstance(value, dict) or value.get("method") != "rid" or not isinstance(value.get("kid"), str):
        raise CredentialError("STATUS_UNKNOWN", "not a revocation list by rid")
    counter, listed = value.get("ctr"), value.get("rids")
    if type(counter) is not int or counter < 1 or not isinstance(listed, list):
        raise CredentialError("STATUS_UNKNOWN", "the revocation list lacks its counter or its ids")
    rids: dict[str, int | None] = {}
    for one in listed:
        match = _RID.fullmatch(one) if isinstance(one, str) else None
        if match is None or match[1] in rids:
            raise CredentialError("STATUS_UNKNOWN", "a revoked id is malformed or stands twice")
        rids[match[1]] = int(match[2]) if match[2] else None
    return RevocationList(value["kid"], counter, rids)


def make_rid(secret: bytes, kid: str, user_id: str) -> str:
    """A card's `rid`: 64 bits of HMAC-SHA-256, so that the issuer can find it again and nobody else can guess it."""
    return b64url(hmac.digest(secret, f"{kid}\n{user_id}".encode(), sha256)[:8])


def make_revocation_list(kid: str, counter: int, rids: Mapping[str, int | None]) -> bytes:
    """The JSON of a revocation list; the value of a rid is the time before which cards are revoked, None for all.

    Raises STATUS_UNKNOWN for what `read_revocation_list` would refuse.
    """
    listed = [rid if before is None else f"{rid}.{before}" for rid, before in sorted(rids.items())]
    raw = json.dumps(
        {"kid": kid, "method": "rid", "ctr": counter, "rids": listed}, separators=(",", ":")
    ).encode()
    read_revocation_list(raw)
    return raw


def _kid_of_broken(raw: bytes) -> str | None:
    try:
        value = strict_json(raw)
    except ValueError:
        return None
    kid = value.get("kid") if isinstance(value, dict) else None
    return kid if isinstance(kid, str) else None
