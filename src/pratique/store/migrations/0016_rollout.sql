-- How a rule comes into force: orders with their previews and signatures, re-deciding, reaching the gates in steps.
-- No row names a person: previews are counts in tens, and the place of a re-deciding is four letters of an id.

-- A draft on its way. `text` is what officers sign: it holds the digests of body and preview. Fixed once one signed.
CREATE TABLE policy_order (
  id TEXT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  body BLOB NOT NULL,                  -- the rule set as it will be published, byte for byte
  hash TEXT NOT NULL,                  -- SHA-256 of body
  drafted_at BIGINT NOT NULL,
  drafted_by TEXT NOT NULL,
  previewed_at BIGINT,
  preview BLOB,                        -- canonical JSON, counts in tens
  preview_hash TEXT,
  people BIGINT,                       -- exact size of the population looked at, to tell when it has moved
  lead_ms BIGINT NOT NULL,
  back_number BIGINT,                  -- the policy in force when it was previewed
  back_hash TEXT,
  back_until BIGINT,
  text BLOB,
  published_at BIGINT,
  policy_number BIGINT,
  withdrawn_at BIGINT
) STRICT;
CREATE INDEX policy_order_by_hash ON policy_order (hash);
CREATE INDEX policy_order_by_back ON policy_order (back_hash);

CREATE TABLE policy_order_signature (
  order_id TEXT NOT NULL REFERENCES policy_order (id),
  role TEXT NOT NULL,
  vkey TEXT NOT NULL,
  line TEXT NOT NULL,
  by_whom TEXT NOT NULL,               -- the staff account that handed it in; empty at the command line
  signed_at BIGINT NOT NULL,
  PRIMARY KEY (order_id, role)
) STRICT, WITHOUT ROWID;

-- Everybody decided again under a policy. `place`: the first letters of the subject ids that are done.
CREATE TABLE redecision (
  policy_number BIGINT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'halted', 'done', 'superseded')),
  total BIGINT NOT NULL,
  done BIGINT NOT NULL,
  changed BIGINT NOT NULL,
  told BIGINT NOT NULL,
  place TEXT NOT NULL,
  started_at BIGINT,
  beat_at BIGINT,
  finished_at BIGINT
) STRICT;

-- A policy on its way to the gates. Stages 0, 1, 2 are 1 %, 10 % and all of them.
CREATE TABLE rollout (
  policy_number BIGINT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES policy_order (id),
  mandate_id TEXT NOT NULL,
  before_number BIGINT,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'stopped', 'done', 'superseded')),
  stage INTEGER NOT NULL,
  stage_at BIGINT,
  snapshot BIGINT NOT NULL,            -- gates of this stage have heard of it once they decide by this one or a later one
  base_holds INTEGER NOT NULL,         -- per mille of showings that ended in a hold in the day before
  low INTEGER NOT NULL,
  high INTEGER NOT NULL,
  why TEXT NOT NULL,
  by_whom TEXT NOT NULL
) STRICT;
