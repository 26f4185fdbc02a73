"""From twenty rows, however cut, sorted or retyped, the copy is named; innocents never are; mixed rows name nobody."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.core.ids import ALPHABET
from pratique.exports.marks import (
    GROUPINGS,
    Line,
    Observed,
    bits_of,
    canary,
    distinct,
    grouped,
    observe,
    render,
    with_canary,
)
from pratique.exports.trace import Copy, code_of, copy_of_code, needed, score, tail, trace

CHANCE = random.Random(20_260_105)
DAY = date(2026, 1, 5)


def lines(n: int) -> list[Line]:
    return [
        Line(
            "".join(CHANCE.choices(ALPHABET, k=16)),
            "N2",
            "open",
            DAY + timedelta(CHANCE.randrange(300)),
            DAY + timedelta(300 + CHANCE.randrange(60)),
        )
        for _ in range(n)
    ]


ROWS = lines(400)
COPIES = [Copy(f"COPY{n}", CHANCE.randbytes(32)) for n in range(200)]


def leaked(copy: Copy, rows: list[Line]) -> str:
    return "\n".join(" , ".join(render(copy.seed, row)) for row in rows)


def test_it_works() -> None:
    copy = COPIES[17]
    verdict = trace(COPIES, observe(leaked(copy, CHANCE.sample(ROWS, 20))))
    assert (verdict.copy_id, verdict.rows, verdict.bits, verdict.matching) == (copy.id, 20, 80, 80)
    assert verdict.chance < 1e-20


@given(st.text(ALPHABET, min_size=16, max_size=16), st.binary(min_size=32, max_size=32), st.dates())
def test_every_row_reads_back_as_the_bits_it_was_written_with(name: str, seed: bytes, day: date) -> None:
    if day.year < 1000:
        return
    (found,) = observe(" | ".join(render(seed, Line(name, "N1", "open", day, day))))
    assert found == Observed(name, {bit: bits_of(seed, name) >> bit & 1 for bit in range(4)})


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_can_be_read_and_names_nobody(text: str) -> None:
    assert trace(COPIES, observe(text)).copy_id == ""


def test_all_renderings_mean_the_same() -> None:
    assert all(sum(sizes) == 16 for sizes in GROUPINGS)
    name = ROWS[0].pseudonym
    assert len({grouped(name, style) for style in range(4)}) == 4
    assert {grouped(name, style).replace("-", "") for style in range(4)} == {name}


def test_a_leak_survives_sorting_cutting_retyping_and_a_photo() -> None:
    copy = COPIES[3]
    rows = sorted(render(copy.seed, row) for row in CHANCE.sample(ROWS, 20))
    retyped = "\n".join(
        f"{n}. {row[0].lower().replace('0', 'o')}  {row[4]}  until".replace("-", "–")
        for n, row in enumerate(rows)
    )
    for text in (
        "\r\n".join("\t".join(row) for row in rows),
        "\n".join(f"<td>{'</td><td>'.join(r)}</td>" for r in rows),
    ):
        assert trace(COPIES, observe(text)).copy_id == copy.id
    # Retyped, only the grouping and one day are left: 60 bits, and that is still enough here.
    assert trace(COPIES, observe(retyped)).rows == 20


def misread(found: list[Observed], share: float) -> list[Observed]:
    return [
        Observed(one.pseudonym, {bit: value ^ (CHANCE.random() < share) for bit, value in one.bits.items()})
        for one in found
    ]


def test_twenty_rows_with_one_bit_in_twenty_misread_are_traced() -> None:
    named = 0
    for _ in range(300):
        copy = CHANCE.choice(COPIES)
        found = observe(leaked(copy, CHANCE.sample(ROWS, 20)))
        verdict = trace(COPIES, misread(found, 0.05))
        assert verdict.copy_id in ("", copy.id)
        named += verdict.copy_id == copy.id
    assert named >= 298


def test_who_leaked_nothing_is_never_named() -> None:
    for _ in range(300):
        stranger = Copy("OUTSIDE", CHANCE.randbytes(32))
        found = observe(leaked(stranger, CHANCE.sample(ROWS, 20)))
        assert trace(COPIES, found).copy_id == ""


def test_rows_of_two_receivers_mixed_name_nobody() -> None:
    one, two = COPIES[1], COPIES[2]
    picked = CHANCE.sample(ROWS, 20)
    text = leaked(one, picked[:10]) + "\n" + leaked(two, picked[10:])
    verdict = trace(COPIES, observe(text))
    assert verdict.copy_id == ""
    assert "several copies" in verdict.why


def test_the_bar_is_the_one_that_was_computed_beforehand() -> None:
    assert needed(80, 10_000) == 68
    assert tail(80, 68) * 10_000 < 1e-6
    assert needed(12, 10_000) == 13  # three rows name nobody


def test_one_row_ten_times_is_one_witness() -> None:
    found = observe(leaked(COPIES[0], [ROWS[0]] * 20))
    assert len(distinct(found)) == 1
    assert trace(COPIES, found).copy_id == ""


def test_the_canary_looks_like_any_row_and_names_its_copy() -> None:
    copy = COPIES[9]
    rows = with_canary(copy.seed, ROWS[:30])
    assert len(rows) == 31
    assert [row.pseudonym for row in rows] == sorted(row.pseudonym for row in rows)
    (planted,) = set(rows) - set(ROWS)
    assert planted.pseudonym == canary(copy.seed)
    assert trace(COPIES, observe(leaked(copy, [planted]))).copy_id == copy.id
    assert with_canary(copy.seed, []) == []


def test_a_code_on_a_picture_names_its_copy_and_cannot_be_made_up() -> None:
    secret = bytes(32)
    assert copy_of_code(code_of("C1", secret), secret) == "C1"
    for text in (code_of("C1", bytes(31) + b"1"), code_of("C1", secret)[:-1], "PQX1:C1:", "", "HC1:x"):
        assert copy_of_code(text, secret) == ""


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_few_rows_name_nobody(rows: int) -> None:
    copy = COPIES[5]
    found = observe(leaked(copy, ROWS[:rows]))
    assert score(copy.seed, found) == 4 * rows
    assert trace(COPIES, found).copy_id == ""
