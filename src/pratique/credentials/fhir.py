"""The few rules of FHIR R4 that evidence stands on: what a card's bundle must hold before anything in it counts.

Not a FHIR validator. It finds what would make a vaccination or a result unusable, and says where.
"""

from collections.abc import Callable
from typing import Any


def bundle_faults(bundle: Any) -> list[str]:
    """Faults of a SMART Health Cards bundle, each as a path and what is missing; empty where it is usable."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        return ["fhirBundle: not a Bundle"]
    faults = [] if bundle.get("type") == "collection" else ["fhirBundle.type: not collection"]
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        return [*faults, "fhirBundle.entry: missing"]
    for number, entry in enumerate(entries):
        where = f"fhirBundle.entry[{number}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
            faults.append(f"{where}.resource: missing")
            continue
        resource = entry["resource"]
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind:
            faults.append(f"{where}.resource.resourceType: missing")
        elif kind in _RULES:
            faults += [f"{where}.resource.{fault}" for fault in _RULES[kind](resource)]
    return faults


def _immunization(resource: dict[str, Any]) -> list[str]:
    faults = _coded(resource, "vaccineCode") + _text(resource, "status") + _reference(resource, "patient")
    if not any(isinstance(resource.get(name), str) for name in ("occurrenceDateTime", "occurrenceString")):
        faults.append("occurrenceDateTime: missing")
    return faults


def _observation(resource: dict[str, Any]) -> list[str]:
    return _coded(resource, "code") + _text(resource, "status")


def _patient(resource: dict[str, Any]) -> list[str]:
    return [] if isinstance(resource.get("name"), list) and resource["name"] else ["name: missing"]


_RULES: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "Immunization": _immunization,
    "Observation": _observation,
    "Patient": _patient,
}


def _text(resource: dict[str, Any], name: str) -> list[str]:
    return [] if isinstance(resource.get(name), str) and resource[name] else [f"{name}: missing"]


def _reference(resource: dict[str, Any], name: str) -> list[str]:
    place = resource.get(name)
    return (
        []
        if isinstance(place, dict) and isinstance(place.get("reference"), str)
        else [f"{name}.reference: missing"]
    )


def _coded(resource: dict[str, Any], name: str) -> list[str]:
    """A CodeableConcept whose every coding has system and code."""
    concept = resource.get(name)
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list) or not codings:
        return [f"{name}.coding: missing"]
    whole = all(isinstance(c, dict) and isinstance(c.get("code"), str) for c in codings)
    return [] if whole else [f"{name}.coding.code: missing"]
