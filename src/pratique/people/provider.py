"""Sign-in at the house's own provider (OpenID Connect Core 1.0, code flow with PKCE; Keycloak and the like).

The provider says who somebody is and nothing else: role and reach stand here, given by a person, never taken from a
claim. An account is known by (issuer, subject); it is linked once, inside an invitation. The signature must be of a key
the provider publishes, with an algorithm of `ALGORITHMS`: `none` and shared-secret ones do not exist here.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.people.binding import to_b64
from pratique.people.model import Session
from pratique.people.staff import session_hash, start_session
from pratique.store.tx import Tx

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
GOOD_FOR = timedelta(minutes=10)
SKEW = timedelta(seconds=60)
PATIENCE = 5.0
BACK = "/sign-in/provider/back"


class Provider(NamedTuple):
    """The provider as configured. An empty secret: a public client, held by PKCE alone."""

    issuer: str
    client_id: str
    client_secret: str
    back: str  # our address the browser comes back to


class Met(NamedTuple):
    """The provider as it describes itself (OpenID Connect Discovery 1.0)."""

    authorize: str
    token: str
    keys: str


class Begun(NamedTuple):
    """One sign-in under way: where the browser goes, and the value that must come back with it."""

    address: str
    state: str


class Asked(NamedTuple):
    """What was asked: kept under the hash of its state, and gone with the answer."""

    staff_id: str
    session: bytes | None
    nonce: str
    verifier: str
    next: str
    step_up: bool
    asked_at: datetime


async def meet(provider: Provider) -> Met:
    """Discovery. Raises Refusal where the provider does not answer or says it is another."""
    said = await _json("GET", provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if said.get("issuer") != provider.issuer:
        _refuse()
    places = [said.get(k) for k in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(place, str) and place for place in places):
        _refuse()
    return Met(*(str(place) for place in places))


def begin(
    tx: Tx, moment: Moment, provider: Provider, met: Met, *, session: Session | None, to: str, step_up: bool
) -> Begun:
    """Where to send the browser. `session`: a newcomer who links, or a worker who shows again that it is them."""
    state, nonce, verifier = (to_b64(moment.random(32)) for _ in range(3))
    note = {"nonce": nonce, "verifier": verifier, "next": to, "step_up": step_up}
    tx.run("DELETE FROM staff_challenge WHERE ends_at <= :now", now=moment.now_ms)
    tx.run(
        "INSERT INTO staff_challenge (challenge_hash, ceremony, staff_id, session_hash, note, ends_at) "
        "VALUES (:hash, 'provider', :staff, :session, :note, :ends)",
        hash=_hash(state),
        staff=session.staff.id if session else "",
        session=session_hash(session.token) if session else None,
        note=json.dumps(note),
        ends=to_ms(moment.now + GOOD_FOR),
    )
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.back,
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": to_b64(sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    } | ({"prompt": "login", "max_age": "0"} if step_up else {})
    return Begun(met.authorize + ("&" if "?" in met.authorize else "?") + urlencode(query), state)


def take(tx: Tx, moment: Moment, state: str, cookie: str) -> Asked:
    """What was asked under this state, once, and only in the browser that asked. Raises Refusal."""
    row = tx.one(
        "SELECT staff_id, session_hash, note, ends_at FROM staff_challenge WHERE challenge_hash = :hash "
        "AND ceremony = 'provider' AND :now < ends_at",
        hash=_hash(state),
        now=moment.now_ms,
    )
    if row is None or not hmac.compare_digest(state.encode(), cookie.encode()):
        _refuse()
    tx.run("DELETE FROM staff_challenge WHERE challenge_hash = :hash", hash=_hash(state))
    note = json.loads(row[2])
    return Asked(row[0], row[1] and bytes(row[1]), **note, asked_at=from_ms(row[3]) - GOOD_FOR)


async def exchange(provider: Provider, met: Met, asked: Asked, code: str, now: datetime) -> str:
    """The provider's subject for this code. Raises Refusal for anything that is not exactly what was asked for."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.back,
        "client_id": provider.client_id,
        "code_verifier": asked.verifier,
    }
    headers = {}
    if provider.client_secret:
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
    said = await _json("POST", met.token, data=form, headers=headers)
    keys = await _json("GET", met.keys)
    return read_id_token(provider, asked, str(said.get("id_token", "")), keys, now)


def read_id_token(
    provider: Provider, asked: Asked, token: str, keys: Mapping[str, Any], now: datetime
) -> str:
    """The subject of an ID token, every rule of OpenID Connect Core §3.1.3.7 asked. Pure. Raises Refusal."""
    try:
        claims = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
    except (JoseError, ValueError, KeyError, TypeError):
        _refuse()
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    at, skew = now.timestamp(), SKEW.total_seconds()
    good = (
        claims.get("iss") == provider.issuer
        and provider.client_id in named
        and (len(named) == 1 or claims.get("azp") == provider.client_id)
        and _is_time(claims.get("exp"))
        and at < claims["exp"] + skew
        and _is_time(claims.get("iat"))
        and claims["iat"] - skew <= at
        and claims.get("nonce") == asked.nonce
        and isinstance(claims.get("sub"), str)
        and 0 < len(claims["sub"]) <= 255
    )
    if good and asked.step_up:
        good = _is_time(claims.get("auth_time")) and claims["auth_time"] + skew >= asked.asked_at.timestamp()
    if not good:
        _refuse()
    return str(claims["sub"])


def enter(tx: Tx, moment: Moment, provider: Provider, asked: Asked, subject: str) -> Session | None:
    """Link, sign in, or show again (then None: the session that asked goes on). Raises Refusal."""
    known = tx.one(
        "SELECT s.id, s.name, s.role FROM staff_identity i JOIN staff s ON s.id = i.staff_id WHERE i.issuer = :issuer "
        "AND i.provider_subject = :subject AND s.ended_at IS NULL AND s.locked_at IS NULL",
        issuer=provider.issuer,
        subject=subject,
    )
    if asked.session is None:
        return start_session(tx, moment, known) if known else _refuse()
    waiting = tx.one(
        "SELECT s.id, s.name, s.role, x.newcomer FROM staff_session x JOIN staff s ON s.id = x.staff_id "
        "WHERE x.token_hash = :hash AND :now < x.ends_at AND s.ended_at IS NULL AND s.locked_at IS NULL",
        hash=asked.session,
        now=moment.now_ms,
    )
    if waiting is None or (known is not None and known[0] != waiting[0]):
        _refuse()
    if not waiting[3]:
        if known is None:
            _refuse()
        tx.run(
            "UPDATE staff_session SET asserted_at = :now WHERE token_hash = :hash",
            now=moment.now_ms,
            hash=asked.session,
        )
        return None
    if known is None:
        tx.run(
            "INSERT INTO staff_identity (issuer, provider_subject, staff_id, added_at) "
            "VALUES (:issuer, :subject, :staff, :now)",
            issuer=provider.issuer,
            subject=subject,
            staff=waiting[0],
            now=moment.now_ms,
        )
    tx.run("DELETE FROM staff_session WHERE token_hash = :hash", hash=asked.session)
    return start_session(tx, moment, waiting)


async def _json(method: str, address: str, **more: Any) -> dict[str, Any]:
    try:
        async with httpx2.AsyncClient(timeout=PATIENCE, follow_redirects=False) as client:
            answer = await client.request(method, address, **more)
        said = answer.json() if answer.status_code == 200 and len(answer.content) < 1 << 20 else None
    except (httpx2.HTTPError, ValueError):
        _refuse()
    return said if isinstance(said, dict) else _refuse()


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hash(state: str) -> bytes:
    return sha256(b"provider\x00" + state.encode()).digest()


def _refuse() -> NoReturn:
    raise Refusal(
        "PROVIDER_REFUSED",
        "state",
        Text(
            "the sign-in at your provider did not open an account here; begin again, or ask for an invitation",
            "身份提供方的登录未能打开此处的账户；请重新开始，或索取邀请",
        ),
    ) from None
