"""Pratique: epidemic response that explains itself, ends by itself and forgets."""
