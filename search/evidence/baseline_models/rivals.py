"""What the models that a network has to beat have in common: how they choose among settings, and rows they learn from.

A rival's settings are compared on the validation rows of the splits, by the objective, as the points of networks are.
The first setting is learnt on every split before any other one is tried, so that a short budget leaves a whole rival
that chose nothing rather than a part of one that did.

    first setting -> every split -> others, on as many splits as judge well -> the best -> the splits that it lacks
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.aside import done_aside
from ffsearch.search.base.environment import n_cpus
from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.problem import Split
from ffsearch.search.evidence.metrics import METRICS, resolve_objective
from ffsearch.search.evidence.scoring import predictions_from_logits, truth_of
from ffsearch.search.network.heads import Head, Task
from ffsearch.search.training.balance import class_numbers, class_weights
from ffsearch.search.wording.finding import Finding

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import Refit

__all__ = [
    "Constant",
    "FittedModel",
    "LearntRows",
    "Made",
    "Tuned",
    "largest_rows",
    "medians",
    "n_judges",
    "split_loss",
    "tune",
    "weighings",
]

MIN_CAPPED_ROWS: Final = 2_000
"""No cap leaves fewer rows. choice: with many columns and classes time has to give way."""

JUDGING_ROWS: Final = 1_000
"""Validation rows that tell settings apart; splits are added until there are as many.

choice: settings are worth a few hundredths of a loss, which is what a thousand rows see.
"""

OF_ANSWERS: Final = frozenset({"accuracy", "balanced_accuracy", "roc_auc"})
"""Objectives that a weighted model may be better by; by the log loss it is worse, for its probabilities are shifted."""


class FittedModel(Protocol):
    """A rival that has learnt."""

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities (n_rows, n_classes), or standardised targets (n_rows, n_targets)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A model of all rows, and the outputs on validation rows of its like.

    Args:
        model: Learnt from all development rows.
        valid: Outputs on the validation rows of every split.
        settings: What it chose on these rows.
        fixed: What nothing chose.
        n_tried: How many settings it chose among; 1 where it had no choice.
        notes: What was cut short.
    """

    model: FittedModel
    valid: Sequence[NDArray[np.float64]]
    settings: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    n_tried: int = 1
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant:
    """One answer for all rows.

    Args:
        answer: Probabilities or standardised targets, shape (n_outputs,).
    """

    answer: NDArray[np.float64]

    @classmethod
    def of(
        cls, head: Head, y: NDArray[Any], *, metric: str, weight: NDArray[np.floating[Any]] | None = None
    ) -> Constant:
        """The best there is for some rows.

        Args:
            head: What is predicted.
            y: Targets of the rows, as a `Split` holds them.
            metric: The objective; for `mae` the best constant is the median.
            weight: What each row weighs, shape (n_rows,); None: all alike.
        """
        if head.task is Task.REGRESSION:
            exact = y.astype(np.float64)
            if metric == "mae":
                return cls(answer=medians(exact, weight))
            return cls(answer=np.asarray(np.average(exact, axis=0, weights=weight)))
        own = np.ones(len(y)) if weight is None else weight.astype(np.float64)
        shares = np.bincount(class_numbers(y), weights=own, minlength=len(head.labels)) / own.sum()
        return cls(answer=shares)

    def outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The same for every row."""
        return np.tile(self.answer, (len(x), 1))


def medians(values: NDArray[np.float64], weight: NDArray[np.floating[Any]] | None) -> NDArray[np.float64]:
    """The median of every column, shape (n_outputs,): half way between two values, where so much lies on each side."""
    if weight is None:
        return np.asarray(np.median(values, axis=0))
    found = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        total = np.cumsum(weight[order], dtype=np.float64)
        low, high = (int(np.searchsorted(total, total[-1] / 2, side)) for side in ("left", "right"))
        found.append((column[order[low]] + column[order[min(high, len(order) - 1)]]) / 2)
    return np.array(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntRows:
    """Rows a model learns from.

    Args:
        x: Matrix, shape (n_rows, n_features).
        y: Targets as a `Split` holds them.
        weight: Of each row, mean 1, shape (n_rows,); None when all count alike.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    weight: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, split: Split) -> LearntRows:
        """The training rows of a split."""
        return cls(x=split.x_train, y=split.y_train, weight=split.train_weight)

    @classmethod
    def of_all(cls, refit: Refit) -> LearntRows:
        """All development rows."""
        return cls(x=refit.x, y=refit.y, weight=refit.weight)

    def drawn(self, largest: int, *, seed: int, key: int) -> LearntRows:
        """As many rows, drawn at random, where there are more.

        Args:
            largest: How many at most.
            seed: The run's seed.
            key: Whose rows they are.
        """
        if len(self.x) <= largest:
            return self
        rows = np.sort(generator(seed, Purpose.BASELINE, key).permutation(len(self.x))[:largest])
        weight = None if self.weight is None else self.weight[rows] / self.weight[rows].mean()
        return LearntRows(x=self.x[rows], y=self.y[rows], weight=weight)

    def weighted(self, *, is_balanced: bool) -> LearntRows:
        """The same rows, weighing so that all classes count alike, if they are to."""
        if not is_balanced:
            return self
        return LearntRows(x=self.x, y=self.y, weight=class_weights(class_numbers(self.y), self.weight))


def largest_rows(n_columns: int, n_cells: int) -> int:
    """How many rows of so many columns have no more cells than that."""
    return max(MIN_CAPPED_ROWS, n_cells // max(1, n_columns))


def weighings(head: Head, metric: str, *, is_balanced: bool) -> tuple[bool, ...]:
    """Whether a rival may weigh its rows so that classes count alike: it may where networks do, or the objective asks.

    Args:
        head: What is predicted.
        metric: The objective.
        is_balanced: Whether networks are balanced, in whatever way: a weight does for any model what drawing does.
    """
    if head.task is Task.REGRESSION:
        return (False,)
    return (False, True) if is_balanced or metric in OF_ANSWERS else (False,)


def split_loss(head: Head, metric: str, split: Split, outputs: NDArray[np.float64]) -> float:
    """The objective of a rival on the validation rows of a split, the less the better; infinite where it is undefined.

    Args:
        head: What is predicted.
        metric: The objective.
        split: Where the rows are.
        outputs: What the rival says of them.
    """
    predictions = outputs
    if head.task is Task.REGRESSION:
        predictions = predictions_from_logits(head, outputs, scale=split.target_scale)
    truth = truth_of(head, split.y_valid, scale=split.target_scale)
    score = METRICS[head.task][metric](truth, predictions, split.valid_weight)
    return resolve_objective(metric, head).sign * score if math.isfinite(score) else math.inf


def n_judges(splits: Sequence[Split]) -> int:
    """How many of the splits tell settings apart: as many as have validation rows enough, one at least."""
    n_seen = np.cumsum([len(split.x_valid) for split in splits])
    return min(len(splits), 1 + int(np.searchsorted(n_seen, JUDGING_ROWS)))


_Setting = TypeVar("_Setting")
_Learnt = TypeVar("_Learnt")


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuned(Generic[_Setting, _Learnt]):
    """A setting that was chosen.

    Args:
        setting: The best.
        learnt: What it learnt from each of the first splits, as far as there was time.
        n_tried: How many settings were compared.
    """

    setting: _Setting
    learnt: Sequence[_Learnt]
    n_tried: int


def tune(
    settings: Sequence[_Setting],
    splits: Sequence[Split],
    *,
    learn: Callable[[_Setting, int, Split], _Learnt],
    loss: Callable[[_Learnt, Split], float | Sequence[float]],
    judge: Callable[[_Setting, int, Split], _Learnt] | None = None,
    n_judges: int,
    is_over: Callable[[], bool],
    further: Callable[[_Setting], Sequence[_Setting]] | None = None,
) -> Tuned[_Setting, _Learnt]:
    """Choose a setting by the mean loss on the splits' validation rows.

    Args:
        settings: The one that is taken where there is no time for others first.
        splits: LearntRows to learn from, and to judge by.
        learn: What a setting comes to on a split of some number.
        loss: What that is worth, or what each of some candidates in it is worth, the best of which counts.
        judge: What is judged in its place, where learning from all rows takes too long to be done for every setting.
        n_judges: How many splits judge.
        is_over: Whether no time is left; asked before everything but the first setting on the first split.
        further: What is worth trying beside the best of the settings; None: nothing.
    """

    def learnt(
        wanted: Sequence[_Setting], numbers: Sequence[int], by: Callable[[_Setting, int, Split], _Learnt]
    ) -> list[_Learnt]:
        jobs = [partial(by, setting, number, splits[number]) for setting in wanted for number in numbers]
        return _side_by_side(jobs, is_over=is_over, asks_first=wanted is not first_setting)

    first_setting = settings[:1]
    first = learnt(first_setting, range(len(splits)), learn)
    judges = range(min(n_judges, len(first)))
    compared: list[tuple[_Setting, list[_Learnt], float]] = []

    def compare(others: Sequence[_Setting], known: list[_Learnt]) -> None:
        judged = known + learnt(others[len(known) // len(judges) :], judges, judge or learn)
        for setting, at in zip(others, range(0, len(judged), len(judges)), strict=False):
            one = judged[at : at + len(judges)]
            if len(one) == len(judges):
                found = np.mean([loss(one[place], splits[place]) for place in judges], axis=0).min()
                compared.append((setting, one, float(found)))

    def best() -> tuple[_Setting, list[_Learnt], float]:
        return min(compared, key=lambda one: one[2])

    compare(settings if len(settings) > 1 else [], first[: len(judges)] if judge is None else [])
    if compared and further is not None:
        compare(further(best()[0]), [])
    setting, kept, _ = best() if compared else (settings[0], first, math.nan)
    if setting == settings[0]:
        return Tuned(setting=setting, learnt=first, n_tried=max(1, len(compared)))
    kept = kept if judge is None else []
    rest = learnt([setting], range(len(kept), len(first)), learn)
    if not kept and not rest:
        return Tuned(setting=settings[0], learnt=first, n_tried=1)
    return Tuned(setting=setting, learnt=[*kept, *rest], n_tried=len(compared))


def _side_by_side(
    jobs: Sequence[Callable[[], _Learnt]], *, is_over: Callable[[], bool], asks_first: bool
) -> list[_Learnt]:
    """What jobs come to, those in front that time is left for.

    Each is done by one thread: they do not wait for each other, as threads that share a fit do.

    Args:
        jobs: What is to be done.
        is_over: Whether no time is left.
        asks_first: Whether this is asked before the first job, too.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import ThreadpoolController

    if not jobs:
        return []
    # What threads would load is loaded here, and libraries are listed once, here: a thread that lists them waits for
    # Python with the loader's lock in its hand, one that loads a library waits for that lock with Python in its own.
    for name in ("sklearn.ensemble", "sklearn.linear_model"):
        import_module(name)
    controller = ThreadpoolController()

    def in_time(number: int) -> list[_Learnt]:
        if (number or asks_first) and is_over():
            return []
        with controller.limit(limits=1, user_api="openmp"):  # which is set for each thread apart
            return [jobs[number]()]

    with controller.limit(limits=1), warnings.catch_warnings():
        # Near its end is near enough for a rival. Filters are the process's, so they are set outside the threads.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = done_aside([partial(in_time, number) for number in range(len(jobs))], n_threads=n_cpus())
    return [one for (one,) in takewhile(bool, found)]
