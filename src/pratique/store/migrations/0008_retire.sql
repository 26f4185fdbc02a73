-- Room retire: the plan, the approvals and the proof of each destruction. No personal data: counts and digests.

CREATE TABLE destruction (
  mandate_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('end', 'early')),
  plan BLOB NOT NULL,
  plan_digest TEXT NOT NULL,
  ordered_at BIGINT NOT NULL,
  act_at BIGINT NOT NULL,
  started_at BIGINT,
  found_before BLOB,
  rows_before BLOB,
  rows_gone_at BIGINT,
  secrets_gone_at BIGINT,
  secrets BLOB,
  scan BLOB,
  finished_at BIGINT,
  certificate BLOB,
  log_seq BIGINT
) STRICT, WITHOUT ROWID;

-- Early destruction needs two; a certificate is attested by two. line is the signature line of a note.
CREATE TABLE destruction_approval (
  mandate_id TEXT NOT NULL REFERENCES destruction (mandate_id),
  act TEXT NOT NULL CHECK (act IN ('order', 'attest')),
  vkey TEXT NOT NULL,
  role TEXT NOT NULL,
  line TEXT NOT NULL,
  approved_at BIGINT NOT NULL,
  PRIMARY KEY (mandate_id, act, vkey)
) STRICT, WITHOUT ROWID;
