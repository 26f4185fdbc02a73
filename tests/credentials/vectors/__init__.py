"""Makes `tests/vectors/credentials.json`, the cases that every verifier of the house is held to."""
