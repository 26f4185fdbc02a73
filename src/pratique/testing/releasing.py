"""From a result version to what people are told: fold, gate, run, release, all in the caller's transaction.

One write per tube, not ten. Nobody is positive from a pool. What is held reaches nobody until a second person has
looked. Notices and policy are behind the `Tell` port that `port.py` wires.
"""

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from pratique.core.ids import encode_id
from pratique.core.moment import Moment, from_ms
from pratique.core.text import Text
from pratique.people import service as people
from pratique.policy.model import Evidence, TestOutcome
from pratique.policy.service import EvidenceChange
from pratique.store.tx import Tx
from pratique.testing import release, store, store_labs, store_results, store_tubes, tubecode
from pratique.testing.fold import fold
from pratique.testing.model import Lab, Tube, Version
from pratique.testing.store_results import Run, Standing

Tell = Callable[[Tx, Moment, Sequence[EvidenceChange]], None]

_SETTLED = ("negative", "positive", "indeterminate", "unusable", "closed")
_NEEDS_SINGLES = ("positive", "indeterminate")
_ANY_SIZE = 1 << 30
SAMPLING = Text("sampling", "采样")
_SPAN_OF_NAMED_RUN = 86_400_000  # a batch or upload goes on for a day at most


class Known(NamedTuple):
    """What a caller has read already: the tube, the laboratory that reports, when it received the tube, the run of
    the version, and the version itself where it is the first."""

    tube: Tube
    lab: Lab
    received_at: int | None
    run: Run | None
    only: Version | None = None


def judge(
    tx: Tx,
    moment: Moment,
    code: str,
    analyte: str,
    tell: Tell,
    *,
    waived: bool = False,
    known: Known | None = None,
) -> str:
    """Fold all versions of a tube and act on the one that stands; the state it has now.

    `waived`: a second person has looked, so neither message nor run holds it. An unregistered tube waits for its
    site ("no-result").
    """
    tube = known.tube if known else store_tubes.tube(tx, code)
    first = known.only if known else None
    folded = fold([first] if first else store_results.versions(tx, code, analyte))
    version = folded.version
    if tube is None or version is None:
        return "no-result"
    now = Standing() if first else store_results.standing(tx, code, analyte)
    if now.version_id == version.id and now.state in _SETTLED and not folded.tie:
        return now.state
    seen = known if known and known.run and known.run.id == version.run_id else _known(tx, tube, version)
    because = "" if waived else "tie" if folded.tie else _held_because(tx, version, seen)
    if not tube.in_force[0] <= moment.now_ms < tube.in_force[1]:
        because = "mandate"  # law 1: nothing is decided about anybody any more
    run = seen.run if seen else None
    if not because and not waived and run is not None and run.state in ("held", "rejected"):
        because = "run"
    fresh = Standing(
        "held", version.id, version.outcome, now.told_version, now.told_outcome, because, version.run_id
    )
    if not because:
        suspect = run is not None and run.state == "suspect"
        settled = waived or run is None or run.state == "released"
        if settled or not release.waits(version.outcome, suspect=suspect):
            return _release(tx, moment, tube, analyte, version, fresh, tell, seen.lab if seen else None)
        fresh.state = "waiting"
        store_results.run_waits(tx, version.run_id, moment.now_ms)
    elif because in ("future", "tie", "pooled-code"):
        store.open_task(tx, moment.new_id(), because, code, version.lab_id, moment.now_ms)
    store_results.put_standing(tx, code, analyte, fresh, moment.now_ms)
    return fresh.state


def _known(tx: Tx, tube: Tube, version: Version) -> Known | None:
    lab = store_results.lab(tx, version.lab_id)
    if lab is None:
        return None
    run = store_results.run(tx, version.run_id)
    return Known(tube, lab, store.received_at(tx, tube.code, lab.id), run)


def _held_because(tx: Tx, version: Version, seen: Known | None) -> str:
    if seen is None:
        return "no-custody"
    lab = seen.lab
    lacking = lab.sends_controls and not store_labs.controls_right(tx, version.run_id)
    return release.hold_message(version, seen.tube, seen.received_at, lab.run_minutes, lacks_controls=lacking)


# Runs


def count(
    tx: Tx,
    moment: Moment,
    *,
    lab_id: str,
    analyte: str,
    purpose: str,
    key: str,
    uploader: str,
    positive: bool,
) -> Run:
    """Count one final result into the run it belongs to now, a new one where the last is over; the run may be
    suspect from here on."""
    now = moment.now_ms
    named = key.startswith(("batch:", "run:"))  # else: an instrument, or simply what comes together
    run = store_results.count_into_current(
        tx, lab_id, analyte, purpose, key, positive=int(positive), now=now,
        quiet_since=now - _SPAN_OF_NAMED_RUN if named else 0,
        first_since=0 if named else now - release.RUN_SPAN_MS,
        size=_ANY_SIZE if named else release.RUN_SIZE,
    )  # fmt: skip
    if run is None:
        store_results.end_current(tx, lab_id, analyte, purpose, key)
        run = Run(
            moment.new_id(), "open", 1, int(positive), now, now, None, lab_id, analyte, purpose, uploader
        )
        store_results.add_run(tx, run, key)
    state = "suspect" if _improbable(tx, run) else "open"
    if run.state not in ("held", state):
        run.state = state
        store_results.set_run_state(tx, run.id, state)
    return run


def _improbable(tx: Tx, run: Run) -> bool:
    if run.positives < 2:
        return False
    known = store_results.prior(tx, run.lab_id, run.analyte, run.purpose)
    return release.is_improbable(run.positives, run.n, known or release.default_prior(run.purpose))


def due(tx: Tx, moment: Moment) -> list[str]:
    """Runs that have been quiet for 2 s, or in which something has waited for 4 s."""
    now = moment.now_ms
    return store_results.due_runs(tx, now - release.QUIET_MS, now - release.LONGEST_WAIT_MS)


def settle_run(tx: Tx, moment: Moment, run_id: str, tell: Tell) -> None:
    """Judge one run over all that came in it: release what waits, or hold it for a second person."""
    run = store_results.run(tx, run_id)
    if run is None or run.waits_since is None:
        return
    held = _improbable(tx, run)
    store_results.settle_run(tx, run.id, "held" if held else "open")
    if held:
        store.open_task(tx, moment.new_id(), "run-held", run.id, run.lab_id, moment.now_ms)
    for code, analyte in store_results.waiting_in(tx, run.id):
        if held:
            judge(tx, moment, code, analyte, tell)
        else:
            _release_waiting(tx, moment, code, analyte, tell)


def settle(tx: Tx, moment: Moment, tell: Tell) -> int:
    """Judge every run that is due; how many. Who serves calls this several times a second, or, so that one run that
    fails cannot hold up others, `due` and `settle_run` in transactions of their own."""
    runs = due(tx, moment)
    for run_id in runs:
        settle_run(tx, moment, run_id, tell)
    return len(runs)


def _release_waiting(tx: Tx, moment: Moment, code: str, analyte: str, tell: Tell) -> None:
    """Let one waiting tube out. What stands now is released, not what stood when it began to wait."""
    tube = store_tubes.tube(tx, code)
    version = fold(store_results.versions(tx, code, analyte)).version
    now = store_results.standing(tx, code, analyte)
    if tube is None or version is None or version.id != now.version_id:
        return
    if not tube.in_force[0] <= moment.now_ms < tube.in_force[1]:
        judge(tx, moment, code, analyte, tell)  # held: the mandate ended while it waited
        return
    fresh = Standing("held", version.id, version.outcome, now.told_version, now.told_outcome, "", now.run_id)
    _release(tx, moment, tube, analyte, version, fresh, tell)


# Release


def _release(
    tx: Tx, moment: Moment, tube: Tube, analyte: str, version: Version, fresh: Standing, tell: Tell,
    lab: Lab | None = None,
) -> str:  # fmt: skip
    fresh.state = "no-result" if version.outcome == "withdrawn" else version.outcome
    changes: list[EvidenceChange] = []
    before = fresh.told_outcome
    if version.outcome != before and not (version.outcome == "withdrawn" and not fresh.told_version):
        changes = evidence_for(tx, moment, tube, analyte, version, fresh.told_version or None, lab)
        fresh.told_version, fresh.told_outcome = version.id, version.outcome
    store_results.put_standing(tx, tube.code, analyte, fresh, moment.now_ms)
    if (state := "sealed" if fresh.state == "no-result" else "final") != tube.state:
        store_tubes.set_tube(tx, tube.code, state)
    if tube.kind == "mixed":
        if version.outcome in _NEEDS_SINGLES:
            _reserve_singles(tx, moment, tube)
        elif before in _NEEDS_SINGLES:
            store_tubes.drop_reserved(tx, tube.code)
    if changes:
        tell(tx, moment, changes)
    if tube.kind == "single":
        _close_pools(tx, moment, tube, analyte)
    return fresh.state


def evidence_for(
    tx: Tx, moment: Moment, tube: Tube, analyte: str, version: Version, supersedes: str | None,
    lab: Lab | None = None,
) -> list[EvidenceChange]:  # fmt: skip
    """One evidence change per member who is not forgotten. A pool that is not negative asks for single tests and
    says nothing else."""
    lab = lab or store_results.lab(tx, version.lab_id)
    name = lab.name if lab else ""
    members = store_tubes.members(tx, tube.code)
    pooled = tube.kind == "mixed"
    return _changes(
        tx, moment, members, supersedes, outcome=for_person(version.outcome, pooled=pooled), analyte=analyte,
        pooled=pooled, sampled_at=from_ms(tube.sealed_at), source=Text(f"laboratory {name}", f"检测机构 {name}"),
        refs=[version.id] * len(members), mandate_id=tube.mandate_id,
    )  # fmt: skip


def _changes(
    tx: Tx, moment: Moment, subjects: Sequence[str], supersedes: str | None, *, outcome: TestOutcome, analyte: str,
    pooled: bool, sampled_at: datetime, source: Text, refs: Sequence[str], mandate_id: str,
    known: Set[str] | None = None,
) -> list[EvidenceChange]:  # fmt: skip
    """The same news for each of these people; the forgotten are left out: who is not among `known`, if the caller has
    looked already."""
    known = people.existing(tx, subjects) if known is None else known
    chance = moment.random(16 * len(subjects))
    return [
        EvidenceChange(
            Evidence(
                id=encode_id(chance[16 * n : 16 * n + 16]), subject_id=subject, kind="test", outcome=outcome,
                analyte=analyte, pooled=pooled, sampled_at=sampled_at, known_at=moment.now, source=source,
                ref=refs[n], mandate_id=mandate_id,
            ),
            supersedes,
        )
        for n, subject in enumerate(subjects)
        if subject in known
    ]  # fmt: skip


def tell_latecomers(tx: Tx, moment: Moment, code: str, analyte: str, subjects: set[str], tell: Tell) -> None:
    """People whom the site added after the tube's result had gone out hear what the others heard."""
    tube, now = store_tubes.tube(tx, code), store_results.standing(tx, code, analyte)
    told = [v for v in store_results.versions(tx, code, analyte) if v.id == now.told_version]
    if tube is None or not told or now.told_outcome == "withdrawn":
        return
    changes = evidence_for(tx, moment, tube, analyte, told[0], None)
    tell(tx, moment, [change for change in changes if change.evidence.subject_id in subjects])


def for_person(outcome: str, *, pooled: bool) -> TestOutcome:
    """What a tube's outcome means for one person in it. Nobody is detected from a pool."""
    if outcome == "negative":
        return "not-detected"
    if outcome == "unusable":
        return "recollect"
    if outcome == "withdrawn":
        return "sample-sealed"  # back to waiting for a result, as if none had come
    return "detected" if outcome == "positive" and not pooled else "retest-required"


def sealed_evidence(
    tx: Tx,
    moment: Moment,
    subjects: Sequence[str],
    *,
    mandate_id: str,
    analyte: str,
    pooled: bool,
    sealed_at: int,
    known: Set[str] | None = None,
) -> list[EvidenceChange]:
    """What members know once their tube is registered. Each has a reference of its own: nothing ties ten people or
    a place together."""
    return _changes(
        tx, moment, subjects, None, outcome="sample-sealed", analyte=analyte, pooled=pooled,
        sampled_at=from_ms(sealed_at), source=Text("sampling", "采样"), mandate_id=mandate_id,
        refs=[moment.new_id() for _ in subjects], known=known,
    )  # fmt: skip


def ask_again(
    tx: Tx,
    moment: Moment,
    subjects: Sequence[str],
    *,
    mandate_id: str,
    analyte: str,
    sealed_at: int,
    why: Text = SAMPLING,
) -> list[EvidenceChange]:
    """Nobody can say whose swab it was, or where it is: these people are asked for a new sample."""
    return _changes(
        tx, moment, subjects, None, outcome="recollect", analyte=analyte, pooled=False,
        sampled_at=from_ms(sealed_at), source=why, mandate_id=mandate_id,
        refs=[moment.new_id() for _ in subjects],
    )  # fmt: skip


def _reserve_singles(tx: Tx, moment: Moment, pool: Tube) -> None:
    """One reserved single-tube code per member."""
    for subject in store_tubes.members(tx, pool.code):
        if store_tubes.reserved_code(tx, pool.code, subject) is None:
            store_tubes.add_tube(
                tx, code=tubecode.make(moment), campaign_id=pool.campaign_id, kind="single", purpose="retest",
                parent_pool=pool.code, reserved_for=subject, site_id="", lane=0, device_id="", people=1,
                opened_at=0, sealed_at=0, device_sealed_at=0, registered_at=moment.now_ms, state="reserved",
            )  # fmt: skip


def _close_pools(tx: Tx, moment: Moment, single: Tube, analyte: str) -> None:
    for subject in store_tubes.members(tx, single.code):
        for pool in store_tubes.open_pools(tx, subject, single.sealed_at):
            now = store_results.standing(tx, pool, analyte)
            if now.state not in _NEEDS_SINGLES or store_tubes.unsettled_members(tx, pool, analyte):
                continue
            now.state = "closed"
            store_results.put_standing(tx, pool, analyte, now, moment.now_ms)
            store_tubes.set_tube(tx, pool, "closed")
            store_tubes.drop_reserved(tx, pool)
            if store_tubes.positive_singles(tx, pool, analyte) == 0:
                store.open_task(tx, moment.new_id(), "no-positive-found", pool, "", moment.now_ms)
