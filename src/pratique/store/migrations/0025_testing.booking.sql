-- Booking: areas, 15-minute windows, tickets, the lottery, and how long the lines are.
-- No table here knows a person. A ticket carries `mark`, a keyed digest of person, campaign and day under the secret of
-- the mandate: it says "this person has a place already" and leads from nobody to anywhere. Tickets and wishes are
-- deleted after the day of their window (booking.service.sweep); counts stay.

CREATE TABLE booking_area (
  id TEXT PRIMARY KEY,
  campaign_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  name_en TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  made_at BIGINT NOT NULL
) STRICT;
CREATE INDEX booking_area_campaign ON booking_area (campaign_id);

-- Where one is sampled: a site, or the team of an area that comes to people's homes.
CREATE TABLE booking_place (
  id TEXT PRIMARY KEY,                -- the site's id; for a team an id of its own
  area_id TEXT NOT NULL REFERENCES booking_area (id),
  kind TEXT NOT NULL CHECK (kind IN ('site', 'home')),
  name_en TEXT NOT NULL,
  name_zh TEXT NOT NULL,
  per_hour INTEGER NOT NULL CHECK (per_hour > 0),   -- people all its lanes take in an hour
  expected INTEGER NOT NULL CHECK (expected >= 0)   -- people expected over the day, booked or not
) STRICT;
CREATE INDEX booking_place_area ON booking_place (area_id);

-- The lottery: wishes entered while it is open are equal. The digest of the seed is shown before, the seed after.
CREATE TABLE booking_release (
  id TEXT PRIMARY KEY,
  campaign_id TEXT NOT NULL,
  opens_at BIGINT NOT NULL,
  closes_at BIGINT NOT NULL CHECK (closes_at > opens_at),
  seed BLOB NOT NULL,
  drawn_at BIGINT
) STRICT;
CREATE INDEX booking_release_campaign ON booking_release (campaign_id, opens_at);
CREATE INDEX booking_release_due ON booking_release (closes_at) WHERE drawn_at IS NULL;

-- The database refuses more tickets than places, whatever the program above it does.
CREATE TABLE booking_slot (
  id TEXT PRIMARY KEY,
  place_id TEXT NOT NULL REFERENCES booking_place (id),
  start_at BIGINT NOT NULL CHECK (start_at % 900000 = 0),
  forget_at BIGINT NOT NULL CHECK (forget_at > start_at),
  capacity INTEGER NOT NULL CHECK (capacity >= 0),
  booked INTEGER NOT NULL CHECK (booked BETWEEN 0 AND capacity),
  release_id TEXT NOT NULL,           -- empty: free to book at once
  UNIQUE (place_id, start_at)
) STRICT;
CREATE INDEX booking_slot_start ON booking_slot (start_at);
CREATE INDEX booking_slot_forget ON booking_slot (forget_at);

CREATE TABLE booking_ticket (
  mark BLOB PRIMARY KEY,              -- one place per person, purpose and day
  id TEXT NOT NULL UNIQUE,
  slot_id TEXT NOT NULL REFERENCES booking_slot (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('screen', 'retest'))
) STRICT;
CREATE INDEX booking_ticket_slot ON booking_ticket (slot_id);

CREATE TABLE booking_wish (
  release_id TEXT NOT NULL REFERENCES booking_release (id),
  mark BLOB NOT NULL,
  choices TEXT NOT NULL,              -- slot ids in order of preference, separated by one space
  PRIMARY KEY (release_id, mark)
) STRICT;

-- How many people stand in line, as a site's device says, and what it still has to send. Counts only.
CREATE TABLE booking_line (
  device_id TEXT PRIMARY KEY,
  site_id TEXT NOT NULL,
  waiting INTEGER NOT NULL CHECK (waiting >= 0),
  unsent INTEGER NOT NULL CHECK (unsent >= 0),
  device_at BIGINT NOT NULL,
  said_at BIGINT NOT NULL
) STRICT;
CREATE INDEX booking_line_site ON booking_line (site_id);
