"""Grants of reach: who was given which area, campaign or site, by whom, until when. SQL and its use cases."""

from datetime import datetime

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.people import store
from pratique.people.access import MAY_INVITE
from pratique.people.model import Staff
from pratique.people.scope import EXTENTS, Grant, Reach, reach_of
from pratique.store.tx import Tx


def reach(tx: Tx, now: datetime, staff: Staff) -> Reach:
    """How far `staff` reaches at `now`. Without grants: what the role holds by itself, mostly nothing."""
    rows = tx.all(
        "SELECT kind, what FROM staff_grant WHERE staff_id = :id AND (ends_at IS NULL OR ends_at > :now)",
        id=staff.id,
        now=to_ms(now),
    )
    return reach_of(staff.id, staff.role, [Grant(*row) for row in rows])


def give(
    tx: Tx, moment: Moment, by: Staff | None, staff_id: str, grant: Grant, *, until: datetime | None = None
) -> None:
    """Grant an area, campaign or site. `by` None is the operator at the machine itself; nobody widens their own reach.

    Raises NotAllowed, Refusal for a grant the role may not hold, NotFound for no such worker. Twice changes nothing
    but the end.
    """
    if by is not None and (by.role not in MAY_INVITE or by.id == staff_id):
        raise NotAllowed(
            "MAY_NOT_GRANT",
            "staff_id",
            Text("somebody else must grant this", "须由其他有权人员授予"),
        )
    row = tx.one("SELECT role FROM staff WHERE id = :id AND ended_at IS NULL", id=staff_id)
    if row is None:
        raise NotFound("NO_SUCH_WORKER", "staff_id", Text("there is no such worker", "没有此工作人员"))
    if grant.kind not in EXTENTS[row[0]].grantable or not 1 <= len(grant.what) <= 100:
        raise Refusal(
            "NO_SUCH_GRANT",
            "grant",
            Text(
                "this role is not granted that; choose from the table", "该角色不能被授予此范围，请按表选择"
            ),
        )
    if grant.kind == "area" and not store.area_known(tx, grant.what):
        raise Refusal(
            "UNKNOWN_AREA",
            "grant",
            Text(
                "there is no such area here; choose one from the list, or have the operator add it "
                "(`pratique area add`)",
                "没有此片区；请从片区表中选择，或由管理员添加（`pratique area add`）",
            ),
        )
    take(tx, staff_id, grant)
    tx.run(
        "INSERT INTO staff_grant (staff_id, kind, what, granted_at, granted_by, ends_at) "
        "VALUES (:id, :kind, :what, :now, :by, :ends)",
        id=staff_id,
        kind=grant.kind,
        what=grant.what,
        now=moment.now_ms,
        by=by.id if by else "operator",
        ends=to_ms(until) if until else None,
    )


def take(tx: Tx, staff_id: str, grant: Grant) -> None:
    """Take a grant back; works from this commit on. Taking twice is no fault."""
    tx.run(
        "DELETE FROM staff_grant WHERE staff_id = :id AND kind = :kind AND what = :what",
        id=staff_id,
        kind=grant.kind,
        what=grant.what,
    )
