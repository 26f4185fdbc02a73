"""Campaigns, sites, tubes, laboratories, results."""
