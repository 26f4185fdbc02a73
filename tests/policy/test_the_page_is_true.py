"""docs/policy.md: its worked rule is the town's, and every code and command it should name is there."""

import json
import re
from pathlib import Path

from pratique.operate import policy
from pratique.policy import check, ruleset
from pratique.policy.context import ITEMS_OF_SUBJECT, LISTS_OF_SUBJECT
from pratique.policy.service import town_rules

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


def test_it_works() -> None:
    worked, one_test = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    town = json.loads(town_rules())
    third = town["rules"][2]

    assert worked["house"] == third["house"]
    assert {**third["rule"], "Description": third["rule"]["Description"][:1]} == worked["rule"]
    assert one_test["name"] in {test["name"] for test in town["tests"]}


def test_every_refusal_has_its_line() -> None:
    written = Path(check.__file__).read_text(encoding="utf-8") + Path(ruleset.__file__).read_text(
        encoding="utf-8"
    )
    codes = set(re.findall(r'(?:Problem|Refusal)\(\s*"([A-Z_]+)"', written)) | {"UNKNOWN_PATH", "WRONG_TYPE"}

    assert len(codes) > 15
    assert {code for code in codes - {"NO_RULES"} if f"`{code}`" not in PAGE} == set()


def test_everything_a_rule_can_read_is_named() -> None:
    for name in (*ITEMS_OF_SUBJECT, *LISTS_OF_SUBJECT):
        assert f"`{name}" in PAGE


def test_every_command_is_named() -> None:
    for name in (
        "test",
        "preview",
        "draft",
        "sign",
        "publish",
        "status",
        "redecide",
        "stop",
        "go-on",
        "back",
        "export",
    ):
        assert f"pratique policy {name}" in PAGE
        assert policy[name]
