"""Published policies: checked and stored as the next number, read back byte for byte as what was published."""

from datetime import datetime
from hashlib import sha256

import msgspec

from pratique.core.errors import NoMandate, NotFound
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.policy import check, store
from pratique.policy.certlogic import SPECIFICATION
from pratique.policy.model import Policy, RuleSet
from pratique.policy.ruleset import read_rule_set
from pratique.store.tx import Tx

_RULE_SETS: dict[store.PolicyRow, RuleSet] = {}  # parsed policies of this process; a policy never changes
_MAX_RULE_SETS = 16


def check_policy(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> RuleSet:
    """The rule set, if it could be published now under this mandate. Raises NoMandate, or Refusal with the code of the
    first failed check."""
    return _checked(tx, moment, raw, mandate_id)[0]


def publish_policy(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> Policy:
    """Check and store a rule set as the next policy, in force from its `from` (or now) to its `to`, and never
    beyond the end of its mandate. Raises NoMandate, or Refusal with the code of the first failed check."""
    ruleset, ends_at = _checked(tx, moment, raw, mandate_id)
    number = store.last_number(tx) + 1
    policy = Policy(
        number=number,
        mandate_id=mandate_id,
        published_at=moment.now,
        from_at=max(ruleset.from_at, moment.now),
        to_at=min(ruleset.to_at, ends_at),
        hash=ruleset.hash,
        body=raw,
    )
    store.add_policy(
        tx,
        number=number,
        mandate_id=mandate_id,
        published_at=moment.now_ms,
        from_at=to_ms(policy.from_at),
        to_at=to_ms(policy.to_at),
        engine_version=SPECIFICATION,
        hash=policy.hash,
        body=raw,
    )
    store.add_rule_versions(
        tx,
        [
            {
                "identifier": rule.id,
                "version": rule.version,
                "hash": check.rule_hash(rule),
                "first_policy": number,
            }
            for rule in ruleset.rules
        ],
    )
    return policy


def _checked(tx: Tx, moment: Moment, raw: bytes, mandate_id: str) -> tuple[RuleSet, datetime]:
    """The rule set and the end of its mandate."""
    ends = store.mandate_end(tx, mandate_id, moment.now_ms)
    if ends is None:
        raise NoMandate(what="a policy")
    ruleset = read_rule_set(raw)
    check.refuse_unpublishable(ruleset, moment.now, from_ms(ends), store.rule_versions(tx))
    return ruleset, from_ms(ends)


def live_policy(tx: Tx, now: datetime) -> RuleSet | None:
    """The rule set in force at `now`, under a mandate in force at `now`; None if there is none."""
    row = store.live_policy(tx, to_ms(now))
    return None if row is None else _rule_set(tx, row)


def rule_set(tx: Tx, number: int) -> RuleSet | None:
    """A published rule set by its number, in force or not."""
    row = store.policy_row(tx, number)
    return None if row is None else _rule_set(tx, row)


def _rule_set(tx: Tx, row: store.PolicyRow) -> RuleSet:
    if (known := _RULE_SETS.get(row)) is not None:
        return known
    raw = store.policy_body(tx, row.number)
    if raw is None or sha256(raw).hexdigest() != row.hash:
        raise RuntimeError(f"policy {row.number} is not what was published")
    ruleset = msgspec.structs.replace(
        read_rule_set(raw),
        number=row.number,
        mandate_id=row.mandate_id,
        from_at=from_ms(row.from_at),
        to_at=from_ms(min(row.to_at, row.ends_at)),
    )
    while len(_RULE_SETS) >= _MAX_RULE_SETS:
        _RULE_SETS.pop(next(iter(_RULE_SETS)))
    _RULE_SETS[row] = ruleset
    return ruleset


def policy_document(tx: Tx, number: int) -> bytes:
    """A published policy byte for byte: what a snapshot carries. Raises NotFound."""
    if (raw := store.policy_body(tx, number)) is None:
        raise NotFound("NO_POLICY", "number", Text("there is no such policy", "没有此政策"))
    return raw


def policies(tx: Tx) -> list[Policy]:
    """Every policy ever published, newest first, without the bodies."""
    return [
        Policy(
            number=row[0],
            mandate_id=row[1],
            published_at=from_ms(row[2]),
            from_at=from_ms(row[3]),
            to_at=from_ms(row[4]),
            hash=row[5],
            body=b"",
        )
        for row in store.policy_rows(tx)
    ]
