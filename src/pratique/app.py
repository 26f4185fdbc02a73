"""The composition root: the only file that knows every room.

It makes the real clock, real chance, the real keys and files, and hands them to the rooms. `open_port` is what
every command stands on; `web_app` is the server; `Background` does what time alone makes due.
"""

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from starlette.applications import Starlette

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
from pratique.console import signing as signing_pages
from pratique.console import today as today_pages
from pratique.console.model import COOKIE, Desk, Way
from pratique.core.errors import Destroyed
from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.core.text import Text
from pratique.credentials import service as credentials
from pratique.credentials.keys import Ed25519Signer, Es256Signer, load_or_create_signer
from pratique.credentials.snapshot import SKEW_S
from pratique.desk import api as desk_api
from pratique.desk import service as desk_room
from pratique.exports import api as exports_api
from pratique.fleet import api as fleet_api
from pratique.fleet import service as fleet
from pratique.mandates import api as log_api
from pratique.mandates.keystore import KeyStore
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.notices import api as notices_api
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange, House, ResultView
from pratique.people import api as people_api
from pratique.people import service as people
from pratique.people.provider import BACK, Provider
from pratique.reminding import api as reminding_api
from pratique.reminding import service as reminding
from pratique.reminding.post import post
from pratique.reminding.smpp import read_gateway
from pratique.retire import service as retire
from pratique.rollout import service as rollout
from pratique.settings import Settings
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx
from pratique.testing import api as testing_api
from pratique.testing import api_lab as lab_api
from pratique.testing import carry_api
from pratique.testing import service as testing
from pratique.testing.booking import api as booking_api
from pratique.testing.booking import service as booking
from pratique.testing.mllp import Door, Listener
from pratique.testing.mllp_tls import server_tls
from pratique.web.faces import read_faces
from pratique.web.frame import Caller, Route
from pratique.web.serve import Authenticate, build_app

ROOTS, QUORUM = 3, 2
KEY_LIVES = timedelta(days=365)

_log = logging.getLogger("pratique.app")


class Port(NamedTuple):
    """An opened deployment: database, keys, signers. `close` it."""

    settings: Settings
    store: Store
    keys: KeyStore
    sealer: Sealer
    secret: bytes
    pass_signer: Es256Signer
    push_signer: Es256Signer
    roots: tuple[Ed25519Signer, ...]
    log: Publisher
    clock: Callable[[], datetime]

    def moment(self) -> Moment:
        """Now, with chance fit for keys."""
        return Moment(self.clock(), secrets.token_bytes)

    @property
    def house(self) -> House:
        """What the room `notices` needs."""
        return House(self.sealer, self.pass_signer, self.keys, (desk_room.forget, reminding.forget))

    @property
    def hands(self) -> reminding.Hands:
        """What the room `reminding` sends with."""
        settings, signer = self.settings, self.push_signer
        return reminding.Hands(
            self.store,
            self.sealer,
            signer,
            signer.public_key,
            settings.push_contact or settings.public_address(),
            tuple(settings.push_hosts.split()),
            self.zone,
            post,
            read_gateway(settings.sms_gateway) if settings.sms_gateway else None,
        )

    @property
    def signing_roots(self) -> Sequence[Ed25519Signer]:
        """The roots that sign snapshots on this machine: a quorum."""
        return self.roots[:QUORUM]

    @property
    def log_folder(self) -> Path:
        """Static files of the public log."""
        return self.settings.home / "log"

    @property
    def door(self) -> Door:
        """What the laboratory's listener needs."""
        return Door(self.store, self.moment, tell(self), self.sealer)

    @property
    def manifest_key(self) -> bytes:
        """The public X25519 key to which sites seal the copy of a manifest."""
        return X25519PrivateKey.from_private_bytes(self.manifest_secret).public_key().public_bytes_raw()

    @property
    def manifest_secret(self) -> bytes:
        """The other half of `manifest_key`: opens the copies that second phones bring."""
        return hmac.digest(self.secret, b"manifest", sha256)

    @property
    def zone(self) -> ZoneInfo:
        """Where people read times."""
        return ZoneInfo(self.settings.zone)

    def close(self) -> None:
        """Finish what waits; let go of database and keys."""
        self.store.close()
        self.keys.close()


def real_clock() -> datetime:
    """The machine's time in UTC."""
    return datetime.now(UTC)


def open_port(settings: Settings, clock: Callable[[], datetime] = real_clock) -> Port:
    """Open (at first use make) the deployment in `settings.home`."""
    home = settings.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings.database_url, home)
    keys = KeyStore(home / "keys", secrets.token_bytes)
    pass_signer = load_or_create_signer(home / "signing" / "pass.pem")
    push_signer = load_or_create_signer(home / "signing" / "push.pem")
    roots = tuple(
        load_or_create_signer(home / "signing" / f"root-{n}.pem", "Ed25519") for n in range(1, ROOTS + 1)
    )
    if not (isinstance(pass_signer, Es256Signer) and isinstance(push_signer, Es256Signer)) or not all(
        isinstance(r, Ed25519Signer) for r in roots
    ):
        raise ValueError(f"the keys in {home / 'signing'} are not of the kinds this program signs with")
    origin = settings.public_address().split("://", 1)[-1].rstrip("/") + "/log"
    log = Publisher(
        store, home / "log", _log_signer(home / "signing" / "log.key", origin), (retire.certificates,)
    )
    port = Port(
        settings,
        store,
        keys,
        Sealer(keys, secrets.token_bytes),
        _kept(home / "signing" / "server.secret", lambda: secrets.token_bytes(32)),
        pass_signer,
        push_signer,
        tuple(root for root in roots if isinstance(root, Ed25519Signer)),
        log,
        clock,
    )
    lasts = clock() + KEY_LIVES
    store.write(lambda tx: credentials.register_key(tx, port.moment(), pass_signer, "pass", lasts))
    return port


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """The bytes of a file that only its owner reads; made at first use, the first process wins."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    raw = make()
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return raw


def _log_signer(path: Path, origin: str) -> NoteSigner:
    """The log's key. Its name is the log's origin and never changes, also if the address does later."""
    made = _kept(path, lambda: NoteSigner(origin, secrets.token_bytes(32)).private_text().encode())
    return NoteSigner.read(made.decode())


def tell(port: Port) -> Callable[[Tx, Moment, Sequence[EvidenceChange]], None]:
    """The port through which laboratory results become decisions, notices and passes, in one transaction."""

    def told(tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        make_secrets(port.keys, changes)
        house = port.house._replace(sealer=port.sealer.for_one_use())
        notices.evidence_changed(tx, moment, house, changes)
        if single := [c.evidence.subject_id for c in changes if c.evidence.outcome == "retest-required"]:
            testing.book_reserved(tx, moment, port.sealer, single)

    return told


def make_secrets(keys: KeyStore, changes: Sequence[EvidenceChange]) -> None:
    """What seals these people's evidence, made with one sync instead of one a person. Whoever was forgotten keeps it
    from being made for all at once; then it is made, or refused, for each where it is used."""
    people_under: dict[str, list[str]] = {}
    for change in changes:
        people_under.setdefault(change.evidence.mandate_id, []).append(change.evidence.subject_id)
    for mandate_id, subjects in people_under.items():
        with contextlib.suppress(Destroyed):
            keys.make_subjects(mandate_id, subjects)


def retiring(port: Port) -> retire.Retiring:
    """What destruction needs."""
    settings = port.settings
    return retire.Retiring(
        port.store, port.keys, port.log, settings.home, port.moment, settings.public_address()
    )


# What time alone makes due


class Chore(NamedTuple):
    """Something done every so many seconds."""

    name: str
    every: float
    act: Callable[[], object]


def chores(port: Port) -> list[Chore]:
    """Everything that must happen although nobody asks: deadlines, snapshots, the log, destruction."""

    def write(act: Callable[[Tx, Moment], object]) -> Callable[[], object]:
        return lambda: port.store.write(lambda tx: act(tx, port.moment()))

    return [
        Chore("destroy what is due", 5, lambda: retire.destroy_due(retiring(port))),
        Chore("show that we are here", 15, Pulse(port).beat),
        Chore("carry a policy to the gates", 2, write(lambda tx, moment: carry(tx, moment, port))),
        Chore("decide again under a new policy", 1, lambda: redecide(port)),
        Chore("lift what is due", 5, lambda: lift_due(port)),
        Chore(
            "sign a snapshot",
            2,
            write(lambda tx, moment: fleet.refresh_snapshot(tx, moment, port.signing_roots)),
        ),
        Chore("draw lots that have closed", 1, write(booking.draw_due)),
        Chore("forget bookings of yesterday", 600, write(booking.sweep)),
        Chore("release what is quiet", 1, lambda: settle_runs(port)),
        Chore("stop the clocks of who waits for us", 5, write(stop_clocks)),
        Chore(
            "ask again where a tube was lost",
            600,
            write(lambda tx, m: testing.give_up_lost(tx, m, tell(port))),
        ),
        Chore("add up the laboratories", 30, lambda: add_up(port)),
        Chore("publish the log", 1, lambda: port.log.pending() and port.log.publish(port.moment())),
        Chore(
            "finish forgetting",
            3600,
            lambda: port.store.write(lambda tx: people.finish_forgetting(tx, port.keys)),
        ),
        Chore("lock what nobody reviewed", 30, write(people.lock_unreviewed)),
        Chore("forget what is past its window", 3600, write(testing.sweep)),
        Chore("end cases whose notice is over", 5, write(desk_room.sweep)),
        Chore("go on with actions on many cases", 1, lambda: bulk_actions(port)),
        Chore(
            "plan what people are told", 5, write(lambda tx, moment: reminding.plan(tx, moment, port.hands))
        ),
        Chore("tell people that there is news", 5, lambda: reminding.send_due(port.hands, port.moment())),
        Chore("publish the week's appeals", 3600, write(notices.publish_weeks)),
        Chore("drop old issuances", 3600, write(credentials.sweep)),
    ]


def settle_runs(port: Port) -> None:
    """Each laboratory run that is quiet in a transaction of its own: one that fails holds up no other."""
    moment = port.moment()
    with port.store.read() as tx:
        runs = testing.due(tx, moment)
    for run_id in runs:
        port.store.write(partial(testing.settle_run, moment=moment, run_id=run_id, tell=tell(port)))


def lift_due(port: Port) -> None:
    """What is due, part by part, for most of the time until the next round: very many may end at once."""
    end = time.monotonic() + 4
    while port.store.write(lambda tx: notices.sweep(tx, port.moment(), port.house)):
        if time.monotonic() >= end:
            return


def bulk_actions(port: Port) -> None:
    """Every action on many cases that runs, part by part, each in a transaction of its own."""
    while port.store.write(lambda tx: desk_room.go_on(tx, port.moment())):
        pass


def carry(tx: Tx, moment: Moment, port: Port) -> object:
    """Bring a policy that came into force to more gates, or stop it."""
    return rollout.carry(
        tx, moment, lambda tx, moment: fleet.publish_snapshot(tx, moment, port.signing_roots)
    )


def redecide(port: Port, ranges: int = 20) -> int:
    """So many ranges of people decided again under a new policy; how many were left to do of these."""
    for left in range(ranges, 0, -1):
        job = rollout.redecide(port.store, port.moment, port.house)
        if job is None or job.state != "running":
            return left
    return 0


def stop_clocks(tx: Tx, moment: Moment) -> int:
    """Whoever waits for a second look, a late laboratory, a lost tube or a closed site loses no time by it (law 3)."""
    held = testing.people_held(tx)
    changed = notices.keep_stopped(tx, moment, cause="held-run", subject_ids=held, by="rule:held")
    for cause, waiting in (
        ("late-lab", testing.people_late(tx, moment.now_ms)),
        ("lost-sample", testing.people_missing(tx, moment.now_ms)),
    ):
        since = {one.subject_id: from_ms(one.since) for one in waiting}
        changed += notices.keep_stopped(
            tx, moment, cause=cause, subject_ids=list(since), by=f"rule:{cause}", since=since
        )
    for campaign_id, shut in testing.campaigns_shut(tx, moment.now_ms):
        act = partial(notices.declare_fault, by="rule:closed-site") if shut else notices.end_fault
        changed += act(tx, moment, scope="campaign", scope_ids=[campaign_id], cause="closed-site")
    return changed


class Pulse:
    """Signs of life. Where the last one is too long ago everybody gets the time back in which we were not there.

    At start the stored sign counts; afterwards the machine's own clock says whether we were silent, so that a clock
    that leaps (a replay) is no outage.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._last: float | None = None

    def beat(self) -> int:
        """How many faults were declared: 0, or 1 after an outage."""
        silent = self._last is None or time.monotonic() - self._last > testing.SILENCE_MS / 1000
        moment = self._port.moment()
        done = self._port.store.write(lambda tx: give_back_outage(tx, moment, silent=silent))
        self._last = time.monotonic()
        return done


def give_back_outage(tx: Tx, moment: Moment, *, silent: bool) -> int:
    """Note that we are here; if we were `silent`, stop everybody's clocks for the time since the last note."""
    since = testing.beat(tx, moment)
    if since is None or not silent:
        return 0
    return notices.declare_fault(
        tx, moment, scope="all", cause="outage", by="rule:outage", begins=from_ms(since), ends=moment.now
    )


def add_up(port: Port) -> int:
    """The balance of every laboratory: counted beside the writer, then kept."""
    moment = port.moment()
    with port.store.read() as tx:
        counted = testing.add_up(tx, moment)
    return port.store.write(lambda tx: testing.keep_balance(tx, moment, counted)) if counted else 0


async def run_chores(port: Port, stop: asyncio.Event) -> None:
    """Do each chore when it is due, destruction first. A chore that fails is logged by name and tried again."""
    work = chores(port)
    due = dict.fromkeys((chore.name for chore in work), 0.0)
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        for chore in work:
            if loop.time() >= due[chore.name]:
                due[chore.name] = loop.time() + chore.every
                try:
                    await asyncio.to_thread(chore.act)
                except Exception:  # noqa: BLE001 - one chore must not stop the others
                    _log.exception("%s failed and is tried again in %g s", chore.name, chore.every)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)


# The server


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
        *exports_api.routes(port.store, port.sealer, port.secret),
        *door_pages.routes(desk),
        *signing_pages.routes(desk),
        *access_pages.routes(desk),
        *today_pages.routes(desk),
        *gate_pages.routes(desk),
        *campaign_pages.routes(desk, tell(port)),
        *laboratory_pages.routes(desk, tell(port)),
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
        DOORS,
        provider=provider_of(port.settings),
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
