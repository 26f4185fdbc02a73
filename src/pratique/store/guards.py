"""Law 1 and the append-only promise as triggers, the same on both databases.

A row of a guarded table is stored only if it names a mandate that is published, unlocks that kind, and is in
force at the row's own time. The guard does not trust the program above it: raw SQL meets it too.
"""

from typing import NamedTuple


class Guard(NamedTuple):
    """`table` holds `mandate_id`; `unlock` must be among the mandate's; `at` is the row's time column."""

    table: str
    unlock: str
    at: str


GUARDS = (
    Guard("campaign", "campaign", "created_at"),
    Guard("policy", "restriction", "published_at"),
    Guard("decision", "restriction", "made_at"),
    Guard("notice", "restriction", "opened_at"),
    Guard("contact_card", "enrolment", "written_at"),
    Guard("gate", "gate", "enrolled_at"),
    Guard("issuance", "gate", "issued_at"),
    Guard("revocation", "gate", "revoked_at"),
)

# Rows of these are never changed; they are deleted only by the end of a mandate (room `retire`) or by forgetting.
APPEND_ONLY = (
    "mandate_document",
    "mandate_end",
    "log_entry",
    "result_version",
    "notice_event",
    "appeal_event",
    "access_log",
    "facts_row",
)


def guard_statements(dialect: str) -> list[str]:
    """All triggers, dropped and made anew, so that running them twice changes nothing."""
    make = _sqlite if dialect == "sqlite" else _postgresql
    append = _sqlite_append_only if dialect == "sqlite" else _postgresql_append_only
    return [s for guard in GUARDS for s in make(guard)] + [s for table in APPEND_ONLY for s in append(table)]


def _missing(guard: Guard) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM mandate m JOIN mandate_unlock u ON u.mandate_id = m.id "
        f"WHERE m.id = NEW.mandate_id AND u.unlock = '{guard.unlock}' AND m.published_at IS NOT NULL "
        f"AND m.start_at <= NEW.{guard.at} AND NEW.{guard.at} < m.ends_at)"
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


def _sqlite_append_only(table: str) -> list[str]:
    trigger = f"append_only_{table}"
    return [
        f"DROP TRIGGER IF EXISTS {trigger}",
        f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'APPEND_ONLY {table}'); END",
    ]


def _postgresql_append_only(table: str) -> list[str]:
    name = f"append_only_{table}"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'APPEND_ONLY {table}'; END $$",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
