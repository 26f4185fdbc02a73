"""What a verifier knows: keys, status lists, issuers, texts, all from signed lists, all in memory.

The structs are what a bundle carries; `Snapshot` is the same, indexed for verification. It holds no clock, gives the
same answers for ever, and may be used from many threads at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pratique.core.text import Text
from pratique.credentials.cose import PublicKey, algorithm_of, public_key
from pratique.credentials.hashlist import HashBatch, HashLists
from pratique.credentials.jose import b64url
from pratique.credentials.reasons import BadTrust
from pratique.credentials.shc_keys import ShcIssuer, ShcTrust
from pratique.credentials.status import SIZE, StatusList, unpack

Purpose = Literal["pass", "hcert", "shc", "member"]
SKEW_S = 180
_MAX_KID = 32  # a stranger chooses it: what is longer is not repeated


class KeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One public key of an issuer. `key` is DER SubjectPublicKeyInfo; times are seconds since 1970, None is open.

    `usages` of an `hcert` key are among t, v, r; none means all. `issuer` is a country, a base address or empty.
    """

    kid: bytes
    key: bytes
    purpose: Purpose
    issuer: str = ""
    usages: tuple[str, ...] = ()
    valid_from: int | None = None
    valid_to: int | None = None


class StatusEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Status list `list_no` of `issuer`; `lst` is compressed (status.py), `size` its number of entries.

    With an address (`uri`) it is a foreign list: for the certificates that name the address in their status claim, of
    `issuer` only unless that is empty, until `expires` (seconds since 1970).
    """

    issuer: str
    list_no: int
    bits: int
    lst: bytes
    size: int = SIZE
    uri: str = ""
    expires: int | None = None


class GateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wanted of the gates of a group: which classes of credentials they take, and whether paper."""

    version: int
    accepts: tuple[Purpose, ...] = ("pass", "hcert", "shc")
    paper: bool = True


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that a verifier takes along, as one signed file. `number` only ever grows; times are seconds since 1970.

    `fail` is the mandate's table for faults, cause to action (gate.md 2.3); `policy` and `mandates` are carried as
    they were signed. `paper` false refuses passes without a device. `door`: the doors of an organisation (doors.py);
    `groups`: configuration by group of gates.
    """

    number: int
    issued: int
    expires: int
    keys: tuple[KeyEntry, ...] = ()
    status: tuple[StatusEntry, ...] = ()
    shc: tuple[ShcIssuer, ...] = ()
    hashes: tuple[HashBatch, ...] = ()
    skew_s: int = SKEW_S
    paper: bool = True
    policy: bytes | None = None
    mandates: tuple[bytes, ...] = ()
    texts: dict[str, Text] = {}
    fail: dict[str, str] = {}
    value_sets: dict[str, tuple[str, ...]] = {}
    # Not there at all where there are none: verifiers that never heard of doors or groups go on reading the lists.
    door: bytes | UnsetType = UNSET
    groups: dict[str, GateConfig] | UnsetType = UNSET


class TrustKey(msgspec.Struct, frozen=True):
    """A key entry with its key parsed."""

    kid: bytes
    kid_text: str
    public: PublicKey
    alg: int  # the one COSE algorithm it may be used with; 0 for none
    purpose: str
    issuer: str
    usages: frozenset[str]
    valid_from: float
    valid_to: float

    def covers(self, at: float) -> bool:
        """True if the key was valid at `at` (seconds since 1970)."""
        return self.valid_from <= at <= self.valid_to


class ForeignList(msgspec.Struct, frozen=True):
    """A status list that certificates name by its address."""

    statuses: StatusList
    issuer: str
    expires: float


class Snapshot:
    """A bundle, indexed. Make it once and give it to `verify` as often as you like."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        icvp: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        self.bundle = bundle
        self.number, self.issued, self.expires = bundle.number, bundle.issued, bundle.expires
        self.skew_s, self.paper = bundle.skew_s, bundle.paper
        self.policy, self.mandates = bundle.policy, bundle.mandates
        self.texts, self.fail = bundle.texts, bundle.fail
        self.icvp = icvp
        self.notes = tuple(notes)
        self.keys = _index(bundle.keys)
        self.status = {
            (entry.issuer, entry.list_no): _unpacked(entry) for entry in bundle.status if not entry.uri
        }
        self.foreign_status = {entry.uri: _foreign(entry) for entry in bundle.status if entry.uri}
        self.hashes = HashLists(bundle.hashes)
        self.value_sets: dict[str, frozenset[str]] = {k: frozenset(v) for k, v in bundle.value_sets.items()}
        self.asks_more = bool(self.value_sets or self.hashes)  # of a certificate than form, time and key
        self.shc = ShcTrust(bundle.shc)
        # The one thing that grows: kinds of envelopes seen with a good signature (hcert.py); it changes no answer.
        self.envelopes: dict[bytes, tuple[TrustKey, bytes]] = {}

    def lacks(self, kid: bytes) -> str:
        """For those who ask why a key is not known: which key, and on which list of which day it is not."""
        key = f"key {b64url(kid)}" if len(kid) <= _MAX_KID else "a key id that is none"
        if not self.number:
            return f"{key} is not on the list that was given"
        return f"{key} is not on list {self.number} of {datetime.fromtimestamp(self.issued, UTC):%Y-%m-%d}"

    def age_notes(self, now: datetime) -> tuple[str, ...]:
        """Which list is in use, of which day (the signed date of its content), how old, and whether it has ended."""
        if not self.number:
            return ()
        days = (now.timestamp() - self.issued) / 86400
        ended = "; it has ended" if self.expires <= now.timestamp() else ""
        day = datetime.fromtimestamp(self.issued, UTC)
        return (f"trust: list {self.number} of {day:%Y-%m-%d}, {days:.1f} days old{ended}",)

    def keys_for(self, purpose: str, kid: bytes) -> tuple[TrustKey, ...]:
        """Every key listed under `kid` for `purpose`; several are normal."""
        return self.keys.get((purpose, kid), ())


def _index(entries: Iterable[KeyEntry]) -> Mapping[tuple[str, bytes], tuple[TrustKey, ...]]:
    index: dict[tuple[str, bytes], tuple[TrustKey, ...]] = {}
    for entry in entries:
        try:
            public = public_key(entry.key)
        except ValueError:
            raise BadTrust("a key in the list cannot be read") from None
        place = (entry.purpose, entry.kid)
        index[place] = (*index.get(place, ()), _trust_key(entry, public))
    return index


def _trust_key(entry: KeyEntry, public: PublicKey) -> TrustKey:
    return TrustKey(
        kid=entry.kid,
        kid_text=b64url(entry.kid),
        public=public,
        alg=algorithm_of(public),
        purpose=entry.purpose,
        issuer=entry.issuer,
        usages=frozenset(entry.usages),
        valid_from=float("-inf") if entry.valid_from is None else entry.valid_from,
        valid_to=float("inf") if entry.valid_to is None else entry.valid_to,
    )


def _unpacked(entry: StatusEntry) -> StatusList:
    if not 0 < entry.size <= 1 << 24 or entry.bits not in (1, 2, 4, 8):
        raise BadTrust("a status list of an absurd size")
    return unpack(entry.bits, entry.lst, (entry.size * entry.bits + 7) // 8)


def _foreign(entry: StatusEntry) -> ForeignList:
    return ForeignList(
        _unpacked(entry), entry.issuer, float("inf") if entry.expires is None else entry.expires
    )
