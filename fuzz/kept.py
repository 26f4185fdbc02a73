"""Inputs worth keeping: each once failed, or leads where no seed leads."""

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "corpus" / "found.jsonl"


@cache
def kept() -> tuple[tuple[str, bytes], ...]:
    """Every kept input with its target."""
    if not FILE.exists():
        return ()
    rows = (json.loads(line) for line in FILE.read_text(encoding="ascii").splitlines())
    return tuple((row["target"], bytes.fromhex(row["hex"])) for row in rows)


def found(target: str) -> tuple[bytes, ...]:
    """The kept inputs of one target."""
    return tuple(raw for name, raw in kept() if name == target)
