"""SMART Health Cards (`shc`): the reference tool's cases by tier, and key sets."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.credentials_svg import grey_of
from conformance.tally import Tally
from pratique.credentials import qr, shc
from pratique.credentials.fhir import bundle_faults
from pratique.credentials.model import Outcome
from pratique.credentials.shc_files import cards_in
from pratique.credentials.shc_keys import ShcIssuer
from pratique.credentials.shc_sets import set_problems
from pratique.credentials.snapshot import Bundle, Snapshot
from pratique.credentials.verify import verify

SPEC_ISSUER = "https://spec.smarthealth.cards/examples/issuer"
_FAR = 1 << 53
# What the source calls a finding, in our words.
_WORDS = {
    "JWS_TOO_LONG": {"JWS_TOO_LONG"},
    "QR_CHUNKING_DEPRECATED": {"CHUNKS_DEPRECATED"},
    "FHIR_SCHEMA_ERROR": {"SCHEMA"},
    "REVOCATION_ERROR": {"STATUS_UNKNOWN"},
    "JWS_HEADER_ERROR": {"BAD_HEADER"},
}
_KEY_WORDS = {
    "kid": "INVALID_KEY_WRONG_KID",
    "crv": "INVALID_KEY_WRONG_CRV",
    "use": "INVALID_KEY_WRONG_USE",
    "alg": "INVALID_KEY_WRONG_ALG",
    "kty": "INVALID_KEY_WRONG_KTY",
    "private": "INVALID_KEY_PRIVATE",
    "x5c": "INVALID_KEY_X5C",
}


def run(creds: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """A row for tiers A and B, one for key sets; tier C is advice and counted as skipped."""
    folder = creds / "shc"
    tallies = {tier: Tally(f"shc tier {tier}") for tier in "AB"}
    advice = Tally("shc tier C (advice)")
    for case in json.loads((folder / "expected.json").read_bytes()):
        tally = tallies.get(case["score"]["tier"])
        if tally is None:
            advice.skipped += 1
            continue
        ok, found = _decide(folder, case)
        name, score = f"{case['id']} {case['name']} {sorted(found)}", case["score"]
        if score["decision"] == "any":
            wanted = set().union(*(_WORDS[finding] for finding in score["findings"]))
            tally.check(name, True, not ok or bool(wanted & found))
        else:
            tally.check(name, score["decision"] == "accept", ok)
        if score["decision"] == "accept":
            for finding in score["findings"]:
                tally.check(f"{name}: {finding}", True, bool(_WORDS[finding] & found))
    yield from (tallies[tier].row() for tier in "AB")
    yield advice.row()
    yield _key_sets(folder)


def _decide(folder: Path, case: dict[str, Any]) -> tuple[bool, set[str]]:
    """Accepted or not, and every reason and finding there was."""
    at = datetime.fromtimestamp(case["validation_time"], UTC)
    paths = [folder / path for path in case["paths"]]
    if case["type"] == "fhirbundle":
        return not bundle_faults(json.loads(paths[0].read_bytes())), set()
    if case["type"] == "jwspayload":
        claims = json.loads(paths[0].read_bytes())
        refused, faults = shc.judge_claims(claims, at.timestamp())
        return refused is None, ({refused.code} if refused else set()) | ({"SCHEMA"} if faults else set())
    outcomes = [verify(text, at, _snapshot(folder, case)) for text in _texts(case["type"], paths)]
    if not outcomes:
        return False, {"UNREADABLE"}
    return all(one.ok for one in outcomes), set().union(*(_said(one) for one in outcomes))


def _said(outcome: Outcome) -> set[str]:
    return {*outcome.findings, *([outcome.reason] if outcome.reason else [])}


def _texts(kind: str, paths: list[Path]) -> list[str]:
    if kind == "qr":
        return [" ".join(_picture(path) for path in paths)]
    texts = [path.read_text(encoding="utf-8").strip() for path in paths]
    if kind == "qrnumeric":
        return [" ".join(texts)]
    return cards_in(texts[0]) if kind in ("healthcard", "fhirhealthcard") else texts


def _picture(path: Path) -> str:
    if path.suffix == ".svg":
        return qr.read_frame(grey_of(path.read_text(encoding="utf-8")))[0]
    return qr.read_picture(path.read_bytes())[0]


def _snapshot(folder: Path, case: dict[str, Any]) -> Snapshot:
    keys = (folder / case["keys"]).read_bytes()
    iss = SPEC_ISSUER
    if "badcrl" in case["keys"]:  # these two cards name an issuer of their own
        iss = _issuer_of(folder, case)
    crls = ((folder / case["crl"]).read_bytes(),) if "crl" in case else ()
    issuers = [ShcIssuer(iss, keys, crls)]
    if "other_issuer_keys" in case:
        issuers.append(
            ShcIssuer("https://other.example/issuer", (folder / case["other_issuer_keys"]).read_bytes())
        )
    return Snapshot(Bundle(number=0, issued=0, expires=_FAR, shc=tuple(issuers)))


def _issuer_of(folder: Path, case: dict[str, Any]) -> str:
    jws = (folder / case["paths"][0]).read_text(encoding="utf-8").strip()
    return str(shc.read_jws(jws).claims["iss"])


def _key_sets(folder: Path) -> tuple[str, int, int, int, list[str]]:
    expected = json.loads((folder / "expected-keys.json").read_bytes())
    at = datetime.fromtimestamp(expected["validationTime"], UTC)
    tally = Tally("shc key sets")
    for case in expected["tests"]:
        problems = set_problems((folder / case["file"]).read_bytes(), case["subjectAltName"] or None, at)
        tally.check(
            f"{case['name']} {problems}", set(case["expect"]), {_KEY_WORDS.get(p, p) for p in problems}
        )
    return tally.row()
