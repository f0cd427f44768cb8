"""Which columns carry the answer: the sealed rows asked again with cells shuffled, after everything was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.images import AnyPreprocessor, ImagePreprocessor
from ffsearch.search.data.parsing.spelling import Spelling
from ffsearch.search.evidence.baseline_models.baselines import Baseline, BaselineName
from ffsearch.search.evidence.columns import column_importances, dependence, least_useful, looked_at
from ffsearch.search.evidence.errors_seen import row_losses
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import ColumnFacts
from ffsearch.search.network.heads import Task
from ffsearch.search.steps.refitting import Answer, in_unit

__all__ = ["columns_that_matter"]

N_CURVES: Final = 6
"""Columns whose curve is drawn. Choice: as many as are read."""

_COLUMNS: Final = 14
"""Key of the generator that shuffles."""


def columns_that_matter(
    answer: Answer,
    setting: Setting,
    baselines: Sequence[Baseline],
    *,
    cells: Mapping[str, NDArray[Any]],
    y: NDArray[Any],
    units: Units,
    weight: RowWeight = None,
) -> ColumnFacts | None:
    """What every column is worth to the network and to boosted trees; None where the table has one column.

    Args:
        answer: The saved model.
        setting: What is predicted, and the run's seed.
        baselines: The fitted ones.
        cells: Columns of the sealed rows as the model takes them.
        y: Their targets, in the user's units, or class numbers.
        units: What is independent among them.
        weight: What each weighs; None: all alike.
    """
    if len(cells) < 2 or units.n_units < 2:
        return None
    head, rng = setting.head, generator(setting.seed, Purpose.EVIDENCE, _COLUMNS)
    places = looked_at(len(y), rng=rng)
    raw = {name: values[places] for name, values in cells.items()}
    some = Units.of_labels(units.kind, units.numbers[places])
    truth = in_unit(head, y[places], answer)
    own = None if weight is None else weight[places]

    def of_network(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return in_unit(head, answer.model.predictions_of_cells(columns), answer)

    models = {"network": of_network}
    trees = next((one for one in baselines if one.name is BaselineName.BOOSTING), None)
    if trees is not None:
        models[str(trees.name)] = partial(_of_baseline, trees, answer.rows.preprocessor, answer=answer, setting=setting)
    importances = column_importances(raw, models, task=head.task, truth=truth, units=some, rng=rng, weight=own)
    naive = next(one for one in baselines if one.name is BaselineName.DUMMY) if baselines else None
    knows_nothing = (
        float("nan")
        if naive is None
        else _mean_loss(
            _of_baseline(naive, answer.rows.preprocessor, raw, answer=answer, setting=setting),
            truth,
            task=head.task,
            weight=own,
        )
    )
    offsets = _offsets(answer.rows.preprocessor)
    numbers = [
        one.columns[0] for one in importances if len(one.columns) == 1 and one.is_useful and one.columns[0] in offsets
    ]
    output = _shown_output(head.task, truth)
    return ColumnFacts(
        loss="squared_error" if head.task is Task.REGRESSION else "log_loss",
        network=_mean_loss(of_network(raw), truth, task=head.task, weight=own),
        naive=knows_nothing,
        n_rows=len(places),
        importances=importances,
        curves=tuple(
            replace(curve, at=tuple(place + offsets[curve.column] for place in curve.at))
            for curve in dependence(
                raw, numbers[:N_CURVES], answer.model.predictions_of_cells, output=output, units=some, weight=own
            )
        ),
        output=head.target_names[0] if head.task is Task.REGRESSION else head.labels[output],
        least=least_useful(list(raw), importances),
    )


def _offsets(preprocessor: AnyPreprocessor) -> dict[str, float]:
    """What is added to the cells of a column of numbers to be as the table has them; dates and times have no curve."""
    if isinstance(preprocessor, ImagePreprocessor):
        return {}
    return {one.name: one.reading.offset for one in preprocessor.numbers if isinstance(one.reading, Spelling)}


def _of_baseline(
    baseline: Baseline,
    preprocessor: AnyPreprocessor,
    columns: Mapping[str, NDArray[Any]],
    *,
    answer: Answer,
    setting: Setting,
) -> NDArray[Any]:
    x = preprocessor.matrix(columns, n_rows=len(next(iter(columns.values()))))
    return in_unit(setting.head, baseline.predictions(x), answer)


def _mean_loss(predictions: NDArray[Any], truth: NDArray[Any], *, task: Task, weight: RowWeight) -> float:
    return float(np.average(row_losses(task, truth, predictions), weights=weight))


def _shown_output(task: Task, truth: NDArray[Any]) -> int:
    """The first target; of two classes the second one's probability, of more that of the most frequent."""
    if task is Task.REGRESSION:
        return 0
    return 1 if task is Task.BINARY else int(np.bincount(truth[truth >= 0]).argmax())
