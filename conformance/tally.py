"""Counting for runners: one row a source."""


class Tally:
    """Passed, failed and skipped of one source, with a line for each failure."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.passed = self.skipped = 0
        self.failures: list[str] = []

    def check(self, name: str, expected: object, found: object) -> None:
        """Count one comparison."""
        if found == expected:
            self.passed += 1
        else:
            self.failures.append(f"{name}: expected {expected!r}, found {found!r}"[:300])

    def row(self) -> tuple[str, int, int, int, list[str]]:
        """As `run` yields it."""
        return self.source, self.passed, len(self.failures), self.skipped, self.failures
