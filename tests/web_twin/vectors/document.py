"""The whole file: every case with what Python says of it."""

import json
from typing import Any

from pratique.credentials.jose import b64url
from pratique.policy.certlogic import evaluate
from tests.web_twin.vectors.gate import gate_answer, gate_cases
from tests.web_twin.vectors.language import certlogic_cases, rule_answer, rule_cases, value_told
from tests.web_twin.vectors.opening import opening_answer, opening_cases
from tests.web_twin.vectors.parts import ROOT_KEYS, SNAPSHOTS
from tests.web_twin.vectors.person import DOCUMENTS, person_answer, person_cases


def document() -> dict[str, Any]:
    """The whole file."""
    return {
        "about": "What gates decide, which lists they take, what rules come to; made by tests/web_twin/vectors.py.",
        "roots": list(map(b64url, ROOT_KEYS)),
        "quorum": 2,
        "snapshots": {name: b64url(raw) for name, raw in SNAPSHOTS.items()},
        "documents": DOCUMENTS,
        "gate": [case | {"expected": gate_answer(case)} for case in gate_cases()],
        "opening": [case | {"expected": opening_answer(case)} for case in opening_cases()],
        "rules": [case | {"expected": rule_answer(case)} for case in rule_cases()],
        "person": [case | {"expected": person_answer(case)} for case in person_cases()],
        "certlogic": [
            case | {"expected": value_told(evaluate(case["logic"], case["data"]))}
            for case in certlogic_cases()
        ],
    }


def written(whole: dict[str, Any]) -> str:
    """One case a line, so that a difference can be read."""
    parts = []
    for name, value in whole.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"  {json.dumps(case, ensure_ascii=False)}" for case in value)
            parts.append(f'"{name}": [\n{rows}\n]')
        elif isinstance(value, dict):
            rows = ",\n".join(
                f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items()
            )
            parts.append(f'"{name}": {{\n{rows}\n}}')
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
