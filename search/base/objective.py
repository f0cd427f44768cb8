"""What a search optimises, and which way is better: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Direction", "Objective"]

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a search optimises.

    Args:
        name: Of the metric.
        direction: Whether its lowest or its highest value is the best.
    """

    name: str
    direction: Direction

    @property
    def is_lower_better(self) -> bool:
        """Whether the lowest value is the best."""
        return self.direction == "minimize"

    @property
    def sign(self) -> int:
        """A value times this is a loss, of which the lowest is the best: 1, or -1 where the highest value is."""
        return 1 if self.is_lower_better else -1
