-- A new policy reaches gates in steps: while one comes in there are two snapshots, and this says who gets which.

-- 1: with the new policy, for the gates of `gate_early`; 0: for all others, and for everybody when nothing comes in.
ALTER TABLE gate_snapshot ADD COLUMN early INTEGER NOT NULL DEFAULT 0;

-- The policy that is coming in, and the one that gates have until it reaches them (null: none). One row at most.
CREATE TABLE gate_cascade (
  policy_number BIGINT PRIMARY KEY,
  before_number BIGINT
) STRICT;

CREATE TABLE gate_early (
  gate_id TEXT PRIMARY KEY REFERENCES gate (id)
) STRICT;
