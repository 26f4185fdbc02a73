"""What a gate remembers of codes: keyed marks, in memory only, for seconds.

The key is made at start and never leaves the process, so that a mark means nothing anywhere else. Two uses: the same
code again within five seconds is the same scan, and the same proof twice within the skew window is a copy. A live
relay of somebody's screen is not stopped by this, nor by anything else at a door.
"""

import hmac
from collections import OrderedDict
from hashlib import sha256

SAME_CODE_SECONDS = 5.0
MOST = 100_000  # marks held at most: the oldest go first


class Memory:
    """Owned by the loop. `now` is running time in seconds."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes of chance, made for this run."""
        self._key = key
        self._codes: OrderedDict[bytes, float] = OrderedDict()
        self._proofs: OrderedDict[bytes, float] = OrderedDict()
        self._in_view: tuple[bytes, float] = (b"", float("-inf"))

    def same_code(self, text: str, now: float) -> bool:
        """True if this very text was read less than five seconds ago. Remembers it."""
        mark = self._mark(b"code", text.encode("utf-8", "surrogatepass"))
        last = self._codes.get(mark)
        _put(self._codes, mark, now, now - SAME_CODE_SECONDS)
        again = last is not None and now - last < SAME_CODE_SECONDS
        if again:
            self._in_view = (self._in_view[0], now)
        return again

    def still_in_view(self, credential: bytes, now: float) -> bool:
        """True if the last passage was opened for this pass and it was in view less than five seconds ago: its owner
        stands there while the phone draws the next proof. Remembers it; asked only for what opens."""
        mark = self._mark(b"pass", credential)
        before, self._in_view = self._in_view, (mark, now)
        return before[0] == mark and now - before[1] < SAME_CODE_SECONDS

    def shown_before(self, proof: bytes) -> bool:
        """True if this proof was taken at this gate already."""
        return self._mark(b"proof", proof) in self._proofs

    def take(self, proof: bytes, now: float, window: float) -> None:
        """Remember a proof for `window` seconds: as long as it could be shown again."""
        _put(self._proofs, self._mark(b"proof", proof), now, now - window)

    def give_back(self, proof: bytes) -> None:
        """Nobody went through: the same proof may be shown again."""
        self._proofs.pop(self._mark(b"proof", proof), None)

    def forget_codes(self) -> None:
        """A passage was taken back: the same code is a new scan."""
        self._codes.clear()
        self._in_view = (b"", float("-inf"))

    def __len__(self) -> int:
        return len(self._codes) + len(self._proofs)

    def _mark(self, kind: bytes, value: bytes) -> bytes:
        return hmac.digest(self._key, kind + b"\x00" + value, sha256)[:16]


def _put(marks: OrderedDict[bytes, float], mark: bytes, now: float, older: float) -> None:
    marks[mark] = now
    marks.move_to_end(mark)
    while marks and (len(marks) > MOST or next(iter(marks.values())) <= older):
        marks.popitem(last=False)
