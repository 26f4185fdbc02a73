"""The table of `docs/access.md`: role × reach × purpose × field, written from the program's own tables. Pure.

`python -m pratique.people.matrix` prints it; a test holds the page to it.
"""

from pratique.people.access import FIELDS, PURPOSES, ROLES, TABLE
from pratique.people.breaking import MAY_BREAK
from pratique.people.scope import EXTENTS

SIGNS = {"show": "●", "mask": "◐", "pseudonym": "◇"}
NAMES = {"everywhere": "everywhere", "own": "handed to them"}


def reach_rows() -> list[str]:
    """One row a role: what it reaches by itself and what it may be granted."""
    rows = ["| Role | Reaches by itself | May be granted | Emergency |", "|---|---|---|---|"]
    for role in ROLES:
        extent = EXTENTS[role]
        standing = ", ".join(NAMES[kind] for kind in sorted(extent.standing)) or "nothing"
        granted = ", ".join(sorted(extent.grantable)) or "–"
        rows.append(f"| {role} | {standing} | {granted} | {MAY_BREAK.get(role, '–')} |")
    return rows


def field_rows() -> list[str]:
    """One row a role and purpose, inside the reach; what no row names is absent everywhere."""
    rows = [
        "| Role | Purpose | " + " | ".join(FIELDS) + " | When |",
        "|---|---|" + ":-:|" * len(FIELDS) + "---|",
    ]
    for role in ROLES:
        for purpose in PURPOSES:
            rights = TABLE.get((role, purpose))
            if rights is None:
                continue
            cells = [SIGNS[rights[field].seen] if field in rights else "" for field in FIELDS]
            when = "while open" if any(right.bound for right in rights.values()) else "always"
            rows.append(f"| {role} | {purpose} | " + " | ".join(cells) + f" | {when} |")
    return rows


def matrix() -> str:
    """Both tables as Markdown."""
    return "\n".join([*reach_rows(), "", *field_rows()]) + "\n"


if __name__ == "__main__":
    print(matrix(), end="")  # noqa: T201
