"""The mass balance of a laboratory and day: received = run = reported + rejected + pending. Pure.

What must show: tubes that were never run, wells fewer than tubes, tubes beyond what the licensed machines can do, raw
signals nobody calls, the same pair of Ct values again and again, a laboratory that finds far less or far more than the
others of that day. Each alarm is a count set against chance, so that a normal laboratory hears of one less than once a
month. Laboratories are compared with their own day, never ranked; nothing here is about a person.
"""

import math
from collections.abc import Iterable
from typing import Literal, NamedTuple

from pratique.core.text import Text
from pratique.testing.release import Prior, tail

MISSING = 0.02  # more than this share missing is an alarm
SURE = 0.999
CALL_BELOW = 37_000  # a Ct below 37 is a signal: negative or uncalled, somebody must look (thousandths)
UNCALLED = 0.02
REPEATED = 0.05
RARE = 1e-5
LEAST = 20  # tubes below which a share says nothing

Kind = Literal["missing", "not-run", "wells", "capacity", "uncalled", "same-ct", "share"]

WORDS: dict[Kind, Text] = {
    "missing": Text("results are missing for longer than a day", "结果逾期一天以上未报"),
    "not-run": Text("fewer tubes were run than were received", "上机管数少于接收管数"),
    "wells": Text("fewer wells than tubes: tubes may have been pooled again", "孔数少于管数，可能再次混样"),
    "capacity": Text("more results than the licensed machines can run", "报告量超过获准设备的能力"),
    "uncalled": Text("signals without a call: a low Ct that was reported negative or not at all",
                     "有信号未判读：低 Ct 值报阴性或未报"),
    "same-ct": Text("the same pair of Ct values stands at many tubes", "多管 Ct 值成对重复"),
    "share": Text("the share of positives is not that of the other laboratories of the day",
                  "阳性率与当日其他机构明显不同"),
}  # fmt: skip


class Day(NamedTuple):
    """One laboratory's day. `due` tubes were received longer than a day ago, `overdue` of them have no result; `run`
    and `wells` are 0 where the laboratory sent no manifest."""

    received: int = 0
    run: int = 0
    wells: int = 0
    reported: int = 0
    rejected: int = 0
    pending: int = 0
    overdue: int = 0
    due: int = 0
    positives: int = 0
    ct_without_call: int = 0
    same_ct: int = 0


class Seen(NamedTuple):
    """What is known of one received tube: our receipt scan, the outcome that stands ("" for none), both Ct values."""

    received_at: int
    outcome: str
    status: str
    cts: tuple[int, ...]


def day_of(tubes: Iterable[Seen], now: int, run: int = 0, wells: int = 0) -> Day:
    """Add up the tubes of one laboratory and day. `now` in ms."""
    seen = list(tubes)
    final = [t for t in seen if t.status in ("F", "C", "X")]
    rejected = sum(t.outcome == "unusable" for t in final)
    due = [t for t in seen if t.received_at <= now - 86_400_000]
    overdue = sum(t.status not in ("F", "C", "X") for t in due)
    uncalled = sum(
        bool(t.cts) and min(t.cts) < CALL_BELOW and t.outcome not in ("positive", "indeterminate")
        for t in seen
    )
    pairs: dict[tuple[int, ...], int] = {}
    for t in seen:
        if t.cts:
            pairs[t.cts] = pairs.get(t.cts, 0) + 1
    return Day(
        received=len(seen), run=run, wells=wells, reported=len(final) - rejected, rejected=rejected,
        pending=len(seen) - len(final), overdue=overdue, due=len(due),
        positives=sum(t.outcome == "positive" for t in final), ct_without_call=uncalled,
        same_ct=sum(n for n in pairs.values() if n > 1),
    )  # fmt: skip


def alarms(day: Day, others: Iterable[Day] = (), capacity: int = 0) -> list[Kind]:
    """What somebody must look at. `others` are the other laboratories of that day, `capacity` the tubes a day that
    the licensed machines can run (0: not known)."""
    found: list[Kind] = []
    if lower_bound(day.overdue, day.due) > MISSING:
        found.append("missing")
    if day.run and lower_bound(max(0, day.due - day.run), day.due) > MISSING:
        found.append("not-run")
    if day.wells and lower_bound(max(0, day.run - day.wells), day.run) > MISSING:
        found.append("wells")
    if capacity and day.reported + day.rejected > capacity:
        found.append("capacity")
    if lower_bound(day.ct_without_call, day.received) > UNCALLED:
        found.append("uncalled")
    if lower_bound(day.same_ct, day.reported) > REPEATED:
        found.append("same-ct")
    if _is_elsewhere(day, list(others)):
        found.append("share")
    return found


def _is_elsewhere(day: Day, others: list[Day]) -> bool:
    n, x = sum(o.reported for o in others), sum(o.positives for o in others)
    if day.reported < LEAST or n < 5 * LEAST:
        return False
    # The others' day as a prior, no surer than a thousand tubes: laboratories do differ.
    weight = min(n, 1000)
    prior = Prior((x + 0.5) / (n + 1) * weight, (n - x + 0.5) / (n + 1) * weight)
    more = tail(day.positives, day.reported, prior)
    fewer = 1.0 - tail(day.positives + 1, day.reported, prior) if day.positives < day.reported else 1.0
    return min(more, max(fewer, 0.0)) < RARE


def lower_bound(found: int, n: int, sure: float = SURE) -> float:
    """The Clopper-Pearson lower bound of a share: with this much sureness at least so much of it is so."""
    if n <= 0 or found <= 0:
        return 0.0
    low, high = 0.0, found / n
    for _ in range(50):
        middle = (low + high) / 2
        if _at_least(found, n, middle) < 1 - sure:
            low = middle
        else:
            high = middle
    return low


def _at_least(found: int, n: int, p: float) -> float:
    """P(X >= found) for X binomial(n, p), 0 < p < 1."""
    if p <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1.0
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(found, n + 1)
    )
    total = 0.0
    for one in logs:
        term = math.exp(one)
        total += term
        if term < total * 1e-12 and total > 0:
            break  # past the mode the rest is nothing
    return min(1.0, total)
