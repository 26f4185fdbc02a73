"""Charts of a preview: people by outcome over the coming days, tubes beside what laboratories do; in tens."""

from html import escape
from zoneinfo import ZoneInfo

from pratique.console.charts import Column, stacked
from pratique.console.render import words
from pratique.rollout import words as said
from pratique.rollout.model import Impact


def moved_chart(seen: Impact, zone: ZoneInfo, language: str) -> str:
    """People by outcome under the draft, now and at each coming midnight."""
    columns = [
        Column(
            f"{day.at.astimezone(zone):%m-%d}",
            tuple(sum(row[i] or 0 for row in day.matrix) for i in range(3)),
        )
        for day in seen.days
    ]
    names = [text.of(language) for text in said.OUTCOME.values()]
    return _chart("policy_chart_people", "policy_unit_people", names, columns, zone, language)


def capacity_chart(seen: Impact, zone: ZoneInfo, language: str) -> str:
    """Tubes a day under the draft: within what laboratories can do, and beyond it."""
    most = seen.laboratory.tubes_a_day
    columns = []
    for day in seen.days:
        tubes = day.tubes_after or 0
        within = tubes if most is None else min(tubes, most)
        columns.append(Column(f"{day.at.astimezone(zone):%m-%d}", (within, tubes - within)))
    names = [words()[key].of(language) for key in ("policy_tubes_within", "policy_tubes_beyond")]
    return _chart("policy_chart_tubes", "policy_unit_tubes", names, columns, zone, language)


def _chart(
    title: str, unit: str, names: list[str], columns: list[Column], zone: ZoneInfo, language: str
) -> str:
    unit_text = f"{words()[unit].of(language)} · {escape(zone.key)}"
    return stacked(words()[title].of(language), unit_text, names, columns, "")
