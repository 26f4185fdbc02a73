"""The hash tree of the log (RFC 6962 section 2.1) and its proofs: four checks, four provers (pure).

A leaf is SHA-256(0x00 ‖ entry), a node SHA-256(0x01 ‖ left ‖ right), the empty tree SHA-256 of nothing.
The checks raise `BadProof`; what does not raise is proved.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
MAX_PROOF = 64

# The root of the aligned sub-tree [start, end) of a tree, from hashes that already exist.
RangeHash = Callable[[int, int], bytes]


class BadProof(ValueError):  # noqa: N818 - names what it is
    """The proof does not show what it claims to."""


def leaf_hash(entry: bytes) -> bytes:
    """32 bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes."""
    return sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, without recursion: a stack of finished sub-trees."""
    stack: list[bytes] = []
    for i, leaf in enumerate(leaves):
        stack.append(leaf)
        n = i + 1
        while n % 2 == 0:
            right = stack.pop()
            stack.append(node_hash(stack.pop(), right))
            n //= 2
    if not stack:
        return EMPTY_ROOT
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return root


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Leaf hash `leaf` stands at `index` of the tree of `size` leaves with this root. Raises BadProof."""
    _lengths(leaf, root, *proof)
    _need(0 <= index < size, "the index lies outside the tree")
    fn, sn, found = index, size - 1, leaf
    for p in proof:
        _need(sn != 0, "the proof is too long")
        if fn & 1 or fn == sn:
            found = node_hash(p, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, p)
        fn, sn = fn >> 1, sn >> 1
    _need(sn == 0, "the proof is too short")
    _need(found == root, "the proof leads to another root")


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """The tree of `old` leaves is the beginning of the tree of `new`. Size 0 proves nothing and is refused."""
    _lengths(old_root, new_root, *proof)
    _need(0 < old <= new, "the old tree is empty or larger than the new one")
    if old == new:
        _need(not proof and old_root == new_root, "one size with two roots, or a proof that should be empty")
        return
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    rest = list(proof)
    if fn == 0:
        first = old_root
    else:
        _need(bool(rest), "the proof is empty")
        first = rest.pop(0)
    before = after = first
    for p in rest:
        _need(sn != 0, "the proof is too long")
        if fn & 1 or fn == sn:
            before, after = node_hash(p, before), node_hash(p, after)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            after = node_hash(after, p)
        fn, sn = fn >> 1, sn >> 1
    _need(sn == 0, "the proof is too short")
    _need(before == old_root, "the proof leads to another old root")
    _need(after == new_root, "the proof leads to another new root")


def is_subtree(start: int, end: int) -> bool:
    """True if [start, end) is a sub-tree: not empty, start a multiple of the power of two that covers it."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def check_subtree_inclusion(
    index: int, start: int, end: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """The leaf stands at `index` of the sub-tree [start, end) with this root. Raises BadProof."""
    _need(is_subtree(start, end), "not a sub-tree")
    _need(start <= index < end, "the index lies outside the sub-tree")
    check_inclusion(index - start, end - start, leaf, proof, root)


def check_subtree_consistency(
    start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes, root: bytes
) -> None:
    """The sub-tree [start, end) is part of the tree of `size` leaves. Raises BadProof."""
    _lengths(subtree_root, root, *proof)
    if start == end:
        _need(0 <= end <= size and not proof, "an empty sub-tree lies inside and needs no proof")
        _need(subtree_root == EMPTY_ROOT, "an empty sub-tree has the empty root")
        return
    _need(is_subtree(start, end) and end <= size, "not a sub-tree of this tree")
    fn, sn, tn = start, end - 1, size - 1
    if sn == tn:
        while fn != sn:
            fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    else:
        while fn != sn and sn & 1:
            fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    rest = list(proof)
    if fn == sn:
        first = subtree_root
    else:
        _need(bool(rest), "the proof is empty")
        first = rest.pop(0)
    part = whole = first
    for p in rest:
        _need(tn != 0, "the proof is too long")
        if sn & 1 or sn == tn:
            if fn < sn:
                part = node_hash(p, part)
            whole = node_hash(p, whole)
            while not sn & 1:
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            whole = node_hash(whole, p)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    _need(tn == 0, "the proof is too short")
    _need(part == subtree_root, "the proof leads to another sub-tree")
    _need(whole == root, "the proof leads to another root")


def prove_inclusion(index: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """RFC 6962 2.1.1, the leaf's sibling first."""
    _need(0 <= index < size, "the index lies outside the tree")
    return _path(index, 0, size, range_hash)


def prove_consistency(old: int, new: int, range_hash: RangeHash) -> list[bytes]:
    """RFC 6962 2.1.2; empty where the sizes are equal."""
    _need(0 < old <= new, "the old tree is empty or larger than the new one")
    return prove_subtree_consistency(0, old, new, range_hash)


def prove_subtree_inclusion(index: int, start: int, end: int, range_hash: RangeHash) -> list[bytes]:
    """The path from a leaf to the root of the sub-tree [start, end)."""
    _need(is_subtree(start, end) and start <= index < end, "not a leaf of a sub-tree")
    return _path(index, start, end, range_hash)


def prove_subtree_consistency(start: int, end: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """That [start, end) is part of the tree of `size` leaves."""
    _need(is_subtree(start, end) and end <= size, "not a sub-tree of this tree")
    return _part(start, end, 0, size, range_hash, known=True)


def _split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def _path(index: int, low: int, high: int, range_hash: RangeHash) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if index < middle:
        return [*_path(index, low, middle, range_hash), range_hash(middle, high)]
    return [*_path(index, middle, high, range_hash), range_hash(low, middle)]


def _part(start: int, end: int, low: int, high: int, range_hash: RangeHash, *, known: bool) -> list[bytes]:
    # `known`: the verifier knows the hash of what remains of the sub-tree, because it is the sub-tree itself.
    if (start, end) == (low, high):
        return [] if known else [range_hash(low, high)]
    middle = low + _split(high - low)
    if end <= middle:
        return [*_part(start, end, low, middle, range_hash, known=known), range_hash(middle, high)]
    if start >= middle:
        return [*_part(start, end, middle, high, range_hash, known=known), range_hash(low, middle)]
    return [*_part(middle, end, middle, high, range_hash, known=False), range_hash(low, middle)]


def _lengths(*hashes: bytes) -> None:
    _need(len(hashes) <= MAX_PROOF + 2, "a proof has at most 64 hashes")
    _need(all(len(value) == 32 for value in hashes), "a hash has 32 bytes")


def _need(holds: bool, why: str) -> None:
    if not holds:
        raise BadProof(why)
