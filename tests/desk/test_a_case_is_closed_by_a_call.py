"""One list by due time, a script in the person's language, a result, and what follows from it in one transaction."""

from datetime import timedelta

import pytest

from pratique.core.errors import Conflict, NoMandate, NotAllowed, NotFound, Refusal
from pratique.desk import service
from pratique.desk.model import RESULTS
from pratique.desk.script import script, then
from pratique.notices import service as notices
from pratique.people import service as people
from tests.desk.conftest import Desk


def test_it_works(desk: Desk) -> None:
    notice_id = desk.ask()
    (line,) = desk.list()
    assert (line.kind, line.mine, line.attempts) == ("call", True, 0)

    file = desk.open(line.id)
    assert file.card == {"name": "Test Person 0", "phone": "+999 0000 0000", "language": "zh-Hans"}
    assert file.language == "zh-Hans"
    (look,) = desk.wallet(desk.members[0]).looks
    assert (look.role, look.fields) == ("case-worker", ("name", "phone", "language"))

    desk.record(line.id, "reached", note="planted note 备注")
    assert desk.list() == []
    assert desk.notice(desk.members[0], "N5").state == "cleared"  # in the transaction of the call
    assert desk.notice(desk.members[0], "N5").id == notice_id
    with desk.store.read() as tx:
        kept = b"".join(
            bytes(row[0])
            for row in tx.all("SELECT sealed_note FROM desk_event WHERE sealed_note IS NOT NULL")
        )
    assert b"planted" not in kept
    with pytest.raises(Conflict):
        desk.record(line.id, "reached")


def test_the_list_is_in_the_order_of_due_times_and_names_nobody(desk: Desk) -> None:
    desk.ask(1)  # due in a day
    desk.after(minutes=5)
    desk.call_me(0)  # due in two hours
    desk.after(minutes=5)
    desk.call_me(2)
    dues = [line.due_at for line in desk.list()]
    assert dues == sorted(dues)
    assert [line.kind for line in desk.list()] == ["call-me", "call-me", "call"]
    assert [line.kind for line in desk.list(kind="call")] == ["call"]
    assert not any(one in repr(desk.list()) for one in (*desk.members, "Test Person"))


def test_pages_follow_each_other_without_a_gap(desk: Desk) -> None:
    from pratique.desk.model import Place

    for n in range(3):
        desk.call_me(n)
        desk.ask(n)
    seen, after = [], Place()
    while lines := desk.list(after=after, limit=2):
        seen += [line.id for line in lines]
        after = Place(int(lines[-1].due_at.timestamp() * 1000), lines[-1].id)
    assert seen == [line.id for line in desk.list()]
    assert len(seen) == 6


@pytest.mark.parametrize("result", RESULTS)
def test_what_follows_from_each_result(desk: Desk, result: str) -> None:
    desk.call_me()
    (line,) = desk.list()
    opened = desk.record(line.id, result)
    assert opened == {"needs-help": "help", "wrong-number": "visit", "not-this-person": "visit"}.get(
        result, ""
    )
    kinds = [one.kind for one in desk.list()]
    assert kinds == {"no-answer": ["call-me"], "reached": [], "refuses": []}.get(result, [opened])
    assert (
        desk.notice(desk.members[0], "N6").state == "open"
    )  # nothing a person says on the phone changes a notice


def test_three_times_nobody_answers_and_somebody_goes_there(desk: Desk) -> None:
    desk.call_me()
    for n in range(3):
        (line,) = desk.list()
        assert line.attempts == n
        desk.record(line.id, "no-answer")
        desk.after(hours=1)
    (line,) = desk.list()
    assert line.kind == "visit"


def test_every_kind_and_result_says_what_follows() -> None:
    for kind in script().kinds:
        assert script().lines[kind]
        for result in RESULTS:
            follows = then(kind, result, 0)
            assert follows.done or follows.later > 0


def test_asking_twice_is_one_case_and_nobody_asks_for_another(desk: Desk) -> None:
    notice_id = desk.call_me()
    again = desk.store.write(
        lambda tx: service.call_me(tx, desk.after(minutes=1).moment, desk.members[0], notice_id)
    )
    assert again == desk.now + timedelta(hours=2, minutes=-1)
    assert len(desk.list()) == 1
    with pytest.raises(NotFound):
        desk.store.write(lambda tx: service.call_me(tx, desk.moment, desk.members[1], notice_id))


def test_out_of_reach_sounds_like_not_there(desk: Desk) -> None:
    desk.call_me()
    (line,) = desk.list()
    assert desk.list(desk.stranger) == []
    for case_id in (line.id, "0" * 26):
        with pytest.raises(NotFound) as refused:
            desk.open(case_id, desk.stranger)
        assert refused.value.text.en == "there is nothing here for you" or case_id == "0" * 26
    with pytest.raises(NotAllowed):
        desk.list(desk.hire("reviewer", "test-port"))


def test_a_colleagues_case_is_the_colleagues(desk: Desk) -> None:
    desk.call_me()
    (line,) = desk.list()
    desk.open(line.id)
    assert desk.list(desk.colleague) == []
    with pytest.raises(Conflict):
        desk.record(line.id, "reached", desk.colleague)


def test_the_card_needs_a_fresh_proof_and_closes_with_the_case(desk: Desk) -> None:
    desk.call_me()
    (line,) = desk.list()
    with pytest.raises(people.StepUp):
        desk.store.write(lambda tx: service.open_file(tx, desk.moment, desk.house, desk.worker, line.id))
    desk.record(line.id, "refuses")
    assert desk.open(line.id).card == {}


def test_a_case_ends_with_its_notice(desk: Desk) -> None:
    notice_id = desk.call_me()
    desk.store.write(
        lambda tx: notices.note(tx, desk.moment, "read", notice_id=notice_id, subject_id=desk.members[0])
    )
    assert desk.store.write(lambda tx: service.sweep(tx, desk.moment)) == 1
    assert desk.list() == []


def test_without_a_mandate_there_is_no_case(desk: Desk) -> None:
    desk.after(days=31)
    with pytest.raises(NoMandate):
        desk.ask()
    with pytest.raises(NoMandate):
        desk.store.write(
            lambda tx: tx.run(
                "INSERT INTO desk_case (id, subject_id, mandate_id, kind, notice_id, opened_at, due_at, state, "
                "state_at) VALUES ('C', 'S', 'M', 'call', 'N', 1, 2, 'open', 1)"
            )
        )


def test_a_shift_is_handed_over(desk: Desk) -> None:
    for n in range(3):
        desk.ask(n)
    assert desk.list(desk.colleague) == []
    to = desk.colleague.id
    assert desk.store.write(lambda tx: service.hand_over(tx, desk.moment, desk.worker, to)) == 3
    assert desk.list() == []
    assert all(line.mine for line in desk.list(desk.colleague))
    assert desk.store.write(lambda tx: service.hand_over(tx, desk.moment, desk.colleague, "")) == 3
    assert [line.mine for line in desk.list()] == [False] * 3
    reviewer = desk.hire("reviewer", "test-port").id
    with pytest.raises(NotAllowed):
        desk.store.write(lambda tx: service.hand_over(tx, desk.moment, desk.worker, reviewer))


def test_a_caller_is_found_by_the_whole_number_only_and_sees_it(desk: Desk) -> None:
    desk.call_me(1)

    def find(**by: str) -> list[str]:
        worker = desk.fresh(desk.worker)
        found = desk.store.write(
            lambda tx: service.find_cases(tx, desk.moment, desk.house, b"x" * 32, worker, **by)
        )
        return [line.id for line in found]

    assert find(phone="+999 0000 0001") == [desk.list()[0].id]
    assert find(phone="+999 0000") == []
    assert len(desk.wallet(desk.members[1]).looks) == 1
    with pytest.raises(Refusal):
        find(code="nonsense")


def test_an_order_is_followed_by_a_call_each_day_until_it_ends(desk: Desk) -> None:
    from tests.notices.test_an_order_brings_care import LINES

    notice_id = desk.store.write(
        lambda tx: service.give_order(
            tx, desk.moment, desk.house, desk.doctor, subject_id=desk.members[0], mandate_id=desk.mandate.id,
            why="test", ends=desk.now + timedelta(days=5), lines=LINES,
        )
    )  # fmt: skip
    line = desk.list()[0]
    assert (line.kind, line.due_at) == ("daily-call", desk.now + timedelta(hours=2))
    assert desk.record(line.id, "reached") == "daily-call"
    (line,) = desk.list(kind="daily-call")
    assert line.due_at == desk.now + timedelta(hours=24)
    desk.store.write(lambda tx: service.end_order(tx, desk.moment, desk.doctor, notice_id))
    assert desk.list() == []
    assert desk.states(desk.members[0])["N4"] == "cleared"
    with pytest.raises(NotAllowed):
        desk.store.write(lambda tx: service.end_order(tx, desk.moment, desk.worker, notice_id))


def test_history_is_never_rewritten_and_forgetting_leaves_nothing(desk: Desk) -> None:
    desk.ask()
    with pytest.raises(Exception, match="APPEND_ONLY"):
        desk.store.write(lambda tx: tx.run("UPDATE desk_event SET what = 'reached'"))
    desk.store.write(lambda tx: notices.forget(tx, desk.moment, desk.house, desk.members[0]))
    with desk.store.read() as tx:
        assert tx.one("SELECT (SELECT COUNT(*) FROM desk_case) + (SELECT COUNT(*) FROM desk_event)") == (0,)


def test_a_doctor_records_what_was_shown_and_it_clears_at_once(desk: Desk) -> None:
    desk.tell("retest-required", "R1", sampled=desk.now - timedelta(hours=1), whom=desk.members[:1])
    notice_id = desk.notice(desk.members[0], "N2").id
    desk.store.write(lambda tx: service.call_me(tx, desk.moment, desk.members[0], notice_id))
    (line,) = desk.list(desk.doctor)

    def record(kind: str, staff: object = None, hours: float = 0) -> None:
        who = desk.fresh(staff or desk.doctor)  # type: ignore[arg-type]
        as_of = desk.now + timedelta(hours=hours)
        desk.store.write(
            lambda tx: service.record_fact(tx, desk.moment, desk.house, who, line.id, kind, as_of)
        )

    for kind, staff, hours in (("test", None, 0), ("exemption", None, 1)):
        with pytest.raises(Refusal):
            record(kind, staff, hours)
    with pytest.raises(NotAllowed):
        record("exemption", desk.worker)
    record("vaccination")
    assert desk.states(desk.members[0])["N2"] == "open"
    record("exemption")
    assert desk.states(desk.members[0])["N2"] == "cleared"
    assert "Exemption recorded" in [one.what.en for one in desk.open(line.id, desk.doctor).lines]
