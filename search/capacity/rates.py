"""The learning rates of a cell: a grid evenly spaced as factors, which goes on where its end was best.

 0    1    2    3    4           places of the grid, low to high
-1                        5      one more at the end that was best; then -2, or 6; then no more, and the cell says so
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = ["MAX_MORE", "RateGrid"]

MAX_MORE: Final = 2
"""Rates tried beyond either end, at most. choice: with five from 1e-4 to 1e-2 that reaches 1e-5 and 1e-1, beyond which
Adam either stands still or diverges."""


@dataclass(frozen=True, kw_only=True)
class RateGrid:
    """Learning rates by place.

    Args:
        low: The rate at place 0.
        high: The rate at place n - 1.
        n: How many there are, at least 2.
    """

    low: float
    high: float
    n: int

    def rate(self, place: int, *, times: float = 1.0) -> float:
        """The learning rate at a place, beyond the ends too; three digits, so that people can read it.

        Args:
            place: The place.
            times: What the whole grid is multiplied by.
        """
        exact = times * self.low * (self.high / self.low) ** (place / (self.n - 1))
        return float(f"{exact:.3g}")

    @property
    def places(self) -> range:
        """The grid as it was asked for."""
        return range(self.n)

    @property
    def all_places(self) -> tuple[int, ...]:
        """The grid, then every place it may go on to; the order never changes, so a position here is a name."""
        more = [place for step in range(MAX_MORE) for place in (-1 - step, self.n + step)]
        return (*self.places, *more)

    def best(self, scores: Mapping[int, Sequence[float | None]]) -> int:
        """The place of the lowest mean; a place where a seed diverged is worse than any where none did.

        Args:
            scores: Scores of every seed by place, lower is better; None for a network that diverged.
        """

        def cost(place: int) -> tuple[int, float, int]:
            known = [score for score in scores[place] if score is not None]
            return len(scores[place]) - len(known), float(np.mean(known)) if known else np.inf, place

        return min(scores, key=cost)

    def more(self, scores: Mapping[int, Sequence[float | None]]) -> int | None:
        """The next place to try; None where the best one has neighbours on both sides, or the grid ends for good."""
        best = self.best(scores)
        for is_end, place in ((best == min(scores), best - 1), (best == max(scores), best + 1)):
            if is_end and -MAX_MORE <= place < self.n + MAX_MORE:
                return place
        return None

    def at_edge(self, scores: Mapping[int, Sequence[float | None]]) -> bool:
        """Whether the best place is the first or last one tried."""
        return self.best(scores) in (min(scores), max(scores))
