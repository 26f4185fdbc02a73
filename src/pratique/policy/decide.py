"""One person, one moment, one rule set → one verdict with its reasons. A pure function: server and gate share it.

Law 2 is kept here: no verdict without rule, facts, mandate, remedy, an end, and what would change it.
A rule that cannot be judged (a fault, a newer engine) holds nobody and clears nobody: the verdict is at most
`conditions` and names the rule.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pratique.core.moment import from_ms, to_ms
from pratique.core.text import Text
from pratique.policy import texts
from pratique.policy.certlogic import Fault, evaluate
from pratique.policy.context import (
    DATE_FIELDS,
    VALUE_SETS,
    Context,
    clock_text,
    item_context,
    label_of,
    origin_of,
    subject_context,
    with_clock,
)
from pratique.policy.dates import DAY_MS, read_date
from pratique.policy.explain import Node, Read, fields_at_fault, flips_after, reads, watch
from pratique.policy.model import (
    WORSE,
    Evidence,
    Fact,
    HouseRule,
    Look,
    Outcome,
    Reason,
    Rule,
    RuleRef,
    RuleSet,
    Verdict,
)
from pratique.policy.ruleset import in_force, is_supported

MAX_STEPS = 32  # flips looked through before a later look is asked for
CANNOT_JUDGE = "CANNOT_BE_JUDGED"


class Judged(NamedTuple):
    """One rule at one moment: `value` is True, False, or None where it is open. `flips_at` is when time alone may
    turn it; it is constant until then."""

    rule: Rule
    value: bool | None
    node: Node | None
    context: Context
    flips_at: datetime | None
    at_fault: tuple[str, ...] = ()  # of an open rule, the fields that it could not find


def decide(evidence: Sequence[Evidence], now: datetime, ruleset: RuleSet) -> Verdict:
    """What the rules of `ruleset` say at `now` of the person with this evidence (all of it, withdrawn items left out).

    `now` is aware. The verdict holds until `valid_until`: the moment time alone changes it, and never beyond the
    policy's end.
    """
    judge = _Judge(evidence, ruleset)
    judged = judge.at(now)
    until, then = _constant_until(judge, judged, now, ruleset.to_at)
    outcome, failing, unjudged = _sum(judged)
    leading = failing[0] if failing else min(judged, key=lambda j: j.flips_at or ruleset.to_at, default=None)
    facts = _facts(failing or judged, only_present=not failing)
    words = [_words(j, until, now) for j in failing]
    reasons = tuple(
        Reason(_house(j.rule).reason, texts.fill(_house(j.rule).texts.reason, w))
        for j, w in zip(failing, words, strict=True)
    )
    remedy = tuple(texts.fill(_house(j.rule).texts.remedy, w) for j, w in zip(failing, words, strict=True))
    change = [texts.fill(_house(j.rule).texts.change, w) for j, w in zip(failing, words, strict=True)]
    if unjudged:
        named = {"rule": _named(judged)}
        reasons += (Reason(CANNOT_JUDGE, texts.fill(texts.CANNOT_BE_JUDGED, named)),)
        remedy += (texts.CANNOT_BE_JUDGED_REMEDY,)
    if then is not None and then.outcome != outcome:
        zone = _house(leading.rule).zone if leading else "UTC"
        at = texts.local_time(until, zone, now)
        change.append(texts.fill(texts.BY_ITSELF, {"at": at, "outcome": texts.OUTCOMES[then.outcome]}))
        if WORSE[then.outcome] > WORSE[outcome]:
            change += [_kept_by(j, at, now) for j in then.failing]
    return Verdict(
        outcome=outcome,
        reasons=reasons,
        facts=facts,
        remedy=_once(remedy),
        would_change=_once(change),
        rule=RuleRef(leading.rule.id, leading.rule.version)
        if leading
        else RuleRef("policy", str(ruleset.number)),
        policy_number=ruleset.number,
        mandate_id=ruleset.mandate_id,
        decided_at=now,
        valid_until=until,
        looks=_looks(judged),
        open_rules=unjudged,
    )


def judge_foreign(
    payload: Any, rules: Sequence[Rule], external: dict[str, Any]
) -> list[tuple[Rule, bool | None]]:
    """Foreign rules (already chosen by `ruleset.applicable`) on a certificate: true, false, or None for open."""
    found: list[tuple[Rule, bool | None]] = []
    for rule in rules:
        value = (
            evaluate(rule.logic, {"payload": payload, "external": external}) if is_supported(rule) else None
        )
        found.append((rule, value if isinstance(value, bool) else None))
    return found


class _Judge:
    """Judges the same evidence at several moments; contexts are made once."""

    def __init__(self, evidence: Sequence[Evidence], ruleset: RuleSet) -> None:
        self.evidence, self.ruleset = evidence, ruleset
        self._contexts: dict[tuple[str, str, str], Context] = {}

    def at(self, now: datetime, earlier: Sequence[Judged] = ()) -> list[Judged]:
        """Every rule in force at `now`; of several items that fail item rules, the one that fails least.

        What was judged `earlier` of the whole person and has not come to its own turn is not judged again.
        """
        rules = [rule for rule in in_force(self.ruleset.rules, now) if rule.house is not None]
        same = {id(j.rule): j for j in earlier if j.value is not None and not _turns_by(j, now)}
        judged = [
            same.get(id(rule)) or self._one(rule, self._subject(rule), now)
            for rule in rules
            if _house(rule).scope == "subject"
        ]
        of_items = [rule for rule in rules if _house(rule).scope == "item"]
        if not of_items:
            return judged
        rows = [
            [
                self._one(rule, item_context(item, _house(rule).zone, _house(rule).grain), now)
                for rule in of_items
            ]
            for item in self.evidence
        ] or [[Judged(rule, False, None, Context({"item": {}}, {}), None) for rule in of_items]]
        return judged + min(rows, key=_how_bad)

    def _subject(self, rule: Rule) -> Context:
        house = _house(rule)
        key = (house.analyte, house.zone, house.grain)
        if key not in self._contexts:
            self._contexts[key] = subject_context(self.evidence, *key)
        return self._contexts[key]

    def _one(self, rule: Rule, context: Context, now: datetime) -> Judged:
        if not is_supported(rule):
            return Judged(rule, None, None, context, None)
        house = _house(rule)
        clock = clock_text(now, house.zone, house.grain)
        data = with_clock(context, clock, self.ruleset.value_sets)
        value, node = watch(rule.logic, data)
        if isinstance(value, Fault) or not isinstance(value, bool):
            fields = fields_at_fault(rule.logic, data, value) if isinstance(value, Fault) else []
            return Judged(rule, None, node, context, None, tuple(fields))
        turn = flips_after(node, read_date(clock))
        return Judged(rule, value, node, context, None if turn is None else instant_of(turn, house))


def _constant_until(
    judge: _Judge, judged: list[Judged], now: datetime, end: datetime
) -> "tuple[datetime, Sum | None]":
    """When time alone changes which rules fail, at most `end`; and what they come to from then on (None: unknown)."""
    same = _sum(judged).key()
    for _ in range(MAX_STEPS):
        later = [j.flips_at for j in judged if j.flips_at is not None]
        later += [
            edge for rule in judge.ruleset.rules for edge in (rule.valid_from, rule.valid_to) if edge > now
        ]
        soonest = min(later, default=end)
        if soonest >= end:
            return end, None
        now = soonest
        judged = judge.at(now, judged)
        total = _sum(judged)
        if total.key() != same:
            return now, total
    return now, None


class Sum(NamedTuple):
    """What the rules come to. `failing` are those that give the outcome; while one of them holds, milder ones are
    left out: nobody at home is told to queue for a test."""

    outcome: Outcome
    failing: list[Judged]
    unjudged: tuple[str, ...]

    def key(self) -> tuple[Outcome, tuple[tuple[str, str], ...], tuple[str, ...]]:
        """Two sums with the same key are the same verdict for the person."""
        return self.outcome, tuple((j.rule.id, j.rule.version) for j in self.failing), self.unjudged


def _sum(judged: list[Judged]) -> Sum:
    failing = [one for one in judged if one.value is False]
    unjudged = tuple(sorted({one.rule.id for one in judged if one.value is None}))
    outcome: Outcome = "conditions" if unjudged else "clear"
    for one in failing:
        outcome = max(outcome, _house(one.rule).on_false, key=WORSE.__getitem__)
    return Sum(outcome, [one for one in failing if _house(one.rule).on_false == outcome], unjudged)


def _turns_by(judged: Judged, now: datetime) -> bool:
    return judged.flips_at is not None and judged.flips_at <= now


def _how_bad(row: list[Judged]) -> tuple[int, int]:
    return WORSE[_sum(row).outcome], sum(j.value is not True for j in row)


def _house(rule: Rule) -> HouseRule:
    if rule.house is None:
        raise ValueError(f"{rule.id} has no house block: it cannot decide about a person")
    return rule.house


def instant_of(clock_ms: int, house: HouseRule) -> datetime:
    """The real moment at which the rule's clock shows `clock_ms`: for civil days, local midnight."""
    if house.grain == "instant":
        return from_ms(clock_ms)
    day = from_ms(-(-clock_ms // DAY_MS) * DAY_MS).date()
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(house.zone))
    moment = from_ms(to_ms(midnight))
    while moment.astimezone(ZoneInfo(house.zone)).date() < day:  # a zone whose clocks skip midnight
        moment += timedelta(minutes=15)
    return moment


def _facts(judged: Sequence[Judged], *, only_present: bool) -> tuple[Fact, ...]:
    """One fact for each piece of evidence read, and for each kind that was looked for and is not there."""
    found: dict[str, Fact] = {}
    for one in judged:
        for read in reads(one.node) if one.node else []:
            if read.path.split(".")[0] == "external":
                continue
            fact = _fact(read, one)
            if fact.value is not None or not only_present:
                found.setdefault(
                    fact.evidence_id + label_of(read.path) if fact.evidence_id else fact.what.en, fact
                )
    return tuple(found.values())


def _looks(judged: Sequence[Judged]) -> tuple[Look, ...]:
    """Everything the rules read, but for value sets, which stand in the policy itself."""
    return tuple(
        Look(one.rule.id, read.path, read.value)
        for one in judged
        if one.node
        for read in reads(one.node)
        if not read.path.startswith(VALUE_SETS)
    )


def _fact(read: Read, judged: Judged) -> Fact:
    there, missing = texts.LABELS.get(label_of(read.path), texts.LABELS["item"])
    item = origin_of(read.path, judged.context.origin)
    value = read.value if isinstance(read.value, str | int | bool) else None
    if item is None:
        counted = {"value": Text(str(value), str(value))}
        what = texts.fill(there, counted) if value else missing
        return Fact(what=what, source=texts.NO_SOURCE, at=None, path=read.path, value=value or None)
    zone = _house(judged.rule).zone
    at = texts.local_time(item.sampled_at, zone, item.sampled_at)
    return Fact(
        what=texts.fill(there, {"at": at}),
        source=item.source,
        at=item.sampled_at,
        path=read.path,
        value=item.outcome or item.kind,
        evidence_id=item.id,
    )


def _words(judged: Judged, until: datetime, now: datetime) -> dict[str, Text]:
    """What the places in the rule's texts stand for: `{until}`, and every date the rule read."""
    house = _house(judged.rule)
    own_end = judged.flips_at or until
    words = {"until": texts.local_time(own_end, house.zone, now)}
    for path, item in judged.context.origin.items():
        for field in DATE_FIELDS:
            at = item.sampled_at if field == "sampled" else item.known_at
            words[f"{path}.{field}"] = texts.local_time(at, house.zone, now)
    return words


def _kept_by(judged: Judged, at: Text, now: datetime) -> Text:
    """What the rule that will fail asks for, and until when doing it keeps the outcome."""
    remedy = texts.fill(_house(judged.rule).texts.remedy, _words(judged, now, now))
    return texts.fill(texts.BEFORE, {"at": at, "remedy": remedy})


def _named(judged: Sequence[Judged]) -> Text:
    """The rules that are open, each with the fields that were not found."""
    found = sorted({(one.rule.id, one.at_fault) for one in judged if one.value is None})
    return Text(
        ", ".join(f"{rule}: {', '.join(fields)}" if fields else rule for rule, fields in found),
        "、".join(f"{rule}：{'、'.join(fields)}" if fields else rule for rule, fields in found),
    )


def _once(said: Sequence[Text]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(said))
