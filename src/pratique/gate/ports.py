"""What a maker of hardware writes against: one small protocol for each thing that can stand at a door.

A driver is a class in any package, named on the command line as `python:PACKAGE.MODULE:CLASS[:ARGUMENT]`. It gets
the argument as its only parameter. It is told what to do and what to show, never who stands there: no port carries a
code, a name or a time, so that no driver can keep one (law 4). docs/gate-sdk.md has an example in forty lines.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pratique.core.text import Text

FOREIGN = "python:"


class DoorFault(Exception):  # noqa: N818 - names what is wrong
    """The door does not take its command."""


@runtime_checkable
class Relay(Protocol):
    """Opens the way in; the way out is never a relay's business (fire rule). Each raises DoorFault where the command
    did not go out; `check` is asked once a second and raises it where the door does not answer any more."""

    def open(self) -> None: ...
    def shut(self) -> None: ...
    def check(self) -> None: ...


class Sign(NamedTuple):
    """What a lamp, a voice or a printer is told: the words of the screen. `outcome` and `reason` are "" at rest."""

    state: str
    lamp: str
    outcome: str
    reason: str
    text: Text


@runtime_checkable
class Teller(Protocol):
    """A lamp, a voice, a printer. `tell` gets each new sign in a thread of its own and may take its time; a sign that
    came and went meanwhile is left out. Raises OSError where the thing does not answer: the gate goes on."""

    def tell(self, sign: Sign) -> None: ...


class Warmth(NamedTuple):
    """One raw reading in °C and cm. What a sensor does not measure is None, never 0."""

    object_c: float | None
    ambient_c: float | None
    distance_cm: float | None = None
    reference_c: float | None = None


@runtime_checkable
class Thermometer(Protocol):
    """A skin thermometer. `read` waits for the next raw reading. Raises OSError where it does not answer."""

    def read(self) -> Warmth: ...


def foreign(name: str, port: type) -> Any:
    """A maker's driver from `python:PACKAGE.MODULE:CLASS[:ARGUMENT]`.

    Raises ValueError with one sentence where it cannot be had or lacks a method of `port`.
    """
    place, _, rest = name.removeprefix(FOREIGN).partition(":")
    maker, _, argument = rest.partition(":")
    try:
        make: Callable[[str], Any] = getattr(import_module(place), maker)
        made = make(argument)
    except (ImportError, AttributeError, ValueError, OSError) as fault:
        raise ValueError(f"{name}: the driver cannot be had: {fault}") from None
    if not isinstance(made, port):
        raise ValueError(f"{name}: the driver lacks a method of {port.__name__}: see docs/gate-sdk.md")
    return made
