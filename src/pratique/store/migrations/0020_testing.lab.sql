-- Room testing, laboratories: how one is known over HTTP, what it says of its runs, what adds up per day, where tubes are.
-- Nothing here is about a person: codes of tubes, names of laboratories, counts.

-- A laboratory's key for the HTTP door; only its digest is kept.
CREATE TABLE lab_key (
  key_hash BLOB PRIMARY KEY,
  lab_id TEXT NOT NULL REFERENCES lab (id),
  made_at BIGINT NOT NULL,
  ended_at BIGINT
) STRICT;

-- What a laboratory says of one run: tubes in it, wells of the instrument's file, whether its controls were right.
CREATE TABLE lab_manifest (
  lab_id TEXT NOT NULL,
  day TEXT NOT NULL,                  -- YYYY-MM-DD in the laboratory's zone
  run TEXT NOT NULL,                  -- as in BHS-11, CSV `run` or OBX-18
  tubes INTEGER NOT NULL,
  wells INTEGER NOT NULL,
  controls INTEGER NOT NULL,          -- 1: all right
  sent_at BIGINT NOT NULL,
  by_id TEXT NOT NULL,
  PRIMARY KEY (lab_id, day, run)
) STRICT, WITHOUT ROWID;

-- The balance of one laboratory and day, counted again while it can still change.
CREATE TABLE lab_day (
  lab_id TEXT NOT NULL,
  day TEXT NOT NULL,
  received INTEGER NOT NULL,          -- tubes we saw scanned in
  run INTEGER NOT NULL,               -- tubes in the manifests of that day
  wells INTEGER NOT NULL,
  reported INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  overdue INTEGER NOT NULL,           -- pending for longer than a day
  due INTEGER NOT NULL,               -- received longer than a day ago
  positives INTEGER NOT NULL,
  ct_without_call INTEGER NOT NULL,
  same_ct INTEGER NOT NULL,           -- tubes that share both Ct values with another tube of the day
  computed_at BIGINT NOT NULL,
  PRIMARY KEY (lab_id, day)
) STRICT, WITHOUT ROWID;

-- A repeat under a new key is no new version. Where it was sent earlier than the one that came first, its times and
-- count are the version's, so that the order of arrival means nothing.
CREATE TABLE result_first_sent (
  code TEXT NOT NULL,
  analyte TEXT NOT NULL,
  content_key BLOB NOT NULL,
  message_at BIGINT NOT NULL,
  people INTEGER,
  tested_at BIGINT,
  analysed_at BIGINT,
  PRIMARY KEY (code, analyte, content_key)
) STRICT, WITHOUT ROWID;

-- When this deployment last showed that it works; a gap is an outage, and everybody gets the time back.
CREATE TABLE testing_beat (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  at BIGINT NOT NULL
) STRICT;

ALTER TABLE lab ADD COLUMN tubes_a_day INTEGER NOT NULL DEFAULT 0;

CREATE INDEX custody_box ON custody (box) WHERE box <> '';
CREATE INDEX custody_lab ON custody (lab_id, at) WHERE lab_id <> '';
CREATE INDEX tube_on_its_way ON tube (sealed_at) WHERE state IN ('sealed', 'boxed', 'at-lab');
CREATE INDEX tube_reserved ON tube (reserved_for) WHERE state = 'reserved';

ALTER TABLE result_version ADD COLUMN ct2_milli BIGINT;
