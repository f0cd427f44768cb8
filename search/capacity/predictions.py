"""What the tuned network of every cell answers on test and training rows, in one unit for all seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.capacity.plan import Training
from ffsearch.search.data.features.problem import Split
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.scoring import constant_answer, predictions_from_logits, truth_of
from ffsearch.search.evidence.terms import everyday_terms, row_terms
from ffsearch.search.evidence.units import Units, units_of
from ffsearch.search.network.heads import Head, TargetScale, Task, values
from ffsearch.search.network.model import build_network
from ffsearch.search.training.keras_trainer import forget_graphs, predictor

if TYPE_CHECKING:
    from ffsearch.search.capacity.networks import NetworkStore
    from ffsearch.search.capacity.setup import Study
    from ffsearch.search.data.prepare import SealedRows

__all__ = ["Answered", "answer"]

Array = NDArray[Any]
Matrix = NDArray[np.float32]

_COLLECT_EVERY: Final = 8
"""Cells between two collections of cyclic garbage, which models and graphs are. choice: that of the Keras trainer."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the tuned networks answered on rows that chose nothing.

    Args:
        places: Place of each cell's learning rate in the grid.
        truth: As `metrics` wants it.
        units: What is independent among the test rows.
        test: Objective on the test rows, shape (n_cells, n_seeds).
        train: The same on the rows each was trained on.
        naive_train: What knowing nothing scores on those rows, mean over seeds, shape (n_cells,).
        predictions: Probabilities or values, float32 (n_cells, n_seeds, n_rows, n_outputs).
        terms: What every test row adds to the objective, float32 (n_cells, n_seeds, n_rows, n_terms).
        everyday: What it adds to the score of the book's figures, float32 (n_cells, n_seeds, n_rows, 1).
        everyday_train: That score on the rows each was trained on, shape (n_cells, n_seeds).
        diverged: Whether a network diverged, and knowing nothing stands in its place, bool (n_cells, n_seeds).
        weight: What every test row weighs, shape (n_rows,); None: all alike.
    """

    places: tuple[int, ...]
    truth: Array
    units: Units
    test: NDArray[np.float64]
    train: NDArray[np.float64]
    naive_train: NDArray[np.float64]
    predictions: NDArray[np.float32]
    terms: NDArray[np.float32]
    everyday: NDArray[np.float32]
    everyday_train: NDArray[np.float64]
    diverged: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None

    def of(self, cells: slice) -> Answered:
        """Those of some cells."""
        parts = {name: getattr(self, name)[cells] for name in _OF_CELLS}
        return replace(self, **parts)


_OF_CELLS: Final = (
    "places", "test", "train", "naive_train", "predictions", "terms", "everyday", "everyday_train", "diverged",
)  # fmt: skip


def answer(
    study: Study, sealed: SealedRows, *, losses: Mapping[Training, float | None], networks: NetworkStore
) -> Answered:
    """Ask every tuned network.

    Args:
        study: What is compared, all its cells tuned.
        sealed: The test rows, opened.
        losses: What every training came to, lower is better; None: it diverged.
        networks: Weights of the tuned networks.
    """
    plan = study.plan
    places = tuple(plan.rates.best(plan.scores_of(cell, losses)) for cell in range(len(plan.cells)))
    head, metric, unit = study.problem.head, study.objective.name, _Unit(study.problem.head, study.problem.splits[0])
    truth, weight = unit.truth(sealed.y), sealed.weight
    cells: list[_Predictions] = []
    for size in range(len(plan.shares)):
        x_test = _test_matrices(study, size, sealed)
        cells += [
            _of_cell(study, number, places[number], losses, networks, x_test, unit)
            for number, cell in enumerate(plan.cells)
            if cell.size == size
        ]
    predictions = np.stack([cell.predictions for cell in cells])
    of_rows = partial(row_terms, head.task, metric, truth=truth, weight=weight)
    of_figures = partial(everyday_terms, head.task, truth=truth, weight=weight)
    return Answered(
        places=places,
        truth=truth,
        units=units_of(study.inputs.prepared.dealt.guide, study.inputs.prepared.splits.test),
        test=np.array([[METRICS[head.task][metric](truth, one, weight) for one in of_cell] for of_cell in predictions]),
        train=np.stack([cell.train for cell in cells]),
        naive_train=np.array([cell.naive_train for cell in cells]),
        predictions=predictions,
        terms=np.array([[of_rows(predictions=one) for one in of_cell] for of_cell in predictions]),
        everyday=np.array([[of_figures(predictions=one) for one in of_cell] for of_cell in predictions]),
        everyday_train=np.stack([cell.everyday_train for cell in cells]),
        diverged=np.stack([cell.diverged for cell in cells]),
        weight=weight,
    )


def _test_matrices(study: Study, size: int, sealed: SealedRows) -> list[Matrix]:
    """The test rows as every seed sees them, a quarter of what its training rows already take in memory."""
    share = study.plan.shares[size]
    prepared = study.inputs.prepared
    preprocessors = [prepared.repeat_preprocessor(seed, share=share) for seed in range(study.plan.n_seeds)]
    cells = prepared.sealed_cells(preprocessors[0], sealed)[0]  # all have learnt from the same columns
    return [one.matrix(cells, n_rows=len(sealed.features)) for one in preprocessors]


@dataclass(frozen=True, kw_only=True)
class _Predictions:
    """All seeds of one cell: predictions (n_seeds, n_rows, n_outputs), scores and flags (n_seeds,)."""

    predictions: NDArray[np.float32]
    train: NDArray[np.float64]
    everyday_train: NDArray[np.float64]
    naive_train: float
    diverged: NDArray[np.bool_]


def _of_cell(
    study: Study,
    cell: int,
    place: int,
    losses: Mapping[Training, float | None],
    networks: NetworkStore,
    x_test: Sequence[Matrix],
    unit: _Unit,
) -> _Predictions:
    """All seeds of a cell by one model whose weights are set anew: building and tracing is what takes time."""
    problem = study.rows[study.plan.cells[cell].size].problem
    measure = METRICS[problem.head.task][study.objective.name]
    job = study.plan.job(Training(place, cell, 0))
    model = build_network(job.point, head=problem.head, n_features=problem.n_features, seed=job.seed)
    predict = predictor(model)
    predictions, train, everyday, naive, diverged = [], [], [], [], []
    for seed, split in enumerate(problem.splits):
        training = Training(place, cell, seed)
        truth, nothing, matrices = unit.truth_of_training(split), unit.nothing(split), (x_test[seed], split.x_train)
        diverged.append(losses[training] is None)
        if diverged[-1]:
            on_test, on_train = (np.broadcast_to(nothing, (len(x), len(nothing))) for x in matrices)
        else:
            model.set_weights(networks.weights(study.plan.number(training)))
            on_test, on_train = (unit.predictions(predict(x), split) for x in matrices)
        predictions.append(np.asarray(on_test, np.float32))
        own = split.train_weight
        train.append(measure(truth, on_train, own))
        everyday.append(
            np.average(
                everyday_terms(problem.head.task, truth=truth, predictions=np.asarray(on_train), weight=own)[:, 0],
                weights=own,
            )
        )
        naive.append(measure(truth, np.broadcast_to(nothing, (len(truth), len(nothing))), own))
    forget_graphs(collect=cell % _COLLECT_EVERY == 0)
    return _Predictions(
        predictions=np.stack(predictions),
        train=np.array(train),
        everyday_train=np.array(everyday),
        naive_train=float(np.mean(naive)),
        diverged=np.array(diverged),
    )


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

    def predictions(self, logits: Array, split: Split) -> Array:
        """Of a network that was trained on a split."""
        if self._head.task is not Task.REGRESSION:
            return predictions_from_logits(self._head, logits, scale=None)
        return self._in_common(values(self._head, logits, scale=_known(split)))

    def nothing(self, split: Split) -> Array:
        """The best answer that ignores the features, from a split's training rows, shape (n_outputs,)."""
        if self._head.task is not Task.REGRESSION:
            return constant_answer(self._head, split)
        return np.asarray(np.average(self.truth_of_training(split), axis=0, weights=split.train_weight))

    def _in_common(self, given: Array) -> Array:
        return given if self._common is None else (given - self._common.mean) / self._common.scale


def _known(split: Split) -> TargetScale:
    assert split.target_scale is not None
    return split.target_scale
