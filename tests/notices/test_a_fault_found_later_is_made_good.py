"""An outage found afterwards: who lapsed in it gets the lost time back from now on; what came of it is withdrawn."""

from datetime import datetime, timedelta

from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.notices import service
from pratique.notices.model import Opening, Said
from tests.notices.town import Town

FACT = (Said(Text("a fact", "事实"), "", None),)


def declare(
    town: Town, hours_ago: float, for_hours: float, scope: str = "all", ids: tuple[str, ...] = ("",)
) -> None:
    begins = town.now - timedelta(hours=hours_ago)
    town.store.write(
        lambda tx: service.declare_fault(
            tx, town.moment, scope=scope, scope_ids=ids, cause="outage", by="STAFF-X", begins=begins,
            ends=begins + timedelta(hours=for_hours),
        )
    )  # fmt: skip


def sweep_all(town: Town) -> None:
    while town.sweep():
        pass


def lapsed(town: Town) -> None:
    """Everybody was asked by a pool on day 0 and nobody came: N2 lapsed after 48 hours."""
    town.tell("retest-required", "R1", sampled=town.now)
    town.after(hours=49)
    sweep_all(town)
    assert town.states(town.members[0])["N2"] == "lifted"


def test_it_works(town: Town) -> None:
    lapsed(town)
    old = town.notice(town.members[0], "N2")
    town.after(hours=20)
    declare(town, hours_ago=30, for_hours=6)  # in the last ten hours of the duty

    sweep_all(town)

    new = town.notice(town.members[0], "N2")
    assert (new.state, new.replaces, new.cause) == ("open", old.id, "system")
    assert datetime.fromisoformat(new.deadline_effective) == town.now + timedelta(hours=6)
    assert "sorry" in " ".join(
        line.what.en
        for line in next(n for n in town.wallet(town.members[0]).notices if n.id == old.id).history
    )
    assert new.facts == old.facts
    sweep_all(town)
    assert (
        len([n for n in town.wallet(town.members[0]).notices if n.kind == "N2"]) == 2
    )  # once, not each sweep


def test_who_lapsed_before_it_or_gave_the_sample_is_left_alone(town: Town) -> None:
    town.tell("retest-required", "R1", sampled=town.now)
    town.after(hours=1).tell("not-detected", "S1", sampled=town.now, whom=town.members[:1], pooled=False)
    town.after(hours=48)
    sweep_all(town)
    town.after(hours=10)
    declare(town, hours_ago=5, for_hours=3)  # after everybody's deadline
    sweep_all(town)
    for one in town.members:
        assert len([n for n in town.wallet(one).notices if n.kind == "N2"]) == 1
    declare(town, hours_ago=30, for_hours=2, scope="subject", ids=(town.members[3],))
    sweep_all(town)
    renewed = [one for one in town.members if len(town.wallet(one).notices) == 2]
    assert renewed == [town.members[3]]


def test_what_came_of_the_lapse_is_withdrawn(town: Town) -> None:
    lapsed(town)
    old = town.notice(town.members[0], "N2")
    restriction = Opening(
        town.members[0], "N4", town.mandate.id, "SINGLE_DETECTED", facts=FACT, source_ref=old.id
    )
    town.store.write(lambda tx: service.open_notice(tx, town.moment, town.house, restriction))
    town.after(hours=1)
    declare(town, hours_ago=10, for_hours=3)
    sweep_all(town)
    ended = town.notice(town.members[0], "N4")
    assert ended.state == "withdrawn"
    assert "sorry" in ended.history[-1].what.en


def test_a_fault_from_now_on_looks_at_nothing(small_town: Town) -> None:
    small_town.store.write(
        lambda tx: service.declare_fault(tx, small_town.moment, scope="all", cause="outage", by="X")
    )
    with small_town.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM fault_look_back") == (0,)


def test_a_crash_in_between_goes_on_where_it_stopped(town: Town) -> None:
    lapsed(town)
    town.after(hours=1)
    declare(town, hours_ago=10, for_hours=3)
    for _ in range(14):  # one duty a run
        town.store.write(lambda tx: service.sweep(tx, town.moment, town.house, 1))
    for one in town.members:
        assert len([n for n in town.wallet(one).notices if n.kind == "N2"]) == 2
    with town.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM fault_look_back") == (0,)
        assert tx.one("SELECT MIN(opened_at) FROM notice WHERE replaces <> ''") == (to_ms(town.now),)


def test_two_faults_about_one_lapse_give_it_back_once(town: Town) -> None:
    lapsed(town)
    town.after(hours=1)
    declare(town, hours_ago=10, for_hours=3)
    sweep_all(town)
    declare(town, hours_ago=10, for_hours=3)
    sweep_all(town)
    assert len([n for n in town.wallet(town.members[0]).notices if n.kind == "N2"]) == 2
