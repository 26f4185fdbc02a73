"""`make conformance`: score the published test data in ../shared/data, one row a source.

Each runner module offers `run(data) -> (source, passed, failed, skipped, first failures)`. Exits 1 if anything
failed; says plainly that it scored nothing where the data is absent.
"""

import argparse
import importlib
import sys
import time
from pathlib import Path

RUNNERS = {
    "credentials": "creds",
    "policy": "creds",
    "lab": "testing",
    "lab_scenarios": "testing",
    "log": "signals/tlog",
    "twin": "creds",
}
DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> int:
    """Run all, or those named, and print the table."""
    reader = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    reader.add_argument("runner", nargs="*", choices=[[], *RUNNERS], default=[])
    reader.add_argument("--data", type=Path, default=DEFAULT)
    asked = reader.parse_args()
    if not asked.data.is_dir():
        print(f"no conformance data at {asked.data}: nothing was scored")
        return 0
    passed = failed = 0
    for name in asked.runner or RUNNERS:
        if not (asked.data / RUNNERS[name]).is_dir():
            print(f"{name}: no data at {RUNNERS[name]}, not scored")
            continue
        start = time.monotonic()
        for source, good, bad, skipped, failures in importlib.import_module(f"conformance.{name}").run(
            asked.data
        ):
            print(f"{name:14} {source:38} {good:6} passed {bad:4} failed {skipped:4} skipped", flush=True)
            for line in failures[:5]:
                print(f"    {line}")
            passed, failed = passed + good, failed + bad
        print(f"{name:14} took {time.monotonic() - start:.1f} s")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
