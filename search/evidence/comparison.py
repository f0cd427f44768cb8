"""How much one model is better than another, with an interval: row by row on the same rows, or repeat by repeat.

A difference is always turned so that positive means that the first one is better, whatever the metric's direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.finalists import corrected_factor
from ffsearch.search.evidence.intervals import Elsewhere, Others, mean_limits, unseen_of
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.terms import if_wrong, row_influences
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Estimate

__all__ = ["SeedSpread", "Spread", "holm", "moderated", "paired_over_repeats", "paired_over_rows"]


def paired_over_rows(
    objective: Objective,
    *,
    truth: NDArray[Any],
    terms: NDArray[np.float32],
    pairs: Sequence[tuple[int, int]],
    units: Units | None = None,
    seeds: Sequence[SeedSpread | None] | None = None,
    n_together: int = 1,
    elsewhere: Elsewhere | None = None,
    weight: RowWeight = None,
) -> list[Estimate]:
    """Differences between models that answered the same rows, each with its interval over rows.

    An interval is Student's, bent by the skewness of what units add to the difference; reaches as far as an error of
    one model alone would move it that was not seen; and is the wider for what seeds add.

    Args:
        objective: What is compared.
        truth: As `row_terms` wants it.
        terms: Of every model, shape (n_models, n_rows, n_terms).
        pairs: Places of the models to compare.
        units: What is independent; None: every row by itself.
        seeds: How far each model's true score scatters from seed to seed: the interval then speaks of any seed's
            network, not only of the one that answered. None: of the models as they are.
        n_together: Comparisons that are to hold together: each interval is widened so that all of them hold with 95 %
            (Bonferroni).
        elsewhere: What the models answered on other rows, as far as that is known.
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Returns:
        An interval a pair; both ends NaN with a single unit, which says nothing of others.
    """
    metric, sign = objective.name, -objective.sign
    units = units or Units.of_rows(len(truth))
    gains = sign * row_influences(metric, truth=truth, terms=terms, weight=weight)
    wrong = if_wrong(metric, truth=truth, terms=terms, weight=weight)
    tail = TAIL / n_together
    known = seeds or [None] * len(terms)
    there = None if elsewhere is None else elsewhere.influences(metric)
    intervals = []
    for one, other in pairs:
        unseen, others = [], None
        if elsewhere is not None and there is not None:
            others = Others.of(sign * (there[one] - there[other]), elsewhere.n_units)
        if wrong is not None:
            alone = sign * wrong[one] - gains[other], gains[one] - sign * wrong[other]
            unseen = unseen_of(metric, alone, truth=truth, elsewhere=elsewhere)
        reach = math.hypot(*(spread.reach(tail) for spread in (known[one], known[other]) if spread))
        low, high = mean_limits(
            gains[one] - gains[other], units=units, tail=tail, unseen=unseen, seeds=reach, others=others
        )
        intervals.append(Estimate(value=float(gains[one].mean() - gains[other].mean()), low=low, high=high))
    return intervals


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """How far a model's true score scatters from seed to seed: what is left of a spread when rows' part is taken away.

    Args:
        total: Variance of one network's score, that of finite rows included.
        of_rows: What finite rows bring of it.
        degrees: Degrees of freedom the total is known with.
    """

    total: float
    of_rows: float
    degrees: float

    @property
    def sd(self) -> float:
        """Standard deviation of one network's true score; 0 where rows alone explain the spread."""
        return math.sqrt(max(0.0, self.total - self.of_rows))

    def reach(self, tail: float) -> float:
        """How far it reaches to a side beyond which so much of the chance lies.

        A spread of few degrees that rows happen to explain is no proof that seeds add nothing, so the limits are taken
        apart, not the variances.

        Source: modified large-sample limits, Burdick and Graybill 1992, *Confidence intervals on variance components*.
        """
        from scipy.special import ndtri, stdtrit

        of_all, of_rows = float(stdtrit(self.degrees, 1 - tail)), float(ndtri(1 - tail))
        return math.sqrt(max(0.0, of_all**2 * self.total - of_rows**2 * self.of_rows))


def paired_over_repeats(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    *,
    objective: Objective,
    test_to_train: float,
    spread: Spread | None = None,
) -> tuple[Estimate, float]:
    """The mean difference over repeats that both were trained and judged in, and how likely chance alone makes it.

    Args:
        one: Scores of the first, shape (n_repeats,), at least two.
        other: Scores of the second in the same repeats.
        objective: What the scores are.
        test_to_train: Validation rows per training row.
        spread: Of the differences, where more is known of it than these repeats tell.

    Returns:
        The difference with its 95 % interval, and the two-sided p-value.

    Source: the corrected resampled t-test of Nadeau and Bengio 2003, doi 10.1023/A:1024068626366.
    """
    from scipy.stats import t as student

    differences = -objective.sign * (np.asarray(one) - np.asarray(other))
    n_repeats = len(differences)
    mean = float(differences.mean())
    spread = spread or Spread(variance=float(differences.var(ddof=1)), degrees=n_repeats - 1)
    error = float(np.sqrt(corrected_factor(n_repeats, test_to_train=test_to_train) * spread.variance))
    if error == 0:
        return Estimate(value=mean, low=mean, high=mean), 1.0 if mean == 0 else 0.0
    reach = float(student.ppf(1 - TAIL, spread.degrees)) * error
    p_value = 2 * float(student.sf(abs(mean) / error, spread.degrees))
    return Estimate(value=mean, low=mean - reach, high=mean + reach), p_value


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far differences scatter from repeat to repeat.

    Args:
        variance: Of one repeat's difference.
        degrees: Degrees of freedom it is known with.
    """

    variance: float
    degrees: float


def moderated(differences: NDArray[np.float64]) -> list[Spread]:
    """The spread of each of several differences, each learning from the others how large a spread is usual here.

    With two or three repeats a spread by itself is hardly known, and no difference could be shown. The more alike the
    spreads of all are, the more each is drawn to their common value, and the more degrees of freedom it has.

    Args:
        differences: Shape (n_differences, n_repeats), at least two repeats.

    Source: Smyth 2004, *Linear models and empirical Bayes methods*, doi 10.2202/1544-6115.1027, sections 3 and 6.2.
    """
    from scipy.special import digamma, polygamma

    n_differences, n_repeats = differences.shape
    own = n_repeats - 1
    variances = differences.var(axis=1, ddof=1)
    known = variances[variances > 0]
    if len(known) < 2:
        return [Spread(variance=float(variance), degrees=own) for variance in variances]
    logs = np.log(known) - digamma(own / 2) + np.log(own / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, own / 2))
    if excess > 0:
        prior = 2 * _trigamma_inverse(excess)
        usual = float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2)))
    else:
        prior, usual = math.inf, float(np.exp(logs.mean()))
    degrees = min(own + prior, own * n_differences)
    weight = 0.0 if math.isinf(prior) else own / (own + prior)
    return [Spread(variance=weight * float(variance) + (1 - weight) * usual, degrees=degrees) for variance in variances]


def _trigamma_inverse(value: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: polygamma(1, x) - value, 1e-6, 1e8))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that the chance of one false finding among all is what each says.

    Source: Holm 1979, *A simple sequentially rejective multiple test procedure*.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = largest
    return adjusted
