"""Two screens show the same words exactly when key, roots, quorum and token are the same."""

import json
from pathlib import Path

from pratique.credentials import pairing as room
from pratique.credentials.pairing import pairing, pairing_words, roots_hash

KEY, ROOTS = bytes(range(32)), [bytes([n]) * 32 for n in (9, 4)]


def test_it_works() -> None:
    chosen = pairing(KEY, ROOTS, 2, "TOKEN")

    assert chosen == pairing(KEY, ROOTS[::-1], 2, "TOKEN")
    assert len(chosen) == 5
    words = pairing_words(b"\x00\x01\x02\xfe\xff")
    assert (words.en, words.zh_hans) == ("acorn amber anchor wolf zebra", "橡果 琥珀 船锚 野狼 斑马")


def test_anything_else_is_other_words() -> None:
    others = [
        pairing(KEY[::-1], ROOTS, 2, "TOKEN"),
        pairing(KEY, ROOTS[:1], 2, "TOKEN"),
        pairing(KEY, ROOTS, 1, "TOKEN"),
        pairing(KEY, ROOTS, 2, "TOKEM"),
    ]
    assert pairing(KEY, ROOTS, 2, "TOKEN") not in others
    assert len(set(others)) == 4
    assert len({roots_hash(ROOTS, 2), roots_hash(ROOTS, 1), roots_hash(ROOTS[:1], 2)}) == 3
    assert roots_hash(ROOTS, 2) == roots_hash(ROOTS[::-1], 2)


def test_both_lists_have_256_different_words() -> None:
    lists = json.loads(Path(room.__file__).with_name("pairing.json").read_text(encoding="utf-8"))

    assert set(lists) == {"en", "zh-Hans"}
    for words in lists.values():
        assert len(words) == len(set(words)) == 256
        assert all(word == word.strip() and word for word in words)
