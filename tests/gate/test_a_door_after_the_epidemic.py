"""A gate as a door reader: who is let in where and when, receipts and rings, and what it never reads or keeps."""

import json
import queue
import secrets
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.making import a_home, a_pass, bundle, loaded, mandate_note
from tests.gate.test_the_gate_works_through_its_states import Door
from tests.membership.making import CLUB, NOW, Club, ed25519, es256, point, shows

from pratique.core.ids import encode_id
from pratique.credentials import base45, doorbell, membership
from pratique.credentials.doors import gate_of
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.membership import Bell, Hours, invite, paper
from pratique.credentials.reasons import BadTrust
from pratique.credentials.receipt import read_receipt, read_ring
from pratique.credentials.trust import make_bundle
from pratique.gate import station, texts
from pratique.gate.clock import Clock
from pratique.gate.decide import decide
from pratique.gate.door import Admitted, decide_door
from pratique.gate.end import destroy
from pratique.gate.enrol import write_whole
from pratique.gate.journal import Journal
from pratique.gate.lists import Lists, load
from pratique.gate.loop import Gate
from pratique.gate.memory import Memory
from pratique.gate.model import DOOR_PAIRS, FailTable, Grade, slot_of
from pratique.gate.porter import Porter
from pratique.gate.repurpose import PREFIX, StillWorking, repurpose
from pratique.gate.sources import Rang, Scan, Turned
from pratique.membership import register as reg

PHONE, GUEST = es256(), es256()


def judge(
    club: Club, text: str, now: datetime = NOW, grade: Grade = "good", door: int = 0
) -> tuple[str, str]:
    lists = club.loaded(now, door)
    assert lists.door is not None
    judged, _ = decide_door(lists.door, text, now, grade, lists, FailTable(lists.door.stale), lambda _: False)
    return judged.decision.outcome, judged.decision.reason


def invited(club: Club, now: datetime = NOW, hours: float = 4, **changes: Any) -> tuple[bytes, bytes]:
    host = club.joins(PHONE, hosts=True)
    return host, invite(PHONE, point(GUEST), now, now + timedelta(hours=hours), **changes)


def test_it_works() -> None:
    club = Club()

    assert judge(club, shows(PHONE, club.joins(PHONE))) == ("clear", "member")
    assert judge(club, shows(GUEST, *invited(club))) == ("clear", "visitor")


def test_a_pass_opens_its_doors_at_its_hours() -> None:
    club = Club()
    weekdays = (Hours(0b0011111, 7 * 60, 19 * 60),)
    one = club.joins(PHONE, doors=(2,), hours=weekdays)
    evening, saturday = NOW + timedelta(hours=10), NOW + timedelta(days=4)

    assert judge(club, shows(PHONE, one)) == ("hold", "door")
    assert judge(club, shows(PHONE, one), door=1) == ("clear", "member")
    assert judge(club, shows(PHONE, one, at=evening), evening, door=1) == ("hold", "hours")
    assert judge(club, shows(PHONE, one, at=saturday), saturday, door=1) == ("hold", "hours")


def test_a_visitor_comes_when_and_where_invited_and_no_further_than_the_host() -> None:
    club = Club()
    early, late = NOW - timedelta(minutes=10), NOW + timedelta(hours=4)

    assert judge(club, shows(GUEST, *invited(club), at=early), early) == ("hold", "hours")
    assert judge(club, shows(GUEST, *invited(club), at=late), late) == ("hold", "expired")
    assert judge(club, shows(GUEST, *invited(club, doors=(2,)))) == ("hold", "door")
    narrow = club.joins(PHONE, hosts=True, doors=(2,))
    wide = invite(PHONE, point(GUEST), NOW, NOW + timedelta(hours=1))
    assert judge(club, shows(GUEST, narrow, wide)) == ("hold", "door")
    assert judge(Club(visitors=False), "nonsense") == ("see_staff", "unreadable")
    closed = Club(visitors=False)
    assert judge(closed, shows(GUEST, *invited(closed))) == ("hold", "door")


def test_nobody_invites_who_may_not() -> None:
    club = Club()
    plain, stranger = club.joins(PHONE), es256()
    host = club.joins(PHONE, hosts=True)
    forged = invite(stranger, point(GUEST), NOW, NOW + timedelta(hours=1))
    by_guest = invite(GUEST, point(stranger), NOW, NOW + timedelta(hours=1))

    assert judge(club, shows(GUEST, plain, invited(club)[1])) == ("see_staff", "bad_signature")
    assert judge(club, shows(GUEST, host, forged)) == ("see_staff", "bad_signature")
    assert judge(club, shows(stranger, host, by_guest)) == ("see_staff", "bad_signature")


def test_paper_is_for_visitors_only() -> None:
    club = Club()
    host = club.joins(PHONE, hosts=True)
    on_paper = invite(PHONE, None, NOW, NOW + timedelta(hours=1))

    assert judge(club, paper((host, on_paper))) == ("clear", "visitor")
    assert judge(club, paper((host,))) == ("see_staff", "bad_signature")
    assert judge(club, paper(invited(club))) == ("see_staff", "bad_signature")


def test_pictures_strangers_and_withdrawn_passes_stay_out() -> None:
    club, other = Club(), Club()
    one = club.joins(PHONE)
    picture = shows(PHONE, one, at=NOW - timedelta(minutes=10))

    assert judge(club, picture) == ("see_staff", "clock")
    assert judge(club, shows(GUEST, one)) == ("see_staff", "bad_signature")
    assert judge(club, shows(PHONE, other.joins(PHONE))) == ("see_staff", "unknown_issuer")
    assert judge(club, shows(PHONE, one), grade="bad") == ("see_staff", "clock")
    after = NOW + timedelta(days=31)
    assert judge(club, shows(PHONE, one, at=after), after) == ("hold", "expired")

    club.register, _ = reg.withdraw(club.register, "7")
    assert judge(club, shows(PHONE, one)) == ("hold", "revoked")


def test_every_door_pair_has_its_sentence_with_a_way_out() -> None:
    assert len(DOOR_PAIRS) <= 13
    for outcome, reason in DOOR_PAIRS:
        said = texts.reason_line(outcome, reason, door=True)
        assert said.en
        assert said.zh_hans
        if outcome == "hold":
            assert "ask" in said.en
            assert any(word in said.zh_hans for word in ("询问", "申请"))


def test_no_credential_of_health_is_read_at_a_door() -> None:
    club = Club()
    for text in (a_pass(NOW), "HC1:6BF", "shc:/5676"):
        assert judge(club, text) == ("see_staff", "unreadable")


def test_no_membership_is_read_at_a_gate_of_an_epidemic() -> None:

    club = Club()
    text = shows(PHONE, club.joins(PHONE))
    judged = decide(text, NOW, "good", loaded(NOW), FailTable(), lambda _: False)

    assert (judged.decision.outcome, judged.decision.reason) == ("see_staff", "unreadable")


def test_no_file_turns_a_gate_into_a_door_or_back() -> None:
    club = Club()
    roots = (club.root.public_key,)

    with pytest.raises(BadTrust):
        load(club.lists(), roots, 1, 0, NOW)
    with pytest.raises(BadTrust):
        load(make_bundle(bundle(NOW), [club.root]), roots, 1, 0, NOW, door_key=club.gates[0].public_key)
    with pytest.raises(BadTrust):
        load(club.lists(), roots, 1, 0, NOW, door_key=ed25519().public_key)


def test_doors_and_a_mandate_are_never_in_one_file() -> None:

    club = Club()
    _, made = reg.lists_for_gates(club.register, club.member, club.member.spki, NOW)
    both = msgspec.structs.replace(made, mandates=(mandate_note(NOW),))

    with pytest.raises(BadTrust):
        load(
            make_bundle(both, [club.root]),
            (club.root.public_key,),
            1,
            0,
            NOW,
            door_key=club.gates[0].public_key,
        )


@given(st.text(max_size=60) | st.binary(max_size=300).map(lambda raw: "PQM1:" + base45_of(raw)))
def test_any_text_is_answered(text: str) -> None:
    assert judge(CLUB_OF_ALL, text)[0] == "see_staff"


CLUB_OF_ALL = Club()


def base45_of(raw: bytes) -> str:

    return base45.encode(raw)


# The loop


class Bench:
    """A whole door reader with a real journal; only time is turned by hand."""

    def __init__(self, folder: Path, *, turn_sensor: bool = False, **door: Any) -> None:
        self.club, self.wall, self.ran = Club(**door), NOW.timestamp(), 1000.0
        self.membership = self.club.joins(PHONE, hosts=True)
        self.path = folder / "snapshot.cbor"
        write_whole(self.path, self.club.lists())
        self.lines: list[dict[str, Any]] = []
        self.shown: list[dict[str, Any]] = []
        self.rings: list[tuple[int, bytes, bytes]] = []
        self.door, device = Door(), self.club.gates[0]
        self.journal = Journal(folder / "journal.db", device.sign, sends=False)
        self.porter = Porter(device.sign, secrets.token_bytes, lambda *one: self.rings.append(one))
        self.gate = Gate(
            Lists(self.path, (self.club.root.public_key,), 1, 0, device.public_key), self.journal,
            Clock(0, 0, lambda: self.wall, lambda: self.ran), Memory(secrets.token_bytes(32)), self.door,
            self.lines.append, self.shown.append, ticks=lambda: self.ran, turn_sensor=turn_sensor, porter=self.porter,
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.wall - NOW.timestamp())

    def go(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.wall += 1
            self.ran += 1
            self.gate.handle(None)

    def member_comes(self) -> dict[str, Any]:
        self.gate.handle(Scan(shows(PHONE, self.membership, at=self.now), self.ran))
        return self.lines[-1]

    def guest_comes(self, **changes: Any) -> dict[str, Any]:
        self.bell, self.secret = es256(), secrets.token_bytes(32)
        at = Bell(doorbell.box_of(self.secret), point(self.bell))
        made = invite(
            PHONE, point(GUEST), self.now, self.now + timedelta(hours=1), **({"bell": at} | changes)
        )
        self.invitation = made
        self.gate.handle(Scan(shows(GUEST, self.membership, made, at=self.now), self.ran))
        return self.lines[-1]

    @property
    def said(self) -> str | None:
        advice = self.shown[-1]["advice"]
        return advice["en"] if advice else None


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_member_comes_in_without_any_mandate_and_gets_a_receipt(bench: Bench) -> None:
    assert bench.gate.machine.state == "ready"

    line = bench.member_comes()

    assert (line["outcome"], line["reason"]) == ("clear", "member")
    assert bench.door.is_open
    told = bench.shown[-1]
    assert told["mandate"] is None
    assert told["door"] == {"en": CLUB.en, "zh-Hans": CLUB.zh_hans}
    receipt = read_receipt(told["receipt"], bench.club.keys())
    assert receipt.certificate.place.en == "North door"
    assert receipt.at == NOW
    assert receipt.is_of(point(PHONE))
    assert not receipt.is_of(point(GUEST))
    bench.go(13)
    assert bench.shown[-1]["receipt"] is None
    assert "receipt" not in line


def test_with_a_turn_sensor_only_who_came_in_gets_a_receipt(tmp_path: Path) -> None:
    bench = Bench(tmp_path, turn_sensor=True)
    bench.member_comes()
    assert bench.shown[-1]["receipt"] is None
    bench.go(9)
    assert bench.lines[-1]["outcome"] == "annulled"
    assert bench.shown[-1]["receipt"] is None

    bench.go(30)
    bench.member_comes()
    bench.gate.handle(Turned())

    assert bench.shown[-1]["receipt"]


def test_a_door_that_hands_no_receipts_hands_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, receipts=False)

    assert bench.member_comes()["outcome"] == "clear"
    assert bench.shown[-1]["receipt"] is None


def test_a_receipt_leaves_the_screen_with_the_next_person(bench: Bench) -> None:
    bench.member_comes()
    assert bench.shown[-1]["receipt"]
    bench.gate.handle(Scan("nonsense", bench.ran))
    assert bench.shown[-1]["receipt"] is None


def test_the_host_is_told_and_the_visitor_hears_of_it(bench: Bench) -> None:
    line = bench.guest_comes()

    assert (line["outcome"], line["reason"]) == ("clear", "visitor")
    assert bench.said == "Your host is being told"
    [(number, box, sealed)] = bench.rings
    assert box == doorbell.box_of(bench.secret)
    ring = read_ring(doorbell.unseal(bench.bell._key, sealed), bench.club.keys())
    assert ring.certificate.place.en == "North door"

    assert ring.visit == sha256(bench.invitation).digest()
    bench.gate.handle(Rang(number, True))
    assert bench.said == "Your host knows that you are here"
    bench.go(13)
    assert bench.said is None


@pytest.mark.parametrize("how", ["not reached", "no answer", "no line", "a bad key"])
def test_a_host_who_is_not_reached_leaves_nobody_without_advice(bench: Bench, how: str) -> None:
    if how == "no line":
        bench.porter.send = None
    key = b"\x02" + b"\xff" * 32 if how == "a bad key" else None
    line = bench.guest_comes(**({"bell": Bell(bytes(16), key)} if key else {}))
    if how == "not reached":
        bench.gate.handle(Rang(bench.rings[0][0], False))
    elif how == "no answer":
        bench.go(9)

    assert line["outcome"] == "clear"
    assert bench.said == "Your host could not be reached: call them, or ask at the reception"


def test_a_late_answer_says_nothing_to_the_next_person(bench: Bench) -> None:
    bench.guest_comes()
    first = bench.rings[0][0]
    bench.go(10)
    bench.member_comes()

    bench.gate.handle(Rang(first, True))

    assert bench.said is None


def test_stale_lists_never_free_a_door(bench: Bench) -> None:
    bench.wall += 5 * 86_400
    bench.ran += 5 * 86_400
    bench.gate.handle(None)

    assert bench.gate.machine.state == "degraded"
    assert not bench.door.is_open
    assert bench.member_comes()["outcome"] == "clear"


def test_the_journal_knows_counts_and_nobody(bench: Bench, tmp_path: Path) -> None:
    bench.member_comes()
    text = bench.shown[-1]["receipt"]
    nonce = read_receipt(text, bench.club.keys()).nonce
    bench.guest_comes()
    bench.go(1000)

    assert bench.journal.counts(slot_of(NOW.timestamp())) == {"clear": 2}
    bench.journal.close()
    planted = [point(PHONE)[1:], point(GUEST)[1:], nonce, bench.secret, doorbell.box_of(bench.secret)]
    names = [membership.read_membership(bench.membership).signed.signature, bench.invitation[-64:]]
    for file in tmp_path.iterdir():
        raw = file.read_bytes()
        for canary in planted + names:
            assert canary not in raw
            assert canary.hex().encode() not in raw.lower()

    waiting = sqlite3.connect(tmp_path / "journal.db").execute("SELECT count(*) FROM outbox").fetchone()
    assert waiting == (0,)


# A second life


def organisation(club: Club) -> bytes:

    name = {"en": CLUB.en, "zh-Hans": CLUB.zh_hans}
    return json.dumps({"name": name, "roots": [b64url(club.root.public_key)], "quorum": 1}).encode()


def test_an_ended_gate_becomes_a_door_with_an_empty_database(tmp_path: Path) -> None:
    club = Club()
    (tmp_path / "ended.json").write_text("{}")

    made, key = repurpose(tmp_path, organisation(club))

    assert made.kind == "door"
    assert key.startswith(PREFIX)
    assert (tmp_path / "ended.json").exists()
    assert not (tmp_path / "journal.db").exists()
    again, same = repurpose(tmp_path, organisation(club))
    assert (again, same) == (made, key)

    assert made.gate_id == encode_id(gate_of(unb64url(key.removeprefix(PREFIX))))


def test_what_the_end_leaves_is_enough_to_begin_again(tmp_path: Path) -> None:

    home = a_home(tmp_path, NOW)
    Journal(home / "journal.db").close()
    with pytest.raises(StillWorking):
        repurpose(home, organisation(Club()))
    destroy(home, [path for path in home.iterdir() if path.name not in ("gate.json", "device.key")], None, {})

    made, _ = repurpose(home, organisation(Club()))

    assert made.kind == "door"
    assert sorted(path.name for path in home.iterdir()) == ["device.key", "ended.json", "gate.json"]


@pytest.mark.parametrize(
    "left", ["gate.json", "journal.db", "snapshot.cbor", "device.key", "journal.db.ring"]
)
def test_a_gate_that_still_works_is_not_turned(tmp_path: Path, left: str) -> None:
    (tmp_path / left).write_bytes(b"x")

    with pytest.raises(StillWorking):
        repurpose(tmp_path, organisation(Club()))


def test_a_sync_process_that_hangs_holds_up_no_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    made, _ = repurpose(tmp_path, organisation(Club()))
    where = station.places(tmp_path, None, None, None)
    opened = station.Station(where, made, Door(), lambda _: None, None, turn_sensor=False)
    real = subprocess.Popen
    hanging = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(station.subprocess, "Popen", lambda _, **how: real(hanging, **how))
    opened.start_sync("http://127.0.0.1:9", 60, queue.Queue())
    monkeypatch.undo()

    assert opened.gate.porter is not None
    assert opened.gate.porter.send is not None
    for number in range(300):
        opened.gate.porter.send(number, bytes(16), bytes(600))

    opened.close()


def test_an_admission_says_no_more_than_the_porter_needs() -> None:
    assert Admitted._fields == ("member", "bell", "invitation")
