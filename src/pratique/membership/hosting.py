"""A host without a wallet: make an invitation, wait for the visitor. The wallet does the same in the browser.

A host's folder holds `holder.key` (the membership's key), `membership.txt` (what the organisation gave), and for each
invitation `NAME.visit.json` with the secret and the key of its doorbell: made for one visit, to be deleted after it.
"""

import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials import doorbell, membership
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.keys import Es256Signer, load_or_create_signer
from pratique.credentials.membership import Bell, invite, paper
from pratique.credentials.reasons import CredentialError
from pratique.credentials.receipt import Ring, read_ring
from pratique.membership import texts
from pratique.membership.offer import Offer, Visit, read_offer, visit_text

KEY, MEMBERSHIP = "holder.key", "membership.txt"


class Awaited(msgspec.Struct, frozen=True):
    """What a host keeps of an invitation. All base64url: the box's secret, the private key, the invitation's hash."""

    secret: str
    key: str
    visit: str


class Sent(NamedTuple):
    """What the visitor gets: a link's part behind `#`, or the text of a paper's code."""

    link: str
    paper: str
    awaited: Awaited


def holder_of(home: Path) -> Es256Signer:
    """The key of a host's folder, made at first use."""
    signer = load_or_create_signer(home / KEY, "ES256")
    if not isinstance(signer, Es256Signer):
        raise Refusal("BAD_KEY", "home", texts.BAD_WALLET_KEY)
    return signer


def wallet_key(signer: Es256Signer) -> str:
    """What the organisation asks for."""
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), signer.public_key)
    return f"PQK1:{b64url(doorbell.point_of(point))}"


def kept_offer(home: Path) -> Offer:
    """The membership in a host's folder. Raises Refusal where there is none."""
    try:
        return read_offer((home / MEMBERSHIP).read_text().strip())
    except (OSError, CredentialError):
        raise Refusal("NO_HOST", "home", texts.NO_HOST) from None


def make_invitation(
    signer: Es256Signer,
    offer: Offer,
    moment: Moment,
    begins: datetime,
    expires: datetime,
    *,
    doors: tuple[int, ...] = (),
    on_paper: bool = False,
) -> Sent:
    """An invitation with a doorbell of its own. Raises Refusal where the membership may not, or for the times."""
    host = membership.read_membership(offer.membership)
    if not host.hosts:
        raise Refusal("NO_HOST", "home", texts.NO_HOST)
    bell, secret = ec.generate_private_key(ec.SECP256R1()), moment.random(doorbell.SECRET)
    visitor = ec.generate_private_key(ec.SECP256R1())
    at = Bell(doorbell.box_of(secret), doorbell.point_of(bell.public_key()))
    key = None if on_paper else doorbell.point_of(visitor.public_key())
    try:
        made = invite(signer, key, begins, expires, doors=doors, bell=at)
    except CredentialError:
        raise Refusal("BAD_VISIT", "until", texts.BAD_VISIT) from None
    if expires.timestamp() > host.expires:
        raise Refusal("BAD_VISIT", "until", texts.BAD_VISIT)
    chain = (offer.membership, made)
    link = "" if on_paper else visit_text(Visit(chain, _number(visitor), _point(visitor), offer.name))
    awaited = Awaited(b64url(secret), b64url(_number(bell)), b64url(made))
    return Sent(link, paper(chain) if on_paper else "", awaited)


def keep_awaited(path: Path, awaited: Awaited) -> None:
    """For the owner alone."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(awaited))


def heard_ring(awaited: Awaited, sealed: str, organisation: bytes, kid: bytes) -> Ring:
    """A ring, if a door of the organisation made it for this very invitation. Raises CredentialError."""
    number = int.from_bytes(unb64url(awaited.key), "big")
    raw = doorbell.unseal(ec.derive_private_key(number, ec.SECP256R1()), unb64url(sealed))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), organisation)
    ring = read_ring(raw, {kid: [key]})
    if ring.visit != _hash(awaited):
        raise CredentialError("BAD_SIGNATURE", "a ring for another invitation")
    return ring


def place_name(ring: Ring) -> Text:
    """Which door rings."""
    return ring.certificate.place


def _hash(awaited: Awaited) -> bytes:
    return sha256(unb64url(awaited.visit)).digest()


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _number(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")
