"""How far a score would move with other test rows: intervals from what every row adds to it, without resampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL, TWO_SIDED
from ffsearch.search.evidence.metrics import RowWeight, bounds
from ffsearch.search.evidence.terms import if_wrong, mean_influences, row_influences, strata
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import Estimate

__all__ = [
    "Elsewhere",
    "Others",
    "Unseen",
    "evenness",
    "mean_estimate",
    "mean_limits",
    "mean_quantiles",
    "score_intervals",
    "share_interval",
    "unseen_of",
]


def score_intervals(
    metric: str,
    *,
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    units: Units | None = None,
    elsewhere: Elsewhere | None = None,
    weight: RowWeight = None,
) -> list[tuple[float, float]]:
    """The 95 % intervals of several models' scores on the same rows.

    They speak of the rows alone: the networks are those that were trained, other seeds are no part of it. Accuracy has
    Wilson's interval, as long as rows come alone; all other scores have that of `mean_limits`. A loss is never shown to
    be as low as 0: where the errors of a few rows make most of it, the lower end is that of a sum of rare events.

    Args:
        metric: The objective.
        truth: As `row_terms` wants it.
        terms: Of every model, shape (n_models, n_rows, n_terms).
        units: What is independent; None: every row by itself.
        elsewhere: What the models answered on other rows, as far as that is known.
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Returns:
        Lower and upper end of each model; NaN where the score is not defined on these rows, or one unit says nothing
        of others.
    """
    units = units or Units.of_rows(len(truth))
    influences = row_influences(metric, truth=truth, terms=terms, weight=weight)
    wrong = if_wrong(metric, truth=truth, terms=terms, weight=weight)
    if metric == "accuracy" and units.kind in (UnitKind.ROWS, UnitKind.COPIES):
        n_rows = units.n_effective * evenness(weight)
        shares = [share_interval(float(of_model.mean()) * n_rows, n_rows) for of_model in influences]
        return [(share.low, share.high) for share in shares]
    others = None if elsewhere is None else elsewhere.influences(metric)
    lowest, highest = bounds(metric)
    found = []
    for place, added in enumerate(influences):
        unseen = [] if wrong is None else unseen_of(metric, [wrong[place]], truth=truth, elsewhere=elsewhere)
        of_others = None if elsewhere is None or others is None else Others.of(others[place], elsewhere.n_units)
        low, high = mean_limits(added, units=units, tail=TAIL, unseen=unseen, others=of_others)
        if math.isinf(highest) and units.kind in (UnitKind.ROWS, UnitKind.COPIES):
            low = max(low, _least_loss(units.sums(added)))
        found.append((max(low, lowest), min(high, highest)) if low <= high else (math.nan, math.nan))
    return found


def evenness(weight: RowWeight) -> float:
    """What unequal weights leave of the number of rows.

    Source: Kish 1965, *Survey sampling*, section 11.7: a share of weighted rows is known as one of so many rows.
    """
    return 1.0 if weight is None else float(np.mean(weight) ** 2 / np.mean(np.square(weight)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Elsewhere:
    """What the same models answered on other rows of the table that they had not learnt from: those of the repeats.

    They move no value. What they tell is how far a value scatters from row to row, and how often a model errs dearly:
    of both the few rows that are judged by know little.

    Args:
        truth: As `row_terms` wants it; a row that several repeats have validated on is there as often.
        terms: Of every model, shape (n_models, n_rows, n_terms), in the order of the terms they stand beside.
        n_units: How many of the rows are independent.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """

    truth: NDArray[Any]
    terms: NDArray[np.float32]
    n_units: int
    weight: RowWeight = None

    def influences(self, metric: str) -> NDArray[np.float64] | None:
        """What every row adds to every model's score, shape (n_models, n_rows); None where a score is not defined."""
        found = row_influences(metric, truth=self.truth, terms=self.terms, weight=self.weight)
        return found if np.isfinite(found).all() else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Others:
    """How far from their mean other rows like these lie.

    Args:
        deviations: Shape (n_rows,).
        n_units: How many of them are independent.
    """

    deviations: NDArray[np.float64]
    n_units: int

    @classmethod
    def of(cls, added: NDArray[np.float64], n_units: int) -> Others:
        """From what they add."""
        return cls(deviations=added - added.mean(), n_units=n_units)


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """Events that may have been missed: each of some rows might as well have added another value.

    Args:
        values: What every row would have added, shape (n_rows,).
        rows: Places of the rows it could have happened to.
        elsewhere: Places of such rows among the others; None where there are no others.
    """

    values: NDArray[np.float64]
    rows: NDArray[np.intp]
    elsewhere: NDArray[np.intp] | None = None


def unseen_of(
    metric: str, values: Sequence[NDArray[np.float64]], *, truth: NDArray[Any], elsewhere: Elsewhere | None
) -> list[Unseen]:
    """Events that may have been missed, each among the rows where it would be one of few.

    Args:
        metric: The metric.
        values: Of every event what each row would have added, shape (n_rows,).
        truth: As for `row_terms`.
        elsewhere: What the models answered on other rows.
    """
    among = strata(metric, truth)
    alike: list[NDArray[np.intp] | None] = [None] * len(among)
    if elsewhere is not None:
        whole = len(among) == 1
        there = elsewhere.truth
        alike = [np.arange(len(there)) if whole else np.flatnonzero(there == truth[rows[0]]) for rows in among]
    return [
        Unseen(values=of_event, rows=rows, elsewhere=others)
        for rows, others in zip(among, alike, strict=True)
        for of_event in values
    ]


def mean_estimate(values: NDArray[np.float64], *, units: Units, weight: RowWeight = None) -> Estimate:
    """The mean of some rows' values with its 95 % interval.

    Args:
        values: Shape (n_rows,).
        units: What is independent.
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Returns:
        Both ends are NaN with less than two units.
    """
    added = mean_influences(values, weight)
    low, high = mean_limits(added, units=units, tail=TAIL)
    return Estimate(value=float(added.mean()), low=low, high=high)


def mean_limits(
    added: NDArray[np.float64],
    *,
    units: Units,
    tail: float,
    unseen: Sequence[Unseen] = (),
    seeds: float = 0.0,
    others: Others | None = None,
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
        others: How far other rows like these lie from their mean.

    Returns:
        Both ends; NaN with less than two units, for one says nothing of others.
    """
    value = float(added.mean())
    alike = others if units.kind in (UnitKind.ROWS, UnitKind.COPIES) else None  # groups are of many sizes
    low, high = mean_quantiles(units.sums(added), np.array([tail, 1 - tail]), others=alike)
    below, above = value - float(low), float(high) - value
    for event in unseen:
        one, other = (_missed(event, added, sign, units=units, tail=tail, others=others) for sign in (-1, 1))
        below, above = math.hypot(below, one), math.hypot(above, other)
    return value - math.hypot(below, seeds), value + math.hypot(above, seeds)


def _least_loss(values: NDArray[np.float64]) -> float:
    """The lower end of a loss as that of a sum of rare events: above 0 as long as the loss is.

    A spread that is known goes as far to one side as to the other, and where a few errors are all there is, past 0. But
    if there were fewer errors the spread would be smaller, too. For losses without such rows it is no nearer than the
    usual end.

    Args:
        values: What every unit adds, shape (n_units,).

    Source: Fay and Feuer 1997, *Confidence intervals for directly standardized rates*, doi
    10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#, the gamma limit of a weighted sum of Poisson
    counts. DIFFERS: the variance is that of the values, as much larger as Student's quantile is than the normal one.
    """
    from scipy.special import gammaincinv, stdtrit

    n_values, mean = len(values), float(values.mean())
    if n_values < 2 or not mean > 0:
        return 0.0
    wider = float(stdtrit(n_values - 1, 1 - TAIL)) / TWO_SIDED
    variance = float(values.var(ddof=1)) / n_values * wider**2
    shape = mean**2 / variance if variance > 0 else math.inf
    return mean if math.isinf(shape) else mean * float(gammaincinv(shape, TAIL)) / shape


def _missed(
    event: Unseen, added: NDArray[np.float64], sign: int, *, units: Units, tail: float, others: Others | None
) -> float:
    """How far events to one side that were not seen could move the mean.

    Of n rows without an event, as large a share as 1 - tail ** (1 / n) would have stayed unseen with a chance of
    `tail`. As soon as such events are seen they speak for themselves, and the share shrinks with their number. Other
    rows are further ones without an event, or say how large the share is.

    Args:
        event: What may have been missed.
        added: What every row adds, shape (n_rows,).
        sign: 1 for events above the mean, -1 for those below.
        units: What is independent.
        tail: Chance of missing more than that.
        others: How far other rows lie from their mean.
    """
    from scipy.special import betaincinv

    mean, rows = added.mean(), event.rows
    moves = sign * (event.values[rows] - mean)
    place = math.ceil((_LARGE if others is None else _USUAL) * len(rows)) - 1
    size = float(np.partition(moves, place)[place])
    if not size > 0:
        return 0.0
    n_events = units.n_events(rows)
    share = 1 - tail ** (1 / n_events)
    if others is not None and event.elsewhere is not None and len(event.elsewhere):
        deviations = sign * others.deviations[event.elsewhere]
        n_more = others.n_units * len(deviations) / len(others.deviations)
        n_there = _n_seen(deviations, size, n_more)
        share = min(share, float(betaincinv(1 + n_there, n_events + n_more - n_there, 1 - tail)))
    return float(share) * size * len(rows) / len(added) / (1 + _n_seen(sign * (added[rows] - mean), size, n_events))


def _n_seen(moves: NDArray[np.float64], size: float, n_events: float) -> float:
    """How many events of a size were seen: by squares, or ordinary noise would count."""
    return float(np.square(np.clip(moves / size, 0.0, 1.0)).mean() * n_events)


_LARGE: Final = 0.8
"""Quantile of what events would do that is taken for their size, where these rows are all that is known.

choice: an error is one that a network is sure of. Source: our simulation (`tests/test_evidence_coverage.py`): where one
model errs rarely and dearly 94 % of intervals hold, without this 87 %.
"""

_USUAL: Final = 0.5
"""The same where other rows tell how values scatter: dearer errors are then seen there, and are part of that.

Source: the same simulation. With 300 other rows beside 114 intervals hold 97 %, half as wide as without; where two
models are calibrated, and no such errors exist, they are a third wider than without any of this, not five times as.
"""


def mean_quantiles(
    values: NDArray[np.float64], levels: NDArray[np.float64], *, others: Others | None = None
) -> NDArray[np.float64]:
    """Where the true mean of such values lies, by its confidence distribution: Student's, bent by their skewness.

    Losses of rows are skewed: most are small, a few are large, and the rows at hand may have missed those. Percentiles
    of resamples and Student's interval then lie too low, and the fewer the rows the more often they miss
    (`benchmarks/coverage_rows.py`). Where a few values make the spread, the spread itself is hardly known: its degrees
    of freedom are those that the values' kurtosis leaves.

    Spread, skewness and kurtosis are those of these values and of others like them. A mean and a spread of the same
    values err together, which bends the interval to the side where rare values lie; the more of the spread others tell,
    the less it does so:

        quantile of (mean - true mean) / error  =  z + skewness of the mean * ((z^2 - 1) / 6 - share * z^2 / 2)

    with the share of these values among all that the spread is known from.

    Args:
        values: Independent values, shape (n_values,).
        levels: Of the quantiles, shape (n_levels,).
        others: How far other such values lie from their mean.

    Returns:
        Shape (n_levels,); the mean itself where all values are alike; NaN where there are less than two.

    Source: Hall 1992, *On the removal of skewness by transformation*, doi 10.1111/j.2517-6161.1992.tb01876.x, the cubic
    transformation, which is that of a share of 1. DIFFERS: of Student's quantiles instead of the normal ones. The
    degrees are Satterthwaite's, with the variance of a variance, (kurtosis - 1) / n.
    """
    from scipy.special import stdtrit

    n_values = len(values)
    if n_values < 2:
        return np.full(len(levels), np.nan)
    mean = float(values.mean())
    spread, skewness, kurtosis, n_known = _shape(values - mean, others)
    if not spread > 0:
        return np.full(len(levels), mean)
    slope = skewness / math.sqrt(n_values)
    degrees = min(n_known - 1, 2 * n_known / max(kurtosis - 1, _STRAIGHT))
    pivot = stdtrit(degrees, 1 - levels) - slope / 6
    bend = slope * (n_values / n_known / 2 - 1 / 6)
    if abs(bend) > _STRAIGHT:
        pivot = (np.cbrt(1 + 3 * bend * pivot) - 1) / bend
    return np.asarray(mean - spread / math.sqrt(n_values) * pivot)


def _shape(deviations: NDArray[np.float64], others: Others | None) -> tuple[float, float, float, int]:
    """Standard deviation, skewness and kurtosis of values and of others like them, and how many are independent."""
    own, n_known, weights = deviations, len(deviations), None
    if others is not None:
        n_known += others.n_units
        each = np.full(len(others.deviations), others.n_units / len(others.deviations))
        weights = np.concatenate([np.ones(len(deviations)), each])
        deviations = np.concatenate([deviations, others.deviations])
    squared = np.square(deviations)
    variance = float(np.average(squared, weights=weights))
    # Networks of the repeats may scatter less than the one that is judged: never less than these rows themselves say.
    least = float(np.square(own).mean())
    if not variance > 0:
        return 0.0, 0.0, 0.0, n_known
    skewness = float(np.average(squared * deviations, weights=weights)) / variance**1.5
    kurtosis = float(np.average(np.square(squared), weights=weights)) / variance**2
    spread = math.sqrt(max(variance * n_known / (n_known - 1), least * len(own) / (len(own) - 1)))
    return spread, skewness, kurtosis, n_known


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
