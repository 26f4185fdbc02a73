-- The areas of this deployment, by the codes that mandates name. Reach, cases and mandates name no other (guards.py).
CREATE TABLE area (
  code TEXT PRIMARY KEY CHECK (code <> ''),
  name_en TEXT NOT NULL CHECK (name_en <> ''),
  name_zh TEXT NOT NULL CHECK (name_zh <> ''),
  added_at BIGINT NOT NULL
) STRICT, WITHOUT ROWID;
