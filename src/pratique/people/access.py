"""Who may see what, for what purpose, and only while the task lasts. Pure, a table and one function.

The table is published (`docs/people.md`); what is not in it is absent. There is no right to "everything".
"""

from datetime import datetime
from typing import Literal, NamedTuple

from pratique.core.text import Text

Seen = Literal["show", "mask", "pseudonym", "absent"]
Where = Literal["inside", "outside"]

ROLES: dict[str, Text] = {
    "sampler": Text("sampler at a site", "采样人员"),
    "courier": Text("courier of sample boxes", "样本运送员"),
    "lab": Text("laboratory", "实验室"),
    "lab-desk": Text("laboratory desk", "检验管理员"),
    "case-worker": Text("case worker", "社区工作人员"),
    "reviewer": Text("reviewer of appeals", "申诉复核员"),
    "duty-doctor": Text("duty doctor", "值班医生"),
    "campaign-officer": Text("campaign officer", "采样行动负责人"),
    "data-officer": Text("data officer", "数据保护员"),
    "auditor": Text("auditor", "审计员"),
    "mandate-officer": Text("mandate officer", "授权令管理员"),
    "console": Text("operator of the console", "控制台操作员"),
}

PURPOSES: dict[str, Text] = {
    "sampling": Text("to take your sample", "为您采样"),
    "call": Text("to call you about a notice", "就提示与您通话"),
    "visit": Text("to visit you at home", "上门服务"),
    "appeal": Text("to decide your appeal", "处理您的申诉"),
    "care": Text("to look after you", "为您提供医疗照护"),
    "lab-check": Text("to check a laboratory result", "核对检验结果"),
    "emergency": Text("an emergency; the record of it is reviewed", "紧急情况，事后须复核"),
    "export": Text("a lawful copy of notices, without names", "依法导出提示（不含姓名）"),
    "planning": Text("to plan a campaign, in counts", "按数量规划采样行动"),
    "audit": Text("to check the record of looks", "核查查阅记录"),
}

FIELDS = (
    "name", "phone", "language", "address", "tube", "lab", "result_versions",
    "reason", "facts_row", "evidence", "subject", "counts", "chain",
)  # fmt: skip


class Right(NamedTuple):
    """`seen` inside one's scope; `bound` rights hold only while a task, appeal or shift is open."""

    seen: Seen
    bound: bool = True


# (role, purpose) → field → right. Outside one's scope a subject is a pseudonym and everything else absent.
TABLE: dict[tuple[str, str], dict[str, Right]] = {
    # The card holds one name and no first name, so a sampler learns only that a name is on file.
    ("sampler", "sampling"): {"name": Right("mask"), "tube": Right("show"), "language": Right("show")},
    ("courier", "sampling"): {"tube": Right("show")},
    ("lab", "sampling"): {"tube": Right("show")},
    ("lab-desk", "lab-check"): {
        "tube": Right("show"),
        "lab": Right("show"),
        "result_versions": Right("show"),
    },
    ("case-worker", "call"): {
        "name": Right("show"),
        "phone": Right("show"),
        "language": Right("show"),
        "reason": Right("show"),
        "subject": Right("pseudonym"),
    },
    ("case-worker", "visit"): {
        "name": Right("show"),
        "phone": Right("show"),
        "language": Right("show"),
        "address": Right("show"),
        "reason": Right("show"),
        "subject": Right("pseudonym"),
    },
    ("reviewer", "appeal"): {
        "name": Right("show"),
        "phone": Right("show"),
        "language": Right("show"),
        "reason": Right("show"),
        "facts_row": Right("show"),
        "subject": Right("pseudonym"),
    },
    ("duty-doctor", "care"): {
        "name": Right("show"),
        "phone": Right("show"),
        "language": Right("show"),
        "address": Right("show"),
        "reason": Right("show"),
        "facts_row": Right("show"),
        "evidence": Right("show"),
        "subject": Right("pseudonym"),
    },
    ("duty-doctor", "call"): {
        "name": Right("show"),
        "phone": Right("show"),
        "language": Right("show"),
        "reason": Right("show"),
        "subject": Right("pseudonym"),
    },
    ("campaign-officer", "planning"): {"counts": Right("show", bound=False)},
    ("data-officer", "audit"): {
        "subject": Right("pseudonym", bound=False),
        "chain": Right("show", bound=False),
    },
    ("auditor", "audit"): {"chain": Right("show", bound=False)},
    ("console", "planning"): {"counts": Right("show", bound=False)},
    ("mandate-officer", "planning"): {"counts": Right("show", bound=False)},
}

MAY_INVITE = frozenset({"console", "mandate-officer"})


class Scope(NamedTuple):
    """Where the subject stands to the reader, and until when the task, appeal or shift lasts (None: none is open)."""

    where: Where
    until: datetime | None


def allow(role: str, scope: Scope, purpose: str, field: str, now: datetime) -> Seen:
    """What `role` sees of `field` for `purpose` at `now`. Anything the table does not name is absent."""
    right = TABLE.get((role, purpose), {}).get(field)
    if right is None or (right.bound and (scope.until is None or now >= scope.until)):
        return "absent"
    if scope.where == "outside":
        return "pseudonym" if field == "subject" else "absent"
    return right.seen


def masked(value: str) -> str:
    """A fixed pattern of the same length class: short (up to 8 characters) or long."""
    return "••••" if len(value) <= 8 else "••••••••"
