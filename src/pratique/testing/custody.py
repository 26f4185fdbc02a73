"""Use cases of custody: into the box at the site, out of it at the laboratory. One scan each.

Our receipt scan at the laboratory is the clock of the release gate; what a laboratory says about receipt is not.
"""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.store.tx import Tx
from pratique.testing import releasing, store, store_results, store_tubes
from pratique.testing.releasing import Tell
from pratique.testing.sealed import refuse


def box_tubes(tx: Tx, moment: Moment, box: str, codes: Sequence[str], by: str) -> None:
    """Tubes go into a box at the site; from here on one scan of the box stands for all of them."""
    for code in codes:
        _scan(tx, moment, code, by=by, box=box)
        store_tubes.move_tube(tx, code, "boxed")


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


def missing(tx: Tx, sealed_before: int) -> int:
    """Sent − received: tubes sealed before this time (ms) of which no laboratory has scanned a receipt."""
    return store_tubes.unreceived(tx, sealed_before)


def _scan(
    tx: Tx, moment: Moment, thing: str, *, by: str, box: str = "", lab_id: str = "", at_ms: int = 0
) -> None:
    store.add_custody(
        tx, id=moment.new_id(), thing=thing, box=box, lab_id=lab_id, at=at_ms or moment.now_ms, by_id=by,
        recorded_at=moment.now_ms,
    )  # fmt: skip
