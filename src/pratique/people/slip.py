"""What a person shows at a site, and the claim code on a slip. Pure.

Wallet: `PQS1:` + subject id (26) + its check character. Slip: `PQL1:` + subject id + check character + claim code
(10 characters of Crockford base32, 50 bits) + its check character (ISO 7064 MOD 37,36).
"""

import hmac
from hashlib import sha256

from pratique.core.check37 import check_character, is_checked
from pratique.core.errors import Refusal
from pratique.core.ids import ALPHABET, is_id, tidy_typed
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.people.model import Shown

WALLET, SLIP = "PQS1:", "PQL1:"
_CODE = 10


def make_code(moment: Moment) -> str:
    """A fresh claim code with its check character: 11 characters, none of which looks like another.

    A code whose check character would be I, L, O or U is passed over for the next one.
    """
    head = "".join(ALPHABET[byte & 31] for byte in moment.random(_CODE))
    start = ALPHABET.index(head[-1])
    for last in ALPHABET[start:] + ALPHABET[:start]:
        code = head[:-1] + last
        if (check := check_character(code)) in ALPHABET:
            return code + check
    raise ValueError("no code ends in a character that can be told apart")  # cannot be: 32 ends, 4 bad checks


def tidy_code(typed: str) -> str:
    """The claim code a person typed, with hyphens, spaces, lower case or look-alikes. Raises Refusal if it is wrong."""
    code = tidy_typed(typed)
    if len(code) == _CODE + 1 and set(code) <= set(ALPHABET) and is_checked(code):
        return code
    raise Refusal(
        "BAD_CLAIM_CODE",
        "claim_code",
        Text("this code was mistyped; compare it with the slip", "代码输入有误，请与纸条核对"),
    )


def code_hash(secret: bytes, code: str) -> bytes:
    """What is kept of a claim code: its HMAC-SHA256 under a secret of the server."""
    return hmac.digest(secret, b"claim\x00" + code.encode(), sha256)


def wallet_text(subject_id: str) -> str:
    """The text in the wallet's sampling code."""
    return WALLET + subject_id + check_character(subject_id)


def slip_text(subject_id: str, code: str) -> str:
    """The text in the code on a paper slip; `code` as `make_code` made it."""
    return SLIP + subject_id + check_character(subject_id) + code


def read_shown(text: str) -> Shown:
    """The subject (and claim code) of a scanned text. Raises Refusal for a wrong check character or another form."""
    head, rest = text[:5], text[5:]
    subject = rest[:26]
    if head not in (WALLET, SLIP) or not is_id(subject) or not is_checked(rest[:27]):
        raise _unreadable()
    if head == WALLET:
        if len(rest) != 27:
            raise _unreadable()
        return Shown(subject, None)
    return Shown(subject, tidy_code(rest[27:]))


def _unreadable() -> Refusal:
    return Refusal(
        "BAD_SUBJECT_CODE",
        "shown",
        Text(
            "this is no sampling code of a wallet or slip; scan it again",
            "这不是卡包或纸条的采样码，请重新扫描",
        ),
    )
