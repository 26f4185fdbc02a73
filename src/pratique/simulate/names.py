"""The ids of the replayed day, each a digest of the seed and a number: what is sent can be known again afterwards."""

from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique.core.check37 import check_character
from pratique.core.ids import ALPHABET, encode_id


def _digest(seed: int, kind: str, n: int) -> bytes:
    return sha256(f"{seed}/{kind}/{n}".encode()).digest()


def subject(seed: int, n: int) -> str:
    """The id of person n."""
    return encode_id(_digest(seed, "subject", n)[:16])


def event(seed: int, tube: int) -> str:
    """The id of the event that seals a tube."""
    return encode_id(_digest(seed, "event", tube)[:16])


def code(seed: int, tube: int) -> str:
    """A tube code; drawn again where its check character is awkward."""
    raw = _digest(seed, "tube", tube)
    while True:
        drawn = "T" + "".join(ALPHABET[byte & 31] for byte in raw[:10])
        if (check := check_character(drawn)) not in "ILOU":
            return drawn + check
        raw = sha256(raw).digest()


def device_key(seed: int, site: int) -> Ed25519PrivateKey:
    """The signing key of a site's device."""
    return Ed25519PrivateKey.from_private_bytes(_digest(seed, "device", site))


def chance_of_subjects(seed: int, first: int) -> Callable[[int], bytes]:
    """Chance for `Moment` that makes the ids of people from `first` on, one a call."""
    at = first

    def random(n: int) -> bytes:
        nonlocal at
        at += 1
        return _digest(seed, "subject", at - 1)[:n]

    return random
