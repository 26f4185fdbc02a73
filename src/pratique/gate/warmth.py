"""Skin temperature at a door: a hint to take a clinical reading, never a refusal, never stored (pure).

IEC 80601-2-59 asks for controlled conditions, an external reference and a clinical follow-up. So this file refuses to
speak where the conditions, the reference or the calibration are not right, and it has exactly one thing to say. No
curve pulls values towards 36 °C: the self-test against a blackbody would find it.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

from pratique.gate.ports import Warmth

AMBIENT_C = (16.0, 32.0)  # where a skin reading means anything
DISTANCE_CM = (2.0, 15.0)
SKIN_C = (30.0, 45.0)  # what can be a forehead at all; anything else is a wall or a cup of tea
LIMIT_C = 37.3
DRIFT_C, DRIFT_DAYS = 0.1, 14
SLOPE = (0.98, 1.02)
STEP_LEAST = 0.5  # of the blackbody's own step: less is a plateau
MODEL_C = (30.0, 42.0)  # the range a self-test must cover

Advice = Literal["", "take_reading", "come_closer", "ambient", "drift", "overdue", "missing"]


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`thermometer.json`, written by the self-test. `reference_c`: what the reference source showed on `checked_on`,
    or None where the sensor has none; `due_on`: after this day it says nothing any more."""

    checked_on: date
    due_on: date
    slope: float
    offset_c: float
    reference_c: float | None = None
    limit_c: float = LIMIT_C


class Fit(NamedTuple):
    """How the sensor follows a blackbody: shown ≈ slope × blackbody + offset. `faults` say why it may not be used."""

    slope: float
    offset_c: float
    faults: tuple[str, ...]


def advise(reading: Warmth, calibration: Calibration, today: date) -> Advice:
    """The one hint, "" for nothing to say, or why nothing can be said. A missing value is missing, never 0."""
    if today > calibration.due_on:
        return "overdue"
    if reading.object_c is None or reading.ambient_c is None:
        return "missing"
    if not AMBIENT_C[0] <= reading.ambient_c <= AMBIENT_C[1]:
        return "ambient"
    if _drifted(reading, calibration, today):
        return "drift"
    near = reading.distance_cm
    if near is not None and not DISTANCE_CM[0] <= near <= DISTANCE_CM[1]:
        return "come_closer" if DISTANCE_CM[1] < near <= 4 * DISTANCE_CM[1] else ""
    if not SKIN_C[0] <= reading.object_c <= SKIN_C[1]:
        return ""
    return "take_reading" if reading.object_c >= calibration.limit_c else ""


def fit(points: Sequence[tuple[float, float]]) -> Fit:
    """Least squares over (blackbody °C, shown °C). Raises ValueError for fewer than five points or a range that does
    not reach from 30 to 42 °C."""
    points = sorted(points)
    if len(points) < 5 or points[0][0] > MODEL_C[0] or points[-1][0] < MODEL_C[1]:
        raise ValueError("a self-test takes five points or more from 30 to 42 °C")
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    faults = [] if SLOPE[0] <= slope <= SLOPE[1] else ["slope"]
    for (x1, y1), (x2, y2) in pairwise(points):
        if x2 > x1 and y2 - y1 < STEP_LEAST * (x2 - x1):
            faults.append("plateau")
            break
    return Fit(slope, mean_y - slope * mean_x, tuple(faults))


def _drifted(reading: Warmth, calibration: Calibration, today: date) -> bool:
    if calibration.reference_c is None:
        return False
    if reading.reference_c is None:
        return True
    allowed = DRIFT_C * max(1, -(-(today - calibration.checked_on).days // DRIFT_DAYS))
    return abs(reading.reference_c - calibration.reference_c) > allowed + 1e-9
