"""Names become A–Z and `<` as ICAO 9303 says, and in no form that a certificate's schema refuses."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.credentials.names import are_alike, standard


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Gößinger", "GOESSINGER"),
        ("Jørgensen", "JOERGENSEN"),
        ("Ågesen", "AAGESEN"),
        ("Þarf Að", "THARF<AD"),
        ("d'Červenková Panklová", "DCERVENKOVA<PANKLOVA"),
        ("'t Achternaam", "T<ACHTERNAAM"),
        ("Muster-Beispiel", "MUSTER<BEISPIEL"),
        (" Muster -  Beispiel- ", "MUSTER<BEISPIEL"),
        ("Мар'яна", "MARIANA"),
        ("Щукин", "SHCHUKIN"),
        ("επώνυμο", "EPONYMO"),
        ("Παπαδοπούλου", "PAPADOPOULOU"),
        ("Ευθύμιος", "EFTHYMIOS"),
        ("Εύα", "EVA"),
        ("Μπότσαρης", "BOTSARIS"),
        ("Αγγελική", "ANGELIKI"),
        ("الاسم الاخير", "ALASM<ALAXKHYR"),
        ("ıİ", "II"),
        ("Wáng Xiǎomíng", "WANG<XIAOMING"),
        ("王小明", ""),
        ("\U0001f642", ""),
        ("", ""),
    ],
)
def test_it_works(name: str, written: str) -> None:
    assert standard(name) == written


@settings(deadline=None)
@given(st.text(max_size=200))
def test_every_name_is_one_a_certificate_may_carry(name: str) -> None:
    written = standard(name)

    assert re.fullmatch(r"([A-Z]+(<[A-Z]+)*)?", written)
    assert len(written) <= 80
    assert standard(written) == written


def test_long_names_are_cut_between_words() -> None:
    assert standard("ab " * 40) == "AB<" * 26 + "AB"
    assert standard("a" * 100) == "A" * 80


def test_names_are_compared_as_they_would_be_written() -> None:
    assert are_alike("Gößinger-Muster", "GOESSINGER MUSTER")
    assert are_alike("O'Neill", "O Neill")
    assert not are_alike("Muster", "Mustermann")
    assert not are_alike("王", "李")
