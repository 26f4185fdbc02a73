"""HTTP routes of the room `exports`: ask, decide, take a marked copy, confirm its end, trace a leak. Thin."""

import csv
import io
from typing import Annotated

import msgspec

from pratique.core.moment import rfc3339
from pratique.exports import service
from pratique.exports.marks import observe
from pratique.exports.model import COLUMNS, Export, Made, Wish
from pratique.people import service as people
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from pratique.web.frame import Answer, Call, Route


class ExportView(msgspec.Struct, frozen=True):
    """An export as staff see it."""

    id: str
    mandate_id: str
    purpose: str
    reason: str
    recipient: str
    state: str
    asked_at: str
    ends_at: str
    copies: int


class ExportList(msgspec.Struct, frozen=True):
    """Newest first."""

    exports: tuple[ExportView, ...]


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the second person says."""

    agreed: bool


class Leak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows as they were found, one a line, however they are set."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500_000)]


class Traced(msgspec.Struct, frozen=True):
    """The copy these rows come from (empty: nobody is named, and `why` says why), and who received it."""

    copy_id: str
    receiver: str
    export_id: str
    rows: int
    bits: int
    matching: int
    chance: float
    why: str


def routes(store: Store, sealer: Sealer, secret: bytes) -> list[Route]:
    """`secret` keys the codes on views."""

    async def ask(call: Call) -> Answer:
        staff = people.worker(call.caller)
        made = await store.awrite(lambda tx: service.ask(tx, call.moment, staff, call.body))
        return Answer(view(made, call), 201)

    async def listing(call: Call) -> ExportList:
        staff = people.worker(call.caller)
        found = await store.aread(lambda tx: service.exports(tx, staff))
        return ExportList(tuple(view(one, call) for one in found))

    async def decide(call: Call) -> ExportView:
        staff, wanted = people.worker(call.caller), call.path["id"]
        made = await store.awrite(
            lambda tx: service.decide(tx, call.moment, staff, wanted, agreed=call.body.agreed)
        )
        return view(made, call)

    async def copy(call: Call) -> Answer:
        staff, wanted = people.worker(call.caller), call.path["id"]
        made = await store.awrite(
            lambda tx: service.take_copy(tx, call.moment, sealer, secret, staff, wanted)
        )
        return as_csv(made)

    async def destroyed(call: Call) -> ExportView:
        staff, wanted = people.worker(call.caller), call.path["id"]
        await store.awrite(lambda tx: service.confirm_destroyed(tx, call.moment, staff, wanted))
        return view(await store.aread(lambda tx: service.export(tx, wanted)), call)

    async def leak(call: Call) -> Traced:
        rows = observe(call.body.text)
        verdict = await store.aread(lambda tx: service.trace_rows(tx, rows))
        name, export_id = "", ""
        if verdict.copy_id:
            who, said, _, found = await store.aread(lambda tx: service.receiver(tx, verdict.copy_id))
            name, export_id = said or who, found.id
        return Traced(
            verdict.copy_id,
            name,
            export_id,
            verdict.rows,
            verdict.bits,
            verdict.matching,
            verdict.chance,
            verdict.why,
        )

    askers = tuple(f"staff:{role}" for role in service.ASKERS)
    deciders = tuple(f"staff:{role}" for role in service.DECIDERS)
    all_of_them = (*askers, *deciders, "staff:auditor")
    one = "/v1/exports/{id}"
    return [
        Route("POST", "/v1/exports", ask, askers, "ask for an export", Wish, ExportView, 30),
        Route("GET", "/v1/exports", listing, all_of_them, "exports one may see", None, ExportList),
        Route("POST", f"{one}/decision", decide, deciders, "agree or refuse", Decision, ExportView, 60),
        Route("POST", f"{one}/copy", copy, askers, "take a marked copy (CSV)", None, None, 10),
        Route(
            "POST", f"{one}/destroyed", destroyed, askers, "say that it is destroyed", None, ExportView, 60
        ),
        Route("POST", "/v1/exports/trace", leak, deciders, "whose copy leaked", Leak, Traced, 60),
    ]


def view(export: Export, call: Call) -> ExportView:
    """An export as staff see it now."""
    return ExportView(
        export.id,
        export.mandate_id,
        export.purpose,
        export.reason,
        export.recipient,
        export.state(call.moment.now),
        rfc3339(export.asked_at),
        rfc3339(export.ends_at),
        export.copies,
    )


def as_csv(made: Made) -> Answer:
    """The copy as a file; its name says which it is."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(made.rows)
    headers = {"Content-Disposition": f'attachment; filename="pratique-{made.copy_id}.csv"'}
    return Answer(text.getvalue(), 200, headers, "text/csv")
