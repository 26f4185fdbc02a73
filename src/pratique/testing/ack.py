"""Acknowledgements: HL7 v2.5.1 chapter 2, original and enhanced mode. Pure: verdicts in, bytes out.

Original mode (MSH-15 and MSH-16 empty) answers AA, AE, AR; enhanced mode answers the accept level, CA, CE, CR, when
MSH-15 asks for it. Junk in these fields counts as empty. Written in ASCII only, so that every laboratory can read it.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from pratique.testing.er7 import Message
from pratique.testing.model import Ack

_KNOWN = ("AL", "NE", "ER", "SU")
_ESCAPES = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}
)


def wants(message: Message | None, ack: Ack, *, always: bool) -> str:
    """MSA-1 for this verdict (`AA`, `CE` …), or an empty string where the sender wants no answer."""
    if message is None:
        return "A" + ack.letter
    accept, application = (message.msh.part(n).upper() for n in (15, 16))
    if accept not in _KNOWN and application not in _KNOWN:
        return "A" + ack.letter
    silent = (
        accept == "NE" or (accept == "ER" and ack.letter == "A") or (accept == "SU" and ack.letter != "A")
    )
    return "" if silent and not always else "C" + ack.letter


def write(message: Message | None, ack: Ack, letters: str, now: datetime, own_id: str) -> bytes:
    """One ACK message: MSH, MSA and, on a refusal, ERR. `letters` is what `wants` gave."""
    theirs = ("", "")
    if message is not None:
        theirs = (_echo(message, 3), _echo(message, 4))
    lines = [
        _header(theirs, now, "ACK^R01^ACK", own_id, "P"),
        f"MSA|{letters}|{escape(ack.control_id)}",
    ]
    if ack.letter != "A":
        text = escape(ack.text.en) if ack.text else ""
        lines.append(f"ERR||{ack.location}|{ack.code}^^HL70357|E||||{text}")
    return ("\r".join(lines) + "\r").encode("ascii", "replace")


def write_batch(answers: Sequence[bytes], now: datetime, own_id: str) -> bytes:
    """The answers to one batch as one batch, in order."""
    stamp = _stamp(now.replace(microsecond=0))
    head = f"BHS|^~\\&|PRATIQUE|HUB|||{stamp}||||{own_id}\r".encode("ascii")
    return head + b"".join(answers) + f"BTS|{len(answers)}\r".encode("ascii")


def escape(text: str) -> str:
    """Plain text as an HL7 field value under the standard delimiters."""
    return text.translate(_ESCAPES)


@lru_cache(maxsize=4)
def _stamp(second: datetime) -> str:
    return second.strftime("%Y%m%d%H%M%S+0000")


def _header(theirs: tuple[str, str], now: datetime, kind: str, own_id: str, processing: str) -> str:
    stamp = _stamp(now.replace(microsecond=0))
    return f"MSH|^~\\&|PRATIQUE|HUB|{theirs[0]}|{theirs[1]}|{stamp}||{kind}|{own_id}|{processing}|2.5.1"


def _echo(message: Message, field: int) -> str:
    if message.delimiters[:5] == ("|", "^", "~", "\\", "&"):
        return message.msh.raw(field)
    return escape(message.msh.part(field))
