"""A member hands in receipts; the organisation checks them and gets a table (pure).

    hand-in = JSON {"v": 1, "kind": "pratique-attendance", "membership": base64url, "receipts": [text, …], "signature"}
    signature = ES256 by the membership's key over "pratique-attendance\\n" ‖ canonical JSON of the other fields

What the member does not hand in exists nowhere else. Each receipt holds or is refused by name; one bad receipt spoils
no other.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from pratique.core.canonical import canonical_json, strict_json
from pratique.core.signer import Signer
from pratique.credentials import membership, pq1
from pratique.credentials.cose import ES256, is_signed
from pratique.credentials.jose import b64url, unb64url
from pratique.credentials.membership import Membership
from pratique.credentials.reasons import CredentialError
from pratique.credentials.receipt import Keys, Receipt, read_receipt
from pratique.membership.model import Attendance, Refused, Register
from pratique.membership.texts import WHY

KIND = "pratique-attendance"
MOST_RECEIPTS = 2_000
_COLUMNS = ("member", "date", "time", "door", "receipt")
_DOMAIN = b"pratique-attendance\n"


class HandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a wallet writes. Unknown fields are refused: nothing else travels along."""

    v: int
    kind: str
    membership: str
    receipts: tuple[str, ...]
    signature: str


class Found(msgspec.Struct, frozen=True):
    """What holds and what does not."""

    rows: tuple[Attendance, ...]
    refused: tuple[Refused, ...]


def hand_in(signer: Signer, credential: bytes, receipts: Sequence[str]) -> bytes:
    """What a wallet hands in."""
    body = {"v": 1, "kind": KIND, "membership": b64url(credential), "receipts": list(receipts)}
    return canonical_json(body | {"signature": b64url(signer.sign(_DOMAIN + canonical_json(body)))})


def check(files: Iterable[tuple[str, bytes]], register: Register, keys: Keys) -> Found:
    """Every receipt of all files, in order. A receipt counts once over all of them, whoever hands it in again."""
    rows: list[Attendance] = []
    refused: list[Refused] = []
    seen: set[bytes] = set()
    labels = {member.point: member.label for member in register.members}
    zone = ZoneInfo(register.zone)
    for name, raw in files:
        taken = _open(raw, keys)
        if isinstance(taken, str):
            refused.append(_refused(name, 0, taken))
            continue
        given, pass_ = taken
        point = membership.point(pass_.holder)
        label = labels.get(b64url(point), "")
        for place, text in enumerate(given.receipts, 1):
            receipt = _receipt(text, point, seen, keys)
            if isinstance(receipt, str):
                refused.append(_refused(name, place, receipt))
                continue
            seen.add(receipt.nonce)
            local = receipt.at.astimezone(zone)
            door = receipt.certificate.place
            rows.append(
                Attendance(
                    label or b64url(point)[:12],
                    f"{local:%Y-%m-%d}",
                    f"{local:%H:%M}",
                    f"{door.zh_hans} / {door.en}",
                    receipt.nonce.hex(),
                )
            )
    rows.sort(key=lambda row: (row.member, row.date, row.time))
    return Found(tuple(rows), tuple(refused))


def as_csv(rows: Iterable[Attendance]) -> str:
    """The table, with a header, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows([_plain(value) for value in msgspec.structs.astuple(row)] for row in rows)
    return out.getvalue()


def _plain(value: str) -> str:
    """A spreadsheet takes some first characters for a formula; an apostrophe makes them text."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _open(raw: bytes, keys: Keys) -> tuple[HandIn, Membership] | str:
    try:
        fields = strict_json(raw)
        given = msgspec.convert(fields, HandIn)
    except (ValueError, msgspec.ValidationError):
        return "NOT_A_HAND_IN"
    if given.v != 1 or given.kind != KIND or len(given.receipts) > MOST_RECEIPTS:
        return "NOT_A_HAND_IN"
    try:
        pass_ = membership.read_membership(unb64url(given.membership))
        signature = unb64url(given.signature)
        holder = pq1.holder_public_key(pass_.holder)
    except CredentialError:
        return "NOT_A_HAND_IN"
    issuers = keys.get(pass_.kid, ())
    if not any(is_signed(ES256, key, pass_.signed.signature, pass_.signed.message) for key in issuers):
        return "NOT_OUR_MEMBER"
    body = {name: value for name, value in fields.items() if name != "signature"}
    if not is_signed(ES256, holder, signature, _DOMAIN + canonical_json(body)):
        return "NOT_SIGNED"
    return given, pass_


def _receipt(text: str, point: bytes, seen: set[bytes], keys: Keys) -> Receipt | str:
    try:
        found = read_receipt(text, keys)
    except CredentialError as fault:
        return "FORGED" if fault.code in ("UNKNOWN_KEY", "BAD_SIGNATURE", "EXPIRED") else "UNREADABLE"
    if not found.is_of(point):
        return "NOT_YOURS"
    return "TWICE" if found.nonce in seen else found


def _refused(name: str, place: int, code: str) -> Refused:
    return Refused(name, place, code, WHY[code])
