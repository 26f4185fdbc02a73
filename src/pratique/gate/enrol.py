"""Letting a device in: it makes its own key, shows a one-time token, and keeps what the server answers.

A gate's home holds `device.key` (readable by its owner alone), `gate.json`, the snapshot and the journal.
"""

import binascii
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import msgspec

from pratique.core.ids import tidy_typed
from pratique.core.signer import Signer
from pratique.core.text import Text
from pratique.credentials.keys import Ed25519Signer, load_or_create_signer, load_signer
from pratique.credentials.pairing import pairing, pairing_words, roots_hash
from pratique.credentials.reasons import BadTrust
from pratique.gate.database import sync_folder
from pratique.gate.http import post_json

KEY, ENROLMENT, SNAPSHOT, JOURNAL = "device.key", "gate.json", "snapshot.cbor", "journal.db"
CERTIFICATE = "certificate.cbor"


class Enrolment(msgspec.Struct, frozen=True):
    """`gate.json`. `roots` are base64url Ed25519 keys; `quorum` of them sign every snapshot. A `door` is the reader of
    an organisation: it sends nothing, and takes no snapshot that is not for doors."""

    gate_id: str
    place: Text
    roots: tuple[str, ...]
    quorum: int
    server: str = ""
    kind: Literal["gate", "door"] = "gate"

    def root_keys(self) -> tuple[bytes, ...]:
        """The root keys. Raises ValueError for one that is not 32 bytes."""
        keys = tuple(unbase64url(root) for root in self.roots)
        if not keys or any(len(key) != 32 for key in keys) or not 1 <= self.quorum <= len(set(keys)):
            raise ValueError("gate.json: roots are 32 bytes each, and the quorum is at most their number")
        return keys


class Link(NamedTuple):
    """What the console's code says: which server, the one-time token, the hash of the server's root keys."""

    server: str
    token: str
    roots: str


class WrongServer(Exception):  # noqa: N818 - an answer to the person who enrols
    """Somebody stands between, or this is another server; nothing was kept."""


def read_link(text: str) -> Link:
    """The console's link, `https://host/handheld/#token=…&roots=…`. Raises ValueError."""
    parts = urlsplit(text)
    given = dict(parse_qsl(parts.fragment))
    if parts.scheme not in ("http", "https") or not parts.netloc or not given.get("token"):
        raise ValueError("not a link of the console: https://host/handheld/#token=…")
    return Link(f"{parts.scheme}://{parts.netloc}", given["token"], given.get("roots", ""))


def enrol(link: Link, home: Path, agree: Callable[[Text], bool]) -> Enrolment:
    """Make the device key if there is none, and enrol it; `agree` is shown the words of both screens.

    Nothing is kept where the link names other root keys than the server does, or where the person does not agree.
    Raises WrongServer, Refused with the server's sentence, OSError.
    """
    home.mkdir(parents=True, exist_ok=True)
    fresh = not (home / KEY).exists()
    signer = load_or_create_signer(home / KEY, "Ed25519")
    answer = post_json(
        f"{link.server}/v1/gates", {"token": link.token, "public_key": base64url(signer.public_key)}
    )
    enrolment = read_enrolment(json.dumps({**answer, "server": link.server}).encode())
    roots, quorum = enrolment.root_keys(), enrolment.quorum
    try:
        if link.roots and not compare_digest(link.roots, roots_hash(roots, quorum)):
            raise WrongServer("this server's root keys are not those of the link: somebody may stand between")
        chosen = pairing(signer.public_key, roots, quorum, tidy_typed(link.token))
        if not agree(pairing_words(chosen)):
            raise WrongServer("the words differ: somebody stands between; end this gate in the console")
    except WrongServer:
        if fresh:
            (home / KEY).unlink()
        raise
    write_whole(home / ENROLMENT, msgspec.json.encode(enrolment))
    return enrolment


def read_enrolment(raw: bytes) -> Enrolment:
    """`gate.json` from its bytes. Raises ValueError."""
    enrolment = msgspec.json.decode(raw, type=Enrolment)
    enrolment.root_keys()
    return enrolment


def device_signer(home: Path) -> Ed25519Signer | None:
    """The device key, or None where it is lost: then the gate is out of order until it is enrolled again."""
    try:
        signer = load_signer(home / KEY)
    except (OSError, BadTrust):
        return None
    return signer if isinstance(signer, Ed25519Signer) else None


def door_key(enrolment: Enrolment, signer: Signer | None) -> bytes:
    """The key by which a door reader finds itself in its lists; empty for a gate. A lost key is no door of any list."""
    if enrolment.kind != "door":
        return b""
    return signer.public_key if signer else bytes(32)


def write_whole(path: Path, body: bytes) -> None:
    """Write beside, force to disk, rename, force the folder: a reader sees the old file or the new one."""
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_folder(path.parent)


def base64url(raw: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unbase64url(text: Any) -> bytes:
    """The bytes. Raises ValueError for anything but base64url."""
    try:
        return urlsafe_b64decode(str(text).encode("ascii") + b"=" * (-len(str(text)) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64url") from None
