"""Tube codes: `T`, ten random characters of Crockford base32, one ISO 7064 MOD 37,36 check character. Pure.

The check character is never I, L, O or U (such draws are thrown away), so that typed I, L mean 1 and O means 0
everywhere. Tubes of other printers carry their own scheme: `none` is taken as printed.
"""

import re

from pratique.core.check37 import check_character, is_checked
from pratique.core.errors import Refusal
from pratique.core.ids import ALPHABET, tidy_typed
from pratique.core.moment import Moment
from pratique.core.text import Text

SCHEMES = ("iso7064-mod37-36", "none")
_OURS = re.compile(f"T[{ALPHABET}]{{11}}")
_FOREIGN = re.compile(r"[0-9A-Z][0-9A-Z._-]{3,39}")


def make(moment: Moment) -> str:
    """A fresh tube code of twelve characters."""
    while True:
        code = "T" + "".join(ALPHABET[byte & 31] for byte in moment.random(10))
        if (check := check_character(code)) not in "ILOU":
            return code + check


def tidy(typed: str, scheme: str = SCHEMES[0]) -> str:
    """The code that was scanned or typed. Raises Refusal for a wrong check character or a form that is no tube code."""
    if scheme == "none":
        code = typed.strip().upper()
        if not _FOREIGN.fullmatch(code):
            raise _refuse(
                "this is no tube code; scan the code on the tube", "这不是采样管编号，请扫描管上条码"
            )
        return code
    code = tidy_typed(typed)
    if not _OURS.fullmatch(code):
        raise _refuse(
            "a tube code is T and eleven more characters; scan it again",
            "采样管编号为 T 加 11 位字符，请重新扫描",
        )
    if not is_checked(code):
        raise Refusal(
            "BAD_CHECK_CHARACTER",
            "code",
            Text(
                "a character of the tube code is wrong; compare it with the tube",
                "采样管编号有误，请与管上编号核对",
            ),
        )
    return code


def scanned(text: str) -> str:
    """A box or tube as a scan of custody names it: ours as typed people mean it, any other as printed."""
    ours = tidy_typed(text)
    return ours if _OURS.fullmatch(ours) and is_checked(ours) else text.strip().upper()


def _refuse(en: str, zh: str) -> Refusal:
    return Refusal("BAD_TUBE_CODE", "code", Text(en, zh))
