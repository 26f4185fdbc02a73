"""CertLogic's two suites and the rule sets of eight countries, on each engine of the room."""

from collections.abc import Iterable
from pathlib import Path

from pratique.policy.engines import ENGINES
from pratique.policy.suites import read_cases
from pratique.policy.suites import run as run_cases


def run(data: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """One row a source and engine: (source, passed, failed, skipped, failures)."""
    for engine in ("interpret", "both"):
        for part in ("certlogic/testSuite", "certlogic/validation-testSuite", "rules"):
            scores = run_cases(read_cases(data / "creds" / part), ENGINES[engine]).values()
            yield (
                f"{part} ({engine})",
                sum(score.passed for score in scores),
                sum(score.failed for score in scores),
                sum(score.skipped for score in scores),
                [line for score in scores for line in score.failures],
            )
