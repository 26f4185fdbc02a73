-- Room mandates: who may order what, until when; the public log.
-- A mandate row is derived from its document once and can never be extended (guards.py): start_at and end_at never
-- change, ends_at (an early end) only goes down, published_at is set once. None of these rows is ever deleted: the
-- documents are public and stay after the data they allowed is destroyed.

CREATE TABLE officer_key (
  vkey TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('legal', 'public-health', 'court')),
  from_at BIGINT NOT NULL,
  until_at BIGINT,
  log_seq BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

-- text: the note text, one line of canonical JSON; reading: what a resident reads, where it is kept here.
CREATE TABLE mandate_document (
  mandate_id TEXT PRIMARY KEY,
  text BLOB NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  reading BLOB,
  drafted_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mandate_signature (
  mandate_id TEXT NOT NULL REFERENCES mandate_document (mandate_id),
  role TEXT NOT NULL,
  vkey TEXT NOT NULL REFERENCES officer_key (vkey),
  line TEXT NOT NULL,
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (mandate_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE mandate (
  id TEXT PRIMARY KEY,
  start_at BIGINT NOT NULL,
  end_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  grace_hours INTEGER NOT NULL CHECK (grace_hours BETWEEN 0 AND 72),
  extends TEXT,
  supersedes TEXT,
  published_at BIGINT,
  log_seq BIGINT,
  destroyed_at BIGINT,
  CHECK (end_at > start_at AND end_at - start_at <= 7776000000),
  CHECK (ends_at <= end_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE mandate_unlock (
  mandate_id TEXT NOT NULL REFERENCES mandate (id),
  unlock TEXT NOT NULL CHECK (
    unlock IN ('campaign', 'gate', 'restriction', 'enrolment', 'venue', 'release', 'export')
  ),
  PRIMARY KEY (mandate_id, unlock)
) STRICT, WITHOUT ROWID;

CREATE TABLE mandate_data (
  mandate_id TEXT NOT NULL REFERENCES mandate (id),
  data_class TEXT NOT NULL,
  max_days INTEGER NOT NULL CHECK (max_days > 0),
  PRIMARY KEY (mandate_id, data_class)
) STRICT, WITHOUT ROWID;

-- An early end: one signature of the issuer, or of the court named among the keys.
CREATE TABLE mandate_end (
  mandate_id TEXT PRIMARY KEY REFERENCES mandate (id),
  note BLOB NOT NULL,
  reason TEXT NOT NULL,
  role TEXT NOT NULL,
  ended_at BIGINT NOT NULL,
  log_seq BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

-- seq is the index in the tree: it starts at 0 and has no holes. leaf = SHA-256(0x00, entry).
CREATE TABLE log_entry (
  seq BIGINT PRIMARY KEY,
  type TEXT NOT NULL,
  entry BLOB NOT NULL,
  leaf BLOB NOT NULL,
  logged_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: what is signed and published. size changes only by compare-and-swap.
CREATE TABLE log_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  origin TEXT NOT NULL,
  size BIGINT NOT NULL,
  root BLOB NOT NULL,
  checkpoint BLOB,
  published_at BIGINT
) STRICT, WITHOUT ROWID;
