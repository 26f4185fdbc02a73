"""The town of the notices' tests with hands that send: to a push service and an SMPP server on this machine."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pratique.core.moment import Moment
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.people import service as people
from pratique.people.model import ContactCard
from pratique.reminding import service
from pratique.reminding.model import PushWish, SmsWish
from pratique.reminding.post import post
from pratique.reminding.smpp import read_gateway
from pratique.store.store import Store
from tests.notices.town import Town
from tests.reminding.peers import Gateway, PushService


class Told(Town):
    """A town whose people are told."""

    def __init__(
        self, store: Store, moment: Moment, folder: Path, push: PushService, gateway: Gateway
    ) -> None:
        super().__init__(store, moment, folder, members=2)
        signer = new_signer("ES256")
        assert isinstance(signer, Es256Signer)
        self.hands = service.Hands(
            store, self.house.sealer, signer, signer.public_key, "https://port.example", (push.host,),
            ZoneInfo("Asia/Shanghai"), post, read_gateway(f"smpp://test:secret@127.0.0.1:{gateway.port}?from=Test"),
        )  # fmt: skip
        self.house = self.house._replace(forgets=(service.forget,))

    def wish(self, wish: PushWish | SmsWish, member: int = 0) -> None:
        keep = service.keep_push if isinstance(wish, PushWish) else service.keep_sms
        self.store.write(lambda tx: keep(tx, self.moment, self.hands, self.members[member], wish))  # type: ignore[arg-type]

    def card(self, language: str = "zh-Hans") -> None:
        card = ContactCard("Planted Person", "+999 0000 0007", language)  # type: ignore[arg-type]
        self.store.write(
            lambda tx: people.write_card(tx, self.moment, self.house.sealer, self.members[0], card)
        )

    def go_round(self) -> int:
        """What the chores do: plan, then send; how many were sent."""
        while self.store.write(lambda tx: service.plan(tx, self.moment, self.hands)):
            pass
        return service.send_due(self.hands, self.moment)


@pytest.fixture
def push() -> Iterator[PushService]:
    made = PushService()
    yield made
    made.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.close()


@pytest.fixture
def told(store: Store, moment: Moment, tmp_path: Path, push: PushService, gateway: Gateway) -> Iterator[Told]:
    made = Told(store, moment, tmp_path, push, gateway)
    yield made
    made.keys.close()
