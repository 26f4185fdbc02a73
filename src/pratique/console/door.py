"""Pages without sign-in and the sign-in itself: first page, language, mandates as residents read them."""

from http.cookies import SimpleCookie
from pathlib import Path

from pratique.console.model import COOKIE, Desk
from pratique.console.render import page, see
from pratique.core.errors import NotFound, Refusal
from pratique.mandates import service as mandates
from pratique.people import service as people
from pratique.people.passkeys import party_of
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route
from pratique.web.languages import COOKIE as LANGUAGE_COOKIE
from pratique.web.problems import NOT_YOURS

HERE = Path(__file__).parent
SHIFT_SECONDS = 12 * 3600


def routes(desk: Desk) -> list[Route]:
    """Routes anybody may call."""

    async def start(call: Call) -> Answer:
        live = await desk.store.aread(lambda tx: mandates.live_mandates(tx, call.moment.now))
        return page(call, "start", desk.zone, section="", doors=desk.doors, mandates=live)

    async def language(call: Call) -> Answer:
        to = "zh-Hans" if call.query.get("to", "").startswith("zh") else "en"
        back = local_path(call.headers.get("referer", ""), call.headers.get("host", ""))
        return see(back, **{"Set-Cookie": f"{LANGUAGE_COOKIE}={to}; Path=/; Max-Age=31536000; SameSite=Lax"})

    async def sign_in_page(call: Call) -> Answer:
        return _sign_in(desk, call, call.query.get("code", ""), None)

    async def sign_in(call: Call) -> Answer:
        code = call.form.get("code", "").strip()
        try:
            session = await desk.store.awrite(lambda tx: people.accept_invite(tx, call.moment, code))
        except Refusal as refusal:
            return _sign_in(desk, call, "", refusal)
        # An invitation registers the first passkey; only one of a demonstration leads further at once.
        to = "/console/passkey" if session.newcomer else inside(call.form.get("next", ""))
        return see(to, **{"Set-Cookie": session_cookie(desk, session.token, SHIFT_SECONDS)})

    async def sign_out(call: Call) -> Answer:
        cookie = SimpleCookie(call.headers.get("cookie", "")).get(COOKIE)
        if cookie is not None:
            token = cookie.value
            await desk.store.awrite(lambda tx: people.sign_out(tx, token))
        return see("/", **{"Set-Cookie": session_cookie(desk, "", 0)})

    async def mandate(call: Call) -> Answer:
        def read(tx: Tx) -> bytes:
            standing = mandates.standing(tx, call.path["mandate_id"])
            if standing.published_at is None:
                raise NotFound("NO_SUCH_MANDATE", "", NOT_YOURS)
            return mandates.note_of(standing)

        return Answer(await desk.store.aread(read), media="text/plain")

    async def style(call: Call) -> Answer:  # noqa: ARG001
        return Answer(
            (HERE / "console.css").read_bytes(), media="text/css", headers={"Cache-Control": "max-age=600"}
        )

    public = ("public",)
    return [
        Route("GET", "/", start, public, "the first page", page=True),
        Route("GET", "/language", language, public, "switch the language", page=True),
        Route("GET", "/sign-in", sign_in_page, public, "sign in", page=True, limit=60),
        Route("POST", "/sign-in", sign_in, public, "sign in", page=True, limit=20),
        Route("POST", "/sign-out", sign_out, public, "sign out", page=True),
        Route("GET", "/mandates/{mandate_id}", mandate, public, "a published mandate, signed", page=True),
        Route("GET", "/console/console.css", style, public, "the console's own style", page=True),
    ]


def inside(target: str) -> str:
    """A path of this server to go to after signing in; anything else becomes the console."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/console"


def local_path(address: str, host: str) -> str:
    """The path of an address of this very server, else the first page: a language switch never leads away."""
    head, _, rest = address.partition("://")
    if head in ("http", "https") and rest.partition("/")[0] == host:
        return inside("/" + rest.partition("/")[2])
    return "/"


def _sign_in(desk: Desk, call: Call, code: str, refusal: Refusal | None) -> Answer:
    answer = page(
        call,
        "sign_in",
        desk.zone,
        section="",
        code=code,
        next=inside(call.query.get("next", call.form.get("next", ""))),
        refused=refusal.text if refusal else None,
        invitations=desk.invitations(),
        provider=desk.provider is not None,
        elsewhere=elsewhere(desk),
    )
    return answer._replace(status=refusal.status if refusal else 200)


def elsewhere(desk: Desk) -> str:
    """Where a passkey works, if the address in use is none a browser binds passkeys to."""
    origin = party_of(desk.address).origins[0]
    return "" if origin == desk.address.rstrip("/") else origin


def session_cookie(desk: Desk, token: str, seconds: int) -> str:
    """The cookie of a session: from our own pages only, out of reach of any script."""
    secure = "; Secure" if desk.address.startswith("https://") else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
