"""What a set of predictions is worth: every metric of every task, from predictions and truth alone. No Keras here.

Answers are what people get: probabilities of shape (n_rows, n_classes), in the order of the labels, for classes; values
in the target's own unit, of shape (n_rows, n_targets), for regression. Truth is class numbers of shape (n_rows,), where
-1 is a class that no development row had, or values like the predictions.
"""

from __future__ import annotations

import math
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.network.heads import Head, Task
from ffsearch.spaces.pairing import OBJECTIVES

__all__ = [
    "METRICS",
    "bounds",
    "confidence_and_hit",
    "expected_calibration_error",
    "metric_values",
    "placements",
    "resolve_objective",
]

Truth = NDArray[Any]
Answers = NDArray[Any]
RowWeight = NDArray[np.floating[Any]] | None
"""What every row weighs, shape (n_rows,); None when all count alike."""

PROBABILITY_FLOOR: Final = 1e-7
"""A probability counts as no less than this in the log loss: float32's resolution near 1, as Keras clips."""

ECE_BINS: Final = 15
"""Bins of the expected calibration error. Source: Guo et al. 2017, arXiv 1706.04599, section 4."""


def log_loss(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Mean negative log probability of the true class, in nats."""
    losses = -np.log(np.clip(_of_true_class(truth, probabilities), PROBABILITY_FLOOR, 1.0))
    return float(np.average(losses, weights=weight))


def accuracy(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Share of rows whose most probable class is the true one."""
    return float(np.average(_chosen(probabilities) == truth, weights=weight))


def balanced_accuracy(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Mean over the classes present of the share of their rows that were found."""
    classes, index = np.unique(truth, return_inverse=True)
    own = np.ones(len(truth)) if weight is None else weight
    hits = np.bincount(index, weights=own * (_chosen(probabilities) == truth), minlength=len(classes))
    return float(np.mean(hits / np.bincount(index, weights=own, minlength=len(classes))))


def roc_auc(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Area under the ROC curve; for more than two classes the mean over classes, each against the rest.

    Classes without a row, or with all of them, have no curve and do not count; NaN when none is left.
    """
    n_classes = probabilities.shape[1]
    classes = [1] if n_classes == 2 else range(n_classes)
    areas = [_area(truth == number, probabilities[:, number], weight) for number in classes]
    known = [area for area in areas if np.isfinite(area)]
    return float(np.mean(known)) if known else float("nan")


def brier(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Mean squared distance of the probabilities from the truth; for two classes that of the second class alone.

    Source: Brier 1950 for several classes; the binary form is half of it, as scikit-learn reports it.
    """
    hit = truth[:, None] == np.arange(probabilities.shape[1])
    distance = np.sum(np.square(probabilities.astype(np.float64) - hit), axis=1)
    return float(np.average(distance, weights=weight) / (2.0 if probabilities.shape[1] == 2 else 1.0))


def expected_calibration_error(truth: Truth, probabilities: Answers, weight: RowWeight = None) -> float:
    """Gap between confidence and share of hits, averaged over equal bins of confidence by their rows."""
    confidence, hit = confidence_and_hit(truth, probabilities)
    own = np.ones(len(truth)) if weight is None else weight
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.abs(np.bincount(bins, weights=own * (hit - confidence), minlength=ECE_BINS))
    return float(gaps.sum() / own.sum())


def confidence_and_hit(truth: Truth, probabilities: Answers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What a model says of every row and whether it is so: of two classes the second, of more the class answered.

    Of two classes the class answered would do as well, but errors to both sides would cancel in a bin.
    """
    if probabilities.shape[1] == 2:
        return probabilities[:, 1].astype(np.float64), np.asarray(truth == 1)
    return probabilities.max(axis=1).astype(np.float64), np.asarray(_chosen(probabilities) == truth)


def rmse(truth: Truth, values: Answers, weight: RowWeight = None) -> float:
    """Root mean squared error, mean over targets, in the unit of the values."""
    return float(np.mean(np.sqrt(np.average(np.square(values - truth), axis=0, weights=weight))))


def mae(truth: Truth, values: Answers, weight: RowWeight = None) -> float:
    """Mean absolute error, in the unit of the values."""
    return float(np.mean(np.average(np.abs(values - truth), axis=0, weights=weight)))


def r2(truth: Truth, values: Answers, weight: RowWeight = None) -> float:
    """Share of the variance explained, mean over targets; NaN when a target does not vary."""
    mean = np.average(truth, axis=0, weights=weight)
    spread = np.average(np.square(truth - mean), axis=0, weights=weight)
    if np.any(spread == 0):
        return float("nan")
    return float(np.mean(1.0 - np.average(np.square(values - truth), axis=0, weights=weight) / spread))


class Metric(Protocol):
    """A score of predictions; a row of weight w counts as w rows."""

    def __call__(self, truth: Truth, predictions: Answers, weight: RowWeight = None, /) -> float:
        """See the functions above."""
        ...


_OF_CLASSES: Final[dict[str, Metric]] = {
    "log_loss": log_loss,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "roc_auc": roc_auc,
    "brier": brier,
    "ece": expected_calibration_error,
}

METRICS: Final[dict[Task, dict[str, Metric]]] = {
    Task.REGRESSION: {"rmse": rmse, "mae": mae, "r2": r2},
    Task.BINARY: _OF_CLASSES,
    Task.MULTICLASS: _OF_CLASSES,
}
"""The metrics of every task."""

_MAXIMIZED: Final = frozenset({"accuracy", "balanced_accuracy", "roc_auc", "r2"})


def metric_values(task: Task, truth: Truth, predictions: Answers, weight: RowWeight = None) -> dict[str, float]:
    """Every metric of the task, under its name; NaN where it is not defined on these rows."""
    return {name: metric(truth, predictions, weight) for name, metric in METRICS[task].items()}


def resolve_objective(name: str, head: Head, *, key: str = "search.objective") -> Objective:
    """The objective a space file names, or the task's own for `auto`.

    Raises:
        SpaceError: If the metric does not fit the task.
    """
    legal = OBJECTIVES[head.task]
    chosen = legal[0] if name == "auto" else name
    if chosen not in legal:
        raise SpaceError(f"{key}: {name!r} does not fit a {head.task} task; legal here: auto, {', '.join(legal)}.")
    return Objective(name=chosen, direction="maximize" if chosen in _MAXIMIZED else "minimize")


def bounds(name: str) -> tuple[float, float]:
    """The least and the most an objective can be."""
    return (0.0, 1.0) if name in _MAXIMIZED else (0.0, math.inf)


def _chosen(probabilities: Answers) -> NDArray[np.intp]:
    chosen: NDArray[np.intp] = np.argmax(probabilities, axis=1)
    return chosen


def _of_true_class(truth: Truth, probabilities: Answers) -> NDArray[np.float64]:
    """Probability given to what was true; 0 for a class the network cannot name."""
    known = truth >= 0
    given = probabilities[np.arange(len(truth)), np.where(known, truth, 0)]
    return np.where(known, given, 0.0).astype(np.float64)


def placements(positive: NDArray[np.bool_], score: NDArray[Any], weight: RowWeight = None) -> NDArray[np.float64]:
    """Of every row the share of rows of the other kind that it is on the right side of, ties counting half.

    Args:
        positive: Whether each row is of the class, shape (n_rows,); some are and some are not.
        score: What orders the rows, shape (n_rows,).
        weight: What each row weighs.

    Source: DeLong, DeLong and Clarke-Pearson 1988, *Comparing the areas under two or more correlated ROC curves*.
    """

    def share_below(others: NDArray[np.bool_]) -> NDArray[np.float64]:
        values = score[others]
        order = np.argsort(values, kind="stable")
        own = np.ones(len(order)) if weight is None else weight[others][order].astype(np.float64)
        total = np.append(0.0, np.cumsum(own))
        ends = [total[np.searchsorted(values[order], score, side)] for side in ("left", "right")]
        return np.asarray((ends[0] + ends[1]) / (2 * total[-1]))

    return np.where(positive, share_below(~positive), 1 - share_below(positive))


def _area(positive: NDArray[np.bool_], score: Answers, weight: RowWeight) -> float:
    """Area under one ROC curve: the mean placement of its rows; NaN with one class only."""
    if not positive.any() or positive.all():
        return float("nan")
    own = None if weight is None else weight[positive]
    return float(np.average(placements(positive, score, weight)[positive], weights=own))
