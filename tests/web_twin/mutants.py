"""Texts that nobody would issue, most of them signed all the same: what two readers are compared by."""

import random
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2

from pratique.credentials import base45, pq1
from pratique.credentials.cose import to_be_signed
from pratique.credentials.keys import Es256Signer, new_signer
from pratique.credentials.snapshot import Bundle, KeyEntry, Snapshot, StatusEntry
from pratique.credentials.status import build

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
_INTEGERS = [0, 1, 2, -1, -7, 4, 23, 24, 255, 256, 65536, 2**32, 2**53, 2**53 + 1, 2**63, -(2**40), -260, 18]
_FLOATS = [0.0, 1.0, 1.5, -7.0, 1e300, float("inf"), float("nan"), -0.0]
_PIECES = [
    b"\x9f",
    b"\xff",
    b"\xbf",
    b"\xf9\x3c\x00",
    b"\xc1\x00",
    b"\x1b" + b"\xff" * 8,
    b"\x81" * 17,
    b"\x78\x00",
]
_TAGS = [0, 1, 6, 18, 24, 61, 99, 100, 1004, 55799]


def es256() -> Es256Signer:
    """A fresh key."""
    made = new_signer("ES256")
    assert isinstance(made, Es256Signer)
    return made


def certificate(**changes: object) -> dict[str, object]:
    """A synthetic vaccination certificate of version 1.3.0."""
    entry = {
        "tg": "840539006",
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": "2025-11-18",
        "co": "AT",
        "is": "Muster-Behörde",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000001#8",
    }
    name = {"fn": "Muster-Gößinger", "fnt": "MUSTER<GOESSINGER", "gn": "Erika", "gnt": "ERIKA"}
    return {"ver": "1.3.0", "nam": name, "dob": "1998-02-26", "v": [entry]} | changes


class Mutants:
    """A source of texts and moments; `snapshot` trusts the issuer of those that are signed."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.issuer, self.holder = es256(), es256()
        now = int(NOW.timestamp())
        keys = [
            KeyEntry(kid=self.issuer.kid, key=self.issuer.spki, purpose="pass"),
            KeyEntry(kid=self.issuer.kid, key=self.issuer.spki, purpose="hcert", issuer="AT"),
        ]
        status = StatusEntry("", 1, 1, build(1, 1024, [(9, 1)]).pack(), 1024)
        self.snapshot = Snapshot(
            Bundle(number=7, issued=now - 3600, expires=now + 3 * 86_400, keys=tuple(keys), status=(status,))
        )

    def texts(self, count: int) -> Iterator[tuple[str, datetime]]:
        """`count` texts, each with the moment at which it is shown."""
        kinds: list[Callable[[datetime], str]] = [
            self._odd_contents,
            self._odd_payload,
            self._odd_claims,
            self._odd_header,
            self._odd_envelope,
            self._odd_zlib,
            self._odd_text,
            self._odd_showing,
            self._odd_pass,
        ]
        for n in range(count):
            at = NOW + self.pick.choice([0, 0, 0, -100, 100, -25, 25]) * HOUR
            yield kinds[n % len(kinds)](at), at

    def mutated(self, raw: bytes) -> bytes:
        """`raw` with one to three small changes."""
        left = bytearray(raw)
        for _ in range(self.pick.randrange(1, 4)):
            at = self.pick.randrange(len(left)) if left else 0
            match self.pick.randrange(5):
                case 0 if left:
                    left[at] = self.pick.randrange(256)
                case 1 if left:
                    left[at] ^= 1 << self.pick.randrange(8)
                case 2:
                    del left[at : at + self.pick.randrange(1, 5)]
                case 3:
                    left[at:at] = self.pick.randbytes(self.pick.randrange(1, 4))
                case _:
                    left[at : at + 1] = self.pick.choice(_PIECES)
        return bytes(left)

    def value(self, depth: int = 0) -> Any:
        """Any CBOR value; keys that are no text are plain numbers, since readers may print others differently."""
        kind = self.pick.randrange(14 if depth < 4 else 9)
        if kind < 3:
            return self.pick.choice(_INTEGERS)
        if kind < 9:
            return self.pick.choice(
                (
                    _FLOATS,
                    ["", "a", " x ", "通行", "v", "t"],
                    [b"", b"\xa0", b"a" * 40],
                    [True, False, None],
                    [cbor2.undefined, cbor2.CBORSimpleValue(16), cbor2.CBORSimpleValue(99)],
                    [0],
                )[kind - 3]
            )
        if kind < 11:
            return [self.value(depth + 1) for _ in range(self.pick.randrange(4))]
        if kind < 13:
            keys = ["v", "t", "nam", "ver", " x ", "", 0, 1, 4, -260, 18]
            return {self.pick.choice(keys): self.value(depth + 1) for _ in range(self.pick.randrange(4))}
        return cbor2.CBORTag(self.pick.choice(_TAGS), self.value(depth + 1))

    # Kinds of texts

    def _claims(self, content: object = None) -> dict[object, object]:
        day = 86_400
        return {
            1: "AT",
            4: NOW.timestamp() + day,
            6: int(NOW.timestamp()) - day,
            -260: {1: content or certificate()},
        }

    def _hcert(self, payload: bytes, protected: bytes | None = None, unprotected: object = None) -> bytes:
        head = cbor2.dumps({1: -7, 4: self.issuer.kid}) if protected is None else protected
        signature = self.issuer.sign(to_be_signed(head, payload))
        return cbor2.dumps(cbor2.CBORTag(18, [head, unprotected or {}, payload, signature]))

    def _text(self, cose: bytes) -> str:
        return "HC1:" + base45.encode(zlib.compress(cose, 9))

    def _odd_contents(self, _at: datetime) -> str:
        changed = certificate(**{self.pick.choice(["v", "nam", "dob", "ver", "t"]): self.value()})
        return self._text(self._hcert(cbor2.dumps(self._claims(changed))))

    def _odd_payload(self, _at: datetime) -> str:
        return self._text(self._hcert(self.mutated(cbor2.dumps(self._claims()))))

    def _odd_claims(self, _at: datetime) -> str:
        return self._text(
            self._hcert(cbor2.dumps(self._claims() | {self.pick.choice([1, 4, 6, -260]): self.value()}))
        )

    def _odd_header(self, _at: datetime) -> str:
        head = {1: -7, 4: self.issuer.kid}
        return self._text(
            self._hcert(
                cbor2.dumps(self._claims()), self.mutated(cbor2.dumps(head)), self.pick.choice([None, head])
            )
        )

    def _odd_envelope(self, _at: datetime) -> str:
        return self._text(self.mutated(self._hcert(cbor2.dumps(self._claims()))))

    def _odd_zlib(self, _at: datetime) -> str:
        packed = zlib.compress(self._hcert(cbor2.dumps(self._claims())), self.pick.choice([0, 1, 9]))
        return "HC1:" + base45.encode(self.mutated(packed))

    def _odd_text(self, _at: datetime) -> str:
        text = list(self._text(self._hcert(cbor2.dumps(self._claims()))))
        text[self.pick.randrange(len(text))] = self.pick.choice(["a", " ", "%", ":", "é", "0", "\n", "Z"])
        return "".join(text)

    def _pass(self, **changes: Any) -> bytes:
        parts = {
            "holder_key": self.holder.public_key,
            "pass_class": self.pick.choice([1, 2]),
            "issued": NOW - HOUR,
            "expires": NOW + 23 * HOUR,
            "status": (1, self.pick.choice([5, 9, 5000])),
        }
        return pq1.issue_pass(self.issuer, **(parts | changes))

    def _shown(self, credential: bytes, at: datetime) -> str:
        shown = int(at.timestamp())
        return pq1.present(credential, shown, self.holder.sign(pq1.proof_message(credential, shown)))

    def _odd_showing(self, at: datetime) -> str:
        text = self._shown(self._pass(), at + timedelta(seconds=self.pick.choice([0, 0, -180, -181, 181])))
        raw = base45.decode(text[4:])
        return "PQ1:" + base45.encode(self.mutated(raw) if self.pick.random() < 0.7 else raw)

    def _odd_pass(self, at: datetime) -> str:
        head, _, payload, _ = cbor2.loads(self._pass())
        claims: dict[Any, Any] = dict(cbor2.loads(payload))
        claims[self.pick.choice([4, 6, 8, -70001, -70003, 5])] = self.value()
        body = cbor2.dumps(claims) if self.pick.random() < 0.7 else self.mutated(payload)
        credential = cbor2.dumps([head, {}, body, self.issuer.sign(to_be_signed(head, body))])
        return self.pick.choice([pq1.paper(credential), self._shown(credential, at)])
