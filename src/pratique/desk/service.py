"""Use cases of the room `desk`, each in its caller's transaction. What other rooms may use is named here."""

from datetime import datetime, timedelta

from pratique.core.errors import Conflict, Destroyed, NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms
from pratique.core.text import Text
from pratique.desk import store
from pratique.desk.bulk import begin_bulk, bulk, bulks_of, go_on, undo_bulk
from pratique.desk.model import MAX_NOTE, CaseFile, CaseLine, CaseRow, Line, Place, Why
from pratique.desk.opening import area_of, call_unasked, close_over, open_case, sweep
from pratique.desk.script import script, then
from pratique.desk.store import erase_mandate
from pratique.mandates import service as mandates
from pratique.notices import service as notices
from pratique.notices.kinds import fact_text
from pratique.notices.model import EvidenceChange, House, Opening, Said
from pratique.people import service as people
from pratique.people.model import Staff
from pratique.policy.model import Evidence
from pratique.store import sealing
from pratique.store.tx import Tx

WORKERS = ("case-worker", "duty-doctor")
PURPOSE = {"visit": "visit"}
TASK_FOR = timedelta(hours=1)  # how long an opened case lets its worker read the card
FACTS = ("vaccination", "recovery", "exemption")
FIRST_CALL, CALL_ME = timedelta(hours=2), timedelta(hours=2)
FAMILY_WITHIN = timedelta(hours=24)
FAMILY: dict[str, notices.Family] = {"reached": "told", "refuses": "not-wished"}
SPOKE = ("reached", "needs-help", "refuses")  # the person is on the phone: they know now
PAGE = 50
START = Place()


def call_me(tx: Tx, moment: Moment, subject_id: str, notice_id: str) -> datetime:
    """The holder asks to be called about an open notice; by when somebody calls. Asking twice changes nothing.

    Raises NotFound for a notice of somebody else, or one that is over.
    """
    line = notices.notice_line(tx, notice_id, subject_id)
    if line is None:
        raise _nothing("notice_id")
    if (row := store.open_of_notice(tx, notice_id, "call-me")) is not None:
        return from_ms(row.due_at)
    open_case(tx, moment, line, subject_id, "call-me", moment.now + CALL_ME, "person")
    return moment.now + CALL_ME


def ask_contact(
    tx: Tx, moment: Moment, house: House, staff: Staff, *, subject_id: str, mandate_id: str
) -> str:
    """Ask a person to get in touch (N5), and have the desk call until its deadline; the notice's id.

    Raises NotAllowed, NoMandate, NotFound.
    """
    _must_work(staff)
    if not people.subject_exists(tx, subject_id):
        raise _nothing("subject_id")
    office = mandates.require(tx, mandate_id, "restriction", moment.now).issuer
    said = Said(fact_text("office"), office, None)
    notice_id = notices.open_notice(
        tx,
        moment,
        house,
        Opening(subject_id, "N5", mandate_id, "CONTACT_WANTED", facts=(said,), decider=staff.id),
    )
    line = notices.notice_line(tx, notice_id)
    if line is not None:
        open_case(tx, moment, line, subject_id, "call", line.due_at, staff.id, staff.id)
    return notice_id


def give_order(
    tx: Tx,
    moment: Moment,
    house: House,
    staff: Staff,
    *,
    subject_id: str,
    mandate_id: str,
    why: str,
    ends: datetime,
    lines: dict[str, str],
) -> str:
    """An individual order, the call that tells the person and asks after them, then one each day; and a call within a
    day in which somebody whom the person names is told. The notice's id.

    Raises as `notices.order_stay_home`.
    """
    notice_id = notices.order_stay_home(
        tx,
        moment,
        house,
        staff,
        subject_id=subject_id,
        mandate_id=mandate_id,
        why=why,
        ends=ends,
        lines=lines,
    )
    line = notices.notice_line(tx, notice_id)
    if line is not None:
        open_case(tx, moment, line, subject_id, "daily-call", moment.now + FIRST_CALL, staff.id)
        open_case(tx, moment, line, subject_id, "call", moment.now + FAMILY_WITHIN, staff.id, why="family")
    return notice_id


def end_order(tx: Tx, moment: Moment, staff: Staff, notice_id: str) -> None:
    """A doctor ends an order before its date; its notice clears and its calls end. Raises NotAllowed, NotFound."""
    if staff.role != "duty-doctor":
        raise NotAllowed("MAY_NOT_ORDER", "role", Text("your role ends no orders", "您的角色不能终止命令"))
    notices.note(tx, moment, "order-ended", notice_id=notice_id)
    for kind in ("daily-call", "call"):
        if (row := store.open_of_notice(tx, notice_id, kind)) is not None:
            close_over(tx, moment, row)


def cases(
    tx: Tx,
    moment: Moment,
    staff: Staff,
    *,
    kind: str = "",
    after: Place = START,
    limit: int = PAGE,
) -> list[CaseLine]:
    """The worker's own cases and the pool of their areas, in the order in which they are due. No name, no subject."""
    _must_work(staff)
    reach = people.reach(tx, moment.now, staff)
    found = store.page(tx, staff.id, None, kind, after, limit) if reach.own or reach.areas else []
    for area in sorted(reach.areas):
        found += store.page(tx, "", area, kind, after, limit)
    found = sorted(found, key=lambda row: (row.due_at, row.id))[:limit]
    return [_line(row, staff) for row in found]


def find_cases(
    tx: Tx, moment: Moment, house: House, secret: bytes, staff: Staff, *, code: str = "", phone: str = ""
) -> list[CaseLine]:
    """The open cases of somebody who calls or stands at the counter: by claim code or phone number, exact only.

    Each hit by phone is a look its subject sees. Raises Refusal, NotFound, NotAllowed.
    """
    _must_work(staff)
    if code:
        subjects = [people.subject_of_code(tx, moment.now, secret, code)]
    else:
        reader = people.reader(staff, moment.now + TASK_FOR)
        subjects = people.find_by_phone(tx, moment, house.sealer, reader, phone, purpose="call")
    reach = people.reach(tx, moment.now, staff)
    rows = [row for row in store.open_of_subjects(tx, subjects) if people.holds(reach, _thing(row))]
    return [_line(row, staff) for row in rows]


def open_file(tx: Tx, moment: Moment, house: House, staff: Staff, case_id: str) -> CaseFile:
    """Take a case and open it: whom to call, what to say. The look at the card is logged and shown to its subject.

    Raises NotFound for what is out of reach, Conflict where a colleague has it, StepUp.
    """
    row = _reached(tx, moment, staff, case_id)
    if row.state == "open" and not row.owner:
        row = row._replace(owner=staff.id)
        store.save(tx, row)
        store.add_event(tx, row.id, moment.now_ms, "taken", staff.id)
    line = notices.notice_line(tx, row.notice_id)
    card: dict[str, str] = {}
    if row.state == "open":
        card = _card(tx, moment, house, staff, row)
    return CaseFile(
        row=row,
        title=script().title(row.kind, row.why),
        reason=line.title if line else script().events["notice-over"],
        script=script().said(row.kind, row.why),
        language=card.get("language", "zh-Hans"),
        card=card,
        due_at=from_ms(row.due_at),
        lines=[_event(house, row, staff, event) for event in store.events(tx, row.id)],
        pseudonym=people.pseudonym(
            house.sealer, row.mandate_id, row.subject_id, scope=row.area, purpose="call"
        ),
    )


def record(
    tx: Tx, moment: Moment, house: House, staff: Staff, case_id: str, result: str, *, note: str = ""
) -> str:
    """What came of a case, with everything that follows from it, in one transaction; the kind that was opened, or "".

    Being in touch ends a "please get in touch" at once. Raises NotFound, Conflict, Refusal.
    """
    row = _reached(tx, moment, staff, case_id)
    if result not in script().results:
        raise Refusal("BAD_RESULT", "result", Text("choose a result from the list", "请从列表中选择结果"))
    if len(note) > MAX_NOTE:
        raise Refusal(
            "TOO_LONG", "note", Text(f"write at most {MAX_NOTE} characters", f"最多填写 {MAX_NOTE} 个字符")
        )
    if row.state != "open":
        raise Conflict("CASE_DONE", "case_id", Text("this case is done already", "此个案已结束"))
    follows = then(row.kind, result, row.attempts, row.why)
    now = moment.now_ms
    told = FAMILY.get(result) if row.why == "family" else None
    event = f"family-{told}" if told else result
    store.add_event(tx, row.id, now, event, staff.id, note=_sealed(house, row, now, note))
    store.save(
        tx,
        row._replace(
            owner=row.owner or staff.id,
            attempts=row.attempts + 1,
            due_at=row.due_at if follows.done else now + follows.later,
            state="done" if follows.done else "open",
            state_at=now,
            result=result,
        ),
    )
    if result in SPOKE:
        notices.reached(tx, moment, row.subject_id)
    if told:
        notices.tell_family(tx, moment, row.notice_id, told)
    line = notices.notice_line(tx, row.notice_id)
    if line is None:
        return ""
    if result == "reached" and line.kind == "N5":
        notices.note(tx, moment, "contact", notice_id=row.notice_id)
        line = None
    if line is not None and follows.opens:
        due = moment.now + timedelta(milliseconds=follows.within)
        why: Why = row.why if follows.opens == "visit" else ""  # type: ignore[assignment]
        open_case(tx, moment, line, row.subject_id, follows.opens, due, staff.id, why=why)
        return follows.opens
    return ""


def record_fact(
    tx: Tx, moment: Moment, house: House, staff: Staff, case_id: str, kind: str, as_of: datetime
) -> None:
    """A doctor records what was shown: a vaccination, a recovery, an exemption; what it clears clears at once.

    Raises NotAllowed for another role, NotFound, Refusal for a kind outside the list or a time to come.
    """
    if staff.role != "duty-doctor":
        raise NotAllowed("MAY_NOT_RECORD", "role", Text("your role records no facts", "您的角色不能登记事实"))
    row = _reached(tx, moment, staff, case_id)
    if kind not in FACTS:
        raise Refusal("BAD_KIND", "kind", Text("choose a kind from the list", "请从列表中选择类别"))
    if as_of > moment.now:
        raise Refusal("BAD_TIME", "as_of", Text("this day is still to come", "该日期尚未到来"))
    fact = Evidence(
        id=moment.new_id(),
        subject_id=row.subject_id,
        kind=kind,  # type: ignore[arg-type]
        sampled_at=as_of,
        known_at=moment.now,
        source=fact_text("duty-doctor"),
        ref=f"desk-{moment.new_id()}",
        mandate_id=row.mandate_id,
    )
    notices.evidence_changed(tx, moment, house, [EvidenceChange(fact, None)])
    store.add_event(tx, row.id, moment.now_ms, f"fact-{kind}", staff.id)


def hand_over(tx: Tx, moment: Moment, staff: Staff, to: str) -> int:
    """The end of a shift: every open case of mine goes to a colleague, or with `to` empty back to the pool.

    Raises NotFound for no such colleague, NotAllowed for one whose role has no desk.
    """
    _must_work(staff)
    may_take(tx, to)
    n, after = 0, Place()
    while rows := store.page(tx, staff.id, None, "", after, 500):
        for row in rows:
            store.save(tx, row._replace(owner=to))
            store.add_event(tx, row.id, moment.now_ms, "given", staff.id, reference=to)
        n, after = n + len(rows), Place(rows[-1].due_at, rows[-1].id)
    return n


def may_take(tx: Tx, to: str) -> None:
    """Raises NotFound, NotAllowed where `to` is not somebody who works at a desk; "" is the pool."""
    if to and people.staff_by_id(tx, to).role not in WORKERS:
        raise NotAllowed("NO_DESK", "to", Text("this colleague has no desk", "该同事不在个案台工作"))


def forget(tx: Tx, subject_id: str) -> None:
    """Delete what the desk holds of one subject."""
    store.delete_subject(tx, subject_id)


def _reached(tx: Tx, moment: Moment, staff: Staff, case_id: str) -> CaseRow:
    _must_work(staff)
    row = store.case(tx, case_id)
    if row is None:
        raise _nothing("case_id")
    people.must_reach(people.reach(tx, moment.now, staff), _thing(row))
    if row.owner not in ("", staff.id):
        raise Conflict("TAKEN", "case_id", Text("a colleague has this case", "此个案已由同事接手"))
    return row


def _thing(row: CaseRow) -> people.Thing:
    return people.Thing(area=row.area, owner=row.owner)


def _card(tx: Tx, moment: Moment, house: House, staff: Staff, row: CaseRow) -> dict[str, str]:
    purpose = "care" if staff.role == "duty-doctor" else PURPOSE.get(row.kind, "call")
    reader = people.reader(staff, moment.now + TASK_FOR)
    try:
        return people.read_card(
            tx, moment, house.sealer, reader, row.subject_id, purpose=purpose, inside=True
        )
    except NotFound:
        return {}  # nobody left a card: the case is done by a visit or at the counter


def _line(row: CaseRow, staff: Staff) -> CaseLine:
    return CaseLine(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]
        title=script().title(row.kind, row.why),
        due_at=from_ms(row.due_at),
        mine=row.owner == staff.id,
        attempts=row.attempts,
    )


def _event(
    house: House, row: CaseRow, staff: Staff, event: tuple[int, int, str, str, str, bytes | None]
) -> Line:
    _, at, what, by, _, sealed = event
    note = ""
    if sealed is not None:
        try:
            note = house.sealer.open(_note_place(row, at), bytes(sealed)).decode()
        except Destroyed:
            note = ""
    texts = script().events | script().results
    return Line(from_ms(at), texts[what], by == staff.id, note)


def _sealed(house: House, row: CaseRow, at: int, note: str) -> bytes | None:
    return house.sealer.seal(_note_place(row, at), note.strip().encode()) if note.strip() else None


def _note_place(row: CaseRow, at: int) -> sealing.Place:
    day = from_ms(at).date().isoformat()
    return sealing.Place("desk_event", "sealed_note", row.id, row.mandate_id, day, row.subject_id)


def _must_work(staff: Staff) -> None:
    if staff.role not in WORKERS:
        raise NotAllowed("NO_DESK", "role", Text("your role has no desk", "您的角色不在个案台工作"))


def _nothing(field: str) -> NotFound:
    return NotFound("NO_SUCH_THING", field, Text("there is nothing here by that id", "没有此项"))


__all__ = [
    "area_of", "ask_contact", "begin_bulk", "bulk", "bulks_of", "call_me", "call_unasked", "cases", "end_order",
    "erase_mandate", "find_cases", "forget", "give_order", "go_on", "hand_over", "may_take", "open_case", "open_file",
    "record", "record_fact", "sweep", "undo_bulk",
]  # fmt: skip
