"""A live mandate, and evidence in one line, for the tests of this room."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from pratique.core.moment import Moment
from pratique.policy.model import Evidence
from pratique.store.store import Store
from tests.policy.making import MANDATE, NOW, SUBJECT, add_mandate


@pytest.fixture
def ruled(store: Store) -> Store:
    """A store in which restrictions are allowed for 30 days."""
    store.write(lambda tx: add_mandate(tx, MANDATE, NOW - timedelta(days=1), NOW + timedelta(days=30)))
    return store


Make = Callable[..., Evidence]


@pytest.fixture
def evidence(moment: Moment) -> Make:
    """`evidence("not-detected", hours_ago=5)`: one test of SUBJECT, known an hour after its sampling."""

    def make(
        outcome: str = "not-detected",
        hours_ago: float = 5,
        *,
        subject_id: str = SUBJECT,
        kind: str = "test",
        pooled: bool = False,
        now: datetime = NOW,
        ref: str = "",
        known_hours_ago: float | None = None,
    ) -> Evidence:
        made = moment.new_id()
        known = hours_ago - 1 if known_hours_ago is None else known_hours_ago
        return Evidence(
            id=made,
            subject_id=subject_id,
            kind=kind,  # type: ignore[arg-type]
            outcome=outcome if kind == "test" else "",  # type: ignore[arg-type]
            pooled=pooled,
            sampled_at=now - timedelta(hours=hours_ago),
            known_at=now - timedelta(hours=known),
            source="Example Laboratory",
            ref=ref or made,
            mandate_id=MANDATE,
        )

    return make
