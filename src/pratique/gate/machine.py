"""The gate's states as one table. Every state has a longest time; a time-out is an event like any other.

Pure: the running time comes in. The exit is never locked in any state (fire rule): this table knows the way in only.
"""

from typing import Literal, NamedTuple

from pratique.gate.model import AMBER, STOPS, State

Event = Literal["started", "seen", "opened", "refused", "turned", "timeout", "pin", "touched", "left"]

# Seconds. None: stays until an event. `decided` is the time a verdict stands on the screen.
LONGEST: dict[State, float | None] = {
    "starting": 5,
    "ready": None,
    "reading": 3,
    "decided": 4,
    "waiting_passage": 8,
    "annulled": 3,
    "degraded": None,
    "out_of_order": None,
    "maintenance": 15 * 60,
    "no_check": None,
    "retired": None,
}

Rest = Literal["rest"]  # ready, degraded, out_of_order or no_check, whichever the causes say

_TABLE: dict[tuple[State, Event], State | Rest] = {
    ("starting", "started"): "rest",
    ("starting", "timeout"): "out_of_order",
    ("reading", "seen"): "reading",
    ("reading", "timeout"): "rest",
    ("decided", "timeout"): "rest",
    ("waiting_passage", "turned"): "rest",
    ("annulled", "timeout"): "rest",
    ("maintenance", "touched"): "maintenance",
    ("maintenance", "left"): "rest",
    ("maintenance", "timeout"): "rest",
}
_WORKING: tuple[State, ...] = ("ready", "degraded", "reading", "decided", "waiting_passage", "annulled")
for _state in _WORKING:
    _TABLE[(_state, "opened")] = "waiting_passage"
    _TABLE[(_state, "refused")] = "decided"
for _state in ("ready", "degraded"):
    _TABLE[(_state, "seen")] = "reading"
for _state in ("ready", "degraded", "out_of_order", "no_check"):
    _TABLE[(_state, "pin")] = "maintenance"


class Machine(NamedTuple):
    """Where the gate is. `faults` are causes that stand; `ended` is true when no mandate lets it check."""

    state: State = "starting"
    since: float = 0.0
    faults: frozenset[str] = frozenset()
    ended: bool = False
    turn_sensor: bool = False

    @property
    def stopped(self) -> bool:
        """True while a fault keeps the gate from deciding."""
        return bool(self.faults & STOPS)

    def feed(self, event: Event, now: float) -> "Machine":
        """The next place. An event that means nothing here changes nothing."""
        if event == "timeout" and self.state == "waiting_passage":
            # With a turn sensor nobody went through; without one the passage is taken as made.
            return self._to("annulled" if self.turn_sensor else "rest", now)
        if event == "timeout" and self.state == "starting":
            return self._replace(faults=self.faults | {"start"})._to("rest", now)
        to = _TABLE.get((self.state, event))
        return self if to is None else self._to(to, now)

    def tick(self, now: float) -> "Machine":
        """The same place, or the next one if its longest time is over."""
        longest = LONGEST[self.state]
        return self.feed("timeout", now) if longest is not None and now - self.since >= longest else self

    def cause(self, fault: str, stands: bool, now: float) -> "Machine":
        """A cause appeared or went. A stopping one acts at once; the others show when the gate is at rest."""
        if fault not in STOPS | AMBER:
            raise ValueError(f"{fault} is not a fault of the closed list")
        faults = self.faults | {fault} if stands else self.faults - {fault}
        if faults == self.faults:
            return self
        return self._replace(faults=faults)._settle(now)

    def under_mandate(self, lives: bool, now: float) -> "Machine":
        """Law 1: without a live mandate the gate does not decide; the door is free."""
        return self if self.ended is not lives else self._replace(ended=not lives)._settle(now)

    def retire(self, now: float) -> "Machine":
        """The last state. Nothing leads out of it."""
        return self._replace(state="retired", since=now)

    def _settle(self, now: float) -> "Machine":
        resting = self.state in ("ready", "degraded", "out_of_order", "no_check")
        if resting or ((self.stopped or self.ended) and self.state in _WORKING):
            return self._to("rest", now)
        return self

    def _to(self, to: State | Rest, now: float) -> "Machine":
        state: State = self._rest() if to == "rest" else to
        return self._replace(state=state, since=now)

    def _rest(self) -> State:
        if self.ended:
            return "no_check"
        if self.stopped:
            return "out_of_order"
        return "degraded" if self.faults else "ready"
