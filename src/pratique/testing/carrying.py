"""Use cases of the second phone: copies of sealed tubes come in, from whoever carried them; phones are declared lost.

A copy is worth what its signature is worth: the event is taken as if its own phone had sent it, and a second time it is
`already`. Where an earlier tube of the same phone is missing the copy waits on the second phone; once the site's lead
has declared the phone lost, nothing is waited for any more.
"""

from collections.abc import Sequence

from pratique.core.errors import NotFound, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.store.tx import Row, Tx
from pratique.testing import registration, store
from pratique.testing.carry import read_copy
from pratique.testing.model import EventResult, TubeEvent
from pratique.testing.releasing import Tell


def take_copies(
    tx: Tx, moment: Moment, private: bytes, copies: Sequence[str], tell: Tell
) -> list[EventResult]:
    """One result a copy, in order; ids are left out, for the carrier knows none. The oldest of a phone goes first."""
    results: list[EventResult] = [EventResult("", "refused")] * len(copies)
    events: list[tuple[int, TubeEvent]] = []
    for n, text in enumerate(copies):
        try:
            events.append((n, read_copy(private, text, lambda device: _site_of(tx, device))))
        except Refusal as refusal:
            results[n] = EventResult("", "refused", refusal.code, refusal.field, refusal.text)
    events.sort(key=lambda pair: (pair[1].dev, pair[1].seq))
    lost = {device for device in {event.dev for _, event in events} if is_lost(tx, device)}
    for n, event in events:
        told = registration.take_carried(tx, moment, event, tell, lost=event.dev in lost)
        results[n] = EventResult("", told.outcome, told.code, told.field, told.text)
    return results


def declare_lost(tx: Tx, moment: Moment, device_id: str, by: str) -> None:
    """This phone is lost or dead: copies of its tubes are taken whatever is missing between them. Raises NotFound."""
    if store.device(tx, device_id) is None:
        raise NotFound("NOT_FOUND", "device_id", Text("there is no such device here", "没有此设备"))
    tx.run(
        "INSERT INTO device_lost (device_id, by_id, at) VALUES (:id, :by, :now) ON CONFLICT (device_id) DO NOTHING",
        id=device_id, by=by, now=moment.now_ms,
    )  # fmt: skip


def is_lost(tx: Tx, device_id: str) -> bool:
    """True once it was declared lost."""
    return tx.one("SELECT 1 FROM device_lost WHERE device_id = :id", id=device_id) is not None


def batches_for(tx: Tx, campaign_id: str) -> list[Row]:
    """(prefix, scheme, of this campaign) of every tube batch that is not over: what a phone must know to tell them
    apart."""
    return tx.all(
        "SELECT prefix, scheme, CASE WHEN campaign_id = :id THEN 1 ELSE 0 END FROM tube_batch ORDER BY prefix",
        id=campaign_id,
    )


def _site_of(tx: Tx, device_id: str) -> str:
    row = store.device(tx, device_id)
    return str(row[1]) if row else ""
