"""Law 1 and the append-only promise as triggers, the same on both databases.

A row of a guarded table is stored only if it names a mandate that is published, unlocks that kind, and is in
force at the row's own time. A mandate can never be made longer or wider, and its trace is never deleted.
The guards do not trust the program above them: raw SQL meets them too.
"""

from typing import NamedTuple


class Guard(NamedTuple):
    """`table` holds `mandate_id`; `unlock` must be among the mandate's; `at` is the row's time column."""

    table: str
    unlock: str
    at: str


class Block(NamedTuple):
    """`events` on `table` are refused with `word` where `when` holds (NEW and OLD as in SQL)."""

    name: str
    table: str
    events: str
    when: str
    word: str


GUARDS = (
    Guard("campaign", "campaign", "created_at"),
    Guard("booking_area", "campaign", "made_at"),
    Guard("policy", "restriction", "published_at"),
    Guard("decision", "restriction", "made_at"),
    Guard("notice", "restriction", "opened_at"),
    Guard("care_order", "restriction", "opened_at"),
    Guard("desk_case", "restriction", "opened_at"),
    Guard("channel", "enrolment", "made_at"),
    Guard("contact_card", "enrolment", "written_at"),
    Guard("gate", "gate", "enrolled_at"),
    Guard("issuance", "gate", "issued_at"),
    Guard("revocation", "gate", "revoked_at"),
    Guard("export", "export", "asked_at"),
)

# Rows of these are never changed; they are deleted only by the end of a mandate (room `retire`) or by forgetting.
APPEND_ONLY = (
    "mandate_document",
    "mandate_end",
    "log_entry",
    "result_version",
    "notice_event",
    "appeal_event",
    "desk_event",
    "access_log",
    "facts_row",
    "policy_order_signature",
)

# The public trace of a mandate outlives its data: with the key columns, so that REPLACE is refused as well.
KEPT = (
    ("mandate", ("id",)),
    ("mandate_document", ("mandate_id",)),
    ("mandate_signature", ("mandate_id", "role")),
    ("mandate_unlock", ("mandate_id", "unlock")),
    ("mandate_data", ("mandate_id", "data_class")),
    ("mandate_end", ("mandate_id",)),
    ("officer_key", ("vkey",)),
    ("log_entry", ("seq",)),
)

# A policy is stored only as two officers of different roles signed it, with its lead time; or as the one they signed to
# go back to, within the time that `back_until` leaves for it. Raw SQL meets this too.
_SIGNED_TWICE = (
    "(SELECT count(*) FROM policy_order_signature s "
    "WHERE s.order_id = o.id AND s.role IN ('legal', 'public-health')) >= 2"
)
_NO_ORDER = (
    "NOT EXISTS (SELECT 1 FROM policy_order o WHERE o.mandate_id = NEW.mandate_id AND "
    "((o.hash = NEW.hash AND o.published_at IS NULL AND NEW.from_at >= NEW.published_at + o.lead_ms) OR "
    "(o.back_hash = NEW.hash AND o.published_at <= NEW.published_at AND NEW.published_at < o.back_until)) "
    f"AND {_SIGNED_TWICE})"
)

_CHANGED = "NEW.{0} IS DISTINCT FROM OLD.{0}"
_ORDERED = ("id", "mandate_id", "hash", "lead_ms", "back_hash", "text", "preview_hash")
_FIXED = ("id", "start_at", "end_at", "grace_hours", "extends", "supersedes")
_IN_FORCE_ALREADY = (
    "EXISTS (SELECT 1 FROM mandate m WHERE m.id = NEW.mandate_id AND m.published_at IS NOT NULL)"
)
_NOTICE = Guard("notice", "restriction", "opened_at")
_NOT_WHOLE = (
    "NOT EXISTS (SELECT 1 FROM notice_kind k WHERE k.code = NEW.kind AND k.version = NEW.kind_version) "
    "OR NEW.appeal_path <> '/v1/notices/' || NEW.id || '/appeals' "
    "OR NEW.ends_at > (SELECT m.ends_at FROM mandate m WHERE m.id = NEW.mandate_id) "
    "OR (NEW.reason_code = 'ORDERED' AND NOT EXISTS (SELECT 1 FROM care_order o WHERE o.notice_id = NEW.id))"
)
_NOTICE_MORE = (
    "NEW.mandate_id <> OLD.mandate_id OR NEW.subject_id <> OLD.subject_id OR NEW.class <> OLD.class OR "
    "NEW.ends_at > OLD.ends_at OR (OLD.class = 'restriction' AND NEW.deadline_at > OLD.deadline_at)"
)


_NOWHERE = "EXISTS (SELECT 1 FROM area) AND NOT EXISTS (SELECT 1 FROM area a WHERE a.code = NEW.{0})"


def _blocks() -> list[Block]:
    fixed = " OR ".join(_CHANGED.format(column) for column in _FIXED)
    once = " OR ".join(
        f"(OLD.{column} IS NOT NULL AND {_CHANGED.format(column)})"
        for column in ("published_at", "log_seq", "destroyed_at")
    )
    policy, revocation, case = (
        next(g for g in GUARDS if g.table == name) for name in ("policy", "revocation", "desk_case")
    )
    unsigned = f"NOT ({_missing(policy)}) AND {_NO_ORDER}"  # a missing mandate is told first
    blocks = [
        Block(
            "mandate_never_longer",
            "mandate",
            "UPDATE",
            f"{fixed} OR NEW.ends_at > OLD.ends_at OR {once}",
            "MANDATE_FIXED",
        ),
        # Widening is a new mandate with new signatures: nothing is added to one that is published.
        Block("unlock_never_wider", "mandate_unlock", "INSERT", _IN_FORCE_ALREADY, "MANDATE_FIXED"),
        Block("kept_never_wider", "mandate_data", "INSERT", _IN_FORCE_ALREADY, "MANDATE_FIXED"),
        Block("unlock_fixed", "mandate_unlock", "UPDATE", "", "MANDATE_FIXED"),
        Block("kept_fixed", "mandate_data", "UPDATE", "", "MANDATE_FIXED"),
        Block("signature_fixed", "mandate_signature", "UPDATE", "", "MANDATE_FIXED"),
        Block("policy_signed_twice", "policy", "INSERT", unsigned, "NOT_SIGNED"),
        Block("policy_never_changed", "policy", "UPDATE", "", "NOT_SIGNED"),
        Block(
            "policy_order_fixed",
            "policy_order",
            "UPDATE",
            "EXISTS (SELECT 1 FROM policy_order_signature s WHERE s.order_id = OLD.id) AND ("
            + " OR ".join(_CHANGED.format(column) for column in _ORDERED)
            + ")",
            "NOT_SIGNED",
        ),
        Block(
            "policy_order_once",
            "policy_order",
            "UPDATE",
            "OLD.published_at IS NOT NULL AND ("
            + " OR ".join(
                _CHANGED.format(column) for column in ("published_at", "policy_number", "back_until")
            )
            + ")",
            "NOT_SIGNED",
        ),
    ]
    blocks += [
        # A notice is of a published kind, can be appealed where it says, and ends with its mandate at the latest.
        Block(
            "notice_whole",
            "notice",
            "INSERT",
            f"NOT ({_missing(_NOTICE)}) AND ({_NOT_WHOLE})",
            "NOTICE_INCOMPLETE",
        ),
        # Nothing lengthens a restriction, and no notice is moved under another mandate.
        Block("notice_never_more", "notice", "UPDATE", _NOTICE_MORE, "NOTICE_FIXED"),
        Block("care_order_fixed", "care_order", "UPDATE", "", "APPEND_ONLY"),
        # A case that no desk can see, and reach into nowhere, are slips of a pen. A missing mandate is told first.
        Block(
            "case_area_known",
            "desk_case",
            "INSERT",
            f"NEW.area <> '' AND NOT ({_missing(case)}) AND {_NOWHERE.format('area')}",
            "UNKNOWN_AREA",
        ),
        Block(
            "grant_area_known",
            "staff_grant",
            "INSERT",
            f"NEW.kind = 'area' AND {_NOWHERE.format('what')}",
            "UNKNOWN_AREA",
        ),
    ]
    # Laws 2 and 3: a revocation says why, and ends.
    blocks.append(
        Block(
            "revocation_says",
            "revocation",
            "INSERT",
            f"NOT ({_missing(revocation)}) AND (NEW.reason = '' OR NEW.ends_at <= NEW.revoked_at)",
            "NO_END",
        )
    )
    blocks += [Block(f"append_only_{table}", table, "UPDATE", "", "APPEND_ONLY") for table in APPEND_ONLY]
    for table, key in KEPT:
        same = " AND ".join(f"k.{column} = NEW.{column}" for column in key)
        blocks.append(Block(f"kept_{table}", table, "DELETE", "", "KEPT"))
        # SQLite's REPLACE deletes without a DELETE trigger: a second row with the same key is refused here.
        blocks.append(
            Block(f"once_{table}", table, "INSERT", f"EXISTS (SELECT 1 FROM {table} k WHERE {same})", "KEPT")
        )
    return blocks


def guarded_tables() -> frozenset[str]:
    """Every table that carries a guard."""
    return frozenset({guard.table for guard in GUARDS} | {block.table for block in _blocks()})


def guard_statements(dialect: str) -> list[str]:
    """All triggers, dropped and made anew, so that running them twice changes nothing."""
    make = _sqlite if dialect == "sqlite" else _postgresql
    block_of = _sqlite_block if dialect == "sqlite" else _postgresql_block
    made = [statement for guard in GUARDS for statement in make(guard)]
    return made + [statement for block in _blocks() for statement in block_of(block)]


def _missing(guard: Guard) -> str:
    # A mandate is in force from its start, and never before it was published: nothing is back-dated.
    return (
        "NOT EXISTS (SELECT 1 FROM mandate m JOIN mandate_unlock u ON u.mandate_id = m.id "
        f"WHERE m.id = NEW.mandate_id AND u.unlock = '{guard.unlock}' AND m.published_at IS NOT NULL "
        f"AND m.published_at <= NEW.{guard.at} AND m.start_at <= NEW.{guard.at} AND NEW.{guard.at} < m.ends_at)"
    )


def _sqlite(guard: Guard) -> list[str]:
    made = []
    for event, name in (("INSERT", "insert"), (f"UPDATE OF mandate_id, {guard.at}", "update")):
        trigger = f"guard_{guard.table}_{name}"
        made += [
            f"DROP TRIGGER IF EXISTS {trigger}",
            f"CREATE TRIGGER {trigger} BEFORE {event} ON {guard.table} WHEN {_missing(guard)} "
            f"BEGIN SELECT RAISE(ABORT, 'NO_MANDATE {guard.table}'); END",
        ]
    return made


def _postgresql(guard: Guard) -> list[str]:
    name = f"guard_{guard.table}"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_missing(guard)} THEN RAISE EXCEPTION 'NO_MANDATE {guard.table}'; END IF; RETURN NEW; END $$",
        f"DROP TRIGGER IF EXISTS {name} ON {guard.table}",
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OF mandate_id, {guard.at} ON {guard.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def _sqlite_block(block: Block) -> list[str]:
    when = f" WHEN {block.when.replace('IS DISTINCT FROM', 'IS NOT')}" if block.when else ""
    return [
        f"DROP TRIGGER IF EXISTS {block.name}",
        f"CREATE TRIGGER {block.name} BEFORE {block.events} ON {block.table}{when} "
        f"BEGIN SELECT RAISE(ABORT, '{block.word} {block.table}'); END",
    ]


def _postgresql_block(block: Block) -> list[str]:
    when = block.when or "TRUE"
    result = "OLD" if block.events == "DELETE" else "NEW"
    made = [
        f"CREATE OR REPLACE FUNCTION {block.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{block.word} {block.table}'; END IF; RETURN {result}; END $$",
        f"DROP TRIGGER IF EXISTS {block.name} ON {block.table}",
        f"CREATE TRIGGER {block.name} BEFORE {block.events} ON {block.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {block.name}()",
    ]
    if block.events == "DELETE":
        made += [
            f"DROP TRIGGER IF EXISTS {block.name}_whole ON {block.table}",
            f"CREATE TRIGGER {block.name}_whole BEFORE TRUNCATE ON {block.table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {block.name}()",
        ]
    return made
