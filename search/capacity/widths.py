"""From a parameter budget to the sizes of so many layers, or the reason why there are none. Pure arithmetic.

All layers that grow have one size, or some have one unit more: with layers of one width alone, a step from 15 to 16
units moves eight layers by 10 % of a small budget. Every parameter is counted, as Keras counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import Final

from ffsearch.search.network.topology import MIN_WIDTH, Convolutions, Point
from ffsearch.spaces.schema import MAX_WIDTH

__all__ = ["TOLERANCE", "Build", "Fit", "Misfit", "Why", "fit", "with_channels", "with_units", "with_widths"]

TOLERANCE: Final = 0.02
"""Largest distance of a cell from its budget, as a share. choice: a tenth of a half-decade step between budgets."""


class Why(StrEnum):
    """Why a cell cannot exist."""

    TOO_SMALL = "too_small"  # layers of the fewest units have more parameters than the budget
    TOO_LARGE = "too_large"  # layers of the most units have fewer
    TOO_COARSE = "too_coarse"  # one unit more or less is a step over the budget and its tolerance


_MAX_CHANNELS: Final = 4_096
"""Most channels that are tried. choice: twice those of the largest published image networks."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a network follows from the sizes of the layers that grow.

    Args:
        point: The network of some sizes, `n_sizes` of them.
        n_sizes: Layers that grow.
        least: Smallest size of a layer.
        most: Largest.
        ascending: Whether no layer may be smaller than the one before it.
        anywhere: Whether the layers of a unit more may be any that follow each other: a channel of the last
            convolutional layer costs ten of one before it, so there are budgets that no others meet.
    """

    point: Callable[[tuple[int, ...]], Point]
    n_sizes: int
    least: int
    most: int
    ascending: bool = False
    anywhere: bool = False


def with_widths(like: Point, depth: int) -> Build:
    """All hidden layers of a dense network grow.

    Residual layers add to the one below where that is as wide. A first layer of a unit more would end one of these
    connections for nothing, so then only the last layers have it.
    """

    def point(widths: tuple[int, ...]) -> Point:
        return replace(like, depth=depth, width=widths[0], widths=widths)

    return Build(point=point, n_sizes=depth, least=MIN_WIDTH, most=MAX_WIDTH, ascending=like.residual)


def with_channels(like: Point, *, image: tuple[int, int, int], n_layers: int) -> Build:
    """All convolutional layers grow; the dense layer is that of `like`."""

    def point(channels: tuple[int, ...]) -> Point:
        return replace(like, convolutions=Convolutions(image=image, channels=channels))

    return Build(point=point, n_sizes=n_layers, least=1, most=_MAX_CHANNELS, anywhere=True)


def with_units(like: Point) -> Build:
    """The one dense layer grows; the convolutional ones are those of `like`."""
    return Build(point=lambda units: replace(like, width=units[0]), n_sizes=1, least=MIN_WIDTH, most=MAX_WIDTH)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A network that meets a budget."""

    point: Point
    n_params: int


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """No network does.

    Args:
        why: The reason.
        below: Most parameters that can be had below the budget; None where there are none.
        above: Fewest that can be had above it; None where there are none.
    """

    why: Why
    below: int | None
    above: int | None


def fit(budget: int, build: Build, count: Callable[[Point], int]) -> Fit | Misfit:
    """The network whose parameters come closest to a budget.

    Args:
        budget: Parameters to have.
        build: How networks follow from sizes.
        count: Parameters of a network.
    """

    def counted(sizes: tuple[int, ...]) -> int:
        return count(build.point(sizes))

    least, most = (counted((size,) * build.n_sizes) for size in (build.least, build.most))
    size = _largest_within(budget, build, counted) if least <= budget else build.least
    candidates = {sizes: counted(sizes) for sizes in _candidates(size, build)}
    best = min(candidates, key=lambda sizes: (abs(candidates[sizes] - budget), len(set(sizes)), sizes))
    if abs(candidates[best] - budget) <= TOLERANCE * budget:
        return Fit(point=build.point(best), n_params=candidates[best])
    if least > budget:
        return Misfit(why=Why.TOO_SMALL, below=None, above=least)
    if most < budget:
        return Misfit(why=Why.TOO_LARGE, below=most, above=None)
    return Misfit(
        why=Why.TOO_COARSE,
        below=max(n for n in candidates.values() if n <= budget),
        above=min(n for n in candidates.values() if n > budget),
    )


def _largest_within(budget: int, build: Build, counted: Callable[[tuple[int, ...]], int]) -> int:
    """The largest size of equal layers within a budget; their parameters grow with it, so halving finds it."""
    low, high = build.least, build.most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if counted((middle,) * build.n_sizes) <= budget else (low, middle - 1)
    return low


def _candidates(size: int, build: Build) -> Iterator[tuple[int, ...]]:
    """Equal layers, and all in which the first and any number of the last ones have a unit more."""
    n_sizes = build.n_sizes
    yield (size,) * n_sizes
    yield (size + 1,) * n_sizes
    if build.anywhere:
        for start, end in combinations(range(n_sizes + 1), 2):
            yield (*(size,) * start, *(size + 1,) * (end - start), *(size,) * (n_sizes - end))
    for first in (0,) if build.ascending else (0, 1):
        for n_wider in range(n_sizes):
            yield (size + first, *(size,) * (n_sizes - 1 - n_wider), *(size + 1,) * n_wider)
