"""How times and facts read to people, in both languages, in the civil time of a zone.

Pure. Rules bring their own reasons and remedies; here are only the words that every rule shares.
"""

import re
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from pratique.core.text import Text

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS_ZH = "一二三四五六日"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
PLACEHOLDER = re.compile(r"\{([a-z_.0-9]+)\}")

# What a rule can read about a person, as the person would say it: (there is one, there is none).
LABELS: dict[str, tuple[Text, Text]] = {
    "last_negative": (
        Text("latest negative test, sampled at {at}", "最近一次未检出的检测，采样于{at}"),
        Text("no negative test is known", "没有未检出的检测记录"),
    ),
    "last_single_negative": (
        Text("latest negative single test, sampled at {at}", "最近一次未检出的单管检测，采样于{at}"),
        Text("no negative single test is known", "没有未检出的单管检测记录"),
    ),
    "last_single": (
        Text("latest single test with a result, sampled at {at}", "最近一次有结果的单管检测，采样于{at}"),
        Text("no single test with a result is known", "没有有结果的单管检测记录"),
    ),
    "last_positive": (
        Text("single test that detected the infection, sampled at {at}", "检出感染的单管检测，采样于{at}"),
        Text("no single test has detected an infection", "没有检出感染的单管检测记录"),
    ),
    "last_retest": (
        Text(
            "a mixed tube you were in needs single tests, sampled at {at}",
            "您所在的混检管需要单管复查，采样于{at}",
        ),
        Text("no mixed tube of yours needs single tests", "您所在的混检管均不需要复查"),
    ),
    "last_sample": (
        Text("latest sample given, at {at}", "最近一次采样，{at}"),
        Text("no sample is known", "没有采样记录"),
    ),
    "last_dose": (
        Text("latest vaccination, at {at}", "最近一次接种，{at}"),
        Text("no vaccination is known", "没有接种记录"),
    ),
    "last_recovery": (
        Text("recovery, recorded for {at}", "康复记录，{at}"),
        Text("no recovery is recorded", "没有康复记录"),
    ),
    "last_exemption": (
        Text("exemption, granted at {at}", "豁免，批准于{at}"),
        Text("no exemption is recorded", "没有豁免记录"),
    ),
    "last_order": (
        Text("an order, given at {at}", "一项命令，签发于{at}"),
        Text("no order is recorded", "没有命令记录"),
    ),
    "negatives_since_positive": (
        Text(
            "negative single test after the detection, sampled at {at}",
            "检出之后未检出的单管检测，采样于{at}",
        ),
        Text("no negative single test after a detection is known", "检出之后没有未检出的单管检测记录"),
    ),
    "doses": (
        Text("vaccinations on record: {value}", "接种记录：{value}次"),
        Text("no vaccination is on record", "没有接种记录"),
    ),
    "item": (Text("evidence of {at}", "{at}的证据"), Text("no evidence is known", "没有证据记录")),
    "items": (Text("all evidence on record", "全部证据记录"), Text("no evidence is known", "没有证据记录")),
}
OUTCOMES: dict[str, Text] = {
    "clear": Text("clear", "放行"),
    "conditions": Text("pass with conditions", "有条件通行"),
    "hold": Text("hold", "暂缓通行"),
}
NO_SOURCE = Text("the register of this system", "本系统的记录")
BY_ITSELF = Text(
    "By itself at {at}: then “{outcome}”, if nothing else changes.",
    "若无其他变化，将于{at}自动变为“{outcome}”。",
)
BEFORE = Text("Before {at}, to keep it: {remedy}", "请在{at}之前完成，以保持现状：{remedy}")
CANNOT_BE_JUDGED = Text(
    "A rule could not be judged for you ({rule}). It is not your fault and does not hold you; the office corrects it.",
    "有一条规则暂时无法判定（{rule}）。这不是您的责任，也不会因此限制您；主管部门会更正。",
)
CANNOT_BE_JUDGED_REMEDY = Text(
    "Nothing. If it lasts, use the appeal button.", "您无需采取行动；如长时间未恢复，请点击申诉。"
)


def local_time(at: datetime, zone: str, beside: datetime) -> Text:
    """`18:00 on Thursday 26 November` and its Chinese form, in `zone`; with the year if `beside` is in another."""
    return _local_time(at, zone, beside.astimezone(ZoneInfo(zone)).year)


@lru_cache(maxsize=4096)
def _local_time(at: datetime, zone: str, year: int) -> Text:
    # A release says the same few moments of a tube in every rule and about every person.
    here = at.astimezone(ZoneInfo(zone))
    clock = f"{here.hour:02}:{here.minute:02}"
    other_year = here.year != year
    return Text(
        f"{clock} on {_DAYS[here.weekday()]} {here.day} {_MONTHS[here.month - 1]}"
        + (f" {here.year}" if other_year else ""),
        (f"{here.year}年" if other_year else "")
        + f"{here.month}月{here.day}日星期{_DAYS_ZH[here.weekday()]}{clock}",
    )


def local_day(at: datetime, zone: str, beside: datetime) -> Text:
    """`Thursday 26 November` and its Chinese form: for rules that count civil days."""
    here = at.astimezone(ZoneInfo(zone))
    other_year = here.year != beside.astimezone(ZoneInfo(zone)).year
    return Text(
        f"{_DAYS[here.weekday()]} {here.day} {_MONTHS[here.month - 1]}"
        + (f" {here.year}" if other_year else ""),
        (f"{here.year}年" if other_year else "")
        + f"{here.month}月{here.day}日星期{_DAYS_ZH[here.weekday()]}",
    )


def placeholders(text: Text) -> set[str]:
    """The names in braces, of both languages."""
    return set(PLACEHOLDER.findall(text.en)) | set(PLACEHOLDER.findall(text.zh_hans))


def fill(text: Text, values: dict[str, Text]) -> Text:
    """`text` with its places filled. A place without a value reads "–"; braces in values are not looked at again."""
    return Text(
        PLACEHOLDER.sub(lambda m: values[m[1]].en if m[1] in values else "–", text.en),
        PLACEHOLDER.sub(lambda m: values[m[1]].zh_hans if m[1] in values else "–", text.zh_hans),
    )
