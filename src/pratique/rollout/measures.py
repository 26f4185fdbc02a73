"""Which measures a rule set takes, and whether a mandate covers each of them (pure).

A policy never does more than its mandate allows: what is not unlocked, or needs data the mandate does not let us
hold, is refused by the measure's name.
"""

from collections.abc import Iterator

from pratique.core.errors import Refusal
from pratique.core.mandate import Mandate
from pratique.core.text import Text
from pratique.policy.model import Rule, RuleSet
from pratique.rollout.model import Measure

HOLD = Measure(
    "hold",
    Text("hold people back at gates until a remedy or an end", "在哨位暂缓通行，直至完成处理或到期"),
    "restriction",
    ("evidence", "decision", "notice", "appeal"),
)
CONDITIONS = Measure(
    "conditions",
    Text("ask something of people before they pass freely", "通行附带条件"),
    "restriction",
    ("evidence", "decision", "notice", "appeal"),
)
TESTS = Measure("tests", Text("ask people to take tests", "要求检测"), "campaign", ("tube", "result"))
FOREIGN = Measure(
    "foreign-certificates",
    Text("judge certificates of others at gates", "在哨位审核外来证明"),
    "gate",
    ("count",),
)


def measures_of(ruleset: RuleSet) -> tuple[Measure, ...]:
    """Each measure once, in a fixed order."""
    found = {measure for rule in ruleset.rules for measure in _of(rule)}
    return tuple(one for one in (HOLD, CONDITIONS, TESTS, FOREIGN) if one in found)


def refuse_uncovered(ruleset: RuleSet, mandate: Mandate) -> tuple[Measure, ...]:
    """The measures, if the mandate covers each. Raises Refusal naming the first one it does not."""
    kept = {one.data_class for one in mandate.data}
    measures = measures_of(ruleset)
    for measure in measures:
        missing = [] if measure.unlock in mandate.unlocks else [f"unlocks: {measure.unlock}"]
        missing += [f"data: {name}" for name in measure.data if name not in kept]
        if missing:
            listed = ", ".join(missing)
            raise Refusal(
                "NOT_COVERED",
                f"measures.{measure.code}",
                Text(
                    f"the mandate does not cover this measure ({measure.text.en}); it lacks {listed}",
                    f"授权令未涵盖此措施（{measure.text.zh_hans}）；缺少 {listed}",
                ),
            )
    return measures


def _of(rule: Rule) -> Iterator[Measure]:
    if rule.house is None:
        yield FOREIGN
        return
    yield HOLD if rule.house.on_false == "hold" else CONDITIONS
    if asks_for_a_test(rule):
        yield TESTS


def asks_for_a_test(rule: Rule) -> bool:
    """True where the remedy is a test: its code says so, as the codes of the house do (`TAKE_TEST`, …)."""
    return rule.house is not None and "TEST" in rule.house.remedy.split("_")


def one_tube_each(rule: Rule) -> bool:
    """True where the remedy is a test in a tube of one's own."""
    return asks_for_a_test(rule) and rule.house is not None and "SINGLE" in rule.house.remedy.split("_")
