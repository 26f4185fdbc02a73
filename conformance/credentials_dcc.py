"""EU DCC vectors (`dcc-vectors`, `dcc-schema`): every scored flag, the whole chain, the codes."""

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2

from conformance.tally import Tally
from pratique.credentials import base45, cbor, dcc, hcert
from pratique.credentials.cose import unwrap
from pratique.credentials.reasons import CredentialError
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.sources import Found, from_certificate, read_folder, read_source
from pratique.credentials.trust import snapshot_of
from pratique.credentials.verify import verify
from pratique.credentials.x509 import read_certificate

Vector = dict[str, Any]
_CHAIN = ("UNPREFIX", "B45DECODE", "COMPRESSION", "VERIFY", "EXPIRATIONCHECK", "KEYUSAGE")


def run(creds: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """One row a flag, then the chain, the codes, the round trip and the schema's own tests."""
    vectors = list(_vectors(creds))
    tallies: dict[str, Tally] = defaultdict(lambda: Tally("?"))
    for vector in vectors:
        quarantined = {row[0] for row in vector.get("_quarantine", [])}
        for long_name, expected in vector["EXPECTEDRESULTS"].items():
            flag = long_name.removeprefix("EXPECTED")
            if flag not in _FLAGS:
                continue
            tally = tallies[flag]
            tally.source = f"dcc flag {flag}"
            if long_name in quarantined:
                tally.skipped += 1
            else:
                tally.check(vector["_src"], expected, _FLAGS[flag](vector))
    yield from (tallies[flag].row() for flag in _FLAGS if flag in tallies)
    yield from _not_scored(vectors)
    yield _whole_chain(creds, vectors)
    yield _codes(creds, vectors)
    yield _round_trip(vectors)
    yield _schema_tests(creds)


def _vectors(creds: Path) -> Iterator[Vector]:
    for path in sorted((creds / "dcc-vectors").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _not_scored(vectors: list[Vector]) -> Iterator[tuple[str, int, int, int, list[str]]]:
    """Flags that the source of the data says are wrong, one row a reason."""
    why: dict[str, list[str]] = defaultdict(list)
    for vector in vectors:
        for flag, reason in vector.get("_quarantine", []):
            why[reason].append(
                f"{vector['_src'].removeprefix('dgc-testdata/')} {flag.removeprefix('EXPECTED')}"
            )
    for reason, flags in why.items():
        named = ", ".join(flags[:3]) + (f" and {len(flags) - 3} more" if len(flags) > 3 else "")
        yield "dcc flags not scored", 0, 0, len(flags), [f"{reason}: {named}"]


def clock(text: str) -> datetime:
    """A validation clock: no zone means UTC, `+0200` and seven digits of fraction occur."""
    whole, dot, rest = text.partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{whole}.{digits[:6]}{rest[len(digits) :]}"
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _trust(vector: Vector) -> Snapshot:
    der = b64decode(vector["TESTCTX"]["CERTIFICATE"])
    return snapshot_of(Found(keys=from_certificate(read_certificate(der))))


def _inflated(vector: Vector) -> bytes:
    if "COSE" in vector:
        return bytes.fromhex(vector["COSE"])
    return hcert.inflate(base45.decode(vector["PREFIX"].removeprefix("HC1:")))


def _contents(vector: Vector) -> Any:
    return hcert.read_claims(unwrap(_inflated(vector)).payload).hcert[1]


def _unprefix(vector: Vector) -> bool:
    text = vector["PREFIX"]
    return bool(text.startswith("HC1:") and text[4:] == vector.get("BASE45", text[4:]))


def _decodes_base45(vector: Vector) -> bool:
    raw = base45.decode(vector.get("BASE45", vector["PREFIX"][4:]))
    return bool(raw.hex() == vector.get("COMPRESSED", raw.hex()).lower())


def _inflates(vector: Vector) -> bool:
    raw = (
        bytes.fromhex(vector["COMPRESSED"]) if "COMPRESSED" in vector else base45.decode(vector["PREFIX"][4:])
    )
    inflated = hcert.inflate(raw)
    return bool(inflated.hex() == vector.get("COSE", inflated.hex()).lower())


def _decodes(vector: Vector) -> bool:
    payload = unwrap(_inflated(vector)).payload
    hcert.read_claims(payload)
    if "CBOR" not in vector:
        return True
    wanted = cbor.read(bytes.fromhex(vector["CBOR"]))
    claims = cbor.read(payload)
    return same(wanted, claims) or same(wanted, claims[-260][1])


def _valid_json(vector: Vector) -> bool:
    raw = hcert.inflate(base45.decode(vector["PREFIX"].removeprefix("HC1:")))
    return same(vector["JSON"], hcert.read_claims(unwrap(raw).payload).hcert[1])


def _encodes(vector: Vector) -> bool:
    again = cbor.read(cbor2.dumps(vector["JSON"]))
    wanted = cbor.read(bytes.fromhex(vector["CBOR"]))
    return same(wanted, again) or same(wanted[-260][1], again)


def _stage(name: str) -> Callable[[Vector], bool | None]:
    def found(vector: Vector) -> bool | None:
        outcome = verify(vector["PREFIX"], clock(vector["TESTCTX"]["VALIDATIONCLOCK"]), _trust(vector))
        if outcome.stages.signature is False and name != "signature":
            return _alone(vector, name)
        reached: bool | None = getattr(outcome.stages, name)
        return reached

    return found


def _alone(vector: Vector, name: str) -> bool:
    """A stage that is not reached under the vector's own certificate, scored by itself."""
    at = clock(vector["TESTCTX"]["VALIDATIONCLOCK"]).timestamp()
    claims = hcert.read_claims(unwrap(_inflated(vector)).payload)
    content = dcc.tidy(claims.hcert[1])
    if name == "expiry":
        return claims.iat <= at <= claims.exp
    if name == "key_usage":
        usages = read_certificate(b64decode(vector["TESTCTX"]["CERTIFICATE"])).usages
        return not usages or set(usages) >= set(dcc.types_of(content))
    return dcc.schema_fault(content) is None


def _guarded(judge: Callable[[Vector], bool | None]) -> Callable[[Vector], bool | None]:
    def found(vector: Vector) -> bool | None:
        try:
            return judge(vector)
        except CredentialError:
            return False

    return found


_FLAGS = {
    name: _guarded(judge)
    for name, judge in {
        "UNPREFIX": _unprefix,
        "B45DECODE": _decodes_base45,
        "COMPRESSION": _inflates,
        "DECODE": _decodes,
        "VALIDJSON": _valid_json,
        "ENCODE": _encodes,
        "VERIFY": _stage("signature"),
        "EXPIRATIONCHECK": _stage("expiry"),
        "KEYUSAGE": _stage("key_usage"),
        "SCHEMAVALIDATION": _stage("schema"),
        "VALIDOBJECT": _stage("schema"),
    }.items()
}


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 2.0 is 2, and two texts that are the same instant are equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (_instant(one) is not None and _instant(one) == _instant(other))
    return (type(one) is not bool and type(other) is not bool and bool(one == other)) or one is other


def _instant(text: str) -> datetime | None:
    try:
        return clock(text.replace(" ", "T"))
    except ValueError:
        return None


def _whole_chain(creds: Path, vectors: list[Vector]) -> tuple[str, int, int, int, list[str]]:
    """With the whole list: accepted where all flags of the chain are true, refused where one is false."""
    whole = snapshot_of(read_source((creds / "dcc-vectors" / "trustlist.json").read_bytes()))
    tally = Tally("dcc whole chain")
    for vector in vectors:
        flags = [vector["EXPECTEDRESULTS"].get(f"EXPECTED{name}") for name in _CHAIN]
        own = vector["EXPECTEDRESULTS"].get("EXPECTEDVERIFY") is False
        trust = _trust(vector) if own else whole
        outcome = verify(vector["PREFIX"], clock(vector["TESTCTX"]["VALIDATIONCLOCK"]), trust)
        if False in flags:
            tally.check(f"{vector['_src']} {outcome.reason}", False, outcome.ok)
        elif all(flags):
            tally.check(f"{vector['_src']} {outcome.reason} {outcome.detail}", True, outcome.ok)
        else:
            tally.skipped += 1
    return tally.row()


def _codes(creds: Path, vectors: list[Vector]) -> tuple[str, int, int, int, list[str]]:
    """Codes outside the value sets, told apart from the schema."""
    sets = {name: frozenset(codes) for name, codes in read_folder(creds / "valuesets").value_sets}
    tally = Tally("dcc codes")
    for vector in vectors:
        try:
            content = dcc.tidy(_contents(vector))
        except CredentialError:
            tally.skipped += 1
            continue
        wanted = sorted((row[0].rpartition(".")[2], str(row[1])) for row in vector.get("_codes", []))
        found = sorted((field.rpartition(".")[2], code) for field, code in dcc.unknown_codes(content, sets))
        tally.check(vector["_src"], wanted, found)
    return tally.row()


def _round_trip(vectors: list[Vector]) -> tuple[str, int, int, int, list[str]]:
    """base45 written again is the same text; the signed bytes are found again in the envelope."""
    tally = Tally("dcc round trip")
    for vector in vectors:
        if vector["EXPECTEDRESULTS"].get("EXPECTEDB45DECODE") is not True or "BASE45" not in vector:
            tally.skipped += 1
            continue
        raw = base45.decode(vector["BASE45"])
        tally.check(vector["_src"], vector["BASE45"], base45.encode(raw))
    return tally.row()


def _schema_tests(creds: Path) -> tuple[str, int, int, int, list[str]]:
    """The schema repository's own files, all against 1.3.3."""
    tally = Tally("dcc-schema")
    folder = creds / "dcc-schema"
    for path in sorted(folder.glob("test/*/*.json")) + sorted(folder.glob("examples/*/*.json")):
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            tally.skipped += 1
            continue
        fault = dcc.schema_fault(dcc.tidy(content | {"ver": "1.3.3"}))
        tally.check(f"{path.parent.name}/{path.name} {fault}", path.parent.name != "invalid", fault is None)
    return tally.row()
