"""The challenge: a phone with any clock gets its holder in, through a challenge of the gate; nobody else does."""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.gate.making import ISSUER, NOW, ROOT_KEYS, a_pass, pass_bytes, show
from tests.gate.test_the_gate_works_through_its_states import Bench

from pratique.core.text import Text
from pratique.credentials.challenge import certify, read_challenge
from pratique.credentials.keys import new_signer
from pratique.gate.challenge import Challenger
from pratique.gate.clock import Clock
from pratique.gate.lists import Lists
from pratique.gate.loop import Gate
from pratique.gate.memory import Memory

DEVICE = new_signer("Ed25519")
KEYS = {ISSUER.kid: [ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ISSUER.public_key)]}


class Asking(Bench):
    """The bench, with a gate that has a certificate."""

    def start(self) -> None:
        super().start()
        certificate = certify(
            ISSUER, bytes(16), Text("North gate", "北门"), DEVICE.public_key, NOW, NOW + timedelta(days=30)
        )
        self.gate = Gate(
            Lists(self.path, ROOT_KEYS, 2, 0), self.journal,
            Clock(0, 0, lambda: self.wall, lambda: self.ran), Memory(secrets.token_bytes(32)), self.door,
            self.lines.append, self.shown.append, ticks=lambda: self.ran,
            challenger=Challenger(DEVICE.sign, lambda: certificate, secrets.token_bytes),
        )  # fmt: skip

    @property
    def question(self) -> str | None:
        found: str | None = self.shown[-1]["challenge"]
        return found

    def answer(self, nonce: bytes, wrong_by: float = 0.0) -> str:
        """What the holder's phone shows, its clock off by so many seconds."""
        credential = pass_bytes(issued=NOW - timedelta(hours=1), expires=NOW + timedelta(hours=23))
        return show(credential, self.now + timedelta(seconds=wrong_by), nonce)


@pytest.fixture
def bench(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


def late(bench: Asking, seconds: float = 3600) -> None:
    """A phone whose clock is an hour wrong shows its code."""
    line = bench.scan(a_pass(bench.now, at=bench.now - timedelta(seconds=seconds)))
    assert line is not None
    assert (line["outcome"], line["reason"]) == ("see_staff", "clock")


@pytest.mark.parametrize("wrong_by", [-86_400 * 400, -3600, 0, 3600, 86_400 * 400])
def test_it_works_at_any_error_of_the_phone_s_clock(bench: Asking, wrong_by: float) -> None:
    assert bench.question is None
    late(bench)
    assert bench.question is not None
    asked = read_challenge(bench.question, KEYS)
    bench.go(5)

    line = bench.scan(bench.answer(asked.nonce, wrong_by))

    assert line is not None
    assert line["outcome"] == "clear"
    assert bench.question is None


def test_an_answer_is_good_once_and_for_a_minute(bench: Asking) -> None:
    late(bench)
    first = read_challenge(bench.question or "", KEYS)
    answer = bench.answer(first.nonce, 3600)
    assert (bench.scan(answer) or {})["outcome"] == "clear"
    bench.go(20)
    assert (bench.scan(answer) or {})["outcome"] == "see_staff"

    bench.go(20)
    second = read_challenge(bench.question or "", KEYS)
    bench.go(61)
    assert bench.question is None
    assert (bench.scan(bench.answer(second.nonce, 3600)) or {})["outcome"] == "see_staff"


def test_an_answer_to_another_gate_is_not_taken(bench: Asking) -> None:
    late(bench)

    line = bench.scan(bench.answer(b"elsewher", 3600))

    assert line is not None
    assert (line["outcome"], line["reason"]) == ("see_staff", "clock")


def test_the_pass_s_own_end_is_still_judged_by_the_gate(bench: Asking) -> None:
    late(bench)
    asked = read_challenge(bench.question or "", KEYS)
    credential = pass_bytes(issued=NOW - timedelta(hours=30), expires=NOW - timedelta(hours=6))

    line = bench.scan(show(credential, bench.now - timedelta(days=1), asked.nonce))

    assert line is not None
    assert line["outcome"] != "clear"
