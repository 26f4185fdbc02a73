"""Files that hold SMART Health Cards: `.smart-health-card`, and FHIR `$health-cards-issue` answers."""

from typing import Any

from pratique.core.canonical import strict_json
from pratique.credentials.reasons import BadText

MAX_CARDS = 64


def cards_in(text: str) -> list[str]:
    """The JWS of every card in the JSON text of a file; the verdict is per card.

    Raises BadText where it is not a file of cards.
    """
    try:
        value = strict_json(text.encode())
    except ValueError:
        raise BadText("not a file of health cards") from None
    cards = _file(value) or _parameters(value)
    if not cards or len(cards) > MAX_CARDS:
        raise BadText("not a file of health cards")
    return cards


def _file(value: Any) -> list[str]:
    listed = value.get("verifiableCredential") if isinstance(value, dict) else None
    return [card for card in listed if isinstance(card, str)] if isinstance(listed, list) else []


def _parameters(value: Any) -> list[str]:
    """FHIR Parameters: each parameter `verifiableCredential` has one card in `valueString`."""
    listed = value.get("parameter") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return []
    return [
        row["valueString"]
        for row in listed
        if isinstance(row, dict)
        and row.get("name") == "verifiableCredential"
        and isinstance(row.get("valueString"), str)
    ]
