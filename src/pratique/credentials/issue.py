"""Portable records for other people's readers: HC1 with an EU DCC, SMART Health Cards.

Strict where the reader is lenient: what the schema of 1.3.3 refuses is not signed. Integers, no nulls, definite
lengths, key id in the protected header.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.signer import Signer
from pratique.credentials import base45, dcc
from pratique.credentials.cbor import encode, encode_number, encode_text
from pratique.credentials.cose import bytes_head, sign1_bytes, to_be_signed
from pratique.credentials.fhir import bundle_faults
from pratique.credentials.jose import b64url, thumbprint
from pratique.credentials.reasons import NotIssued
from pratique.credentials.shc import HEALTH_CARD, text_to_digits

VERSION = "1.3.0"


def issue_hcert(
    signer: Signer,
    certificate: Mapping[str, Any],
    country: str,
    issued: datetime,
    expires: datetime,
    *,
    status: tuple[str, int] | None = None,
) -> str:
    """The HC1 text of a DCC. `signer` signs ES256; its `kid` is that of its certificate on the trust list.
    `status` is its place, address and index, in a Token Status List (claim 65535).

    Raises NotIssued where the contents leave the schema (they are not repeated in the message), a text has white
    space around it, or the certificate ends before it begins.
    """
    content = dict(certificate)
    if dcc.plain_kind(content):
        record = dcc.plain_cbor(content)
    else:
        record = _examined(content)
    if expires <= issued:
        raise NotIssued("a certificate ends after it begins")
    protected = _ES256_BY + bytes_head(len(signer.kid)) + signer.kid
    payload = (
        b"%b\x01%b\x04%b\x06%b\x39\x01\x03\xa1\x01%b%b"
        % (  # {1: …, 4: …, 6: …, -260: {1: record}}, and 65535 behind them
            b"\xa5" if status else b"\xa4",
            encode_text(country),
            encode_number(int(expires.timestamp())),
            encode_number(int(issued.timestamp())),
            record,
            _status(*status) if status else b"",
        )
    )
    signature = signer.sign(to_be_signed(protected, payload))
    return "HC1:" + base45.encode(deflate(sign1_bytes(protected, payload, signature)))


def _status(uri: str, index: int) -> bytes:
    if not uri or index < 0:
        raise NotIssued("a place in a status list is an address and an index from 0")
    return b"\x19\xff\xff" + encode({"status_list": {"idx": index, "uri": uri}})


def _examined(certificate: dict[str, Any]) -> bytes:
    content, fault = dcc.examine(certificate)
    if fault:
        raise NotIssued(fault)
    if content != certificate:
        raise NotIssued("a field is null, has white space around it, or is not JSON")
    return encode(content)


_ES256_BY = b"\xa2\x01\x26\x04"  # {1: -7, 4: a key id that follows}


def deflate(raw: bytes) -> bytes:
    """RFC 1950 at the highest level. A few hundred bytes need no window of 32 KiB and no table of 64: setting those
    up costs more than the compression. The header announces the full window, as readers expect it."""
    window, memory = (-12, 2) if len(raw) <= 512 else (-12, 5) if len(raw) <= 4096 else (-15, 8)
    deflater = zlib.compressobj(9, zlib.DEFLATED, window, memory)
    return b"\x78\xda" + deflater.compress(raw) + deflater.flush() + zlib.adler32(raw).to_bytes(4, "big")


def issue_shc(
    signer: Signer,
    iss: str,
    bundle: Mapping[str, Any],
    not_before: datetime,
    *,
    types: Sequence[str] = (),
    expires: datetime | None = None,
    rid: str | None = None,
    fhir_version: str = "4.0.1",
) -> str:
    """The JWS of a SMART Health Card. `types` are added to the health-card type.

    Raises NotIssued for an `iss` that is not https or ends with a slash, and for a bundle that could not be used.
    """
    if not iss.startswith("https://") or iss.endswith("/"):
        raise NotIssued("iss is an https address without a slash at its end", "ISSUER_URL")
    if faults := bundle_faults(bundle):
        raise NotIssued(faults[0])
    vc: dict[str, Any] = {
        "type": [HEALTH_CARD, *types],
        "credentialSubject": {"fhirVersion": fhir_version, "fhirBundle": bundle},
    }
    if rid is not None:
        vc["rid"] = rid
    claims: dict[str, Any] = {"iss": iss, "nbf": int(not_before.timestamp())}
    if expires is not None:
        claims["exp"] = int(expires.timestamp())
    claims["vc"] = vc
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), signer.public_key)
    header = {"zip": "DEF", "alg": "ES256", "kid": thumbprint(public)}
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = deflater.compress(_minified(claims)) + deflater.flush()
    signed = f"{b64url(_minified(header))}.{b64url(payload)}"
    return f"{signed}.{b64url(signer.sign(signed.encode()))}"


def shc_text(jws: str) -> str:
    """The text of a card's one QR code."""
    return "shc:/" + text_to_digits(jws)


def _minified(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
