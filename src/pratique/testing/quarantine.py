"""Messages that were understood and refused, or could not be read: one person says what to do and why, a second acts.

Taking a message in again waives no rule: it is judged as if it came now, so what was missing (a laboratory's
registration, its receipt scan, a campaign) must be there by then. Only a control id that was used twice gets a name of
its own. Of what is refused for good the bytes are destroyed at once; who, whom with, and why stays.
"""

from datetime import datetime

import msgspec

from pratique.core.errors import NotAllowed, NotFound, Refusal
from pratique.core.moment import Moment, from_ms
from pratique.core.text import Text
from pratique.store.tx import Row, Tx
from pratique.testing import accepting, er7, oru, store_results
from pratique.testing.releasing import Tell

LEAST_REASON, MOST_REASON = 5, 200
VERDICTS = ("take-in", "refuse")


class Quarantined(msgspec.Struct, frozen=True):
    """One message that waits. `text` is the redacted message, empty where nothing legible is kept; `asked` is what the
    first person wants ("" for nobody yet)."""

    id: str
    lab: str
    control_id: str
    code: str
    field: str
    why: Text
    received_at: datetime
    text: str
    asked: str
    reason: str
    asked_by: str

    @property
    def legible(self) -> bool:
        """True if it can be taken in again; otherwise the laboratory must send it anew."""
        return bool(self.text)


def quarantined(tx: Tx) -> list[Quarantined]:
    """What waits, the oldest first, two hundred at most."""
    return [_quarantined(row) for row in store_results.quarantine(tx)]


def ask(tx: Tx, moment: Moment, quarantine_id: str, verdict: str, reason: str, by: str) -> None:
    """The first person: take this message in, or refuse it for good, and why. Raises NotFound, Refusal."""
    one = _one(tx, quarantine_id)
    if verdict not in VERDICTS:
        raise Refusal(
            "BAD_VERDICT", "act", Text("choose to take it in or to refuse it", "请选择重新接收或拒收")
        )
    if verdict == "take-in" and not one.legible:
        raise Refusal("NOT_KEPT", "act", Text(
            "nothing legible of it is kept; ask the laboratory to send it again",
            "未保存可读内容，请通知检测机构重新发送"))  # fmt: skip
    said = " ".join(reason.split())
    if not LEAST_REASON <= len(said) <= MOST_REASON:
        raise Refusal("REASON", "reason", Text(
            f"say why in {LEAST_REASON} to {MOST_REASON} characters; no names of people tested",
            f"请用 {LEAST_REASON} 至 {MOST_REASON} 个字符说明原因，不要写受检者姓名"))  # fmt: skip
    store_results.ask_quarantine(tx, quarantine_id, verdict, said, by, moment.now_ms)


def withdraw(tx: Tx, quarantine_id: str) -> None:
    """What was asked is not wanted any more, or a second person disagrees. Raises NotFound."""
    _one(tx, quarantine_id)
    store_results.ask_quarantine(tx, quarantine_id, "", "", "", None)


def confirm(tx: Tx, moment: Moment, quarantine_id: str, by: str, tell: Tell) -> str:
    """The second person does what the first asked for; which of `VERDICTS` that was.

    Raises NotFound, NotAllowed for the same person, and the `Refused` of a message that is still not right: then
    nothing has changed.
    """
    one = _one(tx, quarantine_id)
    if not one.asked:
        raise Refusal("NOT_ASKED", "act", Text("nobody has asked for this yet", "尚无人提出处理意见"))
    if by == one.asked_by:
        raise NotAllowed("SAME_PERSON", "act", Text(
            "a second person confirms this, not the one who asked", "须由另一人确认，提出者不能自行确认"))  # fmt: skip
    if one.asked == "take-in":
        _take_in(tx, moment, one, by, tell)
    store_results.resolve_quarantine(tx, quarantine_id, by, moment.now_ms)
    return one.asked


def _take_in(tx: Tx, moment: Moment, one: Quarantined, by: str, tell: Tell) -> None:
    digest, kept = store_results.quarantine_bytes(tx, one.id)
    message = er7.read(kept, "")
    oru.check_type(message)
    sender = oru.sender_of(message)
    known = store_results.lab_and_repeat(
        tx, sender.name, sender.application, sender.facility, sender.control_id
    )
    if known is None or (known[0].oid and sender.oid and known[0].oid != sender.oid):
        raise accepting.refuse(
            "204", "MSH/4", "this laboratory is still not registered here", "该检测机构仍未登记"
        )
    incoming = oru.incoming(message, known[0], "")
    if known[1] is not None:
        own = msgspec.structs.replace(incoming.sender, control_id=f"{sender.control_id}#{one.id}")
        incoming = msgspec.structs.replace(incoming, sender=own)
    accepting.accept(tx, moment, incoming, known[0], digest, by, tell)


def _one(tx: Tx, quarantine_id: str) -> Quarantined:
    for row in store_results.quarantine(tx, quarantine_id):
        return _quarantined(row)
    raise NotFound("NOT_FOUND", "id", Text("this message does not wait here any more", "该报文已不在隔离区"))


def _quarantined(row: Row) -> Quarantined:
    legible = row[9] is not None and not row[8]
    text = bytes(row[9]).decode("utf-8", "replace").replace("\r", "\n") if legible else ""
    return Quarantined(
        row[0], row[1], row[2], row[3], row[4], Text(row[5], row[6]), from_ms(int(row[7])), text, row[10], row[11],
        row[12],
    )  # fmt: skip
