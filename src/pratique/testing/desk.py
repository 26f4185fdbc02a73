"""Use cases of the desks: second looks at held runs and tubes, conflicts, boards, and forgetting.

A second person, never the one who uploaded, lets a held run out. Boards carry counts and tube codes, never people.
"""

from typing import Literal

import msgspec

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms
from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.tx import Row, Tx
from pratique.testing import erasing, release, releasing, store, store_results, store_tubes
from pratique.testing.campaigns import Campaign, Site, campaign_by_id, sites_of
from pratique.testing.held import Held, HeldRun, held_runs, held_tubes
from pratique.testing.model import Result
from pratique.testing.releasing import Tell

DAY_MS = 86_400_000
PRIOR_DAYS = 14
SWEPT_AT_ONCE = 500


class Progress(msgspec.Struct, frozen=True):
    """How far a campaign has come. `states` counts tubes by state; `missing` is sent minus received."""

    campaign: Campaign
    sites: tuple[Site, ...]
    states: dict[str, int]
    missing: int


class Refused(msgspec.Struct, frozen=True):
    """One message the door refused."""

    lab: str
    control_id: str
    answer: str
    code: str
    field: str
    at: int


class Board(msgspec.Struct, frozen=True):
    """The laboratory desk: what came in since `since`, what is open, what was refused last."""

    messages: int
    quarantine: int
    refusals: int
    held: int
    last_refused: tuple[Refused, ...]
    held_tubes: tuple[Held, ...]
    held_runs: tuple[HeldRun, ...]
    tasks: tuple[Row, ...]


# Boards


def progress(tx: Tx, campaign_id: str, now_ms: int) -> Progress:
    """Raises NotFound."""
    return Progress(
        campaign_by_id(tx, campaign_id),
        tuple(sites_of(tx, campaign_id)),
        {row[0]: int(row[1]) for row in store_results.state_counts(tx, campaign_id)},
        store_tubes.unreceived(tx, now_ms),
    )


def board(tx: Tx, since_ms: int, last: int = 20) -> Board:
    """What the laboratory desk sees."""
    counts = store_results.intake_counts(tx, since_ms)
    names = {lab.id: lab.name for lab in store_results.labs(tx)}
    refused = [
        Refused(names.get(r[0], ""), r[1], r[2], r[3], r[4], int(r[5]))
        for r in store_results.refusals(tx, last)
    ]
    return Board(
        int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3]), tuple(refused), tuple(held_tubes(tx)),
        tuple(held_runs(tx)),
        tuple(store.tasks(tx)),
    )  # fmt: skip


def people_held(tx: Tx) -> list[str]:
    """Everybody whose result waits for a second look: while it does, no deadline of theirs runs."""
    return store_tubes.people_held(tx)


def people_in(tx: Tx, code: str) -> int:
    """How many people a tube is registered with; 0 for a tube nobody knows."""
    return len(store_tubes.members(tx, code))


def results_of(tx: Tx, sealer: Sealer, subject_id: str) -> list[Result]:
    """A person's own results, the latest first: what they were told, never what is held. No site, no tube code."""
    del sealer  # results stand per tube and hold no personal value of their own; the rooms agreed on one form
    found = []
    for kind, told, sealed_at, since, analyte, _ in store_results.results_of(tx, subject_id):
        outcome = releasing.for_person(told, pooled=kind == "mixed") if told else "sample-sealed"
        found.append(Result(kind, outcome, from_ms(sealed_at), from_ms(since), analyte.split()[0]))
    return found


# Second looks


def review_run(tx: Tx, moment: Moment, run_id: str, reviewer: str, tell: Tell, *, let_out: bool) -> int:
    """A second person releases or rejects a held run; the number of tubes this settled.

    Rejected: everyone in it is asked for a new sample, as nobody's fault but ours. Raises NotFound, NotAllowed for
    the uploader.
    """
    run = store_results.run(tx, run_id)
    if run is None or run.state != "held":
        raise _nothing("run_id")
    if reviewer == run.uploader:
        raise NotAllowed(
            "SAME_PERSON", "reviewer",
            Text("who uploaded a run cannot release it; ask a second person", "上传者不能放行该批次，请由他人审核"),
        )  # fmt: skip
    waiting = store_results.waiting_in(tx, run_id, held=True)
    store_results.review_run(tx, run_id, "released" if let_out else "rejected", reviewer, moment.now_ms)
    store.close_task(tx, "run-held", run_id, reviewer, moment.now_ms)
    for code, analyte in waiting:
        if let_out:
            releasing.judge(tx, moment, code, analyte, tell)
        else:
            _recollect(tx, moment, code, analyte, tell)
    return len(waiting)


def resolve_hold(
    tx: Tx, moment: Moment, code: str, analyte: str, reviewer: str, tell: Tell, *, let_out: bool
) -> str:
    """A person has looked at one held tube; its new state. Raises NotFound."""
    now = store_results.standing(tx, code, analyte)
    if now.state != "held" or now.held_because == "run":
        raise _nothing("code")
    store.close_task(tx, now.held_because, code, reviewer, moment.now_ms)
    if let_out:
        return releasing.judge(tx, moment, code, analyte, tell, waived=True)
    _recollect(tx, moment, code, analyte, tell)
    return "unusable"


def _recollect(tx: Tx, moment: Moment, code: str, analyte: str, tell: Tell) -> None:
    """The held result is thrown away: the tube counts as unusable and its people are asked for a new sample."""
    tube, now = store_tubes.tube(tx, code), store_results.standing(tx, code, analyte)
    standing = [v for v in store_results.versions(tx, code, analyte) if v.id == now.version_id]
    if tube is None or not standing:
        return
    thrown = msgspec.structs.replace(standing[0], outcome="unusable")
    changes = releasing.evidence_for(tx, moment, tube, analyte, thrown, now.told_version or None)
    now.state, now.told_version, now.told_outcome, now.held_because = (
        "unusable",
        now.version_id,
        "unusable",
        "",
    )
    store_results.put_standing(tx, code, analyte, now, moment.now_ms)
    store_tubes.set_tube(tx, code, "final")
    if changes:
        tell(tx, moment, changes)


def resolve_conflict(
    tx: Tx,
    moment: Moment,
    conflict_id: str,
    verdict: Literal["first", "recollect"],
    reviewer: str,
    tell: Tell,
) -> None:
    """A person decided about two manifests of one tube. Raises NotFound, Refusal.

    `first`: the registered people stand, the others are asked for a new sample. `recollect`: nobody can say whose
    swabs these are, all are asked, and no result of the tube is ever released.
    """
    if verdict not in ("first", "recollect"):
        raise Refusal(
            "BAD_VERDICT", "verdict", Text("say first or recollect", "请选择保留首次登记或全部重采")
        )
    row = store_tubes.close_conflict(tx, conflict_id, verdict, reviewer, moment.now_ms)
    if row is None:
        raise _nothing("conflict_id")
    code, second, sealed_at = str(row[0]), str(row[1]).split(), int(row[2])
    tube = store_tubes.tube(tx, code)
    first = store_tubes.members(tx, code)
    asked = [s for s in second if s not in first] if verdict == "first" else sorted({*first, *second})
    store.close_task(tx, "conflict", conflict_id, reviewer, moment.now_ms)
    mandate_id = tube.mandate_id if tube else store_tubes.mandate_of_conflict(tx, conflict_id)
    changes = releasing.ask_again(
        tx,
        moment,
        asked,
        mandate_id=mandate_id,
        analyte=min(tube.analytes) if tube else "",
        sealed_at=sealed_at,
    )
    if changes:
        tell(tx, moment, changes)
    if verdict == "first" and store_tubes.open_conflicts_of(tx, code) == 0:
        store_tubes.set_conflict(tx, code, 0)
        for analyte in store_results.analytes_reported(tx, code):
            releasing.judge(tx, moment, code, analyte, tell)


def _nothing(field: str) -> NotFound:
    return NotFound("NOT_FOUND", field, Text("there is no such thing open here", "没有找到待处理的项目"))


# Time passes


def sweep(tx: Tx, moment: Moment) -> dict[str, int]:
    """Once an hour: learn what laboratories usually find, forget what is past its window. Counts by what was done."""
    fresh = _learn_priors(tx, moment)
    emptied = erasing.empty_tubes(tx, moment.now_ms, SWEPT_AT_ONCE)
    return {
        "priors": fresh,
        "tubes_emptied": emptied,
        "quarantine_destroyed": store_results.drop_quarantine(tx, moment.now_ms),
        "unclaimed_results": erasing.drop_unclaimed(tx, moment.now_ms - 30 * DAY_MS),
    }


def _learn_priors(tx: Tx, moment: Moment) -> int:
    runs: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for lab, analyte, purpose, n, positives in store_results.runs_since(
        tx, moment.now_ms - PRIOR_DAYS * DAY_MS
    ):
        runs.setdefault((lab, analyte, purpose), []).append((int(n), int(positives)))
    for (lab, analyte, purpose), seen in runs.items():
        prior = release.prior_from(seen, release.default_prior(purpose))
        store_results.put_prior(tx, lab, analyte, purpose, prior, moment.now_ms)
    return len(runs)
