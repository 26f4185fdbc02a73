"""A passkey device in software, as a browser and its authenticator answer: ES256, attestation `none`."""

import json
import secrets
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from pratique.people.binding import to_b64
from pratique.people.passkeys import Assertion


class Device:
    """One authenticator with one credential. Turn its fields to make it misbehave."""

    def __init__(self, party: str = "localhost", origin: str = "http://localhost:8080") -> None:
        self.party, self.origin = party, origin
        self.key = generate_private_key(SECP256R1())
        self.id = secrets.token_bytes(16)
        self.count = 1
        self.verified = True

    def create(self, challenge: str) -> dict[str, Any]:
        """The answer to a registration: `credential`, `client_data`, `attestation`."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        data = self._data(0x40) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return {
            "credential": to_b64(self.id),
            "client_data": self._client("webauthn.create", challenge),
            "attestation": to_b64(attestation),
        }

    def show(self, challenge: str) -> Assertion:
        """The answer to a sign-in or a confirmation."""
        self.count += 1
        client, data = self._client("webauthn.get", challenge), self._data(0)
        raw = json.dumps(self._said("webauthn.get", challenge)).encode()
        signature = self.key.sign(data + sha256(raw).digest(), ECDSA(SHA256()))
        return Assertion(to_b64(self.id), client, to_b64(data), to_b64(signature))

    def _data(self, more: int) -> bytes:
        flags = 0x01 | (0x04 if self.verified else 0) | more
        return sha256(self.party.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _said(self, kind: str, challenge: str) -> dict[str, Any]:
        return {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}

    def _client(self, kind: str, challenge: str) -> str:
        return to_b64(json.dumps(self._said(kind, challenge)).encode())
