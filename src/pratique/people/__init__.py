"""Subjects, sealed contact cards, and who looked at them."""
