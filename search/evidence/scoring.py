"""What a trained candidate is worth on its validation rows, and what knowing nothing would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.objective import Objective
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.evidence.metrics import METRICS, metric_values
from ffsearch.search.network.heads import Head, TargetScale, Task, probabilities, values
from ffsearch.search.training.protocol import Trained

__all__ = [
    "Setting",
    "TrialScore",
    "constant_answer",
    "naive_value",
    "predictions_from_logits",
    "score_folds",
    "truth_of",
]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the scores of a run rest on.

    Args:
        problem: The rows, as matrices.
        objective: What is optimised or compared.
        seed: The run's seed.
    """

    problem: Problem
    objective: Objective
    seed: int

    @property
    def head(self) -> Head:
        """What is predicted."""
        return self.problem.head

    @cached_property
    def naive(self) -> float:
        """What an answer that ignores the features scores on the validation rows."""
        return naive_value(self.problem, self.objective)


@dataclass(frozen=True, kw_only=True)
class TrialScore:
    """A trial's objective and all metrics, each the mean over its folds; NaN where a metric is not defined."""

    value: float
    valid_loss: float
    metrics: dict[str, float]


def score_folds(folds: Sequence[Trained], problem: Problem, objective: Objective) -> TrialScore | None:
    """The score of a trial at its best epochs, or None when no fold came to a finite one.

    Args:
        folds: What its folds came to; those without a best epoch do not count.
        problem: Where the validation rows are.
        objective: What is optimised.
    """
    done = [trained for trained in folds if trained.best_epoch]
    if not done or len(done) < len(folds):
        return None
    each = [_metrics_of_fold(trained, problem) for trained in done]
    means = {name: float(np.mean([metrics[name] for metrics in each])) for name in each[0]}
    if not math.isfinite(means[objective.name]):
        return None
    losses = np.array([trained.lowest_loss for trained in done], np.float64)
    return TrialScore(value=means[objective.name], valid_loss=float(losses.mean()), metrics=means)


def naive_value(problem: Problem, objective: Objective) -> float:
    """What the best answer that ignores the features scores: class shares, or the mean target, of the training rows."""
    head, split = problem.head, problem.splits[0]
    constant = constant_answer(head, split)
    truth = truth_of(head, split.y_valid, scale=split.target_scale)
    predictions = np.broadcast_to(constant, (len(truth), len(constant)))
    return METRICS[head.task][objective.name](truth, predictions, split.valid_weight)


def predictions_from_logits(head: Head, logits: NDArray[Any], *, scale: TargetScale | None) -> NDArray[np.float64]:
    """Answers as `metrics` wants them: probabilities, or values in the unit scores are given in."""
    if head.task is not Task.REGRESSION:
        return probabilities(head, logits)
    return values(head, logits, scale=_scale(head, scale))


def truth_of(head: Head, y: NDArray[Any], *, scale: TargetScale | None) -> NDArray[Any]:
    """Truth as `metrics` wants it, from a head's targets: class numbers, or values in the unit of the predictions."""
    if head.task is not Task.REGRESSION:
        return y.reshape(len(y)).astype(np.int64)
    return values(head, y, scale=_scale(head, scale))


def _scale(head: Head, scale: TargetScale | None) -> TargetScale:
    """The target's own unit where there is one target; standard deviations where several have several units."""
    if scale is not None and head.n_outputs == 1:
        return scale
    return TargetScale(mean=np.zeros(head.n_outputs), scale=np.ones(head.n_outputs))


def _metrics_of_fold(trained: Trained, problem: Problem) -> dict[str, float]:
    head, split = problem.head, problem.splits[trained.job.fold]
    return metric_values(
        head.task,
        truth_of(head, split.y_valid, scale=split.target_scale),
        predictions_from_logits(head, trained.valid_logits, scale=split.target_scale),
        split.valid_weight,
    )


def constant_answer(head: Head, split: Split) -> NDArray[np.float64]:
    """The training rows' class shares, or the mean of their targets in the unit scores are given in."""
    truth = truth_of(head, split.y_train, scale=split.target_scale)
    if head.task is Task.REGRESSION:
        return np.asarray(np.average(truth, axis=0, weights=split.train_weight))
    own = np.ones(len(truth)) if split.train_weight is None else split.train_weight
    shares = np.bincount(truth, weights=own, minlength=len(head.labels))
    return np.asarray(shares / own.sum(dtype=np.float64))
