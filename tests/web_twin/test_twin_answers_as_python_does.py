"""The twin in node says what Python says: both files of vectors, mutated texts, random rules."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.text import Text
from pratique.credentials.challenge import certify, make_challenge
from pratique.credentials.keys import Ed25519Signer
from pratique.gate import model
from pratique.gate.decide import PAIR_OF
from pratique.gate.machine import LONGEST, Machine
from pratique.policy.certlogic import evaluate
from tests.credentials.vectors.parts import AT, ISSUER, pass_of, shown
from tests.policy.making_rules import PAIRS
from tests.web_twin.asking import Twin, b64
from tests.web_twin.comparing import credentials, decisions, differing, same, unlike
from tests.web_twin.mutants import Mutants
from tests.web_twin.vectors.document import document
from tests.web_twin.vectors.language import value_told
from tests.web_twin.vectors.parts import LOADED, NOW, PATH

COUNT = int(os.environ.get("PRATIQUE_FUZZ", "400"))


def test_it_works(twin: Twin) -> None:
    asked = list(credentials())

    assert differing(asked, twin.ask_all(question for _, question, _ in asked)) == []


def test_a_gate_decides_alike(twin: Twin) -> None:
    asked = list(decisions())

    assert differing(asked, twin.ask_all(question for _, question, _ in asked)) == []


def test_the_file_is_what_python_says() -> None:
    """Texts and files are made by libraries of compression, so only what is asked and answered is compared."""
    made, kept = document(), json.loads(PATH.read_text(encoding="utf-8"))

    def plain(whole: dict[str, Any], part: str) -> Any:
        rows = json.loads(json.dumps(whole[part]))
        return [{k: v for k, v in row.items() if k not in ("text", "file")} for row in rows]

    for part in ("gate", "opening", "rules", "person", "certlogic"):
        assert plain(made, part) == plain(kept, part), "run: python -m tests.web_twin.vectors"


def test_every_pair_and_every_reason_has_a_case() -> None:
    """`annulled` and `staff` are said by hands, not decided."""
    kept = json.loads(PATH.read_text(encoding="utf-8"))
    decided = {(case["expected"]["outcome"], case["expected"]["reason"]) for case in kept["gate"]}

    assert decided == {pair for pair in model.PAIRS if pair[0] not in ("annulled", "staff")}


def test_the_closed_lists_are_the_same(twin: Twin) -> None:
    told = twin.ask("lists")

    assert [tuple(pair) for pair in told["pairs"]] == list(model.PAIRS)
    assert {code: tuple(pair) for code, pair in told["pair_of"]} == dict(PAIR_OF)
    assert tuple(told["states"]) == model.STATES
    assert (set(told["stops"]), set(told["amber"])) == (model.STOPS, model.AMBER)
    assert told["longest"] == LONGEST


def test_a_gate_s_challenge_is_python_s_and_its_answer_is_taken_alike(twin: Twin) -> None:
    device = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signer = Ed25519Signer(device)
    certificate = certify(
        ISSUER, b"g" * 16, Text("Gate", "哨位"), signer.public_key, NOW, NOW + timedelta(days=30)
    )
    made = make_challenge(signer.sign, certificate, b"8 bytes!", b"m" * 16, NOW)
    pkcs8 = device.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    told = twin.ask(
        "challenge",
        key=b64(pkcs8), certificate=b64(certificate), nonce=b64(b"8 bytes!"), mandate=b64(b"m" * 16),
        at=NOW.timestamp(),
    )  # fmt: skip

    assert told == {"text": made}

    answer = shown(pass_of(), AT - 5000, nonce=b"8 bytes!")
    trust, fail = twin.trust(LOADED["plain"].snapshot), {"stale": "admit", "clock": "see-staff"}
    asked = {"text": answer, "at": AT, "trust": trust, "grade": "good", "fail": fail}
    assert twin.ask("decide", **asked, nonces=[b"8 bytes!".hex()])["outcome"] == "clear"
    assert twin.ask("decide", **asked, nonces=[b"8 other!".hex()])["reason"] == "clock"


STEPS = st.one_of(
    st.sampled_from(
        ["started", "seen", "opened", "refused", "turned", "timeout", "pin", "touched", "left"]
    ).map(lambda event: ["feed", event]),
    st.tuples(st.just("cause"), st.sampled_from(sorted(model.STOPS | model.AMBER)), st.booleans()).map(list),
    st.booleans().map(lambda lives: ["underMandate", lives]),
    st.just(["tick"]),
)


@settings(max_examples=COUNT // 2, deadline=None)
@given(st.lists(STEPS, max_size=25), st.booleans())
def test_the_states_follow_one_table(twin: Twin, steps: list[list[Any]], sensor: bool) -> None:
    machine, found = Machine(turn_sensor=sensor), []
    for i, (name, *given_) in enumerate(steps):
        act = getattr(machine, {"underMandate": "under_mandate"}.get(name, name))
        machine = act(*given_, i + 1)
        found.append([machine.state, machine.since, sorted(machine.faults), machine.ended])

    assert twin.ask("machine", steps=steps, sensor=sensor) == found


@pytest.mark.parametrize("seed", range(2))
def test_what_nobody_would_issue_is_refused_alike(twin: Twin, seed: int) -> None:
    source = Mutants(seed)

    assert unlike(twin, list(source.texts(COUNT)), source.snapshot) == []


@settings(max_examples=COUNT, deadline=None)
@given(PAIRS)
def test_any_expression_on_any_data(twin: Twin, pair: tuple[Any, Any]) -> None:
    expression, data = pair
    found = evaluate(expression, data)
    answer = twin.ask("certlogic", logic=expression, data=data)

    assert same(value_told(found), answer), (json.dumps(expression), data)
