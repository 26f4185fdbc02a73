"""Claim: a whole HC1 check (base45, zlib, CBOR, signature, times, usage) at 0.75 of the bare signature check, 0.65 with
the schema, which `verify` always looks at; for the first figure the bench takes that look away.

Peer: `cryptography` verifying the same P-256 signatures over the same bytes in the same run, alternating round by
round, CPU time. Distinct synthetic certificates, so nothing is cached between rounds that a gate could not cache.
Beside it, in environments of their own that are made and thrown away here: `cwt`, `pycose` and npm `dcc-utils`, each
over the bare verification of its own process. dcc-utils for Python builds on no Python that we support.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pratique.credentials import base45, dcc, hcert, pq1
from pratique.credentials.cose import to_be_signed, unwrap
from pratique.credentials.issue import issue_hcert
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot
from pratique.credentials.verify import verify

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
COUNT, PART, ROUNDS, ISSUERS = 600, 50, 15, 30
PEERS = Path(__file__).parent / "peers"
PYTHON_PEERS = ("cwt==3.3.0", "pycose==1.1.0", "base45==0.4.4", "cryptography==50.0.2")
NODE_PEER = "dcc-utils@0.4.0"


def certificate(number: int) -> dict[str, Any]:
    """A synthetic certificate; the types take turns."""
    name = {
        "fn": f"Muster-Beispiel {number:05d}",
        "fnt": "MUSTER<BEISPIEL",
        "gn": "Erika Maria",
        "gnt": "ERIKA<MARIA",
    }
    top: dict[str, Any] = {"ver": "1.3.0", "nam": name, "dob": f"19{number % 90 + 10}-0{number % 9 + 1}-12"}
    both = {
        "tg": "840539006",
        "co": "AT",
        "is": "Ministry of Health, Austria",
        "ci": f"URN:UVCI:01:AT:{number:032X}#B",
    }
    kind = number % 3
    if kind == 0:
        dose = {
            "vp": "1119349007",
            "mp": "EU/1/20/1528",
            "ma": "ORG-100030215",
            "dn": 2,
            "sd": 2,
            "dt": "2025-11-18",
        }
        return top | {"v": [both | dose]}
    if kind == 1:
        test = {
            "tt": "LP6464-4",
            "nm": "Roche LightCycler qPCR",
            "sc": "2026-01-04T12:34:56Z",
            "tr": "260415000",
        }
        return top | {"t": [both | test | {"tc": "Testing center Vienna 1"}]}
    return top | {"r": [both | {"fr": "2025-10-01", "df": "2025-10-11", "du": "2026-03-30"}]}


def signer() -> Es256Signer:
    made = new_signer("ES256")
    assert isinstance(made, Es256Signer)
    return made


def seconds(act: Callable[[range], object], part: range) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    act(part)
    return time.process_time() - start


def main() -> None:
    """Print the table and the JSON line."""
    issuers = [signer() for _ in range(ISSUERS)]
    texts = [
        issue_hcert(
            issuers[n % ISSUERS], certificate(n), "AT", NOW - timedelta(days=30), NOW + timedelta(days=3000)
        )
        for n in range(COUNT)
    ]
    keys = tuple(KeyEntry(kid=s.kid, key=s.spki, purpose="hcert", issuer="AT") for s in issuers)
    snapshot = Snapshot(Bundle(number=1, issued=0, expires=1 << 40, keys=keys))
    raw = [bare(text, issuers) for text in texts]
    holder, passes = signer(), []
    for number in range(COUNT):
        credential = pq1.issue_pass(
            issuers[number % ISSUERS],
            holder.public_key,
            1,
            NOW - timedelta(hours=1),
            NOW + timedelta(hours=20),
            None,
        )
        shown = int(NOW.timestamp())
        passes.append(pq1.present(credential, shown, holder.sign(pq1.proof_message(credential, shown))))
    for_passes = Snapshot(
        Bundle(
            number=1,
            issued=0,
            expires=1 << 40,
            keys=tuple(KeyEntry(kid=s.kid, key=s.spki, purpose="pass") for s in issuers),
        )
    )
    how = ec.ECDSA(SHA256())

    def ours(part: range) -> None:
        for n in part:
            if not verify(texts[n], NOW, snapshot).ok:
                raise SystemExit("a good certificate was refused")

    def ours_without(part: range) -> None:
        with mock.patch.object(dcc, "plain_kind", type_alone):
            ours(part)

    def peer(part: range) -> None:
        for n in part:
            key, signature, message = raw[n]
            key.verify(signature, message, how)

    def ours_passes(part: range) -> None:
        for n in part:
            if not verify(passes[n], NOW, for_passes).ok:
                raise SystemExit("a good pass was refused")

    parts = [range(start, start + PART) for start in range(0, COUNT, PART)]
    for act in (ours, peer, ours_passes, ours_without):
        act(range(COUNT))
    # Small parts, taking turns: a neighbour on the machine disturbs both sides alike.
    rounds = [(seconds(ours, part), seconds(peer, part)) for _ in range(ROUNDS) for part in parts]
    without = [(seconds(ours_without, part), seconds(peer, part)) for _ in range(ROUNDS) for part in parts]
    of_passes = [(seconds(ours_passes, part), seconds(peer, part)) for _ in range(ROUNDS) for part in parts]
    ratios, bare_ratios = (sorted(p / o for o, p in some) for some in (rounds, without))
    pass_ratios = sorted(2 * p / o for o, p in of_passes)
    ours_s, peer_s = (statistics.median(column) / PART for column in zip(*rounds, strict=True))
    pass_s = statistics.median(o for o, _ in of_passes) / PART
    undisturbed = fastest(rounds)
    characters = statistics.mean(map(len, texts))
    print(f"{COUNT} distinct HC1 texts of {characters:.0f} characters, {ISSUERS} issuers, {ROUNDS} rounds")
    print(f"cryptography P-256 verify alone   {1 / peer_s:9.0f}/s")
    whole = f"ratio {statistics.median(ratios):.3f}, undisturbed {undisturbed:.3f}"
    print(f"HC1, whole chain with schema      {1 / ours_s:9.0f}/s   {whole}")
    whole = f"ratio {statistics.median(bare_ratios):.3f}, undisturbed {fastest(without):.3f}"
    print(f"{'the same without the schema':45}  {whole}")
    print(
        f"PQ1 pass, two signatures          {1 / pass_s:9.0f}/s   ratio to two {statistics.median(pass_ratios):.3f}"
    )
    others = peers(texts[:200], issuers)
    for name, ratio in others.items():
        print(f"{name:33} {'':9}     ratio {'not measured' if ratio is None else f'{ratio:.3f}'}")
    line = {
        "claim": "whole HC1 verification with schema, one core, over the bare P-256 verification",
        "ours": round(1 / ours_s),
        "peer": round(1 / peer_s),
        "peer_name": "cryptography ECDSA P-256 verify",
        "ratio_to_raw": round(statistics.median(ratios), 3),
        "ratio_p10": round(ratios[len(ratios) // 10], 3),
        "ratio_p90": round(ratios[len(ratios) * 9 // 10], 3),
        "ratio_of_fastest_rounds": round(undisturbed, 3),
        "ratio_to_raw_without_schema": round(statistics.median(bare_ratios), 3),
        "ratio_without_schema_of_fastest_rounds": round(fastest(without), 3),
        "pq1_ratio_to_two_raw": round(statistics.median(pass_ratios), 3),
        "peer_ratios_to_raw": others,
        "unit": "verifications/s",
        "runs": len(rounds),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(line))


def type_alone(certificate: dict[str, Any]) -> str:
    """In place of the look at the contents: which type it is, and nothing of its form."""
    return "v" if "v" in certificate else "t" if "t" in certificate else "r"


def fastest(rounds: list[tuple[float, float]]) -> float:
    """Peer over ours, each part of the texts in its fastest round: what a neighbour on the machine disturbs least."""
    parts = COUNT // PART
    ours, peer = (sum(min(column[n::parts]) for n in range(parts)) for column in zip(*rounds, strict=True))
    return float(peer / ours)


def peers(texts: list[str], issuers: list[Es256Signer]) -> dict[str, float | None]:
    """Other verifiers over the bare verification in the same process; None for one that could not be installed."""
    keys = [
        {"kid": s.kid.hex(), "x": s.public_key[1:33].hex(), "y": s.public_key[33:].hex()} for s in issuers
    ]
    given = json.dumps({"texts": texts, "keys": keys})
    with tempfile.TemporaryDirectory() as folder:
        found = in_python(Path(folder), given) | in_node(Path(folder), given)
    return {name: found.get(name) for name in ("cwt", "pycose", "npm dcc-utils")}


def in_python(folder: Path, given: str) -> dict[str, float]:
    """cwt holds cbor2 below 6, so it never meets our environment."""
    uv, python = Path(sys.executable).parent / "uv", folder / "venv" / "bin" / "python"
    if not (uv.exists() and quiet([uv, "venv", "-q", folder / "venv"])):
        return {}
    if not quiet([uv, "pip", "install", "-q", "--python", python, *PYTHON_PEERS]):
        return {}
    return ratios([python, PEERS / "with_python.py"], given, folder)


def in_node(folder: Path, given: str) -> dict[str, float]:
    """The npm package, in a folder of its own."""
    (folder / "package.json").write_text("{}")
    if not (
        shutil.which("npm")
        and quiet(["npm", "install", "--silent", "--no-fund", "--no-audit", NODE_PEER], folder)
    ):
        return {}
    return ratios(["node", PEERS / "with_node.cjs"], given, folder)


def quiet(command: list[Any], folder: Path | None = None) -> bool:
    """True if the command went well; what it says is not shown."""
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def ratios(command: list[Any], given: str, folder: Path) -> dict[str, float]:
    """Rates of a peer's process as ratios to its own `raw`."""
    done = subprocess.run(command, input=given, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return {}
    rates = json.loads(done.stdout.splitlines()[-1])
    return {name: round(rate / rates["raw"], 4) for name, rate in rates.items() if name != "raw"}


def bare(text: str, issuers: list[Es256Signer]) -> tuple[Any, bytes, bytes]:
    """Key, DER signature and message of a text, all prepared: the peer does nothing but verify."""
    sign1 = unwrap(hcert.inflate(base45.decode(text[4:])))
    issuer = next(s for s in issuers if s.kid in sign1.protected)
    r, s = (int.from_bytes(sign1.signature[at : at + 32], "big") for at in (0, 32))
    return (
        load_der_public_key(issuer.spki),
        encode_dss_signature(r, s),
        to_be_signed(sign1.protected, sign1.payload),
    )


if __name__ == "__main__":
    main()
