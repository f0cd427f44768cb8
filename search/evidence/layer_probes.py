"""What each hidden layer does: how much of the target a linear model reads off after it, and what losing it costs.

    units of a layer on development rows -> ridge regression on the target -> share explained on sealed rows

A network ends in a linear model, so its layers are there to bend the rows until a linear model will do. Where the share
rises from a layer to the next, that layer did such work; where it does not, the layer is not shown to add anything.

Source: Alain and Bengio 2016, *Understanding intermediate layers using linear classifier probes*, arXiv 1610.01644.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.intervals import mean_estimate
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Estimate, LayerFacts, ShallowTwin
from ffsearch.search.network.heads import Task

__all__ = ["ProbedRows", "idle_share", "layer_facts", "targets_of", "twin_facts"]

WORTH: Final = 0.01
"""Share of the target's variance below which a layer's gain counts as none. Choice: what a figure can show."""

IDLE: Final = 1e-3
"""Spread over rows, as a share of the layer's median unit, below which a unit says nothing of a row."""

FLAT_END: Final = 0.99
"""Share of a bounded activation's range beyond which a unit stands at its end."""

MOST: Final = 0.95
"""Share of rows at an end from which a unit is saturated. Choice: it tells at most one row in twenty from the rest."""

_STRENGTHS: Final = np.logspace(-3, 5, 9)


def targets_of(task: Task, y: NDArray[Any], *, n_classes: int) -> NDArray[np.float64]:
    """What a probe is to explain: standardised values, or a column a class; shape (n_rows, n_columns)."""
    if task is Task.REGRESSION:
        return np.asarray(y, np.float64).reshape(len(y), -1)
    return np.asarray(np.eye(n_classes)[np.maximum(y, 0)] * (y >= 0)[:, None])


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbedRows:
    """What probes learn from, and what they are asked about.

    Args:
        y: Targets of the development rows, as `targets_of` gives them.
        y_sealed: Of the sealed ones.
        units: What is independent among the sealed rows.
        weight: What each development row weighs, shape (n_rows,); None: all alike.
        weight_sealed: The same of the sealed ones.
    """

    y: NDArray[np.float64]
    y_sealed: NDArray[np.float64]
    units: Units
    weight: RowWeight = None
    weight_sealed: RowWeight = None

    def explained(self, x: NDArray[np.float32], x_sealed: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much of the sealed target's variance a ridge regression explains, row by row: the mean is the share."""
        from sklearn.linear_model import RidgeCV

        mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        lively = spread > 0
        scaled, scaled_sealed = ((part[:, lively] - mean[lively]) / spread[lively] for part in (x, x_sealed))
        if not lively.any():
            predicted = np.broadcast_to(np.average(self.y, axis=0, weights=self.weight), self.y_sealed.shape)
        else:
            fitted = RidgeCV(alphas=_STRENGTHS).fit(scaled, self.y, sample_weight=self.weight)
            predicted = fitted.predict(scaled_sealed).reshape(self.y_sealed.shape)
        centre = np.average(self.y_sealed, axis=0, weights=self.weight_sealed)
        variance = np.average(np.square(self.y_sealed - centre).sum(axis=1), weights=self.weight_sealed)
        return np.asarray(1.0 - np.square(self.y_sealed - predicted).sum(axis=1) / max(variance, 1e-12))

    def mean(self, values: NDArray[np.float64]) -> Estimate:
        """Of a value a sealed row, with its interval."""
        return mean_estimate(values, units=self.units, weight=self.weight_sealed)

    def average(self, values: NDArray[np.float64]) -> float:
        """The same without the interval."""
        return float(np.average(values, weights=self.weight_sealed))


def layer_facts(
    known: Sequence[NDArray[np.float32]],
    sealed: Sequence[NDArray[np.float32]],
    rows: ProbedRows,
    *,
    resets: Sequence[NDArray[np.float64]],
    is_bounded: bool,
) -> tuple[LayerFacts, ...]:
    """What every hidden layer adds, the first one beside the matrix itself.

    Args:
        known: The matrix and every layer's units on development rows, each (n_rows, n_units).
        sealed: The same on sealed rows.
        rows: What is known of these rows.
        resets: Of every layer what each sealed row loses when its weights are drawn anew.
        is_bounded: Whether the activation has two flat ends, as tanh has.
    """
    explained = [rows.explained(x, x_sealed) for x, x_sealed in zip(known, sealed, strict=True)]
    found = []
    for layer in range(1, len(known)):
        gain = rows.mean(explained[layer] - explained[layer - 1])
        found.append(
            LayerFacts(
                layer=layer,
                n_units=known[layer].shape[1],
                before=rows.average(explained[layer - 1]),
                probe=rows.mean(explained[layer]),
                gain=gain,
                is_shown=_is_shown(gain),
                idle=idle_share(known[layer], is_bounded=is_bounded),
                reset=rows.mean(resets[layer - 1]),
            )
        )
    return tuple(found)


def twin_facts(
    last: tuple[NDArray[np.float32], NDArray[np.float32]],
    shallow: tuple[NDArray[np.float32], NDArray[np.float32]],
    rows: ProbedRows,
    *,
    n_params: int,
) -> ShallowTwin:
    """What the one layer of a shallow network explains, beside the last layer of a deep one.

    Args:
        last: Units of the deep network's last layer on development rows and on sealed ones, each (n_rows, n_units).
        shallow: The same of the shallow network's layer.
        rows: What is known of these rows.
        n_params: Of the shallow network.
    """
    explained = rows.explained(*shallow)
    gain = rows.mean(rows.explained(*last) - explained)
    return ShallowTwin(
        n_units=shallow[0].shape[1],
        n_params=n_params,
        probe=rows.mean(explained),
        gain=gain,
        is_shown=_is_shown(gain),
    )


def _is_shown(gain: Estimate) -> bool:
    return bool(gain.low > 0 and gain.value > WORTH)


def idle_share(units: NDArray[np.float32], *, is_bounded: bool) -> float:
    """The share of units that say nothing of a row: dead ones, and those that stand at a flat end.

    Args:
        units: Of many rows, shape (n_rows, n_units).
        is_bounded: Whether the activation has two flat ends, at -1 and 1.
    """
    spread = units.std(axis=0)
    usual = float(np.median(spread[spread > 0])) if (spread > 0).any() else 0.0
    idle = spread <= IDLE * usual
    if is_bounded:
        idle |= (np.abs(units) > FLAT_END).mean(axis=0) >= MOST
    return float(idle.mean())
