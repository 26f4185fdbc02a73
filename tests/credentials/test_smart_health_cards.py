"""SMART Health Cards: a key counts for its issuer only, a list that is broken is never a silent pass."""

import json
import zlib
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.credentials import shc
from pratique.credentials.cose import public_key
from pratique.credentials.issue import issue_shc, shc_text
from pratique.credentials.jose import b64url, point_jwk, thumbprint
from pratique.credentials.keys import Es256Signer
from pratique.credentials.model import Outcome
from pratique.credentials.reasons import BadText, BadTrust, CredentialError
from pratique.credentials.shc_files import cards_in
from pratique.credentials.shc_keys import (
    ShcIssuer,
    key_problems,
    make_revocation_list,
    make_rid,
    read_revocation_list,
)
from pratique.credentials.shc_sets import set_problems
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.verify import verify
from tests.credentials.making import ISSUER, NOW, bundle, es256
from tests.credentials.vectors.parts import BUNDLE, ISS


def jwk(signer: Es256Signer = ISSUER, **changes: object) -> dict[str, Any]:
    key = public_key(signer.spki)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return point_jwk(key) | {"kid": thumbprint(key), "use": "sig", "alg": "ES256"} | changes


def issuer(iss: str = ISS, *keys: dict[str, Any], **changes: Any) -> ShcIssuer:
    return ShcIssuer(iss, json.dumps({"keys": list(keys) or [jwk()]}).encode(), **changes)


def revoked(*rids: str, counter: int = 1, **changes: object) -> bytes:
    listed = {"kid": jwk()["kid"], "method": "rid", "ctr": counter, "rids": list(rids)}
    return json.dumps(listed | changes).encode()


def card(**changes: Any) -> str:
    given: dict[str, Any] = {"iss": ISS, "bundle": BUNDLE, "not_before": NOW - timedelta(days=1)}
    return issue_shc(ISSUER, **(given | changes))


def check(text: str, *issuers: ShcIssuer, **changes: Any) -> Outcome:
    return verify(text, NOW, Snapshot(bundle(shc=issuers or (issuer(),), **changes)))


def test_it_works() -> None:
    outcome = check(shc_text(card()))

    assert outcome.ok
    assert outcome.format == "SHC"
    assert outcome.stages.schema
    assert outcome.claims["vc"]["credentialSubject"]["fhirBundle"] == BUNDLE
    assert check(card()).ok


def by_hand(
    claims: object, header: dict[str, Any] | None = None, packed: bytes | None = None, der: bool = False
) -> str:
    """A JWS whose every part can be wrong."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    body = deflater.compress(raw) + deflater.flush() if packed is None else packed
    head = {"alg": "ES256", "zip": "DEF", "kid": jwk()["kid"]} if header is None else header
    signed = f"{b64url(json.dumps(head).encode())}.{b64url(body)}"
    signature = ISSUER.sign(signed.encode())
    if der:
        signature = b"\x30\x44\x02\x20" + signature[:32] + b"\x02\x20" + signature[32:]
    return f"{signed}.{b64url(signature)}"


def claims(**changes: object) -> dict[str, Any]:
    subject = {"fhirVersion": "4.0.1", "fhirBundle": BUNDLE}
    top = {
        "iss": ISS,
        "nbf": NOW.timestamp() - 9.5,
        "vc": {"type": [shc.HEALTH_CARD], "credentialSubject": subject},
    }
    return {key: value for key, value in (top | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (by_hand(claims()), None),
        (by_hand(claims(vc=None)), "SCHEMA"),
        (by_hand(claims(nbf=None)), "SCHEMA"),
        (by_hand(claims(nbf=NOW.timestamp() + 1)), "NOT_YET_VALID"),
        (by_hand(claims(nbf=NOW.timestamp() * 1000)), "NOT_YET_VALID"),
        (by_hand(claims(exp=NOW.timestamp() - 1)), "EXPIRED"),
        (by_hand(claims(exp=NOW.timestamp() + 1)), None),
        (by_hand(claims(iss="http://issuer.example/shc")), "ISSUER_URL"),
        (by_hand(claims(iss=ISS + "/")), "ISSUER_URL"),
        (by_hand(claims(iss=7)), "ISSUER_URL"),
        (by_hand(claims(iss="https://other.example")), "ISSUER_KID_MISMATCH"),
        (by_hand(json.dumps(json.dumps(claims())).encode()), "BAD_COSE"),
        (by_hand(b"{"), "BAD_COSE"),
        (by_hand(claims(), packed=zlib.compress(b"{}")), "BAD_COMPRESSION"),
        (by_hand(claims(), packed=b""), "BAD_COMPRESSION"),
        (by_hand(bytes(300_000)), "TOO_LARGE"),
        (by_hand(claims(), header={"zip": "DEF", "kid": "x"}), "BAD_HEADER"),
        (by_hand(claims(), header={"alg": "ES256", "kid": "x"}), "BAD_HEADER"),
        (by_hand(claims(), header={"alg": "ES256", "zip": "DEF"}), "BAD_HEADER"),
        (by_hand(claims(), header={"alg": "ES256", "zip": "DEF", "kid": "x", "crit": ["b64"]}), "BAD_HEADER"),
        (by_hand(claims(), header={"alg": "ES256", "zip": "DEF", "kid": "x"}), "UNKNOWN_KEY"),
        (by_hand(claims(), der=True), "SIGNATURE_FORMAT"),
        (by_hand(claims())[:-2] + "AA", "BAD_SIGNATURE"),
    ],
)
def test_every_refusal_has_its_reason(text: str, reason: str | None) -> None:
    assert check(text).reason == reason
    assert check(shc_text(text)).reason == reason


def test_a_key_of_another_issuer_is_not_trusted() -> None:
    assert check(card(), issuer("https://other.example")).reason == "ISSUER_KID_MISMATCH"
    assert check(card(), issuer("https://other.example", jwk(es256()))).reason == "UNKNOWN_KEY"
    assert check(card(), issuer(ISS, listed=False)).reason == "ISSUER_NOT_TRUSTED"


def test_a_set_with_a_private_part_is_refused_whole() -> None:
    with pytest.raises(BadTrust) as refused:
        check(card(), issuer(ISS, jwk(), jwk(es256(), d="AAAA")))
    assert refused.value.code == "PRIVATE_KEY"


@pytest.mark.parametrize(
    ("crl", "version", "reason", "findings"),
    [
        (revoked("other"), 1, None, ()),
        (revoked("card-1"), 1, "REVOKED", ()),
        (revoked(f"card-1.{int(NOW.timestamp())}"), 1, "REVOKED", ()),
        (revoked("card-1.1000"), 1, None, ()),
        (revoked("other", counter=2), 1, "STATUS_UNKNOWN", ()),
        (revoked("x" * 25), 1, "STATUS_UNKNOWN", ()),
        (revoked("a", "a"), 1, "STATUS_UNKNOWN", ()),
        (revoked("a", method="hash"), 1, "STATUS_UNKNOWN", ()),
        (None, 1, None, ("STATUS_UNKNOWN",)),
        (None, None, None, ()),
    ],
)
def test_revocation(
    crl: bytes | None, version: int | None, reason: str | None, findings: tuple[str, ...]
) -> None:
    key = jwk() if version is None else jwk(crlVersion=version)
    outcome = check(card(rid="card-1"), issuer(ISS, key, crls=(crl,) if crl else ()))

    assert outcome.reason == reason
    assert outcome.findings == findings


def test_a_missing_list_can_be_made_to_refuse() -> None:
    outcome = check(
        card(rid="card-1"), issuer(ISS, jwk(crlVersion=1)), fail={"shc_list_missing": "see_staff"}
    )

    assert outcome.reason == "STATUS_UNKNOWN"


def chunks(jws: str, size: int = 200) -> list[str]:
    parts = [jws[at : at + size] for at in range(0, len(jws), size)]
    return [f"shc:/{n}/{len(parts)}/{shc.text_to_digits(part)}" for n, part in enumerate(parts, 1)]


def test_chunks_come_in_any_order_and_all_of_them() -> None:
    parts = chunks(card())

    outcome = check(" ".join(reversed(parts)))
    assert outcome.ok
    assert outcome.findings == ("CHUNKS_DEPRECATED",)
    assert check(" ".join(parts[1:])).reason == "CHUNK_MISSING"
    assert check(" ".join([*parts, parts[0]])).reason == "CHUNK_MISSING"
    assert check(parts[0]).reason == "CHUNK_MISSING"
    assert check(f"{parts[0]} {chunks(card(), 300)[1]}").reason == "CHUNK_MISSING"


@pytest.mark.parametrize("digits", ["", "0", "123", "78", "5678", "56a7", "５６"])
def test_numeric_text_is_exact(digits: str) -> None:
    with pytest.raises(BadText):
        shc.join_chunks([f"shc:/{digits}"])
    assert check(f"shc:/{digits}").reason == "BAD_TEXT"


def test_a_vaccination_without_code_is_found() -> None:
    bad = json.loads(json.dumps(BUNDLE))
    bad["entry"][1]["resource"]["vaccineCode"] = {"text": "a vaccine"}
    outcome = check(
        by_hand(
            claims(
                vc={
                    "type": [shc.HEALTH_CARD],
                    "credentialSubject": {"fhirVersion": "4.0.1", "fhirBundle": bad},
                }
            )
        )
    )

    assert outcome.ok
    assert outcome.findings == ("SCHEMA",)
    with pytest.raises(ValueError, match=r"vaccineCode\.coding"):
        card(bundle=bad)


def test_key_sets_say_what_is_wrong() -> None:
    assert key_problems(jwk()) == []
    assert key_problems(jwk(kty="RSA")) == ["kty"]
    assert key_problems(jwk(crv="P-384")) == ["crv"]
    assert key_problems(jwk(alg="ES384", use="enc")) == ["use", "alg"]
    assert key_problems(jwk(kid="x")) == ["kid"]
    assert key_problems(jwk(x="AAAA")) == ["point"]
    assert set_problems(json.dumps({"keys": [jwk(d="x")]}).encode(), None, NOW) == ["private"]
    assert set_problems(json.dumps({"keys": [jwk(x5c=["AAAA"])]}).encode(), None, NOW) == ["x5c"]
    assert set_problems(b"[]", None, NOW) == ["form"]


def test_files_hold_one_verdict_per_card() -> None:
    text = json.dumps({"verifiableCredential": [card(), "x.y.z"]})
    answer = json.dumps(
        {"resourceType": "Parameters", "parameter": [{"name": "verifiableCredential", "valueString": card()}]}
    )

    assert [check(one).ok for one in cards_in(text)] == [True, False]
    assert [check(one).ok for one in cards_in(answer)] == [True]
    for bad in ("", "[]", "{}", '{"verifiableCredential": []}'):
        with pytest.raises(CredentialError):
            cards_in(bad)


def test_a_revocation_list_is_exactly_one() -> None:
    assert read_revocation_list(revoked("a", "b.7")).rids == {"a": None, "b": 7}
    for raw in (b"", b"[]", b"{}", revoked("a", ctr=0), revoked("a", rids="a"), revoked("a", kid=7)):
        with pytest.raises(CredentialError, match="STATUS_UNKNOWN"):
            read_revocation_list(raw)


def test_an_issuer_makes_the_lists_that_verifiers_read() -> None:
    kid = jwk()["kid"]
    rid = make_rid(b"synthetic secret", kid, "user 1")
    raw = make_revocation_list(kid, 1, {rid: None, "dated": int(NOW.timestamp())})

    assert rid == make_rid(b"synthetic secret", kid, "user 1")
    assert rid != make_rid(b"synthetic secret", kid, "user 2")
    assert len(rid) == 11
    assert read_revocation_list(raw).rids == {rid: None, "dated": int(NOW.timestamp())}
    listed = issuer(ISS, jwk(crlVersion=1), crls=(raw,))
    assert check(card(rid=rid), listed).reason == "REVOKED"
    assert check(card(rid="another"), listed).ok
    for wrong in ({"": None}, {"x" * 25: None}, {"a.b": None}):
        with pytest.raises(CredentialError):
            make_revocation_list(kid, 1, wrong)  # type: ignore[arg-type]
