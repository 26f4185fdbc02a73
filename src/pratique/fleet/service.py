"""Use cases of the fleet: let a gate in, tell it what to decide by, take its counts, let it go.

The server never learns who passed: gates decide offline and tell counts per quarter of an hour. A gate exists under a
mandate that unlocks gates, and what it told is erased with that mandate.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import UNSET

from pratique.core.canonical import canonical_cbor
from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.ids import decode_id, encode_id, tidy_typed
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials import challenge, jose
from pratique.credentials import service as credentials
from pratique.credentials.cose import public_key
from pratique.credentials.http_signature import is_signed
from pratique.credentials.pairing import pairing_words
from pratique.credentials.shc_keys import ShcIssuer
from pratique.credentials.snapshot import Bundle, KeyEntry
from pratique.credentials.trust import tag_of
from pratique.fleet import store, texts
from pratique.fleet.counts import Upload, check_batch
from pratique.fleet.forgetting import drop_counts, drop_uploads, is_long_counted
from pratique.fleet.form import base64url, unbase64url
from pratique.fleet.groups import groups
from pratique.fleet.model import SLOT_SECONDS, CountBatch, Gate, SlotCount, Unconfirmed, content_bytes
from pratique.mandates import service as mandates
from pratique.policy import service as policy
from pratique.policy.model import RuleSet
from pratique.store.tx import Tx

TOKEN_LIVES = timedelta(minutes=15)
SNAPSHOT_LIVES = timedelta(hours=72)
RENEW_AFTER = timedelta(hours=6)


class Foreign(msgspec.Struct, frozen=True):
    """Issuers of others that gates also accept: keys of certificates, and SMART Health Cards issuers."""

    keys: tuple[KeyEntry, ...] = ()
    shc: tuple[ShcIssuer, ...] = ()


OURS_ONLY = Foreign()

# Gates come and go


def make_token(tx: Tx, moment: Moment, *, mandate_id: str, place: Text, made_by: str) -> str:
    """A one-time token for one gate, valid 15 minutes. It is told once and never stored. Raises NoMandate."""
    mandates.require(tx, mandate_id, "gate", moment.now)
    token = encode_id(moment.random(16))
    store.add_token(
        tx,
        token_hash=_hash(token),
        mandate_id=mandate_id,
        place_en=place.en,
        place_zh=place.zh_hans,
        made_by=made_by,
        made_at=moment.now_ms,
        expires_at=moment.now_ms + int(TOKEN_LIVES.total_seconds() * 1000),
    )
    _step(tx, moment, None, mandate_id, "token", made_by)
    return token


def enrol(tx: Tx, moment: Moment, token: str, public_key: str, chosen: bytes = b"") -> tuple[str, Text]:
    """Let a device in; its id and place. The same key with the same token again is answered as before.

    `chosen` are the words of both screens (credentials/pairing.py). Until `confirm` its uploads wait.

    Raises NotFound for an unknown token, Conflict for one that was used, Refusal for one that is too old or a key of
    the wrong form, NoMandate where its mandate is over.
    """
    key = unbase64url(public_key)
    if key is None or len(key) != 32:
        raise Refusal("BAD_KEY", "public_key", texts.BAD_KEY)
    token_hash = _hash(tidy_typed(token))
    row = store.token(tx, token_hash)
    if row is None:
        raise NotFound("TOKEN_UNKNOWN", "token", texts.TOKEN_UNKNOWN)
    mandate_id, place, expires_at, used_at, used_by = row[0], Text(row[1], row[2]), row[3], row[4], row[5]
    known = store.gate_of_key(tx, key)
    if used_at is not None:
        if known is not None and known == used_by:
            return known, place
        raise Conflict("TOKEN_USED", "token", texts.TOKEN_USED)
    if moment.now_ms >= expires_at:
        raise Refusal("TOKEN_EXPIRED", "token", texts.TOKEN_EXPIRED)
    if known is not None:
        raise Conflict("KEY_KNOWN", "public_key", texts.KEY_KNOWN)
    mandates.require(tx, mandate_id, "gate", moment.now)
    gate_id = moment.new_id()
    store.use_token(tx, token_hash, gate_id, moment.now_ms)
    store.add_gate(
        tx,
        id=gate_id,
        mandate_id=mandate_id,
        place_en=place.en,
        place_zh=place.zh_hans,
        public_key=key,
        enrolled_at=moment.now_ms,
        pairing=chosen,
        confirmed_at=None,
    )
    _step(tx, moment, gate_id, mandate_id, "enrolled", "token")
    mandates.append_log(
        tx,
        moment,
        "device",
        {"kind": "gate", "group": mandate_id, "count": store.count_gates(tx, mandate_id)},
    )
    return gate_id, place


def confirm(tx: Tx, moment: Moment, gate_id: str, who: str) -> None:
    """A person saw the same words on both screens: the gate goes live. Raises NotFound where none waits for that."""
    mandate_id = store.confirm_gate(tx, gate_id, moment.now_ms)
    if mandate_id is None:
        raise NotFound("GATE_UNKNOWN", "gate_id", texts.NOT_WAITING)
    _step(tx, moment, gate_id, mandate_id, "confirmed", who)


def unconfirmed(tx: Tx) -> list[Unconfirmed]:
    """Gates that nobody has compared the words of yet, newest first, fifty at most."""
    return [
        Unconfirmed(row[0], Text(row[1], row[2]), pairing_words(bytes(row[3] or b"")), from_ms(row[4]))
        for row in store.unconfirmed(tx, 50)
    ]


def certificate(tx: Tx, moment: Moment, signer: Signer, gate_id: str) -> bytes:
    """What this gate is, signed for thirty days, for wallets that ask. Raises NotFound for a gate that has ended."""
    row = store.named_gate(tx, gate_id)
    if row is None:
        raise NotFound("GATE_UNKNOWN", "gate_id", texts.GATE_UNKNOWN)
    until = moment.now + challenge.CERTIFIED_FOR
    return challenge.certify(signer, decode_id(gate_id), Text(row[0], row[1]), row[2], moment.now, until)


def issuer_keys(tx: Tx, now: datetime) -> list[dict[str, str]]:
    """The keys by which a wallet knows a gate, as JWK with the key id passes carry."""
    return [
        jose.point_jwk(public) | {"kid": base64url(entry.kid), "use": "sig", "alg": "ES256"}
        for entry in credentials.public_keys(tx, now)
        if entry.purpose == "pass" and isinstance(public := public_key(entry.key), ec.EllipticCurvePublicKey)
    ]


def end_gate(tx: Tx, moment: Moment, gate_id: str, who: str) -> None:
    """Take a gate out of the fleet: lost, stolen, sold. Its uploads are refused from now on. Raises NotFound."""
    found = {gate.id: gate for gate in gates(tx)}.get(gate_id)
    if found is None:
        raise NotFound("GATE_UNKNOWN", "gate_id", texts.GATE_UNKNOWN)
    if store.end_gate(tx, gate_id):
        _step(tx, moment, gate_id, found.mandate_id, "ended", who)


def gates(tx: Tx) -> list[Gate]:
    """Every gate with its standing alarms, by place."""
    alarms = store.standing_alarms(tx)
    return [
        Gate(
            id=row[0],
            mandate_id=row[1],
            place=Text(row[2], row[3]),
            state=row[4],
            enrolled_at=from_ms(row[5]),
            last_seen_at=None if row[6] is None else from_ms(row[6]),
            snapshot=row[7],
            alarms=alarms.get(row[0], ()),
        )
        for row in store.gates(tx)
    ]


# Counts


def record_counts(tx: Tx, moment: Moment, upload: Upload) -> bool:
    """Store one signed upload; False if it was stored before.

    Raises NotFound for an unknown or ended gate or a wrong signature (the three are never told apart), Conflict if
    other counts came under this number or if this very request came before (REPLAYED: a gate that sends again signs
    with a fresh nonce), Refusal for rows that no gate can have counted.
    """
    signed, batch = upload
    known = store.gate_key(tx, batch.gate_id)
    if known is None or known[1] != "up" or signed.keyid != batch.gate_id or not is_signed(signed, known[0]):
        raise NotFound("GATE_UNKNOWN", "gate_id", texts.GATE_UNKNOWN)
    if not known[2]:
        raise Conflict("NOT_CONFIRMED", "gate_id", texts.NOT_CONFIRMED)
    if is_long_counted(batch.seq, known[3]):
        return False
    body_hash = sha256(content_bytes(batch)).digest()
    stored = store.batch(tx, batch.gate_id, batch.seq)
    if stored is not None:
        if stored[0] != body_hash:
            raise Conflict("COUNTS_CHANGED", "seq", texts.COUNTS_CHANGED)
        if stored[1] == signed.nonce:
            raise Conflict("REPLAYED", "nonce", texts.REPLAYED)
        store.sent_again(tx, batch.gate_id, batch.seq, signed.nonce)
        return False
    check_batch(batch, moment.now)
    store.add_batch(tx, batch.gate_id, batch.seq, body_hash, signed.nonce, moment.now_ms)
    drop_uploads(tx, batch.gate_id, max(batch.seq, known[3]))
    store.add_counts(tx, [{"gate_id": batch.gate_id} | msgspec.structs.asdict(row) for row in batch.rows])
    store.put_alarms(tx, [{"gate_id": batch.gate_id} | msgspec.structs.asdict(row) for row in batch.alarms])
    store.add_flow(tx, _flow(tx, batch))
    store.note_seen(tx, batch.gate_id, batch.seq, batch.snapshot, batch.config, batch.software, moment.now_ms)
    return True


def _flow(tx: Tx, batch: CountBatch) -> list[dict[str, object]]:
    """What the batch adds to its group's flow."""
    group_id, mandate_id = store.group_of(tx, batch.gate_id)
    added: dict[tuple[int, str], int] = {}
    for row in batch.rows:
        added[(row.slot15, row.outcome)] = added.get((row.slot15, row.outcome), 0) + row.n
    return [
        {"slot15": slot15, "mandate_id": mandate_id, "group_id": group_id, "outcome": outcome, "n": n}
        for (slot15, outcome), n in added.items()
    ]


def group_of(tx: Tx, gate_id: str) -> str:
    """The group a gate is in; "" for none."""
    return store.group_of(tx, gate_id)[0]


def sweep(tx: Tx, moment: Moment) -> int:
    """Forget counts past their mandate's days; how many rows. Call again while it is not 0."""
    return drop_counts(tx, moment)


def policy_counts(tx: Tx, first: datetime, last: datetime) -> list[tuple[str, int, str, str, int, int]]:
    """(gate, quarter-hour, outcome, reason, policy, n) as gates told them, for who watches a new policy come in."""
    rows = store.policy_counts(tx, to_ms(first) // 1000 // SLOT_SECONDS, to_ms(last) // 1000 // SLOT_SECONDS)
    return [(row[0], row[1], row[2], row[3], row[4], int(row[5])) for row in rows]


def alarmed_since(tx: Tx, first_slot: int, kinds: Collection[str]) -> set[str]:
    """Gates with an alarm of these kinds that was raised in or after a quarter of an hour."""
    return {gate_id for gate_id, kind in store.alarms_since(tx, first_slot) if kind in kinds}


def counts(tx: Tx, first: datetime, last: datetime) -> list[SlotCount]:
    """Counts of the quarters of an hour that begin between `first` and `last`, both included."""
    rows = store.counts(tx, to_ms(first) // 1000 // SLOT_SECONDS, to_ms(last) // 1000 // SLOT_SECONDS)
    return [SlotCount(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]


# Snapshots


def publish_snapshot(
    tx: Tx, moment: Moment, signers: Sequence[Signer], foreign: Foreign = OURS_ONLY, *, paper: bool = True
) -> int:
    """Sign a new snapshot of all that gates decide by; its number. Numbers only grow.

    While a policy comes in there are two, made together: first the one for gates that wait, then the one for gates
    that have the new policy, so that whoever goes over always gets a higher number.
    """
    contents = _contents(tx, moment.now, foreign, paper)
    expires = moment.now + SNAPSHOT_LIVES
    digest = _digest(tx, moment.now, contents)
    number = 0
    for early, content in enumerate(contents):
        number, raw = credentials.publish_bundle(tx, moment, signers, expires, partial(_numbered, content))
        store.add_snapshot(
            tx,
            number=number,
            issued_at=moment.now_ms,
            expires_at=to_ms(expires),
            etag=tag_of(raw),
            content=digest,
            body=raw,
            early=early,
        )
    return number


def refresh_snapshot(
    tx: Tx, moment: Moment, signers: Sequence[Signer], foreign: Foreign = OURS_ONLY, *, paper: bool = True
) -> int | None:
    """Publish if what gates decide by has changed or the newest is six hours old; the new number or None."""
    newest = store.newest_snapshot(tx)
    if newest is not None and moment.now < from_ms(newest[1]) + RENEW_AFTER:
        contents = _contents(tx, moment.now, foreign, paper)
        if bytes(newest[4]) == _digest(tx, moment.now, contents):
            return None
    return publish_snapshot(tx, moment, signers, foreign, paper=paper)


class Newest(NamedTuple):
    """Number and ETag of a snapshot. `varies`: gates have different ones at the moment, because a policy comes in."""

    number: int
    tag: str
    varies: bool


def newest_snapshot(tx: Tx, gate_id: str = "") -> Newest | None:
    """The snapshot that this gate should have; without a gate, the one for gates that wait."""
    row = store.snapshot_for(tx, gate_id)
    return None if row is None else Newest(row[0], row[1], bool(row[2]))


# A policy comes in


def hold_back(tx: Tx, number: int, before: int | None) -> None:
    """From when policy `number` is in force, gates keep the one before until `let_in` names them."""
    store.set_cascade(tx, number, before)


def let_in(tx: Tx, gate_ids: Sequence[str]) -> None:
    """These gates get the policy that comes in. Publish a snapshot in the same transaction."""
    store.add_early(tx, list(gate_ids))


def let_all_in(tx: Tx) -> None:
    """Every gate gets the policy in force. Publish a snapshot in the same transaction."""
    store.set_cascade(tx, None)


def newest_issue(tx: Tx) -> tuple[int, datetime] | None:
    """Number of the newest snapshot and when it was signed."""
    row = store.newest_snapshot(tx)
    return None if row is None else (row[0], from_ms(row[1]))


def snapshot_body(tx: Tx, number: int) -> bytes:
    """The signed bytes of a snapshot."""
    return store.snapshot_body(tx, number)


def snapshot_of_tag(tx: Tx, tag: str) -> bytes | None:
    """The signed bytes of a snapshot that a gate may hold; None if it is too old to be kept."""
    return store.snapshot_of_tag(tx, tag)


def _contents(tx: Tx, now: datetime, foreign: Foreign, paper: bool) -> list[Bundle]:
    """All but number, times, own keys and status lists: one, or two while a policy comes in.

    Only mandates that are in force and unlock gates go in.
    """
    live = {mandate.id for mandate in mandates.live_mandates(tx, now) if mandate.in_force(now, "gate")}
    notes = [mandates.note_of(one) for one in mandates.standings(tx) if one.document.id in live]
    rules = policy.live_policy(tx, now)
    coming = store.cascade(tx)
    every: list[RuleSet | None] = [rules]
    if coming is not None and rules is not None and coming[0] == rules.number:
        before = policy.rule_set(tx, coming[1]) if coming[1] is not None else None
        every = [before if before is not None and before.from_at <= now < before.to_at else None, rules]
    return [
        Bundle(
            number=0,
            issued=0,
            expires=1,
            keys=foreign.keys,
            shc=foreign.shc,
            paper=paper,
            mandates=tuple(sorted(notes)),
            policy=None if one is None else _policy(tx, one),
            groups={group.id: group.config for group in groups(tx)} or UNSET,
        )
        for one in every
    ]


def _policy(tx: Tx, rules: RuleSet) -> bytes:
    body = policy.policy_document(tx, rules.number)
    return canonical_cbor({"number": rules.number, "mandate": rules.mandate_id, "body": body})


def _numbered(content: Bundle, number: int) -> Bundle:
    return msgspec.structs.replace(content, number=number)


def _digest(tx: Tx, now: datetime, contents: Sequence[Bundle]) -> bytes:
    keys, status = credentials.public_keys(tx, now), tuple(credentials.status_lists(tx, now))
    whole = [
        msgspec.structs.replace(content, keys=(*content.keys, *keys), status=status) for content in contents
    ]
    return sha256(canonical_cbor(msgspec.to_builtins(whole, builtin_types=(bytes,)))).digest()


# The end


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete gates, tokens, counts, alarms and steps of a mandate: rows gone, by table."""
    return store.erase_mandate(tx, mandate_id)


def _hash(token: str) -> bytes:
    return sha256(b"pratique-gate-token\n" + token.encode()).digest()


def _step(tx: Tx, moment: Moment, gate_id: str | None, mandate_id: str, step: str, who: str) -> None:
    store.add_step(
        tx,
        id=moment.new_id(),
        gate_id=gate_id,
        mandate_id=mandate_id,
        step=step,
        who=who,
        stepped_at=moment.now_ms,
    )
