"""The tables of the fleet: gates, tokens, batches, counts, alarms, snapshots, steps."""

from typing import Any

from pratique.store.tx import Row, Tx


def add_token(tx: Tx, **values: Any) -> None:
    """A token's hash, with the mandate and the place it is for."""
    tx.run(
        "INSERT INTO gate_token (token_hash, mandate_id, place_en, place_zh, made_by, made_at, expires_at) "
        "VALUES (:token_hash, :mandate_id, :place_en, :place_zh, :made_by, :made_at, :expires_at)",
        **values,
    )


def token(tx: Tx, token_hash: bytes) -> Row | None:
    """(mandate_id, place_en, place_zh, expires_at, used_at, gate_id)."""
    return tx.one(
        "SELECT mandate_id, place_en, place_zh, expires_at, used_at, gate_id FROM gate_token "
        "WHERE token_hash = :token_hash",
        token_hash=token_hash,
    )


def use_token(tx: Tx, token_hash: bytes, gate_id: str, now: int) -> bool:
    """True if it was unused until now."""
    return (
        tx.run(
            "UPDATE gate_token SET used_at = :now, gate_id = :gate_id "
            "WHERE token_hash = :token_hash AND used_at IS NULL",
            token_hash=token_hash,
            gate_id=gate_id,
            now=now,
        )
        == 1
    )


def add_gate(tx: Tx, **values: Any) -> None:
    """A gate under its mandate."""
    tx.run(
        "INSERT INTO gate "
        "(id, mandate_id, place_en, place_zh, public_key, state, enrolled_at, pairing, confirmed_at) "
        "VALUES (:id, :mandate_id, :place_en, :place_zh, :public_key, 'up', :enrolled_at, :pairing, :confirmed_at)",
        **values,
    )


def gate_key(tx: Tx, gate_id: str) -> tuple[bytes, str, bool, int] | None:
    """Public key and state of a gate, whether a person compared its words, and the number of its newest upload."""
    row = tx.one("SELECT public_key, state, confirmed_at, last_seq FROM gate WHERE id = :id", id=gate_id)
    return None if row is None else (bytes(row[0]), row[1], row[2] is not None, int(row[3]))


def confirm_gate(tx: Tx, gate_id: str, now: int) -> str | None:
    """Note that a person compared the words; its mandate if it is one that waits for that."""
    row = tx.one(
        "UPDATE gate SET confirmed_at = :now WHERE id = :id AND confirmed_at IS NULL AND state = 'up' "
        "RETURNING mandate_id",
        id=gate_id,
        now=now,
    )
    return None if row is None else str(row[0])


def unconfirmed(tx: Tx, most: int) -> list[Row]:
    """(id, place_en, place_zh, pairing, enrolled_at) of gates whose words nobody has compared yet, newest first."""
    return tx.all(
        "SELECT id, place_en, place_zh, pairing, enrolled_at FROM gate "
        "WHERE confirmed_at IS NULL AND state = 'up' ORDER BY enrolled_at DESC LIMIT :most",
        most=most,
    )


def gate_of_key(tx: Tx, public_key: bytes) -> str | None:
    """The gate that made this key."""
    row = tx.one("SELECT id FROM gate WHERE public_key = :public_key", public_key=public_key)
    return None if row is None else str(row[0])


def named_gate(tx: Tx, gate_id: str) -> tuple[str, str, bytes] | None:
    """Place in both languages and key of a gate that works; None for one that ended or that nobody confirmed."""
    row = tx.one(
        "SELECT place_en, place_zh, public_key FROM gate "
        "WHERE id = :gate_id AND state <> 'ended' AND confirmed_at IS NOT NULL",
        gate_id=gate_id,
    )
    return None if row is None else (str(row[0]), str(row[1]), bytes(row[2]))


def gates(tx: Tx) -> list[Row]:
    """All gates, by place."""
    return tx.all(
        "SELECT id, mandate_id, place_en, place_zh, "
        "CASE WHEN state = 'up' AND confirmed_at IS NULL THEN 'new' ELSE state END, "
        "enrolled_at, last_seen_at, snapshot FROM gate "
        "ORDER BY place_en, id"
    )


def count_gates(tx: Tx, mandate_id: str) -> int:
    """How many gates a mandate has."""
    row = tx.one("SELECT count(*) FROM gate WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
    return int(row[0]) if row else 0


def groups(tx: Tx) -> list[Row]:
    """(id, name_en, name_zh, version, accepts, paper, channel), by name."""
    return tx.all(
        "SELECT id, name_en, name_zh, version, accepts, paper, channel FROM gate_group ORDER BY name_en, id"
    )


def put_group(tx: Tx, **values: Any) -> None:
    """A group as it is from now on."""
    tx.run(
        "INSERT INTO gate_group (id, name_en, name_zh, version, accepts, paper, channel, changed_at, changed_by) "
        "VALUES (:id, :name_en, :name_zh, :version, :accepts, :paper, :channel, :changed_at, :changed_by) "
        "ON CONFLICT (id) DO UPDATE SET name_en = excluded.name_en, name_zh = excluded.name_zh, "
        "version = excluded.version, accepts = excluded.accepts, paper = excluded.paper, channel = excluded.channel, "
        "changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        **values,
    )


def group_of(tx: Tx, gate_id: str) -> tuple[str, str]:
    """Group and mandate of a gate."""
    row = tx.one("SELECT group_id, mandate_id FROM gate WHERE id = :id", id=gate_id)
    return (row[0], row[1]) if row else ("", "")


def move_gates(tx: Tx, gate_ids: list[str], group_id: str) -> None:
    """These gates are in this group from now on."""
    tx.many(
        "UPDATE gate SET group_id = :group_id WHERE id = :id",
        [{"id": one, "group_id": group_id} for one in gate_ids],
    )


def add_flow(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Add to what all gates of a group counted."""
    tx.many(
        "INSERT INTO slot_flow (slot15, mandate_id, group_id, outcome, n) "
        "VALUES (:slot15, :mandate_id, :group_id, :outcome, :n) "
        "ON CONFLICT (slot15, mandate_id, group_id, outcome) DO UPDATE SET n = slot_flow.n + excluded.n",
        rows,
    )


def add_bulk(tx: Tx, **values: Any) -> None:
    """An action on many gates begins."""
    tx.run(
        "INSERT INTO gate_bulk "
        "(id, action, argument, chosen, total, done, after_place, after_id, by_whom, started_at) "
        "VALUES (:id, :action, :argument, :chosen, :total, 0, '', '', :by_whom, :started_at)",
        **values,
    )


def running_bulk(tx: Tx) -> Row | None:
    """(id, action, argument, chosen, after_place, after_id, by_whom) of the oldest action that is not finished."""
    return tx.one(
        "SELECT id, action, argument, chosen, after_place, after_id, by_whom FROM gate_bulk "
        "WHERE finished_at IS NULL ORDER BY started_at, id LIMIT 1"
    )


def bulk_went_on(tx: Tx, bulk_id: str, more: int, place: str, gate_id: str, finished_at: int | None) -> None:
    """How far an action is."""
    tx.run(
        "UPDATE gate_bulk SET done = done + :more, after_place = :place, after_id = :gate_id, "
        "finished_at = :finished_at WHERE id = :id",
        id=bulk_id,
        more=more,
        place=place,
        gate_id=gate_id,
        finished_at=finished_at,
    )


def bulks(tx: Tx) -> list[Row]:
    """(id, action, argument, total, done, finished_at) of the newest five."""
    return tx.all(
        "SELECT id, action, argument, total, done, finished_at FROM gate_bulk ORDER BY started_at DESC, id LIMIT 5"
    )


def end_gate(tx: Tx, gate_id: str) -> bool:
    """True if it was up until now."""
    return tx.run("UPDATE gate SET state = 'ended' WHERE id = :id AND state = 'up'", id=gate_id) == 1


def standing_alarms(tx: Tx) -> dict[str, tuple[str, ...]]:
    """Kinds of alarms that stand, by gate."""
    found: dict[str, tuple[str, ...]] = {}
    for gate_id, kind in tx.all(
        "SELECT gate_id, kind FROM gate_alarm WHERE last_slot IS NULL ORDER BY gate_id, kind"
    ):
        found[gate_id] = (*found.get(gate_id, ()), kind)
    return found


def alarms_since(tx: Tx, first_slot: int) -> list[Row]:
    """(gate_id, kind) of alarms raised in or after a slot."""
    return tx.all(
        "SELECT gate_id, kind FROM gate_alarm WHERE first_slot >= :first_slot", first_slot=first_slot
    )


def batch(tx: Tx, gate_id: str, seq: int) -> tuple[bytes, str] | None:
    """Hash of a batch that was stored and nonce of the request that brought it last, or None."""
    row = tx.one(
        "SELECT body_hash, nonce FROM count_batch WHERE gate_id = :gate_id AND seq = :seq",
        gate_id=gate_id,
        seq=seq,
    )
    return None if row is None else (bytes(row[0]), str(row[1]))


def add_batch(tx: Tx, gate_id: str, seq: int, body_hash: bytes, nonce: str, now: int) -> None:
    """Note a batch, so that it never counts twice."""
    tx.run(
        "INSERT INTO count_batch (gate_id, seq, body_hash, nonce, received_at) "
        "VALUES (:gate_id, :seq, :body_hash, :nonce, :now)",
        gate_id=gate_id,
        seq=seq,
        body_hash=body_hash,
        nonce=nonce,
        now=now,
    )


def sent_again(tx: Tx, gate_id: str, seq: int, nonce: str) -> None:
    """The nonce of the newest request that brought a batch."""
    tx.run(
        "UPDATE count_batch SET nonce = :nonce WHERE gate_id = :gate_id AND seq = :seq",
        gate_id=gate_id,
        seq=seq,
        nonce=nonce,
    )


def add_counts(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Add to the counts."""
    tx.many(
        "INSERT INTO slot_count (gate_id, slot15, outcome, reason, policy, n) "
        "VALUES (:gate_id, :slot15, :outcome, :reason, :policy, :n) "
        "ON CONFLICT (gate_id, slot15, outcome, reason, policy) DO UPDATE SET n = slot_count.n + excluded.n",
        rows,
    )


def put_alarms(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Raise or clear; an older message never reopens what a newer one cleared, because batches come in order."""
    tx.many(
        "INSERT INTO gate_alarm (gate_id, kind, first_slot, last_slot) "
        "VALUES (:gate_id, :kind, :first_slot, :last_slot) "
        "ON CONFLICT (gate_id, kind, first_slot) DO UPDATE SET last_slot = excluded.last_slot",
        rows,
    )


def note_seen(tx: Tx, gate_id: str, seq: int, snapshot: int, config: int, software: str, now: int) -> None:
    """When and with what a gate was last heard."""
    tx.run(
        "UPDATE gate SET last_seen_at = :now, last_seq = :seq, snapshot = :snapshot, config = :config, "
        "software = :software WHERE id = :id AND last_seq < :seq",
        id=gate_id,
        config=config,
        software=software,
        seq=seq,
        snapshot=snapshot,
        now=now,
    )


def counts(tx: Tx, first: int, last: int) -> list[Row]:
    """(gate_id, slot15, outcome, reason, n) of slots first ≤ slot15 ≤ last, policies added up."""
    return tx.all(
        "SELECT gate_id, slot15, outcome, reason, sum(n) FROM slot_count "
        "WHERE slot15 BETWEEN :first AND :last GROUP BY gate_id, slot15, outcome, reason "
        "ORDER BY slot15, gate_id, outcome, reason",
        first=first,
        last=last,
    )


def policy_counts(tx: Tx, first: int, last: int) -> list[Row]:
    """(gate_id, slot15, outcome, reason, policy, n) of slots first ≤ slot15 ≤ last."""
    return tx.all(
        "SELECT gate_id, slot15, outcome, reason, policy, n FROM slot_count "
        "WHERE slot15 BETWEEN :first AND :last ORDER BY slot15, gate_id, outcome, reason, policy",
        first=first,
        last=last,
    )


def add_snapshot(tx: Tx, **values: Any) -> None:
    """Keep a snapshot and forget all but the last sixteen: gates take the newest, and a delta from one of these."""
    tx.run(
        "INSERT INTO gate_snapshot (number, issued_at, expires_at, etag, content, body, early) "
        "VALUES (:number, :issued_at, :expires_at, :etag, :content, :body, :early)",
        **values,
    )
    tx.run("DELETE FROM gate_snapshot WHERE number < :oldest", oldest=values["number"] - 15)


def newest_snapshot(tx: Tx) -> Row | None:
    """(number, issued_at, expires_at, etag, content) of the newest."""
    return tx.one(
        "SELECT number, issued_at, expires_at, etag, content FROM gate_snapshot ORDER BY number DESC LIMIT 1"
    )


def snapshot_for(tx: Tx, gate_id: str) -> Row | None:
    """(number, etag, 1 while a policy comes in) of what a gate should have, in one statement: it is asked very often.

    A gate that was let in, or whose group has everything early, has the newest of all; others the newest for all. Of
    two that were made together the early one has the higher number, so nobody is ever led back.
    """
    return tx.one(
        "SELECT number, etag, (SELECT count(*) FROM gate_cascade) FROM gate_snapshot "
        "WHERE early = 0 OR (EXISTS (SELECT 1 FROM gate_cascade) AND EXISTS ("
        f"{_IS_EARLY})) ORDER BY number DESC LIMIT 1",
        gate_id=gate_id,
    )


def cascade(tx: Tx) -> tuple[int, int | None] | None:
    """(policy that comes in, the one before) while one does."""
    row = tx.one("SELECT policy_number, before_number FROM gate_cascade")
    return None if row is None else (row[0], row[1])


def set_cascade(tx: Tx, number: int | None, before: int | None = None) -> None:
    """Another policy comes in (None: none does); no gate has it yet."""
    tx.run("DELETE FROM gate_early")
    tx.run("DELETE FROM gate_cascade")
    if number is not None:
        tx.run(
            "INSERT INTO gate_cascade (policy_number, before_number) VALUES (:number, :before)",
            number=number,
            before=before,
        )


def add_early(tx: Tx, gate_ids: list[str]) -> None:
    """These gates get the new policy from now on."""
    tx.many(
        "INSERT INTO gate_early (gate_id) VALUES (:gate_id) ON CONFLICT (gate_id) DO NOTHING",
        [{"gate_id": one} for one in gate_ids],
    )


def is_early(tx: Tx, gate_id: str) -> bool:
    """True for a gate that has the new policy already: it was let in, or its group has everything early."""
    return tx.one(_IS_EARLY, gate_id=gate_id) is not None


_IS_EARLY = (
    "SELECT 1 FROM gate_early WHERE gate_id = :gate_id UNION ALL "
    "SELECT 1 FROM gate JOIN gate_group ON gate_group.id = gate.group_id "
    "WHERE gate.id = :gate_id AND gate_group.channel = 'early'"
)


def snapshot_body(tx: Tx, number: int) -> bytes:
    """The bytes of one snapshot that is kept."""
    row = tx.one("SELECT body FROM gate_snapshot WHERE number = :number", number=number)
    return b"" if row is None else bytes(row[0])


def snapshot_of_tag(tx: Tx, etag: str) -> bytes | None:
    """The bytes of the snapshot with this ETag, if it is kept."""
    row = tx.one("SELECT body FROM gate_snapshot WHERE etag = :etag", etag=etag)
    return None if row is None else bytes(row[0])


def add_step(tx: Tx, **values: Any) -> None:
    """One administrative step."""
    tx.run(
        "INSERT INTO gate_step (id, gate_id, mandate_id, step, who, stepped_at) "
        "VALUES (:id, :gate_id, :mandate_id, :step, :who, :stepped_at)",
        **values,
    )


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete all that stands under a mandate; how many rows of each table."""
    of_gates = "gate_id IN (SELECT id FROM gate WHERE mandate_id = :mandate_id)"
    tx.run(f"DELETE FROM gate_early WHERE {of_gates}", mandate_id=mandate_id)
    gone = {
        table: tx.run(f"DELETE FROM {table} WHERE {of_gates}", mandate_id=mandate_id)
        for table in ("slot_count", "count_batch", "gate_alarm")
    }
    for table in ("slot_flow", "gate_step", "gate_token", "gate"):
        gone[table] = tx.run(f"DELETE FROM {table} WHERE mandate_id = :mandate_id", mandate_id=mandate_id)
    return gone
