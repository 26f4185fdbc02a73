"""The protocol behind which every private key stands: who signs sees a name and a method, never the key."""

from typing import Protocol


class Signer(Protocol):
    """`kid` names the key; `sign` returns the raw signature (Ed25519: 64 bytes; ES256: r‖s, 64 bytes)."""

    @property
    def kid(self) -> bytes: ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...
