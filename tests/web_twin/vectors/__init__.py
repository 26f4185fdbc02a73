"""Makes `tests/vectors/decide.json`: what gates decide, which lists they take, what rules come to."""
