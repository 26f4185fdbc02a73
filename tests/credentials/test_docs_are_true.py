"""The documentation of the room runs, and names every reason."""

import doctest
from pathlib import Path

from pratique.core.text import LANGUAGES
from pratique.credentials.reasons import REASONS

PAGE = Path(__file__).parents[2] / "docs" / "credentials.md"


def test_it_works() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)

    assert result.attempted > 10
    assert result.failed == 0


def test_every_reason_has_its_row_and_both_languages() -> None:
    page = PAGE.read_text(encoding="utf-8")

    for code, reason in REASONS.items():
        why, remedy = reason
        assert f"| `{code}` | {why.en} | {remedy.en} | {why.zh_hans} | {remedy.zh_hans} |" in page
        for text in reason:
            assert all(text.of(language) for language in LANGUAGES)
            assert text.en != text.zh_hans
