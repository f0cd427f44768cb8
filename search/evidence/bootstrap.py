"""How far a score would move with other test rows: percentile intervals by resampling rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import weight_chunks, weighted_scores
from ffsearch.search.heads import Task

__all__ = ["Interval", "score_interval", "score_intervals"]

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


def score_intervals(
    metric: str,
    *,
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> list[tuple[float, float]]:
    """The 95 % intervals of several models' scores on the same rows, by percentiles over the same resamples.

    Args:
        metric: The objective.
        truth: As `row_terms` wants it.
        terms: Of every model, shape (n_models, n_rows, n_terms).
        rng: Where resamples are drawn from.
        groups: Number of each row's group, shape (n_rows,), or None: groups are resampled whole.

    Returns:
        Lower and upper end of each model; NaN where no resample has a score.
    """
    n_resamples = max(100, min(N_RESAMPLES, MAX_CELLS // max(1, len(truth))))
    chunks = weight_chunks(n_resamples, len(truth), rng=rng, groups=groups)
    drawn = np.concatenate([weighted_scores(metric, truth=truth, terms=terms, weights=chunk) for chunk in chunks])
    known = np.isfinite(drawn).any(axis=0)
    tail = (1 - CONFIDENCE) / 2
    ends = np.full((2, len(terms)), np.nan)
    ends[:, known] = np.nanquantile(drawn[:, known], [tail, 1 - tail], axis=0)
    return [(float(low), float(high)) for low, high in ends.T]
