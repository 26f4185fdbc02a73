-- Attachments, individual orders, faults found afterwards, what was said to whom, published statistics.

-- How far a person was told: 0 nothing, 1 that it began, 2 a reminder, 3 the last reminder, 9 that it ended.
ALTER TABLE notice ADD COLUMN said INTEGER NOT NULL DEFAULT 0;
UPDATE notice SET said = 9;
CREATE INDEX notice_unsaid ON notice (opened_at) WHERE said = 0;
CREATE INDEX notice_reminding ON notice (due_at) WHERE state IN ('open', 'waiting') AND said IN (1, 2);
CREATE INDEX notice_end_unsaid ON notice (state_at) WHERE state NOT IN ('open', 'waiting') AND said < 9;
CREATE INDEX notice_lapsed ON notice (state_at, id) WHERE class = 'duty' AND state = 'lifted';
CREATE INDEX notice_from ON notice (source_ref) WHERE class = 'restriction' AND source_ref <> '';

-- Faults of which the lapsed duties are still to be looked at, and how far that is.
CREATE TABLE fault_look_back (
  fault_id TEXT PRIMARY KEY,
  after_at BIGINT NOT NULL,
  after_id TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- What somebody adds to an appeal: a picture without its hidden data, or a PDF. Sealed like the appeal's text.
CREATE TABLE appeal_attachment (
  id TEXT PRIMARY KEY,
  appeal_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  media TEXT NOT NULL CHECK (media IN ('image/jpeg', 'image/png', 'application/pdf')),
  size INTEGER NOT NULL CHECK (size > 0),
  digest BLOB NOT NULL,
  sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_attachment_of ON appeal_attachment (appeal_id, added_at);
CREATE INDEX appeal_attachment_subject ON appeal_attachment (subject_id);
CREATE INDEX appeal_attachment_mandate ON appeal_attachment (mandate_id);

-- An individual order. Guarded by law 1. Without an end, the four duties of care and both ways to object it cannot
-- stand here. Whom it is about and why is sealed; who looks after what is an office, not a person.
CREATE TABLE care_order (
  id TEXT PRIMARY KEY,
  subject_id TEXT NOT NULL CHECK (subject_id <> ''),
  mandate_id TEXT NOT NULL,
  notice_id TEXT NOT NULL UNIQUE,
  opened_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL CHECK (ends_at > opened_at),
  ordered_by TEXT NOT NULL CHECK (ordered_by <> '' AND ordered_by NOT LIKE 'rule:%'),
  food TEXT NOT NULL CHECK (food <> ''),
  medicine TEXT NOT NULL CHECK (medicine <> ''),
  contact TEXT NOT NULL CHECK (contact <> ''),
  daily_call TEXT NOT NULL CHECK (daily_call <> ''),
  review_path TEXT NOT NULL CHECK (review_path <> ''),
  court_path TEXT NOT NULL CHECK (court_path <> ''),
  sealed_why BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX care_order_subject ON care_order (subject_id);
CREATE INDEX care_order_mandate ON care_order (mandate_id);

-- One finished week of appeals about one kind of notice, as published: what is too small is NULL already here.
-- Counts about nobody; they outlive their mandate.
CREATE TABLE appeal_week (
  week TEXT NOT NULL,
  kind TEXT NOT NULL,
  opened INTEGER,
  closed INTEGER,
  upheld INTEGER,
  changed INTEGER,
  withdrawn INTEGER,
  silence INTEGER,
  in_time INTEGER,
  median_minutes INTEGER,
  PRIMARY KEY (week, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX appeal_opened ON appeal (opened_at);
CREATE INDEX appeal_closed ON appeal (closed_at) WHERE state = 'closed';
