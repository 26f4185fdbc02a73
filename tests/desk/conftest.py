"""The town of the notices' tests with a desk: two case workers and a doctor of its area."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.desk import service
from pratique.desk.model import CaseLine
from pratique.mandates import service as mandates
from pratique.notices.model import Opening, Said
from pratique.people import service as people
from pratique.people.model import ContactCard, Staff
from pratique.store.store import Store
from tests.notices.town import Town

AREA = "test-port"


class Desk(Town):
    """A town with staff. `worker` and `colleague` reach the area; `stranger` reaches nothing."""

    def __init__(self, store: Store, moment: Moment, folder: Path, members: int = 3) -> None:
        super().__init__(store, moment, folder, members=members)
        self.house = self.house._replace(forgets=(service.forget,))
        self.worker = self.hire("case-worker", AREA)
        self.colleague = self.hire("case-worker", AREA)
        self.doctor = self.hire("duty-doctor", AREA)
        store.write(lambda tx: mandates.add_area(tx, moment, "elsewhere", Text("Elsewhere", "别处")))
        self.stranger = self.hire("case-worker", "elsewhere")
        for n, one in enumerate(self.members):
            card = ContactCard(f"Test Person {n}", f"+999 0000 000{n}", "en" if n else "zh-Hans")
            store.write(
                lambda tx, one=one, card=card: people.write_card(tx, moment, self.house.sealer, one, card)
            )

    def hire(self, role: str, area: str) -> Staff:
        made = self.store.write(
            lambda tx: people.invite_staff(
                tx, self.moment, None, name=f"Test {role}", role=role, grants=[people.Grant("area", area)]
            )
        )
        return made.staff

    def fresh(self, staff: Staff) -> Staff:
        """The worker who has just shown that it is them."""
        return Staff(staff.id, staff.name, staff.role, self.now)

    def ask(self, member: int = 0, staff: Staff | None = None) -> str:
        """The office wants to speak with somebody: a notice N5 and a case; the notice's id."""
        return self.store.write(
            lambda tx: service.ask_contact(
                tx, self.moment, self.house, staff or self.worker, subject_id=self.members[member],
                mandate_id=self.mandate.id,
            )
        )  # fmt: skip

    def call_me(self, member: int = 0) -> str:
        """A holder with an open notice asks to be called; the notice's id."""
        fact = (Said(Text("a fact", "事实"), "", None),)
        opening = Opening(self.members[member], "N6", self.mandate.id, "RESULT_CORRECTED", facts=fact)
        from pratique.notices import service as notices

        notice_id = self.store.write(lambda tx: notices.open_notice(tx, self.moment, self.house, opening))
        self.store.write(lambda tx: service.call_me(tx, self.moment, self.members[member], notice_id))
        return notice_id

    def list(self, staff: Staff | None = None, **more: Any) -> list[CaseLine]:
        with self.store.read() as tx:
            return service.cases(tx, self.moment, staff or self.worker, **more)

    def record(self, case_id: str, result: str, staff: Staff | None = None, note: str = "") -> str:
        return self.store.write(
            lambda tx: service.record(
                tx, self.moment, self.house, self.fresh(staff or self.worker), case_id, result, note=note
            )
        )

    def open(self, case_id: str, staff: Staff | None = None) -> Any:
        return self.store.write(
            lambda tx: service.open_file(
                tx, self.moment, self.house, self.fresh(staff or self.worker), case_id
            )
        )


@pytest.fixture
def desk(store: Store, moment: Moment, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(store, moment, tmp_path)
    yield made
    made.keys.close()
