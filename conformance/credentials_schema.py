"""Our check of certificates beside the published JSON Schemas: the same verdict on thousands of changed documents.

The evaluator below knows the few keywords those schemas use and nothing of our rules.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformance.tally import Tally
from pratique.credentials import dcc

_VALUES: tuple[Any, ...] = (
    "", " ", "x" * 50, "x" * 51, "x" * 80, "x" * 81, "é" * 80, "AT", "at", "AT1", "12", "É", "A<B", "A<b", "A\n",
    "2021", "2021-01", "2021-01-01", "2021-01-01T00:00:00Z", "1899-01-01", "2021-1-1", "1.3.0", "1.0.0", "1.3", "1x3x0",
    "9.9.9", 0, 1, 9, 10, 1.0, 1.5, -1, True, [], {}, [{}], ["x"], 1e300,
)  # fmt: skip


def run(creds: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """One row: every example and test file, every version, every field changed to every odd value."""
    tally = Tally("dcc-schema agreement")
    folder = creds / "dcc-schema"
    schemas = {v: json.loads((folder / "combined" / f"DCC-{v}.json").read_bytes()) for v in dcc.VERSIONS}
    paths = sorted(folder.glob("test/*/*.json")) + sorted(folder.glob("examples/*/*.json"))
    for path in paths:
        for version in dcc.VERSIONS:
            start = dcc.tidy(json.loads(path.read_bytes())) | {"ver": version}
            for number, changed in enumerate(_changed(start)):
                name = f"{path.name} {version} #{number}"
                content = dcc.tidy(changed)
                wanted = _by_schema(content, schemas)
                tally.check(name, wanted, dcc.schema_fault(content) is None)
                tally.check(f"{name} examined", wanted, dcc.examine(changed)[1] is None)
    yield tally.row()


def _by_schema(content: Any, schemas: dict[str, Any]) -> bool:
    schema = schemas.get(content.get("ver") if isinstance(content.get("ver"), str) else "", schemas["1.3.0"])
    return is_valid(content, schema, schema) and dcc.is_single(content)


def _changed(document: Any) -> Iterator[Any]:
    yield document
    for place in list(_places(document)):
        for value in _VALUES:
            changed = copy.deepcopy(document)
            _put(changed, place, value)
            yield changed
        changed = copy.deepcopy(document)
        _drop(changed, place)
        yield changed
    for kind in "vtr":
        if kind in document:
            yield document | {kind: document[kind] * 2}
            yield document | {"vtr"[("vtr".index(kind) + 1) % 3]: document[kind]}
    yield document | {"unknown": "field"}


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in rows:
        yield (*before, key)
        yield from _places(item, (*before, key))


def _put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = copy.deepcopy(value)


def _drop(document: Any, place: tuple[Any, ...]) -> None:
    for key in place[:-1]:
        document = document[key]
    del document[place[-1]]


def is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """JSON Schema 2020-12, the keywords of the DCC schemas. Formats are not asserted."""
    if "$ref" in schema:
        return is_valid(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    return all(
        _KEYWORDS[word](value, rule, root, schema) for word, rule in schema.items() if word in _KEYWORDS
    )


def _type(value: Any, rule: str, *_: Any) -> bool:
    if rule == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
    return isinstance(value, {"string": str, "object": dict, "array": list}[rule])


def _properties(value: Any, rule: dict[str, Any], root: dict[str, Any], *_: Any) -> bool:
    return not isinstance(value, dict) or all(
        is_valid(value[k], s, root) for k, s in rule.items() if k in value
    )


def _pattern(value: Any, rule: str, *_: Any) -> bool:
    ecma = re.sub(r"\$$", r"\\Z", rule).replace(r"\d", "[0-9]").replace("+.[", "+[^\n\r\u2028\u2029][")
    return not isinstance(value, str) or re.search(ecma, value) is not None


_KEYWORDS: dict[str, Any] = {
    "type": _type,
    "properties": _properties,
    "pattern": _pattern,
    "required": lambda v, rule, *_: not isinstance(v, dict) or all(key in v for key in rule),
    "maxLength": lambda v, rule, *_: not isinstance(v, str) or len(v) <= rule,
    "minimum": lambda v, rule, *_: not _type(v, "integer") or v >= rule,
    "maximum": lambda v, rule, *_: not _type(v, "integer") or v <= rule,
    "minItems": lambda v, rule, *_: not isinstance(v, list) or len(v) >= rule,
    "maxItems": lambda v, rule, *_: not isinstance(v, list) or len(v) <= rule,
    "items": lambda v, rule, root, _: (
        not isinstance(v, list) or all(is_valid(item, rule, root) for item in v)
    ),
    "oneOf": lambda v, rule, root, _: sum(is_valid(v, one, root) for one in rule) == 1,
    "anyOf": lambda v, rule, root, _: any(is_valid(v, one, root) for one in rule),
}
