"""HTTP routes of the site app: enrol a device with a one-time token, hand in sealed-tube events. Thin.

Events carry their device's own signature, so no token stands in a header and none can be stolen.
"""

from base64 import urlsafe_b64encode
from typing import Annotated

import msgspec

from pratique.core.errors import Refusal
from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.people.binding import from_b64
from pratique.store.store import Store
from pratique.testing import service
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.registration import MAX_EVENTS
from pratique.web.frame import Answer, Call, Route


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device's one-time token and its Ed25519 key (base64url of 32 bytes)."""

    token: Annotated[str, msgspec.Meta(max_length=40)]
    public_key: Annotated[str, msgspec.Meta(max_length=60)]


class CampaignView(msgspec.Struct, frozen=True):
    id: str
    name: Text
    capacity: int
    mandate_id: str


class SiteView(msgspec.Struct, frozen=True):
    id: str
    name: Text


class DeviceView(msgspec.Struct, frozen=True):
    """Who the device is now. `server_key` (X25519) is for manifests that a second phone carries."""

    device_id: str
    campaign: CampaignView
    site: SiteView
    last_seq: int
    server_key: str
    now: str


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most 50 events, oldest first. `now` is the device's clock as it sends them (RFC 3339), if it says so."""

    events: Annotated[list[TubeEvent], msgspec.Meta(max_length=MAX_EVENTS)]
    now: str = ""


class EventsTaken(msgspec.Struct, frozen=True):
    """One result an event, in order."""

    results: list[EventResult]
    now: str


def routes(store: Store, tell: service.Tell, server_key: bytes) -> list[Route]:
    """`tell` is wired to decisions and notices; `server_key` is the public X25519 key for manifests."""
    key = urlsafe_b64encode(server_key).rstrip(b"=").decode()

    async def enrol(call: Call) -> Answer:
        public_key = from_b64(call.body.public_key, 32, "public_key")
        found = await store.awrite(
            lambda tx: service.enrol_device(tx, call.moment, call.body.token, public_key)
        )
        campaign, site = found.campaign, found.site
        view = DeviceView(
            found.device_id,
            CampaignView(campaign.id, campaign.name, campaign.capacity, campaign.mandate_id),
            SiteView(site.id, site.name),
            found.last_seq,
            key,
            rfc3339(call.moment.now),
        )
        return Answer(view, 201)

    async def events(call: Call) -> EventsTaken:
        body: Events = call.body
        if not body.events:
            raise Refusal("NO_EVENTS", "events", Text("there is no event in it", "其中没有事件"))
        taken = await store.awrite(
            lambda tx: service.take_events(tx, call.moment, body.events, tell, body.now)
        )
        return EventsTaken(taken, rfc3339(call.moment.now))

    public = ("public",)
    return [
        Route("POST", "/v1/devices", enrol, public, "enrol a site's device", Enrolment, DeviceView, 20),
        Route("POST", "/v1/tube-events", events, public, "hand in sealed tubes", Events, EventsTaken, 6000),
    ]
