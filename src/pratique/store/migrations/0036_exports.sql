-- Who asked for a copy of what, who agreed, who received it. No row here says anything about a person: what was in a
-- copy is never kept, only the seed its marks were made from, so that a leak can be traced also after the end.

CREATE TABLE export (
  id TEXT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  reason TEXT NOT NULL,
  recipient TEXT NOT NULL,
  columns_asked TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  decided_by TEXT,
  decided_at BIGINT,
  agreed INTEGER,
  destroyed_at BIGINT,
  CHECK (decided_by IS NULL OR decided_by <> asked_by)
) STRICT, WITHOUT ROWID;
CREATE INDEX export_asked ON export (asked_at);

CREATE TABLE export_copy (
  id TEXT PRIMARY KEY,
  export_id TEXT NOT NULL,
  seed BLOB NOT NULL,
  made_for TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  row_count BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX export_copy_of ON export_copy (export_id);
