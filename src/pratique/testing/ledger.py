"""What this room holds, row by row and site by site, for whoever must prove that nothing was lost: reads only.

For the replay of a day and for an auditor who has the sites' own books. It names subjects while tubes have members;
after the correction window there is nothing to read.
"""

from typing import NamedTuple

from pratique.store.tx import Tx


class Held(NamedTuple):
    """One registered tube: its members in their order, its state, what its members were told, its result versions."""

    code: str
    kind: str
    members: tuple[str, ...]
    in_conflict: bool
    state: str
    told: str
    versions: int


def tubes_at(tx: Tx, site_id: str) -> list[Held]:
    """Every tube of a site."""
    members: dict[str, list[str]] = {}
    for code, subject in tx.all(
        "SELECT m.code, m.subject_id FROM tube t JOIN tube_member m ON m.code = t.code WHERE t.site_id = :site"
        " ORDER BY m.code, m.pos",
        site=site_id,
    ):
        members.setdefault(code, []).append(subject)
    rows = tx.all(
        "SELECT t.code, t.kind, t.in_conflict, COALESCE(s.state, 'no-result'), COALESCE(s.told_outcome, ''),"
        " (SELECT COUNT(*) FROM result_version v WHERE v.code = t.code) FROM tube t"
        " LEFT JOIN tube_state s ON s.code = t.code WHERE t.site_id = :site AND t.state <> 'reserved' ORDER BY t.code",
        site=site_id,
    )
    return [Held(r[0], r[1], tuple(members.get(r[0], ())), bool(r[2]), r[3], r[4], int(r[5])) for r in rows]


def still_waiting(tx: Tx) -> int:
    """Tubes whose result waits for its run; held ones are not among them."""
    row = tx.one("SELECT COUNT(*) FROM tube_state WHERE state = 'waiting'")
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])


def events_of(tx: Tx) -> dict[str, int]:
    """Events of devices by what became of them."""
    return {
        row[0]: int(row[1]) for row in tx.all("SELECT outcome, COUNT(*) FROM tube_event GROUP BY outcome")
    }


def messages(tx: Tx) -> int:
    """Messages of laboratories that were accepted."""
    row = tx.one("SELECT COUNT(*) FROM lab_message")
    assert row is not None  # noqa: S101 - a count always has a row
    return int(row[0])
