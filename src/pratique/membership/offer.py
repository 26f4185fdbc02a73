"""What an organisation gives a wallet, and a host a visitor: a link, whose part behind `#` no server ever sees (pure).

    offer = base64url(CBOR [membership: bstr, organisation: bstr(65), [en, zh-Hans]])
    visit = base64url(CBOR [[membership, invitation], key: bstr(32), point: bstr(65), [en, zh-Hans]])

`organisation` is the point of the key that signed, so that the wallet knows the doors' receipts; `key` and `point` are
the key of the visit, made by the host for this one visit. Whoever has the link first could go instead.
"""

from typing import NamedTuple

from pratique.core.canonical import canonical_cbor
from pratique.core.text import Text
from pratique.credentials.cbor import read_exact
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.reasons import BadCose

MEMBER, VISIT = "#/member/", "#/visit/"


class Offer(NamedTuple):
    """A membership for a wallet."""

    membership: bytes
    organisation: bytes
    name: Text


class Visit(NamedTuple):
    """A visit for a visitor's phone. `key` is the private number of a P-256 key, 32 bytes, `point` its public half."""

    chain: tuple[bytes, ...]
    key: bytes
    point: bytes
    name: Text


def offer_text(offer: Offer) -> str:
    """As it stands in a link."""
    return b64url(canonical_cbor([offer.membership, offer.organisation, [offer.name.en, offer.name.zh_hans]]))


def read_offer(text: str) -> Offer:
    """Raises BadCose or BadCbor for anything else."""
    parts = read_exact(unb64url(text))
    if not (isinstance(parts, list) and len(parts) == 3 and all(isinstance(one, bytes) for one in parts[:2])):
        raise BadCose("not a membership for a wallet")
    return Offer(parts[0], parts[1], _name(parts[2]))


def visit_text(visit: Visit) -> str:
    """As it stands in a link."""
    return b64url(
        canonical_cbor([list(visit.chain), visit.key, visit.point, [visit.name.en, visit.name.zh_hans]])
    )


def read_visit(text: str) -> Visit:
    """Raises BadCose or BadCbor for anything else."""
    parts = read_exact(unb64url(text))
    if not (isinstance(parts, list) and len(parts) == 4 and isinstance(parts[0], list)):
        raise BadCose("not a visit")
    chain, key, point = parts[0], parts[1], parts[2]
    if len(chain) != 2 or not all(isinstance(one, bytes) for one in (*chain, key, point)):
        raise BadCose("not a visit")
    if (len(key), len(point)) != (32, 65):
        raise BadCose("not a visit")
    return Visit((chain[0], chain[1]), key, point, _name(parts[3]))


def _name(names: object) -> Text:
    if not (isinstance(names, list) and len(names) == 2 and all(isinstance(one, str) for one in names)):
        raise BadCose("the organisation is not named in two languages")
    return Text(*names)
