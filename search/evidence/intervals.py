"""How far a score would move with other test rows: intervals from what every row adds to it, without resampling."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import CONFIDENCE, TAIL
from ffsearch.search.evidence.metrics import bounds
from ffsearch.search.evidence.terms import row_influences
from ffsearch.search.folder.results import Estimate

__all__ = ["mean_quantiles", "of_groups", "score_intervals", "share_interval"]


def score_intervals(
    metric: str, *, truth: NDArray[Any], terms: NDArray[np.float32], groups: NDArray[np.int64] | None = None
) -> list[tuple[float, float]]:
    """The 95 % intervals of several models' scores on the same rows.

    They speak of the rows alone: the networks are those that were trained, other seeds are no part of it. Accuracy has
    Wilson's interval, as long as rows come alone; all other scores have that of `mean_quantiles`.

    Args:
        metric: The objective.
        truth: As `row_terms` wants it.
        terms: Of every model, shape (n_models, n_rows, n_terms).
        groups: Number of each row's group, shape (n_rows,), or None: groups are what is drawn then, not rows.

    Returns:
        Lower and upper end of each model; NaN where the score is not defined on these rows.
    """
    lowest, highest = bounds(metric)
    found = []
    for influences in row_influences(metric, truth=truth, terms=terms):
        if metric == "accuracy" and groups is None:
            share = share_interval(int(influences.sum()), len(influences))
            found.append((share.low, share.high))
            continue
        low, high = mean_quantiles(of_groups(influences, groups), np.array([TAIL, 1 - TAIL]))
        found.append((max(float(low), lowest), min(float(high), highest)))
    return found


def mean_quantiles(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the true mean of such values lies, by its confidence distribution: Student's, bent by their skewness.

    Losses of rows are skewed: most are small, a few are large, and the rows at hand may have missed those. Percentiles
    of resamples and Student's interval then lie too low, and the fewer the rows the more often they miss
    (`benchmarks/coverage_rows.py`).

    Args:
        values: Independent values, shape (n_values,).
        levels: Of the quantiles, shape (n_levels,).

    Returns:
        Shape (n_levels,); the mean itself where all values are alike.

    Source: Hall 1992, *On the removal of skewness by transformation*, doi 10.1111/j.2517-6161.1992.tb01876.x, the cubic
    transformation. DIFFERS: of Student's quantiles instead of the normal ones.
    """
    from scipy.stats import t as student

    n_values, mean = len(values), float(values.mean())
    spread = float(values.std())
    if n_values < 2 or not spread > 0:
        return np.full(len(levels), mean)
    slope = float(np.mean(((values - mean) / spread) ** 3)) / math.sqrt(n_values)
    pivot = student.ppf(1 - levels, n_values - 1)
    if abs(slope) > _STRAIGHT:
        pivot = 3 / slope * (np.cbrt(1 + slope * (pivot - slope / 6)) - 1)
    return np.asarray(mean - spread / math.sqrt(n_values - 1) * pivot)


_STRAIGHT: Final = 1e-6
"""Skewness of a mean below which its distribution is Student's: the transformation divides by it."""


def of_groups(influences: NDArray[np.float64], groups: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """What every group adds to the score, with the same mean; rows are their own groups where there are none."""
    if groups is None:
        return influences
    members = np.unique(groups, return_inverse=True)[1]
    mean = influences.mean()
    return np.asarray(mean + np.bincount(members, influences - mean) * (members.max() + 1) / len(influences))


def share_interval(n_hits: int, n_rows: int) -> Estimate:
    """A share with its 95 % interval, which stays inside 0 and 1 and is right for few rows too.

    Source: Wilson 1927, *Probable inference*, doi 10.1080/01621459.1927.10502953; recommended by Brown, Cai, DasGupta
    2001, *Interval estimation for a binomial proportion*.
    """
    from scipy.stats import binomtest

    ends = binomtest(n_hits, n_rows).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(value=n_hits / n_rows, low=float(ends.low), high=float(ends.high))
