"""Cases for SMART Health Cards."""

import json
import zlib
from collections.abc import Iterator
from hashlib import sha256

from pratique.credentials.shc import text_to_digits
from tests.credentials.vectors.parts import (
    AT,
    BUNDLE,
    CARD,
    DAY,
    ISS,
    OTHER,
    STRANGER,
    Case,
    card_claims,
    jwk,
    jws,
    vc,
)


def cases() -> Iterator[Case]:
    good = jws()
    yield Case("shc", _text(good))
    yield Case("shc-bare", good)
    yield from _texts(good)
    yield from _envelopes()
    yield from _issuers()
    yield from _contents()
    yield from _lists()


def _text(card: str) -> str:
    return "shc:/" + text_to_digits(card)


def _chunks(card: str, number: int) -> list[str]:
    size = -(-len(card) // number)
    parts = [card[at : at + size] for at in range(0, len(card), size)]
    return [f"shc:/{n + 1}/{number}/{text_to_digits(part)}" for n, part in enumerate(parts)]


def _texts(good: str) -> Iterator[Case]:
    chunks = _chunks(good, 3)
    yield Case("shc-chunks", " ".join(chunks))
    yield Case("shc-chunks-any-order", "\n".join(reversed(chunks)))
    yield Case("shc-chunk-missing", " ".join(chunks[:2]))
    yield Case("shc-chunk-twice", " ".join([chunks[0], chunks[0], chunks[2]]))
    yield Case("shc-chunk-alone", chunks[0])
    yield Case("shc-chunks-of-other-counts", chunks[0] + " " + chunks[1].replace("/2/3/", "/2/2/"))
    yield Case("shc-one-of-one", "shc:/1/1/" + text_to_digits(good))
    yield Case("shc-chunk-zero", "shc:/0/1/" + text_to_digits(good))
    yield Case("shc-odd-digits", _text(good)[:-1])
    yield Case("shc-pair-above-77", _text(good)[:-2] + "78")
    yield Case("shc-letters", _text(good) + "a")
    yield Case("shc-nothing", "shc:/")
    yield Case("shc-capitals", _text(good).replace("shc:/", "SHC:/"))
    yield Case("shc-two-slashes", _text(good).replace("shc:/", "shc://"))
    yield Case("shc-arabic-digits", "shc:/" + "٥٦" * 20)
    yield Case("shc-two-parts", ".".join(good.split(".")[:2]))
    yield Case("shc-four-parts", good + ".x")
    yield Case("shc-padding", good + "=")
    yield Case("shc-not-base64url", _text(good.replace(".", ".-_-_-", 1)))


def _envelopes() -> Iterator[Case]:
    head = {"zip": "DEF", "alg": "ES256", "kid": jwk()["kid"]}
    raw = json.dumps(card_claims()).encode()
    yield Case("shc-zlib-header", _text(jws(packed=zlib.compress(raw))))
    yield Case("shc-not-compressed", _text(jws(packed=raw)))
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflater.compress(raw) + deflater.flush()
    yield Case("shc-cut", _text(jws(packed=packed[:-2])))
    yield Case("shc-bytes-behind", _text(jws(packed=packed + b"\x00")))
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield Case("shc-bomb", _text(jws(packed=bomb.compress(b" " * 300_000) + bomb.flush())))
    for name, header in (
        ("alg-none", head | {"alg": "none"}),
        ("alg-es384", head | {"alg": "ES384"}),
        ("no-zip", {"alg": "ES256", "kid": head["kid"]}),
        ("no-kid", {"alg": "ES256", "zip": "DEF"}),
        ("crit", head | {"crit": ["exp"]}),
        ("more-members", head | {"typ": "JWT"}),
    ):
        yield Case(f"shc-header-{name}", _text(jws(header=header)))
    yield Case("shc-der-signature", _text(jws(der=True)))
    yield Case("shc-signature-of-another", _text(jws(signer=STRANGER, header=head)))
    yield Case("shc-payload-not-json", _text(jws(b"{")))
    yield Case("shc-payload-a-list", _text(jws(b"[]")))
    yield Case("shc-payload-key-twice", _text(jws(b'{"iss":"a","iss":"b"}')))
    yield Case("shc-payload-nan", _text(jws(raw[:-1] + b',"x":NaN}')))
    yield Case("shc-white-space-inside", _text(jws(json.dumps(card_claims(), indent=2).encode())))


def _issuers() -> Iterator[Case]:
    yield Case("shc-unknown-key", _text(jws(signer=STRANGER)))
    yield Case("shc-key-of-another-issuer", _text(jws(card_claims(iss="https://other.example"))))
    yield Case("shc-issuer-not-listed", _text(jws(card_claims(iss="https://unlisted.example"), signer=OTHER)))
    yield Case("shc-issuer-http", _text(jws(card_claims(iss=ISS.replace("https", "http")))))
    yield Case("shc-issuer-slash", _text(jws(card_claims(iss=ISS + "/"))))
    yield Case("shc-issuer-missing", _text(jws(card_claims(iss=None))))
    yield Case("shc-issuer-a-number", _text(jws(card_claims(iss=7))))


def _contents() -> Iterator[Case]:
    for name, changes in (
        ("nbf-with-fraction", {"nbf": AT - 0.5}),
        ("nbf-now", {"nbf": AT}),
        ("nbf-later", {"nbf": AT + 1}),
        ("nbf-milliseconds", {"nbf": AT * 1000}),
        ("nbf-missing", {"nbf": None}),
        ("nbf-text", {"nbf": "yesterday"}),
        ("exp-now", {"exp": AT}),
        ("exp-past", {"exp": AT - 1}),
        ("exp-text", {"exp": "tomorrow"}),
        ("vc-missing", {"vc": None}),
        ("type-missing", {"vc": vc(type=None)}),
        ("type-of-something-else", {"vc": vc(type=["https://example.org/card"])}),
        ("more-types", {"vc": vc(type=[CARD, "https://smarthealth.cards#covid19", "https://example.org/x"])}),
        ("fhir-3", {"vc": vc(credentialSubject={"fhirVersion": "3.0.2", "fhirBundle": BUNDLE})}),
        ("no-bundle", {"vc": vc(credentialSubject={"fhirVersion": "4.0.1"})}),
        ("bundle-not-a-collection", {"vc": _with({**BUNDLE, "type": "batch"})}),
        ("bundle-empty", {"vc": _with({**BUNDLE, "entry": []})}),
        ("bundle-patient-without-name", {"vc": _with(_unnamed())}),
        ("long", {"filler": "".join(sha256(b"%d" % n).hexdigest() for n in range(30))}),
    ):
        yield Case(f"shc-{name}", _text(jws(card_claims(**changes))))


def _with(bundle: object) -> dict[str, object]:
    return vc(credentialSubject={"fhirVersion": "4.0.1", "fhirBundle": bundle})


def _unnamed() -> dict[str, object]:
    patient = {"fullUrl": "resource:0", "resource": {"resourceType": "Patient"}}
    return {**BUNDLE, "entry": [patient, BUNDLE["entry"][1]]}


def _lists() -> Iterator[Case]:
    marked = card_claims(vc=vc(rid="revoked-one"), nbf=AT - DAY)
    dated = card_claims(vc=vc(rid="dated"), nbf=AT - DAY)
    later = card_claims(vc=vc(rid="dated"), nbf=AT - 60)
    free = card_claims(vc=vc(rid="another"))
    yield Case("shc-revoked", _text(jws(marked)), "rids")
    yield Case("shc-revoked-before-a-time", _text(jws(dated)), "rids")
    yield Case("shc-issued-after-that-time", _text(jws(later)), "rids")
    yield Case("shc-not-revoked", _text(jws(free)), "rids")
    yield Case("shc-without-rid", _text(jws()), "rids")
    yield Case("shc-list-missing", _text(jws(free)), "rids-missing")
    yield Case("shc-list-missing-and-required", _text(jws(free)), "rids-required")
    yield Case("shc-list-broken", _text(jws(free)), "rids-broken")
    yield Case("shc-list-of-another-version", _text(jws(free)), "rids-other-version")
    yield Case("shc-lists-stale", _text(jws()), "stale")
