"""The decision loop: one thread owns the machine, the journal, the memory and the door.

A scan becomes a decision, the decision is durable, then the door opens. The loop never asks anybody over a network;
the sync process brings lists and takes counts, and may be dead for a month.
"""

import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from pratique.gate.challenge import Challenger
from pratique.gate.clock import Clock, Reading, ticks
from pratique.gate.decide import CLOCK, Judged, decide
from pratique.gate.door import Admitted, decide_door
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists, Loaded
from pratique.gate.machine import Event as Moves
from pratique.gate.machine import Machine
from pratique.gate.memory import Memory
from pratique.gate.model import SLOT_CLOSES_AFTER, Decision, slot_of
from pratique.gate.order import Order, is_over
from pratique.gate.porter import Porter
from pratique.gate.ports import DoorFault, Relay
from pratique.gate.show import status
from pratique.gate.sources import (
    Advised,
    Event,
    Hint,
    Rang,
    Scan,
    Silent,
    Source,
    SourceBack,
    SourceEnded,
    SourceLost,
    Synced,
    Turned,
)
from pratique.gate.staff import Act, Staffed

Tell = Callable[[dict[str, Any]], None]
Show = Callable[[dict[str, Any]], None]

CHORES_EVERY = 1.0  # seconds
ADVICE_STANDS = 5.0  # seconds
END_AFTER = 900.0  # seconds of running time between "over" and the end
WAITING = 16  # events; a camera that is faster than the loop loses frames, never the loop its step


_STAFF_EVENT: dict[Act, Moves] = {"maintenance": "pin", "touch": "touched", "leave": "left"}


_NOBODY = Admitted()


class Open(NamedTuple):
    """The passage that is under way: what to take back if nobody goes through."""

    seq: int
    slot15: int
    judged: Judged
    admitted: Admitted = _NOBODY


class Gate:
    """One terminal. `tell` gets one line per decision, `show` the state for the screen."""

    def __init__(
        self, lists: Lists, journal: Journal, clock: Clock, memory: Memory, relay: Relay, tell: Tell,
        show: Show | None = None, *, turn_sensor: bool = False, challenger: Challenger | None = None,
        end: Callable[[tuple[Order, ...]], None] | None = None,
        ticks: Callable[[], float] = ticks, porter: Porter | None = None,
    ) -> None:  # fmt: skip
        self.lists, self.journal, self.clock, self.memory, self.relay = lists, journal, clock, memory, relay
        self._tell, self._show, self._ticks = tell, show, ticks
        self._challenger, self.porter = challenger, porter
        self._end, self._over_since = end, float("inf")
        self.machine = Machine(since=ticks(), turn_sensor=turn_sensor)
        self.decided = 0
        self.opened = 0
        self._open: Open | None = None
        self._verdict: Decision | None = None
        self._hint = ""
        self._advice, self._advised_at = "", float("-inf")
        self._silent: set[str] = set()
        self._held_open = self._pull_refused = False
        self._chores_at = float("-inf")
        self._floor_slot = self._closing_slot = 0
        self._now = clock.read()
        self._door(False)
        self.chores()
        self._step(self.machine.feed("started", ticks()))

    # What happens

    def run(
        self, source: Source, stop: threading.Event, *, patient: bool, events: "queue.Queue[Event]"
    ) -> str:
        """Work until the source ends or `stop` is set. The reason if the source could not be read at all, else "".

        `patient` makes the source wait for the loop (a file, a pipe); a live one loses what comes too fast.
        """

        def put(event: Event) -> None:
            if patient or isinstance(event, SourceEnded | SourceLost | SourceBack):
                events.put(event)
            else:
                try:
                    events.put_nowait(event)
                except queue.Full:
                    return

        threading.Thread(target=source.run, args=(put, stop), name="source", daemon=True).start()
        ended = ""
        while not stop.is_set():
            try:
                event = events.get(timeout=0.1)
            except queue.Empty:
                event = None
            if isinstance(event, SourceEnded):
                ended = event.why
                break
            self.handle(event)
            if self.machine.state == "retired":
                break
        self.finish()
        return ended

    def handle(self, event: Event | None) -> None:
        """One event, or none: time goes on."""
        now = self._ticks()
        self._time()
        if now - self._chores_at >= CHORES_EVERY:
            self.chores()
        self._step(self.machine.tick(now))
        match event:
            case Scan():
                self.scan(event)
            case Turned():
                self._step(self.machine.feed("turned", now))
            case Hint():
                self._hint = event.word
                self._step(self.machine.feed("seen", now))
            case SourceLost():
                self._cause("scanner", True)
            case SourceBack():
                self._cause("scanner", False)
            case Synced():
                self._synced(event)
            case Staffed():
                self._staffed(event.act)
            case Advised():
                self._advised(event.word)
            case Rang():
                if self.porter is not None:
                    self.porter.heard(event.number, event.reached, now)
                    self._display()
            case Silent():
                (self._silent.add if event.stands else self._silent.discard)(event.name)
                self._cause("peripheral", bool(self._silent))
            case _:
                pass

    def _synced(self, told: Synced) -> None:
        """What the sync process told. Being offline is the normal state of a gate and no fault."""
        if told.confirmed is not None:
            self.clock.confirm(told.confirmed)
        if told.pull is not None:
            self._pull_refused = told.pull not in ("", "offline")
        if told.push is not None:
            self._cause("upload", told.push not in ("", "offline"))

    def _staffed(self, act: Act) -> None:
        """A person with the PIN admits somebody by hand, or works on the gate."""
        now = self._ticks()
        if act == "admit":
            self._admit(now)
        else:
            self._step(self.machine.feed(_STAFF_EVENT[act], now))

    def _admit(self, now: float) -> None:
        loaded, state = self.lists.current, self.machine.state
        policy, snapshot = (loaded.policy_number, loaded.number) if loaded else (0, 0)
        by_hand = Decision("staff", "admitted", policy, snapshot)
        if state == "out_of_order":  # the door is opened with a key; the count stays true
            self.journal.record(by_hand, slot_of(self._now.unix))
            self._tell(self._line(by_hand, by_hand.reason, now))
        elif state in ("ready", "degraded", "reading", "decided"):
            self._commit(Judged(by_hand), now)

    def _challenge(self) -> str:
        """The challenge on the screen, or nothing."""
        return (
            self._challenger.text
            if self._challenger is not None and self._challenger.open(self._ticks())
            else ""
        )

    def _advised(self, word: str) -> None:
        """A hint from the thermometer stands for five seconds. It is shown, never counted and never decides."""
        if word or self._ticks() - self._advised_at >= ADVICE_STANDS:
            changed, self._advice = word != self._advice, word
            self._advised_at = self._ticks()
            if changed:
                self._display()

    def scan(self, scan: Scan) -> None:
        """Decide on one text, make it durable, then open. Tells one line, or nothing where the scan does not count."""
        loaded, state = self.lists.current, self.machine.state
        order = self.lists.order(self._now.now)
        if state in ("starting", "maintenance", "retired"):
            return
        if loaded is None or self.machine.stopped:
            self._tell(self._line(None, "out_of_order", scan.at))
            return
        if order is None or self._free(order, loaded):
            self._tell(self._line(None, "no_check", scan.at))
            return
        if self.machine.turn_sensor and state == "waiting_passage":
            return
        if self.memory.same_code(scan.text, self._ticks()):
            return
        now, grade = self._now.now, self._now.grade
        asked = self._challenger.open(self._ticks()) if self._challenger else frozenset[bytes]()
        seen = (scan.text, now, grade, loaded, order.fail, self.memory.shown_before, asked)
        judged, admitted = decide_door(loaded.door, *seen) if loaded.door else (decide(*seen), Admitted())
        if self._challenger is not None and (judged.decision.outcome, judged.decision.reason) == CLOCK:
            self._challenger.ask(order.id, now, self._ticks())
        opens = judged.decision.opens and bool(judged.credential)
        if not (opens and self.memory.still_in_view(judged.credential, self._ticks())):
            self._commit(judged, scan.at, admitted)

    def _commit(self, judged: Judged, at: float, admitted: Admitted = _NOBODY) -> None:
        decision, slot15 = judged.decision, slot_of(self._now.unix)
        self._finish_passage()
        if self.porter is not None:
            self.porter.next_person()
        seq = self.journal.record(decision, slot15)
        self.decided += 1
        if decision.opens:
            if self._challenger is not None:
                self._challenger.close()
            self.opened += 1
            self._open = Open(seq, slot15, judged, admitted)
            if judged.replay:
                self.memory.take(judged.replay, self._ticks(), judged.window)
            self._door(True)
            self._serve(admitted, came_in=False)
        self._tell(self._line(decision, decision.reason, at))
        self._verdict = decision
        self._cause("storage", not self.journal.healthy)
        if decision.opens and "door" in self.machine.faults:
            self._left(annulled=True)
        self._step(self.machine.feed("opened" if decision.opens else "refused", self._ticks()))
        self._display()

    def _serve(self, admitted: Admitted, *, came_in: bool) -> None:
        """A ring when the door opens; a receipt when the member came in, where a sensor can tell, else at once."""
        door = self.lists.current.door if self.lists.current else None
        if self.porter is None or door is None:
            return
        if admitted.bell is not None and not came_in:
            self.porter.ring(door, admitted, self._now.now, self._ticks())
        if admitted.member and came_in is self.machine.turn_sensor and self._now.grade != "bad":
            self.porter.hand(door, admitted.member, self._now.now, self._ticks())

    def fault(self, name: str, stands: bool = True) -> None:
        """A cause that somebody else found."""
        self._cause(name, stands)

    def finish(self) -> None:
        """The end of the work: the passage under way counts as made, the way in is shut unless it must be free."""
        self._finish_passage()
        if not self._held_open:
            self._door(False)

    # Time and chores

    def chores(self) -> None:
        """Once a second: new lists, the clock, slots to close, alarms, the screen's ages."""
        self._chores_at = self._ticks()
        if self.machine.state == "retired":
            return
        self.lists.refresh(self._time().now)
        self._cause("snapshot_refused", bool(self.lists.refused or self._pull_refused))
        loaded = self.lists.current
        self._cause("snapshot_missing", loaded is None)
        if loaded is not None:
            if loaded.number > int(self.journal.setting("snapshot", "0")):
                self.journal.put_setting("snapshot", str(loaded.number))
            if loaded.config != int(self.journal.setting("config", "0")):
                self.journal.put_setting("config", str(loaded.config))
            self.clock.raise_floor(loaded.issued)
            now = self._time().now
            self._cause("stale", loaded.amber(now))
            order = self.lists.order(now)
            free = order is None or self._free(order, loaded)
            self._step(self.machine.under_mandate(not free, self._ticks()))
            self._dead_man(loaded)
        if "door" in self.machine.faults:
            self._door(self._held_open)
        else:
            self._ask_the_door()
        self._write_down()
        self._display()

    def _dead_man(self, loaded: Loaded) -> None:
        """Past the end and the grace of its mandates a gate destroys what it holds, with no network and nobody there.

        A quarter of an hour of running time must pass first: a clock that jumped ahead may be set right by then.
        """
        if self._end is None or self._now.grade == "bad" or not is_over(loaded.orders, self._now.now):
            self._over_since = float("inf")
            return
        self._over_since = min(self._over_since, self._ticks())
        if self._ticks() - self._over_since >= END_AFTER:
            self.journal.close_slots(self._now.unix, self.lists.number, all_of_them=True)
            self._end(loaded.orders)
            self._step(self.machine.retire(self._ticks()))

    def _write_down(self) -> None:
        slot15, closing = slot_of(self._now.unix), slot_of(self._now.unix - SLOT_CLOSES_AFTER)
        if self._now.grade == "good" and slot15 != self._floor_slot:
            self._floor_slot = slot15
            self.journal.raise_floor(self._now.unix)
        if closing != self._closing_slot:
            self._closing_slot = closing
            self.journal.close_slots(self._now.unix, self.lists.number)
        self.journal.recover()
        self.journal.post_alarms(slot15, self.lists.number)
        self._cause("storage", not self.journal.healthy)

    def _time(self) -> Reading:
        self._now = self.clock.read()
        if self._now.stepped:
            self.journal.close_slots(self._now.unix, self.lists.number, all_of_them=True)
        self._cause("clock", self._now.grade == "bad")
        return self._now

    def _free(self, order: Order, loaded: Loaded) -> bool:
        return order.fail.stale == "stop" and loaded.stale(self._now.now)

    # Door, faults, screen

    def _step(self, machine: Machine) -> None:
        before, self.machine = self.machine, machine
        if before.state == machine.state and before.since == machine.since:
            return
        if before.state == "waiting_passage" and machine.state != "waiting_passage":
            self._left(annulled=machine.state == "annulled")
        if machine.state in ("ready", "degraded"):
            self._verdict, self._hint = None, ""
        free = machine.state == "no_check"
        if free != self._held_open:
            self._held_open = free
            self._door(free)
        self._display()

    def _left(self, *, annulled: bool) -> None:
        passage, self._open = self._open, None
        if passage is None:
            return
        self._door(False)
        if not annulled and self.machine.turn_sensor:
            self._serve(passage.admitted, came_in=True)
        if annulled:
            decision, judged = passage.judged.decision, passage.judged
            self.journal.annul(passage.seq, decision, passage.slot15)
            if judged.replay:
                self.memory.give_back(judged.replay)
            self.memory.forget_codes()
            taken_back = Decision("annulled", "annulled", decision.policy, decision.snapshot)
            self._tell(self._line(taken_back, "annulled", self._ticks()))

    def _finish_passage(self) -> None:
        if self._open is not None and not self.machine.turn_sensor:
            self._left(annulled=False)

    def _door(self, opened: bool) -> None:
        try:
            if opened:
                self.relay.open()
            else:
                self.relay.shut()
        except DoorFault:
            self._cause("door", True)
        else:
            self._cause("door", False)

    def _ask_the_door(self) -> None:
        try:
            self.relay.check()
        except DoorFault:
            self._cause("door", True)

    def _cause(self, fault: str, stands: bool) -> None:
        if (fault in self.machine.faults) is not stands:
            self.journal.alarm(fault, stands, slot_of(self._now.unix))
            self._step(self.machine.cause(fault, stands, self._ticks()))

    def _line(self, decision: Decision | None, reason: str, at: float) -> dict[str, Any]:
        loaded = self.lists.current
        return {
            "outcome": decision.outcome if decision else None,
            "reason": reason,
            "policy": loaded.policy_number if loaded else 0,
            "snapshot": self.lists.number,
            "slot15": slot_of(self._now.unix),
            "ms": round(max(0.0, self._ticks() - at) * 1000, 1),
        }

    def _display(self) -> None:
        if self._show is not None:
            order, counts = self.lists.order(self._now.now), self.journal.counts(slot_of(self._now.unix))
            self._show(
                status(
                    self.machine,
                    self._verdict,
                    self._hint,
                    self.lists.current,
                    order,
                    self._now,
                    counts,
                    (self.porter.word(self._ticks()) if self.porter else "") or self._advice,
                    self._challenge(),
                    self.porter.receipt(self._ticks()) if self.porter else "",
                )
            )
