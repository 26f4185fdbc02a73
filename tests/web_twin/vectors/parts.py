"""Synthetic roots, mandates, rules and snapshots: the same in every run."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from pratique.core.canonical import canonical_cbor, canonical_json
from pratique.core.moment import rfc3339
from pratique.credentials.keys import Ed25519Signer
from pratique.credentials.snapshot import Bundle, KeyEntry, StatusEntry
from pratique.credentials.trust import make_bundle
from pratique.gate.lists import Loaded, load
from tests.credentials.vectors.parts import AT, ISSUER, status_list

PATH = Path(__file__).parents[2] / "vectors/decide.json"
NOW = datetime.fromtimestamp(AT, UTC)
ROOTS = [
    Ed25519Signer(
        ed25519.Ed25519PrivateKey.from_private_bytes(sha256(f"pratique synthetic root {n}".encode()).digest())
    )
    for n in range(3)
]
ROOT_KEYS = tuple(root.public_key for root in ROOTS)
HOUR, DAY = 3600, 86_400

Case = dict[str, Any]


def note(*, days: float = 10, unlocks: tuple[str, ...] = ("gate",), name: str = "M", **fail: str) -> bytes:
    """A mandate note as a snapshot carries it; its officers' signatures are not a gate's affair."""
    text = {
        "id": "0" * 25 + name,
        "unlocks": unlocks,
        "start": rfc3339(NOW - timedelta(days=1)),
        "end": rfc3339(NOW + timedelta(days=days)),
        "purpose": {"code": "synthetic", "text": {"en": "A synthetic harbour", "zh-Hans": "合成港区"}},
        "grace_hours": 24,
        "fail": {key.replace("_", "-"): action for key, action in fail.items()},
    }
    return canonical_json(text) + b"\n\n\xe2\x80\x94 synthetic c3ludGhldGlj\n"


def bundle(**changes: Any) -> Bundle:
    """An hour old, good for three days, for passes and certificates of ISSUER."""
    keys = [
        KeyEntry(kid=ISSUER.kid, key=ISSUER.spki, purpose="pass"),
        KeyEntry(kid=ISSUER.kid, key=ISSUER.spki, purpose="hcert", issuer="AT"),
    ]
    parts: dict[str, Any] = {
        "number": 7,
        "issued": AT - HOUR,
        "expires": AT - HOUR + 3 * DAY,
        "keys": tuple(keys),
        "status": (StatusEntry(**status_list(9)),),
        "mandates": (note(),),
    }
    return Bundle(**(parts | changes))


def signed(**changes: Any) -> bytes:
    """The bundle as a file, signed by two of the three roots."""
    return make_bundle(bundle(**changes), ROOTS[:2])


def rule(logic: Any, **changes: Any) -> dict[str, Any]:
    """A rule of the EU form."""
    return {
        "Identifier": "VR-ZZ-0001",
        "Type": "Acceptance",
        "Country": "ZZ",
        "Version": "1.0.0",
        "SchemaVersion": "1.0.0",
        "Engine": "CERTLOGIC",
        "EngineVersion": "0.7.5",
        "CertificateType": "Vaccination",
        "Description": [{"lang": "en", "desc": "A synthetic rule about the number of doses."}],
        "ValidFrom": "2021-06-01T00:00:00Z",
        "ValidTo": "2030-06-01T00:00:00Z",
        "AffectedFields": ["v.0.dn"],
        "Logic": logic,
    } | changes


DOSES = {">=": [{"var": "payload.v.0.dn"}, {"var": "payload.v.0.sd"}]}
SINCE = {
    "not-before": [
        {"plusTime": [{"var": "external.validationClock"}, -270, "day"]},
        {"plusTime": [{"var": "payload.v.0.dt"}, 0, "day"]},
    ]
}
IN_TIME = {
    "not-after": [
        {"plusTime": [{"var": "external.validationClock"}, 0, "day"]},
        {"plusTime": [{"var": "payload.v.0.dt"}, 270, "day"]},
    ]
}
FAULTY = {"<": [{"var": "payload.v.0.mp"}, 1]}


def policy(*rules: dict[str, Any]) -> bytes:
    """Rules as a snapshot carries them."""
    body = json.dumps({"country": "ZZ", "rules": rules, "valueSets": {"known": ["EU/1/20/1528"]}}).encode()
    return canonical_cbor({"number": 9, "mandate": "0" * 26, "body": body})


SNAPSHOTS: dict[str, bytes] = {
    "plain": signed(),
    "no paper": signed(paper=False),
    "revoked": signed(status=(StatusEntry(**status_list(5)),)),
    "rules": signed(policy=policy(rule(DOSES), rule(IN_TIME, Identifier="VR-ZZ-0002"))),
    "rules that fail": signed(policy=policy(rule({"===": [1, 2]}))),
    "a faulty rule": signed(policy=policy(rule(DOSES), rule(FAULTY, Identifier="VR-ZZ-0002"))),
    "a newer rule": signed(policy=policy(rule(DOSES, EngineVersion="2.0.0"))),
    "two versions": signed(
        policy=policy(
            rule({"===": [1, 2]}), rule(DOSES, Version="1.10.0"), rule({"===": [1, 2]}, Version="1.9.0")
        )
    ),
    "strict when stale": signed(mandates=(note(lists_stale="see-staff"),)),
    "skew of a minute": signed(skew_s=60),
}
LOADED: dict[str, Loaded] = {name: load(raw, ROOT_KEYS, 2, 0, NOW) for name, raw in SNAPSHOTS.items()}


def at_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
