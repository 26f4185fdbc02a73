"""Codes and numbers that staff type for somebody: after five wrong ones in a row nothing is tried for 15 minutes.

A claim code has 50 bits and a clerk an account, so the lock is the clerk's and holds on every page of the console
together: nobody goes on at the next counter page, or in an emergency, where the last one said no.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pratique.console.model import Desk
from pratique.core.errors import NotFound, TooOften
from pratique.people import service as people
from pratique.web.frame import Call

T = TypeVar("T")


async def typed(desk: Desk, call: Call, act: Callable[[], Awaitable[T]], field: str = "claim") -> T:
    """Do `act`, which raises NotFound where what was typed names nobody. Raises TooOften while the clerk is locked."""
    who, at = call.caller.id, call.moment.now.timestamp()
    if wait := desk.tries.wait(who, at):
        raise TooOften(field, wait)
    try:
        done = await act()
    except NotFound:
        desk.tries.failed(who, at)
        raise
    desk.tries.right(who)
    return done


async def subject_of(desk: Desk, call: Call) -> str:
    """Whose claim code was typed into the field `claim`. Raises Refusal for a slip of the finger, NotFound,
    TooOften."""
    code = call.form.get("claim", "")

    async def look() -> str:
        return await desk.store.aread(
            lambda tx: people.subject_of_code(tx, call.moment.now, desk.secret, code)
        )

    return await typed(desk, call, look)
