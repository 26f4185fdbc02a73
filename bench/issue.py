"""Claim: issuing (contents, CBOR, signature, compression, base45) at 0.35 of bare signing; QR pictures at 700 a second.

Peer: `cryptography` signing the same bytes with P-256 in the same run, alternating round by round, CPU time.
Beside it segno, the common writer of QR codes.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import segno
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pratique.credentials import pq1, qr
from pratique.credentials.issue import issue_hcert
from pratique.credentials.keys import Es256Signer

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
PART, ROUNDS, PICTURES = 100, 40, 40


def certificate(number: int) -> dict[str, Any]:
    """A synthetic vaccination certificate."""
    entry = {
        "tg": "840539006",
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": "2025-11-18",
        "co": "AT",
        "is": "Ministry of Health, Austria",
        "ci": f"URN:UVCI:01:AT:{number:032X}#B",
    }
    name = {"fn": "Muster-Beispiel", "fnt": "MUSTER<BEISPIEL", "gn": "Erika Maria", "gnt": "ERIKA<MARIA"}
    return {"ver": "1.3.0", "nam": name, "dob": "1998-02-26", "v": [entry]}


def seconds(act: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    act()
    return time.process_time() - start


def main() -> None:
    """Print the table and the JSON line."""
    private = ec.generate_private_key(ec.SECP256R1())
    issuer, how = Es256Signer(private), ec.ECDSA(SHA256())
    holders = [Es256Signer(ec.generate_private_key(ec.SECP256R1())).public_key for _ in range(PART)]
    certificates = [certificate(n) for n in range(PART)]
    messages = [b"%0400d" % n for n in range(PART)]
    ends = NOW + timedelta(hours=24)
    text = issue_hcert(issuer, certificates[0], "AT", NOW, ends)

    def peer() -> None:
        for message in messages:
            private.sign(message, how)

    def hcerts() -> None:
        for content in certificates:
            issue_hcert(issuer, content, "AT", NOW, ends)

    def passes() -> None:
        for number, holder in enumerate(holders):
            pq1.issue_pass(issuer, holder, pq1.CLEAR, NOW, ends, (1, number))

    def paper() -> None:
        for number in range(PART):
            pq1.paper(pq1.issue_pass(issuer, None, pq1.CLEAR, NOW, ends, (1, number)))

    def pictures() -> None:
        for _ in range(PICTURES):
            qr.to_png(qr.write(text), 4)

    def segno_pictures() -> None:
        for _ in range(PICTURES // 8):
            segno.make(text, error="m", micro=False, boost_error=False)

    for act in (peer, hcerts, passes, paper, pictures, segno_pictures):
        act()
    rounds = [tuple(seconds(act) for act in (peer, hcerts, passes, paper)) for _ in range(ROUNDS)]
    sign_s, hcert_s, pass_s, paper_s = (
        statistics.median(column) / PART for column in zip(*rounds, strict=True)
    )
    drawn = [(seconds(pictures) / PICTURES, seconds(segno_pictures) / (PICTURES // 8)) for _ in range(7)]
    picture_s, segno_s = (statistics.median(column) for column in zip(*drawn, strict=True))
    hcert_ratio, pass_ratio = (statistics.median(row[0] / row[n] for row in rounds) for n in (1, 2))
    quiet_sign, quiet_hcert = (min(column) for column in list(zip(*rounds, strict=True))[:2])
    print(f"cryptography P-256 sign alone     {1 / sign_s:9.0f}/s")
    print(
        f"HC1 issued, {len(text)} characters        {1 / hcert_s:9.0f}/s   ratio {hcert_ratio:.3f}"
        f"   of the quietest rounds {quiet_sign / quiet_hcert:.3f}"
    )
    print(f"PQ1 pass issued                   {1 / pass_s:9.0f}/s   ratio {pass_ratio:.3f}")
    print(f"PQ1 on paper, as text             {1 / paper_s:9.0f}/s")
    print(
        f"QR code with PNG, level M         {1 / picture_s:9.0f}/s   {segno_s / picture_s:.1f} times segno without PNG"
    )
    line = {
        "claim": "HC1 issued without picture, one core, over bare P-256 signing",
        "ours": round(1 / hcert_s),
        "peer": round(1 / sign_s),
        "peer_name": "cryptography ECDSA P-256 sign",
        "ratio": round(hcert_ratio, 3),
        "ratio_of_quietest": round(quiet_sign / quiet_hcert, 3),
        "pass_per_s": round(1 / pass_s),
        "pass_ratio": round(pass_ratio, 3),
        "paper_per_s": round(1 / paper_s),
        "pictures_per_s": round(1 / picture_s),
        "pictures_over_segno": round(segno_s / picture_s, 1),
        "unit": "credentials/s",
        "runs": ROUNDS,
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
