"""Pages from templates: both languages, no inline script, values escaped, nothing fetched from elsewhere."""

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pratique.console.sections import sections_of
from pratique.core.text import Text
from pratique.web.frame import Answer, Call

HERE = Path(__file__).parent
DAYS = ("一", "二", "三", "四", "五", "六", "日")


@lru_cache
def words() -> dict[str, Text]:
    """Every sentence of the console by its key: one file of `words/` for each group of pages.

    Raises ValueError where a key stands in two files.
    """
    found: dict[str, Text] = {}
    for path in sorted((HERE / "words").glob("*.json")):
        for key, row in json.loads(path.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"console/words/{path.name}: {key} stands in another file already")
            found[key] = Text(row["en"], row["zh-Hans"])
    return found


@lru_cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(call: Call, name: str, zone: ZoneInfo, **values: Any) -> Answer:
    """The page `pages/<name>.html` in the caller's language; times are shown in `zone`, which is named."""
    language = call.language

    def say(key: str, **fill: object) -> str:
        text = words()[key].of(language)
        return text.format(**fill) if fill else text

    def text(value: Text | str) -> str:
        return value.of(language) if isinstance(value, Text) else value

    def when(at: datetime | None) -> str:
        return local(at, zone, language) if at else "–"

    def chart(svg: str) -> Markup:
        return Markup(svg)  # noqa: S704 - made by charts.py, which escapes every text

    body = (
        _environment()
        .get_template(f"{name}.html")
        .render(
            say=say,
            text=text,
            when=when,
            chart=chart,
            call=call,
            language=language,
            now=call.moment.now,
            sections=sections_of(call.caller.role),
            **values,
        )
    )
    return Answer(body, media="text/html")


def local(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Day and time in the zone of the place, with the zone named."""
    here = at.astimezone(zone)
    if language == "zh-Hans":
        return f"{here.month}月{here.day}日 周{DAYS[here.weekday()]} {here:%H:%M}（{zone.key}）"
    return f"{here:%a} {here.day} {here:%b %H:%M} ({zone.key})"


def see(address: str, **headers: str) -> Answer:
    """After a form: look at the page again (303)."""
    return Answer(b"", 303, {"Location": address, **headers}, "text/html")
