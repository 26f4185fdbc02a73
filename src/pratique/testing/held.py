"""What waits for a second look, and why. Shown to the laboratory desk, and to a laboratory of its own results."""

import msgspec

from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing import release, store_results

HELD_BECAUSE = {
    "conflict": Text("two devices registered this tube", "两台设备登记了同一采样管"),
    "future": Text("a time in the future: the laboratory's clock is wrong", "时间在未来：实验室时钟有误"),
    "no-custody": Text(
        "we have no receipt scan of this tube at the laboratory", "没有该管在实验室的接收扫描记录"
    ),
    "too-fast": Text("the result came sooner than a run can take", "出结果时间短于检测所需时间"),
    "count": Text(
        "the laboratory counts other people in this tube than the site", "实验室与采样点的人数不一致"
    ),
    "pooled-code": Text("the laboratory says pool, we know one person", "实验室报告为混检，而登记为单人"),
    "controls": Text("the run's controls are missing or failed", "质控缺失或失败"),
    "mandate": Text("the mandate ended before the result could be released", "授权令在结果放行前已终止"),
    "run": Text(
        "this run is held: too many positives for this laboratory", "本批次被暂扣：阳性数超出该机构常态"
    ),
    "tie": Text("two results of one moment contradict each other", "同一时刻的两个结果互相矛盾"),
}


class Held(msgspec.Struct, frozen=True):
    """A tube that waits for a second look."""

    code: str
    analyte: str
    because: str
    text: Text
    run_id: str
    since: int


class HeldRun(msgspec.Struct, frozen=True):
    """A run that waits for a second person, with the rule's numbers."""

    id: str
    lab: str
    analyte: str
    purpose: str
    n: int
    positives: int
    first_at: int
    last_at: int
    uploader: str
    tail: float
    lab_id: str
    run_key: str


def held_tubes(tx: Tx) -> list[Held]:
    """Every tube that waits."""
    return [Held(r[0], r[1], r[2], HELD_BECAUSE[r[2]], r[3], int(r[4])) for r in store_results.held_tubes(tx)]


def held_runs(tx: Tx) -> list[HeldRun]:
    """Every run that waits."""
    return [
        HeldRun(
            r[0], r[1], r[2], r[3], int(r[4]), int(r[5]), int(r[6]), int(r[7]), r[8],
            _tail(tx, r[9], r[2], r[3], int(r[4]), int(r[5])), r[9], r[10],
        )
        for r in store_results.held_runs(tx)
    ]  # fmt: skip


def _tail(tx: Tx, lab_id: str, analyte: str, purpose: str, n: int, positives: int) -> float:
    known = store_results.prior(tx, lab_id, analyte, purpose)
    return release.tail(positives, n, known or release.default_prior(purpose))
