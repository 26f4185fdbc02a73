"""Use cases of the room, each in its caller's transaction; `redecide` brings its own, one a batch."""

from pratique.rollout.cascading import carry, go_on, halt, look_now
from pratique.rollout.drafting import (
    Looked,
    draft,
    impact_of,
    keep_preview,
    look,
    look_over,
    order_of,
    redraft,
    withdraw,
)
from pratique.rollout.publishing import go_back, people, publish, sign, sign_with
from pratique.rollout.redeciding import follow, redecide
from pratique.rollout.store import erase_mandate, job, jobs, orders, rollout, rollouts

__all__ = [
    "Looked", "carry", "draft", "erase_mandate", "follow", "go_back", "go_on", "halt", "impact_of", "job", "jobs",
    "keep_preview", "look", "look_now", "look_over", "order_of", "orders", "people", "publish", "redecide", "redraft",
    "rollout", "rollouts", "sign", "sign_with", "withdraw",
]  # fmt: skip
