-- Phones of sites that are lost or dead: copies of their tubes are taken whatever is missing between them.
CREATE TABLE device_lost (
  device_id TEXT PRIMARY KEY,
  by_id TEXT NOT NULL,
  at BIGINT NOT NULL
) STRICT;
