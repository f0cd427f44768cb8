"""How far the answer to one row may be off: conformal intervals of numbers, conformal sets of classes.

    rows of the repeats that their networks had not learnt from -> how far each was off -> the reach of a level

Whatever the network is, an interval that reaches as far as 90 % of such answers were off holds about 90 % of rows to
come from the same source. The refitted network learnt from more rows than those of the repeats, so the promise errs on
the safe side. What is independent counts as one: a group of rows, a block of time, copies of a row. A row that weighs
more stands for more of those to come.

A number is seldom known equally well everywhere: prices of dear houses are off by more. So errors are measured in units
of the usual error at the predicted value, which is learnt in ten steps; the spread of the repeats' networks would do as
well where they were saved, but one network is.

Sources: Vovk, Gammerman, Shafer 2005, *Algorithmic Learning in a Random World*; Barber, Candes, Ramdas, Tibshirani
2021, *Predictive inference with the jackknife+*, on rows left out in turn; Sadinle, Lei, Wasserman 2019, *Least
ambiguous set-valued classifiers*; Dunn, Wasserman, Ramdas 2023, *Distribution-free prediction sets for two-layer
hierarchical models*, on groups.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.intervals import evenness
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.units import Units
from ffsearch.search.network.row_intervals import Reaches, RowIntervals

__all__ = ["LEVELS", "learn_row_intervals"]

LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
"""Levels that are held against the sealed rows. Choice: a coin, and those that people ask for."""

N_KEPT: Final = 500
"""Errors that are kept of a target, evenly by rank. Choice: a level to a fifth of a per cent, in a few kilobytes."""

N_STEPS: Final = 10
"""Parts of the predicted values with a usual error of their own, with as many rows each. Choice: price and spread."""

MIN_UNITS: Final = 100
"""Fewer units have one usual error. Choice: ten in a step, whose median is off by a third."""

SHRUNK_BY: Final = 10
"""Units of the whole that a step's usual error is mixed with. Choice: as many as the smallest step has."""

LEAST: Final = 0.1
"""Smallest usual error of a step, as a share of that of all. Choice: none is ten times surer by chance alone."""


def learn_row_intervals(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    *,
    units: Units,
    weight: RowWeight = None,
    is_adaptive: bool = True,
) -> RowIntervals:
    """How far answers were off, from rows that the networks had not learnt from.

    Args:
        truth: Values (n_rows, n_targets), or class numbers (n_rows,); a row counts as often as it was answered.
        predicted: Values (n_rows, n_targets), or probabilities (n_rows, n_classes).
        units: What is independent among the rows.
        weight: What each row weighs, shape (n_rows,); None: all alike.
        is_adaptive: Whether the usual error of a number may depend on its predicted value.
    """
    weights, n_units = _of_rows(units, weight)
    if truth.ndim == 1:
        known = truth >= 0
        missed = np.where(known, 1.0 - predicted[np.arange(len(truth)), np.maximum(truth, 0)], 1.0)
        plain = Reaches(**_kept(missed, weights), edges=np.zeros(0), usual=np.ones(1))
        return RowIntervals(n_units=n_units, of_targets=(plain,))
    adaptive = is_adaptive and n_units >= MIN_UNITS
    return RowIntervals(
        n_units=n_units,
        of_targets=tuple(
            _reaches(np.abs(of_truth - of_target), of_target, weights, is_adaptive=adaptive)
            for of_truth, of_target in zip(truth.T, np.asarray(predicted, np.float64).T, strict=True)
        ),
    )


def _of_rows(units: Units, weight: RowWeight) -> tuple[NDArray[np.float64], int]:
    """What each row counts for, and of how many units all of them are: a unit weighs as its rows do on average."""
    shares = np.asarray(1.0 / units.sizes[units.numbers], np.float64)
    if weight is None:
        return shares, units.n_units
    shares = shares * weight
    n_units = max(1, int(units.n_units * evenness(np.bincount(units.numbers, shares).astype(np.float64)) + 1e-9))
    return shares * (n_units / shares.sum()), n_units


def _reaches(
    off: NDArray[np.float64], predicted: NDArray[np.float64], weights: NDArray[np.float64], *, is_adaptive: bool
) -> Reaches:
    """The errors of one target in units of the usual one."""
    overall = _median(off, weights)
    if not is_adaptive or overall == 0:
        return Reaches(**_kept(off, weights), edges=np.zeros(0), usual=np.ones(1))
    edges = np.unique(np.quantile(predicted, np.arange(1, N_STEPS) / N_STEPS))
    step = np.searchsorted(edges, predicted, side="right")
    usual = np.empty(len(edges) + 1)
    for place in range(len(usual)):
        here = step == place
        n_units = float(weights[here].sum())
        own = _median(off[here], weights[here]) if here.any() else overall
        usual[place] = max((n_units * own + SHRUNK_BY * overall) / (n_units + SHRUNK_BY), LEAST * overall)
    return Reaches(**_kept(off / usual[step], weights), edges=edges, usual=usual)


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _kept(errors: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Errors in ascending order with the units below each, the last and some evenly between them."""
    order = np.argsort(errors, kind="stable")
    places = np.unique(np.linspace(0, len(errors) - 1, min(N_KEPT, len(errors))).round().astype(np.int64))
    return {"errors": np.asarray(errors[order][places], np.float64), "n_below": np.cumsum(weights[order])[places]}
