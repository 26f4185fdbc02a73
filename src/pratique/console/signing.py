"""How staff show who they are: passkey ceremonies, the provider's way, the confirmation before a contact card."""

from http.cookies import SimpleCookie
from pathlib import Path
from typing import Annotated

import msgspec

from pratique.console.door import SHIFT_SECONDS, elsewhere, inside, session_cookie
from pratique.console.model import COOKIE, Desk
from pratique.console.render import page, see
from pratique.core.errors import NotFound, Refusal
from pratique.people import passkeys
from pratique.people import provider as providers
from pratique.people import service as people
from pratique.people.model import Session
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route
from pratique.web.problems import NOT_YOURS

HERE = Path(__file__).parent
STATE_COOKIE = "pratique_sign_in"
Base64 = Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1400)]


class CreationAsk(msgspec.Struct, frozen=True):
    """What the browser's `navigator.credentials.create` needs; bytes in base64url."""

    challenge: str
    rp_id: str
    user_id: str
    user_name: str
    algorithms: tuple[int, ...]
    known: tuple[str, ...]


class AssertionAsk(msgspec.Struct, frozen=True):
    """What the browser's `navigator.credentials.get` needs; `known` empty: whichever the worker has."""

    challenge: str
    rp_id: str
    known: tuple[str, ...]


class NewPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The browser's answer to a CreationAsk; bytes in base64url."""

    id: Name
    client_data: Base64
    attestation: Base64


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The browser's answer to an AssertionAsk; bytes in base64url."""

    id: Name
    client_data: Base64
    authenticator_data: Base64
    signature: Base64


class SignedIn(msgspec.Struct, frozen=True):
    """The session is in the cookie."""

    name: str
    role: str


def routes(desk: Desk) -> list[Route]:
    """Sign-in, registration and confirmation."""
    party = passkeys.party_of(desk.address)

    async def register_ask(call: Call) -> CreationAsk:
        def act(tx: Tx) -> passkeys.Creation:
            return passkeys.ask_creation(tx, call.moment, session_of(tx, call))

        made = await desk.store.awrite(act)
        return CreationAsk(
            made.challenge, party.id, made.user_id, made.user_name, passkeys.ALGORITHMS, made.known
        )

    async def register(call: Call) -> Answer:
        def act(tx: Tx) -> Session:
            return passkeys.register(
                tx,
                call.moment,
                party,
                session_of(tx, call),
                credential=call.body.id,
                client_data=call.body.client_data,
                attestation=call.body.attestation,
            )

        return _signed_in(desk, await desk.store.awrite(act))

    async def sign_in_ask(call: Call) -> AssertionAsk:
        challenge = await desk.store.awrite(lambda tx: passkeys.ask_sign_in(tx, call.moment))
        return AssertionAsk(challenge, party.id, ())

    async def sign_in(call: Call) -> Answer:
        return _signed_in(
            desk,
            await desk.store.awrite(lambda tx: passkeys.sign_in(tx, call.moment, party, _answer(call.body))),
        )

    async def step_up_ask(call: Call) -> AssertionAsk:
        def act(tx: Tx) -> tuple[str, tuple[str, ...]]:
            return passkeys.ask_step_up(tx, call.moment, session_of(tx, call))

        challenge, known = await desk.store.awrite(act)
        return AssertionAsk(challenge, party.id, known)

    async def step_up(call: Call) -> SignedIn:
        await desk.store.awrite(
            lambda tx: passkeys.step_up(tx, call.moment, party, session_of(tx, call), _answer(call.body))
        )
        return SignedIn(call.caller.name, call.caller.role)

    async def newcomer(call: Call) -> Answer:
        return page(
            call,
            "passkey",
            desk.zone,
            section="",
            provider=desk.provider is not None,
            elsewhere=elsewhere(desk),
        )

    async def confirm_page(call: Call) -> Answer:
        return page(
            call,
            "confirm",
            desk.zone,
            section="",
            next=inside(call.query.get("next", "")),
            trial=bool(desk.invitations()),
            provider=desk.provider is not None,
            elsewhere=elsewhere(desk),
        )

    async def confirm_trial(call: Call) -> Answer:
        if not desk.invitations():
            raise NotFound("NOT_FOUND", "", NOT_YOURS)
        token = cookie(call, COOKIE)
        await desk.store.awrite(lambda tx: people.assert_again(tx, call.moment, token))
        return see(inside(call.form.get("next", "")))

    async def to_provider(call: Call) -> Answer:
        if desk.provider is None:
            raise NotFound("NOT_FOUND", "", NOT_YOURS)
        provider, met = desk.provider, await providers.meet(desk.provider)

        def act(tx: Tx) -> providers.Begun:
            signed_in = people.staff_session(tx, call.moment.now, cookie(call, COOKIE))
            again = signed_in is not None and not signed_in.newcomer
            to = inside(call.query.get("next", ""))
            return providers.begin(tx, call.moment, provider, met, session=signed_in, to=to, step_up=again)

        begun = await desk.store.awrite(act)
        return see(begun.address, **{"Set-Cookie": _state_cookie(desk, begun.state, 600)})

    async def back(call: Call) -> Answer:
        if desk.provider is None:
            raise NotFound("NOT_FOUND", "", NOT_YOURS)
        provider, moment, query = desk.provider, call.moment, call.query
        try:
            asked = await desk.store.awrite(
                lambda tx: providers.take(tx, moment, query.get("state", ""), cookie(call, STATE_COOKIE))
            )
            met = await providers.meet(provider)
            subject = await providers.exchange(provider, met, asked, query.get("code", ""), moment.now)
            session = await desk.store.awrite(
                lambda tx: providers.enter(tx, moment, provider, asked, subject)
            )
        except Refusal as refusal:
            answer = page(call, "came_back", desk.zone, section="", to="", refused=refusal.text)
            return answer._replace(status=refusal.status)
        # The way came from another site, where our strict cookie does not travel: a page of ours takes the last step.
        answer = page(call, "came_back", desk.zone, section="", to=asked.next, refused=None)
        if session is None:
            return answer
        return answer._replace(headers={"Set-Cookie": session_cookie(desk, session.token, SHIFT_SECONDS)})

    async def script(call: Call) -> Answer:  # noqa: ARG001
        return Answer(
            (HERE / "access.js").read_bytes(),
            media="text/javascript",
            headers={"Cache-Control": "max-age=600"},
        )

    public, either, staff = ("public",), ("newcomer", "staff"), ("staff",)
    return [
        Route(
            "POST", "/v1/staff/passkeys/ask", register_ask, either, "begin a passkey", None, CreationAsk, 20
        ),
        Route("POST", "/v1/staff/passkeys", register, either, "register a passkey", NewPasskey, SignedIn, 20),
        Route(
            "POST", "/v1/staff/sign-in/ask", sign_in_ask, public, "begin to sign in", None, AssertionAsk, 120
        ),
        Route("POST", "/v1/staff/sign-in", sign_in, public, "sign in with a passkey", Shown, SignedIn, 120),
        Route(
            "POST", "/v1/staff/step-up/ask", step_up_ask, staff, "begin to confirm", None, AssertionAsk, 30
        ),
        Route("POST", "/v1/staff/step-up", step_up, staff, "confirm that it is you", Shown, SignedIn, 30),
        Route("GET", "/console/passkey", newcomer, either, "register a passkey", page=True),
        Route("GET", "/console/confirm", confirm_page, staff, "confirm that it is you", page=True),
        Route("POST", "/console/confirm", confirm_trial, staff, "confirm in a demonstration", page=True),
        Route(
            "GET", "/sign-in/provider", to_provider, public, "sign in at the provider", page=True, limit=60
        ),
        Route("GET", providers.BACK, back, public, "back from the provider", page=True, limit=60),
        Route("GET", "/console/access.js", script, public, "passkeys in the browser", page=True),
    ]


def session_of(tx: Tx, call: Call) -> Session:
    """The session of this request. Raises NotFound where it ended meanwhile."""
    found = people.staff_session(tx, call.moment.now, cookie(call, COOKIE))
    if found is None:
        raise NotFound("NOT_FOUND", "", NOT_YOURS)
    return found


def cookie(call: Call, name: str) -> str:
    """The value of a cookie, or nothing."""
    morsel = SimpleCookie(call.headers.get("cookie", "")).get(name)
    return morsel.value if morsel else ""


def _answer(body: Shown) -> passkeys.Assertion:
    return passkeys.Assertion(body.id, body.client_data, body.authenticator_data, body.signature)


def _signed_in(desk: Desk, session: Session) -> Answer:
    worker = SignedIn(session.staff.name, session.staff.role)
    return Answer(worker, 200, {"Set-Cookie": session_cookie(desk, session.token, SHIFT_SECONDS)})


def _state_cookie(desk: Desk, state: str, seconds: int) -> str:
    secure = "; Secure" if desk.address.startswith("https://") else ""
    return f"{STATE_COOKIE}={state}; Path=/sign-in; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


__all__ = ["cookie", "routes", "session_of"]
