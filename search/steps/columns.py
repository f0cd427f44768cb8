"""Which columns carry the answer: the sealed rows asked again with cells shuffled, after everything was chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, generator
from ffsearch.search.data.features.images import AnyPreprocessor, ImagePreprocessor
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.parsing.spelling import Spelling
from ffsearch.search.evidence.baseline_models.baselines import Baseline, BaselineName
from ffsearch.search.evidence.columns import AskedModel, column_importances, dependence, least_useful, looked_at
from ffsearch.search.evidence.errors_seen import row_losses
from ffsearch.search.evidence.metrics import RowWeight
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import ColumnFacts
from ffsearch.search.network.heads import Task
from ffsearch.search.steps.comparing import NETWORK
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

    asked = _asked_models(answer, setting, baselines, raw, n_rows=len(places))
    shuffled = {name: model for name, model in asked.items() if name != BaselineName.DUMMY}
    importances = column_importances(raw, shuffled, task=head.task, truth=truth, units=some, rng=rng, weight=own)
    losses = {
        name: float(np.average(row_losses(head.task, truth, model.predict(model.x)), weights=own))
        for name, model in asked.items()
    }
    offsets = _offsets(answer.rows.preprocessor)
    numbers = [
        one.columns[0] for one in importances if len(one.columns) == 1 and one.is_useful and one.columns[0] in offsets
    ]
    output = _shown_output(head.task, truth)
    return ColumnFacts(
        loss="squared_error" if head.task is Task.REGRESSION else "log_loss",
        network=losses[NETWORK],
        naive=losses.get(str(BaselineName.DUMMY), float("nan")),
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


def _asked_models(
    answer: Answer, setting: Setting, baselines: Sequence[Baseline], raw: Mapping[str, NDArray[Any]], *, n_rows: int
) -> dict[str, AskedModel]:
    """The network first, then boosted trees and the dummy, each with the rows as it reads them."""
    head, model, learnt = setting.head, answer.model, answer.rows.preprocessor
    assert isinstance(learnt, Preprocessor), "an image has no columns"

    def asked(preprocessor: Preprocessor, predict: Callable[[NDArray[np.float32]], NDArray[Any]]) -> AskedModel:
        return AskedModel(
            x=preprocessor.matrix(raw, n_rows=n_rows),
            places=preprocessor.places,
            predict=lambda x: in_unit(head, predict(x), answer),
        )

    others = {one.name: one for one in baselines}
    known = [others[name] for name in (BaselineName.BOOSTING, BaselineName.DUMMY) if name in others]
    return {
        NETWORK: asked(model.preprocessor, model.predictions_of_matrix),
        **{str(one.name): asked(learnt, one.predictions) for one in known},
    }


def _shown_output(task: Task, truth: NDArray[Any]) -> int:
    """The first target; of two classes the second one's probability, of more that of the most frequent."""
    if task is Task.REGRESSION:
        return 0
    return 1 if task is Task.BINARY else int(np.bincount(truth[truth >= 0]).argmax())
