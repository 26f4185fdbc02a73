"""Cases for PQ1."""

from collections.abc import Iterator
from datetime import UTC, datetime

from cbor2 import dumps

from pratique.credentials import base45, pq1
from tests.credentials.vectors.parts import AT, DAY, HOLDER, ISSUER, OTHER, STRANGER, Case, pass_of, shown

NONCE = b"8 bytes!"


def cases() -> Iterator[Case]:
    whole = pass_of()
    yield Case("pass", shown(whole))
    yield Case("pass-conditions", shown(pass_of(pass_class=pq1.CONDITIONS)))
    yield Case("pass-without-status", shown(pass_of(status=None)))
    yield Case("pass-with-hints", shown(pass_of(hints=["E", "M", 26, 2])))
    yield Case("pass-challenge", shown(whole, AT - 400 * DAY, NONCE), nonces=(NONCE,))
    yield Case("pass-challenge-not-open", shown(whole, AT, NONCE), nonces=(b"another!",))
    yield Case("pass-challenge-not-asked", shown(whole, AT, NONCE))
    for seconds in (-181, -180, 180, 181):
        yield Case(f"pass-shown-{seconds:+d}-s", shown(whole, AT + seconds))
    yield Case("pass-shown-at-a-fraction", shown(whole, AT + 180), at=AT + 0.5)
    yield Case("pass-narrow-skew", shown(whole, AT - 61), "narrow")
    yield Case("pass-of-another-holder", shown(whole, by=STRANGER))
    yield Case("pass-without-proof", pq1.paper(whole))
    yield Case("pass-unknown-key", shown(pass_of(signer=STRANGER)))
    yield Case("pass-signed-by-certificate-key", shown(pass_of(signer=OTHER)))
    yield Case("pass-second-key-of-a-kid", shown(whole), "collision")
    yield Case("pass-expired", shown(pass_of(expires=_at(0))))
    yield Case("pass-lasts-a-second", shown(pass_of(expires=_at(1))))
    yield Case("pass-not-yet", shown(pass_of(issued=_at(181))))
    yield Case("pass-slow-clock", shown(pass_of(issued=_at(180))))
    yield Case("pass-key-begins-too-late", shown(whole), "pass-key-late")
    yield Case("pass-revoked", shown(whole), "pass-revoked")
    yield Case("pass-neighbour-revoked", shown(pass_of(status=(1, 4))), "pass-revoked")
    yield Case("pass-suspended", shown(whole), "pass-suspended")
    yield Case("pass-list-missing", shown(pass_of(status=(2, 5))))
    yield Case("pass-index-outside", shown(pass_of(status=(1, 1024))))
    yield Case("pass-lists-stale", shown(whole), "stale")
    yield Case("pass-lists-stale-refused", shown(whole), "stale-refused")
    yield from _paper()
    yield from _forms(whole)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(AT + seconds, UTC)


def _paper() -> Iterator[Case]:
    card = pass_of(holder_key=None, expires=_at(27 * DAY), hints=["L", None, 4, None])
    yield Case("paper", pq1.paper(card))
    yield Case("paper-not-allowed", pq1.paper(card), "no-paper")
    yield Case("paper-28-days", pq1.paper(pass_of(holder_key=None, expires=_at(28 * DAY - 3600))))
    yield Case("paper-beyond-28-days", pq1.paper(pass_of(holder_key=None, expires=_at(28 * DAY))))
    yield Case("paper-with-a-proof", shown(card))


def _forms(whole: bytes) -> Iterator[Case]:
    proof = HOLDER.sign(pq1.proof_message(whole, AT))
    exact = dumps([whole, AT, proof])
    longer = exact.replace(b"\x1a" + AT.to_bytes(4, "big"), b"\x1b" + AT.to_bytes(8, "big"))
    for name, raw in (
        ("bytes-behind", exact + b"\x00"),
        ("longer-number", longer),
        ("indefinite", b"\x9f" + exact[1:] + b"\xff"),
        ("cut", exact[:-1]),
        ("tagged", b"\xd2" + exact),
        ("five-parts", dumps([whole, AT, NONCE, proof, 1])),
        ("short-nonce", dumps([whole, AT, b"7 bytes", proof])),
        ("short-proof", dumps([whole, AT, proof[:63]])),
        ("time-is-a-float", dumps([whole, float(AT), proof])),
        ("time-negative", dumps([whole, -1, proof])),
        ("credential-is-text", dumps(["x", AT, proof])),
        ("empty", b""),
        ("a-number", b"\x07"),
    ):
        yield Case(f"pass-form-{name}", "PQ1:" + base45.encode(raw))
    good = {4: AT + 3600, 6: AT - 3600, -70001: [1]}
    for name, claims in (
        ("unordered", {6: AT - 3600, 4: AT + 3600, -70001: [1]}),
        ("unknown-claim", {**good, 7: 1}),
        ("class-0", {**good, -70001: [0]}),
        ("class-256", {**good, -70001: [256]}),
        ("class-true", {**good, -70001: [True]}),
        ("no-class", {4: AT + 3600, 6: AT - 3600}),
        ("exp-float", {**good, 4: AT + 3600.5}),
        ("status-negative", {**good, -70003: [1, -1]}),
        ("status-of-three", {**good, -70003: [1, 1, 1]}),
        ("hints-of-three", {**good, -70001: [1, ["A", "B", 1]]}),
        ("hint-too-long", {**good, -70001: [1, ["Ann", None, None, None]]}),
        ("hint-empty", {**good, -70001: [1, [None, None, None, None]]}),
        (
            "holder-off-the-curve",
            {4: AT + 3600, 6: AT - 3600, 8: {1: {1: 2, -1: 1, -2: b"\xff" * 32, -3: True}}, -70001: [1]},
        ),
    ):
        credential = _signed(dumps(claims))
        text = shown(credential) if 8 in claims else pq1.paper(credential)
        yield Case(f"pass-claims-{name}", text)
    kid = ISSUER.kid
    for name, protected in (
        ("alg-ps256", {1: -37, 4: kid}),
        ("kid-of-7", {1: -7, 4: kid[:7]}),
        ("unordered", {4: kid, 1: -7}),
        ("more", {1: -7, 4: kid, 5: 0}),
    ):
        yield Case(f"pass-header-{name}", pq1.paper(_signed(dumps(good), dumps(protected))))
    filled = dumps([dumps({1: -7, 4: kid}), {4: kid}, dumps(good), bytes(64)])
    yield Case("pass-header-unprotected", pq1.paper(filled))
    yield Case("pass-signature-zero", pq1.paper(dumps([dumps({1: -7, 4: kid}), {}, dumps(good), bytes(64)])))
    yield Case("pass-signature-of-65", pq1.paper(dumps([dumps({1: -7, 4: kid}), {}, dumps(good), bytes(65)])))
    yield Case("pass-text-too-long", "PQ1:" + "0" * 1100)
    yield Case("pass-text-foreign", "PQ1:" + "é" * 30)
    yield Case("pass-text-small", shown(whole).lower().replace("pq1:", "PQ1:"))


def _signed(payload: bytes, protected: bytes | None = None) -> bytes:
    head = dumps({1: -7, 4: ISSUER.kid}) if protected is None else protected
    return dumps([head, {}, payload, ISSUER.sign(dumps(["Signature1", head, b"", payload]))])
