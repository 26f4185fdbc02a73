-- A release writes ten passes a tube, so what is written a pass counts: one tree for what waits for a wallet, where three
-- stood; a pass is found by its place in a status list, which is its own for ever, and no second time by its id.
CREATE TABLE pass_outbox_narrow (
  subject_id TEXT NOT NULL,
  issuance_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  credential BLOB NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (subject_id, issuance_id)
) STRICT, WITHOUT ROWID;
INSERT INTO pass_outbox_narrow (subject_id, issuance_id, mandate_id, credential, issued_at, expires_at)
  SELECT subject_id, issuance_id, mandate_id, credential, issued_at, expires_at FROM pass_outbox;
DROP TABLE pass_outbox;
ALTER TABLE pass_outbox_narrow RENAME TO pass_outbox;

CREATE TABLE issuance_narrow (
  id TEXT NOT NULL,
  kind TEXT NOT NULL,                 -- PQ1, HC1, SHC, PAPER
  kid BLOB NOT NULL,
  mandate_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  pass_class INTEGER NOT NULL,        -- 0 where the credential is not a pass
  status_list INTEGER NOT NULL,
  status_index INTEGER NOT NULL,
  batch_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  PRIMARY KEY (status_list, status_index)
) STRICT;
INSERT INTO issuance_narrow (id, kind, kid, mandate_id, subject_id, pass_class, status_list, status_index, batch_id,
    issued_at, expires_at, revoked_at)
  SELECT id, kind, kid, mandate_id, subject_id, pass_class, status_list, status_index, batch_id, issued_at, expires_at,
    revoked_at FROM issuance;
DROP TABLE issuance;
ALTER TABLE issuance_narrow RENAME TO issuance;
CREATE INDEX issuance_subject ON issuance (subject_id, expires_at);
CREATE INDEX issuance_kid ON issuance (kid, issued_at);
