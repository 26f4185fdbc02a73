"""The server: the one file that knows every room's doors.

`web_app` puts the rooms' routes and the faces on one address and does the chores while it runs.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from pratique.chores import run_chores
from pratique.console import access as access_pages
from pratique.console import board as board_pages
from pratique.console import booking as booking_pages
from pratique.console import campaigns as campaign_pages
from pratique.console import counter as counter_pages
from pratique.console import desk as desk_pages
from pratique.console import desk_rights as rights_pages
from pratique.console import door as door_pages
from pratique.console import gates as gate_pages
from pratique.console import laboratory as laboratory_pages
from pratique.console import notices as notice_pages
from pratique.console import planner as planner_pages
from pratique.console import policy as policy_pages
from pratique.console import policy_edit as policy_editor
from pratique.console import quarantine as quarantine_pages
from pratique.console import signing as signing_pages
from pratique.console import today as today_pages
from pratique.console.model import COOKIE, Desk, Way
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.credentials.pairing import roots_hash
from pratique.credentials.snapshot import SKEW_S
from pratique.desk import api as desk_api
from pratique.exports import api as exports_api
from pratique.fleet import api as fleet_api
from pratique.mandates import api as log_api
from pratique.membership import api as membership_api
from pratique.membership.doorbell import Relay
from pratique.notices import api as notices_api
from pratique.notices.model import ResultView
from pratique.people import api as people_api
from pratique.people import service as people
from pratique.people.provider import BACK, Provider
from pratique.port import QUORUM, Port, tell
from pratique.reminding import api as reminding_api
from pratique.settings import Settings
from pratique.store.tx import Tx
from pratique.testing import api as testing_api
from pratique.testing import api_lab as lab_api
from pratique.testing import carry_api
from pratique.testing import service as testing
from pratique.testing.booking import api as booking_api
from pratique.testing.mllp import Listener
from pratique.testing.mllp_tls import server_tls
from pratique.web.faces import read_faces
from pratique.web.frame import Caller, Route
from pratique.web.limits import Tries
from pratique.web.serve import Authenticate, build_app


def authenticate(port: Port) -> Authenticate:
    """Who asks: a holder by token, staff by session. Devices and gates sign what they send."""

    def who(headers: Mapping[str, str], cookies: Mapping[str, str], moment: Moment) -> Caller | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and (subject := people.holder_of(port.secret, token, moment.now)):
            return Caller("holder", subject)
        if kind == "Bearer" and token.startswith(testing.LAB_KEY_PREFIX):
            with port.store.read() as tx:
                lab = testing.lab_of_key(tx, token)
            if lab is not None:
                return Caller("lab", lab[0], name=lab[1])
        if session := cookies.get(COOKIE):
            with port.store.read() as tx:
                signed_in = people.staff_session(tx, moment.now, session)
            if signed_in is not None:
                staff = signed_in.staff
                kind = "newcomer" if signed_in.newcomer else "staff"
                return Caller(kind, staff.id, staff.role, staff.name, staff.asserted_at)
        return None

    return who


def routes(port: Port, desk: Desk) -> list[Route]:
    """The whole route table."""
    return [
        *people_api.routes(port.store, port.secret, port.sealer),
        *notices_api.routes(port.store, port.house, results(port), SKEW_S, port.zone),
        *testing_api.routes(port.store, tell(port), port.manifest_key),
        *carry_api.routes(port.store, tell(port), port.manifest_secret),
        *lab_api.routes(port.store, tell(port), port.sealer),
        *booking_api.routes(port.store, port.sealer, port.zone),
        *fleet_api.routes(port.store, port.signing_roots, QUORUM, port.pass_signer),
        *log_api.routes(port.log_folder),
        *membership_api.routes(Relay()),
        *exports_api.routes(port.store, port.sealer, port.secret),
        *door_pages.routes(desk),
        *signing_pages.routes(desk),
        *access_pages.routes(desk),
        *today_pages.routes(desk),
        *gate_pages.routes(desk),
        *campaign_pages.routes(desk, tell(port)),
        *laboratory_pages.routes(desk, tell(port)),
        *quarantine_pages.routes(desk, tell(port)),
        *notice_pages.routes(desk),
        *desk_pages.routes(desk),
        *rights_pages.routes(desk),
        *desk_api.routes(port.store, port.house),
        *reminding_api.routes(port.hands),
        *policy_editor.routes(desk),
        *policy_pages.routes(desk),
        *counter_pages.routes(desk),
        *planner_pages.routes(desk),
        *board_pages.routes(desk),
        *booking_pages.routes(desk),
    ]


def web_app(port: Port, desk: Desk | None = None) -> Starlette:
    """The server: every room's routes, the faces, and the chores while it runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        work = asyncio.create_task(run_chores(port, stop))
        listener = Listener(port.door)
        if port.settings.lab_port:
            await listener.open(port.settings.host, port.settings.lab_port, lab_tls(port.settings))
        yield
        await listener.close()
        stop.set()
        await work

    return build_app(
        routes(port, desk or desk_of(port)), authenticate(port), port.moment, read_faces(), lifespan
    )


def lab_tls(settings: Settings) -> ssl.SSLContext | None:
    """What the laboratories' port speaks."""
    return server_tls(settings.lab_cert, settings.lab_key, settings.lab_client_ca)


def results(port: Port) -> Callable[[Tx, str], list[ResultView]]:
    """A person's own results as the wallet shows them."""

    def of(tx: Tx, subject_id: str) -> list[ResultView]:
        return [
            ResultView(r.tube_kind, r.outcome, rfc3339(r.sampled_at), rfc3339(r.known_at), r.analyte)
            for r in testing.results_of(tx, port.sealer, subject_id)
        ]

    return of


def desk_of(port: Port) -> Desk:
    """What the console is given."""
    address = port.settings.public_address()
    return Desk(
        port.store,
        port.house,
        port.secret,
        port.zone,
        address,
        results(port),
        port.mirror,
        Tries(),
        DOORS,
        provider=provider_of(port.settings),
        roots=roots_hash([root.public_key for root in port.signing_roots], QUORUM),
    )


def provider_of(settings: Settings) -> Provider | None:
    """The sign-in provider of staff, where one is set."""
    if not settings.oidc_issuer:
        return None
    back = settings.public_address().rstrip("/") + BACK
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, back)


DOORS = (
    Way(
        "/wallet/",
        Text("Wallet", "健康卡包"),
        Text("your pass, your notices, your appeals", "您的通行凭证、提示与申诉"),
    ),
    Way(
        "/site/",
        Text("Sampling site", "采样点"),
        Text("ten people to a tube, no network needed", "十人一管，无需网络"),
    ),
    Way(
        "/handheld/",
        Text("Hand-held gate", "手持哨位"),
        Text("a gate on any phone, no network needed", "任何手机都可作哨位，无需网络"),
    ),
    Way(
        "/console",
        Text("Staff console", "工作台"),
        Text("mandates, campaigns, laboratory, gates", "授权令、采样、检测、哨位"),
    ),
)
