"""The copy of a sealed tube that a second phone carries: read by the server alone (pure).

On seal the site's phone shows a code; another phone keeps and hands in what it cannot read. So from the first second
there are two copies. Text: `PQM1:` and base45 (RFC 9285) of

    32 bytes  X25519 public key made for this copy
    n bytes   AES-256-GCM of the manifest, nonce zero (the key is used once), no associated data
    key       HKDF-SHA256(shared secret, salt = that key ‖ the server's, info "pratique-manifest-1")

Manifest: u8 form 1 · 16 id · u8 length, code · 16 device · u8 lane · u32 seq · u8 0 or 32, prev · u48 opened (ms) ·
u48 sealed (ms) · u8 people · each 16 subject, u32 ms since opened · 64 signature. The site is the device's. A tube of
ten is 408 bytes, a code of 69 × 69 modules. The event comes out byte for byte as it was signed.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pratique.core.errors import Refusal
from pratique.core.ids import decode_id, encode_id
from pratique.core.moment import from_ms, to_ms
from pratique.core.text import Text
from pratique.credentials import base45
from pratique.testing.model import Member, TubeEvent

PREFIX = "PQM1:"
LONGEST = 4296  # what a code holds
_INFO = b"pratique-manifest-1"
_ONCE = bytes(12)


def read_copy(private: bytes, text: str, site_of: Callable[[str], str]) -> TubeEvent:
    """The event in a carried copy. `site_of` names the site of a device ("" if unknown). Raises Refusal."""
    try:
        if not text.startswith(PREFIX) or len(text) > LONGEST:
            raise ValueError
        raw = base45.decode(text.removeprefix(PREFIX))
        key = X25519PrivateKey.from_private_bytes(private)
        shared = key.exchange(X25519PublicKey.from_public_bytes(raw[:32]))
        plain = AESGCM(_key(shared, raw[:32], key.public_key().public_bytes_raw())).decrypt(
            _ONCE, raw[32:], None
        )
        return _unpack(plain, site_of)
    except (ValueError, InvalidTag, struct.error, IndexError):
        raise Refusal(
            "BAD_COPY", "copies",
            Text("this is no copy that can be opened here; show the code again", "此副本码无法读取，请重新出示"),
        ) from None  # fmt: skip


def write_copy(event: TubeEvent, server_key: bytes, random: Callable[[int], bytes]) -> str:
    """What the site's phone shows; for peers and tests. Times of the event are whole milliseconds in UTC."""
    once = X25519PrivateKey.from_private_bytes(random(32))
    public = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(server_key))
    return PREFIX + base45.encode(
        public + AESGCM(_key(shared, public, server_key)).encrypt(_ONCE, _pack(event), None)
    )


def _key(shared: bytes, once: bytes, server_key: bytes) -> bytes:
    return HKDF(SHA256(), 32, once + server_key, _INFO).derive(shared)


def _pack(event: TubeEvent) -> bytes:
    opened = _ms(event.opened)
    code, prev = event.code.encode(), bytes.fromhex(event.prev)
    parts = [
        b"\x01", decode_id(event.id), bytes([len(code)]), code, decode_id(event.dev), bytes([event.lane]),
        struct.pack(">I", event.seq), bytes([len(prev)]), prev, opened.to_bytes(6, "big"),
        _ms(event.sealed).to_bytes(6, "big"), bytes([len(event.m)]),
    ]  # fmt: skip
    for member in event.m:
        parts += [decode_id(member.s), struct.pack(">I", _ms(member.at) - opened)]
    return b"".join(parts) + urlsafe_b64decode(event.sig + "==")


def _unpack(raw: bytes, site_of: Callable[[str], str]) -> TubeEvent:
    at = 0

    def take(n: int) -> bytes:
        nonlocal at
        if n < 0 or at + n > len(raw):
            raise ValueError
        at += n
        return raw[at - n : at]

    if take(1) != b"\x01":
        raise ValueError
    event_id, code = encode_id(take(16)), take(take(1)[0]).decode("ascii")
    device, lane = encode_id(take(16)), take(1)[0]
    seq, prev = struct.unpack(">I", take(4))[0], take(take(1)[0]).hex()
    opened, sealed = int.from_bytes(take(6), "big"), int.from_bytes(take(6), "big")
    members = [
        Member(encode_id(take(16)), place, _text(opened + struct.unpack(">I", take(4))[0]))
        for place in range(1, take(1)[0] + 1)
    ]
    sig = urlsafe_b64encode(take(64)).decode().rstrip("=")
    if at != len(raw):
        raise ValueError
    return TubeEvent(
        event_id, code, site_of(device), lane, device, seq, prev, _text(opened), _text(sealed), members, sig
    )


def _ms(text: str) -> int:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if _text(to_ms(at)) != text:
        raise ValueError("times of a carried event are whole milliseconds in UTC")
    return to_ms(at)


def _text(ms: int) -> str:
    """As a browser writes it."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
