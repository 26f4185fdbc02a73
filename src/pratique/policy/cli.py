"""`pratique policy …`: run the published suites, test rule sets, publish.

Thin: reads files, prints, returns the exit code of the house (0 yes, 1 no, 2 called wrongly). A refusal is raised for
the one handler above all commands.
"""

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from pratique.core.moment import Moment, rfc3339
from pratique.policy import service, suites
from pratique.policy.engines import ENGINES
from pratique.settings import read_settings
from pratique.store.store import open_store

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


@policy.command
def publish(file: Path, /, *, mandate: str) -> int:
    """Check a rule set and publish it as the next policy, under a mandate that allows restrictions.

    Prints one JSON line {"number","hash","from","to","mandate_id"}. Refuses with the first failed check.

    Parameters
    ----------
    file
        The rule set, each rule with its house block and its tests.
    mandate
        The id of a mandate in force.
    """
    try:
        raw = file.read_bytes()
    except OSError as fault:
        return _called_wrongly(f"{file}: cannot be read ({fault.strerror}); check the name")
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings.database_url, settings.home)
    try:
        moment = Moment(datetime.now(UTC), secrets.token_bytes)  # noqa: TID251 - a command's moment is now
        made = store.write(lambda tx: service.publish_policy(tx, moment, raw, mandate))
    finally:
        store.close()
    told = {"number": made.number, "hash": made.hash, "mandate_id": made.mandate_id}
    told |= {"from": rfc3339(made.from_at), "to": rfc3339(made.to_at)}
    print(msgspec.json.encode(told).decode())
    return 0


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
