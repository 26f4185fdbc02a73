-- The case desk: what somebody has to do for one person, by when, what came of it; bulk actions and their undo.

-- Guarded by law 1. A case knows a person and an area, never a site or an address. Ordered by due time and by nothing
-- else (law 5).
CREATE TABLE desk_case (
  id TEXT PRIMARY KEY,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('call', 'call-me', 'daily-call', 'visit', 'help')),
  notice_id TEXT NOT NULL,
  area TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  opened_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'done')),
  state_at BIGINT NOT NULL,
  result TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX desk_case_pool ON desk_case (owner, area, due_at, id) WHERE state = 'open';
CREATE INDEX desk_case_pool_kind ON desk_case (owner, area, kind, due_at, id) WHERE state = 'open';
CREATE INDEX desk_case_due ON desk_case (due_at, id) WHERE state = 'open';
CREATE UNIQUE INDEX desk_case_once ON desk_case (notice_id, kind) WHERE state = 'open';
CREATE INDEX desk_case_subject ON desk_case (subject_id);
CREATE INDEX desk_case_mandate ON desk_case (mandate_id);

-- What was done, in order; never changed. A note is sealed.
CREATE TABLE desk_event (
  case_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at BIGINT NOT NULL,
  what TEXT NOT NULL,
  by TEXT NOT NULL,
  reference TEXT NOT NULL DEFAULT '',
  sealed_note BLOB,
  PRIMARY KEY (case_id, seq)
) STRICT, WITHOUT ROWID;

-- One action on many cases: how far it is, and until when it can be undone.
CREATE TABLE desk_bulk (
  id TEXT PRIMARY KEY,
  by TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('give', 'later', 'close')),
  target TEXT NOT NULL DEFAULT '',
  total INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undoing', 'undone')),
  made_at BIGINT NOT NULL,
  undo_until BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX desk_bulk_of ON desk_bulk (by, made_at);
CREATE INDEX desk_bulk_running ON desk_bulk (made_at) WHERE state IN ('running', 'undoing');

-- Each case of a bulk action as it was before.
CREATE TABLE desk_bulk_case (
  bulk_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  case_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (bulk_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX desk_bulk_case_of ON desk_bulk_case (case_id, bulk_id);
CREATE INDEX desk_bulk_case_mandate ON desk_bulk_case (mandate_id);

-- How far a sweep over open cases is.
CREATE TABLE desk_mark (
  name TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
