"""What a result means, and what the worker says. Pure; the texts are data in `script.json`.

Nobody is punished for what they say on the phone: `refuses` ends the case and nothing follows from it.
"""

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from pratique.core.text import Text

HOUR = 3_600_000
RETRIES = 3


class Then(NamedTuple):
    """What follows: the case is due again after `later` ms, or it is done and `opens` another kind, due in `within`."""

    done: bool
    later: int = 0
    opens: str = ""
    within: int = 0


def then(kind: str, result: str, attempts: int, why: str = "") -> Then:
    """What follows from a result, after `attempts` earlier tries. Raises KeyError for a result outside the list."""
    if why == "family" and result == "needs-help":  # help comes at once, and the family is still to be told
        return Then(done=False, later=HOUR, opens="help", within=2 * HOUR)
    if result == "no-answer":
        wait = 4 * HOUR if kind == "visit" else HOUR
        if attempts + 1 < RETRIES or kind in ("visit", "help"):
            return Then(done=False, later=wait)
        return Then(done=True, opens="visit", within=24 * HOUR)
    if result in ("wrong-number", "not-this-person"):
        return Then(done=True) if kind == "visit" else Then(done=True, opens="visit", within=24 * HOUR)
    if result == "needs-help":
        return Then(done=True) if kind == "help" else Then(done=True, opens="help", within=2 * HOUR)
    if result == "reached":
        return (
            Then(done=True, opens="daily-call", within=24 * HOUR) if kind == "daily-call" else Then(done=True)
        )
    return {"refuses": Then(done=True)}[result]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every text of the room."""

    kinds: dict[str, Text]
    lines: dict[str, tuple[Text, ...]]
    results: dict[str, Text]
    results_of: dict[str, dict[str, Text]]
    events: dict[str, Text]
    whys: dict[str, Text]

    def title(self, kind: str, why: str) -> Text:
        """What a case is about."""
        return self.whys.get(why) or self.kinds[kind]

    def said(self, kind: str, why: str) -> tuple[Text, ...]:
        """What the worker says, on the phone or at the door."""
        return self.lines.get(why) or self.lines[kind]

    def answers(self, why: str) -> dict[str, Text]:
        """The results of a case in the order of their keys, in the words that fit it."""
        return self.results | self.results_of.get(why, {})


@lru_cache(maxsize=1)
def script() -> Script:
    """The file as shipped. Raises ValueError where a text lacks a language."""
    found = msgspec.json.decode((files("pratique.desk") / "script.json").read_bytes(), type=Script)
    texts = [*found.kinds.values(), *found.results.values(), *found.events.values(), *found.whys.values()]
    texts += [text for some in found.results_of.values() for text in some.values()]
    texts += [text for lines in found.lines.values() for text in lines]
    if any(not part.strip() or "{" in part for text in texts for part in (text.en, text.zh_hans)):
        raise ValueError("script.json: a text is empty or has a place left to fill in")
    return found
