"""Private keys in files: what stands behind `core.signer.Signer` where there is no key service.

A key file is PKCS #8 PEM, readable by its owner alone. The rest of the room never sees a private key.
"""

import os
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pratique.credentials.cose import from_der, kid_of, spki
from pratique.credentials.reasons import BadTrust

Algorithm = Literal["ES256", "Ed25519"]


class Es256Signer:
    """Signs with one P-256 key; signatures are r‖s, 64 bytes. `public_key` is the 65-byte point."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._key = private_key
        self._how = ec.ECDSA(SHA256())
        public = private_key.public_key()
        self.spki = spki(public)
        self.kid = kid_of(self.spki)
        self.public_key = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, message: bytes) -> bytes:
        return from_der(self._key.sign(message, self._how))


class Ed25519Signer:
    """Signs with one Ed25519 key. `public_key` is the raw 32 bytes."""

    def __init__(self, private_key: ed25519.Ed25519PrivateKey) -> None:
        self._key = private_key
        public = private_key.public_key()
        self.spki = spki(public)
        self.kid = kid_of(self.spki)
        self.public_key = public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def new_signer(algorithm: Algorithm = "ES256") -> Es256Signer | Ed25519Signer:
    """A signer with a fresh key that lives in memory only."""
    if algorithm == "ES256":
        return Es256Signer(ec.generate_private_key(ec.SECP256R1()))
    return Ed25519Signer(ed25519.Ed25519PrivateKey.generate())


def load_signer(path: Path) -> Es256Signer | Ed25519Signer:
    """The signer of a key file. Raises BadTrust for another kind of key or a file that others can read."""
    try:
        mode, pem = path.stat().st_mode, path.read_bytes()
    except OSError as fault:
        raise BadTrust(f"{path.name} cannot be read: {fault.strerror}") from None
    if mode & 0o077:
        raise BadTrust(f"{path.name} can be read by others: chmod 600")
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise BadTrust(f"{path.name} is not an unencrypted PEM private key") from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return Es256Signer(key)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(key)
    raise BadTrust(f"{path.name} holds neither a P-256 nor an Ed25519 key")


def load_or_create_signer(path: Path, algorithm: Algorithm = "ES256") -> Es256Signer | Ed25519Signer:
    """The signer of `path`; where the file does not exist, a fresh key is written there with mode 0600."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else ed25519.Ed25519PrivateKey.generate()
        )
        pem = fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return load_signer(path)  # another process was first: its key counts
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    return load_signer(path)
