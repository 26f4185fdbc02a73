"""RFC 8291's own vector, somebody else's decryption, the limits of a short message, and when it is quiet."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pratique.reminding.model import SAYS
from pratique.reminding.quiet import Quiet, is_quiet, not_before, remind_at
from pratique.reminding.smpp import Later, Never, coded, read_gateway, session
from pratique.reminding.webpush import RECORD, Target, encrypt, one_time_key
from tests.reminding.peers import Gateway, PushService

ZONE = ZoneInfo("Asia/Shanghai")


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_it_works_as_rfc_8291_appendix_a_says() -> None:
    key = ec.derive_private_key(
        int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    target = Target(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        raw("BTBZMqHH6r4Tts7J_aSIgg"),
    )

    made = encrypt(b"When I grow up, I want to be a watermelon", target, key, raw("DGv6ra1nlYgDCS1FRnbzlw"))

    assert made == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr"
        "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=3993), st.binary(min_size=40, max_size=40), st.binary(min_size=16, max_size=16))
def test_others_read_what_we_write(plain: bytes, seed: bytes, salt: bytes) -> None:
    made = encrypt(plain, Target("", BROWSER.point, BROWSER.auth), one_time_key(seed), salt)
    assert http_ece.decrypt(made, private_key=BROWSER.key, auth_secret=BROWSER.auth) == plain
    assert len(made) <= RECORD


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one record"):
        encrypt(bytes(3994), Target("", BROWSER.point, BROWSER.auth), one_time_key(bytes(40)), bytes(16))


BROWSER = PushService()
BROWSER.close()


def test_every_message_fits_one_part() -> None:
    for text in SAYS.values():
        assert coded(text.en)[0] == 0
        assert coded(text.zh_hans)[0] == 8
    with pytest.raises(ValueError, match="one part"):
        coded("x" * 161)


def test_a_session_over_a_real_socket(gateway: Gateway) -> None:
    there = read_gateway(f"smpp://a:b@127.0.0.1:{gateway.port}")
    with session(there) as bound:
        assert bound.submit("+999 0000 0001", "one") == "id-1"
        assert bound.submit("+999 0000 0002", "二") == "id-2"
        with pytest.raises(Never):
            bound.submit("abc", "x")
        gateway.status = 0x14
        with pytest.raises(Later):
            bound.submit("+999 0000 0003", "three")
    assert [one[1] for one in gateway.messages] == ["99900000001", "99900000002"]
    assert gateway.text(1) == "二"


def test_a_gateway_that_is_not_there_is_tried_later(gateway: Gateway) -> None:
    gateway.close()
    with pytest.raises(Later), session(read_gateway(f"smpp://a:b@127.0.0.1:{gateway.port}")):
        pass


@pytest.mark.parametrize("address", ["", "http://x", "smpp://host", "smpp://a:b@h?from=much-too-long-a-name"])
def test_a_wrong_setting_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"gateway|sender"):
        read_gateway(address)


NOW = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
HOURS = st.builds(Quiet, st.integers(0, 23), st.integers(0, 23))
ZONES = st.sampled_from([ZONE, ZoneInfo("Europe/Lisbon"), ZoneInfo("America/Santiago"), ZoneInfo("UTC")])


@given(NOW, HOURS, ZONES)
def test_nothing_is_ever_sent_in_quiet_hours(now: datetime, quiet: Quiet, zone: ZoneInfo) -> None:
    at = not_before(now, quiet, zone)
    assert now <= at <= now + timedelta(hours=26)
    assert not is_quiet(at, quiet, zone)


@given(NOW, st.timedeltas(timedelta(minutes=1), timedelta(days=2)), HOURS, ZONES)
def test_a_reminder_never_comes_too_late(
    now: datetime, left: timedelta, quiet: Quiet, zone: ZoneInfo
) -> None:
    at = remind_at(now, now + left, quiet, zone)
    assert at is None or (at < now + left and not is_quiet(at, quiet, zone))
