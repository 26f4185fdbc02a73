"""A mandate comes into force only through draft, two signatures of different roles, publication, and its start."""

from datetime import timedelta

import pytest

from pratique.core.errors import Conflict, NoMandate, NotAllowed, Refusal
from pratique.core.moment import Moment
from pratique.mandates import service
from pratique.mandates.note import NoteSigner
from pratique.store.store import Store
from tests.mandates import making


def test_it_works(store: Store, moment: Moment) -> None:
    mandate = store.write(lambda tx: making.live(tx, moment))

    with store.read() as tx:
        assert service.require(tx, mandate.id, "gate", moment.now) == mandate
        assert [m.id for m in service.live_mandates(tx, moment.now)] == [mandate.id]
        assert service.standing(tx, mandate.id).state(moment.now) == "live"
