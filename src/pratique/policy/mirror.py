"""The mirror: everybody's evidence and current decision as sealed Parquet parts, so that sweeps stay off the database.

    mirror = Mirror(folder, store, sealer)
    mirror.begin(moment)                    # once: from now on changes are queued in their own transaction
    mirror.catch_up(moment)                 # take in what was queued; 0: level with the database
    for found in mirror.changed(ruleset, now, before):
        …redecide_many(tx, moment, sealer, found.subject_ids)…      # in bounded batches; then catch_up again

Promise: after `catch_up` the columns say of everybody what `evidence_of` and `current_decision` say. `changed` names
who would be decided otherwise, and nobody else: only changes are written back. A part is whole or not there; a run that
was killed goes on. The mirror can be thrown away (`discard`) and made again at any time; it is in no backup.

Law 6: a part's key is sealed under every mandate that has evidence in it, so that a part dies with the first of them
and is made anew from what stands. A forgotten subject's part is made anew by the next `catch_up`. One process at a
time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment, to_ms
from pratique.policy import mirror_store, store
from pratique.policy.city import Decided, Population, decide_city
from pratique.policy.model import RuleSet
from pratique.policy.parts import columns_read, population_of
from pratique.policy.people_columns import UNDECIDED, Person, frame_of_people, together, without
from pratique.policy.sealed import read_evidence
from pratique.store.sealing import Place, Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx

AT_ONCE = 2_000  # queued subjects taken in one step
STEP = 500  # subjects read by one look at the database
OWN = ("subject", "decided.outcome", "decided.until", "decided.policy")


class People(NamedTuple):
    """A part: subjects in their order, their columns, and what stands decided about them."""

    part: str
    subject_ids: pl.Series
    population: Population
    outcome: Any
    until: Any
    policy: Any


class Changed(NamedTuple):
    """Of a part's `people`, those who would be decided otherwise now."""

    part: str
    people: int
    subject_ids: list[str]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Before the sealed bytes of a part: its key, sealed under one mandate after the other."""

    day: str
    mandates: list[str]
    analytes: list[str]
    key: str


class Mirror:
    """`folder` belongs to this mirror alone."""

    def __init__(self, folder: Path, database: Store, sealer: Sealer) -> None:
        self.folder, self.database, self.sealer = folder, database, sealer

    def begin(self, moment: Moment) -> None:
        """Queue changes from now on, and everybody who is there already. Again: changes nothing."""

        def act(tx: Tx) -> None:
            if not mirror_store.is_kept(tx):
                mirror_store.keep(tx, moment.now_ms)
                mirror_store.queue_part(tx, mirror_store.parts_with_people(tx))

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.database.write(act)

    def catch_up(self, moment: Moment, analytes: Sequence[str] = (), limit: int = AT_ONCE) -> int:
        """Take in parts to be made anew and up to `limit` queued subjects; how many things were done, 0 when level.
        `analytes`: those that rules name; a part without their columns is made anew."""
        with self.database.read() as tx:
            queued, rows = mirror_store.queued_parts(tx), mirror_store.queued(tx, limit)
        anew = sorted({*queued, *self._lacking(analytes)})
        for part in anew:
            self._make(moment, part, analytes)
            self.database.write(partial(mirror_store.part_done, part=part))
        for part, group in groupby(rows, key=_part_of):
            taken = list(group)
            if part not in anew:
                self._update(moment, part, [subject_id for subject_id, _ in taken], analytes)
            self.database.write(partial(mirror_store.done, rows=taken))
        return len(anew) + len(rows)

    def parts(self) -> list[str]:
        """The names of the parts, in order."""
        return sorted(path.stem for path in self.folder.glob("*.part"))

    def people(self, part: str, ruleset: RuleSet, now: datetime) -> People:
        """A part with the columns that the rules read. Raises Destroyed where a mandate of it has ended (then
        `catch_up`), ValueError for rules that columns cannot decide."""
        frame = self._read(part, [*OWN, *columns_read(ruleset, now)])
        own = {name: frame[name].to_numpy() for name in OWN[1:]}
        return People(part, frame["subject"], population_of(frame, part), *own.values())

    def changed(self, ruleset: RuleSet, now: datetime, before: RuleSet | None = None) -> Iterator[Changed]:
        """Part by part, who would be decided otherwise: nothing decided yet, another outcome, other rules failing or
        open than under `before` (the policy that the decisions stand on), an end that has come, or may come earlier
        than under `before`. Who was decided by yet another policy is named too."""
        for part in self.parts():
            people = self.people(part, ruleset, now)
            decided = decide_city(ruleset, people.population, now)
            differs = (people.outcome != decided.outcome) | (people.until <= to_ms(now))
            if ruleset.number:
                differs |= self._others(people, decided, ruleset, now, before)
            which = np.flatnonzero(differs)
            yield Changed(part, len(differs), people.subject_ids.gather(which).to_list())

    def discard(self) -> None:
        """Throw everything away and queue nothing any more."""
        self.database.write(mirror_store.stop)
        for path in self.folder.glob("*.part"):
            path.unlink()

    def _others(
        self, people: People, decided: Decided, ruleset: RuleSet, now: datetime, before: RuleSet | None
    ) -> Any:
        """Whose reasons differ: decided by neither this policy nor `before`, or by other rules under `before`."""
        strange = people.policy != ruleset.number
        if before is None or before.number == ruleset.number or not strange.any():
            return strange
        was = decide_city(before, self.people(people.part, before, now).population, now)
        moved = np.zeros(len(strange), np.bool_)
        if decided.until is not None and was.until is not None:
            moved |= decided.until < was.until
        for bits, old_bits in ((decided.failing, was.failing), (decided.open, was.open)):
            names = {(rule.id, rule.version): i for i, rule in enumerate(decided.rules)}
            old = {(rule.id, rule.version): i for i, rule in enumerate(was.rules)}
            for name in names.keys() | old.keys():
                moved |= _bit(bits, names.get(name)) != _bit(old_bits, old.get(name))
        return strange & (moved | (people.policy != before.number))

    def _lacking(self, analytes: Sequence[str]) -> list[str]:
        """Parts without the columns of an analyte, and those that died with a mandate."""
        found = []
        for part in self.parts():
            head = self._head(part)
            try:
                self._key(part, head)
            except Destroyed:
                found.append(part)
                continue
            if not set(analytes) <= set(head.analytes):
                found.append(part)
        return found

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

    def _update(self, moment: Moment, part: str, ids: list[str], analytes: Sequence[str]) -> None:
        """These subjects of a part anew."""
        try:
            head = self._head(part)
            kept = without(self._read(part), ids)
        except (FileNotFoundError, Destroyed):
            self._make(moment, part, analytes)
            return
        with self.database.read() as tx:
            people = _read_people(tx, self.sealer, ids)
        analytes = sorted({*analytes, *head.analytes})
        frame = together([kept, frame_of_people(people, analytes)])
        self._write(moment, part, frame, people, analytes, head.mandates)

    def _write(
        self,
        moment: Moment,
        part: str,
        frame: pl.DataFrame,
        people: Sequence[Person],
        analytes: Sequence[str],
        mandates: Sequence[str] = (),
    ) -> None:
        path = self.folder / f"{part}.part"
        if not frame.height:
            path.unlink(missing_ok=True)
            return
        buffer, key, nonce = BytesIO(), moment.random(32), moment.random(12)
        frame.write_parquet(buffer, compression="lz4", statistics=False)
        day, sealed = moment.now.date().isoformat(), key
        under = sorted({*mandates, *(item.mandate_id for one in people for item in one.evidence)})
        for mandate in under:
            sealed = self.sealer.seal(_place(part, mandate, day), sealed)
        head = msgspec.json.encode(Head(day, under, sorted({"", *analytes}), sealed.hex()))
        draft = path.with_suffix(".draft")
        body = AESGCM(key).encrypt(nonce, buffer.getbuffer(), head)
        draft.write_bytes(len(head).to_bytes(4, "big") + head + nonce + body)
        draft.rename(path)

    def _head(self, part: str) -> Head:
        with (self.folder / f"{part}.part").open("rb") as file:
            return msgspec.json.decode(file.read(int.from_bytes(file.read(4), "big")), type=Head)

    def _key(self, part: str, head: Head) -> bytes:
        """Raises Destroyed."""
        key = bytes.fromhex(head.key)
        for mandate in reversed(head.mandates):
            key = self.sealer.open(_place(part, mandate, head.day), key)
        return key

    def _read(self, part: str, wanted: Sequence[str] | None = None) -> pl.DataFrame:
        """Raises Destroyed, FileNotFoundError, and ValueError where the file is not what was written."""
        raw = (self.folder / f"{part}.part").read_bytes()
        end = 4 + int.from_bytes(raw[:4], "big")
        head = msgspec.json.decode(raw[4:end], type=Head)
        try:
            plain = AESGCM(self._key(part, head)).decrypt(raw[end : end + 12], raw[end + 12 :], raw[4:end])
        except InvalidTag:
            raise ValueError(
                f"{part}.part is not what was written: discard the mirror and begin again"
            ) from None
        columns = None
        if wanted is not None:
            columns = [name for name in pl.read_parquet_schema(BytesIO(plain)) if name in set(wanted)]
        return pl.read_parquet(BytesIO(plain), columns=columns, use_statistics=False)


def _read_people(tx: Tx, sealer: Sealer, ids: Sequence[str]) -> list[Person]:
    evidence = read_evidence(tx, sealer, ids)
    decided = {row.subject_id: row for row in store.current_decisions(tx, ids)}
    found = []
    for one in ids:
        row = decided.get(one)
        if row is not None:
            found.append(Person(one, evidence.get(one, ()), row.outcome, row.valid_until, row.policy_number))
        elif one in evidence:
            found.append(Person(one, evidence[one]))
    return found


def _part_of(row: tuple[str, int]) -> str:
    return row[0][: mirror_store.PREFIX]


def _bit(bits: Any, i: int | None) -> Any:
    return np.bool_(False) if i is None else (bits & bits.dtype.type(1 << i)) != 0


def _place(part: str, mandate: str, day: str) -> Place:
    return Place("policy_mirror", "key", part, mandate, day, "mirror")


__all__ = ["UNDECIDED", "Changed", "Mirror", "People"]
