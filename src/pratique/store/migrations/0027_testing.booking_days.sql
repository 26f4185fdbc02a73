-- On which days tickets may stand: a handful of rows, so that nobody has to look through every window for them.
CREATE TABLE booking_day (
  campaign_id TEXT NOT NULL,
  forget_at BIGINT NOT NULL,
  mandate_id TEXT NOT NULL,
  PRIMARY KEY (campaign_id, forget_at)
) STRICT, WITHOUT ROWID;
INSERT INTO booking_day (campaign_id, forget_at, mandate_id)
  SELECT DISTINCT a.campaign_id, s.forget_at, a.mandate_id FROM booking_slot s
  JOIN booking_place p ON p.id = s.place_id JOIN booking_area a ON a.id = p.area_id;
