"""Problem details (RFC 9457) in the reader's language, with both languages beside it for the faces."""

import re

import msgspec

from pratique.core.errors import Busy, NotFound, Refusal, TooOften
from pratique.core.text import Text
from pratique.web.frame import Answer

MEDIA = "application/problem+json"

NOT_SIGNED_IN = Text("you are not signed in here; sign in and try again", "您尚未登录，请登录后重试")
NOT_YOURS = Text("there is nothing here for you", "此处没有与您有关的内容")
TOO_MANY = Text("too many requests; wait a moment and try again", "请求过于频繁，请稍候再试")
OUR_FAULT = Text("this is a fault of ours; nothing you entered was wrong", "这是系统故障，并非您的操作有误")
TOO_LARGE = Text("this is larger than 1 MiB; send it in smaller parts", "内容超过 1 MiB，请分批发送")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is stable and what programs read; `detail` is one sentence for a person."""

    title: str
    status: int
    detail: str
    code: str
    field: str = ""
    texts: Text | None = None


def problem(code: str, status: int, text: Text, language: str, field: str = "", **headers: str) -> Answer:
    """A refusal as an answer."""
    body = Problem(code.replace("_", " ").capitalize(), status, text.of(language), code, field, text)
    return Answer(body, status, {k.replace("_", "-"): v for k, v in headers.items()}, MEDIA)


def from_refusal(refusal: Refusal, language: str) -> Answer:
    """The answer to a refusal; `Busy` says when to come back; what is missing and what is not yours sound alike."""
    if isinstance(refusal, NotFound):
        return problem("NOT_FOUND", 404, NOT_YOURS, language)
    headers = {"Retry_After": str(refusal.retry_after)} if isinstance(refusal, Busy | TooOften) else {}
    return problem(refusal.code, refusal.status, refusal.text, language, refusal.field, **headers)


_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_AT = re.compile(r" - at `\$\.?([^`]*)`")


def from_validation(fault: msgspec.DecodeError | msgspec.ValidationError) -> Refusal:
    """The field and the way out, from what the decoder said. Values never appear in it."""
    said = str(fault)
    found = _AT.search(said)
    place = found[1] if found else ""
    if unknown := _UNKNOWN.search(said):
        name = f"{place}.{unknown[1]}".strip(".")
        return Refusal(
            "UNKNOWN_FIELD",
            name,
            Text(f"{name} is not a field here; leave it out", f"此处没有字段 {name}，请去掉"),
        )
    if missing := _MISSING.search(said):
        name = f"{place}.{missing[1]}".strip(".")
        return Refusal("MISSING_FIELD", name, Text(f"{name} is missing; add it", f"缺少字段 {name}，请补充"))
    if isinstance(fault, msgspec.ValidationError):
        wanted = said.split(" - at ", maxsplit=1)[0].split(", got", maxsplit=1)[0]
        if wanted.startswith("Invalid enum value"):  # the decoder repeats what was sent; we never do
            wanted = "it is none of the values that may stand here"
        return Refusal(
            "BAD_FIELD",
            place,
            Text(f"{place or 'the body'} is wrong: {wanted}", f"字段 {place or '正文'} 不正确：{wanted}"),
        )
    return Refusal("NOT_JSON", "", Text("the body is not JSON in UTF-8", "正文不是 UTF-8 编码的 JSON"))
