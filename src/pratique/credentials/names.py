"""Names as machines compare them: the letters A–Z and `<`, after ICAO 9303 part 3, section 6; Greek after ELOT 743.

For issuing: `fnt` and `gnt` of a certificate. Chinese is not guessed from characters: whoever registers a person writes
the pinyin as the passport has it, and `standard` takes tones off. What has no letter (signs, emoji) is left out.
"""

import unicodedata

MOST = 80

_LATIN = {
    "Ä": "AE", "Å": "AA", "Æ": "AE", "Ð": "D", "Đ": "D", "Ħ": "H", "ı": "I", "Ĳ": "IJ", "ĸ": "K", "Ł": "L",
    "Ŋ": "N", "Ö": "OE", "Ø": "OE", "Œ": "OE", "ẞ": "SS", "ß": "SS", "Þ": "TH", "Ŧ": "T", "Ü": "UE",
}  # fmt: skip
_CYRILLIC = {
    "А": "A", "Б": "B", "В": "V", "Г": "G", "Ґ": "G", "Д": "D", "Ђ": "D", "Е": "E", "Ё": "E", "Є": "IE", "Ж": "ZH",
    "З": "Z", "И": "I", "І": "I", "Ї": "I", "Й": "I", "Ј": "J", "К": "K", "Ќ": "K", "Л": "L", "Љ": "LJ", "М": "M",
    "Н": "N", "Њ": "NJ", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "Ћ": "C", "У": "U", "Ў": "U", "Ф": "F",
    "Х": "KH", "Ц": "TS", "Ч": "CH", "Џ": "DZ", "Ш": "SH", "Щ": "SHCH", "Ъ": "IE", "Ы": "Y", "Ь": "", "Э": "E",
    "Ю": "IU", "Я": "IA",
}  # fmt: skip
_GREEK = {
    "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K", "Λ": "L",
    "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH",
    "Ψ": "PS", "Ω": "O",
}  # fmt: skip
_GREEK_PAIRS = {"ΟΥ": "OU", "ΓΓ": "NG", "ΓΞ": "NX", "ΓΧ": "NCH"}
_VOICED = "ΑΒΓΔΕΖΗΙΛΜΝΟΡΥΩ"  # before these ΑΥ, ΕΥ, ΗΥ end in V, else in F
_ARABIC = {
    "ء": "XE", "آ": "XAA", "أ": "XAE", "ؤ": "U", "إ": "I", "ئ": "XI", "ا": "A", "ب": "B", "ة": "XTA", "ت": "T",
    "ث": "XTH", "ج": "J", "ح": "XH", "خ": "XKH", "د": "D", "ذ": "XDH", "ر": "R", "ز": "Z", "س": "S", "ش": "XSH",
    "ص": "XSS", "ض": "XDZ", "ط": "XTT", "ظ": "XZZ", "ع": "E", "غ": "G", "ف": "F", "ق": "Q", "ك": "K", "ل": "L",
    "م": "M", "ن": "N", "ه": "H", "و": "W", "ى": "XAY", "ي": "Y",
}  # fmt: skip
_LETTERS = _LATIN | _CYRILLIC | _GREEK | _ARABIC
_SPACES = frozenset(" -‐‑–_/\u00a0\u3000·・")


def standard(name: str) -> str:
    """The name in A–Z and `<`, at most 80 letters, cut at the end of a word where one is.

    Hyphens and spaces become one `<`, none at the ends; apostrophes go. Empty where nothing has a letter.
    """
    words = "".join("<" if letter in _SPACES else letter for letter in _upper(name)).split("<")
    found = "<".join(filter(None, map(_word, words)))
    if len(found) <= MOST:
        return found
    whole = found[: MOST + 1].rpartition("<")[0]
    return whole or found[:MOST]


def are_alike(one: str, other: str) -> bool:
    """True if two names are written alike once both are standard, whatever stands between their words."""
    return standard(one).replace("<", "") == standard(other).replace("<", "") != ""


def _upper(name: str) -> str:
    # German ß and Turkish ı are kept from what upper() makes of them; they have rows of their own.
    return "".join(
        letter if letter in _LETTERS else letter.upper() for letter in unicodedata.normalize("NFC", name)
    )


def _word(word: str) -> str:
    made, at = [], 0
    bare = [_without_marks(letter) for letter in word]
    while at < len(bare):
        pair = "".join(bare[at : at + 2])
        if pair in _GREEK_PAIRS:
            made.append(_GREEK_PAIRS[pair])
            at += 2
        elif pair in ("ΑΥ", "ΕΥ", "ΗΥ") and not _has_diaeresis(word[at + 1]):
            follows = bare[at + 2] if at + 2 < len(bare) else " "
            made.append(_GREEK[pair[0]] + ("V" if follows in _VOICED else "F"))
            at += 2
        elif pair == "ΜΠ" and at == 0:
            made.append("B")
            at += 2
        else:
            made.append(_letter(word[at], bare[at]))
            at += 1
    return "".join(made)


def _letter(letter: str, bare: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    if bare in _LETTERS:
        return _LETTERS[bare]
    return bare if len(bare) == 1 and "A" <= bare <= "Z" else ""


def _without_marks(letter: str) -> str:
    if letter in _LATIN or letter in _ARABIC or letter in _CYRILLIC:
        return letter
    return "".join(
        part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part)
    ).upper()


def _has_diaeresis(letter: str) -> bool:
    return "\u0308" in unicodedata.normalize("NFD", letter)
