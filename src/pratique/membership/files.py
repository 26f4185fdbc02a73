"""An organisation's folder: its register, its two keys, what it publishes, what members hand in.

`register.json`, `member.key`, `root.key` are readable by their owner alone; `organisation.json` and `snapshot.cbor` are
for everybody: any web server may serve them.
"""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.credentials.jose import b64url
from pratique.credentials.keys import Ed25519Signer, Es256Signer, load_or_create_signer, load_signer
from pratique.credentials.trust import make_bundle
from pratique.membership import texts
from pratique.membership.model import Register
from pratique.membership.register import lists_for_gates

REGISTER, MEMBER_KEY, ROOT_KEY = "register.json", "member.key", "root.key"
ORGANISATION, SNAPSHOT = "organisation.json", "snapshot.cbor"


class House:
    """An opened folder. One process writes it at a time; each write is whole."""

    def __init__(self, home: Path) -> None:
        """Raises Refusal where there is no organisation, BadTrust for a key that cannot be used."""
        self.home = home
        try:
            self.register = msgspec.json.decode((home / REGISTER).read_bytes(), type=Register)
        except OSError:
            raise Refusal("NO_ORGANISATION", "home", texts.NO_ORGANISATION) from None
        member, root = load_signer(home / MEMBER_KEY), load_signer(home / ROOT_KEY)
        if not isinstance(member, Es256Signer) or not isinstance(root, Ed25519Signer):
            raise Refusal("NO_ORGANISATION", "home", texts.NO_ORGANISATION)
        self.member, self.root = member, root

    def keys(self) -> dict[bytes, list[ec.EllipticCurvePublicKey]]:
        """The key that signs memberships and doors, by key id."""
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.member.public_key)
        return {self.member.kid: [point]}

    def keep(self, register: Register) -> None:
        """Put the register in place."""
        self.register = register
        _write(self.home / REGISTER, msgspec.json.format(msgspec.json.encode(register)), 0o600)

    def publish(self, now: datetime) -> Path:
        """Sign the next list for the gates."""
        register, bundle = lists_for_gates(self.register, self.member, self.member.spki, now)
        self.keep(register)  # first: a number is never used twice
        _write(self.home / SNAPSHOT, make_bundle(bundle, [self.root]), 0o644)
        return self.home / SNAPSHOT


def found(home: Path, name: Text, zone: str, server: str) -> House:
    """Make an organisation in `home`. Raises Refusal where there is one, or for a zone that does not exist."""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise Refusal("BAD_ZONE", "zone", texts.BAD_ZONE) from None
    if (home / REGISTER).exists():
        raise Refusal("IS_ORGANISATION", "home", texts.IS_ORGANISATION)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    load_or_create_signer(home / MEMBER_KEY, "ES256")
    root = load_or_create_signer(home / ROOT_KEY, "Ed25519")
    public = {
        "name": msgspec.to_builtins(name),
        "roots": [b64url(root.public_key)],
        "quorum": 1,
        "server": server,
    }
    _write(home / ORGANISATION, msgspec.json.format(msgspec.json.encode(public)), 0o644)
    _write(home / REGISTER, msgspec.json.encode(Register(name, zone)), 0o600)
    return House(home)


def _write(path: Path, body: bytes, mode: int) -> None:
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
