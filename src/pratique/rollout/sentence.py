"""A rule as a sentence people can read, made from its logic and nothing else (pure).

Both languages. What has no words of its own is shown as the expression it is, so that no sentence says less than the
rule. Reading it never evaluates anything.
"""

import json
from itertools import pairwise
from typing import Any

from pratique.core.text import Text
from pratique.policy.context import CLOCK, VALUE_SETS
from pratique.policy.model import HouseRule

ITEMS = {
    "last_negative": Text("latest negative test", "最近一次未检出的检测"),
    "last_single_negative": Text("latest negative single test", "最近一次未检出的单管检测"),
    "last_single": Text("latest single test with a result", "最近一次有结果的单管检测"),
    "last_positive": Text("single test that detected the infection", "检出感染的单管检测"),
    "last_retest": Text("mixed tube that needs single tests", "需要单管复查的混检管"),
    "last_sample": Text("latest sample without a result", "最近一次尚无结果的采样"),
    "last_dose": Text("latest vaccination", "最近一次接种"),
    "last_recovery": Text("recovery", "康复记录"),
    "last_exemption": Text("exemption", "豁免"),
    "last_order": Text("order", "命令"),
    "negatives_since_positive.0": Text("first negative single test after it", "其后首次未检出的单管检测"),
    "negatives_since_positive.1": Text("second negative single test after it", "其后第二次未检出的单管检测"),
    "doses": Text("number of vaccinations", "接种次数"),
    "item": Text("piece of evidence", "该项证据"),
}
FIELDS = {
    "sampled": Text("the {item}", "{item}"),
    "known": Text("the time the result of the {item} was known", "获知{item}结果的时间"),
    "kind": Text("kind of the {item}", "{item}的种类"),
    "outcome": Text("outcome of the {item}", "{item}的结果"),
    "analyte": Text("analyte of the {item}", "{item}的检测项目"),
    "pooled": Text("the {item} was in a mixed tube", "{item}为混检"),
}
UNITS = {
    "hour": Text("hours", "小时"),
    "day": Text("days", "天"),
    "month": Text("months", "个月"),
    "year": Text("years", "年"),
}
COMPARED = {
    "after": Text("{a} is later than {b}", "{a}晚于{b}"),
    "before": Text("{a} is earlier than {b}", "{a}早于{b}"),
    "not-after": Text("{a} is not later than {b}", "{a}不晚于{b}"),
    "not-before": Text("{a} is not earlier than {b}", "{a}不早于{b}"),
    "===": Text("{a} is {b}", "{a}为{b}"),
    "in": Text("{a} is one of {b}", "{a}属于{b}"),
    "<": Text("{a} is less than {b}", "{a}小于{b}"),
    ">": Text("{a} is more than {b}", "{a}大于{b}"),
    "<=": Text("{a} is at most {b}", "{a}不超过{b}"),
    ">=": Text("{a} is at least {b}", "{a}不少于{b}"),
    "+": Text("{a} plus {b}", "{a}加{b}"),
}
ALWAYS, NEVER = Text("always", "总是"), Text("never", "从不")
NOW = Text("now", "现在")
OTHERWISE = {
    "hold": Text("otherwise the person is held", "否则暂缓通行"),
    "conditions": Text("otherwise the person passes with conditions", "否则附条件通行"),
}


def sentence(logic: Any, house: HouseRule | None) -> Text:
    """The whole rule: when it is met, and what it comes to otherwise."""
    said = condition(logic)
    if house is None:
        return _say(Text("Met if {a}.", "满足条件：{a}。"), a=said)
    return _say(Text("Met if {a}; {b}.", "满足条件：{a}；{b}。"), a=said, b=OTHERWISE[house.on_false])


def condition(expression: Any) -> Text:
    """One expression that is true or false."""
    if expression is True:
        return ALWAYS
    if expression is False:
        return NEVER
    name, operands = _operation(expression)
    if name == "var":
        return _presence(str(operands))
    if name == "and" and isinstance(operands, list):
        return _join([condition(one) for one in operands], Text(" and ", "，且"))
    if name == "!" and isinstance(operands, list) and len(operands) == 1:
        inner = operands[0]
        if _operation(inner)[0] == "var":
            return _say(Text("there is no {a}", "没有{a}"), a=_item(str(inner["var"])))
        return _say(Text("not ({a})", "并非（{a}）"), a=condition(inner))
    if name == "if" and isinstance(operands, list) and len(operands) == 3:
        return _choice(*operands)
    if name in COMPARED and isinstance(operands, list):
        parts = [thing(one) for one in operands]
        pairs = [_say(COMPARED[name], a=a, b=b) for a, b in pairwise(parts)]
        return _join(pairs, Text(" and ", "，且"))
    return _raw(expression)


def thing(expression: Any) -> Text:
    """One expression that is a date, a number, a text or a list."""
    name, operands = _operation(expression)
    if name == "var":
        return _named(str(operands))
    if name == "plusTime" and isinstance(operands, list) and len(operands) == 3:
        base, amount, unit = operands
        if amount == 0 or unit not in UNITS or not isinstance(amount, int):
            return thing(base)
        size = Text(str(abs(amount)), str(abs(amount)))
        form = (
            Text("{a} plus {n} {u}", "{a}之后{n}{u}")
            if amount > 0
            else Text("{a} minus {n} {u}", "{a}之前{n}{u}")
        )
        return _say(form, a=thing(base), n=size, u=UNITS[unit])
    if name in COMPARED and isinstance(operands, list) and len(operands) == 2:
        return _say(COMPARED[name], a=thing(operands[0]), b=thing(operands[1]))
    return _raw(expression)


def _choice(guard: Any, then: Any, other: Any) -> Text:
    if then is True and other is False:
        return condition(guard)
    if then is True or other is True:
        ways = _ways({"if": [guard, then, other]})
        numbered = [
            Text(f"({n}) {way.en}", f"（{n}）{way.zh_hans}") for n, way in enumerate(map(condition, ways), 1)
        ]
        return _say(
            Text("at least one of these holds: {a}", "以下至少一项成立：{a}"),
            a=_join(numbered, Text("; ", "；")),
        )
    if other is False:
        return _say(Text("{a}, and {b}", "{a}，且{b}"), a=condition(guard), b=condition(then))
    return _say(
        Text("if {a}: {b}, else: {c}", "如{a}，则须{b}，否则须{c}"),
        a=condition(guard),
        b=condition(then),
        c=condition(other),
    )


def _ways(expression: Any) -> list[Any]:
    """The alternatives of which one is enough: an `if` whose one branch is plainly true, taken apart."""
    name, operands = _operation(expression)
    if name == "if" and isinstance(operands, list) and len(operands) == 3:
        guard, then, other = operands
        if then is True and other is not False:
            return [guard, *_ways(other)]
        if other is True:
            return [{"!": [guard]}, *_ways(then)]
    return [expression]


def _presence(path: str) -> Text:
    if path.endswith(".pooled"):
        return _named(path)
    item = _item(path)
    article = "an" if item.en[:1] in "aeiou" else "a"
    return _say(Text(f"there is {article} {{a}}", "有{a}"), a=item)


def _item(path: str) -> Text:
    inner = path.removeprefix("subject.")
    bare = inner.rpartition(".")[0] if inner.rpartition(".")[2] in FIELDS else inner
    return ITEMS.get(bare, Text(f"“{path}”", f"“{path}”"))


def _named(path: str) -> Text:
    if path == CLOCK:
        return NOW
    if path.startswith(VALUE_SETS + "."):
        name = path.removeprefix(VALUE_SETS + ".")
        return Text(f"the list “{name}”", f"“{name}”列表")
    inner = path.removeprefix("subject.")
    if inner in ITEMS:
        return Text(f"the {ITEMS[inner].en}", ITEMS[inner].zh_hans)
    item, _, field = inner.rpartition(".")
    if item in ITEMS and field in FIELDS:
        return _say(FIELDS[field], item=ITEMS[item])
    return Text(f"“{path}”", f"“{path}”")


def _operation(expression: Any) -> tuple[str, Any]:
    if isinstance(expression, dict) and len(expression) == 1:
        ((name, operands),) = expression.items()
        return str(name), operands
    return "", None


def _raw(expression: Any) -> Text:
    if isinstance(expression, str):
        return Text(f"“{expression}”", f"“{expression}”")
    written = json.dumps(expression, ensure_ascii=False)
    return Text(written, written)


def _join(parts: list[Text], between: Text) -> Text:
    return Text(between.en.join(p.en for p in parts), between.zh_hans.join(p.zh_hans for p in parts))


def _say(form: Text, **parts: Text) -> Text:
    en, zh = form.en, form.zh_hans
    for name, part in parts.items():
        en, zh = en.replace("{" + name + "}", part.en, 1), zh.replace("{" + name + "}", part.zh_hans, 1)
    return Text(en, zh)
