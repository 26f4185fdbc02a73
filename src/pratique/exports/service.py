"""Use cases of the room `exports`: ask, decide, take a copy, confirm its end, trace a leak.

Two people: who asks never agrees. Every copy is different, every row in it counts as a look and is shown to its
subject. No name, number or address can be exported: the rows hold none.
"""

from datetime import datetime, timedelta

from pratique.core.errors import Conflict, NoMandate, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, to_ms
from pratique.core.text import Text
from pratique.exports.marks import Line, Observed, day_of, render, with_canary
from pratique.exports.model import COLUMNS, LARGEST, Export, Made, Wish
from pratique.exports.trace import Copy, Verdict, code_of, copy_of_code, trace
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.store.sealing import Sealer
from pratique.store.tx import Row, Tx

ASKERS = ("campaign-officer", "mandate-officer", "console")
DECIDERS = ("data-officer",)
MOST_COPIES = 5
_COLUMNS = (
    "id, mandate_id, purpose, reason, recipient, asked_by, asked_at, ends_at, decided_by, decided_at, agreed, "
    "destroyed_at, (SELECT count(*) FROM export_copy c WHERE c.export_id = export.id)"
)


def ask(tx: Tx, moment: Moment, staff: Staff, wish: Wish) -> Export:
    """Ask for an export under a mandate that unlocks `export`. Raises NotAllowed, NoMandate, Refusal."""
    _must_be(staff, ASKERS)
    mandate = mandates.mandate_by_id(tx, wish.mandate_id)
    live = {one.id for one in mandates.live_mandates(tx, moment.now)}
    if mandate is None or mandate.id not in live or "export" not in mandate.unlocks:
        raise NoMandate(what="exports")
    for field, value in (("reason", wish.reason), ("recipient", wish.recipient)):
        if not value.strip():
            raise Refusal("BAD_FIELD", field, Text(f"{field} is empty; say it in words", f"请填写 {field}"))
    ends = min(moment.now + timedelta(days=wish.days), mandate.ends())
    export_id = moment.new_id()
    tx.run(
        "INSERT INTO export (id, mandate_id, purpose, reason, recipient, columns_asked, asked_by, asked_at, ends_at) "
        "VALUES (:id, :mandate, :purpose, :reason, :recipient, :columns, :by, :now, :ends)",
        id=export_id,
        mandate=mandate.id,
        purpose=wish.purpose,
        reason=wish.reason.strip(),
        recipient=wish.recipient.strip(),
        columns=",".join(COLUMNS),
        by=staff.id,
        now=moment.now_ms,
        ends=to_ms(ends),
    )
    return export(tx, export_id)


def decide(tx: Tx, moment: Moment, staff: Staff, export_id: str, *, agreed: bool) -> Export:
    """Agree or refuse, once, by somebody who did not ask. Raises NotAllowed, NotFound, Conflict."""
    _must_be(staff, DECIDERS)
    found = export(tx, export_id)
    if found.asked_by == staff.id:
        raise NotAllowed(
            "SECOND_PERSON",
            "export_id",
            Text("somebody else must decide what you asked for", "您提出的申请须由他人决定"),
        )
    if found.agreed is not None or moment.now >= found.ends_at:
        raise Conflict(
            "DECIDED_ALREADY", "export_id", Text("this was decided or has ended", "该申请已有决定或已到期")
        )
    tx.run(
        "UPDATE export SET decided_by = :by, decided_at = :now, agreed = :agreed WHERE id = :id",
        by=staff.id,
        now=moment.now_ms,
        agreed=int(agreed),
        id=export_id,
    )
    return export(tx, export_id)


def take_copy(tx: Tx, moment: Moment, sealer: Sealer, secret: bytes, staff: Staff, export_id: str) -> Made:
    """A copy for whoever asked, marked for them alone. Raises NotFound, Refusal after the end, Conflict past five."""
    found = export(tx, export_id)
    if found.asked_by != staff.id:
        raise _none()
    if found.state(moment.now) != "agreed":
        raise Refusal(
            "NOT_AGREED",
            "export_id",
            Text("nobody agreed to this yet, or it has ended", "尚未获得同意，或已到期"),
        )
    if found.copies >= MOST_COPIES:
        raise Conflict(
            "TOO_MANY_COPIES",
            "export_id",
            Text("five copies were taken; ask for a new export", "已取走五份副本，请重新申请"),
        )
    rows = notices.open_under(tx, found.mandate_id, LARGEST)
    people.log_looks(
        tx,
        moment,
        sealer,
        people.reader(staff, found.ends_at),
        [people.Looked(r.subject_id, found.mandate_id, ("subject", "kind", "state")) for r in rows],
        purpose="export",
        action="export",
    )
    lines = [
        Line(
            people.pseudonym(sealer, found.mandate_id, r.subject_id, scope=export_id, purpose=found.purpose),
            r.kind,
            r.state,
            day_of(from_ms(r.opened_at)),
            day_of(from_ms(r.ends_at)),
        )
        for r in rows
    ]
    copy_id, seed = moment.new_id(), moment.random(32)
    tx.run(
        "INSERT INTO export_copy (id, export_id, seed, made_for, made_at, row_count) "
        "VALUES (:id, :export, :seed, :who, :now, :rows)",
        id=copy_id,
        export=export_id,
        seed=seed,
        who=staff.id,
        now=moment.now_ms,
        rows=len(lines),
    )
    marked = [render(seed, line) for line in with_canary(seed, lines)]
    return Made(copy_id, code_of(copy_id, secret), marked)


def confirm_destroyed(tx: Tx, moment: Moment, staff: Staff, export_id: str) -> None:
    """Whoever received the copies says that they are gone. Twice changes nothing. Raises NotFound."""
    if export(tx, export_id).asked_by != staff.id:
        raise _none()
    tx.run(
        "UPDATE export SET destroyed_at = :now WHERE id = :id AND destroyed_at IS NULL",
        now=moment.now_ms,
        id=export_id,
    )


def export(tx: Tx, export_id: str) -> Export:
    """One export. Raises NotFound."""
    row = tx.one(f"SELECT {_COLUMNS} FROM export WHERE id = :id", id=export_id)
    if row is None:
        raise _none()
    return _export(row)


def exports(tx: Tx, staff: Staff, limit: int = 200) -> list[Export]:
    """What `staff` may see: the data officer all, an asker their own, anybody else none. Newest first."""
    if staff.role in DECIDERS or staff.role == "auditor":
        rows = tx.all(f"SELECT {_COLUMNS} FROM export ORDER BY asked_at DESC, id LIMIT :limit", limit=limit)
    else:
        rows = tx.all(
            f"SELECT {_COLUMNS} FROM export WHERE asked_by = :by ORDER BY asked_at DESC, id LIMIT :limit",
            by=staff.id,
            limit=limit,
        )
    return [_export(row) for row in rows]


def all_exports(tx: Tx, limit: int = 10_000) -> list[Export]:
    """Every export, newest first: for the operator at the machine itself."""
    return [
        _export(row)
        for row in tx.all(
            f"SELECT {_COLUMNS} FROM export ORDER BY asked_at DESC, id LIMIT :limit", limit=limit
        )
    ]


def trace_rows(tx: Tx, found: list[Observed]) -> Verdict:
    """Which copy these rows come from."""
    copies = [
        Copy(row[0], bytes(row[1])) for row in tx.all("SELECT id, seed FROM export_copy ORDER BY made_at, id")
    ]
    return trace(copies, found)


def trace_code(tx: Tx, secret: bytes, texts: list[str]) -> Verdict | None:
    """Which copy a code on a picture names; None where there is none of ours."""
    for text in texts:
        copy_id = copy_of_code(text, secret)
        if copy_id and tx.one("SELECT 1 FROM export_copy WHERE id = :id", id=copy_id):
            return Verdict(copy_id, 0, 64, 64, 2.0**-64, "the code on the picture")
    return None


def receiver(tx: Tx, copy_id: str) -> tuple[str, str, datetime, Export]:
    """(staff id, name, when, export) of a copy: who received it."""
    row = tx.one("SELECT export_id, made_for, made_at FROM export_copy WHERE id = :id", id=copy_id)
    if row is None:
        raise _none()
    names = {staff.id: staff.name for staff, _, _ in people.list_staff(tx)}
    return row[1], names.get(row[1], ""), from_ms(row[2]), export(tx, row[0])


def _export(row: Row) -> Export:
    decided_at, destroyed_at = (from_ms(value) if value is not None else None for value in (row[9], row[11]))
    agreed = None if row[10] is None else bool(row[10])
    said = (*row[:6], from_ms(row[6]), from_ms(row[7]), row[8], decided_at, agreed, destroyed_at, row[12])
    return Export._make(said)


def _must_be(staff: Staff, roles: tuple[str, ...]) -> None:
    if staff.role not in roles:
        raise NotAllowed(
            "NOT_YOUR_ROLE", "export_id", Text("your role does not do this", "您的角色不能执行此操作")
        )


def _none() -> NotFound:
    return NotFound(
        "NO_SUCH_EXPORT", "export_id", Text("there is nothing here for you", "此处没有与您有关的内容")
    )
