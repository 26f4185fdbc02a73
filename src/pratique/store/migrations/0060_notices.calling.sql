-- Who was not reached, who is called before a time runs out, who of the family is told, which appeals the duty officer
-- knows of.

-- desk_at: when the desk looks at a notice next; NULL for never. reached_at: when a channel first reached its person.
ALTER TABLE notice ADD COLUMN desk_at BIGINT;
ALTER TABLE notice ADD COLUMN reached_at BIGINT;
CREATE INDEX notice_desk ON notice (desk_at) WHERE desk_at IS NOT NULL;

-- Why somebody is called, where the kind of the case does not say it.
ALTER TABLE desk_case ADD COLUMN why TEXT NOT NULL DEFAULT '' CHECK (why IN ('', 'unreached', 'near', 'family'));

-- By when somebody whom the person names is told of an order, and what became of it. Who that is, is kept nowhere.
ALTER TABLE care_order ADD COLUMN family_by BIGINT NOT NULL DEFAULT 0;
CREATE TABLE order_family (
  notice_id TEXT PRIMARY KEY,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('told', 'not-wished')),
  said_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX order_family_subject ON order_family (subject_id);
CREATE INDEX order_family_mandate ON order_family (mandate_id);

-- How far the duty officer was told that an appeal waits: the escalation of which a message was planned.
ALTER TABLE appeal ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
UPDATE appeal SET told = escalated;
CREATE INDEX appeal_untold ON appeal (next_at) WHERE state = 'open' AND escalated > told;
