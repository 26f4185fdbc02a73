"""Use cases of custody: into the box at the site, away with the courier, out of it at the laboratory. One scan each.

Our receipt scan at the laboratory is the clock of the release gate; what a laboratory says about receipt is not.
Whoever receives a box counts: where the count is not what was put in, the box stands for nothing and each tube is
scanned, so that what is missing is missing by name of the tube. Nobody here sees whose tubes they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pratique.core.moment import Moment
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_labs, store_results, store_tubes
from pratique.testing.faults import MISSING_MS
from pratique.testing.releasing import Tell
from pratique.testing.sealed import refuse

DAY_MS = 86_400_000
MOST_SCANS = 2000
SHOWN = 100


class Box(NamedTuple):
    """A box, or what lies in none ("" as its code): tubes put in, tubes no laboratory has. Times in ms."""

    code: str
    tubes: int
    outstanding: int
    sealed_at: int
    boxed_at: int | None
    taken_at: int | None
    received_at: int | None
    lab: str
    missing: tuple[str, ...]


class Way(NamedTuple):
    """Sent minus received. `sent` and `received` count tubes sealed in the last day; `missing` all that should long be
    at a laboratory or were not in the box that came."""

    sent: int
    received: int
    at_sites: int
    in_boxes: int
    missing: int
    boxes: tuple[Box, ...]


def box_tubes(tx: Tx, moment: Moment, box: str, codes: Sequence[str], by: str) -> None:
    """Tubes go into a box at the site; from here on one scan of the box stands for all of them. Raises Refusal."""
    _refuse_scans(box, codes)
    for code in codes:
        if code == box:
            raise refuse(
                "BOX_IN_BOX",
                "codes",
                "a box does not go into itself; scan the tubes",
                "请扫描采样管，而非箱码",
            )
        _scan(tx, moment, code, by=by, box=box)
        store_tubes.move_tube(tx, code, "boxed")


def take_boxes(tx: Tx, moment: Moment, boxes: Sequence[str], by: str) -> int:
    """A courier takes boxes away; the number of tubes in them. Raises Refusal for a box nobody packed."""
    tubes = 0
    for box in boxes:
        inside = store.tubes_in_box(tx, box)
        if not inside:
            raise refuse("EMPTY_BOX", "codes", f"nothing was put into box {box}; scan its tubes at the site first",
                         f"箱 {box} 内无登记采样管，请先在采样点扫描装箱")  # fmt: skip
        _scan(tx, moment, box, by=by)
        tubes += len(inside)
    return tubes


def receive_at_lab(
    tx: Tx, moment: Moment, lab_name: str, codes: Sequence[str], by: str, tell: Tell, at_ms: int = 0
) -> int:
    """The laboratory's receipt scan of tubes or boxes; the number of scans.

    `at_ms`: the scan's own time where it was made offline, else 0. Results held for missing custody are judged again.
    Raises Refusal.
    """
    lab = store_results.lab_named(tx, lab_name)
    if lab is None:
        raise refuse("UNKNOWN_LAB", "lab", "there is no laboratory of this name", "没有该名称的检测机构")
    for code in codes:
        _scan(tx, moment, code, by=by, lab_id=lab.id, at_ms=at_ms)
        for tube in [code, *store.tubes_in_box(tx, code)]:
            store_tubes.move_tube(tx, tube, "at-lab")
            for analyte in store_results.analytes_reported(tx, tube):
                releasing.judge(tx, moment, tube, analyte, tell)
    return len(codes)


def receive_box(
    tx: Tx, moment: Moment, lab_name: str, box: str, counted: int, by: str, tell: Tell
) -> tuple[int, int]:
    """A box arrives and its tubes are counted: (put in, counted). Where the two agree all its tubes are received; else
    none is, the desk gets a task, and each tube must be scanned. Raises Refusal."""
    inside = store.tubes_in_box(tx, box)
    if not inside:
        raise refuse("EMPTY_BOX", "codes", f"nothing was put into box {box}; scan its tubes one by one",
                     f"箱 {box} 内无登记采样管，请逐管扫描")  # fmt: skip
    if len(inside) == counted:
        receive_at_lab(tx, moment, lab_name, [box], by, tell)
    else:
        store.open_task(tx, moment.new_id(), "box-count", box, "", moment.now_ms)
    return len(inside), counted


def missing(tx: Tx, sealed_before: int) -> int:
    """Sent − received: tubes sealed before this time (ms) of which no laboratory has scanned a receipt."""
    return store_tubes.unreceived(tx, sealed_before)


def on_the_way(tx: Tx, now: int) -> Way:
    """Where everything is that no laboratory has, box by box, the oldest first."""
    sent, received, at_sites, in_boxes = store_labs.way_counts(tx, now - DAY_MS)
    boxes = []
    for code, outstanding, sealed_at, boxed_at in store_labs.on_the_way(tx, SHOWN):
        facts = store_labs.box_facts(tx, code) if code else None
        put_in, taken_at, received_at, lab = facts or (int(outstanding), None, None, None)
        opened = received_at is not None
        boxes.append(
            Box(
                code, int(put_in), int(outstanding), int(sealed_at), boxed_at, taken_at, received_at, lab or "",
                tuple(store_labs.missing_in(tx, code, SHOWN)) if opened else (),
            )
        )  # fmt: skip
    gone = sum(one.outstanding for one in boxes if one.received_at and one.sealed_at > now - MISSING_MS)
    late = store_tubes.unreceived(tx, now - MISSING_MS)
    return Way(int(sent), int(received), int(at_sites), int(in_boxes), late + gone, tuple(boxes))


def _refuse_scans(box: str, codes: Sequence[str]) -> None:
    if not box or len(box) > 40:
        raise refuse("BAD_BOX", "box", "scan the code of the box first", "请先扫描箱码")
    if not codes or len(codes) > MOST_SCANS:
        raise refuse(
            "BAD_SCANS", "codes", f"scan 1 to {MOST_SCANS} tubes", f"请扫描 1 至 {MOST_SCANS} 支采样管"
        )


def _scan(
    tx: Tx, moment: Moment, thing: str, *, by: str, box: str = "", lab_id: str = "", at_ms: int = 0
) -> None:
    store.add_custody(
        tx, id=moment.new_id(), thing=thing, box=box, lab_id=lab_id, at=at_ms or moment.now_ms, by_id=by,
        recorded_at=moment.now_ms,
    )  # fmt: skip
