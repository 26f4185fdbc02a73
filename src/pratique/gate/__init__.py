"""The terminal at the door: scan, decide, journal, open. Installs without the server."""
