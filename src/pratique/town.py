"""The synthetic town of the demonstration, the replay and the tests: its mandate, its names, its two officers.

Everything here is invented and looks it. It is made through the same use cases as any real deployment.
"""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from pratique.core.mandate import Kept
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.mandates import service as mandates
from pratique.mandates.model import AppealTo, Basis, Document, Issuer, Paths, Purpose, Reading, Scope
from pratique.mandates.note import NoteSigner
from pratique.notices import service as notices
from pratique.peers import Holder
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.port import Port
from pratique.rollout import service as rollout
from pratique.rollout.model import Laboratory
from pratique.store.store import Store
from pratique.store.tx import Tx
from pratique.testing import service as testing

LASTS = timedelta(days=30)
ORDER = (
    "Order of the synthetic Harbour Health Office (demonstration only)\n\n"
    "For thirty days the port samples residents ten to a tube, tells each person what a result means, and lets\n"
    "people with a current negative result enter the ferry terminal without further questions.\n"
    "Nobody's movements are recorded. Everything kept is listed in the mandate and destroyed at its end.\n\n"
    "合成港口卫生办公室令（仅供演示）\n\n"
    "为期三十天：港口组织十人一管采样，告知每个人结果的含义，持有效阴性结果者可直接进入轮渡码头。\n"
    "不记录任何人的行踪。所保存的内容均列于授权令，期满即销毁。\n"
)
KEPT = {
    "contact": 30, "evidence": 30, "decision": 30, "notice": 30, "appeal": 60, "tube": 14, "result": 30,
    "issuance": 30, "revocation": 30, "access": 30, "count": 30, "device": 30,
}  # fmt: skip
OFFICE = Text("Synthetic Harbour Health Office", "合成港口卫生办公室")
CAMPAIGN = Text("Harbour district, all residents", "港区全员采样")
SITE = Text("Sampling site Pier One", "一号码头采样点")
GATE = Text("Ferry terminal, north door", "轮渡码头北门")
ANALYTE = "94500-6"
LAB, LAB_OID = "LAB-A01", "2.999.7.1"


class Officers:
    """The two keys that sign for the town; in a real office each is on its officer's own card."""

    def __init__(self, moment: Moment) -> None:
        self.legal = NoteSigner("harbour.example/legal", moment.random(32))
        self.health = NoteSigner("harbour.example/public-health", moment.random(32))

    @property
    def both(self) -> tuple[NoteSigner, NoteSigner]:
        """Legal first."""
        return self.legal, self.health


def mandate_document(
    moment: Moment, officers: Officers, *, lasts: timedelta = LASTS, grace_hours: int = 24
) -> Document:
    """The town's order as the text of a mandate note, in force from now."""
    start = moment.now.replace(microsecond=0)
    return Document(
        v=1,
        kind="mandate",
        id=moment.new_id(),
        extends=None,
        supersedes=None,
        issuer=Issuer(OFFICE, OFFICE, tuple(signer.vkey.text for signer in officers.both)),
        basis=(
            Basis(
                Text("Synthetic Health Protection Act", "合成卫生防护法"),
                "12",
                "https://harbour.example/law/12",
                sha256(b"synthetic law, article 12").hexdigest(),
            ),
        ),
        purpose=Purpose(
            "respiratory-outbreak",
            Text("Find infections early in the harbour district", "在港区及早发现感染"),
        ),
        scope=Scope(("harbour",), ("residents",)),
        unlocks=("campaign", "gate", "restriction", "enrolment", "export"),
        data=tuple(Kept(name, days) for name, days in KEPT.items()),
        recipients=(),
        start=start,
        end=start + lasts,
        grace_hours=grace_hours,
        appeal=AppealTo(OFFICE, 24),
        fail={"lists-stale": "admit", "clock-bad": "see-staff"},
        eps={},
        lead_hours=0,  # a demonstration; a real order leaves it out, and rules are known 48 hours before they bind
        text=Reading("https://harbour.example/order", sha256(ORDER.encode()).hexdigest(), "text/plain"),
        paths=Paths(
            Text(
                "Harbour health commission, 3 Synthetic Quay, within 60 days",
                "港区卫生委员会，合成码头3号，60日内",
            ),
            Text(
                "Harbour district court, 4 Synthetic Quay, within 6 months", "港区法院，合成码头4号，6个月内"
            ),
        ),
    )


def order(store: Store, moment: Moment, officers: Officers, document: Document) -> str:
    """Draft, sign twice, publish: the way any mandate comes into force. Returns its id."""

    def act(tx: Tx) -> str:
        known = {officer.vkey for officer in mandates.officers(tx)}
        for signer in officers.both:
            if signer.vkey.text not in known:
                mandates.trust_officer(tx, moment, signer.vkey.text)
        mandates.add_area(tx, moment, "harbour", Text("Harbour district", "港区"))
        mandates.draft(tx, moment, document, ORDER.encode())
        for signer in officers.both:
            mandates.sign_with(tx, moment, document.id, signer)
        mandates.publish(tx, moment, document.id)
        return document.id

    return store.write(act)


def publish_rules(
    port: Port, tx: Tx, moment: Moment, officers: Officers, mandate_id: str, rules: bytes
) -> int:
    """Draft, preview, sign twice, publish: the way any policy comes into force. Returns its number."""
    order = rollout.draft(tx, moment, rules, mandate_id, "town")
    looked = rollout.look(tx, moment, port.sealer, order.body, Laboratory())
    rollout.keep_preview(tx, moment, order.id, looked)
    for signer in officers.both:
        rollout.sign_with(tx, moment, order.id, signer)
    return rollout.publish(tx, moment, order.id).number


class Town(NamedTuple):
    """What the synthetic town is made of once it is founded."""

    officers: Officers
    mandate_id: str
    campaign_id: str
    site_id: str


def found(port: Port, moment: Moment, *, lasts: timedelta = LASTS, grace_hours: int = 24) -> Town:
    """A mandate in force, its policy published, a campaign with one site and one laboratory, a first snapshot."""
    officers = Officers(moment)
    document = mandate_document(moment, officers, lasts=lasts, grace_hours=grace_hours)
    mandate_id = order(port.store, moment, officers, document)
    closes = document.end - timedelta(days=1)

    def act(tx: Tx) -> tuple[str, str]:
        publish_rules(port, tx, moment, officers, mandate_id, policy.town_rules())
        campaign_id = testing.open_campaign(
            tx,
            moment,
            mandate_id=mandate_id,
            name=CAMPAIGN,
            capacity=10,
            analytes=[ANALYTE],
            opens_at=moment.now,
            closes_at=closes,
        )
        asked = notices.Campaign(campaign_id, CAMPAIGN, mandate_id, ANALYTE, moment.now, closes)
        notices.start_campaign(tx, moment, port.house, asked)
        # The laboratory of the demonstration needs no hour for a run; a real one does, and the release gate knows.
        testing.add_lab(tx, moment, LAB, oid=LAB_OID, zone="UTC", run_minutes=0)
        return campaign_id, testing.add_site(tx, moment, campaign_id, SITE, lanes=2)

    campaign_id, site_id = port.store.write(act)
    port.store.write(lambda tx: fleet.publish_snapshot(tx, moment, port.signing_roots))
    port.log.publish(moment)
    return Town(officers, mandate_id, campaign_id, site_id)


def settle(port: Port, moment: Moment, holders: Sequence[Holder]) -> None:
    """People move in: each wallet binds its key, is told of the campaign, and gets its first pass."""

    def act(tx: Tx) -> None:
        for holder in holders:
            holder.subject_id = people.create_subject(tx, moment, "wallet", holder.public_key)
            notices.catch_up(tx, moment, port.house, holder.subject_id)

    port.store.write(act)
