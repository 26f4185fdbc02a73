"""The planner: what a prevalence means in tests, people called back, staff and lanes, before a campaign opens."""

from typing import Any

from pratique.console.charts import Column, stacked
from pratique.console.model import Desk
from pratique.console.render import page, words
from pratique.core.text import Text
from pratique.testing import pools
from pratique.testing.planning import Plan, Terms, plan
from pratique.web.frame import Answer, Call, Route

WHO = ("staff:console", "staff:campaign-officer", "staff:lab-desk")
LARGEST = 32
DEFAULTS = {
    "people": "2000000",
    "prevalence": "0.1",
    "hours": "14",
    "lane": "131",
    "machines": "20",
    "sensitivity": "100",
}


def routes(desk: Desk) -> list[Route]:
    """One page, asked by its address, so that a plan can be sent to a colleague as a link."""

    async def look(call: Call) -> Answer:
        asked = DEFAULTS | {name: call.query[name].strip() for name in DEFAULTS if name in call.query}
        together = call.query.get("together", "yes" if "people" not in call.query else "no") == "yes"
        values: dict[str, Any] = {
            "asked": asked,
            "together": together,
            "refused": None,
            "plan": None,
            "chart_svg": "",
        }
        try:
            made = plan(_terms(asked, together=together))
            values |= {"plan": made, "chart_svg": chart(made, call.language)}
        except ValueError as fault:
            values["refused"] = refusal(str(fault))
        return page(call, "planner", desk.zone, section="planner", **values)

    return [Route("GET", "/console/planner", look, WHO, "plan a campaign", page=True)]


def _terms(asked: dict[str, str], *, together: bool) -> Terms:
    def number(name: str, field: str) -> float:
        try:
            return float(asked[name].replace(",", "").replace("，", ""))
        except ValueError:
            raise ValueError(field) from None

    return Terms(
        int(number("people", "people")),
        number("prevalence", "prevalence") / 100,
        int(number("hours", "hours")),
        int(number("lane", "per_lane")),
        int(number("machines", "machines")),
        number("sensitivity", "sensitivity") / 100,
        together,
    )


def refusal(field: str) -> Text:
    """One sentence that names the field and its range."""
    known = words().get(f"plan_bad_{field}")
    return known or words()["plan_bad_number"]


def chart(made: Plan, language: str) -> str:
    """Tests for a thousand people by pool size: those of the pools, and the singles after positive ones."""
    p = made.terms.prevalence
    columns = []
    for size in range(1, LARGEST + 1):
        first = round(1000 / size)
        columns.append(Column(str(size), (first, max(0, round(1000 * pools.dorfman(p, size)) - first))))

    def say(key: str) -> str:
        return words()[key].of(language)

    series = (say("plan_series_pools"), say("plan_series_singles"))
    return stacked(say("plan_chart"), say("plan_chart_unit"), series, columns, "–")
