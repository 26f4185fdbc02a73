"""What the console is given by `app.py`, and the shapes its pages show. No I/O, no person."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.notices.model import House, Results
from pratique.people.provider import Provider
from pratique.policy.mirror import Mirror
from pratique.store.store import Store
from pratique.web.limits import Tries

COOKIE = "pratique_session"
Invitations = Sequence[tuple[str, str]]


class Desk(NamedTuple):
    """The house as the console uses it. `address` goes into codes and links; `invitations` fills the sign-in page
    of a demonstration and is empty anywhere else. `tries` counts the wrong codes of each clerk."""

    store: Store
    house: House
    secret: bytes
    zone: ZoneInfo
    address: str
    results: Results
    mirror: Mirror
    tries: Tries
    doors: Sequence["Way"] = ()
    invitations: Callable[[], Invitations] = tuple
    laboratory: Callable[[str, str, Moment], Awaitable[str]] | None = None
    provider: Provider | None = None
    roots: str = ""  # hash of the root keys, for links that enrol a gate


class Way(NamedTuple):
    """One way in on the first page."""

    href: str
    name: Text
    what: Text


class Figure(NamedTuple):
    """One number with its words; `href` leads to the page behind it."""

    number: int
    word: str
    href: str = ""


class Problem(NamedTuple):
    """Something that needs a person: `kind` is ok, warn, bad or info."""

    kind: str
    text: Text
    href: str


class Connect(NamedTuple):
    """A one-time way to connect a device: its code as SVG, the address behind it, the token, when it ends."""

    svg: str
    address: str
    token: str
    expires: datetime
    command: str = ""
