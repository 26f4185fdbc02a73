"""Code tables as data: LOINC, SNOMED CT, HL7 tables, column names. The next disease has other rows in codes.json.

Pure look-ups; an unknown code is None, never a guess.
"""

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from pratique.core.text import Text
from pratique.testing.model import Outcome, Status


class Analyte(msgspec.Struct, frozen=True):
    """What is looked for; `minutes` is the shortest run that can find it."""

    en: str
    zh_hans: str = msgspec.field(name="zh-Hans")
    minutes: int

    @property
    def text(self) -> Text:
        return Text(self.en, self.zh_hans)


class Meaning(NamedTuple):
    """What a result code says; `pooled` if the code itself speaks of a pooled specimen."""

    outcome: Outcome
    pooled: bool


class _Meaning(msgspec.Struct, frozen=True):
    outcome: Outcome
    pooled: bool = False


class _Tables(msgspec.Struct, frozen=True):
    analytes: dict[str, Analyte]
    ct: frozenset[str]
    outcomes: dict[str, _Meaning]
    words: dict[str, Outcome]
    status_hl7: dict[str, Status]
    status_fhir: dict[str, Status]
    roles_0369: dict[str, str]
    placeholder_names: tuple[str, ...]
    csv_columns: dict[str, tuple[str, ...]]


_T = msgspec.json.decode((files("pratique.testing") / "codes.json").read_bytes(), type=_Tables, strict=False)

ANALYTES = _T.analytes
CT = _T.ct
STATUS_HL7 = _T.status_hl7
STATUS_FHIR = _T.status_fhir
CSV_COLUMNS = _T.csv_columns
LAB_POOLS = frozenset(role for role, what in _T.roles_0369.items() if what == "pooled")


@lru_cache(maxsize=4096)
def meaning_of(code: str) -> Meaning | None:
    """The outcome that a SNOMED CT code or a plain word (English or Chinese) stands for."""
    known = _T.outcomes.get(code)
    if known is not None:
        return Meaning(known.outcome, known.pooled)
    word = _T.words.get(code.strip().lower())
    return Meaning(word, pooled=False) if word is not None else None


def analyte_text(loinc: str) -> Text:
    """What people read for an analyte; the code itself where the table has no name."""
    known = ANALYTES.get(loinc)
    return known.text if known else Text(loinc, loinc)


def is_placeholder(name: str) -> bool:
    """True for what laboratories put where a name would stand: empty, POOL, 混采管一 …"""
    plain = name.strip().upper()
    return not plain or any(plain.startswith(known) for known in _T.placeholder_names)
