"""Passes and health certificates: read, verify, issue."""
