"""A draft tried on the people who are really there, before it binds anyone: counts only.

Thin: reads what stands of everybody's evidence, hands it to `preview.py`, keeps nothing.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.policy import store
from pratique.policy.city import Population, population_of
from pratique.policy.model import Evidence, RuleSet
from pratique.policy.preview import Preview, preview
from pratique.policy.ruleset import read_rule_set
from pratique.policy.sealed import read_evidence
from pratique.policy.service import live_policy
from pratique.store.sealing import Sealer
from pratique.store.tx import Tx

STEP = 500


def preview_draft(tx: Tx, moment: Moment, sealer: Sealer, raw: bytes, *, days: int = 14) -> Preview:
    """What the draft `raw` would change against the live policy, now and at the coming midnights of its zone.
    Raises Refusal for what is no rule set, or one that looks at single items."""
    draft = read_rule_set(raw)
    try:
        return preview(
            live_policy(tx, moment.now), draft, population(tx, sealer), clocks(moment.now, draft, days)
        )
    except ValueError as fault:
        raise Refusal("NOT_A_CITY", "rules", Text(str(fault), f"无法预览：{fault}")) from None


def population(tx: Tx, sealer: Sealer) -> Population:
    """Everybody with evidence or a decision, without their ids."""
    people: list[list[Evidence]] = []
    after = ""
    while subject_ids := store.subjects_after(tx, after, STEP):
        found = read_evidence(tx, sealer, subject_ids)
        people += [found.get(subject_id, []) for subject_id in subject_ids]
        after = subject_ids[-1]
    return population_of(people)


def clocks(now: datetime, ruleset: RuleSet, days: int) -> list[datetime]:
    """`now` and the next midnights of the zone in which the rules speak."""
    zone = next((ZoneInfo(rule.house.zone) for rule in ruleset.rules if rule.house), ZoneInfo("UTC"))
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return [now, *((today + timedelta(days=i)).astimezone(now.tzinfo) for i in range(1, days + 1))]
