"""Use cases of the campaign: open it under a mandate, add sites, tube batches and laboratories, enrol devices.

Law 1: a campaign names a live mandate that unlocks `campaign`; the database refuses it otherwise.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.ids import ALPHABET
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.store.tx import Row, Tx
from pratique.testing import store, store_results, store_tubes, tubecode
from pratique.testing.model import Lab

TOKEN_HOURS = 72
PEOPLE_PER_HOUR = 131  # one lane, as measured in the field
CORRECTION_DAYS = 14


class Campaign(msgspec.Struct, frozen=True):
    """A campaign as faces show it."""

    id: str
    mandate_id: str
    name: Text
    capacity: int
    analytes: tuple[str, ...]
    opens_at: datetime
    closes_at: datetime


class Site(msgspec.Struct, frozen=True):
    """A site with how far it has come. Counts only."""

    id: str
    name: Text
    state: str
    tubes: int = 0
    people: int = 0


class Enrolled(msgspec.Struct, frozen=True):
    """A device and what it works for. `last_seq` is the last event of its chain that we hold."""

    device_id: str
    campaign: Campaign
    site: Site
    last_seq: int


def open_campaign(
    tx: Tx,
    moment: Moment,
    *,
    mandate_id: str,
    name: Text,
    capacity: int,
    analytes: Sequence[str],
    opens_at: datetime,
    closes_at: datetime,
    window_days: int = CORRECTION_DAYS,
) -> str:
    """A campaign's id. `capacity` is people a tube, 1 to 20. Raises NoMandate, Refusal."""
    store.require_mandate(tx, mandate_id, moment.now_ms)
    if not 1 <= capacity <= 20:
        raise Refusal("BAD_CAPACITY", "capacity", Text("a tube holds 1 to 20 people", "每管 1 至 20 人"))
    if not analytes or any(not a or " " in a for a in analytes):
        raise Refusal(
            "BAD_ANALYTES", "analytes", Text("name at least one LOINC code", "请至少指定一个 LOINC 代码")
        )
    if closes_at <= opens_at:
        raise Refusal(
            "BAD_WINDOW", "closes_at", Text("a campaign ends after it begins", "结束时间应晚于开始时间")
        )
    campaign_id = moment.new_id()
    store.add_campaign(
        tx, id=campaign_id, mandate_id=mandate_id, name_en=name.en, name_zh=name.zh_hans, capacity=capacity,
        analytes=" ".join(analytes), opens_at=to_ms(opens_at), closes_at=to_ms(closes_at),
        window_days=window_days, created_at=moment.now_ms,
    )  # fmt: skip
    return campaign_id


def campaign_by_id(tx: Tx, campaign_id: str) -> Campaign:
    """Raises NotFound."""
    row = store.campaign(tx, campaign_id)
    if row is None:
        raise nothing("campaign_id")
    return _campaign(row)


def campaigns(tx: Tx) -> list[Campaign]:
    """All campaigns, by opening time."""
    return [_campaign(row) for row in store.campaigns(tx)]


def add_site(tx: Tx, moment: Moment, campaign_id: str, name: Text, lanes: int = 1) -> str:
    """A site with `lanes` lanes; its id. Raises NotFound."""
    campaign_by_id(tx, campaign_id)
    site_id = moment.new_id()
    store.add_site(
        tx,
        id=site_id,
        campaign_id=campaign_id,
        name_en=name.en,
        name_zh=name.zh_hans,
        created_at=moment.now_ms,
    )
    for lane in range(1, lanes + 1):
        store.add_lane(tx, site_id, lane, PEOPLE_PER_HOUR)
    return site_id


def site_name(tx: Tx, site_id: str) -> Text:
    """What a site is called. Raises NotFound."""
    row = store.site(tx, site_id)
    if row is None:
        raise nothing("site_id")
    return Text(row[2], row[3])


def sites_of(tx: Tx, campaign_id: str) -> list[Site]:
    """Sites of a campaign with tubes and people registered so far."""
    return [Site(r[0], Text(r[1], r[2]), r[3], int(r[4]), int(r[5])) for r in store.sites(tx, campaign_id)]


def add_tube_batch(tx: Tx, campaign_id: str, prefix: str, scheme: str, printer: str = "") -> None:
    """Tubes whose code begins with `prefix` follow `scheme`; the longest prefix counts. Raises Refusal."""
    if scheme not in tubecode.SCHEMES:
        raise Refusal(
            "BAD_SCHEME",
            "scheme",
            Text("the scheme is iso7064-mod37-36 or none", "校验方案应为 iso7064-mod37-36 或 none"),
        )
    store_tubes.add_batch(tx, prefix.upper(), scheme, printer, campaign_id)


def add_lab(
    tx: Tx,
    moment: Moment,
    name: str,
    *,
    oid: str = "",
    zone: str = "Asia/Shanghai",
    charset: str = "",
    always_answer: bool = False,
    sends_controls: bool = False,
    run_minutes: int = 60,
    filler_is_tube: bool = False,
    tubes_a_day: int = 0,
) -> str:
    """A laboratory under the name it sends in MSH-4; its id. Raises Conflict for a name that is taken."""
    if store_results.lab_named(tx, name) is not None:
        raise Conflict(
            "LAB_EXISTS", "name", Text("a laboratory of this name exists", "该名称的检测机构已存在")
        )
    lab = Lab(
        moment.new_id(),
        name,
        oid,
        zone,
        charset,
        always_answer,
        sends_controls,
        run_minutes,
        filler_is_tube,
        tubes_a_day,
    )
    store_results.add_lab(tx, lab, moment.now_ms)
    return lab.id


# Devices


def make_device_token(tx: Tx, moment: Moment, site_id: str) -> str:
    """A token that enrols one device at this site, once, within 72 hours. Only its hash is kept. Raises NotFound."""
    if store.site(tx, site_id) is None:
        raise nothing("site_id")
    token = "".join(ALPHABET[byte & 31] for byte in moment.random(20))
    expires = to_ms(moment.now + timedelta(hours=TOKEN_HOURS))
    store.add_token(tx, _hash(token), site_id, moment.now_ms, expires)
    return token


def enrol_device(tx: Tx, moment: Moment, token: str, public_key: bytes) -> Enrolled:
    """The device with this Ed25519 key, enrolled at the token's site. The same key with the same token again is the
    same device (the answer was lost). Raises Refusal, NoMandate."""
    if len(public_key) != 32:
        raise Refusal(
            "BAD_KEY", "public_key", Text("an Ed25519 key has 32 bytes", "Ed25519 公钥应为 32 字节")
        )
    known = store.token_device(tx, _hash(token))
    if known is not None and store.device_key(tx, known) == public_key:
        return device_by_id(tx, known)
    device_id = moment.new_id()
    site_id = store.use_token(tx, _hash(token), device_id, moment.now_ms)
    if site_id is None:
        raise Refusal(
            "TOKEN_USED", "token",
            Text("this code is used, old or mistyped; ask for another", "该登记码已使用、过期或有误，请索取新码"),
        )  # fmt: skip
    store.add_device(tx, device_id, site_id, public_key, moment.now_ms)
    enrolled = device_by_id(tx, device_id)
    store.require_mandate(tx, enrolled.campaign.mandate_id, moment.now_ms)
    return enrolled


def device_by_id(tx: Tx, device_id: str) -> Enrolled:
    """Raises NotFound."""
    row = store.device(tx, device_id)
    if row is None or row[6] != "live":
        raise nothing("device_id")
    site = store.site(tx, row[1])
    assert site is not None  # noqa: S101 - a foreign key holds it
    return Enrolled(
        device_id, campaign_by_id(tx, row[7]), Site(site[0], Text(site[2], site[3]), site[4]), int(row[3])
    )


def _hash(token: str) -> bytes:
    return sha256(b"device\x00" + token.strip().upper().encode()).digest()


def _campaign(row: Row) -> Campaign:
    return Campaign(
        row[0],
        row[1],
        Text(row[2], row[3]),
        int(row[4]),
        tuple(row[5].split()),
        from_ms(row[6]),
        from_ms(row[7]),
    )


def nothing(field: str) -> NotFound:
    """The refusal for what is not here."""
    return NotFound("NOT_FOUND", field, Text("there is no such thing here", "没有找到"))
