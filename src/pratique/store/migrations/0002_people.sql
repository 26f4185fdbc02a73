-- People: random ids and keys, sealed cards, who looked, and the staff who may look.

CREATE TABLE subject (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('wallet', 'paper')),
  created_at BIGINT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0  -- grows with everything the wallet shows; the ETag of a poll
) STRICT, WITHOUT ROWID;

-- Uncompressed P-256 points, 65 bytes. One subject may hold several (a second phone).
CREATE TABLE subject_key (
  public_key BLOB PRIMARY KEY,
  subject_id TEXT NOT NULL,
  added_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_key_of ON subject_key (subject_id);

-- Name, phone and language, sealed under the mandate that allows them. Guarded by law 1.
CREATE TABLE contact_card (
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  written_at BIGINT NOT NULL,
  phone_index BLOB,
  sealed BLOB NOT NULL,
  PRIMARY KEY (subject_id, mandate_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_card_phone ON contact_card (phone_index);

-- Only the keyed hash of a code is kept.
CREATE TABLE claim_code (
  code_hash BLOB PRIMARY KEY,
  subject_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_code_of ON claim_code (subject_id);

-- A chain: hash = SHA-256 of the canonical CBOR of the row without hash. The subject is sealed under its own
-- key, so the chain still verifies when the key is gone and the entry then points at nobody.
CREATE TABLE access_log (
  n BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  role TEXT NOT NULL,
  purpose TEXT NOT NULL,
  action TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  sealed_subject BLOB NOT NULL,
  fields TEXT NOT NULL,
  prev BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT;

-- Which entries are about whom; deleted when the subject or the mandate is forgotten. Not part of the chain.
CREATE TABLE access_index (
  subject_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  mandate_id TEXT NOT NULL,
  PRIMARY KEY (subject_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_index_mandate ON access_index (mandate_id);

-- A forgotten subject whose secrets still have to be destroyed; the row goes when they are.
CREATE TABLE forgetting (
  subject_id TEXT PRIMARY KEY,
  asked_at BIGINT NOT NULL,
  final_by BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE staff (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  scope TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  ended_at BIGINT
) STRICT, WITHOUT ROWID;

CREATE TABLE staff_invite (
  token_hash BLOB PRIMARY KEY,
  staff_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  used_at BIGINT
) STRICT, WITHOUT ROWID;

CREATE TABLE staff_session (
  token_hash BLOB PRIMARY KEY,
  staff_id TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_session_of ON staff_session (staff_id);
