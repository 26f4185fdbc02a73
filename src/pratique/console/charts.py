"""Charts made on the server as SVG: a title that asks or states something, a unit, gaps shown as gaps, and the
table behind the picture for those who cannot see it. Aggregates only; nothing here knows a person."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BOTTOM = 1040, 240, 52, 30


class Column(NamedTuple):
    """One place on the time axis. `parts` are stacked in the order of the series; None is a gap (not heard)."""

    label: str
    parts: tuple[int, ...] | None


def stacked(title: str, unit: str, series: Sequence[str], columns: Sequence[Column], gap: str) -> str:
    """A stacked column chart with its table. `gap` is the word for "nothing was heard"."""
    top = max((sum(c.parts) for c in columns if c.parts), default=0) or 1
    step = nice_step(top)
    ceiling = -(-top // step) * step
    inner = HEIGHT - BOTTOM - 8
    width = (WIDTH - LEFT) / max(1, len(columns))
    marks = []
    for value in range(0, ceiling + 1, step):
        y = 8 + inner * (1 - value / ceiling)
        marks.append(
            f'<line class="rule" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
        )
    for place, column in enumerate(columns):
        x = LEFT + place * width
        if column.parts is None:
            marks.append(f'<rect class="gap" x="{x:.1f}" y="8" width="{width:.1f}" height="{inner}"/>')
        else:
            marks += _stack(column.parts, x, width, inner, ceiling)
        if place % max(1, len(columns) // 8) == 0:
            marks.append(f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 8}">{escape(column.label)}</text>')
    legend = "".join(
        f'<span class="key"><svg width="14" height="14" aria-hidden="true"><rect class="part part-{n}" width="14" '
        f'height="14"/></svg>{escape(name)}</span>'
        for n, name in enumerate(series)
    )
    if any(c.parts is None for c in columns):
        legend += (
            '<span class="key"><svg width="14" height="14" aria-hidden="true"><rect class="gap" width="14" '
            f'height="14"/></svg>{escape(gap)}</span>'
        )
    return (
        f'<figure class="chart"><figcaption>{escape(title)} <small>{escape(unit)}</small></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(marks)}</svg>'
        f'<div class="legend">{legend}</div>{_table(series, columns, gap)}</figure>'
    )


def nice_step(top: int) -> int:
    """A step of 1, 2 or 5 times a power of ten that gives at most five lines."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if top <= 5 * factor * size:
                return factor * size
        size *= 10


def _stack(parts: tuple[int, ...], x: float, width: float, inner: int, ceiling: int) -> list[str]:
    marks, height = [], 0.0
    for n, value in enumerate(parts):
        part = inner * value / ceiling
        height += part
        if value:
            marks.append(
                f'<rect class="part part-{n}" x="{x + 1:.1f}" y="{8 + inner - height:.1f}" '
                f'width="{max(1.0, width - 2):.1f}" height="{part:.1f}"/>'
            )
    return marks


def _table(series: Sequence[str], columns: Sequence[Column], gap: str) -> str:
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in series)
    rows = "".join(
        f"<tr><th scope='row'>{escape(c.label)}</th>"
        + (
            f"<td colspan='{len(series)}'>{escape(gap)}</td>"
            if c.parts is None
            else "".join(f"<td>{n}</td>" for n in c.parts)
        )
        + "</tr>"
        for c in columns
        if c.parts is None or any(c.parts)
    )
    return (
        '<details class="more"><summary>▤</summary><div class="table-scroll"><table class="table">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
