-- What one person wants done with a message in quarantine, and why; a second person confirms it.
ALTER TABLE lab_quarantine ADD COLUMN asked TEXT NOT NULL DEFAULT '';
ALTER TABLE lab_quarantine ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE lab_quarantine ADD COLUMN asked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE lab_quarantine ADD COLUMN asked_at BIGINT;
