"""Roles × scope × field, default none: every combination against the published tables."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.people import service
from pratique.people.access import FIELDS, PURPOSES, ROLES, TABLE
from pratique.people.model import Reader, Staff
from pratique.people.scope import EXTENTS, Grant, Reach, Thing, holds, reach_of
from pratique.people.seeing import FRESH_FOR, StepUp, must_be_fresh, seen
from pratique.store.sealing import Sealer
from pratique.store.store import Store

HERE = Thing(area="A1", campaign="C1", site="S1", owner="W1")
SIDES = {"area": "A1", "campaign": "C1", "site": "S1"}


def test_it_works() -> None:
    reach = reach_of("W2", "case-worker", [Grant("area", "A1")])
    assert holds(reach, HERE)
    assert not holds(reach, Thing(area="A2", owner="W1"))


def test_every_role_has_an_extent_and_no_grant_is_no_reach() -> None:
    assert set(EXTENTS) == set(ROLES)
    for role, extent in EXTENTS.items():
        bare = reach_of("W9", role, [])
        assert holds(bare, HERE) == ("everywhere" in extent.standing)


def test_each_grant_reaches_exactly_its_own_side() -> None:
    for role, (kind, what) in product(ROLES, SIDES.items()):
        extent = EXTENTS[role]
        right = reach_of("W9", role, [Grant(kind, what)])
        wrong = reach_of("W9", role, [Grant(kind, "other"), Grant(kind, "")])
        everywhere = "everywhere" in extent.standing
        assert holds(right, HERE) == (everywhere or kind in extent.grantable), (role, kind)
        assert holds(wrong, HERE) == everywhere, (role, kind)
        assert holds(right, Thing()) == everywhere, (role, kind)


def test_own_is_who_it_was_handed_to() -> None:
    for role in ROLES:
        mine, other = reach_of("W1", role, []), reach_of("W2", role, [])
        own = "own" in EXTENTS[role].standing
        everywhere = "everywhere" in EXTENTS[role].standing
        assert holds(mine, HERE) == (own or everywhere)
        assert holds(other, HERE) == everywhere
        assert holds(reach_of("", role, []), Thing()) == everywhere


def test_a_role_that_sees_people_is_never_everywhere() -> None:
    personal = {"name", "phone", "address", "evidence", "facts_row", "reason"}
    for (role, _), rights in TABLE.items():
        if personal & set(rights):
            assert "everywhere" not in EXTENTS[role].standing, role


def test_outside_the_reach_a_person_is_a_pseudonym_and_the_rest_absent(moment: Moment) -> None:
    until = moment.now + timedelta(hours=1)
    for role, purpose in product(ROLES, PURPOSES):
        outside = Reach("W9", role)
        shown = seen(outside, HERE, purpose, moment.now, until=until)
        assert set(shown) <= {"subject"}
        assert set(shown.values()) <= {"pseudonym"}


def test_roles_times_scope_times_field_is_the_table_and_nothing_else(moment: Moment) -> None:
    open_until, over = moment.now + timedelta(hours=1), moment.now
    for role, purpose, until in product(ROLES, PURPOSES, (open_until, over, None)):
        inside = Reach("W9", role, everywhere=True)
        shown = seen(inside, HERE, purpose, moment.now, until=until)
        for field in FIELDS:
            right = TABLE.get((role, purpose), {}).get(field)
            wanted = right.seen if right and (not right.bound or until == open_until) else None
            assert shown.get(field) == wanted, (role, purpose, field)


@given(st.text(max_size=20), st.sampled_from(sorted(ROLES)))
def test_a_grant_of_another_kind_or_name_reaches_nothing(word: str, role: str) -> None:
    if "everywhere" in EXTENTS[role].standing:
        return
    reach = reach_of("W9", role, [Grant("everywhere", word), Grant("own", word), Grant(word, "A1")])
    assert not holds(reach, HERE) or (word, "A1") in SIDES.items()


def test_grants_are_given_by_somebody_else_and_end(store: Store, moment: Moment) -> None:
    console = Staff("BOSS", "Test Gannet", "console")
    made = store.write(lambda tx: service.invite_staff(tx, moment, None, name="A", role="case-worker"))
    worker, ends = made.staff, moment.now + timedelta(hours=8)
    store.write(lambda tx: service.give(tx, moment, console, worker.id, Grant("area", "A1"), until=ends))
    with store.read() as tx:
        assert service.reach(tx, moment.now, worker).areas == {"A1"}
        assert service.reach(tx, ends, worker).areas == frozenset()
    for by, who, grant, refusal in (
        (worker, worker.id, Grant("area", "A2"), NotAllowed),
        (console, console.id, Grant("area", "A2"), NotAllowed),
        (console, worker.id, Grant("everywhere", "A2"), Refusal),
        (console, "NOBODY", Grant("area", "A2"), NotFound),
    ):
        with pytest.raises(refusal):
            store.write(lambda tx, b=by, w=who, g=grant: service.give(tx, moment, b, w, g))
    store.write(lambda tx: service.take(tx, worker.id, Grant("area", "A1")))
    with store.read() as tx:
        assert service.reach(tx, moment.now, worker).areas == frozenset()


def test_a_card_opens_within_five_minutes_of_showing_that_it_is_you(moment: Moment) -> None:
    must_be_fresh(moment.now - FRESH_FOR, moment.now)
    for at in (None, moment.now - FRESH_FOR - timedelta(seconds=1), moment.now + timedelta(seconds=1)):
        with pytest.raises(StepUp):
            must_be_fresh(at, moment.now)


def test_no_card_without_a_fresh_confirmation(sqlite_store: Store, moment: Moment, sealer: Sealer) -> None:
    reader = Reader("W1", "case-worker", moment.now + timedelta(hours=1), None)
    for act in (
        lambda tx: service.read_card(tx, moment, sealer, reader, "x", purpose="call", inside=True),
        lambda tx: service.find_by_phone(tx, moment, sealer, reader, "123", purpose="call"),
    ):
        with pytest.raises(StepUp):
            sqlite_store.write(act)


def test_a_pseudonym_is_stable_inside_one_scope_and_says_nothing_between_two(
    moment: Moment, sealer: Sealer
) -> None:
    people = [moment.new_id() for _ in range(50)]

    def of(person: str, mandate: str = "M1", scope: str = "A1", purpose: str = "audit") -> str:
        return service.pseudonym(sealer, mandate, person, scope=scope, purpose=purpose)

    assert {of(people[0]) for _ in range(10_000)} == {of(people[0])}
    names = {
        of(p, *key)
        for p in people
        for key in (("M1", "A1", "audit"), ("M1", "A2", "audit"), ("M2", "A1", "call"))
    }
    assert len(names) == 150
    assert all(len(name) == 16 for name in names)
