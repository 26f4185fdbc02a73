"""The log as static files (C2SP tlog-tiles v0.1.0): names, bytes, and what hashes can be read from them (pure).

A tile holds up to 256 hashes of one level; level l+1 holds the roots of the full tiles of level l. A partial tile
is never hashed upwards. Whoever can read tiles can compute every root and every proof.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

from pratique.mandates.tree import EMPTY_ROOT, node_hash, prove_consistency, prove_inclusion, root_hash

WIDTH, HASH = 256, 32
MAX_BUNDLE = WIDTH * 65_537

# The bytes of the tile at (level, index) with this width; a wider one may be given and is cut.
ReadTile = Callable[[int, int, int], bytes]


class BadTile(ValueError):  # noqa: N818 - names what it is
    """A tile or bundle is not what its name says."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`."""
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def bundle_path(index: int, width: int = WIDTH) -> str:
    """`tile/entries/<N>[.p/<W>]`."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def _number(index: int) -> str:
    digits = str(index).zfill((len(str(index)) + 2) // 3 * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def tiles_of(size: int, old: int = 0) -> Iterator[tuple[int, int, int]]:
    """(level, index, width) of every tile a log of `size` has and one of `old` has not, lower levels first."""
    level = 0
    while size:
        for index in range(old // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - index * WIDTH)
            if index * WIDTH + width > old:
                yield level, index, width
        level, size, old = level + 1, size // WIDTH, old // WIDTH


def bundles_of(size: int, old: int = 0) -> Iterator[tuple[int, int]]:
    """(index, width) of every bundle a log of `size` has and one of `old` has not."""
    return ((index, width) for level, index, width in tiles_of(size, old) if level == 0)


def pack_bundle(entries: list[bytes]) -> bytes:
    """Big-endian uint16 length and entry, up to 256 of them."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_bundle(raw: bytes, width: int) -> list[bytes]:
    """The first `width` entries, which must be all there is. Raises BadTile."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw) and len(entries) < width:
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if at + 2 > len(raw) or end > len(raw):
            raise BadTile("an entry is longer than its bundle")
        entries.append(raw[at + 2 : end])
        at = end
    if len(entries) != width or at != len(raw):
        raise BadTile("the bundle does not hold as many entries as it should")
    return entries


def split_tile(raw: bytes, width: int) -> list[bytes]:
    """The first `width` hashes. Raises BadTile where there are fewer, or the length is not of whole hashes."""
    if len(raw) % HASH or not width * HASH <= len(raw) <= WIDTH * HASH:
        raise BadTile("the tile does not hold as many hashes as it should")
    return [raw[i : i + HASH] for i in range(0, width * HASH, HASH)]


class TreeOfTiles:
    """A tree of `size` leaves read from tiles. Keeps the last tiles it read."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size

        @lru_cache(maxsize=1024)
        def hashes(level: int, index: int) -> list[bytes]:
            width = min(WIDTH, (size >> 8 * level) - index * WIDTH)
            return split_tile(read(level, index, width), width)

        self._hashes = hashes

    def range_hash(self, start: int, end: int) -> bytes:
        """The root over leaves [start, end), where start is aligned to the sub-tree it begins."""
        n = end - start
        if n & (n - 1) == 0:
            level, rest = divmod(n.bit_length() - 1, 8)
            first = start >> 8 * level
            hashes = self._hashes(level, first // WIDTH)
            return root_hash(hashes[first % WIDTH : first % WIDTH + (1 << rest)])
        middle = start + (1 << (n - 1).bit_length() - 1)
        return node_hash(self.range_hash(start, middle), self.range_hash(middle, end))

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves (all by default)."""
        n = self.size if size is None else size
        return self.range_hash(0, n) if n else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """One leaf hash."""
        return self.range_hash(index, index + 1)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that the leaf is in the tree of `size` leaves."""
        return prove_inclusion(index, self.size if size is None else size, self.range_hash)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of `old` leaves is the beginning of that of `new`."""
        return prove_consistency(old, self.size if new is None else new, self.range_hash)
