"""Tokens work once; a batch counts once whatever the network does; everything ends with the mandate."""

import random
from datetime import timedelta

import msgspec
import pytest
from tests.fleet.making import Device, a_mandate, slot

from pratique import town
from pratique.core.errors import Conflict, NoMandate, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.fleet import service
from pratique.fleet.forgetting import KEPT_UPLOADS
from pratique.fleet.form import base64url, unbase64url
from pratique.fleet.model import AlarmRow, CountBatch, CountRow
from pratique.mandates import service as mandates
from pratique.store.store import Store


@pytest.fixture
def mandate_id(store: Store, moment: Moment) -> str:
    return a_mandate(store, moment)


def counted(store: Store, moment: Moment) -> dict[tuple[str, str], int]:
    with store.read() as tx:
        rows = service.counts(tx, moment.now - timedelta(days=1), moment.now + timedelta(days=1))
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        found[(row.outcome, row.reason)] = found.get((row.outcome, row.reason), 0) + row.n
    return found


def test_it_works(store: Store, moment: Moment, mandate_id: str) -> None:
    device = Device(store, moment, mandate_id)
    rows = (CountRow(slot(moment), "clear", "pass", 1, 12), CountRow(slot(moment), "hold", "policy", 1, 2))

    assert store.write(lambda tx: service.record_counts(tx, moment, device.batch(1, rows)))

    assert counted(store, moment) == {("clear", "pass"): 12, ("hold", "policy"): 2}
    with store.read() as tx:
        (gate,) = service.gates(tx)
    assert (gate.id, gate.place, gate.state, gate.last_seen_at) == (device.id, town.GATE, "up", moment.now)


# Tokens


def test_a_token_works_once_and_says_so(store: Store, moment: Moment, mandate_id: str) -> None:
    device = Device(store, moment, mandate_id)
    other = base64url(bytes(range(32)))

    with pytest.raises(Conflict) as refused:
        store.write(lambda tx: service.enrol(tx, moment, device.token, other))
    assert refused.value.code == "TOKEN_USED"
    again = store.write(lambda tx: service.enrol(tx, moment, device.token, device.public_key))
    assert again == (device.id, device.place)
    with store.read() as tx:
        assert len(service.gates(tx)) == 1


def test_a_token_is_good_for_fifteen_minutes(store: Store, moment: Moment, mandate_id: str) -> None:
    token = store.write(
        lambda tx: service.make_token(tx, moment, mandate_id=mandate_id, place=town.GATE, made_by="desk")
    )
    late = moment._replace(now=moment.now + service.TOKEN_LIVES)

    with pytest.raises(Refusal) as refused:
        store.write(lambda tx: service.enrol(tx, late, token, base64url(bytes(32))))
    assert refused.value.code == "TOKEN_EXPIRED"


def test_a_token_typed_by_hand_is_understood(store: Store, moment: Moment, mandate_id: str) -> None:
    token = store.write(
        lambda tx: service.make_token(tx, moment, mandate_id=mandate_id, place=town.GATE, made_by="desk")
    )
    typed = " ".join((token[:5].lower(), token[5:]))

    assert store.write(lambda tx: service.enrol(tx, moment, typed, base64url(bytes(32))))


@pytest.mark.parametrize("key", ["", "AAAA", "%%%", "é", base64url(bytes(31)), base64url(bytes(32)) + "="])
def test_a_key_of_another_form_is_refused_by_name(
    store: Store, moment: Moment, mandate_id: str, key: str
) -> None:
    with pytest.raises(Refusal) as refused:
        store.write(lambda tx: service.enrol(tx, moment, "0" * 26, key))
    assert refused.value.field == "public_key"


def test_an_unknown_token_is_not_found(store: Store, moment: Moment, mandate_id: str) -> None:
    with pytest.raises(NotFound):
        store.write(lambda tx: service.enrol(tx, moment, "0" * 26, base64url(bytes(32))))


def test_no_mandate_no_gate(store: Store, moment: Moment, mandate_id: str) -> None:
    token = store.write(
        lambda tx: service.make_token(tx, moment, mandate_id=mandate_id, place=town.GATE, made_by="desk")
    )
    after = moment._replace(now=moment.now + timedelta(days=31))
    with pytest.raises(NoMandate):
        store.write(
            lambda tx: service.make_token(
                tx, moment, mandate_id=moment.new_id(), place=town.GATE, made_by="desk"
            )
        )
    with pytest.raises(NoMandate):
        store.write(
            lambda tx: service.make_token(tx, after, mandate_id=mandate_id, place=town.GATE, made_by="desk")
        )
    with pytest.raises(NoMandate):  # the database says it too
        store.write(
            lambda tx: tx.run(
                "INSERT INTO gate (id, mandate_id, place_en, place_zh, public_key, state, enrolled_at) "
                "VALUES (:id, :m, 'x', 'x', :key, 'up', :at)",
                id=moment.new_id(), m=mandate_id, key=bytes(32), at=after.now_ms,
            )
        )  # fmt: skip
    assert token


def test_the_token_is_not_in_the_database(sqlite_store: Store, moment: Moment) -> None:
    mandate_id = a_mandate(sqlite_store, moment)
    token = sqlite_store.write(
        lambda tx: service.make_token(tx, moment, mandate_id=mandate_id, place=town.GATE, made_by="desk")
    )
    sqlite_store.truncate_wal()
    path = sqlite_store.engine.path  # type: ignore[attr-defined]

    assert token.encode() not in path.read_bytes()


# Counts


def test_the_same_batch_counts_once_and_another_under_its_number_is_refused(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device = Device(store, moment, mandate_id)
    rows = (CountRow(slot(moment), "clear", "pass", 1, 5),)

    assert [
        store.write(lambda tx: service.record_counts(tx, moment, device.batch(1, rows))) for _ in range(3)
    ] == [True, False, False]
    with pytest.raises(Conflict):
        store.write(
            lambda tx: service.record_counts(
                tx, moment, device.batch(1, (CountRow(slot(moment), "clear", "pass", 1, 6),))
            )
        )
    assert counted(store, moment) == {("clear", "pass"): 5}


def test_counts_are_right_to_the_unit_under_loss_repeats_and_disorder(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device, chance = Device(store, moment, mandate_id), random.Random(3)
    waiting = [
        device.batch(seq, (CountRow(slot(moment) - seq % 5, "clear", "pass", 1, seq),))
        for seq in range(1, 41)
    ]
    while waiting:
        batch = chance.choice(waiting[:3])
        if chance.random() < 0.2:
            continue  # the request was lost
        sent = device.upload(batch.batch)  # signed anew with each sending
        store.write(lambda tx, sent=sent: service.record_counts(tx, moment, sent))
        if chance.random() > 0.2:  # else the answer was lost: sent again
            waiting.remove(batch)

    assert counted(store, moment) == {("clear", "pass"): sum(range(1, 41))}
    with store.read() as tx:
        assert tx.one("SELECT last_seq FROM gate") == (40,)


def test_an_unsigned_altered_or_unknown_upload_is_not_found(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device, other = Device(store, moment, mandate_id), Device(store, moment, mandate_id)
    good = device.batch(1, (CountRow(slot(moment), "clear", "pass", 1, 5),))
    foreign = msgspec.structs.replace(good.batch, gate_id=other.id)
    nobody = msgspec.structs.replace(good.batch, gate_id="0" * 26)
    attacks = [
        good._replace(signed=good.signed._replace(signature=b"")),
        good._replace(signed=good.signed._replace(signature=bytes(64))),
        good._replace(signed=good.signed._replace(base=good.signed.base + b" ")),
        other.upload(good.batch),
        other.upload(good.batch, keyid=device.id),
        device.upload(foreign),
        device.upload(foreign, keyid=other.id),
        device.upload(nobody, keyid="0" * 26),
    ]
    for attack in attacks:
        with pytest.raises(NotFound) as refused:
            store.write(lambda tx, attack=attack: service.record_counts(tx, moment, attack))
        assert refused.value.code == "GATE_UNKNOWN"
    assert counted(store, moment) == {}


def test_a_request_that_came_before_is_refused_and_adds_nothing(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device = Device(store, moment, mandate_id)
    captured = device.batch(1, (CountRow(slot(moment), "clear", "pass", 1, 5),))
    store.write(lambda tx: service.record_counts(tx, moment, captured))

    with pytest.raises(Conflict) as refused:
        store.write(lambda tx: service.record_counts(tx, moment, captured))
    assert refused.value.code == "REPLAYED"
    again = device.upload(captured.batch)  # the answer was lost: the gate sends, and signs, again
    assert not store.write(lambda tx: service.record_counts(tx, moment, again))
    with pytest.raises(Conflict):
        store.write(lambda tx: service.record_counts(tx, moment, again))
    assert counted(store, moment) == {("clear", "pass"): 5}


def test_a_gate_that_was_ended_is_refused_at_its_next_upload(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device = Device(store, moment, mandate_id)
    store.write(lambda tx: service.end_gate(tx, moment, device.id, "desk"))

    with pytest.raises(NotFound):
        store.write(lambda tx: service.record_counts(tx, moment, device.batch(1)))
    with pytest.raises(NotFound):
        store.write(lambda tx: service.end_gate(tx, moment, "0" * 26, "desk"))


def bad_rows(now: int) -> dict[str, tuple[CountRow, ...]]:
    row = CountRow(now, "clear", "pass", 1, 1)
    replace = msgspec.structs.replace
    return {
        "rows[0].outcome": (replace(row, outcome="fever"),),
        "rows[1].outcome": (row, replace(row, reason="policy")),
        "rows[0].n": (replace(row, n=0),),
        "rows[0].slot15": (replace(row, slot15=now + 200),),
        "rows": (row, row),
    }


@pytest.mark.parametrize("field", bad_rows(0))
def test_rows_that_no_gate_counts_are_refused_by_name(
    store: Store, moment: Moment, mandate_id: str, field: str
) -> None:
    device = Device(store, moment, mandate_id)

    with pytest.raises(Refusal) as refused:
        store.write(
            lambda tx: service.record_counts(tx, moment, device.batch(1, bad_rows(slot(moment))[field]))
        )
    assert refused.value.field == field
    assert refused.value.text.zh_hans


@pytest.mark.parametrize("field", ["subject_id", "name", "token", "at_second", "photo"])
def test_a_field_about_a_person_is_refused_by_name(field: str) -> None:
    raw = msgspec.json.encode(
        {"slot15": 1, "outcome": "clear", "reason": "pass", "policy": 1, "n": 1, field: "x"}
    )

    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(raw, type=CountRow)
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(msgspec.json.encode({field: "x"}), type=CountBatch)


def test_alarms_stand_until_they_are_cleared(store: Store, moment: Moment, mandate_id: str) -> None:
    device, now = Device(store, moment, mandate_id), slot(moment)
    store.write(
        lambda tx: service.record_counts(
            tx, moment, device.batch(1, (), (AlarmRow("storage", now, None), AlarmRow("clock", now, now)))
        )
    )
    with store.read() as tx:
        assert service.gates(tx)[0].alarms == ("storage",)
    store.write(
        lambda tx: service.record_counts(
            tx, moment, device.batch(2, (), (AlarmRow("storage", now, now + 1),))
        )
    )
    with store.read() as tx:
        assert service.gates(tx)[0].alarms == ()
    with pytest.raises(Refusal, match="alarms"):
        store.write(
            lambda tx: service.record_counts(tx, moment, device.batch(3, (), (AlarmRow("fever", now, None),)))
        )


# The end


def test_counts_go_when_their_days_are_over(store: Store, moment: Moment, mandate_id: str) -> None:
    device = Device(store, moment, mandate_id)
    with store.read() as tx:
        mandate = mandates.mandate_by_id(tx, mandate_id)
    assert mandate is not None
    (days,) = [kept.max_days for kept in mandate.data if kept.data_class == "count"]
    for seq, at in ((1, slot(moment)), (2, slot(moment) + 40), (3, slot(moment) + 96)):
        rows = (CountRow(at, "clear", "pass", 1, 5),)
        store.write(lambda tx, s=seq, r=rows: service.record_counts(tx, moment, device.batch(s, r)))
    later = moment._replace(now=moment.now + timedelta(days=days) + timedelta(hours=11))

    assert store.write(lambda tx: service.sweep(tx, moment)) == 0
    while store.write(lambda tx: service.sweep(tx, later)):
        pass

    with store.read() as tx:
        assert tx.all("SELECT n FROM slot_count") == [(5,)]
        assert tx.all("SELECT slot15, n FROM slot_flow") == [(slot(moment) + 96, 5)]


def test_an_upload_that_is_long_counted_is_answered_and_adds_nothing(
    store: Store, moment: Moment, mandate_id: str
) -> None:
    device = Device(store, moment, mandate_id)
    rows = (CountRow(slot(moment), "clear", "pass", 1, 1),)
    for seq in (1, 2, 2 + KEPT_UPLOADS):
        assert store.write(lambda tx, s=seq: service.record_counts(tx, moment, device.batch(s, rows)))

    for seq in (1, 2):
        assert not store.write(lambda tx, s=seq: service.record_counts(tx, moment, device.batch(s, rows)))
    with store.read() as tx:
        assert tx.all("SELECT seq FROM count_batch") == [(2 + KEPT_UPLOADS,)]
    assert counted(store, moment) == {("clear", "pass"): 3}


def test_everything_of_a_mandate_goes_with_it(store: Store, moment: Moment, mandate_id: str) -> None:
    stays_id = a_mandate(store, moment)
    for mandate in (mandate_id, stays_id):
        device = Device(store, moment, mandate)
        rows = (CountRow(slot(moment), "clear", "pass", 1, 5),)
        alarms = (AlarmRow("storage", slot(moment), None),)
        batch = device.batch(1, rows, alarms)
        store.write(lambda tx, batch=batch: service.record_counts(tx, moment, batch))

    gone = store.write(lambda tx: service.erase_mandate(tx, mandate_id))

    assert gone == {
        "slot_count": 1,
        "slot_flow": 1,
        "count_batch": 1,
        "gate_alarm": 1,
        "gate_step": 3,
        "gate_token": 1,
        "gate": 1,
    }
    with store.read() as tx:
        assert [gate.mandate_id for gate in service.gates(tx)] == [stays_id]
        assert tx.one("SELECT count(*) FROM slot_count") == (1,)
    assert set(store.write(lambda tx: service.erase_mandate(tx, mandate_id)).values()) == {0}


def test_base64url_has_one_form() -> None:
    for raw in (b"", b"a", b"ab", b"abc", bytes(range(256))):
        assert unbase64url(base64url(raw)) == raw
    for text in ("A", "AB", "YQ==", "Y Q", "YQ\n", "ＹＱ"):
        assert unbase64url(text) is None
