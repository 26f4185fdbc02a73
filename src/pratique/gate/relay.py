"""The door's relay by its name on the command line. Open means: the way in is free."""

from pratique.gate.drivers.lcus import LcusRelay
from pratique.gate.ports import FOREIGN, Relay, foreign


class NoRelay:
    """A gate with a screen only."""

    def open(self) -> None:
        """Nothing to open."""

    def shut(self) -> None:
        """Nothing to shut."""

    def check(self) -> None:
        """Nothing to ask."""


def relay_for(name: str) -> Relay:
    """`serial:PATH[:CHANNEL]`, `osdp:PATH:ADDRESS:KEYFILE`, `gpio:CHIP:LINE`, `python:…`, or empty for none.

    Raises ValueError with one sentence for anything else.
    """
    if not name:
        return NoRelay()
    if name.startswith(FOREIGN):
        made: Relay = foreign(name, Relay)
        return made
    kind, *rest = name.split(":")
    match kind, rest:
        case "serial", [path] if path:
            return LcusRelay(path)
        case "serial", [path, channel] if channel.isdecimal() and 1 <= int(channel) <= 8:
            return LcusRelay(path, int(channel))
        case "osdp", [path, address, key] if address.isdecimal() and int(address) < 127:
            from pratique.gate.drivers.osdp import OsdpRelay, read_key

            return OsdpRelay(path, int(address), read_key(key))
        case "gpio", [chip, line] if line.isdecimal():
            from pratique.gate.drivers.gpio import GpioRelay

            return GpioRelay(chip, int(line))
    raise ValueError(
        "a relay is serial:PATH[:CHANNEL 1 to 8], osdp:PATH:ADDRESS:KEYFILE, gpio:CHIP:LINE "
        "or python:PACKAGE.MODULE:CLASS"
    )
