"""The same targets under atheris, which keeps what reaches new lines: `python -m fuzz.guided -runs=N [folder]`.

The first byte of an input chooses the target; the rest is its input. A fault ends the run and is written to a file.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pratique"]):
    from fuzz.__main__ import judged
    from fuzz.kept import found
    from fuzz.targets import TARGETS

_QUICK = tuple(target for target in TARGETS if target.name != "picture")


def one(raw: bytes) -> None:
    """Run one input; raise where it fails."""
    if not raw:
        return
    target = _QUICK[raw[0] % len(_QUICK)]
    wrong = judged(target, raw[1:])
    if wrong:
        raise AssertionError(f"{target.name}: {wrong}: {raw[1:].hex()}")


def main() -> None:
    """Write the seeds into the folder that libFuzzer grows, and run."""
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    for folder in folders[:1]:
        folder.mkdir(parents=True, exist_ok=True)
        for place, target in enumerate(_QUICK):
            for number, seed in enumerate((*target.seeds[:40], *found(target.name))):
                (folder / f"seed-{place}-{number}").write_bytes(bytes([place]) + seed)
    atheris.Setup([*sys.argv, "-max_len=8192", "-timeout=5", "-rss_limit_mb=2048"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
