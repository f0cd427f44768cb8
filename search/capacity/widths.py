"""From a parameter budget to the widths of so many layers, or the reason why there are none. Pure arithmetic.

All layers have one width, or some have one unit more: with layers of one width alone, a step from 15 to 16 units moves
eight layers by 10 % of a small budget. Every parameter is counted, as Keras counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ffsearch.search.topology import MIN_WIDTH, Point, n_params

__all__ = ["TOLERANCE", "Fit", "Misfit", "Why", "fit_widths"]

TOLERANCE: Final = 0.02
"""Largest distance of a cell from its budget, as a share. choice: a tenth of a half-decade step between budgets."""

_MAX_WIDTH: Final = 65_536
"""Widest layer that is tried. choice: `spaces.schema.MAX_WIDTH`, which no space file may exceed either."""


class Why(StrEnum):
    """Why a cell cannot exist."""

    TOO_SMALL = "too_small"  # layers of the fewest units have more parameters than the budget
    TOO_LARGE = "too_large"  # layers of the most units have fewer
    TOO_COARSE = "too_coarse"  # one unit more or less is a step over the budget and its tolerance


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Widths that meet a budget."""

    widths: tuple[int, ...]
    n_params: int


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """No widths do.

    Args:
        why: The reason.
        below: Most parameters that can be had below the budget; None where there are none.
        above: Fewest that can be had above it; None where there are none.
    """

    why: Why
    below: int | None
    above: int | None


def fit_widths(budget: int, *, depth: int, like: Point, n_features: int, n_outputs: int) -> Fit | Misfit:
    """The widths whose parameters come closest to a budget.

    Args:
        budget: Parameters to have.
        depth: Hidden layers.
        like: A point with the activation and batch normalisation that the network has: both bring parameters.
        n_features: Columns of the matrix.
        n_outputs: Units of the output layer.
    """

    def count(widths: tuple[int, ...]) -> int:
        point = replace(like, depth=depth, width=widths[0], widths=widths)
        return n_params(point, n_features=n_features, n_outputs=n_outputs)

    least, most = count((MIN_WIDTH,) * depth), count((_MAX_WIDTH,) * depth)
    width = _widest_within(budget, depth=depth, count=count) if least <= budget else MIN_WIDTH
    counted = {widths: count(widths) for widths in _candidates(width, depth)}
    best = min(counted, key=lambda widths: (abs(counted[widths] - budget), len(set(widths)), widths))
    if abs(counted[best] - budget) <= TOLERANCE * budget:
        return Fit(widths=best, n_params=counted[best])
    if least > budget:
        return Misfit(why=Why.TOO_SMALL, below=None, above=least)
    if most < budget:
        return Misfit(why=Why.TOO_LARGE, below=most, above=None)
    return Misfit(
        why=Why.TOO_COARSE,
        below=max(n for n in counted.values() if n <= budget),
        above=min(n for n in counted.values() if n > budget),
    )


def _widest_within(budget: int, *, depth: int, count: Callable[[tuple[int, ...]], int]) -> int:
    """The largest width of equal layers within a budget; their parameters grow with it, so halving finds it."""
    low, high = MIN_WIDTH, _MAX_WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count((middle,) * depth) <= budget else (low, middle - 1)
    return low


def _candidates(width: int, depth: int) -> Iterator[tuple[int, ...]]:
    """Equal layers, and all in which the first and any number of the last ones have a unit more."""
    for first in (0, 1):
        for n_wider in range(depth):
            yield (width + first, *(width,) * (depth - 1 - n_wider), *(width + 1,) * n_wider)
