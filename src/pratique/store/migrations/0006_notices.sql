-- Notices, their history, the faults that stop their clocks, and appeals.

-- The texts and rules a notice was opened with; never changed, a new version is a new row.
CREATE TABLE notice_kind (
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  PRIMARY KEY (code, version)
) STRICT, WITHOUT ROWID;

-- Facts that are about nobody (a campaign runs), shared by all notices that rest on them. Facts about a person
-- stand sealed: in the decision's facts_row, or in sealed_facts where no decision is behind the notice.
CREATE TABLE notice_ground (
  id TEXT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  campaign_id TEXT NOT NULL DEFAULT '',
  analyte TEXT NOT NULL DEFAULT '',
  closes_at BIGINT NOT NULL,
  body TEXT NOT NULL,
  hash TEXT NOT NULL,
  made_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_ground_closes ON notice_ground (closes_at);
CREATE INDEX notice_ground_mandate ON notice_ground (mandate_id);

-- Guarded by law 1. A restriction without reason, remedy, end or appeal path cannot stand here.
CREATE TABLE notice (
  id TEXT PRIMARY KEY,
  subject_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  kind_version INTEGER NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('duty', 'restriction', 'information')),
  mandate_id TEXT NOT NULL,
  campaign_id TEXT NOT NULL DEFAULT '',
  decision_id TEXT NOT NULL DEFAULT '',
  facts_row_id TEXT NOT NULL DEFAULT '',
  ground_id TEXT NOT NULL DEFAULT '',
  rule_id TEXT NOT NULL CHECK (rule_id <> ''),
  rule_version TEXT NOT NULL CHECK (rule_version <> ''),
  reason_code TEXT NOT NULL CHECK (reason_code <> ''),
  remedy_code TEXT NOT NULL CHECK (remedy_code <> ''),
  appeal_path TEXT NOT NULL CHECK (appeal_path <> ''),
  clock_profile TEXT NOT NULL CHECK (clock_profile <> ''),
  analyte TEXT NOT NULL DEFAULT '',
  source_ref TEXT NOT NULL DEFAULT '',
  since_at BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL CHECK (duration_ms > 0),
  deadline_at BIGINT NOT NULL CHECK (deadline_at > opened_at),
  ends_at BIGINT NOT NULL CHECK (ends_at > opened_at),
  due_at BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'waiting', 'cleared', 'lifted', 'replaced', 'withdrawn')),
  state_at BIGINT NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('person', 'system')),
  replaces TEXT NOT NULL DEFAULT '',
  decider TEXT NOT NULL CHECK (decider <> ''),
  sealed_facts BLOB,
  CHECK (facts_row_id <> '' OR ground_id <> '' OR sealed_facts IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_of_subject ON notice (subject_id, opened_at);
CREATE INDEX notice_open_of ON notice (subject_id) WHERE state IN ('open', 'waiting');
CREATE INDEX notice_due ON notice (due_at) WHERE state IN ('open', 'waiting');
CREATE INDEX notice_mandate ON notice (mandate_id);
CREATE INDEX notice_open_mandate ON notice (mandate_id) WHERE state IN ('open', 'waiting');
CREATE INDEX notice_ground_of ON notice (ground_id, subject_id) WHERE ground_id <> '';

-- The history the holder sees; never changed.
CREATE TABLE notice_event (
  notice_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at BIGINT NOT NULL,
  what TEXT NOT NULL,
  by TEXT NOT NULL,
  reference TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (notice_id, seq)
) STRICT, WITHOUT ROWID;

-- Time lost through the system, given back to everybody in its scope. One row, however many people.
CREATE TABLE fault (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('all', 'campaign', 'subject')),
  scope_id TEXT NOT NULL DEFAULT '',
  from_at BIGINT NOT NULL,
  to_at BIGINT CHECK (to_at IS NULL OR to_at > from_at),
  cause TEXT NOT NULL,
  declared_by TEXT NOT NULL,
  declared_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  mandate_id TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX fault_scope ON fault (scope, scope_id);
CREATE INDEX fault_changed ON fault (changed_at);

CREATE TABLE appeal (
  id TEXT PRIMARY KEY,
  notice_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  facts_row_id TEXT NOT NULL DEFAULT '',
  ground_id TEXT NOT NULL DEFAULT '',
  facts_hash TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  profile TEXT NOT NULL,
  stage INTEGER NOT NULL,
  stage_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  escalated INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  decider TEXT NOT NULL,
  reviewer TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT ''
    CHECK (outcome IN ('', 'upheld', 'changed', 'withdrawn', 'referred', 'lifted-by-silence')),
  reason_code TEXT NOT NULL DEFAULT '',
  closed_at BIGINT,
  sealed_text BLOB NOT NULL,
  text_digest BLOB NOT NULL,
  sealed_answer BLOB,
  answered_at BIGINT,
  first_reviewer TEXT NOT NULL DEFAULT '',
  CHECK (reviewer = '' OR (reviewer <> decider AND reviewer <> first_reviewer))
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_of_subject ON appeal (subject_id, opened_at);
CREATE INDEX appeal_of_notice ON appeal (notice_id);
CREATE INDEX appeal_next ON appeal (next_at) WHERE state = 'open';
CREATE INDEX appeal_mandate ON appeal (mandate_id);

CREATE TABLE appeal_event (
  appeal_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at BIGINT NOT NULL,
  what TEXT NOT NULL,
  by TEXT NOT NULL,
  reference TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (appeal_id, seq)
) STRICT, WITHOUT ROWID;
