"""A gate whose clock disagrees asks; the wallet checks who asks and shows an answer that any clock can give."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from pratique.core.text import Text
from pratique.credentials.challenge import certify, make_challenge
from pratique.credentials.keys import new_signer
from pratique.credentials.verify import verify
from tests.browser.conftest import Watched, read_code
from tests.browser.port import Port
from tests.browser.test_wallet_passes_are_live import begin, trust

DEVICE = new_signer("Ed25519")
PLACE = Text("North gate", "北门")


def question(port: Port, nonce: bytes, *, by: object = None) -> str:
    now = port.now()
    issuer = by or port.issuer
    certificate = certify(issuer, bytes(16), PLACE, DEVICE.public_key, now, now + timedelta(days=30))  # type: ignore[arg-type]
    return make_challenge(DEVICE.sign, certificate, nonce, bytes(16), now)


@pytest.mark.parametrize(("language", "place"), [("zh-CN", "北门"), ("en", "North gate")])
def test_the_holder_sees_who_asks_and_the_gate_takes_the_answer(
    with_camera: Callable[..., Watched], port: Port, language: str, place: str
) -> None:
    nonce = secrets.token_bytes(8)
    faces = with_camera(port.url, question(port, nonce))
    page, subject = begin(faces, port, language)
    port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/pass")
    page.get_by_role("link", name="Answer a gate" if language == "en" else "回应哨位").click()

    expect(page.locator(".lead")).to_contain_text(place, timeout=20_000)
    page.locator(".code-box svg").wait_for()
    shown = read_code(page)

    late = port.now() + timedelta(hours=5)  # the gate's clock, or the phone's: it does not matter which
    assert verify(shown, late, trust(port), {nonce}).ok
    assert verify(shown, late, trust(port)).reason == "PROOF_TIME"


def test_a_gate_of_nobody_we_know_gets_no_answer(with_camera: Callable[..., Watched], port: Port) -> None:
    faces = with_camera(port.url, question(port, secrets.token_bytes(8), by=new_signer("ES256")))
    page, subject = begin(faces, port)
    port.give_pass(subject)
    page.reload()
    page.goto(f"{port.url}/wallet/#/answer")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was shown to it", timeout=20_000)
    assert page.locator(".code-box").count() == 0
