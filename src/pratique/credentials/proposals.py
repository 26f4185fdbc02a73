"""Contents of an HCERT that WHO has proposed (smart-trust, hcert_spec 3.2.7.1): read only where a snapshot says so.

−6 is the ICVP (`icvp.py`). 3 and 4 are DDCC vaccination and test result: their form is not settled, so they are shown
and not judged. 5 is the address of a verifiable health link. Numbers below zero are for trials.
"""

from typing import Any, NamedTuple

from pratique.credentials.icvp import icvp_fault

ICVP, VACCINATION, TEST_RESULT, LINK = -6, 3, 4, 5
PROPOSALS = (ICVP, VACCINATION, TEST_RESULT, LINK)
MAX_ITEMS = 16
_SCHEMES = ("vhlink:/", "shlink:/")


class Found(NamedTuple):
    """Where the contents leave their model (None: nowhere), and whether there is a model at all."""

    fault: str | None
    checked: bool


def examine(number: int, content: Any) -> Found:
    """Judge the (tidied) contents of one proposal; each may stand alone or in a list."""
    items = content if type(content) is list else [] if content is None else [content]
    if not 0 < len(items) <= MAX_ITEMS:
        return Found("no content that is read here", checked=True)
    if number == ICVP:
        return Found(next((fault for fault in map(icvp_fault, items) if fault), None), checked=True)
    if number == LINK:
        links = [item.get("u") if type(item) is dict else item for item in items]
        good = all(type(link) is str and link.startswith(_SCHEMES) for link in links)
        return Found(None if good else "not the address of a health link", checked=True)
    whole = all(type(item) is dict and item for item in items)
    return Found(None, checked=False) if whole else Found("no content that is read here", checked=True)
