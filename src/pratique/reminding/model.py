"""The facts of the room `reminding`: channels, wishes, what a message says. No I/O.

A message says that there is news or that a time is near, in the reader's language; never what about. The duty officer
is told how many appeals wait and when the first of them ends; never whose or against what.
"""

from typing import Annotated, Literal, NamedTuple

import msgspec

from pratique.core.text import Text

What = Literal["news", "reminder"]
Language = Literal["zh-Hans", "en"]
Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]

SAYS: dict[What, Text] = {
    "news": Text(
        "There is news in your Pratique wallet. Without a phone: ask at any counter.",
        "您的健康卡包有新内容，请打开查看；也可在任一柜台询问。",
    ),
    "reminder": Text(
        "A date in your Pratique wallet is near. Without a phone: ask at any counter.",
        "您的健康卡包中有一项期限将至，请打开查看；也可在任一柜台询问。",
    ),
}
DUTY = Text(
    "Pratique: appeals that used up half of their time or more: {n}. The first ends {at}. Unanswered, it lifts.",
    "Pratique：{n}件申诉时限已过半，最早{at}到期。逾期未答复，限制自动解除。",
)
MAX_TRIES = 5


class PushWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A browser's push address with its keys (base64url), the language, and the hours to leave in peace."""

    endpoint: Annotated[str, msgspec.Meta(max_length=1000)]
    p256dh: Annotated[str, msgspec.Meta(max_length=100)]
    auth: Annotated[str, msgspec.Meta(max_length=40)]
    language: Language
    quiet_from: Hour = 22
    quiet_to: Hour = 7


class SmsWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Messages to the phone on one's own contact card."""

    language: Language
    quiet_from: Hour = 22
    quiet_to: Hour = 7


class ChannelRow(NamedTuple):
    """A channel as it is stored."""

    id: str
    subject_id: str
    mandate_id: str
    kind: str
    made_at: int
    digest: bytes
    sealed: bytes


class MessageRow(NamedTuple):
    """A message that waits; times in milliseconds."""

    channel_id: str
    what: What
    subject_id: str
    mandate_id: str
    notice_id: str
    made_at: int
    due_at: int
    tries: int


class DutyRow(NamedTuple):
    """What waits to be said to the duty officer about one appeal; times in milliseconds."""

    appeal_id: str
    level: int
    subject_id: str
    mandate_id: str
    ends_at: int
    due_at: int
    tries: int
