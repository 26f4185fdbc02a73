"""A bundle counts only under a quorum of root keys, only forwards, only until it ends."""

from datetime import timedelta

import pytest

from pratique.core.text import Text
from pratique.credentials.keys import new_signer
from pratique.credentials.reasons import BadTrust
from pratique.credentials.trust import make_bundle, read_bundle
from pratique.credentials.verify import verify
from tests.credentials.making import DAY, NOW, bundle, pass_bytes, show

ROOTS = [new_signer("Ed25519") for _ in range(3)]
PUBLIC = [root.public_key for root in ROOTS]


def test_it_works() -> None:
    made = bundle(
        texts={"welcome": Text("Welcome", "欢迎")},
        fail={"lists_stale": "see_staff"},
        mandates=(b"{}",),
        policy=b"rules",
    )
    raw = make_bundle(made, ROOTS[:2])

    read = read_bundle(raw, PUBLIC, 2, 7, NOW)
    assert read.bundle == made
    assert verify(show(pass_bytes()), NOW, read).ok


def test_it_is_the_same_bytes_every_time() -> None:
    assert make_bundle(bundle(), ROOTS[:2]) == make_bundle(bundle(), ROOTS[:2])


@pytest.mark.parametrize(
    ("quorum", "at_least", "now", "code"),
    [
        (3, 0, NOW, "BAD_TRUST"),
        (0, 0, NOW, "BAD_TRUST"),
        (2, 8, NOW, "ROLLBACK"),
        (2, 0, NOW + 3 * DAY, "LIST_EXPIRED"),
    ],
)
def test_what_is_refused(quorum: int, at_least: int, now: object, code: str) -> None:
    raw = make_bundle(bundle(), ROOTS[:2])

    with pytest.raises(BadTrust) as refused:
        read_bundle(raw, PUBLIC, quorum, at_least, now)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_one_root_signing_twice_is_one_root() -> None:
    raw = make_bundle(bundle(), [ROOTS[0], ROOTS[0]])

    with pytest.raises(BadTrust):
        read_bundle(raw, [PUBLIC[0], PUBLIC[0]], 2, 0, NOW)


def test_a_flipped_bit_in_body_or_signatures_is_refused() -> None:
    raw = make_bundle(bundle(), ROOTS[:2])
    key_ids = {place for root in ROOTS for place in range(raw.find(root.kid), raw.find(root.kid) + 8)}

    for place in sorted(set(range(len(raw))) - key_ids):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(BadTrust):
            read_bundle(changed, PUBLIC, 2, 0, NOW)


def test_a_bundle_that_ends_before_it_begins_is_not_made() -> None:
    with pytest.raises(ValueError, match="ends after"):
        make_bundle(bundle(expires=int((NOW - timedelta(days=1)).timestamp())), ROOTS)


def test_an_expired_bundle_is_read_within_its_grace_and_says_that_it_is_stale() -> None:
    raw, late = make_bundle(bundle(), ROOTS[:2]), NOW + 3 * DAY
    read = read_bundle(raw, PUBLIC, 2, 0, late, grace_s=3600)

    text = show(pass_bytes(expires=late + DAY), late)
    assert verify(text, late, read).findings == ("LISTS_STALE",)
    with pytest.raises(BadTrust):
        read_bundle(raw, PUBLIC, 2, 0, late + timedelta(hours=1), grace_s=3600)


def test_an_unknown_key_names_the_list_it_is_not_on() -> None:
    read = read_bundle(make_bundle(bundle(keys=()), ROOTS), PUBLIC, 3, 0, NOW)

    assert verify(show(pass_bytes()), NOW, read).detail.endswith(" is not on list 7 of 2026-01-05")
