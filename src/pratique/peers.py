"""Real peers for the demonstration, the replay and the tests: a holder, a site's device, a laboratory.

They hold real keys and speak the real formats from their own side of the wire; nothing here is known to the rooms
they talk to. Everything they are called is synthetic and looks it.
"""

import socket
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.core.canonical import canonical_json
from pratique.core.check37 import check_character
from pratique.core.moment import Moment, rfc3339
from pratique.credentials.pq1 import present, proof_message

ANALYTE = "94500-6"
POOL_CODES = {
    "negative": "895231008^Not detected in pooled specimen^SCT",
    "positive": "462371000124108^Detected in pooled specimen^SCT",
    "indeterminate": "897500001^Inconclusive in pooled specimen^SCT",
}
SINGLE_CODES = {
    "negative": "260415000^Not detected^SCT",
    "positive": "260373001^Detected^SCT",
    "indeterminate": "419984006^Inconclusive^SCT",
}


class Holder:
    """A person with a wallet: a P-256 key that never leaves it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public_key = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subject_id = ""

    def sign(self, message: bytes) -> bytes:
        """ES256 over `message`: r‖s."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def bind(self, challenge: str) -> dict[str, str]:
        """What binds the wallet: the key and its signature over the server's challenge."""
        return {
            "public_key": b64(self.public_key),
            "challenge": challenge,
            "signature": b64(self.sign(b"pratique-bind\n" + challenge.encode())),
        }

    def show(self, credential: bytes, at: datetime) -> str:
        """The text of the code on the screen at this moment."""
        shown = int(at.timestamp())
        return present(credential, shown, self.sign(proof_message(credential, shown)))

    def site_code(self) -> str:
        """What the holder shows at a sampling site."""
        return f"PQS1:{self.subject_id}{check_character(self.subject_id)}"


class SiteDevice:
    """A site's phone: one signed, hash-chained line of events."""

    def __init__(self, site_id: str, lane: int = 1) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public_key = self._key.public_key().public_bytes_raw()
        self.device_id = ""
        self.site_id = site_id
        self.lane = lane
        self._seq = 0
        self._prev = ""

    def seal(
        self, moment: Moment, code: str, members: Sequence[tuple[str, datetime]], opened: datetime
    ) -> dict[str, Any]:
        """A sealed tube as an event for the server."""
        self._seq += 1
        event: dict[str, Any] = {
            "id": moment.new_id(),
            "code": code,
            "site": self.site_id,
            "lane": self.lane,
            "dev": self.device_id,
            "seq": self._seq,
            "prev": self._prev,
            "opened": rfc3339(opened),
            "sealed": rfc3339(moment.now),
            "m": [{"s": s, "p": p, "at": rfc3339(at)} for p, (s, at) in enumerate(members, 1)],
        }
        signed = canonical_json(event)
        self._prev = sha256(signed).hexdigest()
        return event | {"sig": b64(self._key.sign(signed))}


class Laboratory:
    """A laboratory that sees tube codes only and writes HL7 v2.5.1."""

    def __init__(self, code: str = "LAB-A01", oid: str = "2.999.7.1", zone: str = "+0000") -> None:
        self.code = code
        self.oid = oid
        self._zone = zone
        self._series = token_hex(3).upper()  # control ids are unique over every restart of a laboratory
        self._control = 0

    def report(
        self, tube: str, result: str, at: datetime, *, members: int = 10, status: str = "F", control: str = ""
    ) -> bytes:
        """One ORU^R01 for a tube; `members` above 1 is a pool (HL7 table 0369, G), 1 a person's own tube (P)."""
        self._control += 1
        time = at.strftime("%Y%m%d%H%M%S") + self._zone
        code = (POOL_CODES if members > 1 else SINGLE_CODES)[result]
        test = f"{ANALYTE}^SARS-CoV-2 RNA NAA+probe Ql (Resp)^LN"
        role = "G" if members > 1 else "P"
        count = str(members) if members > 1 else ""
        segments = (
            f"MSH|^~\\&|LIS^2.999.8^ISO|{self.code}^{self.oid}^ISO|PRATIQUE|HUB|{time}||ORU^R01^ORU_R01|"
            f"{control or f'{self.code}-{self._series}-{self._control:06d}'}|P|2.5.1|||AL|NE||UNICODE UTF-8",
            f"PID|1||{tube}||POOL",
            f"ORC|RE|{tube}|{tube}-{self.code}",
            f"OBR|1|{tube}|{tube}-{self.code}|{test}|||{time}|||||||||||||||{time}|||{status}",
            f"OBX|1|CWE|{test}||{code}||||||{status}|||{time}|||||{time}",
            f"SPM|1|{tube}&PRATIQUE||258529004^Throat swab^SCT|||||||{role}||{count}||||{time}|{time}",
        )
        return ("\r".join(segments) + "\r").encode()


def b64(raw: bytes) -> str:
    """Base64url without padding, as every key and signature travels."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def free_port(first: int) -> int:
    """The first free port from `first` on."""
    return next(number for number in range(first, 65536) if is_free(number))


def is_free(number: int) -> bool:
    """True if nobody on this machine listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
