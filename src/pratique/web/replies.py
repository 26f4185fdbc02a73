"""`Idempotency-Key`: the same request sent again gets the same answer, and nothing happens twice.

Every write of the house is also idempotent by what it names (an event id, a device key, an open notice), so
a crash between commit and answer is harmless; this memory only spares a retry the work. It is in memory,
bounded, and forgets after ten minutes, because an answer may hold what should be forgotten.
"""

from collections import OrderedDict
from hashlib import sha256
from typing import NamedTuple

from pratique.core.errors import Conflict
from pratique.core.text import Text
from pratique.web.frame import Answer

KEPT_FOR = 600.0
KEPT = 10_000


class _Reply(NamedTuple):
    request: bytes
    answer: Answer
    at: float


class Replies:
    """Answers by (caller, key); `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Reply] = OrderedDict()

    def known(self, caller: str, key: str, route: str, raw: bytes, now: float) -> Answer | None:
        """The earlier answer, or None. Raises Conflict if the key was used for another request."""
        reply = self._kept.get((caller, key))
        if reply is None or now - reply.at > KEPT_FOR:
            return None
        if reply.request != _digest(route, raw):
            raise Conflict(
                "IDEMPOTENCY_KEY_USED",
                "Idempotency-Key",
                Text(
                    "this key was used for another request; send a new key with a new request",
                    "此幂等键已用于另一请求；新请求请使用新键",
                ),
            )
        return reply.answer

    def keep(self, caller: str, key: str, route: str, raw: bytes, answer: Answer, now: float) -> None:
        """Remember a successful answer."""
        self._kept[caller, key] = _Reply(_digest(route, raw), answer, now)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _digest(route: str, raw: bytes) -> bytes:
    return sha256(route.encode() + b"\x00" + raw).digest()
