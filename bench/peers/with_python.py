"""Other people's verifiers of HC1 in Python, beside `cryptography` alone, in an environment of their own.

Run by bench/verify.py: takes texts and public keys as JSON on standard input, prints rates as JSON. Each peer does what
its documentation shows for a certificate: base45, zlib, COSE signature, claims.
"""

import json
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

import base45
import cbor2
import cwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pycose.keys import EC2Key
from pycose.keys.curves import P256
from pycose.messages import CoseMessage

ROUNDS = 5


def main() -> None:
    given = json.load(sys.stdin)
    texts: list[str] = given["texts"]
    points = {
        bytes.fromhex(row["kid"]): (bytes.fromhex(row["x"]), bytes.fromhex(row["y"])) for row in given["keys"]
    }
    raw = [_raw(text, points) for text in texts]
    of_cwt = [cwt.COSEKey.new({1: 2, -1: 1, -2: x, -3: y, 2: kid, 3: -7}) for kid, (x, y) in points.items()]
    of_pycose = {kid: EC2Key(crv=P256, x=x, y=y) for kid, (x, y) in points.items()}
    how = ec.ECDSA(SHA256())

    def bare(n: int) -> None:
        key, signature, message = raw[n]
        key.verify(signature, message, how)

    def with_cwt(n: int) -> None:
        cwt.decode(zlib.decompress(base45.b45decode(texts[n][4:])), of_cwt)

    def with_pycose(n: int) -> None:
        message = CoseMessage.decode(zlib.decompress(base45.b45decode(texts[n][4:])))
        message.key = of_pycose[_kid(message)]
        if not message.verify_signature():
            raise SystemExit("pycose refused a good certificate")
        cbor2.loads(message.payload)

    rates: dict[str, list[float]] = {"raw": [], "cwt": [], "pycose": []}
    for _ in range(ROUNDS):
        for name, act, count in (("raw", bare, 200), ("cwt", with_cwt, 100), ("pycose", with_pycose, 10)):
            rates[name].append(_rate(act, count))
    found: dict[str, Any] = {"python": {name: statistics.median(values) for name, values in rates.items()}}
    print(json.dumps(found["python"]))


def _kid(message: Any) -> bytes:
    from pycose.headers import KID

    return bytes(message.phdr[KID])


def _raw(text: str, points: dict[bytes, tuple[bytes, bytes]]) -> tuple[Any, bytes, bytes]:
    protected, _, payload, signature = cbor2.loads(zlib.decompress(base45.b45decode(text[4:]))).value
    x, y = points[cbor2.loads(protected)[4]]
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    return key, encode_dss_signature(r, s), cbor2.dumps(["Signature1", protected, b"", payload])


def _rate(act: Callable[[int], None], count: int) -> float:
    start = time.process_time()
    for n in range(count):
        act(n)
    return count / (time.process_time() - start)


if __name__ == "__main__":
    main()
