"""The questions that the files of vectors ask, and how an answer is compared; used in node and in a browser."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pratique.credentials.jose import unb64url
from pratique.credentials.model import Outcome
from pratique.credentials.snapshot import Snapshot
from pratique.credentials.trust import bundle_body
from pratique.credentials.verify import verify
from tests.credentials.vectors.document import PATH as CREDENTIALS
from tests.credentials.vectors.document import snapshot_of
from tests.web_twin.asking import Twin, b64
from tests.web_twin.vectors.parts import AT
from tests.web_twin.vectors.parts import PATH as DECIDE

Asked = tuple[str, dict[str, Any], Any]  # which case, the question, what must come out


def credentials() -> Iterable[Asked]:
    """`tests/vectors/credentials.json` as questions."""
    whole = json.loads(CREDENTIALS.read_text(encoding="utf-8"))
    for name, plain in whole["trust"].items():
        snapshot = snapshot_of(plain)
        body = b64(bundle_body(snapshot.bundle))
        yield (
            name,
            {"op": "trust", "name": name, "body": body, "icvp": snapshot.icvp},
            {"number": snapshot.number},
        )
    for case in whole["cases"]:
        nonces = [unb64url(nonce).hex() for nonce in case.get("nonces", ())]
        at = datetime.fromisoformat(case["at"]).timestamp()
        yield (
            case["id"],
            {"op": "verify", "text": case["text"], "at": at, "trust": case["trust"], "nonces": nonces},
            case["expected"],
        )


def decisions() -> Iterable[Asked]:
    """`tests/vectors/decide.json` as questions."""
    whole = json.loads(DECIDE.read_text(encoding="utf-8"))
    for name, file in whole["snapshots"].items():
        how = {"roots": whole["roots"], "quorum": whole["quorum"], "at_least": 0, "at": AT}
        yield name, {"op": "take", "name": name, "bundle": file} | how, None
    for case in whole["gate"]:
        yield case["id"], {"op": "decide", "trust": case["snapshot"]} | _asked(case), case["expected"]
    for case in whole["opening"]:
        question = {"op": "open", "roots": whole["roots"], "quorum": whole["quorum"], "bundle": case["file"]}
        yield case["id"], question | _asked(case), case["expected"]
    for case in whole["rules"]:
        yield case["id"], {"op": "foreign"} | _asked(case), case["expected"]
    for case in whole["person"]:
        document = whole["documents"][case["document"]]
        yield case["id"], {"op": "person"} | _asked(case) | {"document": document}, case["expected"]
    for case in whole["certlogic"]:
        yield json.dumps(case["logic"])[:80], {"op": "certlogic"} | _asked(case), case["expected"]


def _asked(case: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name not in ("id", "expected", "file", "snapshot")}


def differing(asked: Iterable[Asked], answers: Iterable[Any]) -> list[str]:
    """One line for each answer that is another than it must be."""
    found = []
    for (name, question, expected), answer in zip(asked, answers, strict=True):
        if isinstance(answer, dict) and question["op"] == "verify":
            answer.pop("detail", None)
            answer["findings"] = sorted(answer.get("findings", []))
        if isinstance(answer, dict) and question["op"] == "person":
            for more in ("failing", "next"):
                answer.pop(more, None)
        if expected is not None and not same(expected, answer):
            found.append(f"{name}: expected {expected}, found {answer}"[:500])
    return found


def told(outcome: Outcome) -> Any:
    """An outcome as the twin tells it; `detail` is for people and may be worded differently."""
    fields = msgspec.to_builtins(outcome, builtin_types=(bytes,))
    fields["replay"] = None if outcome.replay is None else b64(outcome.replay)
    del fields["detail"]
    return _named(json.loads(json.dumps(fields)))


def _named(value: Any) -> Any:
    """Lists, maps, tags and floats as keys of a broken certificate are named by each language its own way."""
    if isinstance(value, dict):
        odd = ("CBORTag(", "frozendict(", "(")
        return {
            "?" if key.startswith(odd) else key.removesuffix(".0"): _named(item)
            for key, item in value.items()
        }
    return [_named(item) for item in value] if isinstance(value, list) else value


def same(python: Any, twin: Any) -> bool:
    """Equal as JSON; numbers as JavaScript holds them."""
    if isinstance(python, dict) and isinstance(twin, dict):
        return python.keys() == twin.keys() and all(same(python[key], twin[key]) for key in python)
    if isinstance(python, list) and isinstance(twin, list):
        return len(python) == len(twin) and all(map(same, python, twin))
    if isinstance(python, int | float) and isinstance(twin, int | float):
        return isinstance(python, bool) is isinstance(twin, bool) and float(python) == float(twin)
    return bool(python == twin)


def unlike(twin: Twin, asked: Sequence[tuple[str, datetime]], snapshot: Snapshot) -> list[str]:
    """Verify every text in both languages: a line for each about which they disagree."""
    name, found = twin.trust(snapshot), []
    answers = twin.ask_all(
        {"op": "verify", "text": text, "at": at.timestamp(), "trust": name} for text, at in asked
    )
    for (text, at), answer in zip(asked, answers, strict=True):
        python = told(verify(text, at, snapshot))
        differs = {
            key: (python[key], answer.get(key)) for key in python if not same(python[key], answer.get(key))
        }
        if differs:
            found.append(f"{text[:24]}… at {at:%H:%M}: (Python, twin) {_narrow(differs)}"[:500])
    return found


def _narrow(differs: dict[str, tuple[Any, Any]]) -> Any:
    """Of two objects only the members that differ."""
    shown: dict[str, Any] = {}
    for key, (one, other) in differs.items():
        both = isinstance(one, dict) and isinstance(other, dict)
        shown[key] = (
            _narrow(
                {
                    k: (one.get(k), other.get(k))
                    for k in one.keys() | other.keys()
                    if not same(one.get(k), other.get(k))
                }
            )
            if both
            else (one, other)
        )
    return shown
