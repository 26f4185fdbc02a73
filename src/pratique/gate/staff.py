"""Staff at the gate: a PIN opens maintenance, or admits one person by hand. Kept as a slow hash, locked after five
wrong tries. Nothing tells who typed it: the gate counts `staff/admitted`, and that is all (law 4).
"""

import hmac
import json
import os
import threading
from collections.abc import Callable
from hashlib import scrypt
from pathlib import Path
from typing import Literal, NamedTuple

PIN = "staff.pin"
TRIES, LOCKED_FOR = 5, 300.0
LEAST = 6

Act = Literal["admit", "maintenance", "touch", "leave"]
ACTS: tuple[Act, ...] = ("admit", "maintenance", "touch", "leave")
FREE_ACTS = frozenset({"touch", "leave"})  # to stay in maintenance, or to end it, needs no PIN


class Staffed(NamedTuple):
    """Staff proved the PIN and want this."""

    act: Act


def set_pin(home: Path, pin: str, chance: Callable[[int], bytes] = os.urandom) -> None:
    """Keep a new PIN. Raises ValueError for one that is too short or not digits."""
    if not pin.isdecimal() or len(pin) < LEAST or len(set(pin)) < 3:
        raise ValueError("a PIN is six digits or more, of three kinds at least")
    salt = chance(16)
    draft = home / (PIN + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"salt": salt.hex(), "hash": _slow(pin, salt).hex()}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(home / PIN)


class Door:
    """Asks for the PIN. Owned by the screen's threads; `now` is running time in seconds."""

    def __init__(self, home: Path) -> None:
        self._path = home / PIN
        self._wrong, self._until = 0, float("-inf")
        self._one_at_a_time = threading.Lock()

    def opens(self, pin: str, now: float) -> bool | None:
        """True for the right PIN, False for a wrong one, None while locked or where no PIN was ever set."""
        with self._one_at_a_time:
            return self._asked(pin, now)

    def _asked(self, pin: str, now: float) -> bool | None:
        if now < self._until:
            return None
        try:
            kept = json.loads(self._path.read_text())
            salt, right = bytes.fromhex(kept["salt"]), bytes.fromhex(kept["hash"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if hmac.compare_digest(_slow(pin, salt), right):
            self._wrong = 0
            return True
        self._wrong += 1
        if self._wrong >= TRIES:
            self._wrong, self._until = 0, now + LOCKED_FOR
        return False


def _slow(pin: str, salt: bytes) -> bytes:
    return scrypt(pin.encode(), salt=salt, n=1 << 14, r=8, p=1)
