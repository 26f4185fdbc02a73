"""`pratique policy …`: run the published suites, test rule sets, preview a draft, publish.

Thin: reads files, prints, returns the exit code of the house (0 yes, 1 no, 2 called wrongly). A refusal is raised for
the one handler above all commands.
"""

import contextlib
import secrets
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.policy import service, suites
from pratique.policy.city import OUTCOMES
from pratique.policy.drafts import clocks
from pratique.policy.engines import ENGINES
from pratique.policy.preview import preview as make_preview
from pratique.policy.ruleset import read_rule_set
from pratique.policy.synthetic import ASSUMED, made_up_city
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


@policy.command
def preview(
    old: Annotated[str, Parameter(allow_leading_hyphen=True)],
    new: Path,
    /,
    *,
    people: int = 100_000,
    days: int = 14,
    seed: int = 1,
) -> int:
    """Show what a draft would change, on a made-up city, now and at midnight of the coming days.

    Prints the people by outcome before (rows) and after (columns), then one JSON object. Counts of 1 to 9 are hidden.

    Parameters
    ----------
    old
        The rule set in force, or - for none.
    new
        The draft.
    people
        How many people the made-up city has.
    days
        How many days ahead.
    seed
        Another seed, another city.
    """
    if not 1 <= people <= 50_000_000 or not 0 <= days <= 60:
        return _called_wrongly("--people is 1 to 50000000 and --days 0 to 60")
    try:
        before = None if old == "-" else read_rule_set(Path(old).read_bytes())
        after = read_rule_set(new.read_bytes())
    except OSError as fault:
        return _called_wrongly(f"{fault.filename}: cannot be read ({fault.strerror}); check the name")
    now = datetime.now(UTC)  # noqa: TID251 - a command's moment is now
    city = made_up_city(people, now, seed)
    try:
        seen = make_preview(before, after, city, clocks(now, after, days), assumed=ASSUMED)
    except ValueError as fault:
        raise Refusal("NOT_A_CITY", str(new), Text(str(fault), f"无法预览：{fault}")) from None
    print(f"{'worse off':>12} {_shown(seen.worse)}    better off {_shown(seen.better)}    of {seen.people}")
    print(f"{'':>12}" + "".join(f"{name:>14}" for name in OUTCOMES))
    for name, row in zip(OUTCOMES, seen.days[0].matrix, strict=True):
        print(f"{name:>12}" + "".join(f"{_shown(count):>14}" for count in row))
    print(msgspec.json.encode(seen).decode())
    return 0


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


def _shown(count: int | None) -> str:
    return "< 10" if count is None else str(count)


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
