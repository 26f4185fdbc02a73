"""Gates in groups: what is wanted of them, and actions on many of them at once.

What a group shall do is signed in the next snapshot; which group a gate is in, its signed answers say; each gate
tells which version it works by. The console shows who is not there yet.
"""

from collections.abc import Sequence

import msgspec

from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials.snapshot import GateConfig
from pratique.fleet import overview, store, texts
from pratique.fleet.overview import Search
from pratique.store.tx import Tx

CLASSES = ("pass", "hcert", "shc")
AT_ONCE = 500


class Group(msgspec.Struct, frozen=True):
    """A group and what is wanted of its gates. `channel` early: its gates have a policy from the first step on."""

    id: str
    name: Text
    config: GateConfig
    channel: str


class Bulk(msgspec.Struct, frozen=True):
    """An action on many gates, and how far it is."""

    id: str
    action: str
    argument: str
    total: int
    done: int
    finished: bool


def groups(tx: Tx) -> list[Group]:
    """Every group, by name."""
    return [
        Group(row[0], Text(row[1], row[2]), GateConfig(row[3], tuple(row[4].split()), bool(row[5])), row[6])
        for row in store.groups(tx)
    ]


def save_group(
    tx: Tx,
    moment: Moment,
    *,
    group_id: str,
    name: Text,
    accepts: Sequence[str],
    paper: bool,
    channel: str,
    who: str,
) -> str:
    """Make a group ("" for a new id) or change what is wanted of it; its id. Raises Refusal, NotFound."""
    kinds = [kind for kind in CLASSES if kind in accepts]
    if not kinds or len(kinds) != len(set(accepts)):
        raise Refusal("NOT_ACCEPTED", "accepts", texts.NO_CLASS)
    if channel not in ("steady", "early"):
        raise Refusal("UNKNOWN_CHANNEL", "channel", texts.NO_CHANNEL)
    held = {group.id: group for group in groups(tx)}
    if group_id and group_id not in held:
        raise NotFound("GROUP_UNKNOWN", "group_id", texts.GROUP_UNKNOWN)
    kept_id = group_id or moment.new_id()
    store.put_group(
        tx,
        id=kept_id,
        name_en=name.en,
        name_zh=name.zh_hans,
        version=held[group_id].config.version + 1 if group_id else 1,
        accepts=" ".join(kinds),
        paper=int(paper),
        channel=channel,
        changed_at=moment.now_ms,
        changed_by=who,
    )
    return kept_id


def begin(tx: Tx, moment: Moment, action: str, argument: str, search: Search, who: str) -> str:
    """Begin an action on all gates that a search finds; its id. Raises Refusal, NotFound, Conflict for none."""
    if action not in ("move", "end"):
        raise Refusal("UNKNOWN_ACTION", "action", texts.NO_ACTION)
    if action == "move" and argument and argument not in {group.id for group in groups(tx)}:
        raise NotFound("GROUP_UNKNOWN", "argument", texts.GROUP_UNKNOWN)
    total = overview.count(tx, moment.now, search)
    if not total:
        raise Conflict("NOBODY", "search", texts.NOBODY)
    bulk_id = moment.new_id()
    store.add_bulk(
        tx,
        id=bulk_id,
        action=action,
        argument=argument,
        chosen=msgspec.json.encode(search).decode(),
        total=total,
        by_whom=who,
        started_at=moment.now_ms,
    )
    return bulk_id


def go_on(tx: Tx, moment: Moment) -> bool:
    """The next part of the oldest action that runs; False where none does. Killed in between, it goes on from there."""
    row = store.running_bulk(tx)
    if row is None:
        return False
    bulk_id, action, argument, chosen, after_place, after_id, who = row
    search = msgspec.json.decode(chosen, type=Search)
    found = overview.rows_after(tx, moment.now, search, (after_place, after_id), AT_ONCE)
    ids = [one[0] for one in found]
    if action == "move":
        store.move_gates(tx, ids, argument)
    else:
        ended = [one for one in found if store.end_gate(tx, one[0])]
        for one in ended:
            store.add_step(
                tx,
                id=moment.new_id(),
                gate_id=one[0],
                mandate_id=one[12],
                step="ended",
                who=who,
                stepped_at=moment.now_ms,
            )
    last = found[-1] if found else None
    store.bulk_went_on(
        tx,
        bulk_id,
        len(found),
        last[1] if last else after_place,
        last[0] if last else after_id,
        moment.now_ms if len(found) < AT_ONCE else None,
    )
    return True


def bulks(tx: Tx) -> list[Bulk]:
    """The newest five actions, those that run in front."""
    return [
        Bulk(row[0], row[1], row[2], row[3], min(row[4], row[3]), row[5] is not None)
        for row in store.bulks(tx)
    ]
