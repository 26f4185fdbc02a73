"""Signing and publishing: two officers, a live mandate that covers each measure, lead time, one click back.

There is no other way for a policy to come into force; the database refuses one that was not signed (guards).
"""

from datetime import timedelta

from pratique.core.errors import Conflict, Refusal
from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.fleet import service as fleet
from pratique.mandates import service as mandates
from pratique.mandates.note import NoteSigner
from pratique.policy import service as policy
from pratique.policy.model import Policy, RuleSet
from pratique.rollout import store
from pratique.rollout.drafting import impact_of, order_of
from pratique.rollout.measures import refuse_uncovered
from pratique.rollout.model import SIGNING_ROLES, Impact, Order, SignedBy
from pratique.rollout.order import BACK_WITHIN, back_until, refuse_unready
from pratique.store.tx import Tx


def sign(tx: Tx, moment: Moment, order_id: str, line: str, by_whom: str = "") -> Order:
    """Add one officer's signature line to a previewed order. The same again is harmless.

    `by_whom` is the account that hands it in: two accounts are needed where there are any. Raises NotAllowed, Conflict,
    Refusal.
    """
    found = order_of(tx, order_id)
    if found.text is None:
        raise Refusal(
            "NO_PREVIEW",
            "preview",
            Text("preview it first: nobody signs what was not looked at", "请先预览：未经预览不得签署"),
        )
    document = mandates.standing(tx, found.mandate_id).document
    signed = mandates.officer_signature(tx, moment, found.text, line, document.issuer.vkeys)
    if signed.role not in SIGNING_ROLES:
        raise Refusal(
            "WRONG_ROLE",
            "signature",
            Text(
                "a policy is signed by a legal and a public-health officer", "政策须由法务和公共卫生官员签署"
            ),
        )
    for one in found.signatures:
        if one.role == signed.role:
            if one.vkey == signed.vkey:
                return found
            raise Conflict(
                "ROLE_SIGNED",
                "signature",
                Text("another key of this role signed already", "该角色的另一把密钥已签名"),
            )
        if by_whom and one.by_whom == by_whom:
            raise Conflict(
                "SAME_ACCOUNT",
                "signature",
                Text(
                    "you handed in the other signature: a different officer signs from their own account",
                    "另一签名由您提交：须由另一名官员以其本人账号签署",
                ),
            )
    if found.published_at is not None or found.withdrawn_at is not None:
        raise Conflict("ORDER_FIXED", "order", Text("this order is over", "该命令已结束"))
    store.add_signature(
        tx, order_id, SignedBy(signed.role, signed.vkey, signed.line, by_whom, moment.now), moment.now_ms
    )
    return order_of(tx, order_id)


def sign_with(tx: Tx, moment: Moment, order_id: str, signer: NoteSigner, by_whom: str = "") -> Order:
    """`sign` with a key at hand."""
    text = order_of(tx, order_id).text or b"\n"
    return sign(tx, moment, order_id, signer.signature(text).line.decode(), by_whom)


def publish(tx: Tx, moment: Moment, order_id: str) -> Policy:
    """Publish a signed order as the next policy. Raises NoMandate, Conflict, and Refusal with what is missing."""
    found = order_of(tx, order_id)
    ruleset = policy.check_policy(tx, moment, found.body, found.mandate_id)
    refuse_uncovered(ruleset, mandates.require(tx, found.mandate_id, "restriction", moment.now))
    live = policy.live_policy(tx, moment.now)
    refuse_unready(found, ruleset, moment.now, _named(live), people(tx))
    refuse_waiting(tx, moment)
    made = policy.publish_policy(tx, moment, found.body, found.mandate_id)
    _log(tx, moment, made, impact_of(found))
    store.set_published(tx, order_id, made.number, moment.now_ms, to_ms(back_until(moment.now, made.from_at)))
    _begin(tx, made, order_id, None if live is None else live.number)
    if live is None:
        fleet.let_all_in(tx)  # gates have no policy that could be the careful one
    else:
        fleet.hold_back(tx, made.number, live.number)
    return made


def go_back(tx: Tx, moment: Moment, number: int, by_whom: str) -> Policy:
    """One click: the policy before `number` is in force again, at once and at every gate.

    The two officers signed for this together with the order, for a limited time. Raises Conflict, Refusal.
    """
    live = policy.live_policy(tx, moment.now)
    coming = store.rollout(tx, number)
    if live is None or live.number != number or coming is None:
        raise Conflict(
            "NOT_IN_FORCE", "number", Text("this policy is not the one in force", "该政策并非当前生效政策")
        )
    found = order_of(tx, coming.order_id)
    if found.back_number is None or found.policy_number != number:
        raise Refusal(
            "NOTHING_BEFORE",
            "number",
            Text("there is no policy to go back to from this one", "没有可恢复的上一版政策"),
        )
    if found.back_until is None or moment.now >= found.back_until:
        hours = int(BACK_WITHIN / timedelta(hours=1))
        raise Refusal(
            "TOO_LATE",
            "number",
            Text(
                f"the signatures allow going back for {hours} hours; draft the older rules as a new policy",
                f"签名仅允许在{hours}小时内恢复；请将旧规则作为新政策起草",
            ),
        )
    made = policy.publish_policy(tx, moment, policy.policy_document(tx, found.back_number), found.mandate_id)
    _log(tx, moment, made, None)
    _supersede(tx, moment, number)
    _begin(tx, made, found.id, number)
    one = store.rollout(tx, made.number)
    if one is not None:
        store.save_rollout(
            tx, one._replace(state="done", stage=2, stage_at=moment.now, why="back", by_whom=by_whom)
        )
    fleet.let_all_in(tx)
    return made


def people(tx: Tx) -> int:
    """How many people a policy decides about."""
    return policy.count_subjects(tx)


def refuse_waiting(tx: Tx, moment: Moment) -> None:
    """One policy at a time is on its way: another waits until it is in force. Raises Conflict."""
    for job in store.jobs(tx):
        rules = policy.rule_set(tx, job.policy_number)
        if job.state == "waiting" and rules is not None and rules.from_at > moment.now:
            raise Conflict(
                "ONE_IS_COMING",
                "order",
                Text(
                    f"policy {job.policy_number} is published and not in force yet; wait for it",
                    f"第{job.policy_number}号政策已公布但尚未生效；请等待其生效",
                ),
            )


def _named(rules: RuleSet | None) -> tuple[int, str] | None:
    return None if rules is None else (rules.number, rules.hash)


def _begin(tx: Tx, made: Policy, order_id: str, before: int | None) -> None:
    store.add_job(tx, made.number, made.mandate_id)
    store.add_rollout(tx, made.number, order_id, made.mandate_id, before)


def _supersede(tx: Tx, moment: Moment, number: int) -> None:
    job, one = store.job(tx, number), store.rollout(tx, number)
    if job is not None and job.state != "done":
        store.save_job(tx, job._replace(state="superseded"), moment.now_ms)
    if one is not None:
        store.save_rollout(tx, one._replace(state="superseded"))


def _log(tx: Tx, moment: Moment, made: Policy, seen: Impact | None) -> None:
    """The public entry: digest, number, mandate, and the preview's counts in tens. What is hidden is left out."""
    counts = {} if seen is None else {"people": seen.people, "worse": seen.worse, "better": seen.better}
    fields = {
        "digest": made.hash,
        "version": str(made.number),
        "mandate": made.mandate_id,
        "preview": {name: count for name, count in counts.items() if count is not None},
    }
    mandates.append_log(tx, moment, "policy", fields)
