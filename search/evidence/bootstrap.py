"""How far a score would move with other test rows: percentile intervals by resampling rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.heads import Task

__all__ = ["Interval", "score_interval"]

N_RESAMPLES: Final = 1000
"""Resamples of an interval; its ends then move by about 2 % of its width. Choice: enough for two digits."""

MAX_CELLS: Final = 200_000_000
"""Rows times resamples that are drawn at most: beyond it fewer resamples are taken, never fewer than 100."""

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value and the ends of its 95 % interval, in the value's unit."""

    value: float
    low: float
    high: float


def score_interval(
    task: Task, metric: str, *, truth: NDArray[Any], answers: NDArray[Any], generator: np.random.Generator
) -> Interval:
    """A metric on these rows with its percentile bootstrap interval.

    The interval speaks of the rows alone: the network is the one that was trained, other seeds are not part of it.

    Args:
        task: The task; with `metric` it names the function.
        metric: Name of the metric.
        truth: Shape (n_rows,) or (n_rows, n_targets).
        answers: Shape (n_rows, n_classes) or (n_rows, n_targets).
        generator: Where the resamples are drawn from.

    Source: Efron and Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 13.
    """
    measure = METRICS[task][metric]
    n_rows = len(truth)
    n_resamples = max(100, min(N_RESAMPLES, MAX_CELLS // n_rows))
    drawn = (generator.integers(n_rows, size=n_rows) for _ in range(n_resamples))
    values = np.array([measure(truth[rows], answers[rows]) for rows in drawn])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail]) if np.isfinite(values).any() else (np.nan, np.nan)
    return Interval(value=measure(truth, answers), low=float(low), high=float(high))
