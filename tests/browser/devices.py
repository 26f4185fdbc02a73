"""The site side of the small server: devices with Ed25519 keys, and the chain of their sealed tubes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pratique.core.canonical import canonical_json
from pratique.core.check37 import is_checked
from pratique.people.binding import from_b64, to_b64
from pratique.testing.carry import read_copy

ELSEWHERE = {
    "en": "another device has sealed this tube; keep it apart and tell the site lead",
    "zh-Hans": "另一设备已封管，请单独存放并告知负责人",
}


NOT_ENROLLED = {
    "en": "this device is not enrolled here; enrol it again",
    "zh-Hans": "设备未在此登记，请重新登记",
}


class Devices:
    """`conflicts` names tube codes that another device has; `stored` is what was taken, in order."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.invitations = {"A-ONE-TIME-TOKEN"}
        self.keys: dict[str, bytes] = {}
        self.heads: dict[str, str] = {}
        self.stored: list[dict[str, Any]] = []
        self.conflicts: set[str] = set()
        self.capacity = 10
        self.requests: list[int] = []
        self.skews: list[timedelta] = []
        self.private = bytes(range(1, 33))
        self.lines: list[dict[str, Any]] = []
        self.batches: list[dict[str, Any]] = []

    def enrol(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["token"] not in self.invitations:
            raise ValueError("this token is not open here; ask for a new one")
        self.invitations.discard(body["token"])
        device = f"0000000000000000000000DEV{len(self.keys)}"
        self.keys[device] = from_b64(body["public_key"], 32, "public_key")
        return {
            "device_id": device,
            "last_seq": 0,
            "campaign": {
                "id": "00000000000000000000000CAM",
                "name": {"en": "Harbour district, all residents", "zh-Hans": "港区全员采样"},
                "capacity": self.capacity,
                "batches": self.batches,
                "mandate_id": "00000000000000000000000MAN",
            },
            "site": {
                "id": "0000000000000000000000S1TE",
                "name": {"en": "Sampling site Pier One", "zh-Hans": "一号码头采样点"},
            },
            "server_key": to_b64(self.public_key),
        }

    @property
    def public_key(self) -> bytes:
        """To which phones seal their copies."""
        return X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    def take_copies(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Copies that another phone carried, opened by the server's own code."""
        results = []
        for text in body["copies"]:
            event = msgspec.to_builtins(read_copy(self.private, text, lambda _: "0000000000000000000000S1TE"))
            gap = event["prev"] != self.heads.get(event["dev"], "") and not any(
                kept["id"] == event["id"] for kept in self.stored
            )
            told = {"outcome": "refused", "code": "CHAIN_GAP", "field": "seq"} if gap else self._one(event)
            results.append({"id": ""} | told)
        return results

    def take(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """One result an event. `now` is the device's clock as it sends; its times are corrected by it."""
        events = body["events"]
        if len(events) > 50 or set(body) != {"events", "now"}:
            raise ValueError("at most 50 events in one request, and the device's now")
        self.skews.append(datetime.fromisoformat(body["now"]) - self.now())
        self.requests.append(len(events))
        return [{"id": event["id"]} | self._one(event) for event in events]

    def _one(self, event: dict[str, Any]) -> dict[str, Any]:
        device = event["dev"]
        if device not in self.keys:
            return {"outcome": "refused", "code": "UNKNOWN_DEVICE", "field": "dev", "text": NOT_ENROLLED}
        if any(kept["id"] == event["id"] for kept in self.stored):
            return {"outcome": "already"}
        unsigned = {k: v for k, v in event.items() if k != "sig"}
        Ed25519PublicKey.from_public_bytes(self.keys[device]).verify(
            from_b64(event["sig"], 64, "sig"), canonical_json(unsigned)
        )
        if set(event) != {"id", "code", "site", "lane", "dev", "seq", "prev", "opened", "sealed", "m", "sig"}:
            raise ValueError("the event has other fields than the contract")
        if event["prev"] != self.heads.get(device, ""):
            raise ValueError("the chain is broken")
        if not is_checked(event["code"]) or not 1 <= len(event["m"]) <= self.capacity:
            raise ValueError("the tube is not well formed")
        self.heads[device] = sha256(canonical_json(unsigned)).hexdigest()
        if event["code"] in self.conflicts:
            return {"outcome": "conflict", "code": "TUBE_ELSEWHERE", "field": "code", "text": ELSEWHERE}
        self.stored.append(event)
        return {"outcome": "stored"}
