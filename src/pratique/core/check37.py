"""ISO/IEC 7064 MOD 37,36: the check character of tube codes, slips and claim codes."""

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUE = {c: i for i, c in enumerate(CHARACTERS)}


def check_character(text: str) -> str:
    """The character to append to `text` (0-9, A-Z). Raises ValueError for any other character."""
    p = 36
    for c in text:
        if c not in _VALUE:
            raise ValueError("a check character covers 0-9 and A-Z only")
        p = (p + _VALUE[c]) % 36 or 36
        p = 2 * p % 37
    return CHARACTERS[(37 - p) % 36]


def is_checked(text: str) -> bool:
    """True if the last character of `text` is right for the rest."""
    return len(text) > 1 and set(text) <= set(CHARACTERS) and check_character(text[:-1]) == text[-1]
