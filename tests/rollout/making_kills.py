"""A re-decision as a process that can be killed: fixed time, chance that follows from how far it has come.

`python -m tests.rollout.making_kills FOLDER URL prepare|run`. With chance tied to the stored progress, two runs that
write the same write the same bytes, ids and nonces included.
"""

import hashlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pratique.core.moment import Moment
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange, House
from pratique.people import service as people
from pratique.policy.mirror import Mirror
from pratique.policy.service import town_rules
from pratique.rollout import service, store
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx
from tests.mandates import making
from tests.rollout.making import draft_of, hold_without_test, negative
from tests.ruling import publish

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
PEOPLE, TESTED = 240, 90
BATCH = 12
T = TypeVar("T")


class Chance:
    """Bytes that follow from a word: the same word, the same bytes."""

    def __init__(self) -> None:
        self.begin("")

    def begin(self, word: str) -> None:
        self._word, self._n = word, 0

    def __call__(self, n: int) -> bytes:
        self._n += 1
        return hashlib.shake_256(f"{self._word} {self._n}".encode()).digest(n)


class Secrets:
    """Keys that follow from their names."""

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        return hashlib.sha256(f"m {mandate}".encode()).digest()

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        return hashlib.sha256(f"d {mandate} {day}".encode()).digest()

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        return hashlib.sha256(f"s {mandate} {subject}".encode()).digest()

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        return self.mandate(mandate) + self.day(mandate, day) + self.subject(mandate, subject)

    def destroy_subject(self, mandate: str, subject: str) -> object:
        raise AssertionError("nobody is forgotten here")


def opened(folder: Path, url: str) -> tuple[Store, Chance, House]:
    folder.mkdir(parents=True, exist_ok=True)
    chance = Chance()
    signer = new_signer("ES256")
    assert isinstance(signer, Es256Signer)
    return open_store(url, folder), chance, House(Sealer(Secrets(), chance), signer, Secrets())


def prepare(folder: Path, url: str) -> None:
    """People decided under one policy, and another one published: everything is ready to be decided again."""
    data, chance, house = opened(folder, url)
    moment = Moment(NOW - timedelta(hours=1), chance)

    def act(tx: Tx) -> None:
        chance.begin("prepare")
        mandate = making.live(tx, moment, days=30)
        publish(tx, moment, town_rules(), mandate.id)
        ids = [people.create_subject(tx, moment, "paper") for _ in range(PEOPLE)]
        changes = [EvidenceChange(negative(one, moment, mandate.id)) for one in ids[:TESTED]]
        notices.evidence_changed(tx, moment, house, changes)
        for one in ids[TESTED:]:
            notices.catch_up(tx, moment, house, one)
        made = publish(tx, moment, draft_of(hold_without_test), mandate.id)
        store.add_job(tx, made.number, mandate.id)

    data.write(act)
    data.close()


def moments(data: Store, chance: Chance) -> Callable[[], Moment]:
    def make() -> Moment:
        with data.read() as tx:
            job = store.jobs(tx)[0]
        chance.begin(f"{job.state} {job.done} {job.changed}")
        return Moment(NOW, chance)

    return make


def run(folder: Path, url: str) -> None:
    """Asks before each transaction: writes a line and waits for a byte."""
    data, chance, house = opened(folder, url)
    write = data.write

    def asked(act: Callable[[Tx], T]) -> T:
        print("write", flush=True)
        sys.stdin.buffer.read(1)
        return write(act)

    data.write = asked  # type: ignore[method-assign]
    mirror = Mirror(folder / "mirror", data, house.sealer)
    while (job := service.redecide(data, moments(data, chance), house, mirror, batch=BATCH)) is not None:
        if job.state not in ("waiting", "running"):
            break
    data.close()
    print("done", flush=True)


if __name__ == "__main__":
    {"prepare": prepare, "run": run}[sys.argv[3]](Path(sys.argv[1]), sys.argv[2])
