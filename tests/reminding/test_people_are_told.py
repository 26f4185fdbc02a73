"""News and near dates by push and SMS, to real peers; never what about, never twice, never at night."""

import pytest

from pratique.core.errors import NoMandate, Refusal
from pratique.notices import service as notices
from pratique.reminding import service
from pratique.reminding.model import MAX_TRIES, SAYS, SmsWish
from tests.reminding.conftest import Told
from tests.reminding.peers import Gateway, PushService

NEWS, REMINDER = SAYS["news"], SAYS["reminder"]


def test_it_works(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    assert told.go_round() == 0
    told.start()  # a campaign asks everybody: N1, five days
    assert told.go_round() == 1
    assert push.texts == [NEWS.en]
    assert told.go_round() == 0
    (claims,) = push.claims
    assert (claims["aud"], claims["sub"]) == (f"http://{push.host}", "https://port.example")
    assert 0 < claims["exp"] - told.now.timestamp() <= 86400

    told.after(days=4, minutes=1).go_round()
    assert push.texts[1:] == [REMINDER.en]
    told.after(hours=21, minutes=1).go_round()
    assert push.texts[2:] == [REMINDER.en]
    told.after(hours=3).sweep()
    told.go_round()
    assert push.texts[3:] == [NEWS.en]  # it is over
    told.after(days=1).go_round()
    assert len(push.texts) == 4


def test_nothing_in_it_says_what_about(told: Told, push: PushService, gateway: Gateway) -> None:
    told.card("en")
    told.wish(push.wish())
    told.wish(SmsWish(language="en", quiet_from=0, quiet_to=0))
    for outcome in ("retest-required", "recollect"):
        told.tell(outcome, outcome, sampled=told.now, whom=told.members[:1])
        told.go_round()
        told.after(minutes=1)
    told.tell("detected", "D", sampled=told.now, whom=told.members[:1], pooled=False)
    told.go_round()
    assert set(push.texts) == {NEWS.en}
    assert {gateway.text(n) for n in range(len(gateway.messages))} == {NEWS.en}
    assert len(push.texts) == len(gateway.messages) == 3
    assert not any(b"wallet" in raw for raw in push.raw)  # what went over the wire is closed
    with told.store.read() as tx:
        kept = b"".join(bytes(row[0]) for row in tx.all("SELECT sealed FROM channel"))
        assert tx.one("SELECT COUNT(*) FROM message") == (0,)  # nothing stays of what was sent
    assert b"planted" not in kept


def test_two_pieces_of_news_are_one_message(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    told.start()
    told.tell("retest-required", "R1", sampled=told.now, whom=told.members[:1])
    assert told.go_round() == 1


def test_who_gave_the_sample_is_not_reminded_and_ones_own_acts_are_no_news(
    told: Told, push: PushService
) -> None:
    told.wish(push.wish())
    told.start()
    told.go_round()
    told.tell("sample-sealed", "S", sampled=told.now)
    told.after(days=4, minutes=1).go_round()
    assert push.texts == [NEWS.en]
    told.tell("recollect", "S2", sampled=told.now)
    told.go_round()
    assert push.texts == [NEWS.en] * 2


def test_a_reminder_whose_notice_is_over_is_not_sent(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    told.start()
    told.go_round()
    told.after(days=4, minutes=1)
    told.store.write(lambda tx: service.plan(tx, told.moment, told.hands))
    told.tell("not-detected", "X", sampled=told.now)
    told.go_round()
    assert push.texts == [NEWS.en, NEWS.en]


def test_at_night_it_waits_for_the_morning(told: Told, push: PushService) -> None:
    told.wish(push.wish(quiet_from=22, quiet_to=7))
    told.after(hours=15)  # 23:00 in the zone
    told.start()
    assert told.go_round() == 0
    assert told.after(hours=7, minutes=59).go_round() == 0
    assert told.after(minutes=1).go_round() == 1


def test_a_browser_that_is_gone_is_forgotten(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    told.start()
    push.status = 410
    told.go_round()
    with told.store.read() as tx:
        assert service.kinds_of(tx, told.members[0]) == []
        assert tx.one("SELECT COUNT(*) FROM message") == (0,)


def test_a_service_that_fails_is_tried_five_times(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    told.start()
    push.status = 503
    for n in range(MAX_TRIES + 3):
        told.go_round()
        told.after(minutes=2**n)
    assert len(push.texts) == MAX_TRIES
    with told.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM message") == (0,)
        assert service.kinds_of(tx, told.members[0]) == ["push"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254/latest/meta-data", "https://127.0.0.1/x", "https://push.example.evil/x",
        "https://user@fcm.googleapis.com/x", "http://fcm.googleapis.com/x", "https://evil-fcm.googleapis.com.test/x",
        "file:///etc/passwd", "https://notify.windows.com.evil/x", "gopher://fcm.googleapis.com/x", "",
    ],
)  # fmt: skip
def test_no_address_is_called_that_is_no_push_service(told: Told, push: PushService, endpoint: str) -> None:
    hands = told.hands._replace(hosts=("fcm.googleapis.com", "*.notify.windows.com"))
    wish = push.wish()
    with pytest.raises(Refusal) as refused:
        service.check_endpoint(endpoint, hands.hosts)
    assert refused.value.field == "endpoint"
    service.check_endpoint("https://fcm.googleapis.com/fcm/send/x", hands.hosts)
    service.check_endpoint("https://wns2.notify.windows.com/w/?token=x", hands.hosts)
    assert wish.endpoint.startswith("http://127.0.0.1")


def test_keys_that_are_none_and_a_mandate_that_is_none(told: Told, push: PushService) -> None:
    for changes in ({"p256dh": "AAAA"}, {"auth": "AAAA"}, {"p256dh": "%"}):
        with pytest.raises(Refusal):
            told.wish(type(push.wish())(**({"endpoint": push.wish().endpoint, "p256dh": push.wish().p256dh,
                                            "auth": push.wish().auth, "language": "en"} | changes)))  # type: ignore[arg-type]  # fmt: skip
    with pytest.raises(Refusal):  # no card, no SMS
        told.wish(SmsWish(language="en"))
    told.after(days=31)
    with pytest.raises(NoMandate):
        told.wish(push.wish())


def test_sms_goes_out_in_chinese(told: Told, gateway: Gateway) -> None:
    told.card()
    told.wish(SmsWish(language="zh-Hans", quiet_from=0, quiet_to=0))
    told.start()
    assert told.go_round() == 1
    source, number, coding, raw = gateway.messages[0]
    assert (source, number, coding) == ("Test", "99900000007", 8)
    assert gateway.text() == NEWS.zh_hans
    assert len(raw) <= 140


def test_what_the_gateway_says_decides(told: Told, gateway: Gateway) -> None:
    told.card()
    told.wish(SmsWish(language="en", quiet_from=0, quiet_to=0))
    told.start()
    gateway.status = 0x58  # throttled: later
    assert told.go_round() == 0
    gateway.status = 0
    assert told.after(minutes=1).go_round() == 1
    told.tell("retest-required", "R", sampled=told.now)
    gateway.status = 0x0B  # no such number: never again
    told.go_round()
    with told.store.read() as tx:
        assert service.kinds_of(tx, told.members[0]) == []


def test_stopping_and_forgetting(told: Told, push: PushService) -> None:
    told.wish(push.wish())
    told.wish(push.wish())  # the same browser again is the same channel
    with told.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM channel") == (1,)
    told.start()
    told.store.write(lambda tx: service.plan(tx, told.moment, told.hands))
    told.store.write(lambda tx: notices.forget(tx, told.moment, told.house, told.members[0]))
    with told.store.read() as tx:
        assert tx.one("SELECT (SELECT COUNT(*) FROM channel) + (SELECT COUNT(*) FROM message)") == (0,)
    told.wish(push.wish(), member=1)
    assert told.store.write(lambda tx: service.stop(tx, told.members[1], "push")) == 1
    assert told.go_round() == 0
