"""Which of the eight masks a QR code gets: the one with the fewest faults (ISO/IEC 18004:2015, section 7.8.3).

The library's own choice costs seven times the rest of a code. Here a symbol is one long integer, a bit a module, so
that a step looks at all modules at once. Two masks of one text differ in the same modules for every text of that
version and level: that difference is found once, and turns a symbol in the first mask into the other seven.
"""

from functools import cache
from typing import NamedTuple

_RUN, _BLOCK, _FINDER, _BALANCE = 3, 3, 40, 10  # the weights N1 to N4
_WINDOW = 11  # a finder's 1:1:3:1:1 and four light modules beside it


class Frame(NamedTuple):
    """What a symbol of `side` modules needs for counting: all its bits; for steps along a row and down a column where
    two neighbours, and where a window of eleven, begin inside."""

    side: int
    whole: int
    pairs: tuple[int, int]
    windows: tuple[int, int]


@cache
def frame(side: int) -> Frame:
    """The frame of a symbol of `side` modules; there are forty."""
    row = sum(1 << side * n for n in range(side))

    def across(length: int) -> int:
        return row * ((1 << side - length + 1) - 1)

    def down(length: int) -> int:
        return (1 << side * (side - length + 1)) - 1

    return Frame(side, (1 << side * side) - 1, (across(2), down(2)), (across(_WINDOW), down(_WINDOW)))


def faults(symbol: int, side: int) -> int:
    """The penalty of a symbol: runs of one colour, blocks of two by two, look-alikes of a finder, imbalance."""
    _, whole, pairs, windows = frame(side)
    light = symbol ^ whole
    points = 0
    same = []
    for step, inside, window in zip((1, side), pairs, windows, strict=True):
        alike = (light ^ symbol >> step) & inside
        same.append(alike)
        fives = alike & alike >> step
        fives &= fives >> 2 * step
        # A run of n ≥ 5 counts 3 + (n − 5) and holds n − 4 windows of five.
        points += fives.bit_count() + (_RUN - 1) * (fives & ~(fives << step)).bit_count()
        gap = light & light >> step
        gap &= gap >> 2 * step
        finder = symbol & light >> step & light >> 5 * step & symbol >> 6 * step
        finder &= symbol >> 2 * step & symbol >> 3 * step & symbol >> 4 * step
        points += _FINDER * (finder & gap >> 7 * step & window).bit_count()
        points += _FINDER * (gap & finder >> 4 * step & window).bit_count()
    across, down = same
    points += _BLOCK * (across & across >> side & down).bit_count()
    modules = side * side
    return points + _BALANCE * (abs(20 * symbol.bit_count() - 10 * modules) // modules)


def best(symbol: int, differences: tuple[int, ...], side: int) -> int:
    """The symbol in the best of its masks; of equals the first. `differences` begin with 0, the mask it came in."""
    return min((symbol ^ difference for difference in differences), key=lambda masked: faults(masked, side))
