"""One telling for many tubes: what a group of messages says about people goes to policy and notices together.

Same transaction, same moment, same order for each person: before anything new is said about somebody of whom
something waits already, what waits is told. So a correction that comes in the same group as what it corrects still
withdraws it.
"""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.policy.service import EvidenceChange
from pratique.store.tx import Tx
from pratique.testing.releasing import Tell


class Gathered:
    """A `Tell` that gathers. Belongs to one transaction; whoever made it calls `finish` before the end."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._waiting: list[EvidenceChange] = []
        self._people: set[str] = set()

    def __call__(self, tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        """Take these changes in; tell what waits first where it is about the same people."""
        concerned = {change.evidence.subject_id for change in changes}
        if not self._people.isdisjoint(concerned):
            self.finish(tx, moment)
        self._waiting += changes
        self._people |= concerned

    def finish(self, tx: Tx, moment: Moment) -> None:
        """Tell everything that waits."""
        waiting, self._waiting, self._people = self._waiting, [], set()
        if waiting:
            self._tell(tx, moment, waiting)
