"""Break-glass: one person's card opened at once, without a task. Told to the person, reviewed by somebody else within a
day, or the account is locked.

A role may break glass for a purpose it has in the table, no further: an emergency opens the scope, never the fields.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from pratique.core.errors import Conflict, Destroyed, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms, rfc3339, to_ms
from pratique.core.text import Text
from pratique.people.looks import Looked, log_looks
from pratique.people.model import Reader, Staff
from pratique.people.seeing import must_be_fresh
from pratique.people.staff import lock_staff
from pratique.people.store import cards
from pratique.store.sealing import Place, Sealer
from pratique.store.tx import Row, Tx

OPEN_FOR = timedelta(minutes=60)
REVIEWED_WITHIN = timedelta(hours=24)
MAX_TEXT = 1000

# role → the purpose of the access table it then acts for
MAY_BREAK = {"duty-doctor": "care", "case-worker": "visit"}
REVIEWERS = ("data-officer",)

REASONS: dict[str, Text] = {
    "life": Text("somebody's life or health is in danger now", "有人的生命或健康正面临危险"),
    "minor": Text("a child or a dependant is without care", "儿童或需照护者无人照看"),
    "no-answer": Text("a person at home does not answer and was unwell", "居家人员无应答且曾有不适"),
}


class Glass(NamedTuple):
    """One opening. `outcome` None: not reviewed yet."""

    id: str
    staff_id: str
    subject_id: str
    mandate_id: str
    reason: str
    from_at: datetime
    to_at: datetime
    review_due_at: datetime
    outcome: str | None


_COLUMNS = "id, staff_id, subject_id, mandate_id, reason, from_at, to_at, review_due_at, outcome"


def break_glass(
    tx: Tx, moment: Moment, sealer: Sealer, staff: Staff, subject_id: str, *, reason: str, text: str
) -> Glass:
    """Open one person's card for an hour. The opening itself is a look its subject sees. Raises NotAllowed, StepUp,
    Refusal, NotFound where there is no card, Conflict while an opening of this worker waits for its review."""
    if staff.role not in MAY_BREAK:
        raise NotAllowed(
            "MAY_NOT_BREAK",
            "role",
            Text("your role does not open cards in an emergency", "您的角色不能紧急查看"),
        )
    must_be_fresh(staff.asserted_at, moment.now)
    if reason not in REASONS:
        raise Refusal("UNKNOWN_REASON", "reason", Text("choose a reason from the list", "请从列表中选择原因"))
    if not 10 <= len(text.strip()) <= MAX_TEXT:
        raise Refusal(
            "BAD_TEXT",
            "text",
            Text("say what happened in 10 to 1000 characters", "请用 10 至 1000 字说明情况"),
        )
    if tx.one("SELECT 1 FROM break_glass WHERE staff_id = :id AND reviewed_at IS NULL", id=staff.id):
        raise Conflict(
            "REVIEW_WAITS",
            "",
            Text(
                "your last emergency opening is not reviewed yet; call the data officer",
                "您上一次紧急查看尚未复核，请联系数据保护员",
            ),
        )
    found = next(iter(cards(tx, subject_id)), None)
    if found is None:
        raise NotFound("NOBODY", "subject_id", Text("there is nobody here by that", "查无此人"))
    mandate_id = found[0]
    glass = Glass(
        moment.new_id(),
        staff.id,
        subject_id,
        mandate_id,
        reason,
        moment.now,
        moment.now + OPEN_FOR,
        moment.now + REVIEWED_WITHIN,
        None,
    )
    tx.run(
        "INSERT INTO break_glass (id, staff_id, subject_id, mandate_id, reason, sealed_text, from_at, to_at, "
        "review_due_at) VALUES (:id, :staff, :subject, :mandate, :reason, :text, :from_at, :to_at, :due)",
        id=glass.id,
        staff=staff.id,
        subject=subject_id,
        mandate=mandate_id,
        reason=reason,
        text=sealer.seal(_place(glass), text.strip().encode()),
        from_at=moment.now_ms,
        to_at=to_ms(glass.to_at),
        due=to_ms(glass.review_due_at),
    )
    reader = Reader(staff.id, staff.role, glass.to_at, staff.asserted_at)
    seen = [Looked(subject_id, mandate_id, ())]
    log_looks(tx, moment, sealer, reader, seen, purpose="emergency", action="break-glass")
    return glass


def open_glass(tx: Tx, now: datetime, staff: Staff, glass_id: str) -> Glass:
    """This worker's opening while it lasts. Raises NotFound."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM break_glass WHERE id = :id AND staff_id = :staff AND :now < to_at",
        id=glass_id,
        staff=staff.id,
        now=to_ms(now),
    )
    if row is None:
        raise _none()
    return _glass(row)


def waiting_reviews(tx: Tx) -> list[Glass]:
    """Openings nobody has reviewed, the one that is due first on top."""
    return [
        _glass(row)
        for row in tx.all(
            f"SELECT {_COLUMNS} FROM break_glass WHERE reviewed_at IS NULL ORDER BY review_due_at, id"
        )
    ]


def glass_text(tx: Tx, sealer: Sealer, glass: Glass) -> str:
    """What the worker wrote, for the reviewer."""
    row = tx.one("SELECT sealed_text FROM break_glass WHERE id = :id", id=glass.id)
    try:
        return sealer.open(_place(glass), bytes(row[0])).decode() if row else ""
    except Destroyed:
        return ""


def review(tx: Tx, moment: Moment, staff: Staff, glass_id: str, *, in_order: bool) -> None:
    """Somebody else says whether it was in order; if not, the account is locked. Raises NotAllowed, NotFound."""
    row = tx.one(f"SELECT {_COLUMNS} FROM break_glass WHERE id = :id AND reviewed_at IS NULL", id=glass_id)
    if row is None:
        raise _none()
    glass = _glass(row)
    if staff.role not in REVIEWERS or staff.id == glass.staff_id:
        raise NotAllowed("NOT_YOUR_REVIEW", "id", Text("somebody else must review this", "须由其他人复核"))
    tx.run(
        "UPDATE break_glass SET reviewed_at = :now, reviewed_by = :by, outcome = :outcome WHERE id = :id",
        now=moment.now_ms,
        by=staff.id,
        outcome="in order" if in_order else "not in order",
        id=glass_id,
    )
    if not in_order:
        lock_staff(tx, moment, glass.staff_id)


def lock_unreviewed(tx: Tx, moment: Moment) -> int:
    """Lock the accounts behind openings that nobody reviewed within a day; how many. Run by the clock."""
    late = tx.all(
        "SELECT DISTINCT b.staff_id FROM break_glass b JOIN staff s ON s.id = b.staff_id "
        "WHERE b.reviewed_at IS NULL AND b.review_due_at <= :now AND s.locked_at IS NULL",
        now=moment.now_ms,
    )
    for (staff_id,) in late:
        lock_staff(tx, moment, staff_id)
    return len(late)


def _place(glass: Glass) -> Place:
    day = rfc3339(glass.from_at)[:10]
    return Place("break_glass", "sealed_text", glass.id, glass.mandate_id, day, glass.subject_id)


def _glass(row: Row) -> Glass:
    return Glass._make((*row[:5], from_ms(row[5]), from_ms(row[6]), from_ms(row[7]), row[8]))


def _none() -> NotFound:
    return NotFound("NO_SUCH_OPENING", "id", Text("there is nothing here for you", "此处没有与您有关的内容"))
