"""A week of receipts becomes a table; what is forged, foreign, or there twice is refused by name, one by one."""

import csv
import io
import json
import secrets
from datetime import timedelta

import pytest

from pratique.core.text import Text
from pratique.credentials import base45
from pratique.credentials.challenge import certify
from pratique.credentials.doors import read_doors
from pratique.credentials.keys import Es256Signer
from pratique.credentials.receipt import make_receipt
from pratique.membership import register as reg
from pratique.membership.attendance import as_csv, check, hand_in
from pratique.membership.texts import WHY
from tests.membership.making import NOW, Club, ed25519, es256, point

PHONE, OTHER = es256(), es256()


class House(Club):
    def __init__(self) -> None:
        super().__init__()
        _, made = reg.lists_for_gates(self.register, self.member, self.member.spki, NOW)
        self.doors = read_doors(made.door if isinstance(made.door, bytes) else b"").doors

    def receipt(self, phone: Es256Signer, hours: float = 0, door: int = 0) -> str:
        gate, at = self.gates[door], NOW + timedelta(hours=hours)
        return make_receipt(
            gate.sign, self.doors[door].certificate, secrets.token_bytes(16), point(phone), at
        )

    def codes(self, *files: bytes) -> list[tuple[int, str]]:
        found = check([(f"{n}.json", raw) for n, raw in enumerate(files)], self.register, self.keys())
        return [(one.place, one.code) for one in found.refused]


@pytest.fixture
def house() -> House:
    return House()


def test_it_works(house: House) -> None:
    credential = house.joins(PHONE, "member 7")
    week = [house.receipt(PHONE, 24 * day, day % 2) for day in range(5)]

    found = check([("w.json", hand_in(PHONE, credential, week))], house.register, house.keys())

    assert found.refused == ()
    assert [(row.member, row.date, row.time) for row in found.rows] == [
        ("member 7", f"2026-11-{24 + day}", "09:00") for day in range(5)
    ]
    table = list(csv.reader(io.StringIO(as_csv(found.rows))))
    assert table[0] == ["member", "date", "time", "door", "receipt"]
    assert [row[3] for row in table[1:3]] == ["北门 / North door", "南门 / South door"]
    assert len({row[4] for row in table[1:]}) == 5


def test_a_receipt_counts_once_over_all_files(house: House) -> None:
    credential = house.joins(PHONE)
    one, two = house.receipt(PHONE), house.receipt(PHONE, 1)

    twice = house.codes(hand_in(PHONE, credential, [one, two, one]), hand_in(PHONE, credential, [two]))

    assert twice == [(3, "TWICE"), (1, "TWICE")]


def test_another_member_s_receipt_is_not_yours(house: House) -> None:
    credential = house.joins(PHONE)
    house.joins(OTHER, "8")

    assert house.codes(hand_in(PHONE, credential, [house.receipt(OTHER)])) == [(1, "NOT_YOURS")]


def test_what_no_door_of_ours_signed_is_forged(house: House) -> None:
    credential, stranger, elsewhere = house.joins(PHONE), ed25519(), House()
    by_stranger = make_receipt(stranger.sign, house.doors[0].certificate, bytes(16), point(PHONE), NOW)
    own_paper = certify(PHONE, bytes(16), Text("x", "门"), stranger.public_key, NOW, NOW + timedelta(days=9))
    self_made = make_receipt(stranger.sign, own_paper, bytes(16), point(PHONE), NOW)
    too_old = make_receipt(
        house.gates[0].sign, house.doors[0].certificate, bytes(16), point(PHONE), NOW - timedelta(days=1)
    )
    good = house.receipt(PHONE)
    raw = bytearray(base45.decode(good.removeprefix("PQR1:")))
    raw[-1] ^= 1
    altered = "PQR1:" + base45.encode(bytes(raw))
    forged = [by_stranger, self_made, too_old, elsewhere.receipt(PHONE), altered]

    found = house.codes(hand_in(PHONE, credential, [*forged, "PQR1:nonsense", "nonsense", good]))

    assert found == [(n, "FORGED") for n in range(1, 6)] + [(6, "UNREADABLE"), (7, "UNREADABLE")]


def test_only_the_holder_hands_in(house: House) -> None:
    credential, receipt = house.joins(PHONE), house.receipt(PHONE)
    stolen = hand_in(OTHER, credential, [receipt])
    more = json.loads(hand_in(PHONE, credential, [receipt])) | {"name": "Li"}
    foreign = hand_in(PHONE, House().joins(PHONE), [receipt])

    assert house.codes(stolen) == [(0, "NOT_SIGNED")]
    assert house.codes(foreign) == [(0, "NOT_OUR_MEMBER")]
    for raw in (b"", b"[]", b"{}", b"\xff", json.dumps(more).encode()):
        assert house.codes(raw) == [(0, "NOT_A_HAND_IN")]


def test_every_refusal_says_what_is_wrong_in_both_languages(house: House) -> None:
    assert all(text.en and text.zh_hans for text in WHY.values())


def test_two_receipts_of_one_member_have_nothing_in_common(house: House) -> None:
    first, second = (base45.decode(house.receipt(PHONE, n).removeprefix("PQR1:")) for n in (0, 0))
    certificate = house.doors[0].certificate

    assert point(PHONE)[1:] not in first + second
    tails = [raw[raw.index(certificate) + len(certificate) :] for raw in (first, second)]
    shared = {tails[0][n : n + 12] for n in range(len(tails[0]) - 12)}
    common = [n for n in range(len(tails[1]) - 12) if tails[1][n : n + 12] in shared]
    assert len(common) < 20  # heads and the minute: no mark of the member


def test_a_table_is_no_formula(house: House) -> None:
    credential = house.joins(PHONE, "=cmd()")
    found = check([("w", hand_in(PHONE, credential, [house.receipt(PHONE)]))], house.register, house.keys())

    assert "'=cmd()" in as_csv(found.rows)


def test_a_pass_is_forgotten_five_weeks_after_its_end(house: House) -> None:
    house.joins(PHONE, days=1)
    later = NOW + timedelta(days=40)

    assert reg.forget(house.register, NOW + timedelta(days=30)).members
    assert not reg.forget(house.register, later).members
