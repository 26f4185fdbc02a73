"""The journal: every decision counted once, folded per quarter of an hour, chained, taken back, sent once."""

import json
import os
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pratique.core.canonical import canonical_json
from pratique.gate import database as db
from pratique.gate.journal import Journal
from pratique.gate.model import PAIRS, Decision

SLOT = 1_963_000
NOW = SLOT * 900.0
CLEAR = Decision("clear", "pass", 3, 7)
HOLD = Decision("hold", "policy", 3, 7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def rows(path: Path, table: str) -> list[tuple]:
    return sqlite3.connect(path).execute(f"SELECT * FROM {table}").fetchall()


def batches(journal: Journal) -> list[dict]:
    return [json.loads(body) for _, body in db.waiting(db.connect(journal.path))]


def test_it_works(path: Path) -> None:
    journal = Journal(path)

    first, second = journal.record(CLEAR, SLOT), journal.record(HOLD, SLOT)

    assert (first, second) == (1, 2)
    assert journal.counts(SLOT) == {"clear": 1, "hold": 1}
    assert rows(path, "decision") == [(1, SLOT, 0, 3, 7), (2, SLOT, PAIRS.index(("hold", "policy")), 3, 7)]


def test_the_settings_that_make_it_durable_are_read_back(path: Path) -> None:
    connection = db.connect(path)

    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_a_slot_closes_sixty_seconds_after_its_end_and_not_before(path: Path) -> None:
    journal = Journal(path)
    journal.record(CLEAR, SLOT)

    assert journal.close_slots(NOW + 900 + 59, 7) == 0
    assert journal.close_slots(NOW + 900 + 60, 7) == 1
    assert journal.close_slots(NOW + 900 + 61, 7) == 0
    assert rows(path, "decision") == []
    assert journal.counts(SLOT) == {"clear": 1}
    assert batches(journal) == [
        {
            "rows": [{"slot15": SLOT, "outcome": "clear", "reason": "pass", "policy": 3, "n": 1}],
            "alarms": [],
            "snapshot": 7,
            "at": "2025-12-25T22:15:00Z",
        }
    ]


def test_a_passage_not_made_is_taken_back(path: Path) -> None:
    journal = Journal(path)
    seq = journal.record(CLEAR, SLOT)

    journal.annul(seq, CLEAR, SLOT)

    assert journal.counts(SLOT) == {"annulled": 1}
    journal.close_slots(NOW + 2000, 7)
    assert [row["outcome"] for row in batches(journal)[0]["rows"]] == ["annulled"]


def test_a_slot_closed_early_takes_later_counts_as_a_second_part(path: Path) -> None:
    journal = Journal(path)
    seq = journal.record(CLEAR, SLOT)
    journal.close_slots(NOW + 5, 7, all_of_them=True)
    journal.annul(seq, CLEAR, SLOT)
    journal.record(CLEAR, SLOT)
    journal.close_slots(NOW + 2000, 7)

    total = sum(row["n"] for batch in batches(journal) for row in batch["rows"] if row["outcome"] == "clear")

    assert total == journal.counts(SLOT)["clear"] == 2


def test_the_chain_of_closed_slots_is_signed_and_whole(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    journal = Journal(path, key.sign)
    for n in range(3):
        journal.record(CLEAR, SLOT + n)
    journal.close_slots(NOW + 9000, 7)

    links = rows(path, "slot_chain")

    prev = bytes(32)
    for (_, slot, body_hash, prev_hash, signature), batch in zip(links, batches(journal), strict=True):
        body = [[r["outcome"], r["reason"], r["policy"], r["n"]] for r in batch["rows"]]
        assert prev_hash == prev
        assert body_hash == sha256(prev + slot.to_bytes(8, "big") + canonical_json(body)).digest()
        key.public_key().verify(signature, body_hash)
        prev = body_hash
    assert len(links) == 3


def test_numbers_go_on_after_a_restart_even_when_rows_were_folded(path: Path) -> None:
    journal = Journal(path)
    journal.record(CLEAR, SLOT)
    journal.close_slots(NOW + 2000, 7)
    journal.close()

    assert Journal(path).record(CLEAR, SLOT + 2) == 2


def test_alarms_come_in_pairs_and_are_sent_once(path: Path) -> None:
    journal = Journal(path)
    for stands in (True, True, False, True, False):
        journal.alarm("storage", stands, SLOT)
    journal.post_alarms(SLOT, 7)
    journal.post_alarms(SLOT, 7)

    assert [batch["alarms"] for batch in batches(journal)] == [
        [{"kind": "storage", "first_slot": SLOT, "last_slot": SLOT}]
    ]


def test_nothing_finer_than_fifteen_minutes_stands_in_file_times(path: Path) -> None:
    journal = Journal(path)
    journal.record(CLEAR, SLOT)
    journal.close_slots(NOW + 2000, 7)

    for suffix in ("", "-wal"):
        assert os.stat(f"{path}{suffix}").st_mtime % 900 == 0


def test_the_time_floor_is_kept_at_slot_grain_and_never_goes_back(path: Path) -> None:
    journal = Journal(path)
    journal.raise_floor(NOW + 899)
    journal.raise_floor(NOW - 5000)

    assert journal.floor() == NOW


acts = st.lists(st.tuples(st.sampled_from(PAIRS[:11]), st.booleans(), st.integers(0, 2000)), max_size=30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_what_is_sent_adds_up_to_what_was_decided(
    tmp_path_factory: pytest.TempPathFactory, acts: list
) -> None:
    journal = Journal(tmp_path_factory.mktemp("j") / "journal.db")
    now, wanted = NOW, 0
    for (outcome, reason), taken_back, seconds in acts:
        decision = Decision(outcome, reason, 1, 1)
        seq = journal.record(decision, int(now // 900))
        wanted += 1
        if taken_back:
            journal.annul(seq, decision, int(now // 900))
        now += seconds
        journal.close_slots(now, 1)
    journal.close_slots(now + 9000, 1)

    assert sum(row["n"] for batch in batches(journal) for row in batch["rows"]) == wanted
    assert rows(journal.path, "decision") == []


def test_a_journal_of_before_goes_on_counting(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = Journal(path)
    journal.record(CLEAR, SLOT)
    journal.close()
    old = sqlite3.connect(path)
    old.executescript(
        "DROP TABLE decision; CREATE TABLE decision (seq INTEGER PRIMARY KEY, slot15 INTEGER, outcome TEXT,"
        " reason TEXT, policy INTEGER, snapshot INTEGER); INSERT INTO decision VALUES (41, 1, 'clear', 'pass', 1, 1);"
    )
    old.close()

    again = Journal(path)

    assert again.record(CLEAR, SLOT) == 42
    assert again.counts(SLOT) == {"clear": 2}
    again.close()
