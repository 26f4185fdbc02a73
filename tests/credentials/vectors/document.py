"""The file of vectors: snapshots, cases, and what our verifier says of them (see the README beside the file)."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.credentials import Bundle, Outcome, Snapshot, make_bundle, verify
from pratique.credentials.cose import spki
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.keys import Ed25519Signer
from pratique.credentials.status import build
from tests.credentials.vectors import hc1, pq1, shc
from tests.credentials.vectors.parts import (
    AT,
    DAY,
    HOLDER,
    ISS,
    ISSUER,
    OTHER,
    ROOT,
    RSA,
    STATUS_URI,
    STRANGER,
    Case,
    cose,
    jwk,
    key,
    key_set,
    rid_list,
    seconds,
    status_list,
)

PATH = Path(__file__).parents[2] / "vectors" / "credentials.json"


def document() -> dict[str, Any]:
    """Everything that is written to the file."""
    snapshots = {name: _snapshot(changes) for name, changes in _trusts().items()}
    cases = [*hc1.cases(), *shc.cases(), *pq1.cases()]
    twice = [id_ for id_, count in Counter(case.id for case in cases).items() if count > 1]
    assert not twice, twice
    main = snapshots["main"].bundle
    return {
        "about": "Cases for every verifier of the house; README.md says how to read them. All keys are synthetic.",
        "trust": {name: {"icvp": made.icvp} | _plain(made.bundle) for name, made in snapshots.items()},
        "signed": {
            "trust": "main",
            "root": b64url(ROOT.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
            "file": b64url(make_bundle(main, [Ed25519Signer(ROOT)])),
        },
        "cases": [_case(case, snapshots[case.trust]) for case in cases],
    }


def written(whole: dict[str, Any]) -> str:
    """One case a line, so that a difference can be read."""
    parts = [f'"about": {json.dumps(whole["about"])}']
    for name in ("trust", "signed"):
        rows = ",\n".join(
            f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in whole[name].items()
        )
        parts.append(f'"{name}": {{\n{rows}\n}}')
    rows = ",\n".join(f"  {json.dumps(case, ensure_ascii=False)}" for case in whole["cases"])
    parts.append(f'"cases": [\n{rows}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def outcome_of(case: dict[str, Any], trust: Snapshot) -> dict[str, Any]:
    """What our verifier says of a case of the file, in the form of its `expected`."""
    at = datetime.fromisoformat(case["at"])
    nonces = {unb64url(nonce) for nonce in case.get("nonces", ())}
    return expected(verify(case["text"], at, trust, nonces))


def expected(outcome: Outcome) -> dict[str, Any]:
    """All of an outcome but `detail`, which is for people and may change."""
    plain: dict[str, Any] = msgspec.to_builtins(outcome, builtin_types=(bytes,))
    del plain["detail"]
    return plain | {"findings": sorted(outcome.findings), "replay": outcome.replay and b64url(outcome.replay)}


def _case(case: Case, trust: Snapshot) -> dict[str, Any]:
    row: dict[str, Any] = {"id": case.id, "trust": case.trust, "at": seconds(case.at), "text": case.text}
    if case.nonces:
        row["nonces"] = [b64url(nonce) for nonce in case.nonces]
    return row | {"expected": outcome_of(row, trust)}


def _plain(bundle: Bundle) -> dict[str, Any]:
    """The bundle as JSON: bytes in base64url; the JSON texts of SMART Health Cards issuers stay texts."""
    plain = msgspec.to_builtins(bundle, builtin_types=(bytes,))
    for issuer in plain["shc"]:
        issuer["keys"] = issuer["keys"].decode()
        issuer["crls"] = [text.decode() for text in issuer["crls"]]
    return _texts(plain)


def _texts(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64url(value)
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list | tuple) else value


_BYTES = {"kid", "key", "lst", "hashes", "policy"}


def snapshot_of(plain: dict[str, Any]) -> Snapshot:
    """The snapshot of one entry of the file's `trust`."""
    plain = json.loads(json.dumps(plain))
    icvp = plain.pop("icvp")
    for issuer in plain["shc"]:
        issuer["keys"] = issuer["keys"].encode()
        issuer["crls"] = [text.encode() for text in issuer["crls"]]
    for row in (*plain["keys"], *plain["status"], *plain["hashes"]):
        row |= {name: unb64url(row[name]) for name in _BYTES & row.keys() if isinstance(row[name], str)}
    return Snapshot(msgspec.convert(plain, Bundle, builtin_types=(bytes,)), icvp=icvp)


def _snapshot(changes: dict[str, Any]) -> Snapshot:
    given = dict(changes)
    icvp = given.pop("icvp", False)
    return Snapshot(msgspec.convert(_MAIN | given, Bundle, builtin_types=(bytes,)), icvp=icvp)


_CERTIFICATES = key(ISSUER, "hcert", issuer="AT")
_PASSES = key(ISSUER, "pass")
_CARDS = {"iss": ISS, "keys": key_set(jwk())}
_MAIN: dict[str, Any] = {
    "number": 7,
    "issued": AT - 3600,
    "expires": AT + 3 * DAY,
    "keys": [_CERTIFICATES, _PASSES, key(RSA, "hcert", issuer="CH"), key(OTHER, "hcert", issuer="DE")],
    "status": [status_list(9, 700)],
    "shc": [
        _CARDS,
        {"iss": "https://other.example", "keys": key_set(jwk(OTHER))},
        {"iss": "https://unlisted.example", "keys": key_set(jwk(OTHER)), "listed": False},
    ],
}


_FOREIGN = {
    "issuer": "AT",
    "list_no": 0,
    "bits": 2,
    "lst": build(2, 1024, [(5, 1), (6, 2), (7, 3)]).pack(),
    "size": 1024,
    "uri": STATUS_URI,
    "expires": AT + DAY,
}


def _trusts() -> dict[str, dict[str, Any]]:
    numbered = {"iss": ISS, "keys": key_set(jwk(crlVersion=1))}
    rids = rid_list("revoked-one", f"dated.{AT - 3600}")
    p384 = spki(ec.derive_private_key(384, ec.SECP384R1()).public_key())
    wrong = [{**key(one, "hcert"), "kid": ISSUER.kid} for one in (STRANGER, OTHER)]
    wrong_pass = {**key(STRANGER, "pass"), "kid": ISSUER.kid}
    return {
        "main": {},
        "icvp": {"icvp": True},
        "collision": {"keys": [*wrong, _CERTIFICATES, wrong_pass, _PASSES, key(HOLDER, "pass")]},
        "collision-only": {"keys": wrong},
        "usage": {"keys": [{**_CERTIFICATES, "usages": ["t", "r"]}]},
        "key-late": {"keys": [{**_CERTIFICATES, "valid_from": AT - 60}]},
        "key-early": {"keys": [{**_CERTIFICATES, "valid_to": AT + 60}]},
        "p384": {"keys": [{**_CERTIFICATES, "key": p384}]},
        "pass-key-late": {"keys": [{**_PASSES, "valid_from": AT}]},
        "pass-revoked": {"status": [status_list(5)]},
        "pass-suspended": {"status": [status_list(5, bits=2)]},
        "no-paper": {"paper": False},
        "narrow": {"skew_s": 60},
        "stale": {"expires": AT - 1},
        "stale-refused": {"expires": AT - 1, "fail": {"lists_stale": "see_staff"}},
        "codes": {"value_sets": {"country-2-codes": ["AT"], "vaccines-covid-19-names": ["EU/1/20/1528"]}},
        "status": {"status": [_FOREIGN]},
        "status-ended": {"status": [_FOREIGN | {"expires": AT}]},
        "status-of-another": {"status": [_FOREIGN | {"issuer": "DE"}]},
        "status-missing-admitted": {"fail": {"status_list_missing": "admit"}},
        "rids": {"shc": [{**numbered, "crls": [rids]}]},
        "rids-missing": {"shc": [numbered]},
        "rids-required": {"shc": [numbered], "fail": {"shc_list_missing": "see_staff"}},
        "rids-broken": {"shc": [{**numbered, "crls": [rid_list("a", "a")]}]},
        "rids-other-version": {"shc": [{**numbered, "crls": [rid_list("a", ctr=2)]}]},
    } | {f"hash-{name}": {"hashes": [batch]} for name, batch in _batches().items()}


def _batches() -> dict[str, dict[str, Any]]:
    from hashlib import sha256

    from pratique.credentials.cose import unwrap
    from tests.credentials.vectors.parts import certificate

    uci = certificate()["v"][0]["ci"]

    def batch(kind: str, covered: bytes, **changes: Any) -> dict[str, Any]:
        row = {"country": "AT", "kid": ISSUER.kid, "hash_type": kind, "expires": AT + DAY}
        return row | {"hashes": sha256(covered).digest()[:16]} | changes

    return {
        "uci": batch("UCI", uci.encode()),
        "country-uci": batch("COUNTRYCODEUCI", b"AT" + uci.encode()),
        "signature": batch("SIGNATURE", unwrap(cose()).signature[:32]),
        "any-kid": batch("UCI", uci.encode(), kid=b""),
        "ended": batch("UCI", uci.encode(), expires=AT - 1),
        "other-country": batch("UCI", uci.encode(), country="DE"),
    }
