"""What the room `policy` speaks of: evidence, rules, verdicts, decisions.

Frozen facts, no input or output. It must not know where evidence comes from (testing, credentials) nor what is
made of a decision (notices, passes). There is no field for a place, a site, a name or a score.
"""

from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from pratique.core.text import Text

Kind = Literal["test", "vaccination", "recovery", "exemption", "order"]
TestOutcome = Literal["not-detected", "detected", "retest-required", "recollect", "sample-sealed", ""]
Outcome = Literal["clear", "conditions", "hold"]
WORSE: dict[str, int] = {"clear": 0, "conditions": 1, "hold": 2}  # the order of outcomes, mildest first


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One signed fact about a subject. `sampled_at` is when it became true (sampling, dose, order), `known_at`
    when we learnt it; both aware. `ref` names what it came from (a result version), never a site or a place.

    Raises ValueError for a pooled evidence that says `detected` (nobody is positive from a pool), for a test
    without outcome, for an outcome on anything else, and for a time without a zone.
    """

    id: str
    subject_id: str
    kind: Kind
    outcome: TestOutcome = ""
    analyte: str = ""
    pooled: bool = False
    sampled_at: datetime
    known_at: datetime
    source: Text | str
    ref: str
    mandate_id: str

    def __post_init__(self) -> None:
        if self.pooled and self.outcome == "detected":
            raise ValueError("a person is never detected from a pool")
        if (self.kind == "test") != bool(self.outcome):
            raise ValueError("a test has an outcome, and nothing else has one")
        if self.sampled_at.tzinfo is None or self.known_at.tzinfo is None:
            raise ValueError("a time without a zone is not a time")


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, as a stable code and in words."""

    code: str
    text: Text


class RuleRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rule, in which version."""

    id: str
    version: str


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing the rules read: what it is in words, where it came from, when it became true.

    `path` is where the rule found it, `value` what it found, `evidence_id` which evidence ("" for the absence of any).
    """

    what: Text
    source: Text | str
    at: datetime | None
    path: str
    value: str | int | bool | None
    evidence_id: str = ""


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One read of a rule: exactly what it found at which path."""

    rule: str
    path: str
    value: Any


class Verdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the rules say of one subject at one moment, and why. Holds from `decided_at` until `valid_until`
    unless the evidence changes; `open_rules` names rules that could not be judged (errors, newer engines)."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    facts: tuple[Fact, ...]
    remedy: tuple[Text, ...]
    would_change: tuple[Text, ...]
    rule: RuleRef
    policy_number: int
    mandate_id: str
    decided_at: datetime
    valid_until: datetime
    looks: tuple[Look, ...] = ()
    open_rules: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verdict as it was stored for a subject. The appeal reads the facts row named here (law 2)."""

    id: str
    subject_id: str
    facts_row_id: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    facts: tuple[Fact, ...]
    remedy: tuple[Text, ...]
    would_change: tuple[Text, ...]
    rule: RuleRef
    policy_number: int
    mandate_id: str
    made_at: datetime
    valid_until: datetime
    looks: tuple[Look, ...] = ()
    open_rules: tuple[str, ...] = ()


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule says to people. Places such as `{subject.last_retest.sampled}` or `{until}` are filled in."""

    reason: Text
    remedy: Text
    change: Text


class Mark(NamedTuple):
    """What stands unsealed of a current decision."""

    outcome: str
    policy_number: int
    mandate_id: str
    valid_until: int


class HouseRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What we add beside a rule of the EU form, whose schema allows no further fields.

    `on_false` is the outcome when the rule is false; `scope` says what it sees (one evidence item, or all of a
    person's evidence); `grain` whether times are instants or civil days of `zone` (IANA). `monotone: false` says
    openly that added evidence may make somebody worse off. `analyte` limits the evidence the rule sees.
    """

    on_false: Literal["conditions", "hold"]
    reason: str
    remedy: str
    zone: str
    grain: Literal["instant", "day"] = "instant"
    scope: Literal["item", "subject"] = "subject"
    monotone: bool = True
    analyte: str = ""
    note: str = ""
    texts: Texts


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the EU form as read: `document` is the plain JSON, given back unchanged."""

    id: str
    version: str
    type: str
    country: str
    region: str
    certificate_type: str
    schema_version: str
    engine: str
    engine_version: str
    valid_from: datetime
    valid_to: datetime
    affected_fields: tuple[str, ...]
    logic: Any
    document: dict[str, Any]
    house: HouseRule | None = None


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """One case of a rule: the context it is evaluated on and the value that must come out."""

    name: str
    rule: str
    version: str
    context: dict[str, Any]
    expected: Any
    source: str = ""


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are judged together, with the value sets and tests they were published with.

    `number`, `mandate_id`, `from_at` and `to_at` are those of the policy; before publication 0, "" and the ends of
    time.
    """

    rules: tuple[Rule, ...]
    value_sets: dict[str, Any]
    tests: tuple[RuleTest, ...]
    country: str
    number: int
    mandate_id: str
    from_at: datetime
    to_at: datetime
    hash: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A published rule set: what gates carry in their snapshot. `body` is the document byte for byte."""

    number: int
    mandate_id: str
    published_at: datetime
    from_at: datetime
    to_at: datetime
    hash: str
    body: bytes
