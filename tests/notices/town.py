"""A small synthetic town for tests of this room: a live mandate, the town's rules, ten people with wallets, and a lab
that speaks in evidence directly."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.mandates.keystore import KeyStore
from pratique.notices import service
from pratique.notices.model import Campaign, EvidenceChange, House, NoticeView, WalletView
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import Evidence
from pratique.store.sealing import Sealer
from pratique.store.store import Store
from tests.mandates.making import live
from tests.people.keys import new_key, point
from tests.ruling import publish

SARS = "94500-6"
LAB = Text("test laboratory", "测试实验室")


class Town:
    """`now` moves with `after`; every act is one committed transaction."""

    def __init__(
        self, store: Store, moment: Moment, folder: Path, members: int = 10, days: float = 30
    ) -> None:
        self.store = store
        self.moment = moment
        self.keys = KeyStore(folder / "keys", secrets.token_bytes)
        signer = new_signer("ES256")
        assert isinstance(signer, Es256Signer)
        self.house = House(Sealer(self.keys, secrets.token_bytes), signer, self.keys)
        self.mandate = store.write(lambda tx: live(tx, moment, days=days))
        store.write(lambda tx: publish(tx, moment, policy.town_rules(), self.mandate.id))
        self.members = [self.join() for _ in range(members)]
        self.campaign = Campaign(
            moment.new_id(), Text("test campaign", "测试行动"), self.mandate.id, SARS, moment.now,
            moment.now + timedelta(days=5),
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        return self.moment.now

    def join(self) -> str:
        return self.store.write(lambda tx: people.create_subject(tx, self.moment, "wallet", point(new_key())))

    def after(self, **span: float) -> "Town":
        self.moment = self.moment._replace(now=self.moment.now + timedelta(**span))
        return self

    def start(self) -> int:
        return self.store.write(
            lambda tx: service.start_campaign(tx, self.moment, self.house, self.campaign, self.members)
        )

    def evidence(self, subject: str, outcome: str, ref: str, sampled: datetime, **more: object) -> Evidence:
        fields: dict[str, object] = {
            "id": self.moment.new_id(), "subject_id": subject, "kind": "test", "outcome": outcome,
            "analyte": SARS, "pooled": True, "sampled_at": sampled, "known_at": self.now, "source": LAB,
            "ref": ref, "mandate_id": self.mandate.id,
        }  # fmt: skip
        return Evidence(**(fields | more))  # type: ignore[arg-type]

    def tell(
        self,
        outcome: str,
        ref: str,
        *,
        sampled: datetime,
        whom: Sequence[str] | None = None,
        supersedes: str | None = None,
        **more: object,
    ) -> None:
        """One result about each of `whom` (default: everybody), in one transaction."""
        changes = [
            EvidenceChange(self.evidence(one, outcome, ref, sampled, **more), supersedes)
            for one in (whom or self.members)
        ]
        self.store.write(lambda tx: service.evidence_changed(tx, self.moment, self.house, changes))

    def sweep(self) -> int:
        return self.store.write(lambda tx: service.sweep(tx, self.moment, self.house))

    def wallet(self, subject: str) -> WalletView:
        with self.store.read() as tx:
            return service.wallet_view(tx, self.moment, self.house, subject, lambda *_: [], 90)

    def notice(self, subject: str, kind: str) -> NoticeView:
        """The newest notice of this kind."""
        return max(
            (one for one in self.wallet(subject).notices if one.kind == kind),
            key=lambda one: (one.opened_at, one.state in ("open", "waiting")),
        )

    def states(self, subject: str) -> dict[str, str]:
        """Kind → state of the newest notice of the kind."""
        kinds = {one.kind for one in self.wallet(subject).notices}
        return {kind: self.notice(subject, kind).state for kind in sorted(kinds)}

    def messages(self, subject: str) -> int:
        with self.store.read() as tx:
            return len(service.told_at(tx, subject))

    def live(self, subject: str) -> list[int]:
        """The classes of all live passes that nobody revoked: 1 clear, 2 conditions."""
        with self.store.read() as tx:
            rows = tx.all(
                "SELECT pass_class FROM issuance WHERE subject_id = :id AND revoked_at IS NULL "
                "AND expires_at > :now ORDER BY pass_class",
                id=subject,
                now=self.moment.now_ms,
            )
        return [row[0] for row in rows]
