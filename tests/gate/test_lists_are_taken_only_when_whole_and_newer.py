"""Snapshots: quorum, no rollback, no freeze by a new expired one, no half file; what is refused changes nothing."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.gate.making import NOW, ROOT_KEYS, ROOTS, bundle, mandate_note, policy_bytes, signed

from pratique.core.canonical import canonical_cbor
from pratique.credentials.keys import new_signer
from pratique.credentials.trust import make_bundle
from pratique.gate.enrol import write_whole
from pratique.gate.lists import Lists
from pratique.gate.order import read_order
from pratique.policy.service import town_rules

LATER = NOW + timedelta(days=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "snapshot.cbor"


def lists(path: Path, at_least: int = 0) -> Lists:
    return Lists(path, ROOT_KEYS, 2, at_least)


def test_it_works(path: Path) -> None:
    held = lists(path)
    assert held.refresh(NOW) is None
    assert held.order(NOW) is None

    write_whole(path, signed())

    assert held.refresh(NOW) == ""
    assert held.refresh(NOW) is None
    assert held.number == 7
    order = held.order(NOW)
    assert order is not None
    assert order.purpose.zh_hans


def test_a_newer_one_is_taken_and_an_older_one_is_not(path: Path) -> None:
    held = lists(path)
    for number, said, in_use in ((7, "", 7), (9, "", 9), (8, "ROLLBACK", 9), (9, "", 9)):
        write_whole(path, signed(number=number))
        assert held.refresh(NOW) == said
        assert held.number == in_use
        assert held.refused == said


def forged() -> dict[str, bytes]:
    good = signed(number=8)
    strangers = [new_signer("Ed25519"), new_signer("Ed25519")]
    altered = bytearray(good)
    altered[len(altered) // 2] ^= 1
    return {
        "strangers": make_bundle(bundle(number=8), strangers),
        "one root": make_bundle(bundle(number=8), ROOTS[:1]),
        "one root twice": make_bundle(bundle(number=8), [ROOTS[0], ROOTS[0]]),
        "altered": bytes(altered),
        "cut short": good[:-20],
        "empty": b"",
        "noise": os.urandom(5000),
        "a mandate that is none": make_bundle(bundle(number=8, mandates=(b"{}\n\n",)), ROOTS[:2]),
        "a policy that is none": make_bundle(bundle(number=8, policy=b"x"), ROOTS[:2]),
        "a policy without number": make_bundle(
            bundle(number=8, policy=canonical_cbor({"body": b"{}"})), ROOTS[:2]
        ),
        "a new one that has expired": signed(number=8, expires=int(NOW.timestamp()) - 1),
    }


@pytest.mark.parametrize("name", forged())
def test_what_is_forged_or_broken_leaves_the_lists_in_use(path: Path, name: str) -> None:
    held = lists(path)
    write_whole(path, signed())
    held.refresh(NOW)

    write_whole(path, forged()[name])

    assert held.refresh(NOW)
    assert held.number == 7
    assert held.order(NOW) is not None


@pytest.mark.parametrize("name", forged())
def test_without_lists_in_use_nothing_forged_becomes_the_first(path: Path, name: str) -> None:
    held = lists(path)
    write_whole(path, forged()[name])

    assert held.refresh(NOW)
    assert held.current is None


def test_after_a_restart_the_very_lists_used_before_go_on_as_stale_ones(path: Path) -> None:
    write_whole(path, signed())
    before, fresh, ahead = lists(path, 7), lists(path), lists(path, 8)

    assert before.refresh(LATER) == ""
    assert before.current is not None
    assert before.current.stale(LATER)
    assert fresh.refresh(LATER) == "LIST_EXPIRED"
    assert ahead.refresh(LATER) == "ROLLBACK"


def test_lists_turn_amber_after_a_day_and_stale_after_three(path: Path) -> None:
    write_whole(path, signed(issued=int(NOW.timestamp()), expires=int(NOW.timestamp()) + 10 * 86_400))
    held = lists(path)
    held.refresh(NOW)
    current = held.current
    assert current is not None

    ages = [timedelta(hours=hours) for hours in (23, 25, 71, 73)]
    assert [current.amber(NOW + age) for age in ages] == [False, True, True, True]
    assert [current.stale(NOW + age) for age in ages] == [False, False, False, True]


def test_the_policy_comes_with_its_number(path: Path) -> None:
    write_whole(path, signed(policy=policy_bytes(town_rules(), 12)))
    held = lists(path)
    held.refresh(NOW)

    assert held.current is not None
    assert held.current.policy_number == 12
    assert held.current.rules is not None


def test_a_mandate_lets_a_gate_check_only_in_its_time_and_only_if_it_says_so(path: Path) -> None:
    write_whole(path, signed(mandates=(mandate_note(days=2), mandate_note(unlocks=("campaign",)))))
    held = lists(path)
    held.refresh(NOW)
    order = held.order(NOW)
    assert order is not None

    assert held.current is not None
    assert len(held.current.orders) == 1
    assert held.order(order.end - timedelta(microseconds=1)) == order
    assert held.order(order.end) is None
    assert held.order(order.start - timedelta(seconds=1)) is None


def test_the_fail_table_of_the_mandate_is_read_and_the_unknown_is_strict() -> None:
    read = [
        read_order(mandate_note(lists_stale=stale, clock_bad=clock))
        for stale, clock in (("admit", "admit"), ("stop", "see-staff"), ("whatever", "whatever"))
    ]

    assert [(order.fail.stale, order.fail.clock) for order in read if order] == [
        ("admit", "admit"),
        ("stop", "see-staff"),
        ("see-staff", "see-staff"),
    ]
