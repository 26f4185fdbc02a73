"""A gate's challenge to a wallet: made, read, and refused in any other form."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from cbor2 import dumps, loads
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.text import Text
from pratique.credentials import base45, challenge
from pratique.credentials.keys import new_signer
from pratique.credentials.reasons import CredentialError

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ISSUER, DEVICE = new_signer("ES256"), new_signer("Ed25519")
GATE, MANDATE, NONCE = bytes(range(16)), bytes(16), b"12345678"
PLACE = Text("North gate", "北门")
KEYS = {ISSUER.kid: [ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ISSUER.public_key)]}
CERTIFICATE = challenge.certify(ISSUER, GATE, PLACE, DEVICE.public_key, NOW, NOW + timedelta(days=30))
TEXT = challenge.make_challenge(DEVICE.sign, CERTIFICATE, NONCE, MANDATE, NOW)


def refused(text: str) -> str:
    with pytest.raises(CredentialError) as told:
        challenge.read_challenge(text, KEYS)
    return told.value.code


def test_it_works() -> None:
    asked = challenge.read_challenge(TEXT, KEYS)

    assert (asked.nonce, asked.mandate, asked.until - asked.at) == (NONCE, MANDATE, 60)
    assert (asked.certificate.gate, asked.certificate.place) == (GATE, PLACE)
    assert asked.certificate.device_key == DEVICE.public_key
    assert len(TEXT) < 600  # a code of version 15 at most


def test_a_long_name_of_a_place_is_cut_between_letters() -> None:
    long = Text("x" * 500, "门" * 500)
    made = challenge.certify(ISSUER, GATE, long, DEVICE.public_key, NOW, NOW + timedelta(days=1))

    place = challenge.read_certificate(made, KEYS).place

    assert (len(place.en.encode()), place.zh_hans) == (120, "门" * 40)


def test_another_issuer_s_gate_is_not_known() -> None:
    other = new_signer("ES256")
    certificate = challenge.certify(other, GATE, PLACE, DEVICE.public_key, NOW, NOW + timedelta(days=1))

    assert refused(challenge.make_challenge(DEVICE.sign, certificate, NONCE, MANDATE, NOW)) == "UNKNOWN_KEY"


def test_a_certificate_lent_to_another_device_is_worth_nothing() -> None:
    thief = new_signer("Ed25519")

    assert refused(challenge.make_challenge(thief.sign, CERTIFICATE, NONCE, MANDATE, NOW)) == "BAD_SIGNATURE"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PQ1:ABC", "UNKNOWN_PREFIX"),
        ("PQG1:" + "A" * 1500, "TOO_LARGE"),
        ("PQG1:a", "BAD_TEXT"),
        ("PQG1:" + base45.encode(dumps([b"", b""])), "BAD_CBOR"),
        ("PQG1:" + base45.encode(dumps([CERTIFICATE])), "BAD_COSE"),
        ("PQG1:" + base45.encode(dumps([CERTIFICATE, CERTIFICATE])), "BAD_COSE"),
        ("PQG1:" + base45.encode(b"\x9f\x40\x40\xff"), "BAD_CBOR"),
    ],
)
def test_what_is_no_question_is_refused(text: str, code: str) -> None:
    assert refused(text) == code


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(deadline=None, max_examples=300)
def test_no_changed_byte_is_taken(place: int, change: int) -> None:
    raw = bytearray(base45.decode(TEXT[5:]))
    raw[place % len(raw)] ^= change

    with pytest.raises(CredentialError):
        challenge.read_challenge("PQG1:" + base45.encode(bytes(raw)), KEYS)


def test_an_extra_claim_is_refused() -> None:
    certificate, question = loads(base45.decode(TEXT[5:]))
    protected, _, payload, _ = loads(question)
    claims = loads(payload) | {-70099: 1}
    from pratique.credentials.cose import to_be_signed

    payload = dumps(claims)
    signed = dumps([protected, {}, payload, DEVICE.sign(to_be_signed(protected, payload))])

    assert refused("PQG1:" + base45.encode(dumps([certificate, signed]))) == "BAD_COSE"


def test_parts_of_the_wrong_size_are_not_signed() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        challenge.certify(ISSUER, b"", PLACE, DEVICE.public_key, NOW, NOW + timedelta(days=1))
    with pytest.raises(ValueError, match="8 bytes"):
        challenge.make_challenge(DEVICE.sign, CERTIFICATE, secrets.token_bytes(7), MANDATE, NOW)
