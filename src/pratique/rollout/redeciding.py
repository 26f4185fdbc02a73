"""Everybody is decided again under a new policy: one comparison of columns a range, only changes written.

A range of people is read and compared outside the writer; who is touched is written in batches, each one transaction
together with the progress it made. A killed job goes on where it was and ends in the same state: whoever was written
already names the new policy and is not touched again.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pratique.core.moment import Moment
from pratique.notices import service as notices
from pratique.notices.model import House
from pratique.policy import service as policy
from pratique.rollout import store
from pratique.rollout.affected import Mark, affected
from pratique.rollout.model import Job
from pratique.rollout.publishing import people
from pratique.store.store import Store
from pratique.store.tx import Tx

RANGE = 5_000  # people compared at once
BATCH = 250  # people written in one transaction
PREFIX = 4  # letters of a random id that say how far a job has come: enough to find the place, too few to name anybody
LAST = "Z" * 26


class Scan(NamedTuple):
    """One range: the job as it stood, whom it touches, how many people it holds, where it ends ("": nobody is left)."""

    job: Job
    touched: list[str]
    size: int
    ends: str


def redecide(
    data: Store, moments: Callable[[], Moment], house: House, *, size: int = RANGE, batch: int = BATCH
) -> Job | None:
    """The next range of the job for the policy in force; None where there is nothing to do."""
    with data.read() as tx:
        found = scan(tx, moments(), house, size)
    if found is None:
        return None
    job = found.job
    if job.state == "waiting":
        data.write(lambda tx: _start(tx, moments(), job.policy_number))
    for start in range(0, len(found.touched), batch):
        part = found.touched[start : start + batch]
        if not data.write(
            partial(_write, moments=moments, house=house, number=job.policy_number, subject_ids=part)
        ):
            return None
    return data.write(lambda tx: _close(tx, moments(), found))


def scan(tx: Tx, moment: Moment, house: House, size: int = RANGE) -> Scan | None:
    """Whom the policy in force touches among the next people in order of their random ids. Reads only."""
    live = policy.live_policy(tx, moment.now)
    job = None if live is None else store.job(tx, live.number)
    if live is None or job is None or job.state not in ("waiting", "running"):
        return None
    ids, ends = _range(tx, job.place, size)
    marks = {one: Mark(*mark) for one, mark in policy.decision_marks(tx, ids).items()}
    evidence = policy.evidence_of_many(tx, house.sealer, ids)
    olds = {
        number: rules
        for number in {mark.policy_number for mark in marks.values()} - {live.number}
        if (rules := policy.rule_set(tx, number)) is not None
    }
    return Scan(job, affected(ids, evidence, marks, live, olds, moment.now), len(ids), ends)


def _range(tx: Tx, place: str, size: int) -> tuple[list[str], str]:
    """The next people whose ids begin after `place`, whole prefixes only; and the last prefix ("" at the end)."""
    after = place + LAST[len(place) :] if place else ""
    while True:
        ids = policy.subjects_after(tx, after, size)
        if len(ids) < size:
            return ids, ""
        last = ids[-1][:PREFIX]
        whole = [one for one in ids if one[:PREFIX] != last]
        if whole:
            return whole, whole[-1][:PREFIX]
        size *= 2  # a whole range within one prefix: only in made-up data


def _start(tx: Tx, moment: Moment, number: int) -> None:
    job = store.job(tx, number)
    if job is not None and job.state == "waiting":
        store.save_job(tx, job._replace(state="running", total=people(tx)), moment.now_ms)


def _running(tx: Tx, moment: Moment, number: int) -> Job | None:
    """The job, if it still is for the policy in force and nobody stopped it."""
    live = policy.live_policy(tx, moment.now)
    job = store.job(tx, number)
    return (
        job
        if live is not None and live.number == number and job is not None and job.state == "running"
        else None
    )


def _write(tx: Tx, moments: Callable[[], Moment], house: House, number: int, subject_ids: list[str]) -> bool:
    moment = moments()
    job = _running(tx, moment, number)
    if job is None:
        return False
    made = notices.policy_changed(tx, moment, house, subject_ids)
    store.save_job(
        tx, job._replace(changed=job.changed + made.changed, told=job.told + made.told), moment.now_ms
    )
    return True


def _close(tx: Tx, moment: Moment, found: Scan) -> Job | None:
    job = _running(tx, moment, found.job.policy_number)
    if job is None:
        return None
    done = job.done + found.size
    job = job._replace(
        done=done,
        total=max(job.total, done) if found.ends else done,
        place=found.ends,
        state="running" if found.ends else "done",
    )
    store.save_job(tx, job, moment.now_ms)
    return job
