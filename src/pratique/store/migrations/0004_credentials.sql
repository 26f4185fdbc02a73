-- Credentials: what was issued, to which random subject, and what of it is revoked.
-- No payload and no device key is kept: enough to revoke a pass, not enough to rebuild one.

CREATE TABLE issuer_key (
  kid BLOB NOT NULL PRIMARY KEY,
  purpose TEXT NOT NULL,              -- pass, dcc, shc, status, bundle
  alg INTEGER NOT NULL,               -- COSE: -7 ES256, -8 EdDSA, -37 PS256
  public_key BLOB NOT NULL,           -- DER SubjectPublicKeyInfo
  valid_from BIGINT NOT NULL,
  valid_to BIGINT NOT NULL,
  cut_at BIGINT,                      -- when the key was taken off the list
  max_per_day INTEGER NOT NULL        -- 0: no quota
) STRICT;

CREATE TABLE status_list (
  list_no INTEGER NOT NULL PRIMARY KEY,
  bits INTEGER NOT NULL,
  size INTEGER NOT NULL,
  shuffle_key BLOB NOT NULL,          -- the order in which indexes are handed out
  handed_out INTEGER NOT NULL,
  last_expires_at BIGINT NOT NULL     -- after this no credential of the list is alive
) STRICT;

CREATE TABLE issuance (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,                 -- PQ1, HC1, SHC, PAPER
  kid BLOB NOT NULL,
  mandate_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  pass_class INTEGER NOT NULL,        -- 0 where the credential is not a pass
  status_list INTEGER NOT NULL,
  status_index INTEGER NOT NULL,
  batch_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  UNIQUE (status_list, status_index)
) STRICT;
CREATE INDEX issuance_subject ON issuance (subject_id, expires_at);
CREATE INDEX issuance_mandate ON issuance (mandate_id);
CREATE INDEX issuance_kid ON issuance (kid, issued_at);

CREATE TABLE revocation (
  id TEXT NOT NULL PRIMARY KEY,
  scope TEXT NOT NULL,                -- issuance, kid
  issuance_id TEXT,
  kid BLOB,
  subject_id TEXT,
  status_list INTEGER,
  status_index INTEGER,
  mandate_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  notice_id TEXT,
  revoked_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
) STRICT;
CREATE INDEX revocation_list ON revocation (status_list, ends_at);
CREATE INDEX revocation_subject ON revocation (subject_id);
CREATE INDEX revocation_mandate ON revocation (mandate_id);

CREATE TABLE pass_outbox (
  issuance_id TEXT NOT NULL PRIMARY KEY,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  credential BLOB NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) STRICT;
CREATE INDEX pass_outbox_subject ON pass_outbox (subject_id, expires_at);

CREATE TABLE trust_bundle (
  number BIGINT NOT NULL PRIMARY KEY,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
