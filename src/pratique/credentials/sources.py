"""Trust from elsewhere, as files: DGCG lists, key sets, did:web documents, certificates, value sets.

Everything here becomes entries of a `Bundle`; what a file is, is told by its contents, not by its name. A private key
is refused wherever it turns up. No network: fetching is for the one who runs this.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from pratique.core.canonical import strict_json
from pratique.credentials.cose import PublicKey, kid_of, public_key, spki
from pratique.credentials.hashlist import HashBatch, read_batch
from pratique.credentials.jose import b64url, jwk_point, unb64url
from pratique.credentials.reasons import BadText, BadTrust
from pratique.credentials.shc_keys import ANY_ISSUER, ShcIssuer, usable_keys
from pratique.credentials.snapshot import KeyEntry
from pratique.credentials.x509 import Certificate, read_certificate


class Found(NamedTuple):
    """What files held. `notes` are plain sentences for the one who runs this."""

    keys: tuple[KeyEntry, ...] = ()
    shc: tuple[ShcIssuer, ...] = ()
    directory: tuple[str, ...] = ()
    crls: tuple[bytes, ...] = ()
    hashes: tuple[HashBatch, ...] = ()
    value_sets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    status_tokens: tuple[bytes, ...] = ()  # as they came; their keys may lie in another file
    notes: tuple[str, ...] = ()


def read_source(raw: bytes) -> Found:
    """What one file holds. Raises BadTrust for a form that is not known, PRIVATE_KEY for a private key."""
    text = raw.lstrip()[:1]
    if text in (b"{", b"["):
        try:
            return _json(strict_json(raw))
        except BadTrust:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
            raise BadTrust("not JSON of a known form") from None
    if b"-----BEGIN" in raw:
        return _pem(raw)
    if raw[:1] == b"\x30":
        return _der(raw)
    if raw[:1] == b"\xd2" or _JWT.fullmatch(raw.strip()):
        return Found(status_tokens=(raw,))
    raise BadTrust("neither JSON, PEM, DER nor a status list token")


_JWT = re.compile(rb"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def read_folder(folder: Path) -> Found:
    """Everything in the files of a folder (not in folders inside it); files of other kinds are named in `notes`."""
    found: list[Found] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        try:
            found.append(read_source(path.read_bytes()))
        except BadTrust as fault:
            if fault.code == "PRIVATE_KEY":
                raise
            found.append(Found(notes=(f"{path.name} was left out: {fault.detail}",)))
    return merge(found)


def merge(found: Iterable[Found]) -> Found:
    """Several finds as one."""
    columns = zip(*found, strict=True)
    return Found(*(tuple(item for part in column for item in part) for column in columns))


def from_certificate(
    certificate: Certificate, country: str = "", listed_as: bytes = b""
) -> tuple[KeyEntry, ...]:
    """The entries of a signing certificate: under its computed kid and, where another, under the listed one.

    Raises BadTrust for a key that no verifier here could use.
    """
    try:
        public_key(certificate.spki)
    except ValueError:
        raise BadTrust("a certificate with a kind of key that is not used here") from None
    return tuple(
        KeyEntry(
            kid=kid,
            key=certificate.spki,
            purpose="hcert",
            issuer=country,
            usages=certificate.usages,
            valid_from=certificate.valid_from,
            valid_to=certificate.valid_to,
        )
        for kid in dict.fromkeys((kid_of(certificate.der), *([listed_as] if listed_as else [])))
    )


def _json(value: Any) -> Found:
    if isinstance(value, list):
        return merge([Found(), *(_json_item(item) for item in value)])
    return _json_item(value)


def _json_item(value: Any) -> Found:
    if not isinstance(value, dict):
        raise BadTrust("not a trust list of a known form")
    if "rawData" in value:
        return _dgcg(value)
    if "verificationMethod" in value:
        return merge([Found(), *(_did_method(method) for method in value["verificationMethod"])])
    if "keys" in value:
        return _key_set(value)
    if value.get("method") == "rid":
        return Found(crls=(_again(value),))
    if "participating_issuers" in value:
        return Found(directory=tuple(str(row["iss"]) for row in value["participating_issuers"]))
    if "hashType" in value:
        return Found(hashes=(read_batch(value),))
    if isinstance(value.get("valueSetValues"), dict):
        return Found(value_sets=((str(value["valueSetId"]), tuple(value["valueSetValues"])),))
    if value and all(isinstance(codes, list) for codes in value.values()):
        return Found(value_sets=tuple((name, tuple(map(str, codes))) for name, codes in value.items()))
    raise BadTrust("not a trust list of a known form")


def _again(value: Any) -> bytes:
    return json.dumps(value).encode()


def _dgcg(row: dict[str, Any]) -> Found:
    # The gateway also lists certificates that sign nothing for verifiers (upload, TLS, country roots).
    if row.get("certificateType", "DSC") != "DSC":
        return Found()
    try:
        der, kid = b64decode(row["rawData"]), b64decode(row.get("kid") or "")
        return Found(keys=from_certificate(read_certificate(der), str(row.get("country") or ""), kid))
    except (TypeError, ValueError):
        return Found(notes=("an entry of the list is not a certificate and was left out",))


def _key_set(value: dict[str, Any]) -> Found:
    """A JWKS. With `iss` its keys are that issuer's; without, they count for any SMART Health Cards issuer."""
    crls = tuple(_again(listed) for listed in value.get("crls", ()))
    issuer = ShcIssuer(str(value.get("iss", ANY_ISSUER)), _again({"keys": value["keys"]}), crls)
    usable_keys(issuer.keys)  # refuses a private part
    entries = merge([Found(), *(_jwk(jwk, str(value.get("country", ""))) for jwk in value["keys"])])
    notes = () if "iss" in value else ("a key set without issuer counts for every issuer",)
    return Found(keys=entries.keys, shc=(issuer,), notes=(*notes, *entries.notes))


def _jwk(jwk: dict[str, Any], country: str) -> Found:
    """A key as HCERT uses it: kid as listed in base64 (8 bytes), usages from certificate or `usages`."""
    kid = _eight_bytes(jwk.get("kid"))
    if kid is None:
        return Found()
    try:
        if jwk.get("x5c"):
            return Found(keys=from_certificate(read_certificate(b64decode(jwk["x5c"][0])), country, kid))
        return Found(keys=(KeyEntry(kid=kid, key=spki(_jwk_key(jwk)), purpose="hcert", issuer=country),))
    except (BadTrust, ValueError, TypeError):
        return Found(notes=("a key of the set was left out: it cannot be read",))


def _jwk_key(jwk: dict[str, Any]) -> PublicKey:
    if jwk.get("kty") != "RSA":
        return jwk_point(jwk)
    e, n = (int.from_bytes(unb64url(jwk[name].rstrip("=")), "big") for name in ("e", "n"))
    return RSAPublicNumbers(e, n).public_key()


def _did_method(method: Any) -> Found:
    """One verification method of a WHO did:web document; the kid is the fragment of its id, base64 with padding."""
    try:
        jwk = method["publicKeyJwk"]
        if "d" in jwk:
            raise BadTrust("a did document holds a private key", "PRIVATE_KEY")
        kid = _eight_bytes(jwk.get("kid")) or _eight_bytes(method["id"].rpartition("#")[2])
        country = _participant(method["id"])
        if kid is None:
            return Found(notes=("a key of the did document has no key id of 8 bytes and was left out",))
        return _jwk(jwk | {"kid": b64url(kid)}, country)
    except (KeyError, AttributeError, TypeError):
        return Found(notes=("an entry of the did document was left out: it cannot be read",))


def _participant(did: str) -> str:
    """The participant of `did:web:host:v2:trustlist:{domain}:{participant}:{usage}`, empty where it is not said."""
    parts = did.partition("#")[0].split(":")
    at = parts.index("trustlist") + 2 if "trustlist" in parts else len(parts)
    return parts[at] if at < len(parts) and parts[at] != "-" else ""


def _eight_bytes(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        kid = unb64url(text.rstrip("=").replace("+", "-").replace("/", "_"))
    except BadText:
        return None
    return kid if len(kid) == 8 else None


def _pem(raw: bytes) -> Found:
    found = []
    for block in raw.split(b"-----BEGIN ")[1:]:
        label, _, rest = block.partition(b"-----")
        if label.endswith(b"PRIVATE KEY"):
            raise BadTrust("a private key lies among the trusted keys", "PRIVATE_KEY")
        try:
            found.append(_der(b64decode(rest.partition(b"-----END")[0])))
        except ValueError:
            raise BadTrust("a PEM block that is not base64") from None
    return merge([Found(), *found])


def _der(raw: bytes) -> Found:
    """A certificate, or a bare public key (SubjectPublicKeyInfo), which counts for passes and certificates."""
    try:
        public_key(raw)
    except ValueError:
        return Found(keys=from_certificate(read_certificate(raw)))
    kid = kid_of(raw)
    return Found(keys=tuple(KeyEntry(kid=kid, key=raw, purpose=p) for p in ("pass", "hcert")))
