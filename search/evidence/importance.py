"""Which parameters mattered for coming among the best trials, and whether that is more than chance.

This describes the search as it went, where points of different parameters were never alike in all else. What a change
does to the winner is asked with partners (`effects.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import CONFIDENCE, TAIL
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.results import Importance
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.points import Parameters, searched

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["parameter_importances"]

N_RESAMPLES: Final = 100
"""Resamples of trials. Choice: each takes some 20 ms, and the ends of an interval need to be known to a tenth only."""

N_SHUFFLES: Final = 60
"""Times values are shuffled among trials to see what chance makes. Choice: the largest 5 % are three of them."""

BEST_SHARE: Final = 0.1
"""Share of trials that count as best. Source: Optuna's default; Watanabe et al. 2023, arXiv 2304.10255, section 5."""

MIN_BEST: Final = 5
"""Trials that are at least among the best. Source: Optuna's own advice on PED-ANOVA."""

MIN_TRIALS: Final = 3 * MIN_BEST
"""Fewest trials to say anything. Choice: the best must be a minority."""


def parameter_importances(
    records: Sequence[TrialRecord], parameters: Parameters, *, objective: Objective, rng: np.random.Generator
) -> tuple[Importance, ...]:
    """PED-ANOVA importances of all searched parameters, the most important first.

    Args:
        records: All trials told; those without a value are left out.
        parameters: The space.
        objective: What the values are.
        rng: Where resamples and shuffles are drawn from.

    Returns:
        Empty with fewer than 15 trials, or nothing searched.

    Source: Watanabe, Bansal, Hutter 2023, *PED-ANOVA*, arXiv 2304.10255, as Optuna has it.
    """
    valued = [record for record in records if record.value is not None]
    names = list(searched(parameters))
    if len(valued) < MIN_TRIALS or not names:
        return ()
    trials = _trials(valued, parameters)
    values = np.array([trial.value for trial in trials], np.float64)
    found = _measured(trials, names, objective=objective)
    drawn = [rng.integers(len(trials), size=len(trials)) for _ in range(N_RESAMPLES)]
    resampled = _shares([_measured([trials[at] for at in rows], names, objective=objective) for rows in drawn])
    shuffled = [_with_values(trials, rng.permutation(values)) for _ in range(N_SHUFFLES)]
    chance = np.quantile([_measured(one, names, objective=objective) for one in shuffled], CONFIDENCE, axis=0)
    low, high = np.quantile(resampled, [TAIL, 1 - TAIL], axis=0)
    shares = _shares([found])[0]
    importances = [
        Importance(
            parameter=name,
            value=float(shares[at]),
            low=float(low[at]),
            high=float(high[at]),
            is_shown=bool(found[at] > chance[at]),
        )
        for at, name in enumerate(names)
    ]
    return tuple(sorted(importances, key=lambda one: -one.value))


def _trials(records: Sequence[TrialRecord], parameters: Parameters) -> list[FrozenTrial]:
    from optuna.trial import create_trial

    from ffsearch.search.engines.optuna_space import OptunaSpace

    space = OptunaSpace(parameters)
    return [
        create_trial(value=record.value, params=space.params(record.point), distributions=space.distributions)
        for record in records
    ]


def _with_values(trials: Sequence[FrozenTrial], values: NDArray[np.float64]) -> list[FrozenTrial]:
    from optuna.trial import create_trial

    return [
        create_trial(value=float(value), params=trial.params, distributions=trial.distributions)
        for trial, value in zip(trials, values, strict=True)
    ]


def _measured(trials: Sequence[FrozenTrial], names: Sequence[str], *, objective: Objective) -> NDArray[np.float64]:
    """Importance of every parameter as PED-ANOVA measures it, shape (n_parameters,)."""
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    from ffsearch.search.engines.optuna_tools import quiet_optuna

    share = min(0.5, max(BEST_SHARE, MIN_BEST / len(trials)))
    with quiet_optuna():
        study = optuna.create_study(direction=objective.direction)
        study.add_trials(trials)
        measured = PedAnovaImportanceEvaluator(target_quantile=share).evaluate(study, params=list(names))
    return np.array([measured[name] for name in names])


def _shares(measured: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each a part of the sum; all alike where nothing was told."""
    stacked = np.stack(measured)
    total = stacked.sum(axis=1, keepdims=True)
    return np.where(total > 0, stacked / np.where(total > 0, total, math.nan), 1 / stacked.shape[1])
