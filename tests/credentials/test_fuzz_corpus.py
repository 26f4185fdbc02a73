"""Every input that was once worth keeping, and a small run of new ones, through every decoder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.__main__ import judged
from fuzz.kept import kept
from fuzz.targets import BY_NAME, TARGETS


def test_it_works() -> None:
    for target in TARGETS:
        for raw in target.seeds:
            assert judged(target, raw) is None, target.name


def test_what_was_found_once_stays_mended() -> None:
    for name, raw in kept():
        assert judged(BY_NAME[name], raw) is None, (name, raw)


def test_a_fault_would_be_seen() -> None:
    def run(raw: bytes) -> object:
        return raw[7]

    assert judged(TARGETS[0]._replace(run=run), b"") == "IndexError: index out of range"


@pytest.mark.parametrize("seed", [1])
def test_a_small_run(seed: int) -> None:
    """The loop itself, as `make fuzz` runs it."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "fuzz", "--inputs", "6000", "--seed", str(seed)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )

    assert done.returncode == 0, done.stdout + done.stderr
