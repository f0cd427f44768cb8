"""Whether probabilities mean what they say: the reliability curve, and one temperature that would mend them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.intervals import share_interval
from ffsearch.search.evidence.metrics import ECE_BINS, confidence_and_hit, expected_calibration_error
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Bin, Estimate, Temperature
from ffsearch.search.network.heads import Head, Task, mean_loss

__all__ = ["expected_if_calibrated", "fit_temperature", "reliability"]

TEMPERATURES: Final = (0.05, 20.0)
"""Bounds of the temperature. choice: beyond them the logits are not probabilities at all."""


N_DRAWS: Final = 100
"""Draws of classes behind the calibration error of right probabilities. Choice: they tell it to a twentieth."""


def reliability(
    truth: NDArray[np.int64], probabilities: NDArray[Any], *, units: Units | None = None
) -> tuple[Bin, ...]:
    """How often answers of each confidence are right, in the bins of the calibration error; empty ones left out.

    With two classes the probability of the second is looked at, so that the curve has both ends; with more, that of the
    class answered.

    Args:
        truth: Class numbers, shape (n_rows,).
        probabilities: Shape (n_rows, n_classes).
        units: What is independent; None: every row by itself.

    Source: Niculescu-Mizil and Caruana 2005; Guo et al. 2017, arXiv 1706.04599.
    """
    units = units or Units.of_rows(len(truth))
    confidence, hit = confidence_and_hit(truth, probabilities)
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return tuple(
        Bin(
            confidence=float(confidence[rows].mean()),
            n_rows=int(rows.sum()),
            **vars(_share(hit[rows], units.of(rows))),
        )
        for rows in (place == number for number in np.unique(place))
    )


def _share(hit: NDArray[np.bool_], units: Units) -> Estimate:
    """The share of rows that were hit; copies count as one, and rows of a group for as many as there are groups."""
    share, n_rows = float(hit.mean()), units.n_effective
    return replace(share_interval(share * n_rows, n_rows), value=share)


def expected_if_calibrated(probabilities: NDArray[Any], *, rng: np.random.Generator) -> float:
    """The calibration error of a model whose probabilities are right, on as many rows with these probabilities.

    It is above zero, for shares of few rows differ from any probability; only what an error exceeds it by is one.

    Args:
        probabilities: Shape (n_rows, n_classes).
        rng: Draws classes by them.
    """
    sums = np.cumsum(probabilities, axis=1)
    drawn = [
        (rng.random((len(sums), 1)) * sums[:, -1:] > sums).sum(axis=1).clip(max=sums.shape[1] - 1)
        for _ in range(N_DRAWS)
    ]
    return float(np.mean([expected_calibration_error(truth, probabilities) for truth in drawn]))


def fit_temperature(head: Head, y: NDArray[Any], logits: NDArray[Any]) -> Temperature:
    """The temperature that lowers the log loss most; 1 leaves probabilities as they are, more makes them milder.

    Ranks and classes answered do not change. Fit it on validation rows, never on the sealed test.

    Args:
        head: Of a binary or multiclass task.
        y: Targets as a `Split` holds them.
        logits: Shape (n_rows, n_outputs).

    Source: Guo et al. 2017, arXiv 1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    assert head.task is not Task.REGRESSION
    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(lambda at: mean_loss(head, y, logits / np.exp(at)), bounds=(low, high), method="bounded")
    before = mean_loss(head, y, logits)
    if found.fun >= before:
        return Temperature(value=1.0, loss_before=before, loss_after=before)
    return Temperature(value=float(np.exp(found.x)), loss_before=before, loss_after=float(found.fun))
