"""A town for the tests of this room: a deployment, its mandate and officers, people with evidence, and drafts."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pratique import town
from pratique.core.moment import Moment
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange
from pratique.people import service as people
from pratique.policy.model import Evidence
from pratique.policy.service import town_rules
from pratique.port import Port, open_port
from pratique.rollout import service
from pratique.rollout.model import Laboratory, Order
from pratique.settings import Settings
from pratique.store.tx import Tx

Change = Callable[[dict[str, Any]], None]


def draft_of(*changes: Change, version: str = "1.1.0", rule: int = 2) -> bytes:
    """The town's rules with one of them changed under a new version, tests following."""
    document = json.loads(town_rules())
    document["rules"][rule]["rule"]["Version"] = version
    for test in document["tests"]:
        if test["rule"] == document["rules"][rule]["rule"]["Identifier"]:
            test["version"] = version
    for change in changes:
        change(document)
    return json.dumps(document, ensure_ascii=False).encode()


def hold_without_test(document: dict[str, Any]) -> None:
    """Who has no recent negative test is held, where it was conditions."""
    document["rules"][2]["house"]["on_false"] = "hold"


def milder(document: dict[str, Any]) -> None:
    """A negative test counts for a week: nobody is worse off."""
    rule = document["rules"][2]["rule"]
    rule["Logic"]["if"][1]["not-after"][1]["plusTime"][1] = 168
    for test in document["tests"]:
        if (
            test["rule"] == rule["Identifier"]
            and test["expected"] is False
            and "last_negative" in test["subject"]
        ):
            test["subject"]["last_negative"]["sampled"] = "2026-11-01T10:00:00Z"


class Clock:
    """The time of a test."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go(self, **span: float) -> None:
        self.now += timedelta(**span)


class World(NamedTuple):
    """An opened deployment with its town and its clock."""

    port: Port
    clock: Clock
    town: town.Town
    subjects: list[str]

    def write(self, act: Callable[[Tx, Moment], Any]) -> Any:
        moment = self.port.moment()
        return self.port.store.write(lambda tx: act(tx, moment))

    def draft(self, raw: bytes, begins: datetime | None = None) -> Order:
        """Drafted and previewed."""
        made: Order = self.write(
            lambda tx, m: service.draft(tx, m, raw, self.town.mandate_id, "test", begins)
        )
        return self.preview(made)

    def preview(self, order: Order) -> Order:
        moment = self.port.moment()
        with self.port.store.read() as tx:
            looked = service.look(tx, moment, self.port.sealer, order.body, Laboratory(), days=2)
        kept: Order = self.write(lambda tx, m: service.keep_preview(tx, m, order.id, looked))
        return kept

    def sign(self, order: Order, *signers: Any) -> Order:
        for signer in signers or self.town.officers.both:
            order = self.write(lambda tx, m, one=order.id, by=signer: service.sign_with(tx, m, one, by))
        return order

    def publish(self, raw: bytes, begins: datetime | None = None) -> int:
        """The whole way; its number."""
        order = self.sign(self.draft(raw, begins))
        number: int = self.write(lambda tx, m: service.publish(tx, m, order.id)).number
        return number

    def redecide(self, **sizes: int) -> None:
        """Until nothing is left."""
        port = self.port
        while (
            job := service.redecide(port.store, port.moment, port.house, port.mirror, **sizes)
        ) is not None:
            if job.state not in ("waiting", "running"):
                return

    def outcomes(self) -> dict[str, str]:
        """The outcome of everybody's current decision."""
        with self.port.store.read() as tx:
            return dict(tx.all("SELECT subject_id, outcome FROM decision WHERE is_current = 1"))

    def numbers(self) -> dict[str, int]:
        with self.port.store.read() as tx:
            return dict(tx.all("SELECT subject_id, policy_number FROM decision WHERE is_current = 1"))


@contextmanager
def world(
    home: Path, now: datetime, *, url: str = "", tested: int = 20, untested: int = 10, lead_hours: int = 0
) -> Iterator[World]:
    """A founded town with people: some found negative five hours ago, some never tested."""
    clock = Clock(now)
    port = open_port(Settings(home=home, database_url=url), clock)
    try:
        yield World(port, clock, *found(port, tested, untested, lead_hours))
    finally:
        port.close()


def found(port: Port, tested: int, untested: int, lead_hours: int = 0) -> tuple[town.Town, list[str]]:
    """The town and its people."""
    moment = port.moment()
    made = town.found(port, moment)
    if lead_hours:
        document = msgspec.structs.replace(
            town.mandate_document(moment, made.officers), lead_hours=lead_hours
        )
        made = made._replace(mandate_id=town.order(port.store, moment, made.officers, document))

    def act(tx: Tx) -> list[str]:
        ids = [people.create_subject(tx, moment, "paper") for _ in range(tested + untested)]
        notices.evidence_changed(
            tx,
            moment,
            port.house,
            [EvidenceChange(negative(one, moment, made.mandate_id)) for one in ids[:tested]],
        )
        for one in ids[tested:]:
            notices.catch_up(tx, moment, port.house, one)
        return ids

    return made, port.store.write(act)


def negative(subject_id: str, moment: Moment, mandate_id: str, hours_ago: float = 5) -> Evidence:
    """A negative single test."""
    ref = moment.new_id()
    return Evidence(
        id=ref,
        subject_id=subject_id,
        kind="test",
        outcome="not-detected",
        sampled_at=moment.now - timedelta(hours=hours_ago),
        known_at=moment.now - timedelta(hours=hours_ago - 1),
        source="Example Laboratory",
        ref=ref,
        mandate_id=mandate_id,
    )


def chance() -> Callable[[int], bytes]:
    return secrets.token_bytes
