"""The doors of an organisation, as its snapshot tells its gates: signed configuration, no mandate, no person. Pure.

    Bundle.door = CBOR {"organisation": {"en", "zh-Hans"}, "zone", "stale", "doors": [
                        {"number", "certificate": bstr, "visitors": bool, "receipts": bool}, …]}

A gate finds which door it is by its own key in a certificate. A bundle with doors carries no mandate and no policy,
and one with a mandate no doors: what is for an epidemic and what is for a club are never in one file.
"""

from hashlib import sha256
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import UnsetType

from pratique.core.canonical import canonical_cbor
from pratique.core.text import Text
from pratique.credentials.cbor import read_exact
from pratique.credentials.challenge import GateCertificate, read_certificate
from pratique.credentials.cose import public_key
from pratique.credentials.reasons import BadTrust, CredentialError
from pratique.credentials.snapshot import Bundle, Snapshot


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One door: number, what its gate is (challenge.py), whether it lets in visitors and hands out receipts."""

    number: int
    certificate: bytes
    visitors: bool = True
    receipts: bool = True


class Doors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All doors of an organisation. `stale`: what gates do when this file is older than it may be."""

    organisation: Text
    zone: str
    doors: tuple[Door, ...]
    stale: Literal["admit", "see-staff"] = "admit"


class OwnDoor(NamedTuple):
    """The door that a gate is, and where."""

    organisation: Text
    place: Text
    zone: ZoneInfo
    stale: str
    door: Door


def doors_bytes(doors: Doors) -> bytes:
    """As it goes into a bundle."""
    return canonical_cbor(msgspec.to_builtins(doors, builtin_types=(bytes,)))


def read_doors(raw: bytes) -> Doors:
    """Raises BadTrust for anything but doors, or a zone that is not known."""
    try:
        doors = msgspec.convert(read_exact(raw), Doors, builtin_types=(bytes,))
        ZoneInfo(doors.zone)
    except (CredentialError, msgspec.ValidationError, ZoneInfoNotFoundError, ValueError):
        raise BadTrust("the doors are not of the known form") from None
    numbers = [door.number for door in doors.doors]
    if len(set(numbers)) != len(numbers) or not all(0 < number < 65536 for number in numbers):
        raise BadTrust("a door has a number of its own, from 1")
    return doors


def own_door(snapshot: Snapshot, device_key: bytes) -> OwnDoor | None:
    """The door of the gate with this key; None where the snapshot has no door for it. Raises BadTrust."""
    bundle = snapshot.bundle
    if isinstance(bundle.door, UnsetType):
        return None
    if bundle.mandates or bundle.policy is not None:
        raise BadTrust("a bundle is for an epidemic or for doors, never for both")
    doors = read_doors(bundle.door)
    for door in doors.doors:
        certificate = certificate_of(bundle, door)
        if certificate.device_key == device_key:
            return OwnDoor(doors.organisation, certificate.place, ZoneInfo(doors.zone), doors.stale, door)
    return None


def certificate_of(bundle: Bundle, door: Door) -> GateCertificate:
    """What a door's gate is. Raises BadTrust where no key of the bundle signed it."""
    try:
        return read_certificate(door.certificate, organisation_keys(bundle))
    except CredentialError:
        raise BadTrust(f"door {door.number} has no certificate of the organisation") from None


def gate_of(device_key: bytes) -> bytes:
    """The id of a door's gate: of its own key, since nobody else gives it one."""
    return sha256(b"pratique-door\n" + device_key).digest()[:16]


def organisation_keys(bundle: Bundle) -> dict[bytes, list[ec.EllipticCurvePublicKey]]:
    """The keys that sign memberships and doors, by key id."""
    found: dict[bytes, list[ec.EllipticCurvePublicKey]] = {}
    for entry in bundle.keys:
        key = public_key(entry.key) if entry.purpose == "member" else None
        if isinstance(key, ec.EllipticCurvePublicKey):
            found.setdefault(entry.kid, []).append(key)
    return found
