"""Which of the two languages a reader gets: `?lang=`, then the cookie of the switch, then Accept-Language."""

from collections.abc import Mapping
from functools import lru_cache

COOKIE = "pratique_language"


def language_of(query: Mapping[str, str], cookies: Mapping[str, str], accept: str) -> str:
    """`zh-Hans` or `en`. Any Chinese counts as zh-Hans; what names neither gets English."""
    asked = (query.get("lang", "") if query else "") or (cookies.get(COOKIE, "") if cookies else "")
    return (asked and _known(asked)) or _accepted(accept[:200])


@lru_cache(maxsize=512)
def _accepted(accept: str) -> str:
    best, weight = "en", 0.0
    for part in accept.split(","):
        tag, _, rest = part.strip().partition(";")
        try:
            q = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            q = 0.0
        if (known := _known(tag)) and q > weight:
            best, weight = known, q
    return best


def _known(tag: str) -> str:
    head = tag.strip().lower().split("-")[0]
    return {"zh": "zh-Hans", "en": "en"}.get(head, "")
