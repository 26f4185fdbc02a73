"""The fold: from all versions of a tube's result to the one that stands. Pure; order of arrival never matters.

Rank C, D over F, X over P. Within one rank the later report (OBR-22), then the later message (MSH-7) stands. An exact
tie with one outcome is one version; with different outcomes it is held for a person. Nothing is released on P.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pratique.testing.model import Outcome, Version

RANK = {"C": 2, "D": 2, "F": 1, "X": 1, "P": 0}


class Folded(NamedTuple):
    """What stands. `version` is None where nothing was final yet; `tie` says two laboratories' clocks agree to the
    second and their results do not."""

    version: Version | None
    outcome: Outcome | Literal[""]
    tie: bool = False


NOTHING = Folded(None, "")


def fold(versions: Iterable[Version]) -> Folded:
    """The version that stands among all versions of one tube and analyte."""
    final = [v for v in versions if RANK[v.status] > 0]
    if not final:
        return NOTHING
    best = max(map(_order, final))
    top = [v for v in final if _order(v) == best]
    # Among equals a choice that no order of arrival can change; the id, drawn by chance, only ends the list.
    first = min(top, key=lambda v: (v.lab_id, v.status, v.outcome, v.id))
    return Folded(first, first.outcome, tie=len({v.outcome for v in top}) > 1)


def _order(version: Version) -> tuple[int, int, int]:
    return RANK[version.status], version.reported_at, version.message_at
