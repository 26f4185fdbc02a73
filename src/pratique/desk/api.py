"""HTTP routes of the room `desk`: "call me" for holders, visits for workers. Pages are the console's. Thin."""

from typing import Annotated

import msgspec

from pratique.core.moment import rfc3339
from pratique.desk import service, visits
from pratique.desk.model import Package, Taken, VisitResult
from pratique.notices.model import House
from pratique.people import service as people
from pratique.store.store import Store
from pratique.web.frame import Call, Route

WORKERS = tuple(f"staff:{role}" for role in service.WORKERS)


class CallBack(msgspec.Struct, frozen=True):
    """By when somebody calls."""

    by: str


class Results(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Results of visits, in the order they were written down."""

    results: Annotated[tuple[VisitResult, ...], msgspec.Meta(max_length=200)]


class AllTaken(msgspec.Struct, frozen=True):
    """What became of each."""

    results: tuple[Taken, ...]
    now: str


def routes(store: Store, house: House) -> list[Route]:
    """Routes beside the console's pages."""

    async def call_me(call: Call) -> CallBack:
        due = await store.awrite(lambda tx: service.call_me(tx, call.moment, call.caller.id, call.path["id"]))
        return CallBack(rfc3339(due))

    async def package(call: Call) -> Package:
        staff = people.worker(call.caller)
        return await store.awrite(lambda tx: visits.package(tx, call.moment, house, staff))

    async def results(call: Call) -> AllTaken:
        staff = people.worker(call.caller)
        done = [
            await store.awrite(
                lambda tx, told=told: visits.take_result(tx, call.moment, house, staff, told)  # type: ignore[misc]
            )
            for told in call.body.results
        ]
        return AllTaken(tuple(done), rfc3339(call.moment.now))

    return [
        Route(
            "POST", "/v1/notices/{id}/call-me", call_me, ("holder",), "please call me about this", None, CallBack, 20
        ),
        Route("POST", "/v1/desk/visits", package, WORKERS, "the day's own visits", None, Package, 30),
        Route("POST", "/v1/desk/results", results, WORKERS, "results of visits", Results, AllTaken, 60),
    ]  # fmt: skip
