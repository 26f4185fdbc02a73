"""Passkeys of staff (W3C Web Authentication): register, sign in, show again that it is you.

A challenge is asked once and answered once; its hash is kept for five minutes and goes with the answer. Only public
keys are stored. User verification (finger, face or code, on the worker's own device) is always required; attestation
is not asked for: which make of device somebody owns is none of our business.
"""

import ipaddress
import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import WebAuthnException

from pratique.core.errors import Conflict, Refusal
from pratique.core.ids import decode_id
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.people.binding import to_b64
from pratique.people.model import Session
from pratique.people.seeing import must_be_fresh
from pratique.people.staff import assert_again, sign_out, start_session
from pratique.store.tx import Row, Tx

GOOD_FOR = timedelta(minutes=5)
ALGORITHMS = (-7, -257, -8)  # ES256, RS256, EdDSA (COSE)
MOST = 8  # passkeys of one account


class Party(NamedTuple):
    """Who we are to the browser: a passkey works only for this name, from these pages."""

    id: str
    origins: tuple[str, ...]


class Creation(NamedTuple):
    """What a browser needs to make a passkey; bytes in base64url."""

    challenge: str
    user_id: str
    user_name: str
    known: tuple[str, ...]


class Assertion(NamedTuple):
    """What a browser answers with; bytes in base64url."""

    id: str
    client_data: str
    authenticator_data: str
    signature: str


def party_of(address: str) -> Party:
    """The relying party of a server reached at `address`. A loopback address is `localhost` to a browser: a passkey
    is never bound to a bare number."""
    parts = urlsplit(address)
    host, port = parts.hostname or "localhost", f":{parts.port}" if parts.port else ""
    try:
        if ipaddress.ip_address(host).is_loopback:
            return Party("localhost", (f"http://localhost{port}",))
    except ValueError:
        pass
    return Party(host, (f"{parts.scheme}://{host}{port}",))


def ask_creation(tx: Tx, moment: Moment, session: Session) -> Creation:
    """Ask whoever holds `session` to make a passkey. A whole session must be fresh: a browser left open adds no key."""
    if not session.newcomer:
        must_be_fresh(session.staff.asserted_at, moment.now)
    known = tx.all("SELECT credential_id FROM staff_passkey WHERE staff_id = :id", id=session.staff.id)
    if len(known) >= MOST:
        raise Conflict(
            "TOO_MANY_PASSKEYS",
            "id",
            Text(
                "this account holds eight passkeys; remove one first", "此账户已有八个通行密钥，请先移除一个"
            ),
        )
    challenge = _ask(tx, moment, "register", session)
    return Creation(
        challenge,
        to_b64(decode_id(session.staff.id)),
        session.staff.name,
        tuple(to_b64(bytes(row[0])) for row in known),
    )


def register(
    tx: Tx,
    moment: Moment,
    party: Party,
    session: Session,
    *,
    client_data: str,
    attestation: str,
    credential: str,
) -> Session:
    """Keep the new passkey and go on in a whole session; the newcomer's session ends. Raises Refusal."""
    challenge = _answered(tx, moment, "register", client_data, session)
    try:
        made = verify_registration_response(
            credential=_credential(credential, clientDataJSON=client_data, attestationObject=attestation),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        _refuse()
    if tx.one("SELECT 1 FROM staff_passkey WHERE credential_id = :id", id=made.credential_id):
        raise Conflict("PASSKEY_KNOWN", "id", Text("this passkey is registered already", "此通行密钥已登记"))
    tx.run(
        "INSERT INTO staff_passkey (credential_id, staff_id, public_key, sign_count, added_at) "
        "VALUES (:id, :staff, :key, :count, :now)",
        id=made.credential_id,
        staff=session.staff.id,
        key=made.credential_public_key,
        count=made.sign_count,
        now=moment.now_ms,
    )
    sign_out(tx, session.token)
    return start_session(tx, moment, (session.staff.id, session.staff.name, session.staff.role))


def ask_sign_in(tx: Tx, moment: Moment) -> str:
    """A challenge for whoever wants to sign in."""
    return _ask(tx, moment, "sign-in", None)


def sign_in(tx: Tx, moment: Moment, party: Party, answer: Assertion) -> Session:
    """Sign in whoever's passkey this is. Raises Refusal: unknown, of a former or locked worker, replayed, or made for
    another page."""
    challenge = _answered(tx, moment, "sign-in", answer.client_data, None)
    return start_session(tx, moment, _proved(tx, party, challenge, answer))


def ask_step_up(tx: Tx, moment: Moment, session: Session) -> tuple[str, tuple[str, ...]]:
    """A challenge and the passkeys that may answer it."""
    known = tx.all("SELECT credential_id FROM staff_passkey WHERE staff_id = :id", id=session.staff.id)
    return _ask(tx, moment, "step-up", session), tuple(to_b64(bytes(row[0])) for row in known)


def step_up(tx: Tx, moment: Moment, party: Party, session: Session, answer: Assertion) -> None:
    """The worker showed again that it is them. Raises Refusal where it is somebody else's passkey."""
    challenge = _answered(tx, moment, "step-up", answer.client_data, session)
    if _proved(tx, party, challenge, answer)[0] != session.staff.id:
        _refuse()
    assert_again(tx, moment, session.token)


def _proved(tx: Tx, party: Party, challenge: bytes, answer: Assertion) -> Row:
    """(id, name, role) of the account whose passkey signed. The counter never goes back."""
    row = tx.one(
        "SELECT s.id, s.name, s.role, p.public_key, p.sign_count FROM staff_passkey p "
        "JOIN staff s ON s.id = p.staff_id WHERE p.credential_id = :id AND s.ended_at IS NULL "
        "AND s.locked_at IS NULL",
        id=_bytes(answer.id),
    )
    if row is None:
        _refuse()
    try:
        done = verify_authentication_response(
            credential=_credential(
                answer.id,
                clientDataJSON=answer.client_data,
                authenticatorData=answer.authenticator_data,
                signature=answer.signature,
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=bytes(row[3]),
            credential_current_sign_count=row[4],
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        _refuse()
    tx.run(
        "UPDATE staff_passkey SET sign_count = :count WHERE credential_id = :id",
        count=done.new_sign_count,
        id=_bytes(answer.id),
    )
    return row[:3]


def _ask(tx: Tx, moment: Moment, ceremony: str, session: Session | None) -> str:
    challenge = to_b64(moment.random(32))
    tx.run("DELETE FROM staff_challenge WHERE ends_at <= :now", now=moment.now_ms)
    tx.run(
        "INSERT INTO staff_challenge (challenge_hash, ceremony, staff_id, session_hash, ends_at) "
        "VALUES (:hash, :ceremony, :staff, :session, :ends)",
        hash=_hash(challenge),
        ceremony=ceremony,
        staff=session.staff.id if session else "",
        session=_hash(session.token) if session else None,
        ends=to_ms(moment.now + GOOD_FOR),
    )
    return challenge


def _answered(tx: Tx, moment: Moment, ceremony: str, client_data: str, session: Session | None) -> bytes:
    """The challenge this answer is to: ours, of this ceremony and session, not too old, and gone with this answer."""
    try:
        said = json.loads(_bytes(client_data))["challenge"]
    except (ValueError, KeyError, TypeError, RecursionError):
        _refuse()
    if not isinstance(said, str):
        _refuse()
    row = tx.one(
        "SELECT session_hash FROM staff_challenge WHERE challenge_hash = :hash AND ceremony = :ceremony "
        "AND :now < ends_at",
        hash=_hash(said),
        ceremony=ceremony,
        now=moment.now_ms,
    )
    if row is None or (bytes(row[0]) if row[0] else None) != (_hash(session.token) if session else None):
        _refuse()
    tx.run("DELETE FROM staff_challenge WHERE challenge_hash = :hash", hash=_hash(said))
    return _bytes(said)


def _credential(credential: str, **response: str) -> dict[str, Any]:
    return {"id": credential, "rawId": credential, "type": "public-key", "response": response}


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        _refuse()


def _hash(text: str) -> bytes:
    return sha256(b"ceremony\x00" + text.encode()).digest()


def _refuse() -> NoReturn:
    raise Refusal(
        "PASSKEY_REFUSED",
        "id",
        Text(
            "this passkey does not open this account; try again, or ask for a new invitation",
            "此通行密钥无法打开该账户；请重试，或索取新的邀请",
        ),
    ) from None
