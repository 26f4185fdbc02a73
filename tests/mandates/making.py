"""Mandates for tests: visibly made up, but signed, published and logged like real ones.

`live(tx, moment, …)` is what other rooms' tests use: it drafts, signs with two roles, publishes, and returns the
mandate in force from `moment.now`.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from pratique.core.mandate import Kept, Mandate
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import service
from pratique.mandates.model import (
    CEILINGS,
    AppealTo,
    Basis,
    Document,
    Issuer,
    Paths,
    Purpose,
    Reading,
    Scope,
)
from pratique.mandates.note import NoteSigner
from pratique.store.tx import Tx

READING = b"Order 1 of the test port.\n"
LEGAL = NoteSigner("port.example/legal", sha256(b"legal").digest())
HEALTH = NoteSigner("port.example/public-health", sha256(b"public health").digest())
COURT = NoteSigner("court.example/court", sha256(b"court").digest())
ALL = ("campaign", "gate", "restriction", "enrolment", "venue", "release", "export")


def document(
    moment: Moment,
    *,
    start: datetime | None = None,
    days: float = 30,
    unlocks: tuple[str, ...] = ALL,
    data: tuple[Kept, ...] | None = None,
    grace_hours: int = 24,
    extends: str | None = None,
    paths: Paths | None = None,
) -> Document:
    """A document that is right in every field."""
    begins = start or moment.now
    return Document(
        v=1,
        kind="mandate",
        id=moment.new_id(),
        extends=extends,
        supersedes=None,
        issuer=Issuer(
            name=Text("Test port health office", "测试港卫生处"),
            office=Text("1 Example Quay", "示例码头1号"),
            vkeys=(LEGAL.vkey.text, HEALTH.vkey.text, COURT.vkey.text),
        ),
        basis=(Basis(Text("Test Act", "测试法"), "7", "https://law.example/7", sha256(b"law").hexdigest()),),
        purpose=Purpose("test-outbreak", Text("end a made-up outbreak", "终止虚构疫情")),
        scope=Scope(areas=("test-port",), groups=("everyone",)),
        unlocks=unlocks,
        data=data if data is not None else tuple(Kept(name, days) for name, days in CEILINGS.items()),
        recipients=(Text("the test laboratory", "测试实验室"),),
        start=begins,
        end=begins + timedelta(days=days),
        grace_hours=grace_hours,
        appeal=AppealTo(Text("Appeals desk", "申诉台"), 24),
        fail={"lists-stale": "admit"},
        eps={},
        text=Reading("https://port.example/order-1", sha256(READING).hexdigest(), "text/plain"),
        paths=paths,
    )


def trust(tx: Tx, moment: Moment) -> None:
    """Enrol the three keys, once."""
    known = {officer.vkey for officer in service.officers(tx)}
    for signer in (LEGAL, HEALTH, COURT):
        if signer.vkey.text not in known:
            service.trust_officer(tx, moment, signer.vkey.text)


def live(tx: Tx, moment: Moment, **changes: object) -> Mandate:
    """A mandate signed by both roles, published and logged now."""
    trust(tx, moment)
    made = document(moment, **changes)  # type: ignore[arg-type]
    service.draft(tx, moment, made, READING)
    service.sign_with(tx, moment, made.id, LEGAL)
    service.sign_with(tx, moment, made.id, HEALTH)
    service.publish(tx, moment, made.id)
    found = service.mandate_by_id(tx, made.id)
    assert found is not None
    return found
