"""Whether probabilities mean what they say: the reliability curve, and one temperature that mends them.

validation rows of all repeats -> temperature, its interval       enough errors? 1 left out?
rows of the other repeats -> temperature -> rows of this one      log loss shown to be lower?
all of it -> the saved model divides its logits by it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.intervals import Unseen, evenness, mean_limits, share_interval
from ffsearch.search.evidence.metrics import ECE_BINS, RowWeight, confidence_and_hit, expected_calibration_error
from ffsearch.search.evidence.scoring import predictions_from_logits, truth_of
from ffsearch.search.evidence.terms import if_wrong, row_influences, row_terms, strata
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import TEMPERATURES, Bin, Estimate, Temperature
from ffsearch.search.network.heads import Head, Task, mean_loss, row_losses

__all__ = ["Validated", "expected_if_calibrated", "fit_temperature", "reliability", "weigh_temperature"]

MIN_ERRORS: Final = 20
"""Errors without which no temperature is taken. choice: errors alone keep it from falling, each knows it to about its
own size, and of twenty it is known to a quarter."""

_STEP: Final = 1e-3
"""Of the logarithm of the temperature, for a difference quotient. Choice: float64 has ten digits left."""

_LOG_LOSS: Final = Objective(name="log_loss", direction="minimize")

N_DRAWS: Final = 100
"""Draws of classes behind the calibration error of right probabilities. Choice: they tell it to a twentieth."""


def reliability(
    truth: NDArray[np.int64], probabilities: NDArray[Any], *, units: Units | None = None, weight: RowWeight = None
) -> tuple[Bin, ...]:
    """How often predictions of each confidence are right, in the bins of the calibration error; empty ones left out.

    With two classes the probability of the second is looked at, so that the curve has both ends; with more, that of the
    class answered.

    Args:
        truth: Class numbers, shape (n_rows,).
        probabilities: Shape (n_rows, n_classes).
        units: What is independent; None: every row by itself.
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Source: Niculescu-Mizil and Caruana 2005; Guo et al. 2017, arXiv 1706.04599.
    """
    units = units or Units.of_rows(len(truth))
    confidence, hit = confidence_and_hit(truth, probabilities)
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return tuple(
        Bin(
            confidence=float(np.average(confidence[rows], weights=None if weight is None else weight[rows])),
            n_rows=int(rows.sum()),
            **vars(_share(hit[rows], units.of(rows), None if weight is None else weight[rows])),
        )
        for rows in (place == number for number in np.unique(place))
    )


def _share(hit: NDArray[np.bool_], units: Units, weight: RowWeight) -> Estimate:
    """The share of rows that were hit; copies count as one, and rows of a group for as many as there are groups."""
    share, n_rows = float(np.average(hit, weights=weight)), units.n_effective * evenness(weight)
    return replace(share_interval(share * n_rows, n_rows), value=share)


def expected_if_calibrated(probabilities: NDArray[Any], *, rng: np.random.Generator, weight: RowWeight = None) -> float:
    """The calibration error of a model whose probabilities are right, on as many rows with these probabilities.

    It is above zero, for shares of few rows differ from any probability; only what an error exceeds it by is one.

    Args:
        probabilities: Shape (n_rows, n_classes).
        rng: Draws classes by them.
        weight: What each row weighs, shape (n_rows,); None: all alike.
    """
    sums = np.cumsum(probabilities, axis=1)
    drawn = [
        (rng.random((len(sums), 1)) * sums[:, -1:] > sums).sum(axis=1).clip(max=sums.shape[1] - 1)
        for _ in range(N_DRAWS)
    ]
    return float(np.mean([expected_calibration_error(truth, probabilities, weight) for truth in drawn]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Validated:
    """Rows of one repeat that its network has not learnt from, and what it answered.

    Args:
        rows: Their numbers in the table, shape (n_rows,).
        y: Targets as a `Split` holds them.
        logits: Shape (n_rows, n_outputs).
        weight: What each row weighs, comparable over repeats; None: all alike.
    """

    rows: NDArray[np.int64]
    y: NDArray[Any]
    logits: NDArray[Any]
    weight: NDArray[np.float64] | None = None

    def of(self, kept: NDArray[np.bool_]) -> Validated:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[kept]
        return Validated(rows=self.rows[kept], y=self.y[kept], logits=self.logits[kept], weight=weight)


def _pooled(repeats: Sequence[Validated]) -> Validated:
    """All rows, one repeat after the other."""
    weights = [one.weight for one in repeats if one.weight is not None]
    return Validated(
        rows=np.concatenate([one.rows for one in repeats]),
        y=np.concatenate([one.y for one in repeats]),
        logits=np.concatenate([one.logits for one in repeats]),
        weight=np.concatenate(weights) if weights else None,
    )


def weigh_temperature(head: Head, repeats: Sequence[Validated], *, units: Units) -> Temperature:
    """The temperature that lowers the log loss of all repeats' rows most, and whether it belongs into the model.

    It does where enough rows are answered wrong, its interval leaves 1 out, and it is shown to lower the log loss of
    rows and networks that had no part in it: each repeat's by the temperature that the others' rows give, rows left out
    that both have.

    Args:
        head: Of a binary or multiclass task.
        repeats: What the winner answered in each.
        units: What is independent, of the rows of all repeats one after another; a row of several is one.
    """
    every = _pooled(repeats)
    found = fit_temperature(head, every.y, every.logits, weight=every.weight)
    limits = _limits(head, every, at=found.value, units=units)
    gain = _gain(head, repeats, units=units)
    n_errors = _n_errors(head, every.rows, every.y, every.logits, units=units)
    is_shown = (
        n_errors >= MIN_ERRORS
        and limits is not None
        and not limits[0] <= 1.0 <= limits[1]
        and gain is not None
        and gain.low > 0
    )
    known = replace(found, gain=gain, n_errors=n_errors, in_model=is_shown)
    return known if limits is None else replace(known, low=limits[0], high=limits[1])


def fit_temperature(
    head: Head, y: NDArray[Any], logits: NDArray[Any], *, weight: NDArray[np.float64] | None = None
) -> Temperature:
    """The temperature that lowers the log loss most; 1 leaves probabilities as they are, more makes them milder.

    Ranks and classes answered do not change. Fit it on validation rows, never on the sealed test.

    Args:
        head: Of a binary or multiclass task.
        y: Targets as a `Split` holds them.
        logits: Shape (n_rows, n_outputs).
        weight: What each row weighs, shape (n_rows,); None: all alike.

    Source: Guo et al. 2017, arXiv 1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    assert head.task is not Task.REGRESSION
    low, high = np.log(TEMPERATURES)
    of_mean_one = None if weight is None else weight / weight.mean()

    def loss(at: float) -> float:
        return mean_loss(head, y, logits / np.exp(at), weight=of_mean_one)

    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    before = mean_loss(head, y, logits, weight=of_mean_one)
    if found.fun >= before:
        return Temperature(value=1.0, loss_before=before, loss_after=before)
    return Temperature(value=float(np.exp(found.x)), loss_before=before, loss_after=float(found.fun))


def _limits(head: Head, every: Validated, *, at: float, units: Units) -> tuple[float, float] | None:
    """The 95 % interval of a temperature; None at a bound, and where the loss has no bend there.

    The logarithm of the temperature is where the mean slope of the rows' losses is 0; a row moves it by its own slope
    over the bend of their mean, and the interval is that of a mean of such moves.
    """
    place, (low, high) = float(np.log(at)), np.log(TEMPERATURES)
    logits = every.logits.astype(np.float64)  # differences of losses need its digits
    own = np.ones(len(logits)) if every.weight is None else every.weight / every.weight.mean()
    if not low + 2 * _STEP < place < high - 2 * _STEP:
        return None
    below, here, above = (
        own * row_losses(head, every.y, logits / np.exp(place + step)) for step in (-_STEP, 0.0, _STEP)
    )
    slopes = (above - below) / (2 * _STEP)
    bend = float((above - 2 * here + below).mean()) / _STEP**2
    if not bend > 0:
        return None
    ends = mean_limits(place + slopes.mean() / bend - slopes / bend, units=units, tail=TAIL)
    return float(np.exp(ends[0])), float(np.exp(ends[1]))


def _gain(head: Head, repeats: Sequence[Validated], *, units: Units) -> Estimate | None:
    """Log loss a row that the temperature of the other repeats saves; None where no repeat has others."""
    ends = np.cumsum([len(one.rows) for one in repeats])
    unit_of = np.split(units.numbers, ends[:-1])
    judged, plain, scaled, kept = [], [], [], []
    for place, one in enumerate(repeats):
        apart = [~np.isin(numbers, unit_of[place]) for numbers in unit_of]
        others = [other.of(rows) for other, rows in zip(repeats, apart, strict=True) if rows.any()]
        judged.append(np.full(len(one.rows), bool(others)))
        if not others:
            continue
        learnt = _pooled(others)
        fitted = fit_temperature(head, learnt.y, learnt.logits, weight=learnt.weight)
        kept.append(one)
        plain.append(predictions_from_logits(head, one.logits, scale=None))
        scaled.append(predictions_from_logits(head, one.logits / fitted.value, scale=None))
    if not kept:
        return None
    known, units = _pooled(kept), units.of(np.concatenate(judged))
    truth, weight = truth_of(head, known.y, scale=None), known.weight
    terms = [
        row_terms(head.task, _LOG_LOSS.name, truth=truth, predictions=np.concatenate(of)) for of in (scaled, plain)
    ]
    losses = np.stack(terms)
    saved = np.subtract(*row_influences(_LOG_LOSS.name, truth=truth, terms=losses, weight=weight)[::-1])
    wrong = if_wrong(_LOG_LOSS.name, truth=truth, terms=losses, weight=weight)
    assert wrong is not None
    # Both answer the same class, so an error that was not seen is one of both at once.
    unseen = [Unseen(values=wrong[1] - wrong[0], rows=rows) for rows in strata(_LOG_LOSS.name, truth)]
    low, high = mean_limits(saved, units=units, tail=TAIL, unseen=unseen)
    return Estimate(value=float(saved.mean()), low=low, high=high)


def _n_errors(head: Head, rows: NDArray[np.int64], y: NDArray[Any], logits: NDArray[Any], *, units: Units) -> int:
    """Rows that were answered wrong in some repeat, each counted once, and so are copies."""
    predictions = predictions_from_logits(head, logits, scale=None)
    wrong = predictions.argmax(axis=1) != truth_of(head, y, scale=None)
    numbers = units.numbers if units.kind is UnitKind.COPIES else rows
    return len(np.unique(numbers[wrong]))
