"""What the scores of a study show: weighted sums of cells, with intervals that speak of other seeds and rows.

A study answers every test row by several networks a cell, one a seed, and seeds and rows are the same in all cells. A
question (is depth 4 better than depth 1 at 10,000 parameters? how much does a layer gain at equal size?) is a contrast:
weights over cells. With d(s, r) for what seed s adds to the contrast on row r, a part belongs to the seed, a part to
the row, and a part to both:

    d(s, r) = mean + seed(s) + row(r) + rest(s, r)          variance of the mean = v_seed / S + (v_row + v_rest / S) / R

The rows' part is what resampling rows shows (that holds for metrics that are no means of rows, too); it has Student's t
of as many degrees as there are units less one: many where rows come alone, few where they come in a few groups. Seeds
and the rest are seen together in the spread between seeds. Of five seeds that has four degrees, but the cells that a
contrast is made of tell the same spread, each by itself, and have so many degrees each. The larger of both counts, so
that what a seed does to one depth alone is in it, and what it is larger by has the few degrees. How large the rest is,
rows tell as well, and so the spread counts as no less. An interval reaches as far as both parts together, by their
squares:

    reach = hypot(max(t * sqrt(spread / S), q * sqrt(v_rest / S)), q * sqrt(v_row))

t and q being the quantiles of seeds and of rows. `benchmarks/capacity_coverage.py` tells how often it holds what it
promises, beside plain resampling of both and beside one t of Welch and Satterthwaite's degrees. Where nothing differs
5 % of such tests at most call it different, with a seeds' part of 0 to 4 times the rest; taking the rest away from the
spread, and what was left as known, called it different in up to 7 % (`tests/test_capacity_verdict.py`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import CONFIDENCE, SIGNIFICANT, TAIL
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import weight_chunks, weighted_scores
from ffsearch.search.evidence.units import Units

__all__ = ["POWER", "Contrast", "Scores", "contrast", "resampled_scores", "slope_weights"]

N_RESAMPLES: Final = 1000
"""Resamples of the test rows. Choice: they estimate variances alone, to 5 %."""

POWER: Final = 0.8
"""Chance of finding an effect as large as the smallest detectable one. Choice: the usual one."""

_MANY: Final = 10_000
"""More seeds than this are called none that would settle it. Choice: nobody trains them."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of all networks of a study, turned so that higher is better.

    Args:
        values: On the test rows, shape (n_cells, n_seeds).
        resampled: On resamples of them, shape (n_resamples, n_cells, n_seeds).
        n_units: How many independent units the test rows are.
    """

    values: NDArray[np.float64]
    resampled: NDArray[np.float64]
    n_units: int


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of cells.

    Args:
        value: In the objective's unit; positive is better.
        seed_variance: Variance from seed to seed, the part that test rows bring taken away; chance may leave less than
            nothing.
        row_variance: Variance of the mean that more seeds would leave.
        rest_variance: Variance that belongs to seed and rows together, of one seed.
        n_seeds: Seeds it is the mean of.
        row_degrees: Degrees of freedom that the rows' part is known with; 0: a single unit, which says nothing.
        cell_variance: What the spreads of single cells make of the variance between seeds, as if these were independent
            but for what a seed does to all of them.
        degrees_a_seed: Degrees of freedom that each seed but the first adds to that.
    """

    value: float
    seed_variance: float
    row_variance: float
    rest_variance: float
    n_seeds: int
    row_degrees: float = math.inf
    cell_variance: float = 0.0
    degrees_a_seed: float = 1.0

    @property
    def error(self) -> float:
        """Standard error, of seeds and rows together."""
        return math.sqrt(max(self._spread, self.rest_variance) / self.n_seeds + self.row_variance)

    @property
    def _spread(self) -> float:
        """Variance between seeds, what rows bring included: as the sum shows it, and no less than its cells do."""
        return max(0.0, self.seed_variance + self.rest_variance, self.cell_variance)

    @property
    def _seed_degrees(self) -> float:
        """Degrees of freedom of that: the cells' as far as it is theirs, of what is beyond them those of a single one.

        Source: Satterthwaite 1946, doi 10.2307/3002019.
        """
        beyond = max(0.0, self._spread - self.cell_variance)
        squares = self.cell_variance**2 / self.degrees_a_seed + beyond**2
        return (self.n_seeds - 1) * (self._spread**2 / squares if squares > 0 else 1.0)

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect at all."""
        return self.p_beyond(0.0)

    def p_beyond(self, margin: float) -> float:
        """Two-sided, of an effect that is no larger than a margin."""
        beyond = abs(self.value) - margin
        return min(1.0, 2 * self._tail(beyond)) if beyond > 0 else 1.0

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Its two ends."""
        reach = self._reach((1 - confidence) / 2)
        return self.value - reach, self.value + reach

    def is_within(self, margin: float, *, alpha: float = SIGNIFICANT) -> bool:
        """Whether it is shown to be smaller than a margin in both directions: two one-sided tests.

        Source: Schuirmann 1987, *A comparison of the two one-sided tests procedure and the power approach*.
        """
        low, high = self.interval(1 - 2 * alpha)
        return -margin < low and high < margin

    def is_below(self, margin: float, *, alpha: float = SIGNIFICANT) -> bool:
        """Whether a gain as large as a margin is excluded: one of the two tests."""
        return self.interval(1 - 2 * alpha)[1] < margin

    def detectable(self, n_together: int = 1) -> float:
        """The smallest effect that would be found with a chance of `POWER`.

        Args:
            n_together: Comparisons among which it would have to be found (the first step of Holm's correction).
        """
        return self._reach(TAIL / n_together) + self._reach(1 - POWER)

    def seeds_to_detect(self, effect: float, n_together: int = 1) -> int | None:
        """Seeds with which an effect would be found with a chance of `POWER`; None: more seeds alone cannot do it.

        Args:
            effect: How large it is.
            n_together: Comparisons among which it would have to be found.
        """

        def is_found(n_seeds: int) -> bool:
            return replace(self, n_seeds=n_seeds).detectable(n_together) <= effect

        if not is_found(_MANY):
            return None
        return bisect_left(range(2, _MANY), True, key=is_found) + 2

    def _reach(self, tail: float) -> float:
        """The distance from the value beyond which so much of the chance lies on one side."""
        from scipy.special import stdtrit

        if not self.row_degrees:
            return math.inf
        of_seeds = float(stdtrit(self._seed_degrees, 1 - tail)) * math.sqrt(self._spread / self.n_seeds)
        of_rows = float(stdtrit(min(self.row_degrees, _NORMAL), 1 - tail))
        of_rest = of_rows * math.sqrt(self.rest_variance / self.n_seeds)
        return math.hypot(max(of_seeds, of_rest), of_rows * math.sqrt(self.row_variance))

    def _tail(self, distance: float) -> float:
        """The chance of the seeds' and the rows' errors together to exceed a distance."""
        from scipy.optimize import brentq

        if not self.row_degrees or distance <= self._reach(0.5):  # none, or what rounding leaves of none
            return 0.5
        if self._reach(_SMALLEST) <= distance:
            return 0.0
        return math.exp(
            brentq(lambda log: self._reach(math.exp(log)) - distance, math.log(_SMALLEST), math.log(0.5), xtol=1e-9)
        )


_SMALLEST: Final = 1e-12
"""Chance that is called none."""

_NORMAL: Final = 1e6
"""Degrees from which on Student's law is a normal one."""


def resampled_scores(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    rng: np.random.Generator,
    units: Units | None = None,
    weight: RowWeight = None,
) -> Scores:
    """Scores on the test rows and on resamples of them, the same resamples for all networks.

    Args:
        objective: What is compared.
        truth: As `row_terms` wants it.
        terms: Of every network, shape (n_cells, n_seeds, n_rows, n_terms).
        rng: Where resamples are drawn from.
        units: What is independent, and so drawn whole; None: every row by itself.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """
    n_cells, n_seeds, n_rows, n_terms = terms.shape
    flat = terms.reshape(n_cells * n_seeds, n_rows, n_terms)
    gain = -objective.sign
    score = partial(weighted_scores, objective.name, truth=truth, terms=flat, weight=weight)
    values = score(weights=np.ones((1, n_rows), np.float32))
    units = units or Units.of_rows(n_rows)
    chunks = weight_chunks(N_RESAMPLES, units=units, rng=rng)
    drawn = np.concatenate([score(weights=chunk) for chunk in chunks])
    return Scores(
        values=gain * values.reshape(n_cells, n_seeds),
        resampled=gain * drawn.reshape(-1, n_cells, n_seeds),
        n_units=units.n_units,
    )


def contrast(scores: Scores, weights: NDArray[np.float64] | Sequence[float]) -> Contrast:
    """A weighted sum of cells, with its error.

    Args:
        scores: Of a study of two seeds or more.
        weights: One a cell.
    """
    each = np.tensordot(weights, scores.values, axes=(0, 0))  # (n_seeds,)
    drawn = np.tensordot(scores.resampled, weights, axes=(1, 0))  # (n_resamples, n_seeds)
    n_seeds = len(each)
    fewer = scores.n_units / max(1, scores.n_units - 1)  # resamples of n units have n - 1 n-ths of the variance
    of_mean = fewer * float(np.var(drawn.mean(axis=1), ddof=1))
    apart = drawn - drawn.mean(axis=1, keepdims=True)
    rest = fewer * float(np.var(apart, axis=0, ddof=1).mean()) * n_seeds / (n_seeds - 1)
    of_cells, degrees_a_seed = _spread_of_cells(scores.values, np.asarray(weights, np.float64))
    return Contrast(
        value=float(each.mean()),
        seed_variance=float(np.var(each, ddof=1)) - rest,
        row_variance=max(0.0, of_mean - rest / n_seeds),
        rest_variance=rest,
        n_seeds=n_seeds,
        row_degrees=scores.n_units - 1,
        cell_variance=of_cells,
        degrees_a_seed=degrees_a_seed,
    )


def _spread_of_cells(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    """The variance of a weighted sum from seed to seed by the spread of every cell, and its degrees a seed.

    What a seed does to all cells of the sum alike, its validation rows above all, is taken away first: it is no part of
    a difference, and of a single cell the sum's own spread tells it.

    Args:
        values: Scores, shape (n_cells, n_seeds).
        weights: One a cell.

    Source: Satterthwaite 1946, doi 10.2307/3002019, as in Welch's test.
    """
    weights, values = weights[weights != 0], values[weights != 0]
    n_cells = len(values)
    if n_cells < 2:
        return 0.0, 1.0
    apart = values - values.mean(axis=0)
    parts = np.square(weights) * apart.var(axis=1, ddof=1) * n_cells / (n_cells - 1)
    squares = float(np.square(parts).sum())
    degrees = (n_cells - 1) / n_cells * float(parts.sum()) ** 2 / squares if squares > 0 else 1.0
    return float(parts.sum()), max(1.0, degrees)


def slope_weights(depths: Sequence[int], n_params: Sequence[int]) -> NDArray[np.float64]:
    """Weights that give the slope of the score on depth, the logarithm of the parameters held.

    The least-squares slope is a weighted sum of the cells' scores, so its error is that of any contrast: seeds and rows
    cluster it, and no model of random effects has to converge.

    Args:
        depths: Of every cell, in doublings of depth: the slope is the gain of doubling it.
        n_params: Of every cell.

    Returns:
        One weight a cell; all zero where depth and size do not vary apart.
    """
    design = np.column_stack([np.ones(len(depths)), np.log(n_params), np.log2(depths)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return np.zeros(len(depths))
    return np.asarray(np.linalg.pinv(design)[2])
