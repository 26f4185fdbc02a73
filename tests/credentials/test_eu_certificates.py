"""HC1 by the specification: every form that is allowed is read, every other is refused for its own reason."""

import zlib
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from pratique.credentials import base45, dcc
from pratique.credentials.cose import der, from_der, kid_of, spki
from pratique.credentials.issue import issue_hcert
from pratique.credentials.model import Outcome
from pratique.credentials.snapshot import KeyEntry, Snapshot
from pratique.credentials.verify import verify
from tests.credentials.making import (
    HOLDER,
    ISSUER,
    NOW,
    bundle,
    certificate,
    es256,
    hcert_claims,
    hcert_key,
    hcert_text,
    sampled,
    wrap,
)


def check(text: str, *keys: KeyEntry, icvp: bool = False, **changes: Any) -> Outcome:
    """Twice with one snapshot: the short way through a known envelope must say the same."""
    known = Snapshot(bundle(keys=keys or (hcert_key(),), **changes), icvp=icvp)
    verify(hcert_text(), NOW, known)
    first, again = verify(text, NOW, known), verify(text, NOW, known)
    assert first == again
    return first


def test_it_works() -> None:
    text = issue_hcert(ISSUER, certificate(), "AT", NOW - timedelta(days=1), NOW + timedelta(days=365))
    outcome = check(text)

    assert outcome.ok
    assert outcome.claims["hcert"]["1"] == certificate()
    assert outcome.claims["iss"] == "AT"


@pytest.mark.parametrize("tags", [(), (18,), (18, 61)])
def test_untagged_tagged_and_doubly_tagged(tags: tuple[int, ...]) -> None:
    assert check(hcert_text(tags=tags)).ok


def test_a_byte_string_inside_the_tag() -> None:
    inner = cbor2.loads(zlib.decompress(base45.decode(hcert_text()[4:]))).value

    assert check(wrap(cbor2.dumps(cbor2.CBORTag(18, cbor2.dumps(list(inner)))))).ok


def test_bytes_after_the_envelope_are_ignored_and_after_the_claims_refused() -> None:
    raw = zlib.decompress(base45.decode(hcert_text()[4:]))

    assert check(wrap(raw + b"\x00\x01")).ok
    assert check(hcert_text(payload=cbor2.dumps(hcert_claims()) + b"\x00")).reason == "BAD_CBOR"
    assert check("HC1:" + base45.encode(zlib.compress(raw) + b"\x00")).reason == "BAD_COMPRESSION"


@pytest.mark.parametrize("empty", [b"", b"\xa0"])
def test_headers_may_stand_unprotected_where_none_is_protected(empty: bytes) -> None:
    assert check(hcert_text(protected=empty, unprotected={1: -7, 4: ISSUER.kid})).ok


def test_the_protected_key_id_wins() -> None:
    right, wrong = {4: ISSUER.kid}, {4: bytes(8)}

    assert check(hcert_text(unprotected=wrong)).ok
    protected = cbor2.dumps({1: -7, 4: bytes(8)})
    assert check(hcert_text(protected=protected, unprotected=right)).reason == "UNKNOWN_KEY"
    assert check(hcert_text(protected=cbor2.dumps({1: -7}), unprotected=right)).ok


def test_every_key_of_a_kid_is_tried() -> None:
    others = [KeyEntry(kid=ISSUER.kid, key=es256().spki, purpose="hcert") for _ in range(3)]

    assert check(hcert_text(), *others, hcert_key()).ok
    assert check(hcert_text(), *others).reason == "BAD_SIGNATURE"


def test_the_algorithm_is_the_keys_own() -> None:
    p384 = KeyEntry(
        kid=ISSUER.kid, key=spki(ec.generate_private_key(ec.SECP384R1()).public_key()), purpose="hcert"
    )
    assert check(hcert_text(), p384).reason == "ALG_KEY_MISMATCH"
    protected = cbor2.dumps({1: -8, 4: ISSUER.kid})
    assert check(hcert_text(protected=protected)).reason == "ALG_NOT_ALLOWED"
    protected = cbor2.dumps({1: -37, 4: ISSUER.kid})
    assert check(hcert_text(protected=protected)).reason == "ALG_KEY_MISMATCH"


class Ps256Signer:
    def __init__(self, bits: int) -> None:
        self._key = rsa.generate_private_key(65537, bits)
        self.spki = spki(self._key.public_key())
        self.kid = kid_of(self.spki)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())


@pytest.mark.parametrize(("bits", "reason"), [(2048, None), (1024, "ALG_KEY_MISMATCH")])
def test_ps256_with_rsa_of_2048_bits_or_more(bits: int, reason: str | None) -> None:
    signer: Any = Ps256Signer(bits)
    text = hcert_text(signer=signer, protected=cbor2.dumps({1: -37, 4: signer.kid}))

    assert check(text, hcert_key(signer)).reason == reason


def test_a_der_signature_is_refused() -> None:
    tag = cbor2.loads(zlib.decompress(base45.decode(hcert_text()[4:])))
    protected, _, payload, signature = tag.value
    der = b"\x30\x44\x02\x20" + signature[:32] + b"\x02\x20" + signature[32:]

    text = wrap(cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, der])))
    assert check(text).reason == "SIGNATURE_FORMAT"


def test_times_may_be_floats_and_bounds_count_in() -> None:
    at = NOW.timestamp()

    assert check(hcert_text(hcert_claims(iat=at - 0.5, exp=at + 0.25))).ok
    assert check(hcert_text(hcert_claims(iat=at, exp=at))).ok
    assert check(hcert_text(hcert_claims(exp=at - 0.001))).reason == "EXPIRED"
    assert check(hcert_text(hcert_claims(iat=at + 1))).reason == "NOT_YET_VALID"
    assert check(hcert_text(hcert_claims(exp=float("nan")))).reason == "BAD_CBOR"
    assert check(hcert_text(hcert_claims(exp="tomorrow"))).reason == "BAD_CBOR"


def test_the_keys_validity_covers_iat_and_exp() -> None:
    at = int(NOW.timestamp())

    assert check(hcert_text(), hcert_key(valid_from=at)).reason == "KEY_NOT_VALID"
    assert check(hcert_text(), hcert_key(valid_to=at)).reason == "KEY_NOT_VALID"


def test_a_key_signs_only_the_types_it_may() -> None:
    refused = check(hcert_text(), hcert_key(usages=("t", "r")))
    assert refused.reason == "KEY_USAGE"
    assert refused.stages.key_usage is False
    assert refused.stages.signature is True

    assert check(hcert_text(), hcert_key(usages=("v",))).ok
    assert check(hcert_text(hcert_claims(sampled())), hcert_key(usages=("t",))).ok


def test_a_pass_key_cannot_sign_certificates() -> None:
    assert check(hcert_text(), hcert_key(), KeyEntry(HOLDER.kid, HOLDER.spki, "pass")).ok
    text = hcert_text(signer=HOLDER)
    assert check(text, hcert_key(), KeyEntry(HOLDER.kid, HOLDER.spki, "pass")).reason == "UNKNOWN_KEY"


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({"v": None}, False),
        ({"t": sampled()["t"]}, False),
        ({"v": [certificate()["v"][0]] * 2}, False),  # type: ignore[index]
        ({"v": []}, False),
        ({"dob": "26.02.1998"}, True),
        ({"nam": {"fnt": "möller"}}, True),
        ({"ver": "9.9.9"}, True),
        ({"extra": {"deep": [b"bytes", float("inf"), None]}}, True),
    ],
)
def test_form_is_a_finding_and_only_one_entry_counts(changes: dict[str, object], ok: bool) -> None:
    outcome = check(hcert_text(hcert_claims(certificate(**changes))))

    assert outcome.ok is ok
    assert outcome.reason == (None if ok else "SCHEMA")
    assert outcome.stages.schema is ("ver" in changes or "extra" in changes)


def test_what_real_issuers_left_in_is_tidied() -> None:
    entry = dict(certificate()["v"][0])  # type: ignore[index]
    entry |= {"mp": " EU/1/20/1528 ", "dn": 2.0, "nm": None, "dt": cbor2.CBORTag(1004, "2025-11-18")}
    outcome = check(hcert_text(hcert_claims({**certificate(v=[entry]), "t": None, "r": None})))

    assert outcome.ok
    assert outcome.stages.schema
    assert outcome.claims["hcert"]["1"] == certificate()


def test_duplicate_keys_deep_nesting_and_bombs_are_refused() -> None:
    twice = b"\xa2" + cbor2.dumps(4) + cbor2.dumps(1) + cbor2.dumps(4) + cbor2.dumps(2)
    assert check(hcert_text(payload=twice)).reason == "BAD_CBOR"
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert check(hcert_text(hcert_claims(certificate(deep=deep)))).reason == "TOO_LARGE"
    assert check("HC1:" + base45.encode(zlib.compress(bytes(70_000)))).reason == "TOO_LARGE"
    assert check("HC1:" + "0" * 7200).reason == "TOO_LARGE"
    assert check("HC1:" + base45.encode(b"not zlib")).reason == "BAD_COMPRESSION"
    assert check("HC1:" + base45.encode(zlib.compress(b"\x00" * 9)[:-3])).reason == "BAD_COMPRESSION"
    assert check("HC1:abc").reason == "BAD_TEXT"
    assert check(hcert_text(payload=b"\xff")).reason == "BAD_CBOR"
    assert check(hcert_text(hcert_claims("text, not a map"))).reason == "BAD_CBOR"


@pytest.mark.parametrize("prefix", ["HC0:", "HL0:", "HC2:", "", "LT1:", "hc1:"])
def test_other_prefixes_are_unknown(prefix: str) -> None:
    outcome = check(prefix + hcert_text()[4:])

    assert outcome.reason == "UNKNOWN_PREFIX"
    assert outcome.format is None
    assert outcome.stages.prefix is False


def test_icvp_only_where_the_snapshot_says_so() -> None:
    doses = [{"vp": "SyntheticVaccine", "dt": "2025-05-01", "is": "Port Health", "bo": "X1"}]
    claims = {
        4: NOW.timestamp() + 9,
        6: NOW.timestamp() - 9,
        -260: {-6: {"n": "Erika Muster", "dob": "1998", "v": doses}},
    }

    assert check(hcert_text(claims)).reason == "SCHEMA"
    assert check(hcert_text(claims), icvp=True).ok
    claims[-260] = {-6: {"n": "Erika Muster"}}
    assert check(hcert_text(claims), icvp=True).reason == "SCHEMA"


def test_codes_outside_the_value_sets_are_told_apart_from_the_schema() -> None:
    sets = {"country-2-codes": ("AT",), "vaccines-covid-19-names": ("EU/1/21/9999",)}
    outcome = check(hcert_text(), value_sets=sets)

    assert outcome.ok
    assert outcome.stages.schema
    assert outcome.findings == ("CODE_UNKNOWN",)
    assert list(dcc.unknown_codes(certificate(), {k: frozenset(v) for k, v in sets.items()})) == [
        ("v.mp", "EU/1/20/1528")
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"nam": {"fnt": "MUSTER", "fn": " Muster"}},
        {"nam": {"fn": "Muster"}},
        {"v": None},
        {"dob": "yesterday"},
        {"t": sampled()["t"]},
    ],
)
def test_what_is_wrong_is_not_issued(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        issue_hcert(ISSUER, certificate(**wrong), "AT", NOW, NOW + timedelta(days=1))


def test_what_is_issued_is_written_as_the_specification_asks() -> None:
    text = issue_hcert(ISSUER, certificate(), "AT", NOW, NOW + timedelta(days=1))
    tag = cbor2.loads(zlib.decompress(base45.decode(text[4:])))
    protected, unprotected, payload, signature = tag.value

    assert tag.tag == 18
    assert cbor2.loads(protected) == {1: -7, 4: ISSUER.kid}
    assert dict(unprotected) == {}
    assert list(cbor2.loads(payload)) == [1, 4, 6, -260]
    assert len(signature) == 64


def test_a_record_out_of_the_ordinary_is_issued_as_it_is() -> None:
    """What the short way of writing does not know is written by the library: a field of an older schema, long names."""
    odd = certificate(nam={"fn": "é" * 80, "fnt": "E" * 80}, ver="1.3.3")
    odd["v"] = [odd["v"][0] | {"dn": 70_000, "sd": 1 << 40}]
    text = issue_hcert(ISSUER, odd, "A" * 400, NOW, NOW + timedelta(days=1))

    assert check(text).claims["hcert"]["1"] == odd
    assert check(text).claims["iss"] == "A" * 400


@given(
    st.integers(1, (1 << 256) - 1), st.integers(1, (1 << 256) - 1), st.integers(0, 255), st.integers(0, 255)
)
def test_both_forms_of_a_signature_turn_into_each_other(r: int, s: int, less_r: int, less_s: int) -> None:
    r, s = max(1, r >> less_r), max(1, s >> less_s)
    plain = r.to_bytes(32, "big") + s.to_bytes(32, "big")

    assert der(plain) == encode_dss_signature(r, s)
    assert from_der(encode_dss_signature(r, s)) == plain
