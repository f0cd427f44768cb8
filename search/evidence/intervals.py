"""How far a score would move with other test rows: intervals from what every row adds to it, without resampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL, TWO_SIDED
from ffsearch.search.evidence.metrics import bounds
from ffsearch.search.evidence.terms import if_wrong, row_influences, strata
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import Estimate

__all__ = ["Unseen", "mean_limits", "mean_quantiles", "score_intervals", "share_interval"]


def score_intervals(
    metric: str, *, truth: NDArray[Any], terms: NDArray[np.float32], units: Units | None = None
) -> list[tuple[float, float]]:
    """The 95 % intervals of several models' scores on the same rows.

    They speak of the rows alone: the networks are those that were trained, other seeds are no part of it. Accuracy has
    Wilson's interval, as long as rows come alone; all other scores have that of `mean_limits`.

    Args:
        metric: The objective.
        truth: As `row_terms` wants it.
        terms: Of every model, shape (n_models, n_rows, n_terms).
        units: What is independent; None: every row by itself.

    Returns:
        Lower and upper end of each model; NaN where the score is not defined on these rows, or one unit says nothing
        of others.
    """
    units = units or Units.of_rows(len(truth))
    influences, wrong = row_influences(metric, truth=truth, terms=terms), if_wrong(metric, truth=truth, terms=terms)
    if metric == "accuracy" and units.kind in (UnitKind.ROWS, UnitKind.COPIES):
        n_rows = units.n_effective
        shares = [share_interval(float(of_model.mean()) * n_rows, n_rows) for of_model in influences]
        return [(share.low, share.high) for share in shares]
    lowest, highest = bounds(metric)
    found = []
    for place, added in enumerate(influences):
        unseen = [] if wrong is None else [Unseen(values=wrong[place], rows=rows) for rows in strata(metric, truth)]
        low, high = mean_limits(added, units=units, tail=TAIL, unseen=unseen)
        found.append((max(low, lowest), min(high, highest)) if low <= high else (math.nan, math.nan))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """Events that may have been missed: each of some rows might as well have added another value.

    Args:
        values: What every row would have added, shape (n_rows,).
        rows: Places of the rows it could have happened to.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.intp]


def mean_limits(
    added: NDArray[np.float64], *, units: Units, tail: float, unseen: Sequence[Unseen] = (), seeds: float = 0.0
) -> tuple[float, float]:
    """The ends of an interval of a mean: what was seen, what may have been missed, and what seeds add.

    Each part has a reach of its own to either side, and independent parts add up by their squares (Zou and Donner
    2008, *Construction of confidence limits about effect measures*, doi 10.1002/sim.3095, MOVER).

    Args:
        added: What every row adds, shape (n_rows,): their mean is the value.
        units: What is independent.
        tail: Share of intervals that may miss on either side.
        unseen: What may have been missed.
        seeds: How far seeds alone reach to either side.

    Returns:
        Both ends; NaN with less than two units, for one says nothing of others.
    """
    value = float(added.mean())
    low, high = mean_quantiles(units.sums(added), np.array([tail, 1 - tail]))
    below, above = value - float(low), float(high) - value
    for event in unseen:
        one, other = (
            _missed(sign * (event.values - value), sign * (added - value), event.rows, units=units, tail=tail)
            for sign in (-1, 1)
        )
        below, above = math.hypot(below, one), math.hypot(above, other)
    return value - math.hypot(below, seeds), value + math.hypot(above, seeds)


def _missed(
    moves: NDArray[np.float64], seen: NDArray[np.float64], rows: NDArray[np.intp], *, units: Units, tail: float
) -> float:
    """How far events to one side that were not seen could move the mean.

    Of n rows without an event, as large a share as 1 - tail ** (1 / n) would have stayed unseen with a chance of
    `tail`. As soon as such events are seen they speak for themselves, and the share shrinks with their number.

    Args:
        moves: How far from the mean each row would be, shape (n_rows,), positive to this side.
        seen: How far it is.
        rows: Those it could happen to.
        units: What is independent.
        tail: Chance of missing more than that.
    """
    place = math.ceil(_LARGE * len(rows)) - 1
    size = float(np.partition(moves[rows], place)[place])
    if not size > 0:
        return 0.0
    n_events = units.n_events(rows)
    n_seen = float(np.square(np.clip(seen[rows] / size, 0.0, 1.0)).mean()) * n_events  # or ordinary noise would count
    share = 1 - tail ** (1 / n_events)
    return float(share * size * len(rows) / len(moves) / (1 + n_seen))


_LARGE: Final = 0.8
"""Quantile of what events would do that is taken for their size. choice: an error is one that a network is sure of.

Source: our simulation (`tests/test_evidence_coverage.py`): where one model errs rarely and dearly 94 % of intervals
hold, without this 87 %; where two models are calibrated, and no such errors exist, intervals are wider by a third on
114 rows, a seventh on 200, a thirtieth on 400.
"""


def mean_quantiles(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the true mean of such values lies, by its confidence distribution: Student's, bent by their skewness.

    Losses of rows are skewed: most are small, a few are large, and the rows at hand may have missed those. Percentiles
    of resamples and Student's interval then lie too low, and the fewer the rows the more often they miss
    (`benchmarks/coverage_rows.py`). Where a few values make the spread, the spread itself is hardly known: its degrees
    of freedom are those that the values' kurtosis leaves.

    Args:
        values: Independent values, shape (n_values,).
        levels: Of the quantiles, shape (n_levels,).

    Returns:
        Shape (n_levels,); the mean itself where all values are alike; NaN where there are less than two.

    Source: Hall 1992, *On the removal of skewness by transformation*, doi 10.1111/j.2517-6161.1992.tb01876.x, the cubic
    transformation. DIFFERS: of Student's quantiles instead of the normal ones. The degrees are Satterthwaite's, with
    the variance of a variance, (kurtosis - 1) / n.
    """
    from scipy.special import stdtrit

    n_values = len(values)
    if n_values < 2:
        return np.full(len(levels), np.nan)
    mean, spread = float(values.mean()), float(values.std())
    if not spread > 0:
        return np.full(len(levels), mean)
    standard = (values - mean) / spread
    squared = np.square(standard)
    slope = float(np.mean(squared * standard)) / math.sqrt(n_values)
    degrees = min(n_values - 1, 2 * n_values / max(float(np.mean(np.square(squared))) - 1, _STRAIGHT))
    pivot = stdtrit(degrees, 1 - levels)
    if abs(slope) > _STRAIGHT:
        pivot = 3 / slope * (np.cbrt(1 + slope * (pivot - slope / 6)) - 1)
    return np.asarray(mean - spread / math.sqrt(n_values - 1) * pivot)


_STRAIGHT: Final = 1e-6
"""Skewness of a mean below which its distribution is Student's: the transformation divides by it."""


def share_interval(n_hits: float, n_rows: float) -> Estimate:
    """A share with its 95 % interval, which stays inside 0 and 1 and is right for few rows too.

    Source: Wilson 1927, *Probable inference*, doi 10.1080/01621459.1927.10502953; recommended by Brown, Cai, DasGupta
    2001, *Estimate estimation for a binomial proportion*. By hand, for rows that are copies are no whole number.
    """
    share, z = n_hits / n_rows, TWO_SIDED
    centre = (share + z * z / (2 * n_rows)) / (1 + z * z / n_rows)
    reach = z / (1 + z * z / n_rows) * math.sqrt(share * (1 - share) / n_rows + (z / (2 * n_rows)) ** 2)
    return Estimate(value=share, low=max(0.0, centre - reach), high=min(1.0, centre + reach))
