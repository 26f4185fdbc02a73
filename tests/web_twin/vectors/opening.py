"""Files that a gate takes, and those that it refuses."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from pratique.core.canonical import canonical_cbor
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.keys import Ed25519Signer
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import KeyEntry, StatusEntry
from pratique.credentials.trust import make_bundle
from pratique.gate.lists import load
from tests.credentials.vectors.parts import AT
from tests.web_twin.vectors.parts import (
    DAY,
    ROOT_KEYS,
    ROOTS,
    SNAPSHOTS,
    Case,
    at_time,
    bundle,
    note,
    policy,
    rule,
    signed,
)


def opening_cases() -> Iterator[Case]:
    """Which files a gate takes."""
    good = SNAPSHOTS["plain"]
    tampered = bytearray(good)
    tampered[len(good) // 2] ^= 1
    one = make_bundle(bundle(), ROOTS[:1])
    files: dict[str, tuple[bytes, dict[str, Any]]] = {
        "good": (good, {}),
        "the same again": (good, {"at_least": 7}),
        "rolled back": (good, {"at_least": 8}),
        "expired": (good, {"at": AT + 4 * DAY}),
        "expired, but the very one decided by": (good, {"at": AT + 4 * DAY, "at_least": 7, "again": True}),
        "expired, and newer than the one decided by": (
            good,
            {"at": AT + 4 * DAY, "at_least": 6, "again": True},
        ),
        "signed by one": (one, {}),
        "signed by one twice": (make_bundle(bundle(), [ROOTS[0], ROOTS[0]]), {}),
        "signed by strangers": (make_bundle(bundle(), [_stranger("a"), _stranger("b")]), {}),
        "tampered": (bytes(tampered), {}),
        "cut short": (good[:-1], {}),
        "something behind it": (good + b"\0", {}),
        "empty": (b"", {}),
        "no mandate": (signed(mandates=()), {}),
        "a mandate for something else": (signed(mandates=(note(unlocks=("campaign",)),)), {}),
        "two mandates": (
            signed(mandates=(note(), note(days=20, name="N", lists_stale="stop", clock_bad="admit"))),
            {},
        ),
        "a mandate that is no JSON": (signed(mandates=(b"mandate",)), {}),
        "a mandate without zone": (
            signed(mandates=(note().replace(b"2026-01-15T12:00:00Z", b"2026-01-15T12:00:00"),)),
            {},
        ),
        "rules": (SNAPSHOTS["rules"], {}),
        "rules that cannot be read": (
            signed(policy=canonical_cbor({"number": 1, "mandate": "", "body": b"{"})),
            {},
        ),
        "a rule without logic": (signed(policy=policy(rule({}))), {}),
        "a policy of another form": (signed(policy=canonical_cbor({"number": 1})), {}),
        "a key that is none": (signed(keys=(KeyEntry(kid=b"12345678", key=b"0", purpose="pass"),)), {}),
        "an unknown field": (_with_unknown_field(), {}),
        "an absurd status list": (signed(status=(StatusEntry("", 1, 1, b"x", 0),)), {}),
        "a broken status list": (signed(status=(StatusEntry("", 1, 1, b"x", 8),)), {}),
    }
    for name, (raw, more) in files.items():
        yield {"id": name, "file": b64url(raw), "at_least": 0, "at": AT, "again": False} | more


def _stranger(name: str) -> Ed25519Signer:
    return Ed25519Signer(ed25519.Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))


def _with_unknown_field() -> bytes:
    body = canonical_cbor({"number": 7, "issued": AT, "expires": AT + DAY, "location": "x"})
    rows = [[root.kid, root.sign(b"pratique-bundle\n" + body)] for root in ROOTS[:2]]
    return canonical_cbor({"body": body, "signatures": rows})


def opening_answer(case: Case) -> Any:
    """What our gate makes of the file."""
    at = at_time(case["at"])
    try:
        found = load(
            unb64url(case["file"]) if case["file"] else b"",
            ROOT_KEYS,
            2,
            case["at_least"],
            at,
            again=case["again"],
        )
    except CredentialError as refused:
        return {"refused": refused.code}
    except ValueError:
        return {"refused": "RANGE"}
    orders = [
        {
            "id": order.id,
            "start": order.start.timestamp(),
            "end": order.end.timestamp(),
            "destroys": order.destroys.timestamp(),
            "purpose": {"en": order.purpose.en, "zh-Hans": order.purpose.zh_hans},
            "fail": order.fail._asdict(),
        }
        for order in found.orders
    ]
    rules = len(found.rules.rules) if found.rules is not None else None
    return {
        "number": found.number,
        "orders": orders,
        "policy": found.policy_number,
        "rules": rules,
        "stale": found.stale(at),
        "amber": found.amber(at),
    }
