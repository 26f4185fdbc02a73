"""Lawful copies: two people, a purpose, an end, and a mark in every row that names the receiver of a leak."""
