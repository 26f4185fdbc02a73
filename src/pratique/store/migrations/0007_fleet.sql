-- Gates from the server's side: who may enrol, what they counted, what is wrong with them, what they are told.
-- No row names a person, a pass or a time of a passage: counts stand per quarter of an hour (law 4).

-- A gate exists under a mandate that unlocks `gate`; law 1's guard reads mandate_id and enrolled_at.
CREATE TABLE gate (
  id TEXT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  place_en TEXT NOT NULL,
  place_zh TEXT NOT NULL,
  public_key BLOB NOT NULL UNIQUE,            -- Ed25519, 32 bytes, made on the device
  state TEXT NOT NULL CHECK (state IN ('up', 'ended')),
  enrolled_at BIGINT NOT NULL,
  last_seen_at BIGINT,
  last_seq BIGINT NOT NULL DEFAULT 0,
  snapshot BIGINT NOT NULL DEFAULT 0          -- the number of the snapshot it last said it decides by
) STRICT;
CREATE INDEX gate_by_mandate ON gate (mandate_id);

-- One-time enrolment: the token itself is never stored.
CREATE TABLE gate_token (
  token_hash BLOB PRIMARY KEY,                -- SHA-256
  mandate_id TEXT NOT NULL,
  place_en TEXT NOT NULL,
  place_zh TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  gate_id TEXT
) STRICT;

-- One signed upload. The same (gate, seq) again is answered as before and adds nothing.
CREATE TABLE count_batch (
  gate_id TEXT NOT NULL REFERENCES gate (id),
  seq BIGINT NOT NULL,
  body_hash BLOB NOT NULL,                    -- SHA-256 of the signed bytes
  received_at BIGINT NOT NULL,
  PRIMARY KEY (gate_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE slot_count (
  gate_id TEXT NOT NULL REFERENCES gate (id),
  slot15 BIGINT NOT NULL,                     -- unix seconds / 900
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  policy BIGINT NOT NULL,
  n BIGINT NOT NULL CHECK (n >= 0),
  PRIMARY KEY (gate_id, slot15, outcome, reason, policy)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_count_by_slot ON slot_count (slot15);

-- Alarms come in pairs, raised and cleared; times are quarters of an hour.
CREATE TABLE gate_alarm (
  gate_id TEXT NOT NULL REFERENCES gate (id),
  kind TEXT NOT NULL,
  first_slot BIGINT NOT NULL,
  last_slot BIGINT,                           -- null while it stands
  PRIMARY KEY (gate_id, kind, first_slot)
) STRICT, WITHOUT ROWID;

-- What every gate pulls: one signed bundle per number; numbers only grow.
CREATE TABLE gate_snapshot (
  number BIGINT PRIMARY KEY,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  etag TEXT NOT NULL,
  content BLOB NOT NULL,                      -- SHA-256 of all but number and times: the same content is not published twice
  body BLOB NOT NULL
) STRICT;

-- Every administrative step on a gate or a token.
CREATE TABLE gate_step (
  id TEXT PRIMARY KEY,
  gate_id TEXT,
  mandate_id TEXT NOT NULL,
  step TEXT NOT NULL,
  who TEXT NOT NULL,
  stepped_at BIGINT NOT NULL
) STRICT;
