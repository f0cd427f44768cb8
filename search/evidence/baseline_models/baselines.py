"""What must be beaten for a network to be worth it: knowing nothing, a linear model, boosted trees.

All learn from the matrix and the splits of the networks and answer in the same units, so that answers can be compared
row by row. What each may choose by itself is chosen on the validation rows, by the objective, as the networks' points
are; then all development rows are learnt from, and the test rows answered. What each might choose is told with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.evidence.baseline_models.boosted_trees import MAX_BOOSTING_CELLS, fit_boosting, tree_columns
from ffsearch.search.evidence.baseline_models.linear_model import MAX_LINEAR_CELLS, fit_linear
from ffsearch.search.evidence.baseline_models.rivals import Constant, FittedModel, LearntRows, Made, largest_rows
from ffsearch.search.evidence.scoring import predictions_from_logits
from ffsearch.search.network.heads import Head, TargetScale, Task, values
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Refit

__all__ = ["Baseline", "BaselineName", "fit_baseline", "narrowed"]

_NARROWED: Final = 1000
"""From here on keys of the generators that draw rows before any baseline does."""


class BaselineName(StrEnum):
    """Who has to be beaten."""

    DUMMY = "dummy"
    LINEAR = "linear"
    BOOSTING = "boosting"


@dataclass(frozen=True, kw_only=True, eq=False)
class Baseline:
    """A baseline with what it answered.

    Args:
        name: Which one.
        settings: What it chose on the validation rows.
        fixed: Settings that nothing chose.
        n_tried: How many settings it chose among; 1 where it had no choice.
        valid: Answers to the validation rows of every split, in the unit of scores: probabilities (n_valid, n_classes)
            or values (n_valid, n_targets).
        notes: What was cut short.
        head: What is predicted.
        target_scale: How targets of all development rows were standardised; None for classes.
        model: Learnt from all development rows.
    """

    name: BaselineName
    settings: Mapping[str, float]
    fixed: Mapping[str, float]
    n_tried: int
    valid: tuple[NDArray[np.float64], ...]
    notes: tuple[Finding, ...]
    head: Head = field(repr=False)
    target_scale: TargetScale | None = field(repr=False)
    model: FittedModel = field(repr=False)

    def predictions(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Answers to other rows in the user's units, as the packaged network gives them.

        Args:
            x: Matrix as the refit's preprocessor makes it, shape (n_rows, n_features).
        """
        outputs = self.model.outputs(x)
        return outputs if self.target_scale is None else values(self.head, outputs, scale=self.target_scale)


def fit_baseline(
    name: BaselineName,
    problem: Problem,
    refit: Refit,
    *,
    seed: int,
    metric: str,
    is_balanced: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> Baseline:
    """Let a baseline learn: on every split for its choices and its predictions, then on all development rows.

    Args:
        name: Which one.
        problem: The splits, those of the search or those of the finalists' repeats.
        refit: All development rows.
        seed: The run's seed; the same seed gives the same predictions.
        metric: The objective, by which settings are chosen; for `mae` the best constant is the median.
        is_balanced: Whether classes of unequal size are made to count alike for networks: then a baseline may do so,
            too. It may as well where the objective is one of predictions.
        is_over: Whether no time is left for another split or another setting; asked before each but the first. A
            baseline that learnt from fewer splits has fewer answers in `valid`, and says so in its notes.
    """
    head = problem.head
    match name:
        case BaselineName.DUMMY:
            made = _fit_dummy(problem, refit, metric=metric)
        case BaselineName.LINEAR:
            made = fit_linear(problem, refit, seed=seed, metric=metric, is_balanced=is_balanced, is_over=is_over)
        case BaselineName.BOOSTING:
            made = fit_boosting(problem, refit, seed=seed, metric=metric, is_balanced=is_balanced, is_over=is_over)
    return Baseline(
        name=name,
        settings=made.settings,
        fixed=made.fixed,
        n_tried=made.n_tried,
        valid=tuple(
            outputs
            if head.task is not Task.REGRESSION
            else predictions_from_logits(head, outputs, scale=split.target_scale)
            for outputs, split in zip(made.valid, problem.splits, strict=False)  # time may have ended splits
        ),
        notes=(*_capped(name, problem, n_rows=len(refit.x)), *made.notes, *_ended(name, made, problem)),
        head=head,
        target_scale=refit.target_scale,
        model=made.model,
    )


def narrowed(problem: Problem, *, seed: int, key: int) -> Problem:
    """The same with no more training rows than any baseline learns from: large matrices need not stay in memory.

    Args:
        problem: The splits.
        seed: The run's seed.
        key: Whose rows they are.
    """
    largest = max(_most_rows(name, problem) for name in BaselineName)

    def fewer(split: Split, place: int) -> Split:
        rows = LearntRows.of(split).drawn(largest, seed=seed, key=_NARROWED + key + place)
        return replace(split, x_train=rows.x, y_train=rows.y, train_weight=rows.weight)

    return replace(problem, splits=tuple(fewer(split, place) for place, split in enumerate(problem.splits)))


def _most_rows(name: BaselineName, problem: Problem) -> int:
    """Rows that a baseline learns from at most; 0 where that is told by none."""
    match name:
        case BaselineName.DUMMY:
            return 0
        case BaselineName.LINEAR:
            n_classes = len(problem.head.labels) if problem.head.task is Task.MULTICLASS else 1
            return largest_rows(problem.n_features * n_classes, MAX_LINEAR_CELLS)
        case BaselineName.BOOSTING:
            return largest_rows(tree_columns(problem.matrix_columns), MAX_BOOSTING_CELLS)


def _fit_dummy(problem: Problem, refit: Refit, *, metric: str) -> Made:
    head = problem.head
    valid = [
        Constant.of(head, split.y_train, metric=metric, weight=split.train_weight).outputs(split.x_valid)
        for split in problem.splits
    ]
    return Made(model=Constant.of(head, refit.y, metric=metric, weight=refit.weight), valid=valid)


def _ended(name: BaselineName, made: Made, problem: Problem) -> tuple[Finding, ...]:
    n_learnt, n_splits = len(made.valid), len(problem.splits)
    if n_learnt == n_splits:
        return ()
    return (found(Code.BASELINE_SPLITS, model=str(name), n=n_learnt, total=n_splits),)


def _capped(name: BaselineName, problem: Problem, *, n_rows: int) -> tuple[Finding, ...]:
    largest = _most_rows(name, problem)
    return (found(Code.BASELINE_ROWS, model=str(name), n=largest, total=n_rows),) if 0 < largest < n_rows else ()
