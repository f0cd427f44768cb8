"""What a mean of several networks gains over one of them, and what it costs to answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import Units
from ffsearch.search.folder.results import Averaged, SealedScores
from ffsearch.search.steps.refitting import Answer, in_unit

if TYPE_CHECKING:
    from ffsearch.search.data.prepare import SealedRows

__all__ = ["weighed_average"]


def weighed_average(
    answer: Answer,
    setting: Setting,
    *,
    sealed: SealedRows,
    mean: NDArray[Any],
    alone: NDArray[Any] | None,
    units: Units,
) -> Averaged | None:
    """What the mean gains over one of its networks on the same rows: of these very networks, not of others.

    Args:
        answer: The model.
        setting: What is predicted and compared.
        sealed: The test rows.
        mean: What the model answered them.
        alone: What its first network answers; None where there is no other.
        units: What is independent among them.

    Returns:
        With the gain; None where one network answers.
    """
    if alone is None or answer.averaged is None:
        return None
    head, objective = setting.head, setting.objective
    truth = in_unit(head, sealed.y, answer)
    predictions = [in_unit(head, one, answer) for one in (mean, alone)]
    weight = sealed.weight
    terms = np.stack(
        [row_terms(head.task, objective.name, truth=truth, predictions=one, weight=weight) for one in predictions]
    )
    (gain,) = paired_over_rows(objective, truth=truth, terms=terms, pairs=[(0, 1)], units=units, weight=weight)
    ((low, high),) = score_intervals(objective.name, truth=truth, terms=terms[1:], units=units, weight=weight)
    metrics = metric_values(head.task, truth, predictions[1], weight)
    single = SealedScores(value=metrics[objective.name], low=low, high=high, metrics=metrics)
    return replace(answer.averaged, gain=gain, single=single)
