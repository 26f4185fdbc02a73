"""Passes and health certificates: read, verify, issue. Usable as a library, without server, database or network.

    from pratique.credentials import read_trust, verify

    outcome = verify(text, now, read_trust(path))

What is named here is the public face. Only pure files are imported (a test holds that): whoever imports this package
gets no clock, no SQL and no web server. Nothing here keeps state; every refusal is a `CredentialError`.
"""

from pratique.credentials.model import Outcome, Stages
from pratique.credentials.reasons import REASONS, CredentialError, Reason, reason
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.trust import make_bundle, read_bundle, read_trust
from pratique.credentials.verify import verify

__all__ = [
    "REASONS",
    "Bundle",
    "CredentialError",
    "KeyEntry",
    "Outcome",
    "Reason",
    "Snapshot",
    "Stages",
    "StatusEntry",
    "make_bundle",
    "read_bundle",
    "read_trust",
    "reason",
    "verify",
]
