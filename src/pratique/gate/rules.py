"""A certificate of others against the snapshot's rules (pure): CertLogic rules of the EU form, as they were published.

Without such rules in the policy, a good signature and a date in force are all that is asked; a test that is not
negative goes to staff.
"""

from datetime import UTC, datetime
from typing import Any

from pratique.core.moment import rfc3339
from pratique.credentials.model import Outcome as Verified
from pratique.gate.model import Pair
from pratique.policy.decide import judge_foreign
from pratique.policy.model import RuleSet
from pratique.policy.ruleset import applicable

CLEAR: Pair = ("clear", "paper")  # bound to no device, like paper: staff may ask for a document
HOLD: Pair = ("hold", "policy")
OPEN: Pair = ("see_staff", "stale")  # rules that are newer than this gate, or that cannot judge this

_NOT_DETECTED = "260415000"  # SNOMED CT, as in the EU value set of test results
_TYPES = {"v": "Vaccination", "t": "Test", "r": "Recovery"}


def by_rules(found: Verified, now: datetime, rules: RuleSet | None) -> Pair:
    """What the foreign rules in force say of a verified certificate. All true: clear; one false: hold; else open."""
    foreign = [rule for rule in rules.rules if rule.house is None] if rules is not None else []
    payload = found.claims.get("hcert", {}).get("1") if found.format == "HC1" else None
    if not foreign or rules is None:
        return OPEN if _is_positive(payload) else CLEAR
    entries = payload if isinstance(payload, dict) else {}
    kind = next((name for field, name in _TYPES.items() if entries.get(field)), None)
    if kind is None:
        return OPEN
    issuer = str(found.claims.get("iss") or "")
    asked = applicable(foreign, now, arrival=rules.country, issuer=issuer, certificate_type=kind)
    external: dict[str, Any] = {
        "validationClock": rfc3339(now),
        "valueSets": rules.value_sets,
        "countryCode": rules.country,
        "issuerCountryCode": issuer,
        "exp": _time(found.claims.get("exp")),
        "iat": _time(found.claims.get("iat")),
        "kid": str(found.claims.get("kid") or ""),
        "region": "",
    }
    values = [value for _, value in judge_foreign(payload, asked, external)]
    if False in values:
        return HOLD
    return OPEN if None in values else CLEAR


def _is_positive(payload: Any) -> bool:
    """True for a test that does not say "not detected": without a rule it is not for the gate to wave it through."""
    tests = payload.get("t") if isinstance(payload, dict) else None
    return any(not isinstance(one, dict) or one.get("tr") != _NOT_DETECTED for one in tests or ())


def _time(seconds: Any) -> str | None:
    """None also for a time beyond the years 1 to 9999: an issuer may write one for "never"."""
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC)) if isinstance(seconds, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
