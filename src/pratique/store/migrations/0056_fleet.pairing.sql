-- A gate goes live once a person saw the same words on its screen and in the console. `pairing` chooses the words.
ALTER TABLE gate ADD COLUMN pairing BLOB;
ALTER TABLE gate ADD COLUMN confirmed_at BIGINT;
UPDATE gate SET confirmed_at = enrolled_at;
CREATE INDEX gate_unconfirmed ON gate (enrolled_at) WHERE confirmed_at IS NULL;
