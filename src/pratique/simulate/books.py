"""The ledger: what the day did beside what the server holds, person by person. It balances when every line is zero."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pratique.simulate import names
from pratique.simulate.day import Day
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import ledger, service

ASKED = 1000  # people outside positive pools whose own results are read, besides everybody inside them


class Line(NamedTuple):
    """One line: what the day did, what the server holds, and what must be zero."""

    name: str
    day: int
    server: int
    wrong: int


def balance(store: Store, sealer: Sealer, day: Day, site_ids: list[str], sent: int) -> list[Line]:
    """Every line of the ledger. `sent`: messages that laboratories were to deliver, repeats included."""
    wrong: Counter[str] = Counter()
    found: Counter[str] = Counter()
    by_site = np.argsort(day.site, kind="stable")
    upto = np.searchsorted(day.site[by_site], np.arange(len(site_ids) + 1))
    for site, site_id in enumerate(site_ids):
        with store.read() as tx:
            held = ledger.tubes_at(tx, site_id)
        _site(day, [int(t) for t in by_site[upto[site] : upto[site + 1]]], held, wrong, found)
    _people(store, sealer, day, wrong, found)
    with store.read() as tx:
        messages = ledger.messages(tx)
    singles = int(day.infected.sum())
    return [
        Line("people sampled", int(day.size.sum()), found["people"], wrong["lost"] + wrong["strange"]),
        Line("people twice in a tube, or in a tube that is not theirs", 0, wrong["twice"], wrong["twice"]),
        Line("tubes registered", len(day.size), found["tubes"], abs(len(day.size) - found["tubes"])),
        Line("tubes in conflict", 0, found["conflicts"], found["conflicts"]),
        Line("tubes with their result told", len(day.size), found["told"], wrong["untold"]),
        Line("tubes held for a second person", 0, found["held"], found["held"]),
        Line("tubes with a wrong result", 0, wrong["result"], wrong["result"]),
        Line("result versions", len(day.size), found["versions"], wrong["versions"]),
        Line("messages stored", len(day.size), messages, abs(len(day.size) - messages)),
        Line("messages delivered, repeats included", sent, sent, 0),
        Line(
            "pools closed by their singles",
            int(day.positive[: day.pools].sum()),
            found["closed"],
            wrong["open"],
        ),
        Line("people detected", singles, found["detected"], wrong["false positive"] + wrong["missed"]),
        Line("people falsely positive", 0, wrong["false positive"], wrong["false positive"]),
    ]


def _site(
    day: Day, tubes: list[int], held: Iterable[ledger.Held], wrong: Counter[str], found: Counter[str]
) -> None:
    seed = day.terms.seed
    there = {one.code: one for one in held}
    for tube in tubes:
        first, size = int(day.first[tube]), int(day.size[tube])
        ours = [names.subject(seed, n) for n in range(first, first + size)]
        one = there.pop(names.code(seed, tube), None)
        if one is None:
            wrong["lost"] += size
            wrong["untold"] += 1
            continue
        found["tubes"] += 1
        found["people"] += len(one.members)
        found["conflicts"] += one.in_conflict
        found["versions"] += one.versions
        wrong["versions"] += one.versions != 1
        wrong["lost"] += len(set(ours) - set(one.members))
        wrong["strange"] += len(set(one.members) - set(ours))
        wrong["twice"] += len(one.members) - len(set(one.members))
        truth = "positive" if day.positive[tube] else "negative"
        found["held"] += one.state == "held"
        found["told"] += bool(one.told)
        wrong["untold"] += not one.told
        wrong["result"] += bool(one.told) and one.told != truth
        if tube < day.pools and day.positive[tube]:
            found["closed"] += one.state == "closed"
            wrong["open"] += one.state != "closed"
    for one in there.values():  # tubes nobody sealed
        wrong["strange"] += len(one.members)
        found["tubes"] += 1


def _people(store: Store, sealer: Sealer, day: Day, wrong: Counter[str], found: Counter[str]) -> None:
    """Read as their wallets would what everybody in a positive pool was told, and a sample of the others."""
    inside = {int(n) for n in day.first[day.pools :]}
    step = max(1, day.terms.people // ASKED)
    for n in sorted(inside | set(range(0, day.terms.people, step))):
        with store.read() as tx:
            detected = _detected(tx, sealer, names.subject(day.terms.seed, n))
        found["detected"] += detected
        wrong["false positive"] += detected and not day.infected[n]
        wrong["missed"] += bool(day.infected[n]) and not detected


def _detected(tx: Tx, sealer: Sealer, subject: str) -> bool:
    return any(one.outcome == "detected" for one in service.results_of(tx, sealer, subject))
