"""The engine of one driver among several: points come from a study in a database that all of them work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, Unpack

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from ffsearch.errors import SpaceError
from ffsearch.search.base.seeds import Purpose, integer
from ffsearch.search.engines.asking import MAX_DRAWS, MAX_EPOCHS, Common, Judge
from ffsearch.search.engines.optuna_engine import N_SAMPLED
from ffsearch.search.engines.optuna_space import OptunaSpace
from ffsearch.search.engines.protocol import Proposal
from ffsearch.search.engines.pruners import FIRST_RUNG
from ffsearch.search.engines.samplers import HOLDS_STATE, TWO_OBJECTIVES, check_installed, make_sampler
from ffsearch.search.engines.shared_study import SharedStudy
from ffsearch.search.folder.trial_record import Told, TrialRecord
from ffsearch.search.network.points import Parameters
from ffsearch.search.network.topology import Point
from ffsearch.spaces.sampling import SAMPLERS

__all__ = ["SHARED_SAMPLERS", "SharedEngine", "check_shared"]

SHARED_SAMPLERS: Final = tuple(
    name for name in SAMPLERS["optuna"] if name not in {*HOLDS_STATE, *TWO_OBJECTIVES, "grid"}
)
"""Samplers that draw a trial from its number and the values told: nothing beside the study has to be shared."""


def check_shared(*, engine: str, sampler: str) -> None:
    """Refuse what several drivers cannot search with.

    Raises:
        SpaceError: With what is legal, or what is to be installed.
    """
    if engine != "optuna" or sampler not in SHARED_SAMPLERS:
        raise SpaceError(
            f"search.sampler: {sampler} of engine {engine} needs more than the trials' values, which are all that "
            "--storage shares. "
            f"Legal with --storage: {', '.join(SHARED_SAMPLERS)} of optuna."
        )
    check_installed(sampler)


class SharedEngine:
    """Proposes points of a shared study. What other drivers tell is in the study, and so the samplers know it.

    Numbers are the study's; those of trials that were lost stay empty. A result depends on its number, which the same
    seed gives the same networks, but which points are drawn depends on which driver was faster.

    Args:
        parameters: The space.
        study: The study, open.
        n_trials: Trials it shall have in the end.
        sampler: One of `SHARED_SAMPLERS`.
        pruner: One of `PRUNERS`; it compares with the trials of this driver and with all that were told.
        **common: See `AskTell`; the objective is the study's.
    """

    name = "optuna"

    def __init__(
        self,
        parameters: Parameters,
        *,
        study: SharedStudy,
        n_trials: int,
        sampler: str,
        pruner: str,
        **common: Unpack[Common],
    ) -> None:
        self.study = study
        self.n_trials = n_trials
        self._space = OptunaSpace(parameters)
        self._judge = Judge(
            pruner,
            first_rung=common.get("first_rung", FIRST_RUNG),
            max_epochs=common.get("max_epochs", MAX_EPOCHS),
        )
        self._sampler = _ByNumber(
            self._space,
            name=sampler,
            seed=common["seed"],
            given=common.get("given", ()),
            allows=common.get("allows", lambda _: True),
            running=self._running_points,
        )

    def ask(self) -> Proposal | None:
        """See `Engine`; None while other drivers have all that are left."""
        asked = self.study.ask(self._sampler, self._space.distributions, n_trials=self.n_trials)
        return None if asked is None else Proposal(trial=asked.number, point=self._space.point(asked.params))

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        """See `Engine`."""
        return self._judge.should_prune(trial, epoch=epoch, valid_loss=valid_loss)

    def should_prune_folds(self, trial: int, losses: Mapping[int, float]) -> bool:
        """See `Engine`."""
        return self._judge.should_prune_folds(trial, losses)

    def commit(self, record: TrialRecord, told: Told) -> bool:
        """Tell the study, durably. Returns whether the trial counts, or was given to another driver meanwhile."""
        return self.study.commit(record, value=told.value)

    def tell(self, told: Told) -> None:
        """Let the pruner know of a trial, one's own or another driver's; the study knows it already."""
        self._judge.note(told)

    def restore(self, history: Sequence[Told]) -> None:
        """Let the pruner know of the trials that were told before."""
        for told in history:
            self._judge.note(told)

    def _running_points(self) -> set[tuple[Any, ...]]:
        names = set(self._space.distributions)
        return {self._space.point(params).identity for params in self.study.running_params() if names <= set(params)}


class _ByNumber(BaseSampler):
    """Draws all parameters of a trial by its number: the given points first, then by a sampler made for the number."""

    def __init__(
        self,
        space: OptunaSpace,
        *,
        name: str,
        seed: int,
        given: Sequence[Point],
        allows: Callable[[Point], bool],
        running: Callable[[], set[tuple[Any, ...]]],
    ) -> None:
        self._space, self._name, self._seed = space, name, seed
        self._given, self._allows, self._running = tuple(given), allows, running

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial  # noqa: ARG002  (the signature)
    ) -> dict[str, BaseDistribution]:  # fmt: skip
        """All parameters are drawn together, so that the point can be refused as a whole."""
        return dict(self._space.distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]  # noqa: ARG002  (the signature)
    ) -> dict[str, Any]:  # fmt: skip
        """A point that may be tried and is not in training, if one is found.

        Raises:
            SpaceError: If nearly all points are too large.
        """
        if trial.number < len(self._given):
            return self._space.params(self._given[trial.number])
        running, second = self._running(), None
        for attempt in range(MAX_DRAWS):
            params = self._drawn(study, trial, attempt)
            point = self._space.point(params)
            if self._allows(point):
                if point.identity not in running:
                    return params
                second = second or params
        if second is None:
            raise SpaceError(
                f"search.max_params: {MAX_DRAWS} points drawn in a row are too large. Raise it, or lower "
                "space.width.high and space.depth.high, so that most points of the space fit."
            )
        return second

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution  # noqa: ARG002
    ) -> NoReturn:  # fmt: skip
        """Never asked for: all parameters are drawn together."""
        raise AssertionError(param_name)

    def _drawn(self, study: Study, trial: FrozenTrial, attempt: int) -> dict[str, Any]:
        if attempt < N_SAMPLED:
            inner = make_sampler(self._name, seed=self._seed, trial=trial.number, attempt=attempt)
        else:
            inner = RandomSampler(seed=integer(self._seed, Purpose.SAMPLER, trial.number, attempt))
        together = inner.infer_relative_search_space(study, trial)
        drawn = inner.sample_relative(study, trial, together)
        for name, distribution in self._space.distributions.items():
            if name not in drawn:
                drawn[name] = inner.sample_independent(study, trial, name, distribution)
        return {name: self._space.snapped(name, drawn[name]) for name in self._space.distributions}
