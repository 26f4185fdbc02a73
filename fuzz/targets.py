"""Every decoder that sees bytes from strangers, as a function of bytes that returns or raises `CredentialError`.

Where a signature guards the inner layers, a second target signs the changed contents with a trusted synthetic key, so
that what lies behind the signature is reached too.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from tests.credentials.vectors import parts
from tests.credentials.vectors.document import PATH, snapshot_of

from pratique.core.text import Text
from pratique.credentials import (
    base45,
    cbor,
    challenge,
    dcc,
    hashlist,
    hcert,
    icvp,
    pq1,
    qr,
    shc,
    shc_files,
    shc_keys,
    shc_sets,
    sources,
    status,
    trust,
    x509,
)
from pratique.credentials.cose import header, public_key, unwrap
from pratique.credentials.fhir import bundle_faults
from pratique.credentials.jose import unb64url
from pratique.credentials.keys import new_signer
from pratique.credentials.model import Outcome
from pratique.credentials.reasons import REASONS
from pratique.credentials.verify import verify

FILE: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
KNOWN = snapshot_of(FILE["trust"]["main"])
ASKING = snapshot_of(FILE["trust"]["codes"] | {"icvp": True, "hashes": FILE["trust"]["hash-uci"]["hashes"]})
NOW = datetime.fromtimestamp(parts.AT, UTC)
NONCES = {unb64url(nonce) for case in FILE["cases"] for nonce in case.get("nonces", ())}
KEY = public_key(parts.ISSUER.spki)
URI = "https://example.org/status/1"


class Target(NamedTuple):
    """`run` takes an input; `seeds` are good and nearly good inputs; `text` says that they are credentials as text."""

    name: str
    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    text: bool = False


class ForgedError(AssertionError):
    """A verdict that must not be: accepted contents that nobody signed, or a verdict out of form."""


def _contents(outcome: Outcome) -> bytes:
    return msgspec.json.encode([outcome.format, outcome.claims], order="deterministic")


def _verified(text: str, snapshot: Any = KNOWN) -> Outcome:
    outcome = verify(text, NOW, snapshot, NONCES)
    if outcome.ok != (outcome.reason is None) or (outcome.reason or "SCHEMA") not in REASONS:
        raise ForgedError("a verdict out of form")
    msgspec.json.encode(outcome)
    return outcome


_TEXTS = tuple(case["text"].encode() for case in FILE["cases"])
_SIGNED = {_contents(_verified(text.decode())) for text in _TEXTS}


def _verify(raw: bytes) -> None:
    outcome = _verified(raw.decode("utf-8", "replace"))
    if outcome.ok and _contents(outcome) not in _SIGNED:
        raise ForgedError("accepted contents that nobody signed")


def _verify_signed(raw: bytes) -> None:
    """HC1 with these claims, from a trusted issuer."""
    text = parts.hc1(payload=raw)
    _verified(text)
    _verified(text, ASKING)


def _verify_signed_card(raw: bytes) -> None:
    _verified(parts.jws(raw))


def _verify_signed_pass(raw: bytes) -> None:
    head = cbor.encode({1: -7, 4: parts.ISSUER.kid})
    signature = parts.ISSUER.sign(cbor.encode(["Signature1", head, b"", raw]))
    credential = cbor.encode([head, {}, raw, signature])
    _verified(pq1.paper(credential))
    _verified(pq1.present(credential, parts.AT, bytes(64)))


def _signed_bundle(raw: bytes) -> None:
    file = trust.canonical_cbor(
        {"body": raw, "signatures": [[b"k", parts.ROOT.sign(b"pratique-bundle\n" + raw)]]}
    )
    trust.read_bundle(file, [_ROOT], 1, 0, NOW)


def _signed_status_token(raw: bytes) -> None:
    head = cbor.encode({1: -7, 4: parts.ISSUER.kid, 16: "application/statuslist+cwt"})
    signature = parts.ISSUER.sign(cbor.encode(["Signature1", head, b"", raw]))
    status.read_cwt_token(b"\xd2" + cbor.encode([head, {}, raw, signature]), KEY, URI, NOW)


def _examined(raw: bytes) -> None:
    value = cbor.read(raw)
    content = dcc.tidy(value)
    icvp.icvp_fault(content)
    if isinstance(content, dict):
        dcc.schema_fault(content)
        if type(value) is dict:
            dcc.examine(value)
        list(dcc.unknown_codes(content, {"country-2-codes": frozenset(["AT"])}))


def _of_json(judge: Callable[[Any], object]) -> Callable[[bytes], object]:
    def run(raw: bytes) -> object:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        return judge(value)

    return run


def _text(judge: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda raw: judge(raw.decode("utf-8", "replace"))


_ROOT = unb64url(FILE["signed"]["root"])
_BUNDLE = unb64url(FILE["signed"]["file"])
_BODY = trust.open_bundle(_BUNDLE)[0]
_COSE = parts.cose()
_PAYLOAD = unwrap(_COSE).payload
_WITH_STATUS = cbor.encode(parts.claims() | {65535: {"status_list": {"idx": 4, "uri": URI}}})
_PASS = parts.pass_of()
_LIST = status.build(1, 1024, [(5, 1)])
_UNTIL = datetime.fromtimestamp(parts.AT + 999, UTC)
_CWT = status.cwt_token(parts.ISSUER, _LIST, URI, NOW, _UNTIL, 60)
_JWT = status.jwt_token(parts.ISSUER, _LIST, URI, NOW, _UNTIL, 60).encode()
_CARD = json.dumps(parts.card_claims()).encode()
_BATCH = {
    "country": "AT",
    "expires": "2026-06-01T00:00:00Z",
    "kid": "UNKNOWN_KID",
    "hashType": "UCI",
    "entries": [{"hash": "AAAAAAAAAAAAAAAAAAAAAA=="}],
}
_DID = {
    "id": "did:web:tng.example:v2:trustlist:DCC:XXA:DSC",
    "verificationMethod": [
        {"id": "did:web:x#AAAAAAAAAAA=", "type": "JsonWebKey2020", "publicKeyJwk": parts.jwk()}
    ],
}
_SOURCES = tuple(
    json.dumps(value).encode()
    for value in (
        [{"kid": "AAAAAAAAAAA=", "country": "AT", "rawData": "MAA="}],
        {"keys": [parts.jwk(kid="AAAAAAAAAAA=")]},
        {"iss": parts.ISS, "keys": [parts.jwk()], "crls": [json.loads(parts.rid_list("a"))]},
        {"participating_issuers": [{"iss": parts.ISS, "name": "x"}]},
        {"valueSetId": "country-2-codes", "valueSetValues": {"AT": {}}},
        _BATCH,
        _DID,
    )
)


def certificate() -> bytes:
    """A small synthetic certificate with usages and a name, for the readers of X.509."""
    from cryptography import x509 as x
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    name = x.Name([x.NameAttribute(x.NameOID.COMMON_NAME, "Synthetic")])
    usage = x.ExtendedKeyUsage([x.ObjectIdentifier("1.3.6.1.4.1.1847.2021.1.2")])
    builder = x.CertificateBuilder(name, name, parts.ISSUER.private.public_key(), 1, NOW, _UNTIL)
    made = builder.add_extension(usage, False).add_extension(
        x.SubjectAlternativeName([x.UniformResourceIdentifier(parts.ISS)]), False
    )
    return made.sign(parts.ISSUER.private, SHA256()).public_bytes(Encoding.DER)


_DER = certificate()
_DEVICE = new_signer("Ed25519")
_CERTIFICATE = challenge.certify(
    parts.ISSUER, bytes(16), Text("Gate", "哨位"), _DEVICE.public_key, NOW, NOW + timedelta(days=1)
)
_GATE_KEYS = {parts.ISSUER.kid: [KEY]}
_CHALLENGE = challenge.make_challenge(_DEVICE.sign, _CERTIFICATE, b"8 bytes!", bytes(16), NOW).encode()
_PEM = b"-----BEGIN CERTIFICATE-----\n" + b64encode(_DER) + b"\n-----END CERTIFICATE-----\n"
_PICTURE = qr.to_png(qr.write("HC1:6BF", "L"), 3)
_JSON_CARDS = json.dumps({"verifiableCredential": [parts.jws()]}).encode()
_SET = parts.key_set(parts.jwk(), parts.jwk(parts.OTHER))

TARGETS = (
    Target("verify", _verify, _TEXTS, text=True),
    Target("verify signed claims", _verify_signed, (_PAYLOAD, _WITH_STATUS)),
    Target("verify signed card", _verify_signed_card, (_CARD,)),
    Target("verify signed pass", _verify_signed_pass, (unwrap(_PASS).payload,)),
    Target(
        "challenge", _text(lambda text: challenge.read_challenge(text, _GATE_KEYS)), (_CHALLENGE,), text=True
    ),
    Target("base45", _text(base45.decode), tuple(text[4:] for text in _TEXTS[:30])),
    Target("cbor", cbor.read, (_PAYLOAD, _COSE, _PASS)),
    Target("cbor first", cbor.read_first, (_PAYLOAD, _COSE, _PASS)),
    Target("cbor exact", cbor.read_exact, (_PASS, _BODY)),
    Target("cose", lambda raw: header(unwrap(raw)), (_COSE, _PASS)),
    Target("inflate", hcert.inflate, (base45.decode(parts.hc1()[4:]),)),
    Target("claims", hcert.read_claims, (_PAYLOAD,)),
    Target("contents", _examined, (cbor.encode(parts.certificate()), cbor.encode(parts.sampled()))),
    Target("pass", pq1.read_cbor, (_PASS, base45.decode(parts.shown(_PASS)[4:]))),
    Target("inflate raw", shc.inflate_raw, (unb64url(parts.jws().split(".")[1]),)),
    Target("jws", _text(shc.read_jws), (parts.jws().encode(),)),
    Target("chunks", _text(lambda text: shc.join_chunks(text.split())), _TEXTS[-170:-140]),
    Target("cards in a file", _text(shc_files.cards_in), (_JSON_CARDS,)),
    Target("fhir", _of_json(bundle_faults), (json.dumps(parts.BUNDLE).encode(),)),
    Target("key set", shc_keys.usable_keys, (_SET,)),
    Target("key set problems", lambda raw: shc_sets.set_problems(raw, parts.ISS, NOW), (_SET,)),
    Target("revocation list", shc_keys.read_revocation_list, (parts.rid_list("a", "b.12"),)),
    Target("hash batch", _of_json(hashlist.read_batch), (json.dumps(_BATCH).encode(),)),
    Target("status list", lambda raw: status.unpack(1, raw, 4096), (_LIST.pack(),)),
    Target("status list json", _of_json(status.from_json), (json.dumps(_LIST.as_json()).encode(),)),
    Target("status token cwt", lambda raw: status.read_cwt_token(raw, KEY, URI, NOW), (_CWT,)),
    Target("status token signed", _signed_status_token, (unwrap(_CWT).payload,)),
    Target("status token jwt", _text(lambda text: status.read_jwt_token(text, KEY, URI, NOW)), (_JWT,)),
    Target("x509", x509.read_certificate, (_DER,)),
    Target(
        "trust file",
        lambda raw: trust.snapshot_of(sources.read_source(raw)),
        (*_SOURCES, _DER, _PEM, _CWT, _JWT),
    ),
    Target("bundle", lambda raw: trust.read_bundle(raw, [_ROOT], 1, 0, NOW), (_BUNDLE,)),
    Target("bundle signed", _signed_bundle, (_BODY,)),
    Target("picture", qr.read_picture, (_PICTURE,)),
)
BY_NAME = {target.name: target for target in TARGETS}
