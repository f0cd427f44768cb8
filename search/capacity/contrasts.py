"""What the scores of a study show: weighted sums of cells, with intervals that speak of other seeds and rows.

A study answers every test row by several networks a cell, one a seed, and seeds and rows are the same in all cells. A
question (is depth 4 better than depth 1 at 10,000 parameters? how much does a layer gain at equal size?) is a contrast:
weights over cells. With d(s, r) for what seed s adds to the contrast on row r, a part belongs to the seed, a part to
the row, and a part to both:

    d(s, r) = mean + seed(s) + row(r) + rest(s, r)          variance of the mean = v_seed / S + (v_row + v_rest / S) / R

The rows' part is what resampling rows shows (that holds for metrics that are no means of rows, too), and is normal. The
seeds' part is what is left of the spread between seeds when the rows' share in it is taken away; five seeds are too few
to resample, so it has Student's t. An interval is one of the sum of both. `benchmarks/capacity_coverage.py` tells how
often it holds what it promises, beside plain resampling of both and beside one t of Welch and Satterthwaite's degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import CONFIDENCE, SIGNIFICANT, TAIL, TWO_SIDED
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.terms import weight_chunks, weighted_scores

__all__ = ["POWER", "Contrast", "Scores", "contrast", "resampled_scores", "slope_weights"]

N_RESAMPLES: Final = 1000
"""Resamples of the test rows. Choice: they estimate variances alone, to 5 %."""

POWER: Final = 0.8
"""Chance of finding an effect as large as the smallest detectable one. Choice: the usual one."""

_MANY: Final = 10_000
"""More seeds than this are called none that would settle it. Choice: nobody trains them."""


_NEGLIGIBLE: Final = 1e-3
"""Share of an error that is left out of a sum of squares. Choice: it moves the sum by a millionth."""

_NORMAL: Final = np.linspace(-8.0, 8.0, 321)
_NORMAL_WEIGHTS: Final = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()
"""A normal law as points and weights. Choice: as fine as the tenth digit of a tail."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of all networks of a study, turned so that higher is better.

    Args:
        values: On the test rows, shape (n_cells, n_seeds).
        resampled: On resamples of them, shape (n_resamples, n_cells, n_seeds).
    """

    values: NDArray[np.float64]
    resampled: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of cells.

    Args:
        value: In the objective's unit; positive is better.
        seed_variance: Variance from seed to seed, the part that test rows bring taken away.
        row_variance: Variance of the mean that more seeds would leave.
        rest_variance: Variance that belongs to seed and rows together, of one seed.
        n_seeds: Seeds it is the mean of.
    """

    value: float
    seed_variance: float
    row_variance: float
    rest_variance: float
    n_seeds: int

    @property
    def error(self) -> float:
        """Standard error, of seeds and rows together."""
        return math.hypot(self._seed_error, self._row_error)

    @property
    def _seed_error(self) -> float:
        return math.sqrt(self.seed_variance / self.n_seeds)

    @property
    def _row_error(self) -> float:
        return math.sqrt(self.row_variance + self.rest_variance / self.n_seeds)

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect at all."""
        return min(1.0, 2 * self._tail(abs(self.value)))

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

    @property
    def detectable(self) -> float:
        """The smallest effect that would be found with a chance of `POWER`."""
        return self._reach(TAIL) + self._reach(1 - POWER)

    def seeds_to_detect(self, effect: float) -> int | None:
        """Seeds with which an effect would be found with a chance of `POWER`; None: more seeds alone cannot do it."""
        from scipy.stats import norm

        allowed = (effect / (TWO_SIDED + norm.ppf(POWER))) ** 2 - self.row_variance
        if allowed <= 0:
            return None
        n_seeds = max(2, math.ceil((self.seed_variance + self.rest_variance) / allowed))
        return n_seeds if n_seeds <= _MANY else None

    def _reach(self, tail: float) -> float:
        """The distance from the value beyond which so much of the chance lies on one side."""
        from scipy.optimize import brentq

        if self.error == 0:
            return 0.0
        farthest = self.error
        while self._tail(farthest) > tail:
            farthest *= 2
        return float(brentq(lambda distance: self._tail(distance) - tail, 0.0, farthest, xtol=1e-6 * self.error))

    def _tail(self, distance: float) -> float:
        """The chance of the seeds' and the rows' errors together to exceed a distance."""
        from scipy.stats import norm
        from scipy.stats import t as student

        if self.error == 0:
            return 0.5 if distance == 0 else 0.0
        if self._seed_error < _NEGLIGIBLE * self.error:
            return float(norm.sf(distance / self.error))
        beyond = student.sf((distance - self._row_error * _NORMAL) / self._seed_error, self.n_seeds - 1)
        return float(np.dot(_NORMAL_WEIGHTS, beyond))


def resampled_scores(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> Scores:
    """Scores on the test rows and on resamples of them, the same resamples for all networks.

    Args:
        objective: What is compared.
        truth: As `row_terms` wants it.
        terms: Of every network, shape (n_cells, n_seeds, n_rows, n_terms).
        rng: Where resamples are drawn from.
        groups: Number of each row's group, or None: groups are drawn whole.
    """
    n_cells, n_seeds, n_rows, n_terms = terms.shape
    flat = terms.reshape(n_cells * n_seeds, n_rows, n_terms)
    gain = -objective.sign
    values = weighted_scores(objective.name, truth=truth, terms=flat, weights=np.ones((1, n_rows), np.float32))
    chunks = weight_chunks(N_RESAMPLES, n_rows, rng=rng, groups=groups)
    drawn = np.concatenate(
        [weighted_scores(objective.name, truth=truth, terms=flat, weights=chunk) for chunk in chunks]
    )
    return Scores(
        values=gain * values.reshape(n_cells, n_seeds),
        resampled=gain * drawn.reshape(-1, n_cells, n_seeds),
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
    of_mean = float(np.var(drawn.mean(axis=1), ddof=1))
    apart = drawn - drawn.mean(axis=1, keepdims=True)
    rest = float(np.var(apart, axis=0, ddof=1).mean()) * n_seeds / (n_seeds - 1)
    of_seeds = max(0.0, float(np.var(each, ddof=1)) - rest)
    return Contrast(
        value=float(each.mean()),
        seed_variance=of_seeds,
        row_variance=max(0.0, of_mean - rest / n_seeds),
        rest_variance=rest,
        n_seeds=n_seeds,
    )


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
