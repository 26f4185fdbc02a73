-- How a person wants to be told that there is news: a push address or their own phone, both sealed. Guarded by law 1.
CREATE TABLE channel (
  id TEXT PRIMARY KEY,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('push', 'sms')),
  made_at BIGINT NOT NULL,
  digest BLOB NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (subject_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_mandate ON channel (mandate_id);

-- What waits to be sent: that there is news, or that a time is near; never what about. Gone once it is sent.
CREATE TABLE message (
  channel_id TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('news', 'reminder')),
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  notice_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (channel_id, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_due ON message (due_at);
CREATE INDEX message_subject ON message (subject_id);
CREATE INDEX message_mandate ON message (mandate_id);
