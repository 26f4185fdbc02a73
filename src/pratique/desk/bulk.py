"""One action on up to ten thousand cases: chosen at once, done in parts, shown as it goes, undone for ten minutes.

A case that a colleague touched in between stays as the colleague left it, in doing and in undoing. Every case gets one
line of history for the action and one for the undoing.
"""

from datetime import timedelta

from pratique.core.errors import Conflict, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.desk import bulk_store
from pratique.desk.model import KINDS, MAX_BULK, Bulk, Chosen
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.store.tx import Tx

PART = 1000
UNDO_FOR = timedelta(minutes=10)
MAX_LATER = 24
EVENT = {"give": "given", "later": "later", "close": "closed"}


def begin_bulk(
    tx: Tx,
    moment: Moment,
    staff: Staff,
    *,
    action: str,
    target: str = "",
    chosen: Chosen = Chosen(),  # noqa: B008
) -> str:
    """Choose the cases and begin; the id of the action. `target`: a colleague ("" for the pool) for `give`, hours for
    `later`. Raises Refusal by field."""
    if action not in EVENT:
        raise Refusal("BAD_ACTION", "action", Text("choose an action from the list", "请从列表中选择操作"))
    if action == "later" and not (target.isdigit() and 1 <= int(target) <= MAX_LATER):
        raise Refusal("BAD_HOURS", "target", Text(f"1 to {MAX_LATER} hours", f"请填写 1 至 {MAX_LATER} 小时"))
    if action == "give" and target:
        people.staff_by_id(tx, target)
    if not set(chosen.kinds) <= set(KINDS):
        raise Refusal("BAD_KIND", "kinds", Text("choose kinds from the list", "请从列表中选择类别"))
    reach = people.reach(tx, moment.now, staff)
    bulk_id = moment.new_id()
    due_before = to_ms(chosen.due_before) if chosen.due_before else 1 << 60
    owners = {"mine": [staff.id], "pool": [""], "both": [staff.id, ""]}[chosen.whose]
    total = bulk_store.choose(
        tx, bulk_id, owners, sorted(reach.areas), chosen.kinds, due_before, min(chosen.limit, MAX_BULK)
    )
    bulk_store.add(
        tx,
        id=bulk_id,
        by=staff.id,
        action=action,
        target=target,
        total=total,
        state="running" if total else "done",
        made_at=moment.now_ms,
        undo_until=to_ms(moment.now + UNDO_FOR),
    )
    return bulk_id


def go_on(tx: Tx, moment: Moment, limit: int = PART) -> int:
    """Do the next part of the oldest action that runs; how many cases were gone through. 0: nothing runs."""
    found = bulk_store.next_running(tx)
    if found is None:
        return 0
    job = _bulk(found)
    upto = min(job.done + limit, job.total)
    by = str(found[1])
    if job.state == "running":
        bulk_store.act(
            tx, job.id, job.done, upto, now=moment.now_ms, by=by, action=job.action, target=job.target,
            event=EVENT[job.action],
        )  # fmt: skip
    else:
        bulk_store.undo(tx, job.id, job.done, upto, now=moment.now_ms, by=by)
    ended = {"running": "done", "undoing": "undone"}[job.state]
    bulk_store.set_state(tx, job.id, ended if upto == job.total else job.state, upto)
    return upto - job.done


def undo_bulk(tx: Tx, moment: Moment, staff: Staff, bulk_id: str) -> None:
    """Begin to undo one's own action. Raises NotFound, Conflict where it still runs or its ten minutes are over."""
    job = bulk(tx, staff, bulk_id)
    if job.state != "done" or moment.now > job.undo_until:
        raise Conflict("CANNOT_UNDO", "bulk_id", Text("this can no longer be undone", "此操作已不能撤销"))
    bulk_store.set_state(tx, bulk_id, "undoing" if job.total else "undone", 0)


def bulk(tx: Tx, staff: Staff, bulk_id: str) -> Bulk:
    """One's own action as it stands. Raises NotFound."""
    found = bulk_store.by_id(tx, bulk_id)
    if found is None or found[1] != staff.id:
        raise NotFound("NO_SUCH_THING", "bulk_id", Text("there is nothing here by that id", "没有此项"))
    return _bulk(found)


def bulks_of(tx: Tx, staff: Staff, limit: int = 10) -> list[Bulk]:
    """One's own newest actions."""
    return [_bulk(row) for row in bulk_store.of_staff(tx, staff.id, limit)]


def _bulk(row: tuple[object, ...]) -> Bulk:
    found = dict(zip(bulk_store.BULK, row, strict=True))
    return Bulk(
        id=str(found["id"]),
        action=found["action"],  # type: ignore[arg-type]
        target=str(found["target"]),
        total=int(str(found["total"])),
        done=int(str(found["done"])),
        state=found["state"],  # type: ignore[arg-type]
        made_at=from_ms(int(str(found["made_at"]))),
        undo_until=from_ms(int(str(found["undo_until"]))),
    )
