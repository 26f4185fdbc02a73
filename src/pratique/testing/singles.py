"""From a pool that was not negative to a window for each of its people, in the same transaction.

The single-tube code is reserved by `releasing`; here a window is kept at the site they know, else near it, else
anywhere in the campaign. Each may move it to a home visit, cancel it, or walk in without it.
"""

from collections.abc import Sequence

from pratique.core.moment import Moment
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx
from pratique.testing import store_labs
from pratique.testing.booking import service as booking


def book_reserved(tx: Tx, moment: Moment, sealer: Sealer, subject_ids: Sequence[str]) -> int:
    """Keep a window for each of these people for whom a single test is reserved; how many got one."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for subject_id in subject_ids:
        row = store_labs.reserved_for(tx, subject_id)
        if row is not None:
            wanted.setdefault((str(row[0]), str(row[1])), []).append(subject_id)
    kept = 0
    for (campaign_id, site_id), subjects in wanted.items():
        found = booking.book_singles(
            tx, moment, sealer, campaign_id=campaign_id, subjects=subjects, near=site_id
        )
        kept += sum(single.ticket is not None for single in found)
    return kept
