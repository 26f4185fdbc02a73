"""Cases for HC1: each form that is allowed, each other for its own reason."""

import zlib
from collections.abc import Iterator
from typing import Any

import cbor2

from pratique.credentials import base45
from pratique.credentials.issue import issue_hcert
from tests.credentials.vectors.parts import (
    AT,
    DAY,
    HOLDER,
    ISSUER,
    OTHER,
    RSA,
    STATUS_URI,
    STRANGER,
    Case,
    certificate,
    claims,
    cose,
    hc1,
    pack,
    recovered,
    sampled,
)

KID = ISSUER.kid
ICVP = {
    "n": "Erika Muster",
    "dob": "1998",
    "v": [{"vp": "SyntheticVaccine", "dt": "2025-05-01", "is": "Port Health"}],
}


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _envelopes()
    yield from _keys()
    yield from _times()
    yield from _texts()
    yield from _cbor()
    yield from _contents()
    yield from _lists()


def _good() -> Iterator[Case]:
    from datetime import UTC, datetime

    begins, ends = (datetime.fromtimestamp(at, UTC) for at in (AT - DAY, AT + DAY))
    for name, content in (("vaccination", certificate()), ("test", sampled()), ("recovery", recovered())):
        yield Case(name, issue_hcert(ISSUER, content, "AT", begins, ends))
    tall = {**certificate(), "nam": {"fn": '“Ł, 王小明 \U0001f642"\\', "fnt": "L<WANG<XIAOMING"}}
    yield Case("any-script", hc1(claims(tall)))
    yield Case("ps256", hc1(signer=RSA, protected=cbor2.dumps({1: -37, 4: RSA.kid})))


def _envelopes() -> Iterator[Case]:
    both, empty = {1: -7, 4: KID}, (("empty", b""), ("empty-map", b"\xa0"))
    yield Case("untagged", hc1(tags=()))
    yield Case("tag-61-around-18", hc1(tags=(18, 61)))
    inner = cose(tags=())
    yield Case("bytes-inside-the-tag", pack(cbor2.dumps(cbor2.CBORTag(18, inner))))
    yield Case("another-tag", hc1(tags=(98,)))
    yield Case("array-of-three", pack(cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b""]))))
    yield Case("payload-is-text", pack(cbor2.dumps(cbor2.CBORTag(18, [b"", {}, "x", b""]))))
    for name, protected in empty:
        yield Case(f"protected-{name}", hc1(protected=protected, unprotected=both))
    yield Case("protected-kid-wins", hc1(unprotected={4: bytes(8)}))
    yield Case(
        "wrong-protected-kid-is-not-rescued",
        hc1(protected=cbor2.dumps({1: -7, 4: bytes(8)}), unprotected=both),
    )
    yield Case("kid-unprotected", hc1(protected=cbor2.dumps({1: -7}), unprotected={4: KID}))
    yield Case("alg-unprotected", hc1(protected=cbor2.dumps({4: KID}), unprotected={1: -7}))
    yield Case("no-kid", hc1(protected=cbor2.dumps({1: -7})))
    yield Case("no-alg", hc1(protected=cbor2.dumps({4: KID})))
    yield Case("kid-is-text", hc1(protected=cbor2.dumps({1: -7, 4: "text"})))
    yield Case("alg-is-text", hc1(protected=cbor2.dumps({1: "ES256", 4: KID})))
    yield Case("critical-header", hc1(protected=cbor2.dumps({1: -7, 2: [9], 4: KID, 9: 1})))
    yield Case("protected-not-a-map", hc1(protected=cbor2.dumps([1])))
    yield Case("protected-not-cbor", hc1(protected=b"\xff"))
    yield Case("header-key-twice", hc1(protected=b"\xa3\x01\x26\x04\x48" + KID + b"\x01\x26"))
    yield Case("bytes-after-the-envelope", pack(cose() + b"\x00\x01"))
    long_head = cbor2.dumps({1: -7, 4: KID, 3: "application/cwt; pad=" + "x" * 40})
    yield Case("long-protected-header", hc1(protected=long_head))


def _keys() -> Iterator[Case]:
    yield Case("unknown-key", hc1(signer=STRANGER))
    yield Case("second-key-of-a-kid", hc1(), "collision")
    yield Case("no-key-of-a-kid-fits", hc1(), "collision-only")
    yield Case("usage-refused", hc1(), "usage")
    yield Case("usage-allowed", hc1(claims(sampled())), "usage")
    yield Case("pass-key-signs-no-certificate", hc1(signer=HOLDER), "collision")
    yield Case("key-begins-too-late", hc1(), "key-late")
    yield Case("key-ends-too-early", hc1(), "key-early")
    yield Case("es256-with-p384", hc1(), "p384")
    yield Case("es256-with-rsa", hc1(signer=RSA, protected=cbor2.dumps({1: -7, 4: RSA.kid})))
    yield Case("ps256-with-p256", hc1(protected=cbor2.dumps({1: -37, 4: KID})))
    yield Case("eddsa", hc1(protected=cbor2.dumps({1: -8, 4: KID})))
    yield Case("rs256", hc1(protected=cbor2.dumps({1: -257, 4: KID})))
    message = b"another message"
    yield Case("signature-of-something-else", hc1(signature=ISSUER.sign(message)))
    yield Case("signature-der", hc1(signature=ISSUER.der(message)))
    yield Case("signature-short", hc1(signature=bytes(63)))
    yield Case("signature-zero", hc1(signature=bytes(64)))
    yield Case("ps256-other-salt", hc1(signer=_OtherSalt(), protected=cbor2.dumps({1: -37, 4: RSA.kid})))


class _OtherSalt:
    kid = RSA.kid

    @staticmethod
    def sign(message: bytes) -> bytes:
        return RSA.sign(message, bytes(20))


def _times() -> Iterator[Case]:
    for name, iat, exp in (
        ("floats", AT - 0.5, AT + 0.25),
        ("bounds-count-in", AT, AT),
        ("expired", AT - DAY, AT - 1),
        ("expired-by-a-fraction", AT - DAY, AT - 0.5),
        ("not-yet-valid", AT + 1, AT + DAY),
        ("exp-not-a-number", 0, float("nan")),
        ("exp-infinite", 0, float("inf")),
        ("exp-is-text", 0, "tomorrow"),
        ("exp-is-true", 0, True),
        ("exp-missing", 0, None),
    ):
        yield Case(f"time-{name}", hc1(claims(iat=iat, exp=exp)))
    yield Case("time-of-the-case", hc1(), at=AT + DAY + 1)
    yield Case("time-of-the-case-fraction", hc1(), at=AT + DAY + 0.25)


def _texts() -> Iterator[Case]:
    good = hc1()
    for prefix in ("HC0:", "HC2:", "HCA:", "HL0:", "LT1:", "NO1:", "hc1:", "", " HC1:", "HC1"):
        yield Case(f"prefix-{prefix.strip(':') or 'none'}", prefix + good[4:])
    yield Case("empty", "")
    yield Case("prefix-alone", "HC1:")
    yield Case("lower-case", "HC1:" + good[4:].lower())
    yield Case("foreign-character", good[:20] + "_" + good[21:])
    yield Case("not-ascii", good[:20] + "é" + good[21:])
    yield Case("one-too-many", "HC1:" + good[4:] + "0" * (1 if len(good[4:]) % 3 != 1 else 2))
    yield Case("triple-too-large", "HC1:::::")
    yield Case("pair-too-large", "HC1:::")
    yield Case("space-at-the-end", good + " ")
    yield Case("too-long", "HC1:" + "0" * 7200)
    yield Case("not-compressed", "HC1:" + base45.encode(cose()))
    yield Case("gzip", "HC1:" + base45.encode(b"\x1f\x8b\x08\x00" + bytes(20)))
    yield Case("zlib-cut", "HC1:" + base45.encode(zlib.compress(cose())[:-3]))
    yield Case("zlib-sum-wrong", "HC1:" + base45.encode(zlib.compress(cose())[:-1] + b"\x00"))
    yield Case("zlib-and-more", "HC1:" + base45.encode(zlib.compress(cose()) + b"\x00"))
    yield Case("zlib-other-level", "HC1:" + base45.encode(zlib.compress(cose(), 1)))
    yield Case("bomb", "HC1:" + base45.encode(zlib.compress(bytes(70_000))))
    yield Case("as-large-as-allowed", pack(cose() + bytes(65536 - len(cose()))))


def _cbor() -> Iterator[Case]:
    body = cbor2.dumps(claims())
    twice = b"\xa2" + cbor2.dumps(4) + cbor2.dumps(1) + cbor2.dumps(4) + cbor2.dumps(2)
    yield Case("claims-and-more", hc1(payload=body + b"\x00"))
    yield Case("claims-cut", hc1(payload=body[:-1]))
    yield Case("claims-key-twice", hc1(payload=twice))
    yield Case("claims-not-a-map", hc1(payload=b"\x01"))
    yield Case("claims-empty", hc1(payload=b""))
    yield Case("claims-broken", hc1(payload=b"\xff"))
    yield Case("indefinite-map", hc1(payload=b"\xbf" + body[1:] + b"\xff"))
    yield Case("long-heads", hc1(payload=b"\xb8\x04" + body[1:]))
    yield Case("text-not-utf8", hc1(payload=body.replace(b"ERIKA", b"ERI\xffA")))
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    yield Case("nested-too-deeply", hc1(claims(certificate(deep=deep))))
    yield Case("nested-as-allowed", hc1(claims(certificate(deep=[[[[[[1]]]]]]))))
    for tag, value in ((2, b"\x01"), (4, [1, 2]), (29, 0), (35, "x")):
        yield Case(f"tag-{tag}", hc1(claims(certificate(extra=cbor2.CBORTag(tag, value)))))
    yield Case("no-certificate", hc1({4: AT + DAY, 6: AT - DAY}))
    yield Case("certificate-empty", hc1({4: AT + DAY, 6: AT - DAY, -260: {}}))
    yield Case("certificate-is-text", hc1(claims("text, not a map")))
    yield Case("certificate-key-twice", hc1(payload=_twice_inside()))
    yield Case("issuer-missing", hc1({4: AT + DAY, 6: AT - DAY, -260: {1: certificate()}}))
    yield Case("issuer-is-a-number", hc1({**claims(), 1: 7}))


def _twice_inside() -> bytes:
    head = b"\xa3" + b"\x04" + cbor2.dumps(AT + DAY) + b"\x06" + cbor2.dumps(AT - DAY) + cbor2.dumps(-260)
    return head + b"\xa1\x01\xa2" + (cbor2.dumps("ver") + cbor2.dumps("1.3.0")) * 2


def _contents() -> Iterator[Case]:
    dose = certificate()["v"][0]
    for name, changes in (
        ("no-entry", {"v": None}),
        ("two-types", {"t": sampled()["t"]}),
        ("two-entries", {"v": [dose, dose]}),
        ("empty-list", {"v": []}),
        ("entry-is-text", {"v": ["x"]}),
        ("list-is-a-map", {"v": dose}),
        ("birth-in-other-form", {"dob": "26.02.1998"}),
        ("birth-year", {"dob": "1998"}),
        ("birth-empty", {"dob": ""}),
        ("birth-missing", {"dob": None}),
        ("name-missing", {"nam": None}),
        ("name-small-letters", {"nam": {"fnt": "möller"}}),
        ("name-of-81", {"nam": {"fnt": "A" * 81}}),
        ("name-given-only-130", {"nam": {"gnt": "ERIKA"}}),
        ("name-given-only-133", {"ver": "1.3.3", "nam": {"gnt": "ERIKA"}}),
        ("name-of-one-field-133", {"ver": "1.3.3", "nam": {"fn": "x"}}),
        ("version-unknown", {"ver": "9.9.9"}),
        ("version-is-a-number", {"ver": 1.3}),
        ("version-missing", {"ver": None}),
        ("fields-unknown", {"extra": {"deep": [b"bytes", float("inf"), None, True]}}),
        ("key-is-a-number", {7: "x"}),
        ("version-100", {"ver": "1.0.0"}),
        ("version-121-year", {"ver": "1.2.1", "dob": "1998"}),
        ("version-100-year", {"ver": "1.0.0", "dob": "1998"}),
    ):
        content = {key: value for key, value in ({**certificate(), **changes}).items() if value is not None}
        yield Case(f"content-{name}", hc1(claims(content)))
    yield Case("content-nulls", hc1(claims({**certificate(), "t": None, "r": None})))
    for name, more in (
        ("space-around", {"mp": " EU/1/20/1528 "}),
        ("no-break-space-around", {"mp": "\u00a0EU/1/20/1528\u3000"}),
        ("whole-floats", {"dn": 2.0, "sd": 2.0}),
        ("half-dose", {"dn": 1.5}),
        ("negative-dose", {"dn": -1}),
        ("dose-10", {"dn": 10, "sd": 10}),
        ("dose-is-text", {"dn": "2"}),
        ("dose-is-true", {"dn": True}),
        ("null-inside", {"nm": None}),
        ("date-as-tag-0", {"dt": cbor2.CBORTag(0, "2025-11-18T00:00:00Z")}),
        ("date-as-tag-1", {"dt": cbor2.CBORTag(1, 1763424000)}),
        ("date-as-tag-1-fraction", {"dt": cbor2.CBORTag(1, 1763424000.5)}),
        ("date-as-tag-1004", {"dt": cbor2.CBORTag(1004, "2025-11-18")}),
        ("country-small", {"co": "at"}),
        ("issuer-of-81", {"is": "x" * 81}),
        ("issuer-of-80-outside-the-plane", {"is": "\U0001f642" * 80}),
        ("quotation-marks", {"is": "\"Muster\", 'Behörde'"}),
    ):
        yield Case(f"entry-{name}", hc1(claims(certificate(v=[{**dose, **more}]))))
    missing = {key: value for key, value in dose.items() if key != "ci"}
    yield Case("entry-field-missing", hc1(claims(certificate(v=[missing]))))
    outer = {4: AT + DAY, 6: AT - DAY}
    yield Case("icvp-without-flag", hc1({**outer, -260: {-6: ICVP}}))
    yield Case("icvp", hc1({**outer, -260: {-6: ICVP}}), "icvp")
    yield Case("icvp-incomplete", hc1({**outer, -260: {-6: {"n": "Erika Muster"}}}), "icvp")
    yield Case("subclaim-unknown", hc1({**outer, -260: {99: {"x": 1}}}))
    yield Case("icvp-in-a-list", hc1({**outer, -260: {-6: [ICVP]}}), "icvp")
    yield Case("icvp-in-an-empty-list", hc1({**outer, -260: {-6: []}}), "icvp")
    yield Case(
        "ddcc-vaccination",
        hc1({**outer, -260: {3: {"name": "Erika Muster", "vaccine": "Synthetic"}}}),
        "icvp",
    )
    yield Case(
        "ddcc-test", hc1({**outer, -260: {4: [{"name": "Erika Muster", "result": "not detected"}]}}), "icvp"
    )
    yield Case("ddcc-empty", hc1({**outer, -260: {3: {}}}), "icvp")
    yield Case("ddcc-is-text", hc1({**outer, -260: {4: "x"}}), "icvp")
    yield Case("ddcc-without-flag", hc1({**outer, -260: {3: {"name": "Erika Muster"}}}))
    yield Case("health-link", hc1({**outer, -260: {5: "vhlink:/synthetic"}}), "icvp")
    yield Case("health-links", hc1({**outer, -260: {5: [{"u": "shlink:/synthetic"}]}}), "icvp")
    yield Case("health-link-of-another-kind", hc1({**outer, -260: {5: ["https://example.org/"]}}), "icvp")
    yield Case("subclaim-unknown-with-flag", hc1({**outer, -260: {99: {"x": 1}}}), "icvp")
    yield Case("certificate-beside-a-proposal", hc1({**outer, -260: {1: certificate(), -6: ICVP}}), "icvp")


def _lists() -> Iterator[Case]:
    for name in ("uci", "country-uci", "signature", "any-kid", "ended", "other-country"):
        yield Case(f"revoked-by-{name}", hc1(), f"hash-{name}")
    yield Case("codes-known", hc1(), "codes")
    yield Case(
        "codes-unknown",
        hc1(claims(certificate(v=[{**certificate()["v"][0], "mp": "EU/9/99/9999"}]))),
        "codes",
    )
    yield Case("lists-stale", hc1(), "stale")
    yield from _status()
    yield Case("other-issuer-of-the-list", hc1(signer=OTHER))


def _status() -> Iterator[Case]:
    def naming(claim: object) -> str:
        return hc1(claims() | {65535: claim})

    def at(index: object, uri: object = STATUS_URI) -> str:
        return naming({"status_list": {"idx": index, "uri": uri}})

    for name, index in (("valid", 4), ("invalid", 5), ("suspended", 6), ("of-its-own-meaning", 7)):
        yield Case(f"status-{name}", at(index), "status")
    for name, index in (("outside", 1024), ("far-outside", 1 << 60), ("negative", -1), ("float", 4.0)):
        yield Case(f"status-index-{name}", at(index), "status")
    yield Case("status-index-true", at(True), "status")
    yield Case("status-index-text", at("4"), "status")
    yield Case("status-other-list", at(4, STATUS_URI + "/"), "status")
    yield Case("status-uri-a-number", at(4, 1), "status")
    yield Case("status-list-missing", at(4))
    yield Case("status-list-missing-admitted", at(4), "status-missing-admitted")
    yield Case("status-claim-broken-not-admitted", naming({}), "status-missing-admitted")
    yield Case("status-list-ended", at(4), "status-ended")
    yield Case("status-list-of-another-country", at(4), "status-of-another")
    yield Case("status-of-another-mechanism", naming({"other": {}}), "status")
    yield Case("status-not-a-map", naming([1]), "status")
    yield Case("status-null", naming(None), "status")
    yield Case("status-and-expired", hc1(claims(exp=AT - 1) | {65535: {}}), "status")
    yield Case("status-and-schema", hc1(claims(certificate(dob="x")) | {65535: {}}), "status")
