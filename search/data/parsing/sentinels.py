"""Numbers that stand for a missing cell: -999, 9999, -200 of a sensor that is off, a day in 1900, 0 far from all else.

Such a number comes again and again at one end of a column, and nothing is near it. It is told and not taken away: a
capped value looks alike, and only who made the table knows. `data.missing` says that it is one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_sentinels"]

MIN_OTHERS: Final = 20
"""Fewest different other numbers. Choice: a scale of a few steps has ends of its own."""

MIN_CELLS: Final = 3
"""Fewest cells of a number that is written as such numbers are, and of any other five. Choice: twice is chance."""

MIN_CELLS_ELSE: Final = 5

MAX_SHARE: Final = 0.6
"""Most of the cells. Choice: what most cells hold is no exception, as 0 in a column of amounts."""

MIN_GAP: Final = 2.0
"""How many times the widest gap between other numbers lies beside it: of 0 and of numbers that are written so."""

MIN_GAP_ELSE: Final = 3.0
"""The same of any other number."""

MIN_SPREAD: Final = 0.15
"""The gap's least share of what the other numbers span. Choice: nearer, it is the end of a scale."""

MUCH_SPREAD: Final = 0.5
"""From this share on a number needs not be one that is written so, nor come very often."""

MIN_MASS: Final = 3.0
"""How many times as often it comes else as another number does in the mean."""

MAX_FOUND: Final = 4
"""Numbers told of one column."""

_KNOWN: Final = frozenset({-1.0, -9.0, -200.0, -88.0, -77.0, -32768.0, 32767.0, 65535.0, 2147483647.0, -2147483648.0})


def find_sentinels(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> list[tuple[float, int]]:
    """Numbers at an end of a column that look like missing cells, each with its cells.

    Args:
        distinct: The different numbers of the column, ascending, missing and infinite ones left out.
        counts: How many cells hold each.
    """
    found: list[tuple[float, int]] = []
    total = counts.sum()
    low, high = 0, len(distinct)
    while high - low > MIN_OTHERS and len(found) < MAX_FOUND:
        ends = [(low, low + 1, high), (high - 1, low, high - 1)]
        place = next(
            (end for end, first, last in ends if _stands_out(distinct, counts, end, first, last, total=int(total))),
            None,
        )
        if place is None:
            break
        found.append((float(distinct[place]), int(counts[place])))
        low, high = (low + 1, high) if place == low else (low, high - 1)
    return found


def is_written_so(number: float) -> bool:
    """Whether a number is one that people put where there is none: nines alone, -1, the ends of whole numbers."""
    digits = f"{abs(number):g}".replace(".", "")
    return number in _KNOWN or (len(digits) > 1 and set(digits) == {"9"}) or abs(number) >= 1e20


def _stands_out(
    distinct: NDArray[np.float64], counts: NDArray[np.int64], place: int, first: int, last: int, *, total: int
) -> bool:
    """Whether one number lies far from those at places `first` to `last`, and comes often."""
    others = distinct[first:last]
    gap = others[0] - distinct[place] if place < first else distinct[place] - others[-1]
    number, spread = float(distinct[place]), float(others[-1] - others[0])
    known = is_written_so(number)
    least = (MIN_GAP if known or number == 0 else MIN_GAP_ELSE) * float(np.diff(others).max())
    is_end_of_a_scale = number in (-1, 0) and others[-1] <= 1
    if is_end_of_a_scale or counts[place] > MAX_SHARE * total or gap < max(least, MIN_SPREAD * spread):
        return False
    if known or gap >= MUCH_SPREAD * spread:
        return bool(counts[place] >= (MIN_CELLS if known else MIN_CELLS_ELSE))
    return bool(counts[place] >= max(MIN_CELLS_ELSE, MIN_MASS * counts[first:last].mean()))
