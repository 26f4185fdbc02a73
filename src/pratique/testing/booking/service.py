"""Use cases of booking, each in its caller's transaction.

A ticket is a convenience, never a condition: who walks in is sampled. Nobody is written down: a ticket stands under
`mark_of`, a digest of person, campaign and day that only the mandate's secret can make, and it goes with its day.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.store.sealing import Sealer
from pratique.store.tx import Row, Tx
from pratique.testing.booking import lottery, store
from pratique.testing.booking.model import Area, Kind, Place, Purpose, Release, Single, Slot, Ticket
from pratique.testing.booking.waiting import QUARTER_MS
from pratique.testing.campaigns import campaign_by_id
from pratique.testing.store import require_mandate

LEAD = timedelta(minutes=30)  # nobody is given a window sooner than they can get there
LOOKED_AT = 250  # windows a search for the next free one goes through
BOOKABLE = 0.5  # share of what the lanes can do that is given away beforehand; the rest is for who walks in
LOTTERY_FOR = timedelta(seconds=60)
MOST_WISHES = 10

# Areas, places and windows


def add_area(tx: Tx, moment: Moment, campaign_id: str, name: Text) -> str:
    """An area of a campaign; its id. Raises NotFound, NoMandate (law 1)."""
    campaign = campaign_by_id(tx, campaign_id)
    require_mandate(tx, campaign.mandate_id, moment.now_ms)
    area_id = moment.new_id()
    store.add_area(
        tx, id=area_id, campaign_id=campaign_id, mandate_id=campaign.mandate_id, name_en=name.en,
        name_zh=name.zh_hans, made_at=moment.now_ms,
    )  # fmt: skip
    return area_id


def areas_of(tx: Tx, campaign_id: str) -> list[Area]:
    """The areas of a campaign."""
    return [Area(r[0], r[1], r[2], Text(r[3], r[4])) for r in store.areas(tx, campaign_id)]


def add_site_place(tx: Tx, area_id: str, site_id: str, *, expected: int = 0) -> str:
    """Make a site bookable in an area: it takes what its lanes take. Raises NotFound, Refusal."""
    area, site = store.area(tx, area_id), store.site_with_rate(tx, site_id)
    if area is None or site is None or site[0] != area[1]:
        raise _nothing("site_id")
    if not site[3]:
        raise Refusal("NO_LANE", "site_id", Text("this site has no lane yet", "该采样点尚无通道"))
    store.add_place(
        tx, id=site_id, area_id=area_id, kind="site", name_en=site[1], name_zh=site[2], per_hour=int(site[3]),
        expected=expected,
    )  # fmt: skip
    return site_id


def add_home_team(tx: Tx, moment: Moment, area_id: str, name: Text, per_hour: int) -> str:
    """A team that samples at home, so many people an hour; its id. Raises NotFound, Refusal."""
    if store.area(tx, area_id) is None:
        raise _nothing("area_id")
    if not 1 <= per_hour <= 1000:
        raise Refusal("BAD_RATE", "per_hour", Text("people an hour: 1 to 1000", "每小时人数应为 1 至 1000"))
    place_id = moment.new_id()
    store.add_place(
        tx, id=place_id, area_id=area_id, kind="home", name_en=name.en, name_zh=name.zh_hans, per_hour=per_hour,
        expected=0,
    )  # fmt: skip
    return place_id


def open_windows(
    tx: Tx,
    moment: Moment,
    place_id: str,
    *,
    opens_at: datetime,
    closes_at: datetime,
    zone: ZoneInfo,
    share: float = BOOKABLE,
    release_id: str = "",
) -> int:
    """Windows of 15 minutes from `opens_at` on; how many. Those that are there already stay as they are.

    `share` of what the lanes can do may be booked; a home team takes nobody who was not. Raises NotFound, Refusal.
    """
    place = place_by_id(tx, place_id)
    first, last = -(-to_ms(opens_at) // QUARTER_MS), to_ms(closes_at) // QUARTER_MS
    if not 0 < last - first <= 4 * 24 * 7:
        raise Refusal(
            "BAD_WINDOW", "closes_at", Text("windows span a quarter-hour to a week", "时段应为十五分钟至一周")
        )
    capacity = int(place.per_hour / 4 * (share if place.kind == "site" else 1))
    rows: list[dict[str, object]] = [
        {
            "id": moment.new_id(), "place_id": place_id, "start_at": n * QUARTER_MS, "capacity": max(1, capacity),
            "forget_at": _end_of_day(n * QUARTER_MS, zone), "release_id": release_id,
        }
        for n in range(first, last)
    ]  # fmt: skip
    store.add_slots(tx, rows)
    store.add_days(tx, place.area_id, {_end_of_day(n * QUARTER_MS, zone) for n in range(first, last)})
    return len(rows)


def place_by_id(tx: Tx, place_id: str) -> Place:
    """Raises NotFound."""
    row = store.place(tx, place_id)
    if row is None:
        raise _nothing("place_id")
    return Place(row[0], row[1], row[2], Text(row[3], row[4]), int(row[5]), int(row[6]))


def _end_of_day(start_ms: int, zone: ZoneInfo) -> int:
    """Midnight after the window, where the people live."""
    here = from_ms(start_ms).astimezone(zone)
    tomorrow = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return to_ms(tomorrow)


# Tickets


def mark_of(sealer: Sealer, slot: Slot, who: str, purpose: Purpose) -> bytes:
    """What stands for a person on one day of one campaign, and on no other."""
    return _mark(sealer, slot.mandate_id, slot.campaign_id, slot.forget_at, purpose, who)


def book(
    tx: Tx, moment: Moment, sealer: Sealer, who: str, slot_id: str, purpose: Purpose = "screen"
) -> Ticket:
    """Keep a place in this window. `who`: a subject id, or the code of a voucher.

    A person has one ticket a day: a second booking moves the first, and only if the new window has room. Raises
    NotFound, NoMandate, Conflict (full, past, at a closed site, or still given by lot).
    """
    slot = _slot(tx, slot_id)
    require_mandate(tx, slot.mandate_id, moment.now_ms)
    if slot.start_at + QUARTER_MS <= moment.now_ms:
        raise Conflict(
            "WINDOW_OVER", "slot_id", Text("this window is over; take a later one", "该时段已过，请另选")
        )
    if slot.place_id in store.closed_places(tx, slot.campaign_id):
        raise Conflict(
            "SITE_CLOSED",
            "slot_id",
            Text("this site is closed for now; take another", "该采样点暂时关闭，请另选"),
        )
    if slot.release_id and not slot.drawn:
        raise Conflict(
            "BY_LOT",
            "slot_id",
            Text("this window is given by lot; enter a wish", "该时段以抽签发放，请提交意愿"),
        )
    return _give(tx, moment, slot, mark_of(sealer, slot, who, purpose), purpose)


def _give(tx: Tx, moment: Moment, slot: Slot, mark: bytes, purpose: Purpose) -> Ticket:
    before = store.ticket(tx, mark)
    if before is not None and before[2] == slot.id:
        return _ticket(before)
    if not store.take(tx, slot.id):
        raise Conflict(
            "WINDOW_FULL",
            "slot_id",
            Text("this window is full; take another, or walk in", "该时段已满，请另选，或直接前往排队"),
        )
    ticket_id = moment.new_id()
    if before is not None:
        ticket_id = str(before[1])
        store.move_ticket(tx, mark, slot.id)
        store.give_back(tx, str(before[2]))
    elif not store.add_ticket(tx, mark, ticket_id, slot.id, purpose):
        store.give_back(tx, slot.id)  # another connection was quicker for the same person: theirs stands
        row = store.ticket(tx, mark)
        assert row is not None  # noqa: S101 - it is why nothing was added
        return _ticket(row)
    return Ticket(ticket_id, slot.id, slot.place, slot.kind, from_ms(slot.start_at), purpose)


def cancel(tx: Tx, sealer: Sealer, who: str, slot_id: str, purpose: Purpose = "screen") -> bool:
    """Give the place back. False if there was no ticket (cancelled before, or another window). Raises NotFound."""
    mark = mark_of(sealer, _slot(tx, slot_id), who, purpose)
    row = store.ticket(tx, mark)
    if row is None or row[2] != slot_id:
        return False
    store.drop_ticket(tx, mark)
    store.give_back(tx, slot_id)
    return True


def tickets_of(tx: Tx, now_ms: int, sealer: Sealer, who: str) -> list[Ticket]:
    """What is kept for this person from today on, the earliest first."""
    found = []
    for mandate_id, campaign_id, day in store.days(tx, now_ms):
        for purpose in get_args(Purpose):
            row = store.ticket(tx, _mark(sealer, mandate_id, campaign_id, day, purpose, who))
            if row is not None:
                found.append(_ticket(row))
    return sorted(found, key=lambda one: one.start)


def book_singles(
    tx: Tx,
    moment: Moment,
    sealer: Sealer,
    *,
    campaign_id: str,
    subjects: Sequence[str],
    near: str = "",
    kind: Kind = "site",
) -> list[Single]:
    """A window for each member of a pool that was not negative, in the transaction that says so.

    The earliest they can reach: at the site they know (`near`), else in its area, else anywhere in the campaign. Each
    may move to a home visit afterwards (`book` with a window of kind `home`), cancel, or walk in. `kind` "home" gives
    home visits at once. Whoever has a window keeps it. Never refuses: where nothing is free the ticket is None.
    """
    after = to_ms(moment.now + LEAD)
    area = store.place(tx, near)
    area_id = area[1] if area else ""
    rows = store.free_slots(tx, campaign_id, kind, after, LOOKED_AT)
    rows.sort(key=lambda row: 0 if row[1] == near else 1 if row[2] == area_id else 2)
    slots = {row[0]: _slot(tx, row[0]) for row in rows[: 2 * len(subjects)]}
    found = []
    for subject in subjects:
        ticket = next(
            (t for t in tickets_of(tx, moment.now_ms, sealer, subject) if t.purpose == "retest"), None
        )
        for slot_id in list(slots) if ticket is None else ():
            try:
                ticket = _give(
                    tx, moment, slots[slot_id], mark_of(sealer, slots[slot_id], subject, "retest"), "retest"
                )
                break
            except Conflict:
                del slots[slot_id]  # full by now
        found.append(Single(subject, ticket))
    return found


# The lottery


def open_release(
    tx: Tx, moment: Moment, campaign_id: str, opens_at: datetime, lasts: timedelta = LOTTERY_FOR
) -> Release:
    """A lottery for windows opened with its id. The seed is made now and shown after the draw. Raises NotFound."""
    require_mandate(tx, campaign_by_id(tx, campaign_id).mandate_id, moment.now_ms)
    release_id = moment.new_id()
    store.add_release(
        tx, id=release_id, campaign_id=campaign_id, opens_at=to_ms(opens_at), closes_at=to_ms(opens_at + lasts),
        seed=moment.random(32),
    )  # fmt: skip
    row = store.release(tx, release_id)
    assert row is not None  # noqa: S101 - just written
    return _release(row)


def releases_of(tx: Tx, campaign_id: str) -> list[Release]:
    """The lotteries of a campaign: digests of seeds, and seeds of those that are drawn."""
    return [_release(row) for row in store.releases(tx, campaign_id)]


def wish(tx: Tx, moment: Moment, sealer: Sealer, who: str, slot_ids: Sequence[str]) -> Release:
    """Enter the lottery of these windows, the dearest first. One wish a person; a later one takes its place.

    Raises NotFound, Refusal, Conflict (not open yet, or closed).
    """
    if not 1 <= len(slot_ids) <= MOST_WISHES:
        raise Refusal("BAD_WISH", "slot_ids", Text("name one to ten windows", "请选择一至十个时段"))
    slots = [_slot(tx, slot_id) for slot_id in slot_ids]
    release_id = slots[0].release_id
    row = store.release(tx, release_id) if release_id else None
    if row is None or any(
        slot.release_id != release_id or slot.forget_at != slots[0].forget_at for slot in slots
    ):
        raise Refusal(
            "BAD_WISH", "slot_ids",
            Text("these windows are not of one lottery and one day", "所选时段不属于同一次抽签的同一天"),
        )  # fmt: skip
    if not row[2] <= moment.now_ms < row[3]:
        raise Conflict("LOTTERY_CLOSED", "slot_ids", Text("this lottery is not open now", "抽签未开放"))
    require_mandate(tx, slots[0].mandate_id, moment.now_ms)
    store.put_wish(tx, release_id, mark_of(sealer, slots[0], who, "screen"), " ".join(slot_ids))
    return _release(row)


def draw_due(tx: Tx, moment: Moment) -> int:
    """Draw every lottery that has closed; how many tickets were given. Wishes are deleted by it."""
    given = 0
    for row in store.due_releases(tx, moment.now_ms):
        free = {r[0]: int(r[1]) for r in store.slots_of_release(tx, row[0])}
        wishes = [(bytes(r[0]), str(r[1]).split()) for r in store.wishes(tx, row[0])]
        for mark, slot_id in lottery.draw(bytes(row[4]), wishes, free):
            _give(tx, moment, _slot(tx, slot_id), mark, "screen")
            given += 1
        store.drop_wishes(tx, row[0])
        store.mark_drawn(tx, row[0], moment.now_ms)
    return given


# Forgetting


def sweep(tx: Tx, moment: Moment) -> int:
    """Forget tickets whose day is over; how many. Counts of windows stay."""
    return store.forget(tx, moment.now_ms)


def erase_mandate(tx: Tx, mandate_id: str) -> dict[str, int]:
    """Delete everything of booking under this mandate; rows gone by table."""
    return store.erase_mandate(tx, mandate_id)


def _mark(sealer: Sealer, mandate_id: str, campaign_id: str, day: int, purpose: str, who: str) -> bytes:
    return sealer.blind_index(mandate_id, "booking", f"{campaign_id}/{day}/{purpose}/{who}")


def _slot(tx: Tx, slot_id: str) -> Slot:
    row = store.slot(tx, slot_id)
    if row is None:
        raise _nothing("slot_id")
    return Slot(*(*row[:10], Text(row[10], row[11]), bool(row[12])))


def _ticket(row: Row) -> Ticket:
    place = Text(row[4], row[5])
    if row[8] != "open":  # whoever looks at the ticket must not set out
        place = Text(
            f"{place.en} – closed for now, take another window",
            f"{place.zh_hans}（暂时关闭，请另选时段）",
        )
    return Ticket(row[1], row[2], place, row[6], from_ms(row[7]), row[3])


def _release(row: Row) -> Release:
    seed = bytes(row[4])
    return Release(
        row[0],
        from_ms(row[2]),
        from_ms(row[3]),
        lottery.digest(seed),
        seed.hex() if row[5] is not None else "",
    )


def _nothing(field: str) -> NotFound:
    return NotFound("NOT_FOUND", field, Text("there is no such thing here", "没有找到"))
