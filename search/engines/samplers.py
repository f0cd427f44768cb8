"""Optuna's samplers by the names a space file has for them, each made anew for every trial.

A sampler made from the trial's own seed depends on what was told and on nothing that was drawn before, so a search that
was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ffsearch.errors import SpaceError
from ffsearch.search.base.seeds import Purpose, integer
from ffsearch.spaces.sampling import SAMPLERS

__all__ = ["HOLDS_STATE", "READS_PRUNED", "TWO_OBJECTIVES", "SnappingSampler", "check_installed", "make_sampler"]

READS_PRUNED: Final = frozenset({"tpe", "random", "qmc", "grid"})
"""Samplers that make use of trials in state PRUNED, or of none. The others model complete trials alone: to them a
pruned trial is told as complete with the value it had, lest they never learn where two thirds of the trials end."""

HOLDS_STATE: Final = frozenset({"cmaes", "qmc"})
"""Samplers that keep something beside the trials: a distribution, a counter. It is rebuilt by asking them again."""

TWO_OBJECTIVES: Final = frozenset({"nsga2"})
"""Samplers that are told the number of parameters beside the value, and want both small."""

POPULATION: Final = 20
"""Parents of nsga2, and trials that are drawn at random before there are any. choice: a fifth of the usual 100 trials.
Source: the test's objective, 100 trials, 8 seeds: the area above the front is 16.7 with 20 parents, 16.2 with 10, with
Optuna's 50, which leave half of the trials to chance, and by random search."""

_NEEDS: Final = {
    "gp": ("torch", "PyTorch", "pip install 'ffsearch[gp]'"),
    "cmaes": ("cmaes", "cmaes", "pip install cmaes"),
}


def check_installed(sampler: str) -> None:
    """Refuse a sampler whose library is missing.

    Raises:
        SpaceError: With what to install, and what needs nothing.
    """
    module, library, command = _NEEDS.get(sampler, ("optuna", "Optuna", ""))
    if importlib.util.find_spec(module) is None:
        raise SpaceError(
            f"search.sampler: {sampler} needs {library}, which is not installed. Install it with {command}, "
            f"or choose another sampler: {', '.join(name for name in SAMPLERS['optuna'] if name not in _NEEDS)}."
        )


def make_sampler(name: str, *, seed: int, trial: int, attempt: int = 0) -> BaseSampler:
    """The sampler for one trial.

    Args:
        name: One of Optuna's `SAMPLERS` but grid, which needs none.
        seed: The run's seed.
        trial: The trial to draw.
        attempt: How often it was drawn before.
    """
    own = integer(seed, Purpose.SAMPLER, *((trial, attempt) if attempt else (trial,)))
    independent = RandomSampler(seed=own)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # stated in the project's lower bound on Optuna
        match name:
            case "tpe":
                return TPESampler(seed=own, multivariate=_is_joint(trial))
            case "gp":
                return GPSampler(seed=own, independent_sampler=independent, warn_independent_sampling=False)
            case "cmaes":
                return CmaEsSampler(seed=own, independent_sampler=independent, warn_independent_sampling=False)
            case "qmc":  # one sequence for all trials, so its seed is the run's
                sequence = integer(seed, Purpose.SAMPLER)
                return QMCSampler(
                    seed=sequence, scramble=True, independent_sampler=independent, warn_independent_sampling=False
                )
            case "nsga2":
                return _SteadyNSGAII(population_size=POPULATION, seed=own)
            case _:
                return independent


def _is_joint(trial: int) -> bool:
    """Whether TPE models all parameters of a trial together, or one by one; in turn, trial by trial.

    The joint model knows which values go together and has few trials for so many dimensions; the other learns every
    parameter from all of them and knows nothing else. Where one is blind the other is not, and both learn from what
    either found. Source: docs/samplers.md; either alone needs up to half as many trials again on some table.
    """
    return trial % 2 == 0


class _SteadyNSGAII(NSGAIISampler):
    """NSGA-II whose parents are the best of all trials told so far, not of the last full generation.

    Optuna's generations depend on the order in which trials were told, and are kept beside them; this depends on what
    was told alone, so an interrupted search goes on as if it had not been, and no result waits for its generation.

    Source: Durillo et al. 2009, *On the effect of the steady-state selection scheme in multi-objective genetic
    algorithms*, EMO, LNCS 5467.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:  # noqa: ARG002  (the signature)
        """0, drawn at random, until there are parents; then 1."""
        return int(len(self.get_population(study, 0)) >= POPULATION)

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:  # noqa: ARG002  (the signature)
        """All trials that were told."""
        return study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The best of them: not dominated first, then those that stand alone on the front."""
        return self.select_parent(study, generation) if generation else []


class SnappingSampler(BaseSampler):
    """Another sampler whose draws are moved before they are used.

    Args:
        inner: The sampler that draws.
        snap: From a parameter's name and its draw to what is used.
    """

    def __init__(self, inner: BaseSampler, snap: Callable[[str, Any], Any]) -> None:
        self._inner = inner
        self._snap = snap

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What the inner sampler draws together."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The inner sampler's joint draw, each parameter moved."""
        drawn = self._inner.sample_relative(study, trial, search_space)
        return {name: self._snap(name, param) for name, param in drawn.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The inner sampler's draw of one parameter, moved."""
        return self._snap(param_name, self._inner.sample_independent(study, trial, param_name, param_distribution))

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Pass it on."""
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass it on."""
        self._inner.after_trial(study, trial, state, values)
