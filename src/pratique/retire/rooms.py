"""The rooms that hold data under mandates, from the top down: each deletes its own rows, nobody else's."""

from collections.abc import Callable

from pratique.credentials import service as credentials
from pratique.desk import service as desk
from pratique.fleet import service as fleet
from pratique.notices import service as notices
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.reminding import service as reminding
from pratique.rollout import service as rollout
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import service as testing

Erase = Callable[[Tx, str], dict[str, int]]

ROOMS: tuple[tuple[str, Erase], ...] = (
    ("rollout", rollout.erase_mandate),
    ("testing", testing.erase_mandate),
    ("fleet", fleet.erase_mandate),
    ("desk", desk.erase_mandate),
    ("reminding", reminding.erase_mandate),
    ("notices", notices.erase_mandate),
    ("credentials", credentials.erase_mandate),
    ("policy", policy.erase_mandate),
    ("people", people.erase_mandate),
)


class _Undo(Exception):  # noqa: N818 - carries the counts out of a transaction that must not stay
    def __init__(self, rows: dict[str, dict[str, int]]) -> None:
        super().__init__("a dry run")
        self.rows = rows


def erase(tx: Tx, mandate_id: str) -> dict[str, dict[str, int]]:
    """Delete every row of a mandate; how many per room and table. Again: zeros."""
    return {room: act(tx, mandate_id) for room, act in ROOMS}


def count(store: Store, mandate_id: str) -> dict[str, dict[str, int]]:
    """What `erase` would delete: done and undone in one transaction, so it cannot differ."""

    def act(tx: Tx) -> None:
        raise _Undo(erase(tx, mandate_id))

    try:
        store.write(act)
    except _Undo as undo:
        return undo.rows
    raise AssertionError("a dry run always undoes itself")
