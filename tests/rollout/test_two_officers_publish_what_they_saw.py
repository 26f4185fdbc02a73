"""A policy comes into force in one way only: drafted, previewed, signed by two officers, with its lead time."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pratique.core.errors import Conflict, NoMandate, NotAllowed, Refusal
from pratique.mandates import service as mandates
from pratique.mandates.note import NoteSigner
from pratique.policy import service as policy
from pratique.policy.service import town_rules
from pratique.rollout import service
from pratique.rollout.order import rules_of
from tests.rollout.making import World, draft_of, hold_without_test, milder, world

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with world(tmp_path, NOW, url=url) as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, NOW, tested=3, untested=2) as made:
        yield made


def refusal(act: Any) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.text.en
    assert caught.value.text.zh_hans
    return caught.value.code


def test_it_works(here: World) -> None:
    number = here.publish(draft_of(hold_without_test))

    with here.port.store.read() as tx:
        live = policy.live_policy(tx, here.clock())
        order = next(one for one in service.orders(tx, 9) if one.policy_number == 2)
        entries = [bytes(row[0]) for row in tx.all("SELECT entry FROM log_entry ORDER BY seq")]
    assert (number, live and live.number) == (2, 2)
    assert [one.role for one in order.signatures] == ["legal", "public-health"]
    said = json.loads(entries[-1])
    assert (said["type"], said["digest"], said["version"]) == ("policy", order.hash, "2")
    assert said["preview"] == {"people": 30, "worse": 10, "better": 0}


def test_one_signature_is_not_two(there: World) -> None:
    order = there.draft(draft_of(hold_without_test))
    assert (
        refusal(lambda: there.write(lambda tx, m: service.publish(tx, m, order.id))) == "SIGNATURES_MISSING"
    )
    order = there.sign(order, there.town.officers.legal)
    there.sign(order, there.town.officers.legal)  # again: harmless
    assert (
        refusal(lambda: there.write(lambda tx, m: service.publish(tx, m, order.id))) == "SIGNATURES_MISSING"
    )
    stranger = NoteSigner("elsewhere.example/public-health", bytes(range(32)))
    with pytest.raises(NotAllowed):
        there.sign(order, stranger)
    order = there.sign(order, there.town.officers.health)
    assert order.state == "signed"


def test_the_same_account_does_not_hand_in_both(there: World) -> None:
    order = there.draft(draft_of(hold_without_test))
    legal, health = there.town.officers.both
    there.write(lambda tx, m: service.sign_with(tx, m, order.id, legal, "staff-1"))
    assert refusal(
        lambda: there.write(lambda tx, m: service.sign_with(tx, m, order.id, health, "staff-1"))
    ) == ("SAME_ACCOUNT")
    there.write(lambda tx, m: service.sign_with(tx, m, order.id, health, "staff-2"))


def test_nobody_signs_what_was_not_looked_at(there: World) -> None:
    order = there.write(lambda tx, m: service.draft(tx, m, draft_of(milder), there.town.mandate_id, "test"))
    assert refusal(lambda: there.sign(order)) == "NO_PREVIEW"


def test_what_somebody_signed_does_not_change(there: World) -> None:
    order = there.sign(there.draft(draft_of(hold_without_test)), there.town.officers.legal)
    raw = draft_of(milder)
    assert refusal(lambda: there.preview(order)) == "ORDER_FIXED"
    assert refusal(
        lambda: there.write(lambda tx, m: service.redraft(tx, m, order.id, raw, there.town.mandate_id))
    ) == ("ORDER_FIXED")
    for column, value in (("hash", "'x'"), ("lead_ms", "1"), ("back_hash", "'x'"), ("text", "NULL")):
        with pytest.raises(Exception, match="NOT_SIGNED"):
            there.write(
                lambda tx, m, c=column, v=value: tx.run(
                    f"UPDATE policy_order SET {c} = {v} WHERE id = :id", id=order.id
                )
            )


def test_raw_sql_meets_the_database(here: World) -> None:
    raw = draft_of(hold_without_test)

    def act(tx: Any, moment: Any) -> Any:
        return policy.publish_policy(tx, moment, raw, here.town.mandate_id)

    with pytest.raises(Exception, match="NOT_SIGNED"):
        here.write(act)
    here.sign(here.draft(raw), here.town.officers.legal)
    with pytest.raises(Exception, match="NOT_SIGNED"):
        here.write(act)


def test_who_may_be_worse_off_knows_it_48_hours_before(tmp_path: Path) -> None:
    with world(tmp_path, NOW, tested=3, untested=2, lead_hours=48) as here:
        assert refusal(lambda: here.publish(draft_of(hold_without_test))) == "LEAD_TIME"
        begins = here.clock() + timedelta(hours=49)
        number = here.publish(draft_of(hold_without_test, version="1.2.0"), begins)
        with here.port.store.read() as tx:
            live = policy.live_policy(tx, here.clock())
            assert live is not None
            assert live.number == 1
            later = policy.live_policy(tx, begins)
            assert later is not None
            assert later.number == number
        order = here.draft(draft_of(milder, version="1.3.0"))
        assert order.lead_ms == 0  # who can only gain need not wait
        here.sign(order)
        assert refusal(lambda: here.write(lambda tx, m: service.publish(tx, m, order.id))) == "ONE_IS_COMING"


def test_an_emergency_stands_in_the_mandate(tmp_path: Path) -> None:
    with world(tmp_path, NOW, tested=3, untested=2, lead_hours=6) as here:
        assert refusal(lambda: here.publish(draft_of(hold_without_test))) == "LEAD_TIME"
        assert (
            here.publish(draft_of(hold_without_test, version="1.2.0"), here.clock() + timedelta(hours=7)) == 2
        )


def test_an_old_preview_and_another_population_are_refused(there: World) -> None:
    order = there.sign(there.draft(draft_of(hold_without_test)))
    there.clock.go(hours=25)
    assert refusal(lambda: there.write(lambda tx, m: service.publish(tx, m, order.id))) == "PREVIEW_OLD"
    order = there.sign(there.draft(draft_of(hold_without_test)))
    other = there.draft(draft_of(milder))
    there.sign(other)
    there.write(lambda tx, m: service.publish(tx, m, other.id))
    assert refusal(lambda: there.write(lambda tx, m: service.publish(tx, m, order.id))) in (
        "POLICY_MOVED",
        "INVALID_VERSION",
    )


def test_a_version_must_rise_and_a_rule_must_be_sound(there: World) -> None:
    document = json.loads(town_rules())
    document["rules"][2]["house"]["on_false"] = "hold"
    draft = json.dumps(document).encode()
    assert refusal(lambda: there.draft(draft)) == "INVALID_VERSION"
    broken = json.loads(draft_of(hold_without_test))
    broken["rules"][2]["rule"]["Logic"] = {"or": [True, False]}
    assert refusal(lambda: there.draft(json.dumps(broken).encode())) == "INVALID_EXPRESSION"
    with there.port.store.read() as tx:
        assert len(service.orders(tx, 10)) == 1  # the town's own: nothing unsound is kept


def test_without_a_mandate_that_covers_it_there_is_no_draft(there: World) -> None:
    import msgspec

    from pratique import town

    moment = there.port.moment()
    bare = msgspec.structs.replace(
        town.mandate_document(moment, there.town.officers), unlocks=("gate", "restriction", "enrolment")
    )
    mandate_id = town.order(there.port.store, moment, there.town.officers, bare)
    with pytest.raises(Refusal) as caught:
        there.write(lambda tx, m: service.draft(tx, m, draft_of(hold_without_test), mandate_id, "test"))
    assert (caught.value.code, caught.value.field) == ("NOT_COVERED", "measures.tests")
    with pytest.raises(NoMandate):
        there.write(lambda tx, m: service.draft(tx, m, draft_of(hold_without_test), m.new_id(), "test"))


def test_a_mandate_that_ended_stops_publication(there: World) -> None:
    order = there.sign(there.draft(draft_of(hold_without_test)))
    there.clock.go(days=31)
    with pytest.raises(NoMandate):
        there.write(lambda tx, m: service.publish(tx, m, order.id))


def test_one_click_goes_back(here: World) -> None:
    here.publish(draft_of(hold_without_test))
    here.redecide()
    assert sorted(here.outcomes().values()).count("hold") == 10
    made = here.write(lambda tx, m: service.go_back(tx, m, 2, "officer"))
    here.redecide()

    assert made.number == 3
    assert "hold" not in here.outcomes().values()
    with here.port.store.read() as tx:
        bodies = [policy.policy_document(tx, n) for n in (1, 3)]
        assert bodies[0] == bodies[1]
    assert refusal(lambda: here.write(lambda tx, m: service.go_back(tx, m, 3, "officer"))) == "NOTHING_BEFORE"


def test_going_back_ends_with_the_time_that_was_signed(there: World) -> None:
    there.publish(draft_of(hold_without_test))
    there.clock.go(hours=73)
    assert refusal(lambda: there.write(lambda tx, m: service.go_back(tx, m, 2, "officer"))) == "TOO_LATE"
    with pytest.raises(Exception, match="NOT_SIGNED"):
        there.write(
            lambda tx, m: policy.publish_policy(tx, m, policy.policy_document(tx, 1), there.town.mandate_id)
        )


def test_what_is_over_is_over(there: World) -> None:
    order = there.sign(there.draft(draft_of(hold_without_test)))
    there.write(lambda tx, m: service.publish(tx, m, order.id))
    for act in (service.publish, service.withdraw):
        with pytest.raises(Conflict):
            there.write(lambda tx, m, act=act: act(tx, m, order.id))


def test_eu_rules_go_in_and_out_unchanged(there: World) -> None:
    raw = draft_of(hold_without_test)
    number = there.publish(raw, there.clock() + timedelta(seconds=1))
    with there.port.store.read() as tx:
        out = policy.policy_document(tx, number)
    assert rules_of(out) == rules_of(raw)
    assert json.dumps(rules_of(out)) == json.dumps(rules_of(raw))  # key order too


def test_every_signature_is_checked_against_the_text(there: World) -> None:
    order = there.draft(draft_of(hold_without_test))
    line = there.town.officers.legal.signature(b"something else\n").line.decode()
    with pytest.raises(NotAllowed):
        there.write(lambda tx, m: service.sign(tx, m, order.id, line))
    there.write(lambda tx, m: mandates.stop_officer(tx, m, there.town.officers.legal.vkey.text))
    with pytest.raises(NotAllowed):  # a key that is no longer trusted
        there.sign(order, there.town.officers.legal)
