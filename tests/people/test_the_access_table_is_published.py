"""docs/people.md shows exactly the table the program decides by."""

from pathlib import Path

from pratique.people.access import TABLE, Right

DOC = Path(__file__).parents[2] / "docs" / "people.md"


def row(role: str, purpose: str, rights: dict[str, Right]) -> str:
    seen = ", ".join(f if right.seen == "show" else f"{f} ({right.seen})" for f, right in rights.items())
    when = "while open" if any(right.bound for right in rights.values()) else "always"
    return f"| {role} | {purpose} | {seen} | {when} |"


def test_it_works() -> None:
    shown = [line for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]

    assert shown == [row(role, purpose, rights) for (role, purpose), rights in TABLE.items()]
