"""A small house for tests of the end: real store, real key store, real log; a mandate and somebody under it."""

import secrets
from datetime import timedelta
from pathlib import Path

from pratique.core.mandate import Mandate
from pratique.core.moment import Moment
from pratique.mandates.keystore import KeyStore
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.people import service as people
from pratique.people.model import ContactCard
from pratique.retire import service as retire
from pratique.retire.service import Retiring
from pratique.store.store import Store
from tests.mandates import making

LOG = NoteSigner("log.port.example", b"L" * 32)


class Clock:
    """Moves only when told."""

    def __init__(self, moment: Moment) -> None:
        self.at = moment

    def __call__(self) -> Moment:
        return self.at

    def move(self, **by: float) -> Moment:
        """Later by so much."""
        self.at = self.at._replace(now=self.at.now + timedelta(**by))
        return self.at


def house_of(store: Store, home: Path, moment: Moment) -> tuple[Retiring, Clock]:
    """The house and its clock."""
    home.mkdir(exist_ok=True)
    clock = Clock(moment)
    keys = KeyStore(home / "keys", secrets.token_bytes)
    log = Publisher(store, home / "log", LOG, (retire.certificates,))
    return Retiring(store, keys, log, home, clock, "https://port.example"), clock


def somebody(house: Retiring, mandate: Mandate, name: str) -> str:
    """A subject with a contact card; its id."""
    moment = house.moment()

    def act(tx: object) -> str:
        subject = people.create_subject(tx, moment, "paper")  # type: ignore[arg-type]
        card = ContactCard(name, "+999 55501234", "en")
        people.write_card(tx, moment, house.sealer, subject, card, mandate_id=mandate.id)  # type: ignore[arg-type]
        return subject

    return house.store.write(act)


def begun(store: Store, home: Path, moment: Moment, **changes: object) -> tuple[Retiring, Clock, Mandate]:
    """A house with a mandate of two days in force, its canaries planted, and one person under it."""
    house, clock = house_of(store, home, moment)
    mandate = store.write(lambda tx: making.live(tx, moment, **({"days": 2} | changes)))
    retire.destroy_due(house)
    somebody(house, mandate, "Mei Example")
    return house, clock, mandate
