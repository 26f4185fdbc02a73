-- Policies, evidence, decisions and the facts they stand on.

-- A published rule set. `body` is the document as it was published, byte for byte; the number only grows.
CREATE TABLE policy (
    number INTEGER NOT NULL PRIMARY KEY,
    mandate_id TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    engine_version TEXT NOT NULL,
    hash TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX policy_by_time ON policy (from_at, to_at);
CREATE INDEX policy_by_mandate ON policy (mandate_id);

-- One version of a rule has one content for ever; a change is a new version.
CREATE TABLE policy_rule (
    identifier TEXT NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    first_policy INTEGER NOT NULL,
    PRIMARY KEY (identifier, version)
) STRICT, WITHOUT ROWID;

-- The three tables below keep rows in the order they came (no WITHOUT ROWID): their keys are random and their bodies
-- long. What a mandate's end or a forgotten subject leaves is found by a scan, once.

-- What is known about a subject. Kind, outcome, analyte and source are health facts: sealed in `body`.
CREATE TABLE evidence (
    id TEXT NOT NULL PRIMARY KEY,
    subject_id TEXT NOT NULL,
    mandate_id TEXT NOT NULL,
    ref TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    withdrawn_at BIGINT,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX evidence_by_subject ON evidence (subject_id);

-- One current decision a subject; older ones stay as an appeal needs them.
-- Reasons, facts and texts are sealed in the facts row; here stands what sweeps and gates need.
CREATE TABLE decision (
    id TEXT NOT NULL PRIMARY KEY,
    subject_id TEXT NOT NULL,
    mandate_id TEXT NOT NULL,
    policy_number INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('clear', 'conditions', 'hold')),
    facts_row_id TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    is_current INTEGER NOT NULL CHECK (is_current IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX decision_current ON decision (subject_id) WHERE is_current = 1;
CREATE INDEX decision_due ON decision (valid_until) WHERE is_current = 1;

-- Exactly what a decision read, written once with it. The hash is over the sealed plain bytes, which carry
-- 16 random bytes, so that nobody can guess the facts from it.
CREATE TABLE facts_row (
    id TEXT NOT NULL PRIMARY KEY,
    decision_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    mandate_id TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    hash TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- A city-wide change is worked off by subject range; this is where it stands, so that a restart goes on.
CREATE TABLE policy_sweep (
    policy_number INTEGER NOT NULL PRIMARY KEY,
    mandate_id TEXT NOT NULL,
    after_subject TEXT NOT NULL,
    done INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
) STRICT, WITHOUT ROWID;
