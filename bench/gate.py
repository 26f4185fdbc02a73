"""Frame → decision → durable journal → relay bytes, beside a raw ES256 check and a raw fsync in the same run.

Frames are synthetic, after the model of a hand-held code: 1280×720 grey, 3 to 5 pixels a module, random place, a
turn of up to 20 degrees, blur and noise. Half of the codes are passes of the house, half EU certificates of about
600 characters. Time is from the frame in memory to the bytes on the relay's line, with the count on disk in between.
The last line is one JSON object; "p50_ms" and "p99_ms" are over all frames.
"""

import json
import os
import secrets
import sys
import tempfile
import time
import tty
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from PIL import Image, ImageFilter

from pratique.core.canonical import canonical_json
from pratique.core.ids import encode_id
from pratique.core.moment import rfc3339
from pratique.credentials import pq1
from pratique.credentials.issue import issue_hcert
from pratique.credentials.keys import new_signer
from pratique.credentials.snapshot import KeyEntry, StatusEntry
from pratique.credentials.status import build
from pratique.credentials.trust import Bundle, make_bundle
from pratique.gate.clock import Clock, ticks
from pratique.gate.drivers.lcus import LcusRelay, lcus_frame
from pratique.gate.enrol import write_whole
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists
from pratique.gate.loop import Gate
from pratique.gate.memory import Memory
from pratique.gate.reader import read_frame
from pratique.gate.sources import Scan

FRAMES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
NOW = datetime.now(UTC)
ISSUER, HOLDER, COUNTRY = new_signer("ES256"), new_signer("ES256"), new_signer("ES256")
ROOTS = [new_signer("Ed25519") for _ in range(2)]
DOSE = {
    "tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
    "dt": "2026-01-02", "co": "AT", "is": "Synthetic Ministry of Health, Department of Certificates",
}  # fmt: skip
NAME = {"fn": "Musterfrau-Gößinger", "fnt": "MUSTERFRAU<GOESSINGER", "gn": "Gabriele", "gnt": "GABRIELE"}


def a_pass(n: int) -> str:
    """A pass of the house as a phone shows it."""
    credential = pq1.issue_pass(
        ISSUER, HOLDER.public_key, pq1.CLEAR, NOW - timedelta(hours=1), NOW + timedelta(hours=9), (1, n)
    )
    shown = int(NOW.timestamp())
    return pq1.present(credential, shown, HOLDER.sign(pq1.proof_message(credential, shown)))


def a_certificate(n: int) -> str:
    """An EU certificate of the usual size."""
    entry = DOSE | {"ci": f"URN:UVCI:01:AT:{n:06d}7843F94AEE0EE5093FBC254BD813#B"}
    content = {"ver": "1.3.0", "nam": NAME, "dob": "1998-02-26", "v": [entry]}
    return issue_hcert(COUNTRY, content, "AT", NOW - timedelta(days=20), NOW + timedelta(days=99))


def snapshot() -> bytes:
    """A signed snapshot with a live mandate."""
    mandate = {
        "id": encode_id(secrets.token_bytes(16)),
        "unlocks": ["gate"],
        "start": rfc3339(NOW - timedelta(days=1)),
        "end": rfc3339(NOW + timedelta(days=9)),
        "purpose": {"text": {"en": "Synthetic", "zh-Hans": "合成"}},
    }
    return make_bundle(
        Bundle(
            number=1,
            issued=int(NOW.timestamp()) - 60,
            expires=int(NOW.timestamp()) + 86_400,
            keys=(
                KeyEntry(kid=ISSUER.kid, key=ISSUER.spki, purpose="pass"),
                KeyEntry(kid=COUNTRY.kid, key=COUNTRY.spki, purpose="hcert", issuer="AT"),
            ),
            status=(StatusEntry("", 1, 1, build(1, 1 << 20, []).pack()),),
            mandates=(canonical_json(mandate) + b"\n\n",),
        ),
        ROOTS,
    )


def render(text: str, rng: np.random.Generator) -> np.ndarray:
    """One hand-held frame."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    picture = Image.fromarray(np.array(code.to_image(scale=int(rng.integers(3, 6)))))
    angle = float(rng.uniform(-20, 20))
    turned = picture.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    paper = Image.new("L", picture.size, 255).rotate(angle, expand=True)
    ground = Image.fromarray(rng.integers(60, 200, (18, 32)).astype(np.uint8)).resize((1280, 720))
    place = int(rng.integers(max(1, 1280 - turned.width))), int(rng.integers(max(1, 720 - turned.height)))
    ground.paste(turned.point(lambda grey: int(grey * 0.82 + 22)), place, paper)
    soft = np.asarray(ground.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    return np.clip(soft + rng.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)


def percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    return {
        f"{name}p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 2),
        f"{name}p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 2),
    }


def raw_verify(seconds: float = 1.0) -> float:
    """ES256 checks a second of `cryptography` alone, one core."""
    key = ec.generate_private_key(ec.SECP256R1())
    message, how, public = b"x" * 150, ec.ECDSA(SHA256()), key.public_key()
    signature, n, began = key.sign(message, how), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        public.verify(signature, message, how)
        n += 1
    return n / (time.perf_counter() - began)


def raw_fsync(folder: Path, times: int) -> list[float]:
    """Seconds of one append of two journal pages and its fsync, on the journal's disk."""
    found = []
    with (folder / "raw").open("ab", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(8240))
            os.fsync(file.fileno())
            found.append(time.perf_counter() - began)
    return found


def terminal(folder: Path, relay: str, told: list[dict[str, Any]]) -> Gate:
    """A gate as it runs at a door, but for camera and screen."""
    write_whole(folder / "snapshot.cbor", snapshot())
    lists = Lists(folder / "snapshot.cbor", [root.public_key for root in ROOTS], 2)
    journal = Journal(folder / "journal.db")
    return Gate(lists, journal, Clock(), Memory(secrets.token_bytes(32)), LcusRelay(relay), told.append)


def main() -> None:
    """Render, run, compare."""
    rng = np.random.default_rng(2026)
    texts = [a_pass(n) if n % 2 else a_certificate(n) for n in range(FRAMES)]
    frames = [render(text, rng) for text in texts]
    whole: list[float] = []
    parts: dict[str, list[float]] = {"decode": [], "decide_commit_open": []}
    fsyncs: list[float] = []
    told: list[dict[str, Any]] = []
    missed = wrong = 0
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as home:
        gate = terminal(Path(home), os.ttyname(theirs), told)
        os.read(ours, 4)
        for number, (frame, text) in enumerate(zip(frames, texts, strict=True)):
            at, before = ticks(), time.perf_counter()
            seen = read_frame(frame, number)
            middle = time.perf_counter()
            if text not in seen.texts:
                missed += 1
                continue
            told.clear()
            gate.handle(Scan(seen.texts[0], at))
            while os.read(ours, 4) != lcus_frame(1, True):
                pass
            after = time.perf_counter()
            wrong += [line["outcome"] for line in told] != ["clear"]
            whole.append(after - before)
            parts["decode"].append(middle - before)
            parts["decide_commit_open"].append(after - middle)
            fsyncs += raw_fsync(Path(home), 1)
        print(f"{len(whole)} of {FRAMES} frames read and decided, {missed} missed, {wrong} wrong")
        counts = gate.journal.read(lambda c: c.execute("SELECT sum(n) FROM counter").fetchone()[0], 0)
        assert counts == len(whole), "every decision is in the journal"
    rate = raw_verify()
    found: dict[str, Any] = {"bench": "gate", "frames": FRAMES, "missed": missed, "wrong": wrong}
    found |= percentiles("", whole)
    for name, seconds in parts.items():
        found |= percentiles(f"{name}_", seconds)
    found |= percentiles("raw_fsync_", fsyncs)
    found["raw_es256_verify_per_s"] = round(rate)
    found["decide_to_raw_fsync"] = round(found["decide_commit_open_p50_ms"] / found["raw_fsync_p50_ms"], 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
