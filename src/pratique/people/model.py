"""The facts of the room `people`: subjects, contact cards, looks, staff. No I/O.

Knows nothing of tests, notices or passes; a subject is a random id and a key, nothing more.
"""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from pratique.core.text import Text

Kind = Literal["wallet", "paper"]


class ContactCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a mandate may let us keep to reach a person: name, phone, language. Nothing else has a place here."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9][0-9 ()-]{3,22}[0-9]$")]
    language: Literal["zh-Hans", "en"]


class Shown(NamedTuple):
    """What a person shows at a site: `claim_code` is set for a slip, None for a wallet."""

    subject_id: str
    claim_code: str | None


class Reader(NamedTuple):
    """Who looks: a staff id, the role it acts in, until when the task or shift lasts (None: no task open), and when
    the worker last showed that it is them (None: not with a passkey or at the provider)."""

    who: str
    role: str
    until: datetime | None = None
    asserted_at: datetime | None = None


class Look(msgspec.Struct, frozen=True):
    """One reading of a person's data, as its subject sees it: never the worker's name."""

    at: datetime
    role: str
    purpose: Text
    fields: tuple[str, ...]


class Staff(msgspec.Struct, frozen=True):
    """One account. How far it reaches is asked of its grants (`service.reach`). `asserted_at`: when whoever sits there
    last showed in this session that it is them."""

    id: str
    name: str
    role: str
    asserted_at: datetime | None = None


class Invitation(NamedTuple):
    """A one-time link: `token` is shown once and only its hash is kept."""

    staff: Staff
    token: str
    ends_at: datetime


class Session(NamedTuple):
    """A signed-in worker: `token` goes into the cookie, only its hash is kept. A `newcomer` may register a passkey
    and nothing else."""

    staff: Staff
    token: str
    ends_at: datetime
    newcomer: bool = False


class Forgotten(NamedTuple):
    """`online_at`: nobody can read it here any more; `final_by`: the keys are gone from every copy."""

    online_at: datetime
    final_by: datetime
