"""The kinds of notices and every text of the room, read from `kinds.json` and checked before they may be used. Pure.

A kind without one of its texts, with a place left to fill in, without an end, or whose condition is not in the grammar
does not load: the program stops at start, not in somebody's wallet.
"""

from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from pratique.core.canonical import canonical_json
from pratique.core.text import Text
from pratique.notices.appeal import REASONS
from pratique.notices.clear import Condition
from pratique.notices.model import Kind, Words


@lru_cache(maxsize=1)
def words() -> Words:
    """The file as shipped. Raises ValueError for anything that may not be published."""
    return read_words((files("pratique.notices") / "kinds.json").read_bytes())


def read_words(raw: bytes) -> Words:
    """Kinds and texts from JSON. Raises ValueError (or msgspec's kind of it) naming what is wrong."""
    found = msgspec.json.decode(raw, type=Words)
    if len({(kind.code, kind.version) for kind in found.kinds}) != len(found.kinds):
        raise ValueError("one version of a kind stands twice")
    for kind in found.kinds:
        _check(kind)
        for code in _codes(kind.clears) | ({"sample"} if kind.waits else set()):
            if code not in found.events:
                raise ValueError(f"{kind.code} ends by {code}, and no text says so")
    tables = {"events": found.events, "causes": found.causes, "facts": found.facts, "answers": found.answers}
    for name, texts in tables.items():
        for code, text in texts.items():
            _check_text(text, f"{name}.{code}")
    if missing := {reason for reasons in REASONS.values() for reason in reasons} - set(found.answers):
        raise ValueError(f"no text for the answers {sorted(missing)}")
    return found


def kind_of(code: str) -> Kind:
    """The newest version of a kind. Raises KeyError."""
    return max(
        (kind for kind in words().kinds if kind.code == code), key=lambda k: k.version, default=None
    ) or _no(code)


def kind_body(kind: Kind) -> str:
    """The canonical JSON of a kind, as it is stored with the notices opened under it."""
    return canonical_json(kind).decode()


@lru_cache(maxsize=1)
def shipped_kinds() -> tuple[dict[str, Any], ...]:
    """Code, version and canonical JSON of every kind as shipped."""
    return tuple(
        {"code": kind.code, "version": kind.version, "body": kind_body(kind)} for kind in words().kinds
    )


@lru_cache(maxsize=256)
def read_kind(body: str) -> Kind:
    """A stored kind."""
    return msgspec.json.decode(body, type=Kind)


def event_text(code: str) -> Text:
    """What a line of a notice's history says."""
    return words().events[code]


def cause_text(code: str) -> Text:
    """Why time was given back."""
    return words().causes[code]


def fact_text(*codes: str) -> Text:
    """One fact in words; several codes are put one after the other."""
    parts = [words().facts[code] for code in codes]
    return Text(" ".join(part.en for part in parts), "".join(part.zh_hans for part in parts))


def answer_text(code: str) -> Text:
    """The reason given with the answer to an appeal."""
    return words().answers[code]


def _check(kind: Kind) -> None:
    if not kind.reasons or not kind.remedy or not kind.allowed:
        raise ValueError(f"{kind.code} lacks a reason, a remedy or what stays allowed")
    if not 0 < kind.hours <= kind.max_hours:
        raise ValueError(f"{kind.code} has no end within its longest time")
    named = [("title", kind.title), *kind.reasons.items()]
    named += [(f"remedy[{i}]", text) for i, text in enumerate(kind.remedy)]
    named += [(f"allowed[{i}]", text) for i, text in enumerate(kind.allowed)]
    for name, text in named:
        _check_text(text, f"{kind.code}.{name}")


def _check_text(text: Text, name: str) -> None:
    for part in (text.en, text.zh_hans):
        if not part.strip():
            raise ValueError(f"{name} lacks a text in one language")
        if "{" in part or "}" in part:
            raise ValueError(f"{name} has a place left to fill in")


def _codes(condition: Condition) -> set[str]:
    parts = (condition.any or ()) + (condition.all or ())
    own = {name for name in ("sample", "result", "evidence", "time") if getattr(condition, name) is not None}
    if condition.happened is not None:
        own.add(condition.happened.what)
    return own.union(*(_codes(part) for part in parts))


def _no(code: str) -> Kind:
    raise KeyError(code)
