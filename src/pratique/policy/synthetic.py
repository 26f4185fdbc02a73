"""A made-up city: evidence of any number of people as columns, the same for the same seed.

For previews where no population may be looked at, and for measuring. What is assumed is written out in `ASSUMED`.
Nobody here exists. Pure.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from pratique.core.moment import to_ms
from pratique.core.text import Text
from pratique.policy.city import Population
from pratique.policy.context import DATE_FIELDS, ITEMS_OF_SUBJECT, clock_text, label_of
from pratique.policy.dates import DAY_MS, read_date
from pratique.policy.model import HouseRule
from pratique.policy.table import Column, Ticks

DAYS = 10  # how far back tests go
MINUTES = DAYS * 24 * 60
MINUTE_MS = 60_000
KNOWN_AFTER = timedelta(hours=6)
ASSUMED = Text(
    "assumed: 95 % were tested within ten days, evenly spread; 8 % of tests are single tubes; 0.5 % were in a mixed "
    "tube that needs single tests, half of them were tested again; 0.2 % were detected within ten days, a tenth of "
    "them has two later negatives; 70 % have one to three vaccinations; results are known six hours after sampling",
    "假设：95%的人十天内做过检测且时间均匀分布；8%为单管；0.5%的人所在混检管需单管复查，其中一半已复查；0.2%的人十天内检出,"
    "其中十分之一已有两次未检出；70%的人接种过一至三剂；采样六小时后出结果",
)


def made_up_city(people: int, now: datetime, seed: int = 1) -> Population:
    """A population of `people` rows as of `now`."""
    chance = np.random.Generator(np.random.PCG64(seed))
    none = np.uint16(0)

    def ago(most: int) -> Any:
        """Codes of minutes in the last `most` minutes (code MINUTES is now, 1 the earliest)."""
        return chance.integers(MINUTES - most + 1, MINUTES + 1, people, dtype=np.uint16)

    def some(share: float) -> Any:
        return chance.random(people, dtype=np.float32) < share

    def later(minutes: Any, by: Any) -> Any:
        return np.minimum(minutes.astype(np.int32) + by, MINUTES).astype(np.uint16)

    negative = np.where(some(0.95), ago(MINUTES), none)
    held = np.where(some(0.005), ago(3 * 24 * 60), none)
    again = np.where((held > 0) & some(0.5), later(held, chance.integers(1, 600, people)), none)
    positive = np.where(some(0.002), ago(MINUTES), none)
    freed = (positive > 0) & some(0.1)
    first, second = (np.where(freed, later(positive, minutes), none) for minutes in (2000, 5000))
    alone = np.maximum(np.maximum(again, second), np.where(some(0.08), negative, none))
    dose = np.where(some(0.7), ago(MINUTES), none)
    codes: dict[str, Any] = {
        "last_negative": np.maximum(negative, alone),
        "last_single_negative": alone,
        "last_single": np.maximum(alone, positive),
        "last_positive": positive,
        "last_retest": held,
        "last_dose": dose,
        "negatives_since_positive.0": first,
        "negatives_since_positive.1": second,
    }
    doses = np.where(dose > 0, chance.integers(1, 4, people, dtype=np.uint8), np.uint8(0))
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
    moments = [start + timedelta(minutes=i) for i in range(MINUTES + 1)]

    def column(house: HouseRule, path: str) -> Column:
        inner = path.removeprefix("subject.")
        if inner == "doses":
            return Column(doses, [0, 1, 2, 3])
        if inner in codes:
            return Column((codes[inner] > 0).view(np.uint8), [None, {"kind": "made up"}])
        name, _, field = inner.rpartition(".")
        if (
            inner.split(".")[0] not in {known.split(".")[0] for known in codes}
            and label_of(path) in ITEMS_OF_SUBJECT
        ):
            return Column(np.broadcast_to(np.uint8(0), people), [None])
        if name not in codes or field not in DATE_FIELDS:
            raise ValueError(f"the made-up city knows nothing about {path}")
        late = KNOWN_AFTER if field == "known" else timedelta()
        if house.grain == "instant":
            return Column(codes[name], Ticks(MINUTE_MS, to_ms(start + late) // MINUTE_MS))
        days = [0, *(read_date(clock_text(at + late, house.zone, "day")) // DAY_MS for at in moments[1:])]
        return Column(np.array(days, np.int32)[codes[name]], Ticks(DAY_MS))

    def row(house: HouseRule, person: int) -> dict[str, Any]:
        subject: dict[str, Any] = {"doses": int(doses[person])}
        for name, minutes in codes.items():
            if minutes[person]:
                at = moments[int(minutes[person])]
                item = {
                    "sampled": clock_text(at, house.zone, house.grain),
                    "known": clock_text(at + KNOWN_AFTER, house.zone, house.grain),
                }
                head, _, index = name.partition(".")
                if index:
                    subject.setdefault(head, []).append(item)
                else:
                    subject[head] = item
        return {"subject": subject}

    return Population(people, column, row)
