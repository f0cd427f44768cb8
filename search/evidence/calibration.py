"""Whether probabilities mean what they say: the reliability curve, and one temperature that would mend them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.intervals import share_interval
from ffsearch.search.evidence.metrics import ECE_BINS
from ffsearch.search.folder.results import Bin, Temperature
from ffsearch.search.network.heads import Head, Task, mean_loss

__all__ = ["fit_temperature", "reliability"]

TEMPERATURES: Final = (0.05, 20.0)
"""Bounds of the temperature. choice: beyond them the logits are not probabilities at all."""


def reliability(truth: NDArray[np.int64], probabilities: NDArray[Any]) -> tuple[Bin, ...]:
    """How often answers of each confidence are right, in the bins of the calibration error; empty ones left out.

    With two classes the probability of the second is looked at, so that the curve has both ends; with more, that of the
    class answered.

    Args:
        truth: Class numbers, shape (n_rows,).
        probabilities: Shape (n_rows, n_classes).

    Source: Niculescu-Mizil and Caruana 2005; Guo et al. 2017, arXiv 1706.04599.
    """
    if probabilities.shape[1] == 2:
        confidence, hit = probabilities[:, 1].astype(np.float64), truth == 1
    else:
        confidence, hit = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return tuple(
        Bin(
            confidence=float(confidence[rows].mean()),
            n_rows=int(rows.sum()),
            **vars(share_interval(int(hit[rows].sum()), int(rows.sum()))),
        )
        for rows in (place == number for number in np.unique(place))
    )


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
