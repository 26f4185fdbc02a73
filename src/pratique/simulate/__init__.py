"""A district's testing day replayed against a running server over its real doors, with a ledger that must balance."""
