"""A policy reaches the gates: one in a hundred, one in ten, all of them; it stops by itself when something is off.

People are equal before a rule: all are decided at once when it begins. What comes in steps is the document by which
gates judge and count, and the watch over what their counts say. A stop halts what is not done yet and waits for a
person, who goes on or goes back.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from pratique.core.errors import Conflict
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.fleet.model import SLOT_SECONDS, Gate
from pratique.policy import service as policy
from pratique.rollout import store
from pratique.rollout.drafting import impact_of
from pratique.rollout.model import Rollout
from pratique.rollout.watch import ALARMS, Band, Seen, band, is_last, judge, stage_of
from pratique.store.tx import Tx

Publish = Callable[[Tx, Moment], int]
ALL, BASE = 2, timedelta(hours=24)
HOLDS = {("hold", "policy"), ("hold", "revoked"), ("hold", "expired")}
SHOWN = ("clear", "conditions", "hold")


def carry(tx: Tx, moment: Moment, publish: Publish) -> Rollout | None:
    """What is due for the policy in force: begin, go on, stop or finish; the rollout if something was done.

    `publish` signs a snapshot in this transaction, so that no gate is ever offered an older one than it has.
    """
    live = policy.live_policy(tx, moment.now)
    one = None if live is None else store.rollout(tx, live.number)
    if live is None or one is None or one.state not in ("waiting", "running"):
        return None
    gates = _up(tx)
    if one.state == "waiting":
        _supersede_older(tx, one.policy_number, moment)
        return _enter(tx, moment, publish, _expected(tx, moment, one), gates, 0)
    seen = look(tx, moment.now, one, gates)
    since = one.stage_at or moment.now
    todo, why = judge(Band(one.base_holds, one.low, one.high), seen, since, moment.now)
    if todo == "stop":
        return stop(tx, moment, one, why, "")
    if todo == "wait":
        return None
    if is_last([gate.id for gate in gates], one.policy_number, one.stage):
        fleet.let_all_in(tx)
        done = one._replace(state="done", stage=ALL, snapshot=publish(tx, moment), why="")
        store.save_rollout(tx, done)
        return done
    return _enter(tx, moment, publish, one, gates, one.stage + 1)


def look(tx: Tx, now: datetime, one: Rollout, gates: list[Gate]) -> Seen:
    """What the gates of the stage have told since it began. Counts only."""
    mine = set(stage_of([gate.id for gate in gates], one.policy_number, one.stage))
    since = one.stage_at or now
    showings = holds = 0
    for gate_id, _, outcome, reason, number, n in fleet.policy_counts(tx, since, now):
        if gate_id in mine and number == one.policy_number and outcome in SHOWN:
            showings += n
            holds += n if (outcome, reason) in HOLDS else 0
    here = [gate for gate in gates if gate.id in mine]
    first = int(since.timestamp()) // SLOT_SECONDS
    alarmed = fleet.alarmed_since(tx, first, ALARMS) & mine - set(one.alarmed.split())
    heard = sum(gate.snapshot >= one.snapshot for gate in here)
    return Seen(showings, holds, len(alarmed), heard, len(here))


def look_now(tx: Tx, now: datetime, one: Rollout) -> Seen:
    """`look` with the gates that are up."""
    return look(tx, now, one, _up(tx))


def stop(tx: Tx, moment: Moment, one: Rollout, why: str, by_whom: str) -> Rollout:
    """Halt the rollout and what is left of the re-decision."""
    stopped = one._replace(state="stopped", why=why, by_whom=by_whom)
    store.save_rollout(tx, stopped)
    job = store.job(tx, one.policy_number)
    if job is not None and job.state in ("waiting", "running"):
        store.save_job(tx, job._replace(state="halted"), moment.now_ms)
    return stopped


def go_on(tx: Tx, moment: Moment, number: int, by_whom: str) -> Rollout:
    """Somebody looked and lets it go on from where it stopped. Raises Conflict."""
    one = store.rollout(tx, number)
    live = policy.live_policy(tx, moment.now)
    if one is None or one.state != "stopped" or live is None or live.number != number:
        raise Conflict("NOT_STOPPED", "number", Text("this policy did not stop", "该政策未处于停止状态"))
    already = " ".join(sorted(gate.id for gate in _up(tx) if ALARMS & set(gate.alarms)))
    running = one._replace(state="running", stage_at=moment.now, why="", by_whom=by_whom, alarmed=already)
    store.save_rollout(tx, running)
    job = store.job(tx, number)
    if job is not None and job.state == "halted":
        store.save_job(tx, job._replace(state="running" if job.started_at else "waiting"), moment.now_ms)
    return running


def halt(tx: Tx, moment: Moment, number: int, by_whom: str) -> Rollout:
    """Somebody stops it by hand. Raises Conflict."""
    one = store.rollout(tx, number)
    if one is None or one.state not in ("waiting", "running"):
        raise Conflict("NOT_RUNNING", "number", Text("this policy is not on its way", "该政策不在推行中"))
    return stop(tx, moment, one, "by-hand", by_whom)


def _up(tx: Tx) -> list[Gate]:
    return [gate for gate in fleet.gates(tx) if gate.state == "up"]


def _enter(tx: Tx, moment: Moment, publish: Publish, one: Rollout, gates: list[Gate], stage: int) -> Rollout:
    fleet.let_in(tx, stage_of([gate.id for gate in gates], one.policy_number, stage))
    already = " ".join(sorted(gate.id for gate in gates if ALARMS & set(gate.alarms)))
    entered = one._replace(
        state="running", stage=stage, stage_at=moment.now, snapshot=publish(tx, moment), alarmed=already
    )
    store.save_rollout(tx, entered)
    return entered


def _supersede_older(tx: Tx, number: int, moment: Moment) -> None:
    for older in store.rollouts(tx):
        if older.policy_number < number and older.state in ("waiting", "running", "stopped"):
            store.save_rollout(tx, older._replace(state="superseded"))
    for job in store.jobs(tx):
        if job.policy_number < number and job.state not in ("done", "superseded"):
            store.save_job(tx, job._replace(state="superseded"), moment.now_ms)


def _expected(tx: Tx, moment: Moment, one: Rollout) -> Rollout:
    """The band of holds: the day before at all gates, moved as the preview says."""
    showings = holds = 0
    for _, _, outcome, reason, _, n in fleet.policy_counts(tx, moment.now - BASE, moment.now):
        if outcome in SHOWN:
            showings += n
            holds += n if (outcome, reason) in HOLDS else 0
    found = store.order(tx, one.order_id)
    base = holds * 1000 // showings if showings else 0
    expected = band(base, None if found is None else impact_of(found))
    return one._replace(base_holds=expected.base, low=expected.low, high=expected.high)
