-- Room testing: campaigns, sites, tubes, laboratories, results.
-- A tube knows its site and its members; nothing else in the house knows a place. When the correction window is over
-- the members of a tube are deleted and its site is blanked (testing.service.sweep), so that no row joins a person to a site.

CREATE TABLE campaign (
  id TEXT PRIMARY KEY,
  mandate_id TEXT NOT NULL,
  name_en TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  capacity INTEGER NOT NULL CHECK (capacity BETWEEN 1 AND 20),
  analytes TEXT NOT NULL,             -- LOINC codes, separated by one space
  opens_at BIGINT NOT NULL,
  closes_at BIGINT NOT NULL,
  window_days INTEGER NOT NULL CHECK (window_days BETWEEN 1 AND 30),
  created_at BIGINT NOT NULL,
  CHECK (closes_at > opens_at)
) STRICT;
CREATE INDEX campaign_mandate ON campaign (mandate_id);

CREATE TABLE site (
  id TEXT PRIMARY KEY,
  campaign_id TEXT NOT NULL REFERENCES campaign (id),
  name_en TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  created_at BIGINT NOT NULL
) STRICT;
CREATE INDEX site_campaign ON site (campaign_id);

CREATE TABLE lane (
  site_id TEXT NOT NULL REFERENCES site (id),
  lane INTEGER NOT NULL CHECK (lane BETWEEN 1 AND 99),
  per_hour INTEGER NOT NULL CHECK (per_hour BETWEEN 1 AND 1000),
  PRIMARY KEY (site_id, lane)
) STRICT, WITHOUT ROWID;

-- One chain of signed events per device. skew_ms: device clock minus ours, as seen at the last sync.
CREATE TABLE device (
  id TEXT PRIMARY KEY,
  site_id TEXT NOT NULL REFERENCES site (id),
  public_key BLOB NOT NULL UNIQUE,
  last_seq BIGINT NOT NULL,
  last_hash TEXT NOT NULL,
  skew_ms BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'blocked')),
  enrolled_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
) STRICT;
CREATE INDEX device_site ON device (site_id);

CREATE TABLE device_token (
  token_hash BLOB PRIMARY KEY,
  site_id TEXT NOT NULL REFERENCES site (id),
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  device_id TEXT
) STRICT;

-- Codes that begin with prefix carry this check scheme; the longest prefix counts.
CREATE TABLE tube_batch (
  prefix TEXT PRIMARY KEY,
  scheme TEXT NOT NULL CHECK (scheme IN ('iso7064-mod37-36', 'none')),
  printer TEXT NOT NULL,
  campaign_id TEXT NOT NULL REFERENCES campaign (id)
) STRICT, WITHOUT ROWID;

-- sealed_at is our best time; device_sealed_at is what the device's own clock said.
CREATE TABLE tube (
  code TEXT PRIMARY KEY,
  campaign_id TEXT NOT NULL REFERENCES campaign (id),
  kind TEXT NOT NULL CHECK (kind IN ('single', 'mixed')),
  purpose TEXT NOT NULL CHECK (purpose IN ('screen', 'retest')),
  parent_pool TEXT NOT NULL,
  reserved_for TEXT NOT NULL,
  site_id TEXT NOT NULL,
  lane INTEGER NOT NULL,
  device_id TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  sealed_at BIGINT NOT NULL,
  device_sealed_at BIGINT NOT NULL,
  registered_at BIGINT NOT NULL,
  people INTEGER NOT NULL,
  in_conflict INTEGER NOT NULL,
  emptied_at BIGINT,
  state TEXT NOT NULL CHECK (state IN ('reserved', 'sealed', 'boxed', 'at-lab', 'final', 'closed'))
) STRICT;
CREATE INDEX tube_campaign ON tube (campaign_id, sealed_at);
CREATE INDEX tube_site ON tube (site_id, sealed_at);
CREATE INDEX tube_parent ON tube (parent_pool) WHERE parent_pool <> '';

CREATE TABLE tube_member (
  code TEXT NOT NULL,
  pos INTEGER NOT NULL CHECK (pos BETWEEN 1 AND 20),
  subject_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (code, pos),
  UNIQUE (code, subject_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tube_member_subject ON tube_member (subject_id, at);

-- What a device sent: its place in the chain and its hash, never its members.
CREATE TABLE tube_event (
  device_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  hash TEXT NOT NULL,
  code TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('stored', 'conflict', 'refused')),
  received_at BIGINT NOT NULL,
  PRIMARY KEY (device_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX tube_event_code ON tube_event (code);

-- The second manifest of a tube: kept beside the first until a person has decided, never over it.
CREATE TABLE tube_conflict (
  id TEXT PRIMARY KEY,
  code TEXT NOT NULL,
  device_id TEXT NOT NULL,
  sealed_at BIGINT NOT NULL,
  members TEXT NOT NULL,              -- subject ids, separated by one space
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  closed_by TEXT,
  verdict TEXT
) STRICT;
CREATE INDEX tube_conflict_code ON tube_conflict (code);

CREATE TABLE lab (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,          -- MSH-4, first component
  oid TEXT NOT NULL,                  -- MSH-4, second component; empty: any
  zone TEXT NOT NULL,                 -- IANA time zone of times without an offset
  charset TEXT NOT NULL,              -- empty: as MSH-18 says
  always_answer INTEGER NOT NULL,
  sends_controls INTEGER NOT NULL,
  run_minutes INTEGER NOT NULL,       -- no PCR run is shorter
  filler_is_tube INTEGER NOT NULL,    -- OBR-3 and ORC-3 may name the tube
  created_at BIGINT NOT NULL
) STRICT;

CREATE TABLE lab_prior (
  lab_id TEXT NOT NULL,
  analyte TEXT NOT NULL,
  purpose TEXT NOT NULL,
  a_milli BIGINT NOT NULL,            -- Beta(a, b) in thousandths
  b_milli BIGINT NOT NULL,
  computed_at BIGINT NOT NULL,
  PRIMARY KEY (lab_id, analyte, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE custody (
  id TEXT PRIMARY KEY,
  thing TEXT NOT NULL,                -- a tube code or a box code
  box TEXT NOT NULL,                  -- the box a tube lies in, or empty
  lab_id TEXT NOT NULL,               -- the laboratory that received it, or empty
  at BIGINT NOT NULL,
  by_id TEXT NOT NULL,
  recorded_at BIGINT NOT NULL
) STRICT;
CREATE INDEX custody_thing ON custody (thing, at);

-- sha256 covers the bytes as received; kept holds them without every personal field.
CREATE TABLE lab_message (
  msh3 TEXT NOT NULL,
  msh4 TEXT NOT NULL,
  msh10 TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  lab_id TEXT NOT NULL,
  tube TEXT NOT NULL,
  kept BLOB NOT NULL,
  named INTEGER NOT NULL,             -- the laboratory sent what looks like a name
  received_at BIGINT NOT NULL,
  PRIMARY KEY (msh3, msh4, msh10)
) STRICT;
CREATE INDEX lab_message_received ON lab_message (received_at);

CREATE TABLE lab_quarantine (
  id TEXT PRIMARY KEY,
  lab_id TEXT NOT NULL,
  control_id TEXT NOT NULL,
  code TEXT NOT NULL,                 -- HL7 table 0357
  field TEXT NOT NULL,
  why_en TEXT NOT NULL,
  why_zh TEXT NOT NULL,
  sha256 BLOB NOT NULL UNIQUE,
  kept BLOB,                          -- redacted, or sealed where it could not be read
  sealed_under TEXT NOT NULL,         -- mandate whose key seals it; empty: kept is redacted text
  received_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  resolved_at BIGINT,
  resolved_by TEXT
) STRICT;
CREATE INDEX lab_quarantine_open ON lab_quarantine (expires_at) WHERE resolved_at IS NULL;

-- The verdict on a message of which nothing else is kept.
CREATE TABLE lab_refusal (
  id TEXT PRIMARY KEY,
  lab_id TEXT NOT NULL,
  control_id TEXT NOT NULL,
  answer TEXT NOT NULL,
  code TEXT NOT NULL,
  field TEXT NOT NULL,
  received_at BIGINT NOT NULL
) STRICT;
CREATE INDEX lab_refusal_received ON lab_refusal (received_at);

-- Append-only: a correction is another row. content_key: tube, analyte, outcome, status, report time, laboratory.
-- One tree holds it all, by tube: a report touches one page, not one page an index.
CREATE TABLE result_version (
  code TEXT NOT NULL,
  analyte TEXT NOT NULL,
  content_key BLOB NOT NULL,
  id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('negative', 'positive', 'indeterminate', 'unusable', 'withdrawn')),
  sent_code TEXT NOT NULL,
  pooled_code INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('P', 'F', 'C', 'X', 'D')),
  lab_id TEXT NOT NULL,
  tested_at BIGINT,
  analysed_at BIGINT,
  reported_at BIGINT NOT NULL,
  message_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  ct_milli BIGINT,
  people INTEGER,                     -- SPM-13, if sent
  reject TEXT NOT NULL,               -- SPM-21, if sent
  run_id TEXT NOT NULL,
  PRIMARY KEY (code, analyte, content_key)
) STRICT, WITHOUT ROWID;

-- The fold of the versions; told_version is what the members were last told.
CREATE TABLE tube_state (
  code TEXT NOT NULL,
  analyte TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN (
    'no-result', 'waiting', 'held', 'negative', 'positive', 'indeterminate', 'unusable', 'closed'
  )),
  version_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  told_version TEXT NOT NULL,
  told_outcome TEXT NOT NULL,
  held_because TEXT NOT NULL,
  run_id TEXT NOT NULL,
  since_at BIGINT NOT NULL,
  PRIMARY KEY (code, analyte)
) STRICT, WITHOUT ROWID;
CREATE INDEX tube_state_waiting ON tube_state (run_id) WHERE state IN ('waiting', 'held');

CREATE TABLE run (
  id TEXT PRIMARY KEY,
  lab_id TEXT NOT NULL,
  analyte TEXT NOT NULL,
  purpose TEXT NOT NULL,
  run_key TEXT NOT NULL,              -- batch, CSV run or instrument; empty: the last 93 results or 30 minutes
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  waits_since BIGINT,                 -- since when something of this run waits
  n INTEGER NOT NULL,
  positives INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'suspect', 'held', 'released', 'rejected')),
  is_current INTEGER NOT NULL,        -- the one run of its key that new results go to
  uploader TEXT NOT NULL,
  reviewer TEXT,
  reviewed_at BIGINT
) STRICT;
CREATE UNIQUE INDEX run_current ON run (lab_id, analyte, purpose, run_key) WHERE is_current = 1;
CREATE INDEX run_first ON run (first_at);
CREATE INDEX run_waits ON run (waits_since) WHERE waits_since IS NOT NULL;

-- Work for the laboratory desk and the campaign desk.
CREATE TABLE testing_task (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  about TEXT NOT NULL,                -- tube code, laboratory, run or conflict id; never a person
  lab_id TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  closed_by TEXT,
  UNIQUE (kind, about)
) STRICT;
CREATE INDEX testing_task_open ON testing_task (opened_at) WHERE closed_at IS NULL;

-- What stays after the correction window: counts per site and quarter-hour.
CREATE TABLE site_count (
  site_id TEXT NOT NULL,
  slot15 BIGINT NOT NULL,
  tubes INTEGER NOT NULL,
  people INTEGER NOT NULL,
  PRIMARY KEY (site_id, slot15)
) STRICT, WITHOUT ROWID;
