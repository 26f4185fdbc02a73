"""CertLogic's two suites and the rule sets of eight countries, on each engine of the room."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pratique.policy.engines import ENGINES
from pratique.policy.foreign import Bound, explain_foreign
from pratique.policy.ruleset import rule_set_of
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
    yield _explanations(data / "creds" / "rules")


def _explanations(folder: Path) -> tuple[str, int, int, int, list[str]]:
    """Every failing payload of the rule sets: the fact that is named, set to the day that is named, turns the rule;
    a rule that cannot be judged names its field."""
    passed, failures, silent = 0, [], 0
    for path in sorted(folder.glob("??.json")):
        document = json.loads(path.read_bytes())
        ruleset = rule_set_of(document)
        rules = {(rule.id, rule.version): rule for rule in ruleset.rules}
        for test in ruleset.tests:
            rule = rules.get((test.rule, test.version))
            if rule is None:
                continue
            payload, external = test.context.get("payload"), test.context.get("external", {})
            (found,) = explain_foreign(payload, [rule], external)
            if found.value is None and not found.at_fault:
                failures.append(f"{path.name} {rule.id} {test.name}: open without a field")
            if found.value is not False:
                continue
            silent += not found.would_change
            for bound in found.would_change:
                changed = copy.deepcopy(test.context)
                if not set_at(changed, bound):
                    silent += 1
                    continue
                (now,) = explain_foreign(changed["payload"], [rule], changed.get("external", {}))
                if now.value is False:
                    failures.append(f"{path.name} {rule.id} {test.name}: {bound} turns nothing")
                else:
                    passed += 1
    return "rules, what would change (explain)", passed, len(failures), silent, failures


def set_at(context: Any, bound: Bound) -> bool:
    """Put what is named at its place; False where it is a value to be avoided, or the place is not there."""
    if bound.side in ("is not", "none of"):
        return False
    *steps, last = bound.path.split(".")
    try:
        for step in steps:
            context = context[int(step)] if isinstance(context, list) else context[step]
        value: Any = bound.at.split(", ")[0] if bound.side == "one of" else bound.at
        context[last] = int(value) if isinstance(context.get(last), int) or bound.side == "number" else value
    except (KeyError, IndexError, AttributeError, ValueError):
        return False
    return True
