"""Changed texts are never accepted with changed contents, and nothing escapes but a verdict or a CredentialError."""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.credentials import base45, cbor, dcc, hcert, pq1, shc, status
from pratique.credentials.cose import header, unwrap
from pratique.credentials.model import Outcome
from pratique.credentials.qr import read_picture
from pratique.credentials.reasons import REASONS, CredentialError
from pratique.credentials.shc_files import cards_in
from pratique.credentials.shc_keys import read_revocation_list, usable_keys
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.sources import read_source
from pratique.credentials.trust import read_bundle
from pratique.credentials.verify import verify
from pratique.credentials.x509 import read_certificate
from tests.credentials.making import ISSUER, NOW, bundle, hcert_key, hcert_text, pass_bytes, pass_key, show
from tests.credentials.test_smart_health_cards import card, issuer

KNOWN = Snapshot(bundle(keys=(hcert_key(), pass_key()), shc=(issuer(),)), icvp=True)
VALID = {
    "HC1": hcert_text(),
    "PQ1": show(pass_bytes()),
    "PQ1 challenge": show(pass_bytes(), nonce=b"12345678"),
    "SHC": "shc:/" + shc.text_to_digits(card()),
    "JWS": card(),
}
NONCES = {b"12345678"}
BEFORE = {name: verify(text, NOW, KNOWN, NONCES) for name, text in VALID.items()}
MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
CHARACTERS = base45.ALPHABET.decode() + "abcdefz_=\x00\n\u00a0é\U0001f600"


def judged(text: str, name: str) -> Outcome:
    """The verdict on a changed text, which must not carry other contents than the original."""
    outcome = verify(text, NOW, KNOWN, NONCES)
    assert isinstance(outcome, Outcome)
    assert outcome.ok == (outcome.reason is None)
    assert outcome.reason is None or outcome.reason in REASONS
    if outcome.ok:
        assert outcome.claims == BEFORE[name].claims
        assert outcome.replay == BEFORE[name].replay
    return outcome


def test_it_works() -> None:
    assert all(outcome.ok for outcome in BEFORE.values())


@pytest.mark.parametrize("name", VALID)
@MANY
@given(data=st.data())
def test_changed_characters(name: str, data: st.DataObject) -> None:
    text = VALID[name]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        kind = data.draw(st.sampled_from(["replace", "insert", "delete", "cut", "repeat", "swap"]))
        letter = data.draw(st.sampled_from(CHARACTERS))
        if kind == "replace":
            text = text[:at] + letter + text[at + 1 :]
        elif kind == "insert":
            text = text[:at] + letter + text[at:]
        elif kind == "delete":
            text = text[:at] + text[at + data.draw(st.integers(1, 9)) :]
        elif kind == "cut":
            text = text[:at]
        elif kind == "repeat":
            text = text + text[at:]
        else:
            other = data.draw(st.integers(0, len(text)))
            text = text[: min(at, other)] + text[max(at, other) :] + text[min(at, other) : max(at, other)]
    outcome = judged(text, name)
    if text != VALID[name] and name != "HC1":
        assert not outcome.ok


@pytest.mark.parametrize("name", ["HC1", "PQ1", "PQ1 challenge"])
@MANY
@given(data=st.data())
def test_changed_bytes_inside(name: str, data: st.DataObject) -> None:
    """Bytes changed under the base45, and under the compression too."""
    raw = base45.decode(VALID[name][4:])
    if name == "HC1":
        raw = zlib.decompress(raw)
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        if data.draw(st.booleans()):
            changed[at] = data.draw(st.integers(0, 255))
        else:
            changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    packed = zlib.compress(bytes(changed)) if name == "HC1" else bytes(changed)
    judged(VALID[name][:4] + base45.encode(packed), name)


VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.integers(-300, 9) | st.text(max_size=4) | st.binary(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(["ver", "nam", "dob", "v", "t", "r", "x", 1])


@MANY
@given(st.dictionaries(FIELDS, VALUES, max_size=6), VALUES, VALUES)
def test_any_signed_contents(content: dict[Any, Any], exp: Any, iat: Any) -> None:
    """Whatever a trusted issuer signs, the verdict is a verdict and can be written as JSON."""
    import msgspec

    for inner in (content, {**content, "ver": "1.3.0"}):
        for claims in (
            {4: NOW.timestamp() + 9, 6: 0, -260: {1: inner}},
            {4: exp, 6: iat, -260: {1: inner, -6: inner}},
        ):
            outcome = verify(hcert_text(claims), NOW, KNOWN)
            assert outcome.reason is None or outcome.reason in REASONS
            msgspec.json.encode(outcome.claims)
    dcc.schema_fault(dcc.tidy(content))
    list(dcc.unknown_codes(dcc.tidy(content), {"country-2-codes": frozenset()}))


@MANY
@given(st.text(max_size=300), st.sampled_from(["", "HC1:", "PQ1:", "shc:/", "shc:/1/2/", "LT1:", "a.b.c"]))
def test_any_text(text: str, prefix: str) -> None:
    outcome = verify(prefix + text, NOW, KNOWN)
    assert not outcome.ok


ISSUER_KEY = KNOWN.keys_for("hcert", ISSUER.kid)[0].public
DECODERS: list[Callable[[bytes], object]] = [
    cbor.read,
    cbor.read_first,
    cbor.read_exact,
    unwrap,
    lambda raw: header(unwrap(raw)),
    hcert.inflate,
    hcert.read_claims,
    pq1.read_cbor,
    shc.inflate_raw,
    lambda raw: shc.read_jws(raw.decode("latin-1")),
    lambda raw: status.unpack(1, raw, 4096),
    lambda raw: status.read_cwt_token(raw, ISSUER_KEY, "uri", NOW),
    lambda raw: status.read_jwt_token(raw.decode("latin-1"), ISSUER_KEY, "uri", NOW),
    read_certificate,
    read_source,
    usable_keys,
    read_revocation_list,
    read_picture,
    lambda raw: cards_in(raw.decode("latin-1")),
    lambda raw: read_bundle(raw, [], 1, 0, datetime(2026, 1, 1, tzinfo=UTC)),
    lambda raw: base45.decode(raw.decode("latin-1")),
]
STARTS = [
    b"",
    b"\x84",
    b"\xd2\x84",
    b"\xd8\x3d",
    b"\x78\xda",
    b"\x30\x82",
    b"{",
    b'{"keys":[',
    b"[",
    b"\xa2",
    b"\x89PNG\r\n\x1a\n",
]


@pytest.mark.parametrize("decode", DECODERS)
@MANY
@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_decoders_raise_nothing_else(decode: Callable[[bytes], object], start: bytes, raw: bytes) -> None:
    code = "BAD_CBOR"
    try:
        decode(start + raw)
    except CredentialError as fault:
        code = fault.code
    assert code in REASONS
