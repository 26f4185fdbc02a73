"""What people and the board see of places: free windows, how long the lines are and will be, who is not heard. Reads.

A site's device says how many stand in line and how much it still has to send; it signs that like everything else.
"""

from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pratique.core.canonical import canonical_json
from pratique.core.errors import Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.store.tx import Tx
from pratique.testing.booking import store
from pratique.testing.booking.model import Place, PlaceView, Window
from pratique.testing.booking.waiting import QUARTER_MS, forecast, minutes, walk_in
from pratique.testing.store import device

BELIEVED_FOR = timedelta(minutes=30)  # what a site said of its line is taken as it is for so long
DAY_MS = 86_400_000


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """People in line and tubes that wait on the device: counts, signed. `at`: device clock (ms)."""

    dev: str
    at: int
    waiting: int
    unsent: int
    sig: str


class Heard(msgspec.Struct, frozen=True):
    """A site's line as it was last said."""

    waiting: int
    unsent: int
    said_at: datetime


def say_line(tx: Tx, moment: Moment, line: Line) -> None:
    """A device says how its line is. Older news than what is known changes nothing. Raises Refusal."""
    row = device(tx, line.dev)
    plain = msgspec.to_builtins(line)
    del plain["sig"]
    try:
        if row is None or row[6] != "live":
            raise ValueError
        sig = urlsafe_b64decode(line.sig + "=" * (-len(line.sig) % 4))
        Ed25519PublicKey.from_public_bytes(bytes(row[2])).verify(sig, canonical_json(plain))
    except (InvalidSignature, ValueError, TypeError):
        raise Refusal(
            "BAD_SIGNATURE", "sig", Text("this is not signed by an enrolled device", "签名与已登记设备不符")
        ) from None
    if not (0 <= line.waiting <= 100_000 and 0 <= line.unsent <= 100_000):
        raise Refusal("BAD_COUNT", "waiting", Text("a count is 0 to 100000", "人数应为 0 至 100000"))
    store.put_line(tx, line.dev, str(row[1]), line.waiting, line.unsent, line.at, moment.now_ms)


def heard(tx: Tx, now: datetime, campaign_id: str) -> dict[str, Heard]:
    """What the devices of each site said last, taken together. A line that was said long ago counts as none."""
    rows = store.lines(tx, campaign_id, to_ms(now - BELIEVED_FOR))
    return {row[0]: Heard(int(row[1]), int(row[2]), from_ms(row[3])) for row in rows}


def windows(tx: Tx, now: datetime, campaign_id: str, zone: ZoneInfo, area_id: str = "") -> list[PlaceView]:
    """Every open place of a campaign with its windows from now to the end of tomorrow, and how long one will wait."""
    now_ms = to_ms(now)
    midnight = to_ms(now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0))
    rows = store.slots(tx, campaign_id, now_ms - QUARTER_MS + 1, midnight + 2 * DAY_MS)
    taken = store.booked_of_day(tx, campaign_id, midnight, midnight + DAY_MS)
    said = heard(tx, now, campaign_id)
    closed = store.closed_places(tx, campaign_id)
    views = []
    for place in places(tx, campaign_id):
        if (area_id and place.area_id != area_id) or place.id in closed:
            continue
        mine = [row for row in rows if row[1] == place.id]
        queue = said[place.id].waiting if place.id in said else 0
        waits = _waits(
            place, queue, taken.get(place.id, 0), now_ms, midnight, {int(r[2]): int(r[5]) for r in mine}
        )
        shown = [
            Window(
                r[0], from_ms(r[2]), int(r[4]) - int(r[5]), waits.get(int(r[2]), 0), bool(r[6]) and not r[12]
            )
            for r in mine
        ]
        wait_now = round(minutes(queue, place.per_hour)) if place.kind == "site" else None
        views.append(PlaceView(place.id, place.area_id, place.kind, place.name, wait_now, shown))
    return views


def places(tx: Tx, campaign_id: str) -> list[Place]:
    """The places of a campaign."""
    return [
        Place(r[0], r[1], r[2], Text(r[3], r[4]), int(r[5]), int(r[6])) for r in store.places(tx, campaign_id)
    ]


def _waits(
    place: Place, queue: int, taken: int, now_ms: int, midnight: int, booked: dict[int, int]
) -> dict[int, int]:
    """Minutes in line by the start of each quarter-hour of today and tomorrow that is still to come."""
    if place.kind != "site":
        return {}
    first = now_ms // QUARTER_MS * QUARTER_MS
    starts = range(first, midnight + 2 * DAY_MS, QUARTER_MS)
    arriving = [
        booked.get(at, 0) + walk_in(place.expected, taken, (at - midnight) % DAY_MS // QUARTER_MS)
        for at in starts
    ]
    steps = forecast(queue, arriving, place.per_hour)
    return {at: round(step.minutes) for at, step in zip(starts, steps, strict=True)}
