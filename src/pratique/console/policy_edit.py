"""The editor: one rule as a sentence and as JSON side by side, its tests green or red, a payload to try.

What stands in the form is all there is: the server keeps nothing until a draft is sound and saved. The same page works
without script; with it, the panel follows what one types.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pratique.console.model import Desk
from pratique.console.policy import DRAFTERS
from pratique.console.render import page, see
from pratique.core.canonical import strict_json
from pratique.core.errors import Refusal
from pratique.core.moment import rfc3339
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.policy import service as policy
from pratique.rollout import service as rollout
from pratique.rollout.trying import Tried, entries_of, merged, try_rule
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

HERE = Path(__file__).parent
SCRIPTS = ("policy-edit.js", "policy-sign.js")
FAR = timedelta(days=90)


class Typed(NamedTuple):
    """The form: the whole draft, the rule that is open, its text, a payload, and where it is to go."""

    document: Any
    raw: str
    name: str
    entry: str
    payload: str
    mandate: str
    begins: str
    order: str


def routes(desk: Desk) -> list[Route]:
    """The editor for staff."""

    async def start(call: Call) -> Answer:
        def read(tx: Tx) -> tuple[str, str, str]:
            if order_id := call.query.get("order", ""):
                found = rollout.order_of(tx, order_id)
                fixed = found.signatures or found.published_at or found.withdrawn_at
                return found.body.decode(), found.mandate_id, "" if fixed else found.id
            live = policy.live_policy(tx, call.moment.now)
            raw = policy.town_rules() if live is None else policy.policy_document(tx, live.number)
            return raw.decode(), "" if live is None else live.mandate_id, ""

        raw, mandate, order_id = await desk.store.aread(read)
        document = strict_json(raw.encode())
        begins = document.pop("from", "") if isinstance(document, dict) and not order_id else ""
        entries = entries_of(document)
        name = call.query.get("rule", "") or next(iter(entries), "")
        begins = document.get("from", "") if order_id else ""
        typed = Typed(
            document, dumped(document), name, entries.get(name, ""), _example(name), mandate, begins, order_id
        )
        return await _edit(desk, call, typed, None)

    async def edit(call: Call) -> Answer:
        typed = read_form(call)
        act = call.form.get("act", "check")
        if act.startswith("open "):
            try:
                document = merged(typed.document, typed.name, typed.entry) if typed.name else typed.document
            except Refusal as refusal:
                return await _edit(desk, call, typed, refusal.text)
            name = act.removeprefix("open ")
            entry = entries_of(document).get(name, "")
            typed = typed._replace(document=document, raw=dumped(document), name=name, entry=entry)
            return await _edit(desk, call, typed._replace(payload=_example(name)), None)
        if act == "save":
            try:
                return await _save(desk, call, typed)
            except Refusal as refusal:
                said = Text(f"{refusal.field}: {refusal.text.en}", f"{refusal.field}：{refusal.text.zh_hans}")
                return await _edit(desk, call, typed, said)
        return await _edit(desk, call, typed, None)

    async def panel(call: Call) -> Answer:
        typed = read_form(call)
        tried = await desk.store.aread(lambda tx: _try(tx, call.moment.now, typed))
        return page(call, "policy_panel", desk.zone, tried=tried, section="")

    def script(name: str) -> Route:
        async def send(call: Call) -> Answer:  # noqa: ARG001
            body = (HERE / "scripts" / name).read_bytes()
            return Answer(body, media="text/javascript", headers={"Cache-Control": "max-age=600"})

        return Route("GET", f"/console/{name}", send, ("public",), "a script of the console", page=True)

    return [
        Route("GET", "/console/policy/new", start, DRAFTERS, "write a draft", page=True),
        Route("POST", "/console/policy/new", edit, DRAFTERS, "check or save a draft", page=True),
        Route("POST", "/console/policy/try", panel, DRAFTERS, "try a rule while writing", page=True),
        *map(script, SCRIPTS),
    ]


def read_form(call: Call) -> Typed:
    """What stands in the form. A draft that is no JSON object is an empty one: its rules were never there."""
    form, raw = call.form, call.form.get("document", "")
    try:
        document = strict_json(raw.encode())
    except ValueError:
        document = {}
    return Typed(
        document if isinstance(document, dict) else {},
        raw,
        form.get("rule", ""),
        form.get("entry", ""),
        form.get("payload", ""),
        form.get("mandate", ""),
        form.get("begins", "").strip(),
        form.get("order", ""),
    )


def dumped(document: Any) -> str:
    """A draft as the hidden field holds it."""
    return json.dumps(document, ensure_ascii=False)


async def _save(desk: Desk, call: Call, typed: Typed) -> Answer:
    document = merged(typed.document, typed.name, typed.entry) if typed.name else typed.document
    raw = dumped(document).encode()
    begins = _time(typed.begins, desk) if typed.begins else None
    who = call.caller.id

    def act(tx: Tx) -> str:
        if typed.order:
            return rollout.redraft(tx, call.moment, typed.order, raw, typed.mandate, begins).id
        return rollout.draft(tx, call.moment, raw, typed.mandate, who, begins).id

    return see(f"/console/policy/drafts/{await desk.store.awrite(act)}")


def _time(typed: str, desk: Desk) -> datetime:
    """A time of the form: with its zone, or as the clock on the wall of the place."""
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        told = Text("write the beginning as 2026-01-05T08:00", "生效时间请写成 2026-01-05T08:00")
        raise Refusal("NO_TIME", "from", told) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=desk.zone)


def _try(tx: Tx, now: datetime, typed: Typed) -> Tried:
    mandate = mandates.mandate_by_id(tx, typed.mandate) if typed.mandate else None
    ends = mandate.ends() if mandate is not None else now + FAR
    known = policy.rule_versions(tx)
    return try_rule(typed.document, typed.name, typed.entry, typed.payload, now, ends, known)


async def _edit(desk: Desk, call: Call, typed: Typed, refused: Text | None) -> Answer:
    def read(tx: Tx) -> tuple[Tried, list[Any]]:
        live = [m for m in mandates.live_mandates(tx, call.moment.now) if "restriction" in m.unlocks]
        return _try(tx, call.moment.now, typed), live

    tried, live = await desk.store.aread(read)
    answer = page(
        call,
        "policy_edit",
        desk.zone,
        section="policy",
        typed=typed,
        names=list(entries_of(typed.document)),
        tried=tried,
        mandates=live,
        refused=refused,
        zone_name=desk.zone.key,
        now_text=rfc3339(call.moment.now),
    )
    return answer._replace(status=422 if refused else 200)


def _example(name: str) -> str:
    """A payload to start from."""
    if not name:
        return ""
    return (
        '{\n "subject": {"last_negative": {"sampled": "2026-11-21T10:00:00Z"}},\n'
        ' "external": {"validationClock": "2026-11-24T10:00:00Z"}\n}'
    )
