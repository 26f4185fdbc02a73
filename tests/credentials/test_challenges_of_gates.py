"""A gate's challenge says who asks, and its answer opens whatever the phone's clock says; nothing else does."""

from datetime import timedelta
from typing import Any

import pytest
from cbor2 import dumps

from pratique.credentials import CredentialError, base45, challenge, pq1, qr, verify
from pratique.credentials.cbor import read_exact
from tests.credentials.making import HOLDER, ISSUER, NOW, es256, pass_bytes, pass_key, snapshot

GATE = es256()
NONCE = b"12345678"


def card(**changes: Any) -> bytes:
    given: dict[str, Any] = {
        "signer": ISSUER,
        "gate_key": GATE.public_key,
        "gate": "G" * 26,
        "operator": "Synthetic Port 合成港",
        "mandate": "M" * 26,
        "issued": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=30),
    }
    return challenge.issue_card(**(given | changes))


def asked(**changes: Any) -> str:
    return challenge.make(card(**changes), GATE, NONCE)


@pytest.mark.parametrize("off", [timedelta(0), timedelta(days=-400), timedelta(days=400)])
def test_it_works(off: timedelta) -> None:
    """The whole exchange with a phone whose clock is anywhere; the gate's own clock decides on the pass."""
    phone = NOW + off
    read = challenge.read(asked(), snapshot(), None)
    assert (read.gate, read.operator, read.mandate) == ("G" * 26, "Synthetic Port 合成港", "M" * 26)

    credential, shown = pass_bytes(), int(phone.timestamp())
    proof = HOLDER.sign(pq1.proof_message(credential, shown, read.nonce))
    text = pq1.present(credential, shown, proof, read.nonce)

    assert verify(text, NOW, snapshot(), nonces={NONCE}).ok
    assert verify(text, NOW, snapshot(), nonces={b"another!"}).reason == "PROOF_TIME"
    assert verify(text, NOW, snapshot()).reason == "PROOF_TIME"
    assert verify(text, NOW + timedelta(hours=24), snapshot(), nonces={NONCE}).reason == "EXPIRED"


def test_both_codes_are_small_enough_for_a_cheap_camera() -> None:
    credential = pass_bytes(status=(1, 1_000_000))
    proof = HOLDER.sign(pq1.proof_message(credential, 1 << 30))
    answer = pq1.present(
        credential, 1 << 30, HOLDER.sign(pq1.proof_message(credential, 1 << 30, NONCE)), NONCE
    )

    assert qr.write(pq1.present(credential, 1 << 30, proof)).version <= 11
    assert qr.write(answer).version <= 12
    assert qr.write(asked()).version <= 14
    text = asked()
    assert qr.read_picture(qr.to_png(qr.write(text))) == [text]


def reason(text: str, **changes: Any) -> str:
    with pytest.raises(CredentialError) as refused:
        challenge.read(text, snapshot(**changes), NOW)
    return refused.value.code


def test_each_false_challenge_has_its_reason() -> None:
    good = asked()
    parts = read_exact(base45.decode(good[4:]))

    assert reason("HC1:" + good[4:]) == "UNKNOWN_PREFIX"
    assert reason(good + "0" * 2000) == "TOO_LARGE"
    assert reason(good[:-1] + "_") == "BAD_TEXT"
    assert reason("PQG:" + base45.encode(dumps(parts) + b"\0")) == "BAD_CBOR"
    assert reason("PQG:" + base45.encode(dumps(parts[:2]))) == "BAD_COSE"
    assert reason("PQG:" + base45.encode(dumps([parts[0], b"7 bytes", parts[2]]))) == "BAD_COSE"
    assert reason("PQG:" + base45.encode(dumps([parts[0], b"another!", parts[2]]))) == "PROOF_BAD"
    assert reason(challenge.make(card(), es256(), NONCE)) == "PROOF_BAD"
    assert reason(asked(signer=es256())) == "UNKNOWN_KEY"
    assert reason(good, keys=(pass_key(es256(), kid=ISSUER.kid),)) == "BAD_SIGNATURE"
    assert reason(good, keys=(pass_key(valid_from=int(NOW.timestamp())),)) == "KEY_NOT_VALID"
    assert reason(asked(expires=NOW)) == "EXPIRED"
    assert reason(asked(issued=NOW + timedelta(hours=1))) == "NOT_YET_VALID"


def test_a_pass_is_no_card_and_a_card_no_pass() -> None:
    assert reason(challenge.make(pass_bytes(holder_key=GATE.public_key), GATE, NONCE)) == "BAD_COSE"
    assert verify(pq1.paper(card()), NOW, snapshot()).reason == "BAD_HEADER"


@pytest.mark.parametrize(
    "wrong",
    [{"gate": ""}, {"operator": "x" * 121}, {"expires": NOW - timedelta(days=2)}, {"gate_key": b"\x04" * 65}],
)
def test_a_card_that_would_not_be_read_is_not_issued(wrong: dict[str, Any]) -> None:
    with pytest.raises(CredentialError):
        card(**wrong)


def test_any_change_of_a_byte_is_noticed() -> None:
    raw = base45.decode(asked()[4:])
    for at in range(0, len(raw), 3):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(CredentialError):
            challenge.read("PQG:" + base45.encode(changed), snapshot(), None)
