"""Words that two screens show so that a person sees: this device talks to this server, and nobody stands between. Pure.

Five of 256 words, from the device's key, the server's root keys and the one-time token. Whoever stands between can try
other keys until the words agree; so each try costs 200,000 rounds of PBKDF2, and a token lives 15 minutes. A link also
carries the hash of the root keys: then no server but that one is taken at all.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path

from pratique.core.text import Text
from pratique.credentials.jose import b64url

WORDS = 5
ROUNDS = 200_000
_SALT = b"pratique-pairing"


def roots_hash(roots: Sequence[bytes], quorum: int) -> str:
    """What an enrolment link says of the root keys (32 bytes each) and how many must sign: base64url of SHA-256."""
    return b64url(sha256(_roots(roots, quorum)).digest())


def pairing(device_key: bytes, roots: Sequence[bytes], quorum: int, token: str) -> bytes:
    """Five bytes, one for each word. Takes a tenth of a second on purpose: not for a thread that others wait for."""
    return pbkdf2_hmac("sha256", device_key + token.encode() + _roots(roots, quorum), _SALT, ROUNDS, WORDS)


def pairing_words(chosen: bytes) -> Text:
    """The words of `pairing`, in both languages."""
    english, chinese = _lists()
    return Text(" ".join(english[byte] for byte in chosen), " ".join(chinese[byte] for byte in chosen))


def _roots(roots: Sequence[bytes], quorum: int) -> bytes:
    return b"pratique-roots\n" + bytes((quorum,)) + b"".join(sorted(roots))


@lru_cache
def _lists() -> tuple[list[str], list[str]]:
    found = json.loads(Path(__file__).with_name("pairing.json").read_text(encoding="utf-8"))
    return found["en"], found["zh-Hans"]
