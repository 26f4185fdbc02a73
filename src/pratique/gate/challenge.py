"""When a phone's clock and the gate's disagree: a challenge on the screen, with the gate's signed identity and a nonce.

The wallet checks who asks and answers with the nonce; the phone's clock no longer matters. Challenges live in memory
for a minute and are good once: the memory of showings refuses a second answer like any other copy.
"""

from collections.abc import Callable
from datetime import datetime

from pratique.core.ids import decode_id
from pratique.credentials.challenge import OPEN_FOR, make_challenge

MOST = 8  # challenges open at a time


class Challenger:
    """Owned by the loop. `certificate` gives the gate's present certificate, or nothing: then it makes none."""

    def __init__(
        self,
        sign: Callable[[bytes], bytes],
        certificate: Callable[[], bytes | None],
        chance: Callable[[int], bytes],
    ) -> None:
        self._sign, self._certificate, self._chance = sign, certificate, chance
        self._open: dict[bytes, float] = {}
        self.text = ""

    def ask(self, mandate_id: str, now: datetime, ticks: float) -> None:
        """A new challenge in `text`."""
        certificate = self._certificate()
        if certificate is None:
            return
        nonce = self._chance(8)
        self.text = make_challenge(self._sign, certificate, nonce, decode_id(mandate_id), now)
        self._open[nonce] = ticks
        while len(self._open) > MOST:
            del self._open[next(iter(self._open))]

    def open(self, ticks: float) -> frozenset[bytes]:
        """The nonces that may be answered; a challenge that is older than a minute is gone."""
        lives = OPEN_FOR.total_seconds()
        self._open = {nonce: at for nonce, at in self._open.items() if ticks - at < lives}
        if not self._open:
            self.text = ""
        return frozenset(self._open)

    def close(self) -> None:
        """Somebody came in: nothing is asked any more."""
        self._open.clear()
        self.text = ""
