"""HTTP routes of the room `testing`: enrol a site device, take its sealed tubes. Thin.

A device has no session: it signs every event with the key it enrolled, so these routes are open to anybody and take
nothing that is not signed.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import service
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.taking import Taker
from pratique.web.frame import Answer, Call, Route


class NewDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one-time code a site was given, and the device's Ed25519 public key (32 bytes, base64url)."""

    token: Annotated[str, msgspec.Meta(max_length=64)]
    public_key: Annotated[str, msgspec.Meta(max_length=64)]


class CampaignView(msgspec.Struct, frozen=True):
    """What a site must know of its campaign. `capacity`: people a tube."""

    id: str
    name: Text
    capacity: int
    mandate_id: str
    batches: list["Batch"] = []


class Batch(msgspec.Struct, frozen=True):
    """Tube codes that begin with `prefix`: their check scheme, and whether they belong to this campaign."""

    prefix: str
    scheme: str
    ours: bool


class SiteView(msgspec.Struct, frozen=True):
    """Where the device works."""

    id: str
    name: Text


class DeviceView(msgspec.Struct, frozen=True):
    """An enrolled device. `last_seq`: the last event of its chain that is stored here; `server_key`: X25519, for
    the copy of a manifest that a second phone carries (empty where this deployment takes none)."""

    device_id: str
    campaign: CampaignView
    site: SiteView
    server_key: str
    last_seq: int
    now: str


class TubeEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most 50 events, oldest first. `now`: the device's clock as it sends, so that ours can correct it."""

    events: Annotated[list[TubeEvent], msgspec.Meta(max_length=50)]
    now: str = ""


class TubeResults(msgspec.Struct, frozen=True):
    """One result an event, in order."""

    results: list[EventResult]
    now: str


def routes(store: Store, tell: service.Tell, server_key: bytes = b"") -> list[Route]:
    """`tell` reaches policy and notices; `server_key` is our X25519 public key."""

    taker = Taker(store, tell)

    async def enrol(call: Call) -> Answer:
        key = _bytes(call.body.public_key)

        def act(tx: Tx) -> DeviceView:
            return _view(
                tx, service.enrol_device(tx, call.moment, call.body.token, key), server_key, call.moment
            )

        return Answer(await store.awrite(act), 201)

    async def look(call: Call) -> DeviceView:

        def act(tx: Tx) -> DeviceView:
            return _view(tx, service.device_by_id(tx, call.path["device_id"]), server_key, call.moment)

        return await store.aread(act)

    async def take(call: Call) -> TubeResults:
        body = call.body

        results = await taker.take(call.moment, body.events, body.now)
        return TubeResults(results, rfc3339(call.moment.now))

    return [
        Route("POST", "/v1/devices", enrol, ("public",), "enrol a site device", NewDevice, DeviceView, limit=60),
        Route("GET", "/v1/devices/{device_id}", look, ("public",), "a device, its site and campaign", gives=DeviceView),
        Route(
            "POST", "/v1/tube-events", take, ("public",), "signed events of sealed tubes", TubeEvents, TubeResults,
            limit=6000,
        ),
    ]  # fmt: skip


def _view(tx: Tx, enrolled: service.Enrolled, server_key: bytes, moment: Moment) -> DeviceView:
    campaign, site = enrolled.campaign, enrolled.site
    batches = [Batch(row[0], row[1], bool(row[2])) for row in service.batches_for(tx, campaign.id)]
    return DeviceView(
        enrolled.device_id,
        CampaignView(campaign.id, campaign.name, campaign.capacity, campaign.mandate_id, batches),
        SiteView(site.id, site.name),
        urlsafe_b64encode(server_key).decode().rstrip("="),
        enrolled.last_seq,
        rfc3339(moment.now),
    )


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refusal("BAD_KEY", "public_key", Text("a key is base64url", "公钥应为 base64url")) from None
