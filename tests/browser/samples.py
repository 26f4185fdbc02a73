"""What a holder may be told, in shapes the notices room really sends. Synthetic and visibly so."""

from datetime import datetime, timedelta
from typing import Any

from pratique.core.moment import rfc3339

MANDATE_ID = "00000000000000000000000MAN"


def both(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh-Hans": zh}


def mandate(now: datetime) -> dict[str, Any]:
    return {
        "id": MANDATE_ID,
        "purpose": both("Sampling in the synthetic harbour district", "合成港区采样"),
        "issuer": both("Synthetic Harbour Health Office", "合成港口卫生办公室"),
        "appeal_office": both("Synthetic appeal desk, Pier One", "合成申诉处，一号码头"),
        "start": rfc3339(now - timedelta(days=1)),
        "end": rfc3339(now + timedelta(days=30)),
    }


def single_test(now: datetime, **changes: Any) -> dict[str, Any]:
    """N2: the pool needs a single test."""
    return {
        "id": "00000000000000000000000N02",
        "kind": "N2",
        "class": "duty",
        "title": both("Please take a single test", "请完成一次单管检测"),
        "reason": {
            "code": "POOL_NEEDS_SINGLE",
            "text": both(
                "The tube you shared with others needs a second look. This does not say that you are infected.",
                "您与他人共用的混检管需要复查。这并不表示您已感染。",
            ),
        },
        "facts": [
            {
                "what": both(
                    "A mixed tube with your sample needs a single test", "含有您样本的混检管需要单管复查"
                ),
                "source": both("Synthetic harbour laboratory", "合成港口实验室"),
                "at": rfc3339(now - timedelta(hours=2)),
            },
            {
                "what": both("Your sample was taken", "已采集您的样本"),
                "source": both("A sampling site", "采样点"),
                "at": rfc3339(now - timedelta(hours=9)),
            },
        ],
        "rule": {"id": "PQ-POOL-0001", "version": "1.0.0"},
        "mandate_id": MANDATE_ID,
        "remedy": [
            both(
                "Take a test in a tube of your own: one is reserved for you at every site, first in line.",
                "请做一次单管检测：各采样点均已为您预留，优先采样。",
            ),
            both("Or ask for a visit at home.", "也可申请上门采样。"),
        ],
        "allowed": [
            both("Going to the sampling site and home again.", "往返采样点。"),
            both("Medical care at any time.", "随时就医。"),
            both("Food, medicine and walks alone outdoors.", "购买食品药品，独自户外活动。"),
        ],
        "opened_at": rfc3339(now - timedelta(hours=2)),
        "deadline": rfc3339(now + timedelta(hours=46)),
        "deadline_effective": rfc3339(now + timedelta(hours=46)),
        "extended_because": [],
        "state": "open",
        "appeal": {"path": "/v1/notices/00000000000000000000000N02/appeals", "clock_hours": 24},
        "history": [],
    } | changes


def test_by(now: datetime, **changes: Any) -> dict[str, Any]:
    """N1: a campaign asks for a test."""
    return (
        single_test(now)
        | {
            "id": "00000000000000000000000N01",
            "kind": "N1",
            "title": both("Please take a test", "请完成一次检测"),
            "reason": {
                "code": "CAMPAIGN",
                "text": both("A sampling campaign covers everyone here.", "本地正在开展全员采样行动。"),
            },
            "facts": [],
            "deadline": rfc3339(now + timedelta(hours=70)),
            "deadline_effective": rfc3339(now + timedelta(hours=73)),
            "extended_because": [
                both("Sampling site Pier One was closed for 3 hours", "一号码头采样点关闭 3 小时"),
            ],
        }
        | changes
    )


def cleared(now: datetime) -> dict[str, Any]:
    history = [
        {
            "at": rfc3339(now - timedelta(days=1)),
            "what": both(
                "Cleared: your result of the mixed tube was “not detected”", "已解除：混检结果为“未检出”"
            ),
        }
    ]
    return test_by(now, id="00000000000000000000000N00", state="cleared", history=history)


def decision(now: datetime, outcome: str = "clear") -> dict[str, Any]:
    return {
        "outcome": outcome,
        "reasons": [
            {
                "code": "TEST_RECENT",
                "text": both(
                    "Your last result is “not detected” and not older than 72 hours.",
                    "您最近一次结果为“未检出”，且在 72 小时以内。",
                ),
            }
        ],
        "remedy": [],
        "rule": {"id": "PQ-CLEAR-0001", "version": "1.0.0"},
        "facts": [
            {
                "what": both("Result of a mixed tube: not detected", "混检结果：未检出"),
                "source": both("Synthetic harbour laboratory", "合成港口实验室"),
                "at": rfc3339(now - timedelta(hours=5)),
            }
        ],
        "mandate_id": MANDATE_ID,
        "valid_until": rfc3339(now + timedelta(hours=67)),
        "would_change": [
            both("A new result", "新的检测结果"),
            both("72 hours going by without one", "72 小时内没有新结果"),
        ],
    }


def result(now: datetime, outcome: str = "not-detected", kind: str = "mixed") -> dict[str, Any]:
    return {
        "tube_kind": kind,
        "outcome": outcome,
        "sampled_at": rfc3339(now - timedelta(hours=9)),
        "known_at": rfc3339(now - timedelta(hours=5)),
        "analyte": "94500-6",
    }


def look(now: datetime) -> dict[str, Any]:
    return {
        "at": rfc3339(now - timedelta(hours=1)),
        "role": "case-worker",
        "purpose": both("to call you about a notice", "就提示与您通话"),
        "fields": ["name", "phone"],
    }
