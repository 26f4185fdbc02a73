"""What the commands of this room share: how they say what they did, and what time it is."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from pratique.core.errors import Refusal
from pratique.membership import texts

Json = Annotated[bool, Parameter(name="--json", negative="")]


def numbers(text: str) -> tuple[int, ...]:
    """Doors as people write them: "1,2". Raises Refusal."""
    try:
        return tuple(int(one) for one in text.split(",") if one.strip())
    except ValueError:
        raise Refusal("NO_SUCH_DOOR", "doors", texts.NO_SUCH_DOOR) from None


def say(as_json: bool, said: dict[str, Any], sentence: str) -> None:
    """One JSON line, or the sentence."""
    print(json.dumps(said, ensure_ascii=False) if as_json else sentence, flush=True)


def tell(text: str) -> None:
    """Progress, beside what is said."""
    print(f"pratique member: {text}", file=sys.stderr)


def now() -> datetime:
    """The machine's time: an organisation's tool is a program of its own, as a gate is."""
    return datetime.now(UTC)  # noqa: TID251
