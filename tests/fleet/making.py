"""A server with a synthetic mandate for gates, and devices that sign like gates."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique import town
from pratique.core.moment import Moment
from pratique.credentials import service as credentials
from pratique.credentials.http_signature import Request, sign
from pratique.credentials.keys import new_signer
from pratique.fleet import service
from pratique.fleet.counts import ADDRESS, Upload, upload
from pratique.fleet.form import base64url
from pratique.fleet.model import AlarmRow, CountBatch, CountRow
from pratique.store.store import Store

ROOTS = [new_signer("Ed25519") for _ in range(2)]
PASSES = new_signer("ES256")
OFFICERS = town.Officers(Moment(datetime(2026, 1, 1, tzinfo=UTC), secrets.token_bytes))


def a_mandate(store: Store, moment: Moment, **changes: Any) -> str:
    """The town's mandate, published; and the key that signs passes, known."""
    mandate_id = town.order(store, moment, OFFICERS, town.mandate_document(moment, OFFICERS, **changes))
    until = moment.now + timedelta(days=30)
    store.write(lambda tx: credentials.register_key(tx, moment, PASSES, "pass", until))
    return mandate_id


class Device:
    """A gate's side of the protocol, without a gate."""

    def __init__(self, store: Store, moment: Moment, mandate_id: str, *, confirmed: bool = True) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public_key = base64url(self.key.public_key().public_bytes_raw())
        self.token = store.write(
            lambda tx: service.make_token(tx, moment, mandate_id=mandate_id, place=town.GATE, made_by="desk")
        )
        self.id, self.place = store.write(lambda tx: service.enrol(tx, moment, self.token, self.public_key))
        if confirmed:
            store.write(lambda tx: service.confirm(tx, moment, self.id, "desk"))

    def batch(self, seq: int, rows: tuple[CountRow, ...] = (), alarms: tuple[AlarmRow, ...] = ()) -> Upload:
        return self.upload(CountBatch(self.id, seq, rows, alarms, 1, "2026-01-05T00:00:00Z"))

    def upload(self, batch: CountBatch, keyid: str = "", nonce: str = "") -> Upload:
        """The batch as this device sends it: signed, with a fresh nonce."""
        bare = Request("POST", ADDRESS, {}, msgspec.json.encode(batch))
        made = sign(
            bare,
            self.key.sign,
            keyid=keyid or self.id,
            nonce=nonce or secrets.token_hex(8),
            created=1_767_571_200,
        )
        return upload(bare._replace(fields=made))


def slot(moment: Moment) -> int:
    return int(moment.now.timestamp()) // 900
