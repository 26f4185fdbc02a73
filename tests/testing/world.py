"""A small made-up world for the tests of this room: one campaign, one site device, two laboratories, a clock to move.

What people are told is written down by a port of its own, so that these tests need neither policy nor notices.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique.core.moment import Moment, rfc3339, to_ms
from pratique.core.text import Text
from pratique.people import service as people
from pratique.policy.service import EvidenceChange
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import service
from pratique.testing.intake import Judged, LabChannel
from pratique.testing.model import EventResult, Member, TubeEvent
from pratique.testing.sealed import event_bytes

DAY = datetime(2026, 1, 5, tzinfo=UTC)
ANALYTE = "94500-6"
NEGATIVE, POSITIVE, UNCLEAR = "895231008", "462371000124108", "897500001"
SINGLE_NEGATIVE, SINGLE_POSITIVE = "260415000", "260373001"


def put_mandate(tx: Tx, start: datetime, days: int = 60) -> str:
    """A published mandate that allows campaigns, as the room `mandates` leaves it in its tables."""
    mandate = Moment(start, secrets.token_bytes).new_id()
    tx.run(
        "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) VALUES (:id, :start, :end, :end, 24)",
        id=mandate, start=to_ms(start), end=to_ms(start + timedelta(days=days)),
    )  # fmt: skip
    tx.run("INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, 'campaign')", id=mandate)
    tx.run("UPDATE mandate SET published_at = start_at WHERE id = :id", id=mandate)
    return mandate


class Device:
    """A site device: a key, a chain, a clock that may be wrong."""

    def __init__(self, world: "World", ahead: timedelta = timedelta()) -> None:
        self.world, self.ahead = world, ahead
        self.key = Ed25519PrivateKey.generate()
        self.seq, self.prev = 0, ""
        public = self.key.public_key().public_bytes_raw()

        def enrol(tx: Tx) -> str:
            token = service.make_device_token(tx, world.moment(), world.site)
            return service.enrol_device(tx, world.moment(), token, public).device_id

        self.id = world.store.write(enrol)

    def event(
        self, code: str, subjects: Sequence[str], *, at: datetime | None = None, **changes: object
    ) -> TubeEvent:
        """The next event of the chain, signed; `changes` are made before signing."""
        self.seq += 1
        when = rfc3339((at or self.world.now) + self.ahead)
        event = TubeEvent(
            self.world.moment().new_id(), code, self.world.site, 1, self.id, self.seq, self.prev, when, when,
            [Member(s, n, when) for n, s in enumerate(subjects, 1)], "",
        )  # fmt: skip
        event = self.sign(msgspec.structs.replace(event, **changes))
        self.prev = sha256(event_bytes(event)).hexdigest()
        return event

    def sign(self, event: TubeEvent) -> TubeEvent:
        """The same event with its signature."""
        sig = urlsafe_b64encode(self.key.sign(event_bytes(event))).decode().rstrip("=")
        return msgspec.structs.replace(event, sig=sig)


class World:
    """Everything a test of this room stands on. `now` is moved by the test."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self.store, self.sealer, self.now = store, sealer, DAY
        self.told: list[EvidenceChange] = []
        self.controls = 0

        def build(tx: Tx) -> None:
            self.mandate = put_mandate(tx, DAY - timedelta(days=1))
            self.campaign = service.open_campaign(
                tx, self.moment(), mandate_id=self.mandate, name=Text("made-up round", "虚构采样"), capacity=10,
                analytes=[ANALYTE], opens_at=DAY, closes_at=DAY + timedelta(days=30),
            )  # fmt: skip
            self.site = service.add_site(
                tx, self.moment(), self.campaign, Text("site one", "一号点"), lanes=2
            )
            service.add_tube_batch(tx, self.campaign, "X", "none")
            service.add_lab(tx, self.moment(), "LAB-A", oid="2.999.1")
            service.add_lab(tx, self.moment(), "LAB-B", oid="2.999.2")

        store.write(build)
        self.device = Device(self)

    def moment(self) -> Moment:
        return Moment(self.now, secrets.token_bytes)

    def tell(self, tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        tx.after_commit(lambda: self.told.extend(changes))

    def people(self, n: int) -> list[str]:
        return self.store.write(lambda tx: people.create_papers(tx, self.moment(), n))

    def take(self, *events: TubeEvent, now: str = "") -> list[EventResult]:
        return self.store.write(lambda tx: service.take_events(tx, self.moment(), events, self.tell, now))

    def pool(self, code: str, n: int = 10, *, lab: str | None = "LAB-A") -> list[str]:
        """A registered tube of n people, at the laboratory since an hour and a half."""
        subjects = self.people(n)
        assert [r.outcome for r in self.take(self.device.event(code, subjects))] == ["stored"]
        if lab:
            self.receive(code, lab=lab, at=self.now - timedelta(minutes=90))
        return subjects

    def receive(self, *codes: str, lab: str = "LAB-A", at: datetime | None = None) -> None:
        at_ms = to_ms(at) if at else 0
        self.store.write(
            lambda tx: service.receive_at_lab(tx, self.moment(), lab, codes, "courier", self.tell, at_ms)
        )

    def send(self, raw: bytes, channel: LabChannel | None = None, batch_key: str = "") -> Judged:
        use = channel or LabChannel()
        return self.store.write(
            lambda tx: service.receive(tx, self.moment(), raw, use, self.tell, self.sealer, batch_key)
        )

    def report(self, code: str, result: str, **fields: str) -> str:
        """Send one result; the letter of the verdict and, on a refusal, its field."""
        self.controls += 1
        fields.setdefault("control", f"K{self.controls}")
        ack = self.send(oru(code, result, self.now, **fields)).ack
        return ack.letter if ack.letter == "A" else f"{ack.letter} {ack.code} {ack.field}"

    def later(self, **span: float) -> None:
        """Let the clock run, judging runs on the way."""
        self.now += timedelta(seconds=5)
        self.settle()
        self.now += timedelta(**span)

    def settle(self) -> None:
        self.store.write(lambda tx: service.settle(tx, self.moment(), self.tell))

    def state(self, code: str) -> str:
        with self.store.read() as tx:
            row = tx.one("SELECT state FROM tube_state WHERE code = :code", code=code)
        return str(row[0]) if row else "no-result"

    def count(self, table: str) -> int:
        with self.store.read() as tx:
            row = tx.one(f"SELECT COUNT(*) FROM {table}")
        return int(row[0]) if row else 0

    def heard(self, subject: str) -> list[str]:
        """What one person was told about results, in order."""
        mine = [c.evidence.outcome for c in self.told if c.evidence.subject_id == subject]
        return [outcome for outcome in mine if outcome != "sample-sealed"]


def oru(
    code: str,
    result: str,
    at: datetime,
    *,
    control: str = "C1",
    lab: str = "LAB-A",
    oid: str = "",
    status: str = "F",
    loinc: str = ANALYTE,
    people: str = "10",
    reported: str = "",
    name: str = "POOL",
    charset: str = "UNICODE UTF-8",
    ends: str = "\r",
    accept: str = "AL",
    instrument: str = "",
    extra: str = "",
) -> bytes:
    """A made-up ORU^R01 about one tube."""
    stamp = at.strftime("%Y%m%d%H%M%S+0000")
    told = reported or stamp
    lines = [
        f"MSH|^~\\&|LIS|{lab}^{oid}^ISO|PRATIQUE|HUB|{stamp}||ORU^R01^ORU_R01|{control}|P|2.5.1|||{accept}|NE||{charset}",
        f"PID|1||{code}||{name}",
        f"ORC|RE|{code}",
        f"OBR|1|{code}||{loinc}^test^LN|||{stamp}|||||||||||||||{told}|||{status}",
        f"OBX|1|CWE|{loinc}^test^LN||{result}^said^SCT|||N|||{status}|||{told}||||{instrument}|{told}",
        f"SPM|1|{code}&PRATIQUE||258529004^swab^SCT|||||||G||{people}||||{stamp}|{stamp}",
    ]
    if extra:
        lines.append(extra)
    encoding = "gb18030" if charset.startswith("GB") else "utf-8"
    return (ends.join(lines) + ends).encode(encoding)
