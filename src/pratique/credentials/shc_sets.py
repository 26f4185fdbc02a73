"""Is a published key set good? For issuers before they publish, and for those who decide whom to trust.

`usable_keys` in `shc_keys` only takes what it can use; here everything that is wrong is said.
"""

from base64 import b64decode
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate, load_der_x509_certificate

from pratique.core.canonical import strict_json
from pratique.credentials.cose import spki
from pratique.credentials.jose import jwk_point
from pratique.credentials.reasons import BadTrust
from pratique.credentials.shc_keys import is_private, key_problems
from pratique.credentials.x509 import read_certificate


def set_problems(raw: bytes, uri: str | None, at: datetime) -> list[str]:
    """What is wrong with a key set: `form`, `private`, or per key `kty crv alg use kid point x5c`; empty if nothing.

    `uri` is the issuer's address that a certificate must name, None where that is not asked; `at` is the time for
    the chain.
    """
    try:
        value = strict_json(raw)
    except ValueError:
        return ["form"]
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        return ["form"]
    problems: list[str] = []
    for jwk in keys:
        if is_private(jwk):
            problems.append("private")
        of_key = key_problems(jwk)
        problems += of_key
        if "x5c" in jwk and not of_key and not _chain_is_good(jwk, uri, at):
            problems.append("x5c")
    return list(dict.fromkeys(problems))


def _chain_is_good(jwk: dict[str, Any], uri: str | None, at: datetime) -> bool:
    """Leaf key = JWK, the leaf names the issuer, each certificate is signed by the next and in force at `at`."""
    try:
        chain = [b64decode(text, validate=True) for text in jwk["x5c"]]
        leaf = read_certificate(chain[0])
        certificates = [load_der_x509_certificate(der) for der in chain]
    except (BadTrust, ValueError, TypeError, IndexError):
        return False
    if leaf.spki != spki(jwk_point(jwk)) or (uri is not None and uri not in leaf.uris):
        return False
    return all(_in_force(one, at) for one in certificates) and all(
        _is_issued(child, parent) for child, parent in pairwise(certificates)
    )


def _in_force(certificate: Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at.astimezone(UTC) <= certificate.not_valid_after_utc


def _is_issued(child: Certificate, parent: Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
