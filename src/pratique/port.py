"""An opened deployment: its database, keys, signers and files, and the one way from a laboratory's result to a pass.

`open_port` is what every command, the server and the chores stand on. Real time and real chance enter here and
nowhere else.
"""

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pratique.core.errors import Destroyed
from pratique.core.moment import Moment
from pratique.credentials import service as credentials
from pratique.credentials.keys import Ed25519Signer, Es256Signer, load_or_create_signer
from pratique.desk import service as desk_room
from pratique.mandates.keystore import KeyStore
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.notices import service as notices
from pratique.notices.model import EvidenceChange, House
from pratique.policy.mirror import Mirror
from pratique.reminding import service as reminding
from pratique.reminding.post import post
from pratique.reminding.smpp import read_gateway
from pratique.retire import service as retire
from pratique.settings import Settings
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx
from pratique.testing import service as testing
from pratique.testing.mllp import Door

ROOTS, QUORUM = 3, 2
KEY_LIVES = timedelta(days=365)


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
    def mirror(self) -> Mirror:
        """Everybody's evidence and decisions as sealed columns, for sweeps."""
        return Mirror(self.settings.home / "mirror", self.store, self.sealer)

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
            tuple(settings.duty_phones.split()),
            settings.duty_language,
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
