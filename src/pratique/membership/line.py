"""The host's line to the relay: two questions, bounded, with a time-out."""

import json
from typing import Any
from urllib.request import Request, urlopen

from pratique.core.errors import Refusal
from pratique.membership import texts

TIMEOUT = 20.0  # a question stands for eight seconds
MAX_ANSWER = 1 << 16


def ask(server: str, path: str, body: dict[str, str]) -> dict[str, Any]:
    """The answer, or nothing where there was none. Raises Refusal for an address that is none."""
    if not server.startswith(("https://", "http://")):
        raise Refusal("BAD_SERVER", "server", texts.BAD_SERVER)
    headers = {"Content-Type": "application/json"}
    request = Request(server.rstrip("/") + path, json.dumps(body).encode(), headers)  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - checked above
            found = json.loads(answer.read(MAX_ANSWER))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
