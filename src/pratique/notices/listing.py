"""Notices as lines of a list: no name, no subject. Pure."""

from pratique.core.moment import from_ms
from pratique.notices.model import Kind, NoticeLine, NoticeRow


def line_of(row: NoticeRow, kind: Kind) -> NoticeLine:
    """A notice as a line; `kind` as it was when the notice was opened."""
    return NoticeLine(
        id=row.id,
        kind=row.kind,
        title=kind.title,
        state=row.state,
        cause=row.cause,
        opened_at=from_ms(row.opened_at),
        due_at=from_ms(row.due_at),
        mandate_id=row.mandate_id,
    )
