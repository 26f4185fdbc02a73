"""A sealed-tube event, checked: signature, chain, clock, site, code, members. Reads only; writes nothing.

Each check is a refusal that names its field. The device's clock is corrected by its skew, at most a day.
"""

import re
from base64 import urlsafe_b64decode
from datetime import UTC
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.errors import Refusal
from pratique.core.ids import is_id
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.people import service as people
from pratique.store.tx import Tx
from pratique.testing import store, store_tubes, tubecode
from pratique.testing.model import Member, TubeEvent
from pratique.testing.times import read_fhir

DAY_MS = 86_400_000
SLACK_MS = 120_000  # a device clock this far off needs no correction

# RFC 8785 for what an event is (ASCII keys, texts, whole numbers): `core.canonical` in one pass of C; a test compares.
_SORTED = msgspec.json.Encoder(order="sorted")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


class Device(msgspec.Struct, frozen=True):
    """A device as it stands before an event."""

    id: str
    site_id: str
    public_key: bytes
    last_seq: int
    last_hash: str
    skew_ms: int
    state: str
    campaign_id: str
    site_state: str


class _Signed(msgspec.Struct, frozen=True):
    """An event without its signature: what is signed."""

    id: str
    code: str
    site: str
    lane: int
    dev: str
    seq: int
    prev: str
    opened: str
    sealed: str
    m: list[Member]


class Sealed(msgspec.Struct, frozen=True):
    """An event whose fields are right, times corrected to ours (`device_sealed_at` is as sent)."""

    code: str
    mandate_id: str
    analytes: tuple[str, ...]
    opened_at: int
    sealed_at: int
    device_sealed_at: int
    members: tuple[tuple[int, str, int], ...]  # place, subject, time
    unknown: tuple[
        int, ...
    ]  # index of members nobody knows (forgotten since): they keep their place, nothing more

    @property
    def subjects(self) -> list[str]:
        return [subject for _, subject, _ in self.members]


def refuse(code: str, field: str, en: str, zh: str) -> Refusal:
    """A refusal with both texts."""
    return Refusal(code, field, Text(en, zh))


def event_bytes(event: TubeEvent) -> bytes:
    """What a device signs, and what the next event's `prev` is the SHA-256 of: canonical JSON without `sig`."""
    return _SORTED.encode(
        _Signed(
            event.id, event.code, event.site, event.lane, event.dev, event.seq, event.prev, event.opened,
            event.sealed, event.m,
        )
    )  # fmt: skip


def authentic(tx: Tx, event: TubeEvent) -> tuple[Device, str]:
    """The device that signed this event, and the event's hash. Raises Refusal."""
    row = store.device(tx, event.dev) if is_id(event.dev) else None
    if row is None or row[6] != "live":
        raise refuse(
            "UNKNOWN_DEVICE",
            "dev",
            "this device is not enrolled here; enrol it again",
            "设备未在此登记，请重新登记",
        )
    device = Device(*row)
    try:
        signed = event_bytes(event)
        sig = urlsafe_b64decode(event.sig + "=" * (-len(event.sig) % 4))
        Ed25519PublicKey.from_public_bytes(bytes(device.public_key)).verify(sig, signed)
    except (InvalidSignature, ValueError, TypeError):
        raise refuse("BAD_SIGNATURE", "sig", "the signature is not this device's", "签名与设备不符") from None
    if not is_id(event.id):
        raise refuse("BAD_ID", "id", "an event id is 26 characters", "事件编号应为 26 位字符")
    return device, sha256(signed).hexdigest()


def skew_of(ahead_ms: int, before_ms: int, *, told: bool) -> int:
    """How far a device clock is ahead of ours.

    `told`: the device said what its clock shows now. Otherwise only a clock ahead can be seen, because nothing is
    sealed later than it is sent; what was known before stays.
    """
    if told:
        return ahead_ms if abs(ahead_ms) > SLACK_MS else 0
    return ahead_ms if ahead_ms > SLACK_MS else before_ms


def check(tx: Tx, moment: Moment, device: Device, event: TubeEvent, skew: int) -> Sealed:
    """The event with its fields checked. Raises Refusal (naming the field) or NoMandate."""
    campaign = store.campaign(tx, device.campaign_id)
    assert campaign is not None  # noqa: S101 - a foreign key holds it
    store.require_mandate(tx, campaign[1], moment.now_ms)
    if event.site != device.site_id:
        raise refuse("WRONG_SITE", "site", "this device belongs to another site", "该设备属于其他采样点")
    batch = store_tubes.batch_of(tx, event.code.strip().upper())
    if batch is not None and batch[1] != device.campaign_id:
        raise refuse("WRONG_BATCH", "code", "this tube belongs to another campaign", "该管属于其他采样行动")
    code = tubecode.tidy(event.code, batch[0] if batch else tubecode.SCHEMES[0])
    _check_size(event, int(campaign[4]))
    opened, sealed = read_ms(event.opened, "opened"), read_ms(event.sealed, "sealed")
    if abs(skew) > DAY_MS:
        raise refuse("CLOCK", "sealed", "the device clock is wrong by more than a day; set it and seal again",
                     "设备时钟误差超过一天，请校准后重新封管")  # fmt: skip
    if opened > sealed:
        raise refuse("CLOCK", "opened", "a tube is opened before it is sealed", "开管时间应早于封管时间")
    if sealed - skew < int(campaign[6]) - DAY_MS:
        raise refuse(
            "TOO_EARLY",
            "sealed",
            "this tube was sealed before the campaign began",
            "封管时间早于采样行动开始",
        )
    members = _members(event, skew, moment.now_ms)
    known = people.existing(tx, [subject for _, subject, _ in members])
    if not known:
        raise refuse(
            "UNKNOWN_SUBJECT",
            "m[0].s",
            "this sampling code is not known; scan it again",
            "采样码无效，请重新扫描",
        )
    return Sealed(
        code, str(campaign[1]), tuple(campaign[5].split()), min(opened - skew, moment.now_ms),
        min(sealed - skew, moment.now_ms), sealed, members,
        tuple(n for n, (_, subject, _) in enumerate(members) if subject not in known),
    )  # fmt: skip


def _check_size(event: TubeEvent, capacity: int) -> None:
    if not event.m:
        raise refuse("TUBE_EMPTY", "m", "there is nobody in this tube", "该管中没有人员")
    if len(event.m) > capacity:
        raise refuse("TUBE_OVERFULL", f"m[{capacity}]", f"a tube holds at most {capacity} people; start a new tube",
                     f"每管最多 {capacity} 人，请另开新管")  # fmt: skip
    if not 0 <= event.lane <= 99:
        raise refuse("BAD_LANE", "lane", "a lane is a number up to 99", "通道号应不大于 99")


def _members(event: TubeEvent, skew: int, now: int) -> tuple[tuple[int, str, int], ...]:
    found: list[tuple[int, str, int]] = []
    for n, member in enumerate(event.m):
        if not is_id(member.s):
            raise refuse(
                "UNKNOWN_SUBJECT",
                f"m[{n}].s",
                "this is no sampling code; scan it again",
                "采样码无效，请重新扫描",
            )
        if any(member.s == subject for _, subject, _ in found):
            raise refuse("TWICE_IN_TUBE", f"m[{n}].s", "this person is in the tube already", "此人已在该管中")
        if member.p != n + 1:
            raise refuse("BAD_PLACE", f"m[{n}].p", "places count up from 1", "位置应从 1 起递增")
        found.append((member.p, member.s, min(read_ms(member.at, f"m[{n}].at") - skew, now)))
    return tuple(found)


def is_time(text: str) -> bool:
    """True for RFC 3339 with a zone."""
    return _TIME.fullmatch(text) is not None


def read_ms(text: str, field: str) -> int:
    """Milliseconds of an RFC 3339 time. Raises Refusal."""
    try:
        if not is_time(text):
            raise ValueError
        return to_ms(read_fhir(text, UTC).at)
    except ValueError:
        raise refuse("BAD_TIME", field, "a time looks like 2026-01-05T08:00:00+08:00",
                     "时间格式应如 2026-01-05T08:00:00+08:00") from None  # fmt: skip
