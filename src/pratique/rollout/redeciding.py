"""Everybody is decided again under a new policy: one comparison of columns a part of the city, only changes written.

The mirror (policy/mirror.py) is brought level, then stays as it is while the job runs: part by part the columns say
whom the policy touches, without a row read from the database. They alone are written in batches, each one transaction
with the progress it made, and each person in it is decided from the live facts: who would read the same, was decided
meanwhile or was forgotten is left out. At the end whoever changed while the job ran is looked at. A killed job goes
on after its last batch and ends in the same rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment
from pratique.notices import service as notices
from pratique.notices.model import House
from pratique.policy import service as policy
from pratique.policy.mirror import Changed, Mirror
from pratique.policy.model import RuleSet
from pratique.rollout import store
from pratique.rollout.model import Job
from pratique.store.store import Store
from pratique.store.tx import Tx

BATCH = 500  # people written in one transaction
BATCHES = 8  # transactions of one step, so that whoever calls can do other things in between
PREFIX = 4  # letters of a random id that say how far a job has come: enough to find the place, too few to name anybody
END = "Z" * PREFIX
KNOWN = 8  # policies back to which a decision is compared; who was decided by an older one is decided again


class Batch(NamedTuple):
    """People to decide again, and how far the job has come with them."""

    subject_ids: list[str]
    place: str
    done: int


def redecide(
    data: Store, moments: Callable[[], Moment], house: House, mirror: Mirror, *, batch: int = BATCH
) -> Job | None:
    """The next step of the job for the policy in force: some of the mirror brought level, or some of the people decided
    again; None where there is nothing to do."""
    moment = moments()
    with data.read() as tx:
        found = _in_force(tx, moment)
        if found is None:
            return None
        live, job = found
        known = _policies(tx, live.number)
    analytes = analytes_of(known.values())
    if job.state == "waiting":
        mirror.begin(moment)
        if mirror.catch_up(moment, analytes):
            return job
        return data.write(lambda tx: _start(tx, moments(), live.number, mirror.size()))
    if mirror.mend(moment, analytes):
        return job
    part = next((one for one in mirror.parts() if place_of(one) > job.place), None)
    if part is None:
        return _finish(data, moments, house, job, batch)
    try:
        changed = mirror.changed_in(part, live, moment.now, known.get, after=job.place)
    except (Destroyed, FileNotFoundError):  # a mandate ended just now: the part is made anew by the next step
        return job
    for step in islice(batches(changed, job.done, batch), BATCHES):
        now = data.write(partial(_write, moments=moments, house=house, was=job, step=step))
        if now is None or now.place != step.place:
            return now  # stopped, or another process goes on with it
        job = now
    return job


def follow(data: Store, moment: Moment, mirror: Mirror, also: Sequence[RuleSet] = ()) -> int:
    """The next step of keeping the mirror level with the database, with the columns that the policy in force and `also`
    read; 0 when it is. While a job runs it stays as it is."""
    with data.read() as tx:
        found = _in_force(tx, moment)
        live = policy.live_policy(tx, moment.now)
    if found is not None and found[1].state == "running":
        return 0
    mirror.begin(moment)
    return mirror.catch_up(moment, analytes_of([*also, *([live] if live is not None else [])]))


def analytes_of(rulesets: Iterable[RuleSet]) -> list[str]:
    """The analytes that rules name."""
    return sorted({rule.house.analyte for rules in rulesets for rule in rules.rules if rule.house} - {""})


def place_of(part: str) -> str:
    """Where a job stands that is through with this part."""
    return (part + END)[:PREFIX]


def batches(changed: Changed, done: int, size: int) -> Iterator[Batch]:
    """The changed people of a part, at most `size` each, more only where ids begin alike, as a place names whole
    beginnings. `done`: people before them. The last batch, with or without people, is through with the part."""
    ids, start = changed.subject_ids, 0
    while len(ids) - start > size:
        end = start + size
        while end < len(ids) and ids[end][:PREFIX] == ids[end - 1][:PREFIX]:
            end += 1
        if end == len(ids):
            break
        yield Batch(ids[start:end], ids[end - 1][:PREFIX], done + changed.places[end - 1] + 1)
        start = end
    yield Batch(ids[start:], place_of(changed.part), done + changed.people)


def _in_force(tx: Tx, moment: Moment) -> tuple[RuleSet, Job] | None:
    """The policy in force and its job, if that has something to do."""
    live = policy.live_policy(tx, moment.now)
    job = None if live is None else store.job(tx, live.number)
    if live is None or job is None or job.state not in ("waiting", "running"):
        return None
    return live, job


def _policies(tx: Tx, number: int) -> dict[int, RuleSet]:
    """This policy and those before it: what decisions may stand on."""
    numbers = range(max(1, number - KNOWN), number + 1)
    return {one: rules for one in numbers if (rules := policy.rule_set(tx, one)) is not None}


def _start(tx: Tx, moment: Moment, number: int, total: int) -> Job | None:
    job = store.job(tx, number)
    if job is not None and job.state == "waiting":
        job = job._replace(state="running", total=total)
        store.save_job(tx, job, moment.now_ms)
    return job


def _write(tx: Tx, moments: Callable[[], Moment], house: House, was: Job, step: Batch) -> Job | None:
    """One batch and the progress with it, if the job still is where it was found. The job as it is now; None where it
    is not running any more."""
    moment = moments()
    job = _running(tx, moment, was.policy_number)
    if job is None or job.place != was.place:
        return job
    made = notices.policy_changed(tx, moment, house, step.subject_ids)
    job = job._replace(
        done=step.done,
        total=max(job.total, step.done),
        changed=job.changed + made.changed,
        told=job.told + made.told,
        place=step.place,
    )
    store.save_job(tx, job, moment.now_ms)
    return job


def _finish(data: Store, moments: Callable[[], Moment], house: House, job: Job, size: int) -> Job | None:
    """Who changed while the job ran and was decided by an older policy all the same, then the end of the job."""
    after = ""
    while True:
        with data.read() as tx:
            ids = policy.waiting_otherwise(tx, job.policy_number, after, size)
        if not ids:
            break
        now = data.write(
            partial(_write, moments=moments, house=house, was=job, step=Batch(ids, job.place, job.done))
        )
        if now is None or now.place != job.place:
            return now
        after, job = ids[-1], now
    return data.write(partial(_close, moments=moments, was=job))


def _close(tx: Tx, moments: Callable[[], Moment], was: Job) -> Job | None:
    moment = moments()
    job = _running(tx, moment, was.policy_number)
    if job is None or job.place != was.place:
        return job
    job = job._replace(state="done", total=job.done, place="")
    store.save_job(tx, job, moment.now_ms)
    return job


def _running(tx: Tx, moment: Moment, number: int) -> Job | None:
    """The job, if it still is for the policy in force and nobody stopped it."""
    live = policy.live_policy(tx, moment.now)
    job = store.job(tx, number)
    return (
        job
        if live is not None and live.number == number and job is not None and job.state == "running"
        else None
    )
