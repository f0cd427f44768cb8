"""Intervals for one row: learnt from the winner's repeats, held against the sealed rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.predictions import RepeatPredictions, pooled_weight
from ffsearch.search.evidence.row_intervals import LEVELS, learn_row_intervals
from ffsearch.search.evidence.units import Units, units_of
from ffsearch.search.folder.results import Estimate, LevelHeld, RowIntervalFacts
from ffsearch.search.network.heads import values
from ffsearch.search.network.row_intervals import RowIntervals
from ffsearch.search.steps.weighing import Weighed

__all__ = ["held_intervals", "learnt_intervals"]


def learnt_intervals(weighed: Weighed, *, is_adaptive: bool = True) -> RowIntervals | None:
    """How far the winner's repeats were off on rows they had not learnt from; None where there were no repeats.

    Args:
        weighed: The winner.
        is_adaptive: See `learn_row_intervals`.
    """
    found = weighed.answered
    if found is None:
        return None
    repeats = [one for one in found.predictions if weighed.winner.trial in one.outputs]
    if not repeats:
        return None
    answered = [_in_users_unit(one, weighed) for one in repeats]
    return learn_row_intervals(
        np.concatenate([truth for truth, _ in answered]),
        np.concatenate([predicted for _, predicted in answered]),
        units=units_of(found.guide, np.concatenate([one.rows for one in repeats])),
        weight=pooled_weight(repeats),
        is_adaptive=is_adaptive,
    )


def _in_users_unit(repeat: RepeatPredictions, weighed: Weighed) -> tuple[NDArray[Any], NDArray[Any]]:
    """Truth and what the winner answered: class numbers and probabilities, or values in every target's own unit."""
    point = weighed.winner.trial
    if repeat.scale is None:
        return repeat.truth, repeat.predictions(point, divisor=weighed.divisor)
    standardised = np.asarray(repeat.y, np.float64).reshape(len(repeat.rows), -1)
    both = (values(repeat.head, given, scale=repeat.scale) for given in (standardised, repeat.outputs[point]))
    truth, predicted = both
    return truth, predicted


def held_intervals(
    intervals: RowIntervals | None,
    weighed: Weighed,
    *,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    units: Units,
    weight: RowWeight = None,
) -> RowIntervalFacts | None:
    """How many of the sealed rows the model's intervals hold, and how wide they are; None where it has none.

    Args:
        intervals: The model's.
        weighed: The winner.
        truth: Of the sealed rows: class numbers (n_rows,), or values (n_rows, n_targets).
        predicted: What the model answers.
        units: What is independent among the sealed rows.
        weight: What each of them weighs; None: all alike.
    """
    if intervals is None:
        return None
    constant = None if truth.ndim == 1 else learnt_intervals(weighed, is_adaptive=False)
    levels = []
    for level in LEVELS:
        if level > intervals.highest:
            continue
        held, widths = _held(intervals, level, truth, predicted, weight)
        (low, high), *_ = score_intervals(
            "accuracy", truth=truth, terms=held[None, :, None], units=units, weight=weight
        )
        alike = () if constant is None else _held(constant, level, truth, predicted, weight)[1]
        share = Estimate(value=float(np.average(held, weights=weight)), low=low, high=high)
        levels.append(LevelHeld(level=level, held=share, widths=widths, widths_alike=alike))
    return RowIntervalFacts(n_units=intervals.n_units, unit=str(units.kind), levels=tuple(levels))


def _held(
    intervals: RowIntervals, level: float, truth: NDArray[Any], predicted: NDArray[Any], weight: RowWeight
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """Whether every row is held, of several targets the share of them; mean widths, of classes the labels of a set."""
    if truth.ndim == 1:
        is_in = intervals.sets(predicted, level)
        held = is_in[np.arange(len(truth)), np.maximum(truth, 0)] & (truth >= 0)
        return held.astype(np.float32), (float(np.average(is_in.sum(axis=1), weights=weight)),)
    low, high = intervals.bounds(predicted, level)
    held = ((low <= truth) & (truth <= high)).mean(axis=1)
    return held.astype(np.float32), tuple(np.average(high - low, axis=0, weights=weight).tolist())
