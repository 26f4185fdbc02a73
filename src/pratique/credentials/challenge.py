"""The challenge of a gate: who asks, and a number that the holder's device signs where clocks disagree.

    text      = "PQG:" + base45(CBOR)
    challenge = [card: bstr, nonce: bstr(8), signature: bstr(64)]
    card      = COSE_Sign1 [bstr({1: -7, 4: kid8, 16: "gate"}), {}, bstr(claims), bstr(64)] by a key for passes
    claims    = {2: gate, 4: exp, 6: iat, 8: {1: {1: 2, -1: 1, -2: bstr(32), -3: bool}}, -70005: [operator, mandate]}
    signature = ES256 by the gate's key over CBOR ["PQG", SHA-256(card), nonce]

The wallet shows the holder who asks before anything is shown in return; then it answers with `pq1.present(…, nonce)`.
No network, and no clock of the phone: the gate itself forgets a nonce after a minute. A card is never a pass and a pass
never a card, since their protected headers differ.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from cbor2 import dumps

from pratique.core.signer import Signer
from pratique.credentials import base45, pq1
from pratique.credentials.cbor import read_exact
from pratique.credentials.cose import ES256, Sign1, is_signed, to_be_signed
from pratique.credentials.reasons import BadCose, CredentialError, NotIssued, TooLarge
from pratique.credentials.snapshot import Snapshot

PREFIX = "PQG:"
LIFE_S = 60
NONCE_BYTES = 8
MAX_TEXT = 1024
_SUB, _EXP, _IAT, _CNF, _WHO, _TYPE = 2, 4, 6, 8, -70005, "gate"
_CLAIMS = [_SUB, _EXP, _IAT, _CNF, _WHO]
_LONGEST = 120


class Challenge(NamedTuple):
    """Who asks, under which mandate, and the number to sign."""

    gate: str
    operator: str
    mandate: str
    nonce: bytes


def issue_card(
    signer: Signer,
    gate_key: bytes,
    gate: str,
    operator: str,
    mandate: str,
    issued: datetime,
    expires: datetime,
) -> bytes:
    """A gate's card, given out where it is enrolled. `gate_key` is its P-256 point.

    Raises NotIssued for a key that is no point, a text that is empty or too long, or a life that is not positive.
    """
    if expires <= issued or not all(0 < len(text) <= _LONGEST for text in (gate, operator, mandate)):
        raise NotIssued(
            "a gate's card has a life and says gate, operator and mandate in at most 120 characters each"
        )
    x, odd = pq1.compress(gate_key)
    claims = {
        _SUB: gate,
        _EXP: int(expires.timestamp()),
        _IAT: int(issued.timestamp()),
        _CNF: {1: {1: 2, -1: 1, -2: x, -3: odd}},
        _WHO: [operator, mandate],
    }
    protected, payload = dumps({1: ES256, 4: signer.kid, 16: _TYPE}), dumps(claims)
    return dumps([protected, {}, payload, signer.sign(to_be_signed(protected, payload))])


def make(card: bytes, gate_signer: Signer, nonce: bytes) -> str:
    """The text of the code that a gate shows. `nonce` is 8 bytes of chance, used once and forgotten after `LIFE_S`."""
    if len(nonce) != NONCE_BYTES:
        raise NotIssued("a nonce is 8 bytes")
    return PREFIX + base45.encode(dumps([card, nonce, gate_signer.sign(_message(card, nonce))]))


def read(text: str, snapshot: Snapshot, now: datetime | None) -> Challenge:
    """Who asks, if the card is from a trusted issuer and the challenge from that very gate.

    `now` None where the wallet does not know what time it is; then the card's life is not looked at.
    Raises CredentialError: UNKNOWN_PREFIX, TOO_LARGE, BAD_TEXT, BAD_CBOR, BAD_COSE, UNKNOWN_KEY, BAD_SIGNATURE,
    KEY_NOT_VALID, NOT_YET_VALID, EXPIRED or PROOF_BAD.
    """
    if not text.startswith(PREFIX):
        raise CredentialError("UNKNOWN_PREFIX")
    if len(text) > MAX_TEXT:
        raise TooLarge("longer than any challenge")
    parts = read_exact(base45.decode(text[len(PREFIX) :]))
    if (
        type(parts) is not list
        or [type(part) for part in parts] != [bytes] * 3
        or len(parts[1]) != NONCE_BYTES
    ):
        raise BadCose("not a card, a nonce and a signature")
    card, nonce, signature = parts
    sign1 = _card(card)
    claims = _claims(sign1, snapshot, now)
    key = pq1.holder_public_key(pq1.holder_of(claims[_CNF]))
    if not is_signed(ES256, key, signature, _message(card, nonce)):
        raise CredentialError("PROOF_BAD", "not signed by the gate it names")
    operator, mandate = claims[_WHO]
    return Challenge(claims[_SUB], operator, mandate, nonce)


def _message(card: bytes, nonce: bytes) -> bytes:
    return dumps(["PQG", sha256(card).digest(), nonce])


def _card(raw: bytes) -> Sign1:
    parts = read_exact(raw)
    if type(parts) is not list or len(parts) != 4 or parts[1] != {}:
        raise BadCose("the card is not an array of four")
    protected, unprotected, payload, signature = parts
    if not type(protected) is type(payload) is type(signature) is bytes:
        raise BadCose("the parts of the card are not of their types")
    return Sign1(protected, unprotected, payload, signature)


def _claims(sign1: Sign1, snapshot: Snapshot, now: datetime | None) -> dict[Any, Any]:
    head = read_exact(sign1.protected)
    if type(head) is not dict or head.keys() != {1, 4, 16} or head[1] != ES256 or head[16] != _TYPE:
        raise BadCose("not the card of a gate")
    keys = snapshot.keys_for("pass", head[4]) if type(head[4]) is bytes else ()
    if not keys:
        raise CredentialError("UNKNOWN_KEY", snapshot.described())
    message = to_be_signed(sign1.protected, sign1.payload)
    key = next(
        (k for k in keys if k.alg == ES256 and is_signed(ES256, k.public, sign1.signature, message)), None
    )
    if key is None:
        raise CredentialError("BAD_SIGNATURE")
    claims = read_exact(sign1.payload)
    if type(claims) is not dict or list(claims) != _CLAIMS or not _is_formed(claims):
        raise BadCose("the claims of the card are not those of a gate")
    if not key.covers(claims[_IAT]):
        raise CredentialError("KEY_NOT_VALID")
    if now is not None and now.timestamp() >= claims[_EXP]:
        raise CredentialError("EXPIRED", "the gate's card")
    if now is not None and now.timestamp() < claims[_IAT] - snapshot.skew_s:
        raise CredentialError("NOT_YET_VALID", "the gate's card")
    return claims


def _is_formed(claims: dict[Any, Any]) -> bool:
    who = claims[_WHO]
    if type(who) is not list or len(who) != 2:
        return False
    texts = all(type(text) is str and 0 < len(text) <= _LONGEST for text in (claims[_SUB], *who))
    return texts and type(claims[_EXP]) is int and type(claims[_IAT]) is int
