-- A mirror is kept in one folder by one name, and both sides count how often it was brought level: a database that was
-- restored, or a folder that is gone or of another machine, is noticed and the mirror made anew. `width`: how many
-- characters of a subject's random id say in which part it stands.
ALTER TABLE policy_mirror ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE policy_mirror ADD COLUMN level BIGINT NOT NULL DEFAULT 0;
ALTER TABLE policy_mirror ADD COLUMN width INTEGER NOT NULL DEFAULT 2;

-- 0: only the decision changed, which stands unsealed; no evidence has to be opened to take that in.
ALTER TABLE policy_outbox ADD COLUMN evidence INTEGER NOT NULL DEFAULT 1;
