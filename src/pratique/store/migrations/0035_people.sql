-- How staff prove who they are, how far they reach, and what happens when somebody must look at once.

-- Nothing is reached without a row here (people/scope.py); `what` names the area, campaign or site.
CREATE TABLE staff_grant (
  staff_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('area', 'campaign', 'site')),
  what TEXT NOT NULL,
  granted_at BIGINT NOT NULL,
  granted_by TEXT NOT NULL,
  ends_at BIGINT,
  PRIMARY KEY (staff_id, kind, what)
) STRICT, WITHOUT ROWID;

-- Public keys only (W3C Web Authentication). `sign_count` never goes back where the device counts.
CREATE TABLE staff_passkey (
  credential_id BLOB PRIMARY KEY,
  staff_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  sign_count BIGINT NOT NULL,
  added_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_passkey_of ON staff_passkey (staff_id);

-- An account at the house's sign-in provider (OpenID Connect), known by its issuer and subject, never by e-mail.
CREATE TABLE staff_identity (
  issuer TEXT NOT NULL,
  provider_subject TEXT NOT NULL,
  staff_id TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, provider_subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_identity_of ON staff_identity (staff_id);

-- A question asked of a browser, answered once: the row goes with the answer.
CREATE TABLE staff_challenge (
  challenge_hash BLOB PRIMARY KEY,
  ceremony TEXT NOT NULL CHECK (ceremony IN ('register', 'sign-in', 'step-up', 'provider')),
  staff_id TEXT NOT NULL,
  session_hash BLOB,
  note TEXT NOT NULL DEFAULT '',
  ends_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_challenge_ends ON staff_challenge (ends_at);

-- A session from an invitation registers the first passkey and does nothing else (`newcomer`).
ALTER TABLE staff_session ADD COLUMN newcomer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staff_session ADD COLUMN asserted_at BIGINT NOT NULL DEFAULT 0;
-- An invitation of a demonstration opens a whole session; a real one never does.
ALTER TABLE staff_invite ADD COLUMN trial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN locked_at BIGINT;

-- One person's card opened without a task: told to the person, reviewed within a day, or the account is locked.
CREATE TABLE break_glass (
  id TEXT PRIMARY KEY,
  staff_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  sealed_text BLOB NOT NULL,
  from_at BIGINT NOT NULL,
  to_at BIGINT NOT NULL,
  review_due_at BIGINT NOT NULL,
  reviewed_at BIGINT,
  reviewed_by TEXT,
  outcome TEXT CHECK (outcome IN ('in order', 'not in order')),
  CHECK (reviewed_by IS NULL OR reviewed_by <> staff_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX break_glass_due ON break_glass (review_due_at) WHERE reviewed_at IS NULL;
CREATE INDEX break_glass_subject ON break_glass (subject_id);
