"""An appeal that waits is told to the duty officer at half and at four fifths of its time, day and night."""

from pratique.notices import service as notices
from pratique.reminding import service
from pratique.reminding.model import MAX_TRIES
from tests.reminding.conftest import Told
from tests.reminding.peers import Gateway

NUMBER = "+999 0000 0099"


def appeal(told: Told, member: int = 0) -> str:
    told.tell("recollect", f"X{member}", sampled=told.now, whom=[told.members[member]])
    notice = told.notice(told.members[member], "N3")
    view = told.store.write(
        lambda tx: notices.appeal(
            tx, told.moment, told.house, subject_id=told.members[member], notice_id=notice.id, text="planted"
        )
    )
    return view.id


def go_round(told: Told) -> int:
    told.sweep()
    told.store.write(lambda tx: service.plan_duty(tx, told.moment, told.hands))
    return service.send_duty(told.hands, told.moment)


def officer(told: Told, *numbers: str, language: str = "en") -> Told:
    told.hands = told.hands._replace(duty=numbers or (NUMBER,), duty_language=language)
    return told


def test_it_works(told: Told, gateway: Gateway) -> None:
    officer(told)
    appeal(told)
    appeal(told, 1)
    assert go_round(told.after(hours=11, minutes=59)) == 0
    assert go_round(told.after(minutes=1, seconds=1)) == 0  # what falls into the same minutes is one message
    assert go_round(told.after(minutes=5)) == 1
    assert "half of their time or more: 2." in gateway.text()
    assert "planted" not in gateway.text()
    assert go_round(told.after(minutes=5)) == 0
    assert go_round(told.after(hours=7, minutes=10)) == 0
    assert go_round(told.after(minutes=5)) == 1  # four fifths
    assert len(gateway.messages) == 2
    assert go_round(told.after(hours=6)) == 0  # lifted by silence: nothing waits any more
    with told.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM duty_message") == (0,)


def test_it_says_so_in_chinese_and_fits_one_part(told: Told, gateway: Gateway) -> None:
    officer(told, language="zh-Hans")
    appeal(told)
    go_round(told.after(hours=12, seconds=1))
    assert go_round(told.after(minutes=5)) == 1
    assert gateway.text().startswith("Pratique：1件申诉时限已过半")


def test_what_was_answered_meanwhile_is_not_told(told: Told, gateway: Gateway) -> None:
    officer(told)
    appeal(told)
    go_round(told.after(hours=12, seconds=1))
    told.tell(
        "not-detected", "N", sampled=told.now, whom=told.members[:1]
    )  # the ground is gone, the appeal closes
    assert go_round(told.after(minutes=5)) == 0
    assert gateway.messages == []


def test_one_number_that_takes_it_is_enough_and_a_gateway_that_is_down_is_asked_again(
    told: Told, gateway: Gateway
) -> None:
    officer(told, "not a number", NUMBER)
    appeal(told)
    go_round(told.after(hours=12, seconds=1))
    gateway.status = 0x58
    for n in range(MAX_TRIES - 1):
        assert go_round(told.after(minutes=5 + 2**n)) == 0
    gateway.status = 0
    assert go_round(told.after(minutes=20)) == 1


def test_without_a_number_nothing_waits(told: Told) -> None:
    appeal(told)
    go_round(told.after(hours=12, seconds=1))
    with told.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM duty_message") == (0,)


def test_forgetting_takes_what_waits_along(told: Told) -> None:
    officer(told)
    appeal(told)
    go_round(told.after(hours=12, seconds=1))
    told.store.write(lambda tx: notices.forget(tx, told.moment, told.house, told.members[0]))
    with told.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM duty_message") == (0,)
