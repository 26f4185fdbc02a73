"""Membership and visitor passes of an organisation's doors, for when there is no epidemic any more. Pure.

    text         = "PQM1:" + base45(CBOR)
    presentation = [chain, shown: uint, proof: bstr(64)]                     a device
                 / [chain, shown: uint, nonce: bstr(8), proof: bstr(64)]     answer to a gate's challenge
                 / [chain]                                                   a visitor's paper
    chain        = [membership: bstr] / [membership: bstr, invitation: bstr]
    membership   = COSE_Sign1 [bstr({1: -7, 4: kid8}), {}, bstr(claims), bstr(64)], untagged, by the organisation
    its claims   = {4: exp, 6: iat, 8: cnf, -70021: [class, doors, hours], ? -70003: [list, index]}
    invitation   = COSE_Sign1 [bstr({1: -7}), {}, bstr(claims), bstr(64)], untagged, by the key of the membership
    its claims   = {4: exp, 5: nbf, ? 8: cnf, -70022: doors, ? -70023: [box: bstr(16), key: bstr(33)]}
    proof        = ES256 by the key of the last link over CBOR ["PQM1", SHA-256(CBOR chain), shown, ? nonce]

`class` is 1 (member) or 2 (member who may invite). `doors` are numbers of the organisation's list, none for all.
`hours` are [days, from, to]: bit 0 of `days` is Monday, minutes of the local day, none for always. `cnf` is that of
`pq1.py`. A visitor is vouched for by a member: neither the organisation nor a server learns of the visit. There is no
health fact, no name and no number of a person in any of it. All CBOR is deterministic and refused in any other form.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, TypeGuard, TypeVar

from pratique.core.canonical import canonical_cbor
from pratique.core.signer import Signer
from pratique.credentials import base45, pq1
from pratique.credentials.cbor import read_exact
from pratique.credentials.cose import ES256, to_be_signed
from pratique.credentials.reasons import BadCose, CredentialError, NotIssued, TooLarge

PREFIX = "PQM1:"
MEMBER, HOST = 1, 2
MAX_TEXT = 2048
MOST_DOORS, MOST_HOURS = 64, 14
MAX_VISIT_S = 72 * 3600
MAX_MEMBERSHIP_S = 400 * 86_400
DAY = 24 * 60

_EXP, _NBF, _IAT, _CNF = 4, 5, 6, 8
_STATUS, _MEMBER, _DOORS, _BELL = -70003, -70021, -70022, -70023

T = TypeVar("T")
Key = tuple[bytes, bool]  # x and the sign of y, as in `pq1`


class Hours(NamedTuple):
    """On these days (bit 0 is Monday), from one minute of the local day until before another."""

    days: int
    start: int
    end: int


class Bell(NamedTuple):
    """Where a visitor's host is told: the name of a box in a relay, and the host's P-256 key to seal to."""

    box: bytes
    key: bytes


class Signed(NamedTuple):
    """A COSE_Sign1 taken apart: its bytes, what was signed, the signature."""

    raw: bytes
    message: bytes
    signature: bytes


class Membership(NamedTuple):
    """What an organisation says about the holder of a key. No doors: all of them; no hours: always."""

    signed: Signed
    kid: bytes
    hosts: bool
    holder: Key
    doors: tuple[int, ...]
    hours: tuple[Hours, ...]
    issued: int
    expires: int
    status: tuple[int, int] | None


class Invitation(NamedTuple):
    """What a member says about a visitor. `holder` is None on paper."""

    signed: Signed
    holder: Key | None
    doors: tuple[int, ...]
    begins: int
    expires: int
    bell: Bell | None


class Shown(NamedTuple):
    """A pass as shown at a door. Without a proof it is paper, which only a visitor has."""

    chain: tuple[bytes, ...]
    membership: Membership
    invitation: Invitation | None
    shown: int | None
    nonce: bytes | None
    proof: bytes | None

    @property
    def holder(self) -> Key | None:
        """The key that proves: the visitor's, or else the member's."""
        return self.invitation.holder if self.invitation else self.membership.holder


def issue_membership(
    signer: Signer,
    holder_key: bytes,
    issued: datetime,
    expires: datetime,
    *,
    hosts: bool = False,
    doors: Sequence[int] = (),
    hours: Sequence[Hours] = (),
    status: tuple[int, int] | None = None,
) -> bytes:
    """A membership as bytes. `holder_key` is a P-256 point of 33 or 65 bytes.

    Raises NotIssued for a life that is not positive or over 400 days, doors or hours out of range, a point off curve.
    """
    if not 0 < (expires - issued).total_seconds() <= MAX_MEMBERSHIP_S:
        raise NotIssued("a membership ends after it begins, within 400 days")
    if not _are_doors(list(doors)) or not _are_hours([list(one) for one in hours]):
        raise NotIssued("doors are numbers from 1, hours are days and minutes of a day")
    says = [HOST if hosts else MEMBER, list(doors), [list(one) for one in hours]]
    claims: dict[int, Any] = {
        _EXP: int(expires.timestamp()),
        _IAT: int(issued.timestamp()),
        _CNF: _cnf(holder_key),
        _MEMBER: says,
    }
    if status is not None:
        claims[_STATUS] = list(status)
    return _sign(signer, {1: ES256, 4: signer.kid}, claims)


def invite(
    signer: Signer,
    visitor_key: bytes | None,
    begins: datetime,
    expires: datetime,
    *,
    doors: Sequence[int] = (),
    bell: Bell | None = None,
) -> bytes:
    """An invitation as bytes, signed with the key of a membership. Without a `visitor_key` it is for paper.

    Raises NotIssued for a time that is not positive or over 72 hours, or doors out of range.
    """
    if not 0 < (expires - begins).total_seconds() <= MAX_VISIT_S or not _are_doors(list(doors)):
        raise NotIssued("a visit ends after it begins, within 72 hours, at doors that are numbers from 1")
    claims: dict[int, Any] = {
        _EXP: int(expires.timestamp()),
        _NBF: int(begins.timestamp()),
        _DOORS: list(doors),
    }
    if visitor_key is not None:
        claims[_CNF] = _cnf(visitor_key)
    if bell is not None:
        claims[_BELL] = list(bell)
    return _sign(signer, {1: ES256}, claims)


def proof_message(chain: Sequence[bytes], shown: int, nonce: bytes | None = None) -> bytes:
    """What the holder's key signs: these bytes, with ES256."""
    parts: list[Any] = ["PQM1", sha256(canonical_cbor(list(chain))).digest(), shown]
    return canonical_cbor(parts if nonce is None else [*parts, nonce])


def present(signer: Signer, chain: Sequence[bytes], shown: datetime, nonce: bytes | None = None) -> str:
    """The text of the code on a screen at `shown`."""
    at = int(shown.timestamp())
    proof = signer.sign(proof_message(chain, at, nonce))
    parts = [list(chain), at, proof] if nonce is None else [list(chain), at, nonce, proof]
    return PREFIX + base45.encode(canonical_cbor(parts))


def paper(chain: Sequence[bytes]) -> str:
    """The text of the code on a visitor's paper."""
    return PREFIX + base45.encode(canonical_cbor([list(chain)]))


def read(text: str) -> Shown:
    """Take a text apart. Checks form only: no signature, no time.

    Raises CredentialError: UNKNOWN_PREFIX, TOO_LARGE, BAD_TEXT, BAD_CBOR, BAD_COSE, BAD_HEADER or PROOF_MISSING.
    """
    if not text.startswith(PREFIX):
        raise CredentialError("UNKNOWN_PREFIX")
    if len(text) > MAX_TEXT:
        raise TooLarge("longer than any pass of a door")
    parts = read_exact(base45.decode(text[len(PREFIX) :]))
    if not isinstance(parts, list) or len(parts) not in (1, 3, 4):
        raise BadCose("not a presentation")
    chain, nonce = parts[0], parts[2] if len(parts) == 4 else None
    if not isinstance(chain, list) or len(chain) not in (1, 2) or not all(_is(one, bytes) for one in chain):
        raise BadCose("the chain is not a membership, or a membership and an invitation")
    shown, proof = (parts[1], parts[-1]) if len(parts) > 1 else (None, None)
    if len(parts) > 1 and not (_is_time(shown) and _is(proof, bytes) and len(proof) == 64):
        raise BadCose("the parts of the presentation are not of their types")
    if nonce is not None and not (_is(nonce, bytes) and len(nonce) == 8):
        raise BadCose("the nonce is not 8 bytes")
    membership = read_membership(chain[0])
    invitation = read_invitation(chain[1]) if len(chain) == 2 else None
    made = Shown(tuple(chain), membership, invitation, shown, nonce, proof)
    if (made.holder is None) != (proof is None):
        code = "PROOF_MISSING" if proof is None else "PROOF_BAD"
        raise CredentialError(code)
    return made


def read_membership(raw: bytes) -> Membership:
    """A membership from its bytes, unchecked. Raises CredentialError: BAD_CBOR, BAD_COSE or BAD_HEADER."""
    signed, header, claims = _open(raw)
    if list(header) != [1, 4] or header[1] != ES256 or not _is(header[4], bytes) or len(header[4]) != 8:
        raise CredentialError("BAD_HEADER")
    says, status = claims.get(_MEMBER), claims.get(_STATUS)
    if not claims.keys() <= {_EXP, _IAT, _CNF, _MEMBER, _STATUS} or not _is(says, list) or len(says) != 3:
        raise BadCose("not the claims of a membership")
    if says[0] not in (MEMBER, HOST) or not _are_doors(says[1]) or not _are_hours(says[2]):
        raise BadCose("class, doors or hours are not of their types")
    if not _is_time(claims.get(_EXP)) or not _is_time(claims.get(_IAT)) or _CNF not in claims:
        raise BadCose("exp, iat or cnf is missing or not of its type")
    if status is not None and not (_is(status, list) and len(status) == 2 and all(map(_is_time, status))):
        raise BadCose("the status is not a list and an index")
    return Membership(
        signed,
        header[4],
        says[0] == HOST,
        _key(claims[_CNF]),
        tuple(says[1]),
        tuple(Hours(*one) for one in says[2]),
        claims[_IAT],
        claims[_EXP],
        (status[0], status[1]) if status else None,
    )


def read_invitation(raw: bytes) -> Invitation:
    """An invitation from its bytes, unchecked. Raises CredentialError: BAD_CBOR, BAD_COSE or BAD_HEADER."""
    signed, header, claims = _open(raw)
    if header != {1: ES256}:
        raise CredentialError("BAD_HEADER")
    bell = claims.get(_BELL)
    if not claims.keys() <= {_EXP, _NBF, _CNF, _DOORS, _BELL} or not _are_doors(claims.get(_DOORS)):
        raise BadCose("not the claims of an invitation")
    if not _is_time(claims.get(_EXP)) or not _is_time(claims.get(_NBF)):
        raise BadCose("exp or nbf is missing or not of its type")
    if bell is not None and not (_is(bell, list) and len(bell) == 2 and all(_is(one, bytes) for one in bell)):
        raise BadCose("the bell is not a box and a key")
    if bell is not None and (len(bell[0]) != 16 or len(bell[1]) != 33):
        raise BadCose("a box has 16 bytes, its key 33")
    holder = _key(claims[_CNF]) if _CNF in claims else None
    made = Bell(*bell) if bell else None
    return Invitation(signed, holder, tuple(claims[_DOORS]), claims[_NBF], claims[_EXP], made)


def point(key: Key) -> bytes:
    """The key as a point of 33 bytes."""
    return (b"\x03" if key[1] else b"\x02") + key[0]


def open_at(hours: Sequence[Hours], local: datetime) -> bool:
    """True if `local` (a time of the doors' own zone) is within one of the hours, or there are none."""
    minute = local.hour * 60 + local.minute
    return not hours or any(
        one.days >> local.weekday() & 1 and one.start <= minute < one.end for one in hours
    )


def _sign(signer: Signer, header: dict[int, Any], claims: dict[int, Any]) -> bytes:
    protected, payload = canonical_cbor(header), canonical_cbor(claims)
    return canonical_cbor([protected, {}, payload, signer.sign(to_be_signed(protected, payload))])


def _open(raw: bytes) -> tuple[Signed, dict[int, Any], dict[int, Any]]:
    parts = read_exact(raw)
    if not (_is(parts, list) and len(parts) == 4 and parts[1] == {}):
        raise BadCose("not an array of four")
    protected, _, payload, signature = parts
    if not all(_is(part, bytes) for part in (protected, payload, signature)) or len(signature) != 64:
        raise BadCose("the parts are not of their types")
    header, claims = read_exact(protected), read_exact(payload)
    if not _is(header, dict) or not _is(claims, dict):
        raise BadCose("header or claims are no map")
    return Signed(raw, to_be_signed(protected, payload), signature), header, claims


def _cnf(holder_key: bytes) -> dict[int, Any]:
    x, odd = pq1.compress(holder_key)
    return {1: {1: 2, -1: 1, -2: x, -3: odd}}


def _key(cnf: Any) -> Key:
    key = cnf.get(1) if _is(cnf, dict) and cnf.keys() == {1} else None
    return pq1.holder_of({1: key})


def _are_doors(value: Any) -> bool:
    return _is(value, list) and len(value) <= MOST_DOORS and all(_is(n, int) and 0 < n < 65536 for n in value)


def _are_hours(value: Any) -> bool:
    return (
        _is(value, list)
        and len(value) <= MOST_HOURS
        and all(
            _is(one, list)
            and len(one) == 3
            and all(_is(n, int) for n in one)
            and 0 < one[0] < 128
            and 0 <= one[1] < one[2] <= DAY
            for one in value
        )
    )


def _is(value: Any, kind: type[T]) -> TypeGuard[T]:
    return type(value) is kind


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40
