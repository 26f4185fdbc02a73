"""RFC 6962 trees and C2SP tiles: by hand for small ones, by property for any, one flipped bit is refused."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.mandates.tiles import (
    BadTile,
    TreeOfTiles,
    bundle_path,
    pack_bundle,
    split_tile,
    tile_path,
    tiles_of,
    unpack_bundle,
)
from pratique.mandates.tree import (
    EMPTY_ROOT,
    BadProof,
    check_consistency,
    check_inclusion,
    check_subtree_consistency,
    check_subtree_inclusion,
    is_subtree,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    prove_subtree_consistency,
    prove_subtree_inclusion,
    root_hash,
)

LEAVES = [leaf_hash(bytes([i % 256, i // 256])) for i in range(700)]


def _ranges(start: int, end: int) -> bytes:
    return root_hash(LEAVES[start:end])


def _h(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def test_it_works() -> None:
    a, b, c = (_h(b"\x00", x) for x in (b"a", b"b", b"c"))
    ab = _h(b"\x01", a, b)

    assert root_hash([]) == EMPTY_ROOT == sha256().digest()
    assert root_hash([a]) == leaf_hash(b"a") == a
    assert root_hash([a, b]) == ab
    assert root_hash([a, b, c]) == _h(b"\x01", ab, c)
    check_inclusion(2, 3, c, [ab], root_hash([a, b, c]))
    check_consistency(2, 3, [c], ab, root_hash([a, b, c]))


sizes = st.integers(1, len(LEAVES))


@given(sizes, st.data())
def test_every_leaf_is_proved_and_every_flipped_bit_refused(size: int, draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, size - 1))
    proof = prove_inclusion(index, size, _ranges)
    root = root_hash(LEAVES[:size])

    check_inclusion(index, size, LEAVES[index], proof, root)
    values = [LEAVES[index], root, *proof]
    spoiled = draw.draw(st.integers(0, len(values) * 256 - 1))
    changed = [bytearray(value) for value in values]
    changed[spoiled // 256][spoiled % 256 // 8] ^= 1 << spoiled % 8
    with pytest.raises(BadProof):
        check_inclusion(index, size, bytes(changed[0]), [bytes(p) for p in changed[2:]], bytes(changed[1]))
    for wrong in (proof[:-1] if proof else [root], [*proof, root]):
        with pytest.raises(BadProof):
            check_inclusion(index, size, LEAVES[index], wrong, root)


@given(sizes, st.data())
def test_every_growth_is_proved(new: int, draw: st.DataObject) -> None:
    old = draw.draw(st.integers(1, new))
    proof = prove_consistency(old, new, _ranges)

    check_consistency(old, new, proof, _ranges(0, old), _ranges(0, new))
    other = leaf_hash(b"other")
    with pytest.raises(BadProof):
        check_consistency(old, new, proof, other, _ranges(0, new))
    with pytest.raises(BadProof):
        check_consistency(old, new, proof, _ranges(0, old), other)


@given(sizes, st.data())
def test_every_subtree_is_proved(size: int, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, size - 1))
    longest = (start & -start) or size
    end = min(size, start + draw.draw(st.integers(1, longest)))
    index = draw.draw(st.integers(start, end - 1))

    assert is_subtree(start, end)
    part, whole = _ranges(start, end), _ranges(0, size)
    check_subtree_inclusion(
        index, start, end, LEAVES[index], prove_subtree_inclusion(index, start, end, _ranges), part
    )
    check_subtree_consistency(
        start, end, size, prove_subtree_consistency(start, end, size, _ranges), part, whole
    )


def test_size_zero_proves_nothing_in_the_library() -> None:
    with pytest.raises(BadProof):
        check_consistency(0, 1, [], EMPTY_ROOT, LEAVES[0])
    with pytest.raises(BadProof):
        check_inclusion(0, 0, LEAVES[0], [], EMPTY_ROOT)


def test_short_hashes_and_long_proofs_are_refused() -> None:
    with pytest.raises(BadProof):
        check_inclusion(0, 2, LEAVES[0], [b"short"], _ranges(0, 2))
    with pytest.raises(BadProof):
        check_inclusion(0, 2, LEAVES[0], [LEAVES[1]] * 65, _ranges(0, 2))


def test_seventy_thousand_entries_have_these_tiles() -> None:
    tiles = list(tiles_of(70_000))
    by_level = {level: [width for le, _, width in tiles if le == level] for level in (0, 1, 2, 3)}

    assert by_level[0] == [256] * 273 + [112]
    assert by_level[1] == [256, 17]
    assert by_level[2] == [1]
    assert by_level[3] == []


def test_tiles_are_named_by_threes() -> None:
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(1, 1234067) == "tile/1/x001/x234/067"
    assert tile_path(63, 999, 17) == "tile/63/999.p/17"
    assert bundle_path(1000, 1) == "tile/entries/x001/000.p/1"


def test_a_full_tile_is_one_hash_above() -> None:
    assert list(tiles_of(0)) == []
    assert list(tiles_of(255)) == [(0, 0, 255)]
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(257, 256)) == [(0, 1, 1)]
    assert list(tiles_of(300, 300)) == []


@given(st.integers(0, 200_000), st.integers(0, 3_000))
def test_growing_step_by_step_writes_what_a_whole_log_has(old: int, more: int) -> None:
    whole = set(tiles_of(old + more))

    assert set(tiles_of(old + more, old)) == whole - set(tiles_of(old))


@settings(max_examples=30)
@given(st.integers(1, 70_000), st.data())
def test_tiles_give_every_root_and_proof(size: int, draw: st.DataObject) -> None:
    files = _files_of(size)
    tree = TreeOfTiles(size, lambda level, index, width: files[level, index][: width * 32])
    old, index = draw.draw(st.integers(1, size)), draw.draw(st.integers(0, size - 1))

    assert tree.root(old) == root_hash(MANY[:old])
    check_inclusion(index, size, MANY[index], tree.inclusion(index), tree.root())
    check_consistency(old, size, tree.consistency(old), tree.root(old), tree.root())


MANY = [leaf_hash(i.to_bytes(4, "big")) for i in range(70_000)]


def _files_of(size: int) -> dict[tuple[int, int], bytes]:
    files, hashes = {}, MANY[:size]
    level = 0
    while hashes:
        for i in range(0, len(hashes), 256):
            files[level, i // 256] = b"".join(hashes[i : i + 256])
        hashes = [root_hash(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
    return files


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_come_back(entries: list[bytes]) -> None:
    raw = pack_bundle(entries)

    assert unpack_bundle(raw, len(entries)) == entries
    for spoiled in (raw + b"\x00", raw[:-1] if raw else b"\x01"):
        with pytest.raises(BadTile):
            unpack_bundle(spoiled, len(entries))


def test_tiles_of_wrong_length_are_refused() -> None:
    for raw, width in ((bytes(33), 1), (bytes(32), 2), (bytes(257 * 32), 256)):
        with pytest.raises(BadTile):
            split_tile(raw, width)
