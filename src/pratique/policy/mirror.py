"""The mirror: everybody's evidence and current decision as sealed Parquet parts, so that sweeps stay off the database.

    mirror = Mirror(folder, store, sealer)
    mirror.begin(moment)                    # from now on changes are queued in their own transaction
    mirror.catch_up(moment)                 # take in what was queued; 0: level with the database
    for found in mirror.changed(ruleset, now, known):
        …redecide_changed(tx, moment, sealer, found.subject_ids)…      # in bounded batches; then catch_up again

Promise: after `catch_up` the columns say of everybody what `evidence_of` and `current_decision` say. `changed` names
who would be decided otherwise: only changes are written back. A run that was killed goes on. The mirror can be thrown
away (`discard`) and made again at any time; it is in no backup, and a folder that is not level with the database (one
of them was restored, or is another machine's) is noticed and made anew.

Law 6: a part dies with the first mandate that has evidence in it and is made anew from what stands; so is a forgotten
subject's part, by the next `catch_up`. One process at a time writes; a lock in the folder sees to it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment
from pratique.policy import mirror_store, store
from pratique.policy.city import Population
from pratique.policy.differing import Standing, differing
from pratique.policy.mirror_store import Kept, Queued
from pratique.policy.model import RuleSet
from pratique.policy.parts import columns_read, population_of
from pratique.policy.people_columns import (
    DECIDED,
    UNDECIDED,
    Person,
    frame_of_people,
    refuse_beyond,
    stacked,
    together,
    with_decisions,
    without,
)
from pratique.policy.sealed import read_evidence
from pratique.policy.sealed_parts import SealedParts
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx

AT_ONCE = 2_000  # queued subjects taken in one step
PARTS_AT_ONCE = 16  # parts made anew in one step
PEOPLE_AT_ONCE = 500_000  # people whose columns are in memory together
STEP = 500  # subjects read by one look at the database
WIDTHS = ((0, 30_000), (1, 1_000_000))  # characters of an id that make a part, up to how many people
LAST = "Z" * 26  # no id comes after it
TOO_LARGE = 1 << 26  # bytes of a part from which on the mirror is made anew with smaller ones


class People(NamedTuple):
    """A part: subjects in their order, their columns, and what stands decided about them."""

    part: str
    subject_ids: pl.Series
    population: Population
    outcome: Any
    until: Any
    policy: Any
    mandate: pl.Series


class Changed(NamedTuple):
    """Of so many `people` of a part, those who would be decided otherwise now, and at which place each stands."""

    part: str
    people: int
    subject_ids: list[str]
    places: list[int]


class Mirror:
    """`folder` belongs to this mirror alone."""

    def __init__(self, folder: Path, database: Store, sealer: Sealer) -> None:
        self.database, self.sealer = database, sealer
        self.files = SealedParts(folder, sealer)

    def begin(self, moment: Moment, width: int | None = None) -> None:
        """Queue changes from now on, and everybody who is there already; anew where folder and database do not belong
        together. Again: changes nothing."""
        with self.files.alone():
            with self.database.read() as tx:
                kept = mirror_store.kept(tx)
            outgrown = kept is not None and kept.width < 2 and self.files.largest() > TOO_LARGE
            if kept is None or outgrown or not self._belongs(kept):
                self._anew(moment, width)

    def catch_up(self, moment: Moment, analytes: Sequence[str] = (), limit: int = AT_ONCE) -> int:
        """Take in parts to be made anew, or else up to `limit` queued subjects; how many things were done, 0 when level
        or where no mirror is kept. `analytes`: those that rules name; a part without their columns is made anew."""
        with self.files.alone():
            with self.database.read() as tx:
                kept = mirror_store.kept(tx)
                if kept is None:
                    return 0
                parts = mirror_store.queued_parts(tx)
            if not self._belongs(kept):
                self._anew(moment, None)
                return 1
            anew = sorted({*parts, *self._lacking(analytes)})[:PARTS_AT_ONCE]
            return self._take_parts(moment, kept, anew, analytes) or self._take_queued(
                moment, kept, analytes, limit
            )

    def mend(self, moment: Moment, analytes: Sequence[str] = ()) -> int:
        """`catch_up` for parts alone: those that died with a mandate or lack columns. The queue stays as it is."""
        with self.files.alone():
            with self.database.read() as tx:
                kept = mirror_store.kept(tx)
                parts = mirror_store.queued_parts(tx)
            if kept is None or not self._belongs(kept):
                self._anew(moment, None)
                return 1
            anew = sorted({*parts, *self._lacking(analytes)})[:PARTS_AT_ONCE]
            return self._take_parts(moment, kept, anew, analytes)

    def parts(self) -> list[str]:
        """The names of the parts, in order."""
        return self.files.names()

    def size(self) -> int:
        """How many people the parts hold."""
        return sum(self.files.head(part).people for part in self.parts())

    def people(self, part: str, rulesets: Sequence[RuleSet], now: datetime) -> People:
        """A part with the columns that these rules read. Raises Destroyed where a mandate of it has ended (then
        `catch_up`), FileNotFoundError, and ValueError for rules that columns cannot decide."""
        wanted: set[str] = set()
        for rules in rulesets:
            wanted |= columns_read(rules, now)
        refuse_beyond(wanted)
        frame = self.files.read(part, ["subject", *DECIDED, *wanted])
        outcome, until, policy = (frame[name].to_numpy() for name in DECIDED[:3])
        return People(
            part,
            frame["subject"],
            population_of(frame, part),
            outcome,
            until,
            policy,
            frame["decided.mandate"],
        )

    def populations(
        self, rulesets: Sequence[RuleSet], clocks: Sequence[datetime], at_once: int = PEOPLE_AT_ONCE
    ) -> Iterator[Population]:
        """Everybody, some parts at a time, with the columns that these rules read at these clocks. Raises ValueError
        for rules that columns cannot decide; in passing Destroyed, as `people`."""
        wanted = set().union(*(columns_read(rules, at) for rules in rulesets for at in clocks))
        refuse_beyond(wanted)
        return self._populations(sorted(wanted), at_once)

    def _populations(self, wanted: Sequence[str], at_once: int) -> Iterator[Population]:
        frames = [pl.DataFrame({"subject": []}, schema={"subject": pl.String})]
        for part in self.parts():
            frames.append(self.files.read(part, ["subject", *wanted]))
            if sum(frame.height for frame in frames) >= at_once:
                yield population_of(stacked(frames))
                frames = frames[:1]
        yield population_of(stacked(frames))

    def changed(
        self, ruleset: RuleSet, now: datetime, known: Callable[[int], RuleSet | None] = lambda _: None
    ) -> Iterator[Changed]:
        """Part by part, who would be decided otherwise (`differing.py`). `known` gives the policies that decisions
        stand on by their numbers; without it whoever was decided by another policy is named."""
        for part in self.parts():
            yield self.changed_in(part, ruleset, now, known)

    def changed_in(
        self,
        part: str,
        ruleset: RuleSet,
        now: datetime,
        known: Callable[[int], RuleSet | None] = lambda _: None,
        after: str = "",
    ) -> Changed:
        """`changed` of one part, of those whose ids begin after `after`. Raises Destroyed, FileNotFoundError."""
        numbers = set(self.files.head(part).policies) - {ruleset.number}
        olds = {
            number: old
            for number in numbers
            if (old := known(number)) is not None and _fits_columns(old, now)
        }
        if _fits_columns(ruleset, now):
            people = self.people(part, [ruleset, *olds.values()], now)
            of_mandate = (people.mandate == ruleset.mandate_id).fill_null(False).to_numpy()
            standing = Standing(people.outcome, people.until, people.policy, of_mandate)
            which = np.flatnonzero(differing(ruleset, olds.get, people.population, standing, now))
        else:  # whoever this very policy did not decide is decided one by one
            people = self.people(part, [], now)
            which = np.flatnonzero((people.policy != ruleset.number) | (ruleset.number == 0))
        first = int((people.subject_ids <= after + LAST[len(after) :]).sum()) if after else 0
        which = which[which >= first]
        ids = people.subject_ids.gather(which).to_list()
        return Changed(part, people.population.length - first, ids, (which - first).tolist())

    def discard(self) -> None:
        """Throw everything away and queue nothing any more."""
        with self.files.alone():
            self.database.write(mirror_store.stop)
            self.files.clear()

    def _belongs(self, kept: Kept) -> bool:
        """The mark is written before the database counts: one ahead is a run that was killed in between."""
        name, level = self.files.mark()
        return name == kept.name and level in (kept.level, kept.level + 1)

    def _anew(self, moment: Moment, width: int | None) -> None:
        name = moment.new_id()
        self.files.set_mark("anew", 0)  # belongs to no database, should this be killed half way
        self.files.clear()

        def act(tx: Tx) -> None:
            people = store.count_subjects(tx) if width is None else 0
            wide = next((size for size, most in WIDTHS if people < most), 2) if width is None else width
            mirror_store.keep(tx, moment.now_ms, name, wide)

        self.database.write(act)
        self.files.set_mark(name, 0)

    def _take_parts(self, moment: Moment, kept: Kept, anew: Sequence[str], analytes: Sequence[str]) -> int:
        for part in anew:
            self._make(moment, part, analytes)
        if anew:
            self._level(kept, [], anew)
        return len(anew)

    def _take_queued(self, moment: Moment, kept: Kept, analytes: Sequence[str], limit: int) -> int:
        with self.database.read() as tx:
            rows = mirror_store.queued(tx, limit)
        for part, group in groupby(rows, key=lambda row: row.subject_id[: kept.width]):
            self._update(moment, part, list(group), analytes)
        if rows:
            self._level(kept, rows, [])
        return len(rows)

    def _level(self, kept: Kept, rows: Sequence[Queued], parts: Sequence[str]) -> None:
        self.files.set_mark(kept.name, kept.level + 1)
        self.database.write(lambda tx: mirror_store.done(tx, rows, parts, kept.level + 1))

    def _lacking(self, analytes: Sequence[str]) -> list[str]:
        """Parts without the columns of an analyte, and those that died with a mandate."""
        heads = ((part, self.files.head(part)) for part in self.parts())
        return [
            part
            for part, head in heads
            if not set(analytes) <= set(head.analytes) or not self.files.lives(head, part)
        ]

    def _make(self, moment: Moment, part: str, analytes: Sequence[str]) -> None:
        """The whole part from the database."""
        people: list[Person] = []
        after = part
        while True:
            with self.database.read() as tx:
                ids = [one for one in store.subjects_after(tx, after, STEP) if one.startswith(part)]
                people += _read_people(tx, self.sealer, ids)
            if not ids:
                break
            after = ids[-1]
        self._write(moment, part, frame_of_people(people, analytes), people, analytes)

    def _update(self, moment: Moment, part: str, rows: Sequence[Queued], analytes: Sequence[str]) -> None:
        """These subjects of a part anew; of some nothing but the decision."""
        try:
            head, kept = self.files.head(part), self.files.read(part)
        except (FileNotFoundError, Destroyed):
            self._make(moment, part, analytes)
            return
        light = {one.subject_id for one in rows if not one.evidence} & set(kept["subject"])
        with self.database.read() as tx:
            marks = store.marks(tx, sorted(light))
            ids = [one.subject_id for one in rows if one.subject_id not in marks]
            people = _read_people(tx, self.sealer, ids)
        analytes = sorted({*analytes, *head.analytes})
        if marks:
            kept = with_decisions(kept, marks)
        if ids:
            kept = together([without(kept, ids), frame_of_people(people, analytes)])
        self._write(moment, part, kept, people, analytes, head.mandates)

    def _write(
        self,
        moment: Moment,
        part: str,
        frame: pl.DataFrame,
        people: Sequence[Person],
        analytes: Sequence[str],
        mandates: Sequence[str] = (),
    ) -> None:
        if not frame.height:
            self.files.drop(part)
            return
        under = [*mandates, *(item.mandate_id for one in people for item in one.evidence)]
        self.files.write(moment, part, frame, under, analytes)


def _fits_columns(ruleset: RuleSet, now: datetime) -> bool:
    """False for rules about single items, for those that read whole lists, and for those that read too far in one."""
    try:
        refuse_beyond(columns_read(ruleset, now))
    except ValueError:
        return False
    return True


def _read_people(tx: Tx, sealer: Sealer, ids: Sequence[str]) -> list[Person]:
    evidence = read_evidence(tx, sealer.for_one_use(), ids)
    decided = store.marks(tx, ids)
    found = []
    for one in ids:
        mark = decided.get(one)
        if mark is not None:
            found.append(Person(one, evidence.get(one, ()), *mark))
        elif one in evidence:
            found.append(Person(one, evidence[one]))
    return found


__all__ = ["UNDECIDED", "Changed", "Mirror", "People"]
