"""`pratique policy …`: run the published suites and rule sets, and a city on a cluster. What needs a deployment stands
in `rollout/cli.py`.

Thin: reads files, prints, returns the exit code of the house (0 yes, 1 no, 2 called wrongly).
"""

import contextlib
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.policy import suites
from pratique.policy.engines import ENGINES
from pratique.policy.ruleset import read_rule_set

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
def city(
    source: Path,
    target: Path,
    /,
    *,
    rules: Path,
    at: str,
    master: str = "",
) -> int:
    """Decide a city in Parquet parts, part by part; a run that was killed goes on where it was.

    Prints one JSON line {"people", "seconds"}. The types of the columns: see docs/policy.md.

    Parameters
    ----------
    source
        A folder of parts.
    target
        The folder of what is decided: outcome, failing, open, until.
    rules
        The rule set.
    at
        The clock, RFC 3339.
    master
        A Spark master (spark://…) that decides instead of this process; rows then carry part and row.
    """
    try:
        ruleset, now = read_rule_set(rules.read_bytes()), datetime.fromisoformat(at)
    except OSError as fault:
        return _called_wrongly(f"{fault.filename}: cannot be read ({fault.strerror}); check the name")
    except ValueError:
        return _called_wrongly(f"{at}: not a time; write it as 2026-01-05T00:00:00Z")
    if now.tzinfo is None:
        return _called_wrongly(f"{at}: a time without a zone is not a time; add Z or an offset")
    from pratique.policy import parts

    start = time.monotonic()
    try:
        if master:
            from pratique.policy import cluster as cluster_file

            people = cluster_file.decide_on_spark(master, ruleset, source, target, now)
        else:
            people = parts.decide_parts(ruleset, source, target, now).people
    except ValueError as fault:
        raise Refusal("NOT_A_CITY", str(source), Text(str(fault), f"无法判定：{fault}")) from None
    print(msgspec.json.encode({"people": people, "seconds": round(time.monotonic() - start, 3)}).decode())
    return 0


@policy.command
def cluster(*, workers: int = 2, memory: str = "1g") -> int:
    """Run a Spark cluster on this machine's loopback address until Ctrl-C; prints its address.

    Parameters
    ----------
    workers
        How many workers, of one core each.
    memory
        Memory of each worker, as Spark writes it.
    """
    if not 1 <= workers <= 64:
        return _called_wrongly("--workers is 1 to 64")
    from pratique.policy import cluster as cluster_file

    with cluster_file.Cluster(workers, memory) as running:
        print(running.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
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
