"""Sentences of the room in both languages: what a preview says and what it assumes (pure)."""

from pratique.core.text import Text
from pratique.rollout.model import Impact, Laboratory, Tens

THEIR_TIME = Text("their own time", "各自的时间")
REPORT = Text("What this policy would do", "本政策将带来的变化")
REAL = Text("People looked at", "所涉人数")
MADE_UP = Text("People of a made-up city", "虚构城市人数")
WORSE = Text("Who would be worse off", "处境变差的人")
MATRIX = Text("People now, from (rows) to (columns)", "当前人数：由（行）变为（列）")
TUBES = Text("Tubes needed a day", "每日所需采样管")
BEFORE = Text("policy in force", "现行政策")
AFTER = Text("draft", "草案")
WORSE_OFF = Text("worse off", "变差")
BETTER_OFF = Text("better off", "变好")
SAME = Text("same", "不变")
NO_REMEDY = Text("no remedy", "无可行办法")
ASSUMPTIONS = Text("What is assumed", "所作假设")
OUTCOME = {
    "clear": Text("clear", "通行"),
    "conditions": Text("conditions", "附条件"),
    "hold": Text("hold", "暂缓"),
}
GROUPS = {"area": Text("By area", "按片区"), "age": Text("By age band", "按年龄段")}
ASSUMED = (
    Text(
        "counts are rounded down to tens, 1 to 9 stands as “fewer than 10”; totals are sums of the rounded counts",
        "人数向下取整到十位，1至9显示为“少于10”；合计为取整后各项之和",
    ),
    Text(
        "nobody's evidence changes but by time; a test is taken on the day it is asked for, is negative, and is taken "
        "again when it no longer counts",
        "除时间推移外，任何人的证据不变；被要求检测者当日完成检测，结果为未检出，到期后再次检测",
    ),
    Text(
        "no remedy means that a negative single test of today would not give back what the draft takes; time, an "
        "exemption or an appeal still does",
        "“无可行办法”指当日单管未检出也不能恢复草案所限制的内容；到期、豁免或申诉仍可恢复",
    ),
)
UNKNOWN_GROUPS = Text(
    "the house knows neither area nor age of real people, so it cannot count by them; a made-up city shows both",
    "系统不掌握真实人员的片区与年龄，故无法分组统计；虚构城市可显示分组",
)


def stated(laboratory: Laboratory) -> Text:
    """What the officer stated of laboratories and of the disease."""
    capacity = laboratory.tubes_a_day
    infected, found = laboratory.infected_per_mille, laboratory.found_per_mille
    return Text(
        f"stated by the drafter: {'no capacity of laboratories' if capacity is None else f'{capacity} tubes a day'}, "
        f"{laboratory.people_a_tube} people in a mixed tube; of a thousand people tested {infected} are infected, "
        f"and of a thousand infected people a test finds {found}",
        f"由起草者陈述：{'未说明检测能力' if capacity is None else f'每日{capacity}管'}，"
        f"混检每管{laboratory.people_a_tube}人；"
        f"每千名受检者中感染{infected}人，每千名感染者中可检出{found}人",
    )


def headline(seen: Impact) -> Text:
    """The first sentence: who would be worse off, whom nothing helps, and what it finds."""
    worse, better, helpless = (_both(count) for count in (seen.worse, seen.better, seen.no_remedy))
    found = seen.infections_found
    if seen.restricted_per_infection is None:
        per = Text("No further infections are expected to be found.", "预计不会多检出感染者。")
    else:
        n = seen.restricted_per_infection
        per = Text(
            f"About {found} further infections are expected to be found in 15 days: {n} people restricted for each.",
            f"预计15天内多检出感染者约{found}人：每检出1人，新受限制{n}人。",
        )
    return Text(
        f"{worse.en} would be worse off and {better.en} better off; {helpless.en} would have no remedy of their own. "
        + per.en,
        f"{worse.zh_hans}处境变差，{better.zh_hans}处境变好；{helpless.zh_hans}没有自己可行的办法。{per.zh_hans}",
    )


def capacity(seen: Impact) -> Text:
    """What the laboratories can do beside what is needed."""
    stated_capacity = seen.laboratory.tubes_a_day
    if stated_capacity is None:
        return Text("The capacity of laboratories was not stated.", "未说明实验室检测能力。")
    over = seen.days_over_capacity
    return Text(
        f"Laboratories can do {stated_capacity:,} tubes a day; on {over} of {len(seen.days)} days more are needed.",
        f"实验室每日可检{stated_capacity:,}管；{len(seen.days)}天中有{over}天超出该能力。",
    )


def _both(count: Tens) -> Text:
    if count is None:
        return Text("fewer than 10 people", "少于10人")
    return Text(f"{count:,} people", f"{count:,}人")
