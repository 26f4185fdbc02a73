"""What the doorbell's routes take and give. All bytes are base64url."""

import msgspec


class Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ring, sealed to the host. The box stands here and not in the address, which whatever stands before a server may
    write down."""

    box: str
    sealed: str


class Reached(msgspec.Struct, frozen=True):
    """True if a host heard it."""

    reached: bool


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret whose hash names the box."""

    secret: str


class RingOut(msgspec.Struct, frozen=True):
    """One ring that stands."""

    id: str
    sealed: str


class Rings(msgspec.Struct, frozen=True):
    """What rings now."""

    rings: tuple[RingOut, ...]


class Hears(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This ring was heard."""

    secret: str
    id: str


class Heard(msgspec.Struct, frozen=True):
    """False where the ring no longer stood: the door was told that nobody was reached."""

    stood: bool
