"""`pratique policy …`: run the published suites, test rule sets, publish.

Thin: reads files, prints, returns the exit code of the house (0 yes, 1 no, 2 called wrongly).
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from pratique.policy import suites
from pratique.policy.engines import ENGINES

policy = App(name="policy", help="CertLogic rules: run the suites, test rule sets, publish a policy.")
Files = Annotated[list[Path], Parameter(negative="", consume_multiple=True)]
EngineName = Literal["interpret", "columns", "both"]
MOST_FAILURES = 50


@policy.command
def certlogic(files: Files, /, *, engine: EngineName = "both") -> int:
    """Run CertLogic suite files (evaluation and validation) or folders of them.

    Prints each failure and a last JSON line {"passed","failed","skipped"}.

    Parameters
    ----------
    files
        Suite files or folders.
    engine
        interpret, columns, or both compared value for value and fault for fault.
    """
    return _score(files, engine)


@policy.command(name="test")
def rules(files: Files, /, *, engine: EngineName = "both") -> int:
    """Run the payload tests of rule sets: `{country, rules, valueSets, tests}` files or folders of rule and test files.

    Prints each failure and a last JSON line {"passed","failed","skipped"}.

    Parameters
    ----------
    files
        Rule set files or folders.
    engine
        interpret, columns, or both compared value for value and fault for fault.
    """
    return _score(files, engine)


def _score(files: list[Path], engine: EngineName) -> int:
    if not files:
        return _called_wrongly("no file was named; name suite or rule files, or folders of them")
    passed = failed = skipped = 0
    for path in files:
        try:
            scores = suites.run(suites.read_cases(path), ENGINES[engine])
        except FileNotFoundError:
            return _called_wrongly(f"{path}: there is no such file; check the name")
        except OSError as fault:
            return _called_wrongly(f"{path}: cannot be read ({fault.strerror}); check the file")
        except suites.Unreadable as fault:
            print(f"{fault}; mend the file", file=sys.stderr)
            return 1
        for score in scores.values():
            for line in score.failures[: max(0, MOST_FAILURES - failed)]:
                print(line)
            passed, failed, skipped = passed + score.passed, failed + score.failed, skipped + score.skipped
    print(msgspec.json.encode({"passed": passed, "failed": failed, "skipped": skipped}).decode())
    return int(failed > 0)


def _called_wrongly(told: str) -> int:
    print(told, file=sys.stderr)
    return 2
