-- Since when a site is closed, and who closed it: everybody's deadline in the campaign stands still meanwhile.
ALTER TABLE site ADD COLUMN closed_at BIGINT;
ALTER TABLE site ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
