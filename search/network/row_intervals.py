"""What a model keeps to say how far the answer to one row may be off; `evidence.row_intervals` learns it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError

__all__ = ["Reaches", "RowIntervals"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reaches:
    """The errors of one target, or of the classes.

    Args:
        errors: Ascending, in units of the usual error, shape (n_kept,).
        n_below: How many units were off by no more than each, shape (n_kept,).
        edges: Predicted values at which the usual error changes, ascending; empty where it is one.
        usual: The usual error between them, one more than edges.
    """

    errors: NDArray[np.float64]
    n_below: NDArray[np.float64]
    edges: NDArray[np.float64]
    usual: NDArray[np.float64]

    def reach(self, level: float, n_units: int) -> float:
        """The error, in units of the usual one, that a new unit stays within with a chance of a level.

        A new unit is as likely to be in each place among those known, so one more than these are counted.
        """
        needed = level * (n_units + 1)
        place = int(np.searchsorted(self.n_below, needed * (1 - 1e-12)))
        return float(self.errors[place]) if place < len(self.errors) else math.inf

    def usual_at(self, predicted: NDArray[Any]) -> NDArray[np.float64]:
        """The usual error at predicted values."""
        return self.usual[np.searchsorted(self.edges, predicted, side="right")]

    def as_dict(self) -> dict[str, list[float]]:
        """Fit for JSON."""
        return {name: [float(f"{value:.9g}") for value in values] for name, values in vars(self).items()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Sequence[float]]) -> Reaches:
        """From what `as_dict` gives."""
        return cls(**{name: np.asarray(given[name], np.float64) for name in ("errors", "n_below", "edges", "usual")})


@dataclass(frozen=True, kw_only=True, eq=False)
class RowIntervals:
    """What a model keeps to say how far one answer may be off.

    Args:
        n_units: Independent units that it was learnt from.
        of_targets: Of every target; of classes one.
    """

    n_units: int
    of_targets: tuple[Reaches, ...]

    @property
    def highest(self) -> float:
        """The highest level so many units carry."""
        return self.n_units / (self.n_units + 1)

    def check(self, level: float) -> None:
        """Refuse a level that cannot be promised.

        Raises:
            DataError: If it is no share between 0 and 1, or more than so many units carry.
        """
        if not 0 < level < 1:
            raise DataError(f"An interval's level is a share between 0 and 1, and {level!r} is none. Usual is 0.9.")
        if level > self.highest:
            raise DataError(
                f"Intervals of level {level:g} cannot be promised: they rest on {self.n_units} independent rows, "
                f"groups or stretches of time, which carry levels up to {math.floor(self.highest * 1000) / 1000:g}."
            )

    def bounds(self, predicted: NDArray[Any], level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The ends of intervals of numbers, each of shape (n_rows, n_targets).

        Args:
            predicted: Shape (n_rows, n_targets).
            level: The share of rows to come that they hold.

        Raises:
            DataError: If the level cannot be promised.
        """
        self.check(level)
        reach = np.column_stack(
            [
                reaches.reach(level, self.n_units) * reaches.usual_at(of_target)
                for reaches, of_target in zip(self.of_targets, predicted.T, strict=True)
            ]
        )
        return predicted - reach, predicted + reach

    def sets(self, probabilities: NDArray[Any], level: float) -> NDArray[np.bool_]:
        """Which labels are in every row's set.

        The likeliest one always is, so that no set is empty; where the model is right more often than the level asks
        for, the sets hold the true label as often as it is right.

        Args:
            probabilities: Shape (n_rows, n_classes).
            level: The share of rows to come whose label is in their set.

        Raises:
            DataError: If the level cannot be promised.
        """
        self.check(level)
        reach = self.of_targets[0].reach(level, self.n_units)
        is_in = np.asarray(1.0 - probabilities <= reach + 1e-7)  # probabilities are float32
        is_in[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        return is_in

    def as_dict(self) -> dict[str, Any]:
        """Fit for JSON."""
        return {"n_units": self.n_units, "of_targets": [one.as_dict() for one in self.of_targets]}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> RowIntervals:
        """From what `as_dict` gives."""
        return cls(n_units=given["n_units"], of_targets=tuple(map(Reaches.from_dict, given["of_targets"])))
