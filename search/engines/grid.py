"""All points of a grid, each network once, in an order that makes every beginning a fair sample."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from random import Random
from typing import Any

from ffsearch.search.base.seeds import Purpose, integer
from ffsearch.search.network.points import Parameters, grid_values, point_from_values
from ffsearch.search.network.topology import Point
from ffsearch.spaces.parameters import Value

__all__ = ["Grid"]


class Grid:
    """A walk over a grid that never tries the same network twice.

    The order is a shuffle, because a walk in the order of the axes would spend an unfinished search on one value of the
    first of them. It is drawn as it is walked: a grid of many millions takes no memory.

    Args:
        parameters: The space.
        seed: The run's seed.
    """

    def __init__(self, parameters: Parameters, *, seed: int) -> None:
        self._axes = {name: grid_values(parameter) for name, parameter in parameters.items()}
        self._order = _shuffled(prod(map(len, self._axes.values())), Random(integer(seed, Purpose.SAMPLER)))
        self._known: set[tuple[Any, ...]] = set()

    def take(self, point: Point) -> None:
        """Count a point as tried, whoever proposed it."""
        self._known.add(point.identity)

    def next(self) -> Point | None:
        """The next point that was not tried, or None when none is left."""
        for index in self._order:
            point = self._point(index)
            if point.identity not in self._known:
                self.take(point)
                return point
        return None

    def _point(self, index: int) -> Point:
        """A point by its number below the product of the axes' lengths."""
        values: dict[str, Value] = {}
        for name, axis in self._axes.items():
            index, position = divmod(index, len(axis))
            values[name] = axis[position]
        return point_from_values(values)


def _shuffled(n: int, rng: Random) -> Iterator[int]:
    """The numbers below n in random order: Fisher and Yates' shuffle that keeps only what it has moved."""
    moved: dict[int, int] = {}
    here = 0
    while here < n:  # not range(n): a grid may have more points than a machine word can count
        there = rng.randrange(here, n)
        value = moved.get(there, there)
        moved[there] = moved.pop(here, here)
        here += 1
        yield value
