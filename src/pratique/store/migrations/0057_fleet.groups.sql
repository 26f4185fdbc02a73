-- Gates in groups with a wanted configuration, and what the console reads of a hundred thousand of them at once.

-- What the gates of a group shall do; each change is a new version, which goes out with the next snapshot.
CREATE TABLE gate_group (
  id TEXT PRIMARY KEY,
  name_en TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  version BIGINT NOT NULL,
  accepts TEXT NOT NULL,                      -- classes of what is shown, separated by spaces: pass hcert shc
  paper INTEGER NOT NULL,                     -- 0: passes without a device are refused here
  channel TEXT NOT NULL CHECK (channel IN ('steady', 'early')),
  changed_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL
) STRICT;

ALTER TABLE gate ADD COLUMN group_id TEXT NOT NULL DEFAULT '';
ALTER TABLE gate ADD COLUMN config BIGINT NOT NULL DEFAULT 0;    -- the version it last said it works by
ALTER TABLE gate ADD COLUMN software TEXT NOT NULL DEFAULT '';
CREATE INDEX gate_overview ON gate (group_id, state, confirmed_at, last_seen_at, config, snapshot, software);
CREATE INDEX gate_by_place ON gate (place_en, id);
CREATE INDEX gate_alarm_standing ON gate_alarm (kind, gate_id) WHERE last_slot IS NULL;

-- People per quarter of an hour over all gates of a group, added up as counts come in.
CREATE TABLE slot_flow (
  slot15 BIGINT NOT NULL,
  mandate_id TEXT NOT NULL,
  group_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  n BIGINT NOT NULL CHECK (n >= 0),
  PRIMARY KEY (slot15, mandate_id, group_id, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO slot_flow (slot15, mandate_id, group_id, outcome, n)
  SELECT slot_count.slot15, gate.mandate_id, '', slot_count.outcome, sum(slot_count.n)
  FROM slot_count JOIN gate ON gate.id = slot_count.gate_id
  GROUP BY slot_count.slot15, gate.mandate_id, slot_count.outcome;

-- One action on many gates, carried out part by part. `after_*`: the last gate that was looked at.
CREATE TABLE gate_bulk (
  id TEXT PRIMARY KEY,
  action TEXT NOT NULL CHECK (action IN ('move', 'end')),
  argument TEXT NOT NULL,
  chosen TEXT NOT NULL,                       -- JSON: the search it acts on
  total BIGINT NOT NULL,
  done BIGINT NOT NULL,
  after_place TEXT NOT NULL,
  after_id TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  finished_at BIGINT
) STRICT;
CREATE INDEX gate_by_snapshot ON gate (snapshot) WHERE state = 'up' AND confirmed_at IS NOT NULL;
CREATE INDEX gate_by_software ON gate (software) WHERE state = 'up' AND confirmed_at IS NOT NULL;
