"""What the verdict rests on: what the network and every baseline answered to the same rows, and what elsewhere.

sealed rows, or without any the repeats' validation rows -> terms of every model -> facts
the repeats' validation rows beside sealed ones -> how far differences scatter, and how often a model errs dearly
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.evidence.baseline_models.baselines import Baseline
from ffsearch.search.evidence.facts import AnsweredElsewhere, Facts, facts_of_rows
from ffsearch.search.evidence.predictions import RepeatPredictions, pooled_weight
from ffsearch.search.evidence.scoring import Setting
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import Units, units_of
from ffsearch.search.network.heads import Task

if TYPE_CHECKING:
    from ffsearch.search.steps.repeats import Round
    from ffsearch.search.steps.weighing import Weighed

__all__ = ["NETWORK", "PROPER", "asks_proper", "elsewhere_of", "facts_of", "facts_of_validation"]

NETWORK: Final = "network"
"""What the network is called beside the baselines."""

PROPER: Final = "log_loss"
"""The score of classes that sees whatever is learnt, also where no answer changes."""


def asks_proper(setting: Setting) -> bool:
    """Whether a score beside the objective is asked what was learnt."""
    return setting.head.task is not Task.REGRESSION and setting.objective.name != PROPER


def facts_of_validation(
    weighed: Weighed, baselines: Sequence[Baseline], setting: Setting, margin: float
) -> Facts | None:
    """What the verdict rests on where no rows are sealed: the winner's repeats, whose splits baselines learnt from.

    A row that several repeats have validated on is resampled as one.
    """
    found, objective = _answered(weighed), setting.objective
    shared = _shared_repeats(found, baselines)
    if found is None or not shared:
        return None
    rows = np.concatenate([one.rows for one in shared])
    return facts_of(
        weighed,
        setting,
        np.concatenate([one.truth for one in shared]),
        _terms_of_repeats(weighed, baselines, setting, shared, metric=objective.name),
        units_of(found.guide, rows),
        margin,
        n_rows=len(np.unique(rows)),
        is_sealed=False,
        weight=pooled_weight(shared),
    )


def elsewhere_of(weighed: Weighed, baselines: Sequence[Baseline], setting: Setting) -> AnsweredElsewhere | None:
    """What the winner's repeats and the baselines of the same splits answered to the rows they validated on.

    None by time, where sealed rows come later than all of these.
    """
    found, objective = _answered(weighed), setting.objective
    shared = _shared_repeats(found, baselines)
    if found is None or not shared or found.guide.moments is not None:
        return None
    proper = (
        _terms_of_repeats(weighed, baselines, setting, shared, metric=PROPER, divisor=weighed.divisor)
        if asks_proper(setting)
        else {}
    )
    rows = np.concatenate([one.rows for one in shared])
    return AnsweredElsewhere(
        truth=np.concatenate([one.truth for one in shared]),
        terms=_terms_of_repeats(weighed, baselines, setting, shared, metric=objective.name, divisor=weighed.divisor),
        proper=proper,
        n_units=len(np.unique(rows if found.guide.copies is None else found.guide.copies[rows])),
        weight=pooled_weight(shared),
    )


def _answered(weighed: Weighed) -> Round | None:
    """The winner's repeats as the saved model answers; of a mean that there was no time for, as its networks do."""
    return weighed.finalists if weighed.answered is None else weighed.answered


def _shared_repeats(found: Round | None, baselines: Sequence[Baseline]) -> list[RepeatPredictions]:
    """The repeats whose splits all baselines learnt from; none without baselines."""
    if found is None or not baselines:
        return []
    n_least = min(len(baseline.valid) for baseline in baselines)
    return [one for one in found.predictions if one.repeat <= n_least]


def _terms_of_repeats(
    weighed: Weighed,
    baselines: Sequence[Baseline],
    setting: Setting,
    shared: Sequence[RepeatPredictions],
    *,
    metric: str,
    divisor: float | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Terms of the winner and of every baseline on the validation rows of some repeats, one after the other.

    The winner's logits are divided by the temperature that the refitted network has, where it has one.
    """
    task, trial = setting.head.task, weighed.winner.trial
    of_models = {
        NETWORK: [
            row_terms(
                task, metric, truth=one.truth, predictions=one.predictions(trial, divisor=divisor), weight=one.weight
            )
            for one in shared
        ]
    } | {
        str(baseline.name): [
            # Baselines learn from repeats 1, 2, ...; of the network's some may be missing, so that places differ.
            row_terms(task, metric, truth=one.truth, predictions=baseline.valid[one.repeat - 1], weight=one.weight)
            for one in shared
        ]
        for baseline in baselines
    }
    return {name: np.concatenate(terms) for name, terms in of_models.items()}


def facts_of(
    weighed: Weighed,
    setting: Setting,
    truth: NDArray[Any],
    terms: Mapping[str, NDArray[np.float32]],
    units: Units,
    margin: float,
    *,
    proper: Mapping[str, NDArray[np.float32]] | None = None,
    elsewhere: AnsweredElsewhere | None = None,
    n_rows: int | None = None,
    is_sealed: bool = True,
    weight: NDArray[Any] | None = None,
) -> Facts:
    """The facts of predictions for the same rows, with what is known of the winner beside them."""
    corrected = weighed.corrected
    return facts_of_rows(
        setting.objective,
        truth=truth,
        terms=terms,
        topology=weighed.winner.topology,
        n_params=weighed.winner.n_params,
        margin=margin,
        units=units,
        proper=proper,
        elsewhere=elsewhere,
        seeds=None if corrected is None else corrected.seeds,
        smaller=weighed.smaller,
        chosen_again=None if weighed.finalists is None or corrected is None else corrected.score.chosen_again,
        n_rows=n_rows,
        is_sealed=is_sealed,
        weight=weight,
    )
