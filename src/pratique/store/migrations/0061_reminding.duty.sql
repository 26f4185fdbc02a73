-- What waits to be said to the duty officer: that an appeal has used up half, or four fifths, of its time. No name, no
-- reason, no number: whom to call is a setting.
CREATE TABLE duty_message (
  appeal_id TEXT NOT NULL,
  level INTEGER NOT NULL CHECK (level IN (1, 2)),
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  ends_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (appeal_id, level)
) STRICT, WITHOUT ROWID;
CREATE INDEX duty_message_due ON duty_message (due_at);
CREATE INDEX duty_message_subject ON duty_message (subject_id);
CREATE INDEX duty_message_mandate ON duty_message (mandate_id);
