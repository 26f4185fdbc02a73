-- Evidence is written for every person of a tube, and only ever looked for by person: one index where two stood.
CREATE TABLE evidence_narrow (
    id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    mandate_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    body BLOB NOT NULL,
    PRIMARY KEY (subject_id, id)
) STRICT;
INSERT INTO evidence_narrow (id, subject_id, mandate_id, ref, recorded_at, withdrawn_at, body)
  SELECT id, subject_id, mandate_id, ref, recorded_at, withdrawn_at, body FROM evidence;
DROP TABLE evidence;
ALTER TABLE evidence_narrow RENAME TO evidence;
