"""Booking: areas, 15-minute windows, how long the lines are, the lottery, single tests after a positive pool."""
