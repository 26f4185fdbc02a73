"""A synthetic club with two doors, its members and their phones. Every key is made for one run."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials import doorbell
from pratique.credentials.jose import b64url
from pratique.credentials.keys import Ed25519Signer, Es256Signer, new_signer
from pratique.credentials.membership import present
from pratique.credentials.trust import make_bundle
from pratique.gate.lists import Loaded, load
from pratique.membership import register as reg
from pratique.membership.model import Register

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # Tuesday, 09:00 in Shanghai
CLUB = Text("Harbour Rowing Club", "海港赛艇俱乐部")
NORTH, SOUTH = Text("North door", "北门"), Text("South door", "南门")


def es256() -> Es256Signer:
    made = new_signer("ES256")
    assert isinstance(made, Es256Signer)
    return made


def ed25519() -> Ed25519Signer:
    made = new_signer("Ed25519")
    assert isinstance(made, Ed25519Signer)
    return made


def point(signer: Es256Signer) -> bytes:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), signer.public_key)
    return doorbell.point_of(key)


def wallet_key(signer: Es256Signer) -> str:
    return f"PQK1:{b64url(point(signer))}"


class Club:
    """The organisation, in memory."""

    def __init__(self, **door: Any) -> None:
        self.member, self.root = es256(), ed25519()
        self.gates = [ed25519(), ed25519()]
        self.register = Register(CLUB, "Asia/Shanghai")
        for gate, name in zip(self.gates, (NORTH, SOUTH), strict=True):
            key = f"PQD1:{b64url(gate.public_key)}"
            self.register, _ = reg.with_door(self.register, key, name, **door)

    def joins(
        self, phone: Es256Signer, label: str = "7", now: datetime = NOW, days: float = 30, **changes: Any
    ) -> bytes:
        """A membership for this phone."""
        self.register, made = reg.with_member(
            self.register,
            self.member,
            wallet_key(phone),
            label,
            now - timedelta(hours=1),
            timedelta(days=days),
            **changes,
        )
        return made

    def lists(self, now: datetime = NOW) -> bytes:
        """The next signed list."""
        self.register, bundle = reg.lists_for_gates(self.register, self.member, self.member.spki, now)
        return make_bundle(bundle, [self.root])

    def loaded(self, now: datetime = NOW, door: int = 0) -> Loaded:
        return load(self.lists(now), (self.root.public_key,), 1, 0, now, door_key=self.gates[door].public_key)

    def keys(self) -> dict[bytes, list[ec.EllipticCurvePublicKey]]:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.member.public_key)
        return {self.member.kid: [key]}


def moment(now: datetime = NOW) -> Moment:
    return Moment(now, secrets.token_bytes)


def shows(phone: Es256Signer, *chain: bytes, at: datetime = NOW, nonce: bytes | None = None) -> str:
    """What a phone shows."""
    return present(phone, chain, at, nonce)
