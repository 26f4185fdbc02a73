"""A relay on a GPIO line of the box itself, through the kernel's character device (libgpiod)."""

from pratique.gate.ports import DoorFault


class GpioRelay:
    """`chip` as /dev/gpiochip0, `line` by number. High opens."""

    def __init__(self, chip: str, line: int) -> None:
        """Raises ValueError where the library is missing or the line is not to be had."""
        try:
            import gpiod
            from gpiod.line import Direction, Value
        except ImportError:
            raise ValueError("GPIO needs one more package: pip install gpiod") from None
        self._line, self._high, self._low = line, Value.ACTIVE, Value.INACTIVE
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.INACTIVE)
        try:
            self._request = gpiod.request_lines(chip, consumer="pratique", config={line: settings})
        except (OSError, ValueError) as fault:
            raise ValueError(f"{chip} line {line}: {fault}") from None

    def open(self) -> None:
        """Line high."""
        self._set(self._high)

    def shut(self) -> None:
        """Line low."""
        self._set(self._low)

    def check(self) -> None:
        """A line says nothing of the door behind it."""

    def _set(self, value: object) -> None:
        try:
            self._request.set_value(self._line, value)
        except OSError as fault:
            raise DoorFault(f"GPIO line {self._line} does not take its value") from fault
