"""What a door does for who was let in: a receipt for the member, a ring to the visitor's host. In memory, for seconds.

The receipt stands on the screen until the next person comes; the ring is sealed here, so that the process that sends it
and the relay that carries it see a box and bytes. Nothing of either is kept.
"""

from collections.abc import Callable
from datetime import datetime

from pratique.credentials import doorbell, receipt
from pratique.credentials.doors import OwnDoor
from pratique.credentials.reasons import CredentialError
from pratique.gate.door import Admitted

RECEIPT_STANDS = 12.0  # seconds
WORD_STANDS = 12.0
ANSWER_WITHIN = 8.0  # a relay that has not answered by then has not reached the host

Send = Callable[[int, bytes, bytes], None]


class Porter:
    """Owned by the loop. `send(number, box, sealed)` brings a ring to the relay; None where there is no line."""

    def __init__(
        self, sign: Callable[[bytes], bytes], chance: Callable[[int], bytes], send: Send | None = None
    ) -> None:
        self._sign, self._chance, self.send = sign, chance, send
        self._receipt, self._handed = "", float("-inf")
        self._word, self._said = "", float("-inf")
        self._rings = 0
        self._waits = False

    def next_person(self) -> None:
        """What stood for the one before is gone."""
        self._receipt, self._word, self._waits = "", "", False

    def hand(self, own: OwnDoor, member: bytes, now: datetime, ticks: float) -> None:
        """A receipt on the screen, for the member's own wallet."""
        nonce = self._chance(16)
        self._receipt = receipt.make_receipt(self._sign, own.door.certificate, nonce, member, now)
        self._handed = ticks

    def ring(self, own: OwnDoor, admitted: Admitted, now: datetime, ticks: float) -> None:
        """Tell the host, and tell the visitor whether that worked."""
        if admitted.bell is None:
            return
        self._rings += 1
        self._said = ticks
        try:
            said = receipt.make_ring(self._sign, own.door.certificate, admitted.invitation, now)
            sealed = doorbell.seal(admitted.bell.key, said)
        except CredentialError:
            self._word = "host_away"
            return
        self._word, self._waits = ("host_called", True) if self.send else ("host_away", False)
        if self.send:
            self.send(self._rings, admitted.bell.box, sealed)

    def heard(self, number: int, reached: bool, ticks: float) -> None:
        """The relay's answer to ring `number`; one that is late, for somebody who has gone, says nothing."""
        if number == self._rings and self._waits:
            self._waits = False
            self._word, self._said = "host_told" if reached else "host_away", ticks

    def receipt(self, ticks: float) -> str:
        """The receipt on the screen, or nothing."""
        if ticks - self._handed >= RECEIPT_STANDS:
            self._receipt = ""
        return self._receipt

    def word(self, ticks: float) -> str:
        """A word of `texts.ADVICE` for the visitor, or nothing."""
        if self._waits and ticks - self._said >= ANSWER_WITHIN:
            self._waits = False
            self._word, self._said = "host_away", ticks
        if ticks - self._said >= WORD_STANDS:
            self._word = ""
        return self._word
