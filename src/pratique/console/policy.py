"""The pages of policy: what is in force and how far it has come; a draft on its way: look, sign, publish.

Counts in tens only. A page that signs shows what is signed; keys stay with their officers, who show that it is them
before they sign, publish or go back.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from pratique.console.model import Desk
from pratique.console.policy_charts import capacity_chart, moved_chart
from pratique.console.render import page, see
from pratique.core.errors import NotFound, Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.mandates import service as mandates
from pratique.people import service as people
from pratique.policy import service as policy
from pratique.policy.model import RuleSet
from pratique.policy.ruleset import read_rule_set
from pratique.rollout import service as rollout
from pratique.rollout import words as said
from pratique.rollout.model import SIGNING_ROLES, Impact, Job, Laboratory, Order, Rollout
from pratique.rollout.report import report, shown
from pratique.rollout.sentence import sentence
from pratique.rollout.watch import DWELL, SHARES, Seen
from pratique.store.tx import Tx
from pratique.web.frame import Answer, Call, Route

READERS = ("staff:console", "staff:mandate-officer", "staff:auditor")
OFFICERS = ("staff:mandate-officer",)
DRAFTERS = ("staff:mandate-officer", "staff:console")
MADE_UP = 50_000
STAGES = tuple(f"{share * 100:g} %" for share in SHARES)


class InForce(NamedTuple):
    """The policy in force, how far everybody is decided again, how far it reached the gates."""

    rules: RuleSet
    sentences: tuple[tuple[str, str, Text], ...]
    job: Job | None
    way: Rollout | None
    seen: Seen | None
    may_go_back: bool


def routes(desk: Desk) -> list[Route]:
    """Policies for staff."""

    async def overview(call: Call) -> Answer:
        return await _overview(desk, call)

    async def order(call: Call) -> Answer:
        return await _order(desk, call)

    async def look(call: Call) -> Answer:
        try:
            laboratory = stated(call)
        except Refusal as refusal:
            return await _order(desk, call, refused=refusal.text)
        made_up = MADE_UP if call.form.get("people") == "made-up" else 0
        try:
            found = await desk.store.aread(lambda tx: rollout.order_of(tx, call.path["id"]))
            looked = await asyncio.to_thread(
                rollout.look_over,
                desk.store,
                call.moment,
                desk.mirror,
                found.body,
                laboratory,
                made_up=made_up,
            )
            if made_up:
                return await _order(desk, call, tried=looked.impact)
            await desk.store.awrite(lambda tx: rollout.keep_preview(tx, call.moment, found.id, looked))
        except Refusal as refusal:
            return await _order(desk, call, refused=refusal.text)
        return see(f"/console/policy/drafts/{found.id}")

    async def sign(call: Call) -> Answer:
        people.must_be_fresh(call.caller.asserted_at, call.moment.now)
        line = call.form.get("line", "").strip()
        return await acted(
            call, lambda tx, moment: rollout.sign(tx, moment, call.path["id"], line, call.caller.id)
        )

    async def publish(call: Call) -> Answer:
        people.must_be_fresh(call.caller.asserted_at, call.moment.now)
        return await acted(call, lambda tx, moment: rollout.publish(tx, moment, call.path["id"]))

    async def withdraw(call: Call) -> Answer:
        return await acted(call, lambda tx, moment: rollout.withdraw(tx, moment, call.path["id"]))

    async def acted(call: Call, act: Callable[[Tx, Moment], Any]) -> Answer:
        try:
            await desk.store.awrite(lambda tx: act(tx, call.moment))
        except Refusal as refusal:
            return await _order(desk, call, refused=refusal.text)
        return see(f"/console/policy/drafts/{call.path['id']}")

    async def steer(call: Call) -> Answer:
        acts = {"back": rollout.go_back, "go-on": rollout.go_on, "stop": rollout.halt}
        act, number = acts.get(call.path["act"]), call.path["number"]
        if act is None or not number.isdigit() or len(number) > 9:
            raise NotFound("NOT_FOUND", "", Text("there is nothing here", "此处没有内容"))
        if call.path["act"] != "stop":  # stopping waits for nothing
            people.must_be_fresh(call.caller.asserted_at, call.moment.now)
        try:
            await desk.store.awrite(lambda tx: act(tx, call.moment, int(number), call.caller.id))
        except Refusal as refusal:
            return await _overview(desk, call, refused=refusal.text)
        return see("/console/policy")

    async def preview_json(call: Call) -> Answer:
        found = await kept(call)
        return Answer(found.preview, headers={"Cache-Control": "no-store"})

    async def preview_pdf(call: Call) -> Answer:
        found = await kept(call)
        seen = rollout.impact_of(found)
        body = report(seen, desk.zone, found) if seen is not None else b""
        name = f'attachment; filename="preview-{found.id}.pdf"'
        return Answer(body, headers={"Content-Disposition": name}, media="application/pdf")

    async def text(call: Call) -> Answer:
        return Answer((await kept(call)).text, media="text/plain", headers={"Cache-Control": "no-store"})

    async def kept(call: Call) -> Order:
        found = await desk.store.aread(lambda tx: rollout.order_of(tx, call.path["id"]))
        if found.preview is None or found.text is None:
            raise NotFound("NO_PREVIEW", "preview", Text("there is no preview yet", "尚无预览"))
        return found

    one = "/console/policy/drafts/{id}"
    return [
        Route("GET", "/console/policy", overview, READERS, "policies", page=True),
        Route("GET", one, order, READERS, "a draft on its way", page=True),
        Route("POST", one + "/preview", look, DRAFTERS, "preview a draft", page=True, limit=20),
        Route("POST", one + "/sign", sign, OFFICERS, "sign a draft", page=True),
        Route("POST", one + "/publish", publish, OFFICERS, "publish a draft", page=True),
        Route("POST", one + "/withdraw", withdraw, DRAFTERS, "withdraw a draft", page=True),
        Route("GET", one + "/preview.json", preview_json, READERS, "a preview as JSON", page=True),
        Route("GET", one + "/preview.pdf", preview_pdf, READERS, "a preview as PDF", page=True, limit=30),
        Route("GET", one + "/text", text, READERS, "what officers sign", page=True),
        Route("POST", "/console/policy/{number}/{act}", steer, OFFICERS, "stop, go on, go back", page=True),
    ]


def stated(call: Call) -> Laboratory:
    """What the drafter states of laboratories. Raises Refusal naming the field."""
    names = {"tubes_a_day": None, "people_a_tube": 10, "infected_per_mille": 2, "found_per_mille": 900}
    values: dict[str, Any] = {}
    for name, usual in names.items():
        typed = call.form.get(name, "").strip()
        if typed and not (typed.isascii() and typed.isdigit() and len(typed) <= 8):
            raise Refusal("NOT_A_NUMBER", name, Text(f"{name}: write a whole number", f"{name}：请填写整数"))
        values[name] = int(typed) if typed else usual
    try:
        return Laboratory(**values)
    except ValueError as fault:
        name = str(fault)
        raise Refusal("OUT_OF_RANGE", name, Text(f"{name} is out of its range", f"{name}超出范围")) from None


def sentences_of(rules: RuleSet) -> tuple[tuple[str, str, Text], ...]:
    """Each rule: identifier, version, the rule as a sentence."""
    return tuple((rule.id, rule.version, sentence(rule.logic, rule.house)) for rule in rules.rules)


async def _overview(desk: Desk, call: Call, *, refused: Text | None = None) -> Answer:
    now = call.moment.now

    def read(tx: Tx) -> tuple[InForce | None, list[Order], list[Any]]:
        return _in_force(tx, call), rollout.orders(tx, 20), policy.policies(tx)[:20]

    live, orders, published = await desk.store.aread(read)
    answer = page(
        call,
        "policy",
        desk.zone,
        section="policy",
        live=live,
        orders=orders,
        published=published,
        refused=refused,
        moving=live is not None and _is_moving(live),
        stages=STAGES,
        dwell=int(DWELL.total_seconds() // 60),
        may_steer=f"staff:{call.caller.role}" in OFFICERS,
        may_draft=f"staff:{call.caller.role}" in DRAFTERS,
        coming=[one for one in published if one.from_at > now],
    )
    return answer._replace(status=422 if refused else 200)


def _in_force(tx: Tx, call: Call) -> InForce | None:
    rules = policy.live_policy(tx, call.moment.now)
    if rules is None:
        return None
    way, seen, may = rollout.rollout(tx, rules.number), None, False
    if way is not None:
        if way.state in ("running", "stopped"):
            seen = rollout.look_now(tx, call.moment.now, way)
        order = rollout.order_of(tx, way.order_id)
        until = order.back_until
        may = order.policy_number == rules.number and order.back_number is not None
        may = may and until is not None and call.moment.now < until
    return InForce(rules, sentences_of(rules), rollout.job(tx, rules.number), way, seen, may)


def _is_moving(live: InForce) -> bool:
    job, way = live.job, live.way
    return (job is not None and job.state in ("waiting", "running")) or (
        way is not None and way.state in ("waiting", "running")
    )


async def _order(
    desk: Desk, call: Call, *, refused: Text | None = None, tried: Impact | None = None
) -> Answer:
    def read(tx: Tx) -> tuple[Order, list[str], RuleSet | None]:
        found = rollout.order_of(tx, call.path["id"])
        document = mandates.standing(tx, found.mandate_id).document
        names = [vkey.partition("+")[0] for vkey in document.issuer.vkeys]
        return found, names, policy.live_policy(tx, call.moment.now)

    found, names, live = await desk.store.aread(read)
    seen = tried or rollout.impact_of(found)
    rules = read_rule_set(found.body)
    role = f"staff:{call.caller.role}"
    answer = page(
        call,
        "policy_order",
        desk.zone,
        section="policy",
        order=found,
        rules=rules,
        sentences=sentences_of(rules),
        before={(one[0], one[1]) for one in sentences_of(live)} if live else set(),
        seen=seen,
        tried=tried is not None,
        headline=said.headline(seen) if seen else None,
        unknown_groups=said.UNKNOWN_GROUPS,
        group_words=said.GROUPS,
        outcome_words=said.OUTCOME,
        moved=moved_chart(seen, desk.zone, call.language) if seen else "",
        capacity=capacity_chart(seen, desk.zone, call.language) if seen else "",
        capacity_words=said.capacity(seen) if seen else None,
        shown=shown,
        signers=names,
        missing=[one for one in SIGNING_ROLES if one not in {s.role for s in found.signatures}],
        sign_text=(found.text or b"").decode(),
        lead_hours=found.lead_ms // 3_600_000,
        refused=refused,
        may_draft=role in DRAFTERS,
        may_sign=role in OFFICERS,
    )
    return answer._replace(status=422 if refused else 200)
