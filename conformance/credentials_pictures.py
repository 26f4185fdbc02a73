"""Pictures of QR codes (`qr-images`): what must be read is read, and listed keys' signatures are good."""

import json
from collections.abc import Iterable
from pathlib import Path

from conformance.credentials_dcc import clock
from conformance.tally import Tally
from pratique.credentials import base45, hcert
from pratique.credentials.cose import header, unwrap
from pratique.credentials.qr import read_picture
from pratique.credentials.reasons import CredentialError
from pratique.credentials.sources import read_source
from pratique.credentials.trust import snapshot_of
from pratique.credentials.verify import verify


def run(creds: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """Pictures read; headers as observed; signatures of listed keys."""
    trust = snapshot_of(read_source((creds / "dcc-vectors" / "trustlist.json").read_bytes()))
    read, seen, signed = Tally("qr-images read"), Tally("qr-images observed"), Tally("qr-images signatures")
    for row in json.loads((creds / "qr-images" / "index.json").read_bytes()):
        texts = _texts(creds / "qr-images" / row["png"])
        expected = [] if row["expect"] == "unreadable" else [row["expect"]]
        read.check(row["png"], expected, texts)
        observed = row.get("observed")
        if not observed or not texts or not texts[0].startswith("HC1:"):
            continue
        sign1 = unwrap(hcert.inflate(base45.decode(texts[0][4:])))
        head = header(sign1)
        if "kid" in observed:
            seen.check(row["png"], (observed["kid"], observed["alg"]), (head.kid.hex(), head.alg))
        if observed.get("dsc") == "listed":
            outcome = verify(texts[0], clock("2021-07-01T00:00:00Z"), trust)
            signed.check(f"{row['png']} {outcome.reason}", True, outcome.stages.signature)
    yield read.row()
    yield seen.row()
    yield signed.row()


def _texts(path: Path) -> list[str]:
    try:
        return read_picture(path.read_bytes())
    except CredentialError:
        return []
