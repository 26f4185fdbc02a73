"""How much a payload may be before anybody judges it: bytes, depth, items of a list. Pure.

A payload is data somebody typed or sent: the try panel's, a test's. What is beyond a bound is refused by name and
place, before a rule sees it.
"""

from typing import Any

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.text import Text

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_ITEMS = 1_000  # of one list, or fields of one object
MAX_VALUES = 20_000  # in all
VALUE_SETS = ("external", "valueSets")  # the rule set's own, bounded with it


def read_payload(raw: bytes, field: str = "payload") -> dict[str, Any]:
    """A payload from untrusted JSON. Raises Refusal TOO_LARGE, TOO_DEEP, INVALID_JSON naming the place."""
    if len(raw) > MAX_BYTES:
        raise _too_large(field, f"a payload is at most {MAX_BYTES} bytes", f"样例数据不得超过{MAX_BYTES}字节")
    try:
        found = strict_json(raw)
    except ValueError as fault:
        deep = "nested too deeply" in str(fault)
        raise (
            _too_deep(field)
            if deep
            else Refusal(
                "INVALID_JSON",
                field,
                Text("the payload is not JSON in one reading", "样例数据不是明确的JSON"),
            )
        ) from None
    if not isinstance(found, dict):
        raise Refusal(
            "INVALID_JSON", field, Text("the payload is one JSON object", "样例数据应为一个JSON对象")
        )
    refuse_excess(found, field)
    return found


def refuse_excess(payload: Any, field: str) -> None:
    """Raises Refusal TOO_LARGE or TOO_DEEP naming where in the payload there is too much. Never recurses."""
    level: list[tuple[str, Any]] = [(field, payload)]
    seen = letters = 0
    for depth in range(MAX_DEPTH + 2):
        if not level:
            return
        if depth > MAX_DEPTH:
            raise _too_deep(level[0][0])
        inner: list[tuple[str, Any]] = []
        for place, value in level:
            seen += 1
            letters += len(value) if isinstance(value, str) else 0
            if letters > MAX_BYTES:
                raise _too_large(
                    place, f"a payload has at most {MAX_BYTES} letters", f"样例数据不得超过{MAX_BYTES}个字符"
                )
            if seen > MAX_VALUES or (isinstance(value, dict | list) and len(value) > MAX_ITEMS):
                raise _too_large(
                    place,
                    f"a payload has at most {MAX_ITEMS} items in a list and {MAX_VALUES} values in all",
                    f"样例数据中一个列表不得超过{MAX_ITEMS}项，总计不得超过{MAX_VALUES}个值",
                )
            if not isinstance(value, dict | list):
                continue
            named = value.items() if isinstance(value, dict) else enumerate(value)
            inner += [
                (f"{place}.{str(name)[:40]}", one)
                for name, one in named
                if (depth, place, name) != (1, f"{field}.{VALUE_SETS[0]}", VALUE_SETS[1])
            ]
        level = inner


def _too_large(place: str, en: str, zh: str) -> Refusal:
    return Refusal("TOO_LARGE", place, Text(en, zh))


def _too_deep(place: str) -> Refusal:
    told = Text(f"a payload is at most {MAX_DEPTH} deep", f"样例数据嵌套不得超过{MAX_DEPTH}层")
    return Refusal("TOO_DEEP", place[:200], told)
