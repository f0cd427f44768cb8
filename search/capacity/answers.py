"""What the tuned network of every cell answers on test and training rows, in one unit for all seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.capacity.plan import Training
from ffsearch.search.data.problem import Split
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.heads import Head, TargetScale, Task, values
from ffsearch.search.scoring import answers_from_logits, constant_answer, truth_of

if TYPE_CHECKING:
    from ffsearch.search.capacity.study import Study
    from ffsearch.search.data.prepare import SealedRows

__all__ = ["Answered", "answer"]

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the tuned networks answered on rows that chose nothing.

    Args:
        places: Place of each cell's learning rate in the grid.
        truth: As `metrics` wants it.
        groups: Number of each test row's group, or None.
        test: Objective on the test rows, shape (n_cells, n_seeds).
        train: The same on the rows each was trained on.
        naive_train: What knowing nothing scores on those rows, mean over seeds.
        answers: Probabilities or values, float32 (n_cells, n_seeds, n_rows, n_outputs).
        terms: What every test row adds to the objective, float32 (n_cells, n_seeds, n_rows, n_terms).
        diverged: Whether a network diverged, and knowing nothing stands in its place, bool (n_cells, n_seeds).
    """

    places: tuple[int, ...]
    truth: Array
    groups: NDArray[np.int64] | None
    test: NDArray[np.float64]
    train: NDArray[np.float64]
    naive_train: float
    answers: NDArray[np.float32]
    terms: NDArray[np.float32]
    diverged: NDArray[np.bool_]


def answer(parts: Study, sealed: SealedRows) -> Answered:
    """Ask every tuned network.

    Args:
        parts: The study, all its cells tuned.
        sealed: The test rows, opened.
    """
    told = parts.values
    places = tuple(parts.plan.rates.best(parts.plan.scores_of(cell, told)) for cell in range(len(parts.plan.cells)))
    head, metric, unit = parts.problem.head, parts.objective.name, _Unit(parts.problem.head, parts.problem.splits[0])
    truth = unit.truth(sealed.y)
    columns = [_of_seed(parts, seed, places, told, sealed, unit) for seed in range(parts.plan.n_seeds)]
    answers = np.stack([column.answers for column in columns], axis=1)
    return Answered(
        places=places,
        truth=truth,
        groups=parts.prepared.test_groups(),
        test=np.array([[METRICS[head.task][metric](truth, one) for one in of_cell] for of_cell in answers]),
        train=np.stack([column.train for column in columns], axis=1),
        naive_train=float(np.mean([column.naive_train for column in columns])),
        answers=answers,
        terms=np.array(
            [[row_terms(head.task, metric, truth=truth, answers=one) for one in of_cell] for of_cell in answers]
        ),
        diverged=np.stack([column.diverged for column in columns], axis=1),
    )


@dataclass(frozen=True, kw_only=True)
class _Column:
    """All cells of one seed: answers (n_cells, n_rows, n_outputs), scores and flags (n_cells,)."""

    answers: NDArray[np.float32]
    train: NDArray[np.float64]
    naive_train: float
    diverged: NDArray[np.bool_]


def _of_seed(
    parts: Study,
    seed: int,
    places: tuple[int, ...],
    told: Mapping[Training, float | None],
    sealed: SealedRows,
    unit: _Unit,
) -> _Column:
    """One seed at a time, so that only one seed's matrix of the test rows is in memory."""
    split = parts.problem.splits[seed]
    x_test = parts.prepared.repeat_preprocessor(seed).transform(sealed.features)
    measure, truth = METRICS[parts.problem.head.task][parts.objective.name], unit.truth_of_training(split)
    nothing = unit.nothing(split)
    answers, train, diverged = [], [], []
    for cell, place in enumerate(places):
        training = Training(place, cell, seed)
        diverged.append(told[training] is None)
        if diverged[-1]:
            on_test, on_train = (np.broadcast_to(nothing, (len(x), len(nothing))) for x in (x_test, split.x_train))
        else:
            on_test, on_train = (unit.answers(logits, split) for logits in _logits(parts, training, x_test, split))
        answers.append(np.asarray(on_test, np.float32))
        train.append(measure(truth, on_train))
    return _Column(
        answers=np.stack(answers),
        train=np.array(train),
        naive_train=measure(truth, np.broadcast_to(nothing, (len(truth), len(nothing)))),
        diverged=np.array(diverged),
    )


def _logits(parts: Study, training: Training, x_test: NDArray[np.float32], split: Split) -> tuple[Array, Array]:
    """Of one network, on test rows and on its training rows, by the model that defines what is right."""
    from ffsearch.search.model import build_network
    from ffsearch.search.training.keras_trainer import forget_graphs, predictor

    job = parts.plan.job(training)
    model = build_network(job.point, head=parts.problem.head, n_features=parts.problem.n_features, seed=job.seed)
    model.set_weights(parts.networks.weights(job.trial))
    predict = predictor(model)
    found = predict(x_test), predict(split.x_train)
    forget_graphs(collect=False)
    return found


class _Unit:
    """The unit of scores: the target's own; of several targets the standard deviations of the first seed's rows.

    Args:
        head: The end of the networks.
        first: The first seed's split.
    """

    def __init__(self, head: Head, first: Split) -> None:
        self._head = head
        self._common = first.target_scale if head.task is Task.REGRESSION and head.n_outputs > 1 else None

    def truth(self, y: Array) -> Array:
        """Of targets in the user's units, or class numbers."""
        return self._in_common(y)

    def truth_of_training(self, split: Split) -> Array:
        """Of a split's training rows."""
        if self._head.task is not Task.REGRESSION:
            return truth_of(self._head, split.y_train, scale=None)
        return self._in_common(values(self._head, np.asarray(split.y_train, np.float64), scale=_known(split)))

    def answers(self, logits: Array, split: Split) -> Array:
        """Of a network that was trained on a split."""
        if self._head.task is not Task.REGRESSION:
            return answers_from_logits(self._head, logits, scale=None)
        return self._in_common(values(self._head, logits, scale=_known(split)))

    def nothing(self, split: Split) -> Array:
        """The best answer that ignores the features, from a split's training rows, shape (n_outputs,)."""
        if self._head.task is not Task.REGRESSION:
            return constant_answer(self._head, split)
        mean: Array = self.truth_of_training(split).mean(axis=0)
        return mean

    def _in_common(self, given: Array) -> Array:
        return given if self._common is None else (given - self._common.mean) / self._common.scale


def _known(split: Split) -> TargetScale:
    assert split.target_scale is not None
    return split.target_scale
