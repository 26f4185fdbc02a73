"""The TypeScript twin in node beside the published data and beside Python: the same stages, reasons and values."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from tests.web_twin.asking import Twin
from tests.web_twin.comparing import unlike
from tests.web_twin.mutants import Mutants

from conformance.credentials_dcc import _CHAIN, _trust, _vectors, clock
from conformance.credentials_shc import _said, _snapshot, _texts
from conformance.tally import Tally
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.sources import read_folder, read_source
from pratique.credentials.trust import snapshot_of
from pratique.credentials.verify import verify
from pratique.policy.certlogic import Fault, Instant, evaluate
from pratique.policy.suites import VALIDATION, equal, read_cases

Row = tuple[str, int, int, int, list[str]]
MUTANTS = 20_000
_FLAGS = {
    "VERIFY": "signature",
    "EXPIRATIONCHECK": "expiry",
    "KEYUSAGE": "key_usage",
    "SCHEMAVALIDATION": "schema",
    "COMPRESSION": "compression",
    "B45DECODE": "base45",
    "UNPREFIX": "prefix",
}


def run(data: Path) -> Iterable[Row]:
    """A row a source."""
    creds = data / "creds"
    with Twin() as twin:
        yield from _dcc(twin, creds)
        yield _shc(twin, creds / "shc")
        for part in ("certlogic/testSuite", "rules"):
            yield _certlogic(twin, creds / part, part)
        yield _mutants(twin, MUTANTS, seed=2026)


def _compare(twin: Twin, asked: Sequence[tuple[str, datetime]], snapshot: Snapshot, tally: Tally) -> None:
    found = unlike(twin, asked, snapshot)
    tally.passed += len(asked) - len(found)
    tally.failures += found


def _mutants(twin: Twin, count: int, seed: int) -> Row:
    """Texts that nobody would issue."""
    tally, source = Tally(f"{count} mutants, both alike"), Mutants(seed)
    _compare(twin, list(source.texts(count)), source.snapshot, tally)
    return tally.row()


def _dcc(twin: Twin, creds: Path) -> Iterable[Row]:
    vectors = list(_vectors(creds))
    whole = snapshot_of(read_source((creds / "dcc-vectors" / "trustlist.json").read_bytes()))
    sets = {name: tuple(codes) for name, codes in read_folder(creds / "valuesets").value_sets}
    coded = Snapshot(msgspec.structs.replace(whole.bundle, value_sets=sets))
    flags, chain, alike = Tally("dcc flags"), Tally("dcc whole chain"), Tally("dcc, both alike")
    shared = twin.trust(whole)
    for vector in vectors:
        results = vector["EXPECTEDRESULTS"]
        at, text, own = clock(vector["TESTCTX"]["VALIDATIONCLOCK"]), vector["PREFIX"], _trust(vector)
        alone = twin.ask("verify", text=text, at=at.timestamp(), trust=twin.trust(own))
        quarantined = {row[0] for row in vector.get("_quarantine", [])}
        for flag, stage in _FLAGS.items():
            expected, reached = results.get(f"EXPECTED{flag}"), alone["stages"][stage]
            # A stage that the chain does not reach is scored by Python alone.
            if expected is None or reached is None or f"EXPECTED{flag}" in quarantined:
                flags.skipped += 1
            else:
                flags.check(f"{vector['_src']} {flag}", expected, reached)
        expected_of_chain = [results.get(f"EXPECTED{name}") for name in _CHAIN]
        trust = alone if results.get("EXPECTEDVERIFY") is False else twin.ask(
            "verify", text=text, at=at.timestamp(), trust=shared
        )  # fmt: skip
        if False in expected_of_chain or all(expected_of_chain):
            chain.check(f"{vector['_src']} {trust['reason']}", False not in expected_of_chain, trust["ok"])
        else:
            chain.skipped += 1
        _compare(twin, [(text, at)], own, alike)
    _compare(twin, [(v["PREFIX"], clock(v["TESTCTX"]["VALIDATIONCLOCK"])) for v in vectors], coded, alike)
    yield flags.row()
    yield chain.row()
    yield alike.row()


def _shc(twin: Twin, folder: Path) -> Row:
    tally = Tally("shc tiers A and B, and alike")
    for case in json.loads((folder / "expected.json").read_bytes()):
        if case["score"]["tier"] not in "AB" or case["type"] in ("fhirbundle", "jwspayload"):
            tally.skipped += 1
            continue
        at = datetime.fromtimestamp(case["validation_time"]).astimezone()
        snapshot = _snapshot(folder, case)
        texts = [text for text in _texts(case["type"], [folder / path for path in case["paths"]]) if text]
        _compare(twin, [(text, at) for text in texts], snapshot, tally)
        name = twin.trust(snapshot)
        answers = [twin.ask("verify", text=text, at=at.timestamp(), trust=name) for text in texts]
        ok = bool(answers) and all(one["ok"] for one in answers)
        python = [verify(text, at, snapshot) for text in texts]
        if case["score"]["decision"] != "any":
            tally.check(f"{case['id']} {case['name']}", case["score"]["decision"] == "accept", ok)
        tally.check(
            f"{case['id']} findings",
            [sorted(_said(one)) for one in python],
            [sorted({*one["findings"], *([one["reason"]] if one["reason"] else [])}) for one in answers],
        )
    return tally.row()


def _certlogic(twin: Twin, path: Path, source: str) -> Row:
    tally = Tally(f"{source}, and alike")
    cases = [case for case in read_cases(path) if not case.skip and case.kind != VALIDATION]
    answers = twin.ask_all({"op": "certlogic", "logic": case.expression, "data": case.data} for case in cases)
    for case, answer in zip(cases, answers, strict=True):
        found = evaluate(case.expression, case.data)
        value = answer.get("value")
        if isinstance(value, dict) and "instant" in value:
            value = Instant(value["instant"])
        tally.check(f"{case.source} {case.name}", True, "value" in answer and equal(value, case.expected))
        alike = (
            answer.get("fault") == [found.kind, found.path]
            if isinstance(found, Fault)
            else isinstance(found, Instant) == isinstance(value, Instant) and equal(found, value)
        )
        tally.check(f"{case.source} {case.name}: both alike", True, alike)
    return tally.row()
