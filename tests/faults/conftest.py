"""A small disk that can really be full."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """`disk_of(n)` mounts a file system of n MiB of its own; needs root, which the test machine has."""
    mounted: list[Path] = []

    def mount(mebibytes: int) -> Path:
        if os.getuid() != 0:
            pytest.skip("mounting a small file system needs root")
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", place],
            capture_output=True,
            check=False,
        )
        if made.returncode != 0:
            pytest.skip("this machine does not let root mount a tmpfs")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def small_disk(disk_of: Callable[[int], Path]) -> Path:
    """Two mebibytes."""
    return disk_of(2)
