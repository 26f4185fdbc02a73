-- A mirror of everybody's evidence as columns is kept outside of the database, for sweeps; these tables feed it.
-- While no mirror is kept, nothing is queued.

CREATE TABLE policy_mirror (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    since BIGINT NOT NULL
) STRICT;

-- Subjects whose evidence or decision changed since the mirror last looked. `changes` grows with each change, so that
-- what changed while the mirror was looking stays queued.
CREATE TABLE policy_outbox (
    subject_id TEXT NOT NULL PRIMARY KEY,
    changes BIGINT NOT NULL
) STRICT, WITHOUT ROWID;

-- Parts of the mirror to be made anew from what stands: how they begin, no subject. So is a forgotten subject left out.
CREATE TABLE policy_mirror_part (
    part TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
