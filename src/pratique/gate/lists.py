"""The lists a gate decides by: one signed snapshot, checked, swapped whole, never older than the one before.

Nothing is taken that fewer than a quorum of root keys signed, that is older than what the gate has seen, or whose
mandates and rules cannot be read. What is refused leaves the lists in use as they are.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.credentials.cbor import read_exact
from pratique.credentials.doors import OwnDoor, own_door
from pratique.credentials.reasons import BadTrust, CredentialError
from pratique.credentials.snapshot import GateConfig, Snapshot
from pratique.credentials.trust import read_bundle
from pratique.gate.order import Order, door_order, live_order, read_order
from pratique.policy.model import RuleSet
from pratique.policy.ruleset import rule_set_of

AMBER_AFTER = timedelta(hours=24)
STALE_AFTER = timedelta(hours=72)
MAX_BYTES = 64 << 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Loaded(NamedTuple):
    """A snapshot ready for deciding. `rules` is None where no policy came with it, `door` but for a door reader."""

    snapshot: Snapshot
    orders: tuple[Order, ...]
    rules: RuleSet | None
    policy_number: int
    door: OwnDoor | None = None
    config: int = 0  # version of the group's configuration in it

    @property
    def number(self) -> int:
        """The snapshot's number."""
        return self.snapshot.number

    @property
    def issued(self) -> int:
        """When it was signed, in seconds since 1970."""
        return self.snapshot.issued

    def amber(self, now: datetime) -> bool:
        """True from 24 hours of age on."""
        return now.timestamp() >= self.issued + AMBER_AFTER.total_seconds() or self.stale(now)

    def stale(self, now: datetime) -> bool:
        """True from 72 hours of age on, or once it has expired."""
        return now.timestamp() >= min(self.snapshot.expires, self.issued + STALE_AFTER.total_seconds())


def load(
    raw: bytes,
    roots: Sequence[bytes],
    quorum: int,
    at_least: int,
    now: datetime,
    *,
    again: bool = False,
    door_key: bytes = b"",
    group: str = "",
) -> Loaded:
    """Check and read a snapshot. Raises CredentialError, or ValueError for mandates or rules that cannot be read.

    What the configuration of the gate's `group` does not accept is taken out: its keys are then unknown here.

    One that has expired is refused, but for `again`: the very snapshot the gate decided by last (number `at_least`).
    After a restart it is used on as stale lists, about which the mandate's fail table decides.

    `door_key` is the public key of a gate that is a door reader; such a gate takes a snapshot that has a door for it
    and nothing else, and every other gate takes none with doors: no gate changes from one to the other by a file.
    """
    try:
        snapshot = read_bundle(raw, roots, quorum, at_least, now)
    except CredentialError as refused:
        if refused.code != "LIST_EXPIRED" or not again:
            raise
        snapshot = read_bundle(raw, roots, quorum, at_least, _EPOCH)
        if snapshot.number != at_least:
            raise
    door = own_door(snapshot, door_key) if door_key else None
    if door is None and (door_key or snapshot.bundle.door is not UNSET):
        raise BadTrust("this gate is no door of that list")
    orders = tuple(order for note in snapshot.mandates if (order := read_order(note)) is not None)
    groups = snapshot.bundle.groups
    config = None if groups is UNSET else groups.get(group)
    if config is not None:
        snapshot = narrowed(snapshot, config)
    version = config.version if config is not None else 0
    if snapshot.policy is None:
        return Loaded(snapshot, orders, None, 0, door, version)
    number, rules = read_policy(snapshot.policy)
    return Loaded(snapshot, orders, rules, number, door, version)


def narrowed(snapshot: Snapshot, config: GateConfig) -> Snapshot:
    """The snapshot with what this group of gates accepts."""
    whole = snapshot.bundle
    return Snapshot(
        msgspec.structs.replace(
            whole,
            keys=tuple(key for key in whole.keys if key.purpose in config.accepts),
            shc=whole.shc if "shc" in config.accepts else (),
            paper=whole.paper and config.paper,
        )
    )


def read_policy(raw: bytes) -> tuple[int, RuleSet]:
    """Number and rules of a snapshot's policy: CBOR `{"number", "mandate", "body"}`, `body` the published document."""
    policy = read_exact(raw)
    if not isinstance(policy, dict) or set(policy) != {"number", "mandate", "body"}:
        raise ValueError("the policy of a snapshot holds number, mandate and body")
    if not isinstance(policy["number"], int) or not isinstance(policy["body"], bytes):
        raise ValueError("the policy's number or body is not of its type")
    try:
        return policy["number"], rule_set_of(strict_json(policy["body"]))
    except Refusal as refusal:
        raise ValueError(str(refusal)) from None


class Lists:
    """Owned by the loop. `refresh` looks at the file the sync process, or a hand, puts in place by renaming."""

    def __init__(
        self,
        path: Path,
        roots: Sequence[bytes],
        quorum: int,
        at_least: int = 0,
        door_key: bytes = b"",
        group: Callable[[], str] = str,
    ) -> None:
        """`at_least`: the highest number this gate has ever decided by; `door_key` and `group` as of `load`."""
        self._door_key = door_key
        self._path, self._roots, self._quorum, self._at_least = path, tuple(roots), quorum, at_least
        self._group = group
        self._seen: tuple[int, int, int, str] | None = None
        self.current: Loaded | None = None
        self.refused = ""

    @property
    def number(self) -> int:
        """The number in use; 0 if none."""
        return self.current.number if self.current else 0

    def order(self, now: datetime) -> Order | None:
        """The mandate that lets this gate check at `now`, or None. A door reader needs none."""
        if self.current and self.current.door:
            return door_order(self.current.door)
        return live_order(self.current.orders, now) if self.current else None

    def refresh(self, now: datetime) -> str | None:
        """Take a new file if there is one. None: nothing new; "": taken; else the code it was refused with."""
        try:
            stat = self._path.stat()
            group = self._group()
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino, group)
            if mark == self._seen:
                return None
            if stat.st_size > MAX_BYTES:
                raise CredentialError("TOO_LARGE", "the snapshot file")
            self._seen = mark
            raw, again = self._path.read_bytes(), self.current is None
            loaded = load(
                raw, self._roots, self._quorum, self._at_least, now,
                again=again, door_key=self._door_key, group=group,
            )  # fmt: skip
        except OSError:
            return None
        except CredentialError as refused:
            self.refused = refused.code
        except ValueError:
            self.refused = "BAD_TRUST"
        else:
            self.current, self._at_least, self.refused = loaded, loaded.number, ""
        return self.refused
