"""KerasTuner's oracles behind ask and tell.

Of an oracle only `populate_space` is used, which names the next values: what else it does is to write files, to print,
and to take a lock that an exception leaves locked. What it knows of trials is given to it, from what was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import Any, Final, Unpack

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial
from threadpoolctl import threadpool_limits

from ffsearch.errors import SpaceError
from ffsearch.search.base.seeds import Purpose, integer
from ffsearch.search.engines.asking import MAX_DRAWS, MAX_EPOCHS, AskTell, Common
from ffsearch.search.engines.hyperband import Rounds
from ffsearch.search.engines.keras_tuner_space import KerasTunerSpace, with_values
from ffsearch.search.engines.pruners import FIRST_RUNG
from ffsearch.search.engines.surrogate import Surrogate
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.points import Parameters, grid_values, point_from_values
from ffsearch.search.network.topology import Point

__all__ = ["KerasTunerEngine"]

N_RANDOM: Final = 10
"""Trials before the Gaussian process is asked.

Source: Optuna's TPESampler, n_startup_trials. DIFFERS: KerasTuner takes three for every parameter, 24 in the shipped
space, which is most of a short search.
"""

ALPHA: Final = 1e-4
"""Variance of the noise the Gaussian process expects. Source: KerasTuner's default."""

_OBJECTIVE: Final = keras_tuner.Objective("value", direction="min")


class KerasTunerEngine(AskTell):
    """Proposes points with one of KerasTuner's oracles.

    Args:
        parameters: The space, as `SearchSpace.parameters` gives it.
        sampler: bayesian, hyperband, random or grid.
        pruner: asha, hyperband, median, one_epoch, wilcoxon or none.
        **common: See `AskTell`; hyperband divides its `max_epochs`.

    Raises:
        SpaceError: If the sampler or pruner is unknown.
    """

    name = "keras-tuner"

    def __init__(
        self,
        parameters: Parameters,
        *,
        sampler: str = "bayesian",
        pruner: str = "asha",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(parameters, sampler=sampler, pruner=pruner, **common)
        self._space = KerasTunerSpace(parameters)
        self._trials: dict[str, Trial] = {}
        self._max_epochs = common.get("max_epochs", MAX_EPOCHS)
        self._epochs: dict[int, int] = {}
        self._walk = Walk(parameters, seed=self._seed) if sampler == "grid" else None
        self._rounds = Rounds(
            self._space.hyperparameters,
            objective=_OBJECTIVE,
            max_epochs=self._max_epochs,
            first_epochs=common.get("first_rung", FIRST_RUNG),
            seed=1,
        )
        self._rounds.trials = self._trials

    def check_trials(self, n_trials: int) -> None:
        """Refuse a search that ends before hyperband has trained a network to its end.

        Raises:
            SpaceError: With the rounds of the first bracket.
        """
        rounds = self._rounds.first_bracket()
        needed = 1 + sum(n for n, _ in rounds)
        if self._sampler == "hyperband" and n_trials < needed:
            words = ", then ".join(f"{n} of {n_epochs} evaluations" for n, n_epochs in rounds)
            raise SpaceError(
                f"search.trials: {n_trials} are too few for sampler hyperband, which has trained a network to its end "
                f"after {needed}: the default, {words}. Give --trials {needed}, a smaller train.max_epochs, or another "
                "sampler with a pruner."
            )

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        """See `AskTell.should_prune`; hyperband ends a trial with its round, the last round apart."""
        by_rule = super().should_prune(trial, epoch=epoch, valid_loss=valid_loss)
        return by_rule or self._epochs.get(trial, self._max_epochs) <= epoch < self._max_epochs

    def restore(self, history: Sequence[Told]) -> None:
        """See `AskTell.restore`."""
        if self._walk is not None:
            for told in history:
                self._walk.take(told.point)
        super().restore(history)

    def _draw(self, trial: int) -> Point | None:
        point = self._sampled(trial) if self._walk is None else self._walk.next()
        while self._walk is not None and point is not None and not self._allows(point):
            point = self._walk.next()
        if point is not None:
            self._note(trial, point)
        return point

    def _sampled(self, trial: int) -> Point:
        """Ask the oracle; when its point is in training already or too large, draw at random until one is not.

        Raises:
            SpaceError: If nearly all points are too large.
        """
        may_repeat = self._must_repeat(self._space.n_points)
        for attempt in range(MAX_DRAWS):
            point = self._space.point(self._random_values(trial, attempt) if attempt else self._values(trial))
            if self._is_free(point) or (self._allows(point) and (may_repeat or attempt == MAX_DRAWS - 1)):
                return point
        raise self._refused()

    def _values(self, trial: int) -> dict[str, Any]:
        if not self._space.searched or self._sampler == "random":
            return self._random_values(trial)
        return self._rounds_values(trial) if self._sampler == "hyperband" else self._bayesian_values(trial)

    def _random_values(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        oracle = keras_tuner.oracles.RandomSearchOracle(
            objective=_OBJECTIVE, hyperparameters=self._space.hyperparameters, seed=self._seed_of(trial, attempt)
        )
        return dict(oracle.populate_space(str(trial))["values"])

    def _bayesian_values(self, trial: int) -> dict[str, Any]:
        """KerasTuner gives trials in training the model's own pessimistic guess, so the model learns the others first.

        It would guess with the model of the proposal before, and at the first proposal with none: 1, in whatever unit.
        """
        seed = self._seed_of(trial)
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=_OBJECTIVE,
            hyperparameters=self._space.hyperparameters,
            num_initial_points=N_RANDOM,
            alpha=ALPHA,
            seed=seed,
        )
        oracle.gpr = Surrogate(alpha=ALPHA, seed=seed)
        oracle.trials = self._trials
        oracle.ongoing_trials = {id_: one for id_, one in self._trials.items() if one.status == "RUNNING"}
        ended = [one for one in self._trials.values() if one.status == "COMPLETED"]
        if oracle.ongoing_trials and len(ended) >= N_RANDOM:
            rows = [self._row(one) for one in ended]
            oracle.gpr.fit(np.array(rows), np.array([one.score for one in ended]))
        with threadpool_limits(1):  # its matrices are tiny: threads that wait for each other made it 5 times as long
            return dict(oracle.populate_space(str(trial))["values"])

    def _row(self, trial: Trial) -> list[float]:
        """A trial's values, each as a number from 0 to 1."""
        values = trial.hyperparameters.values
        return [hp.value_to_prob(values[hp.name]) for hp in self._space.hyperparameters.space]

    def _rounds_values(self, trial: int) -> dict[str, Any]:
        self._rounds.reseed(self._seed_of(trial))
        values = dict(self._rounds.populate_space(str(trial))["values"])
        self._epochs[trial] = values["tuner/epochs"]
        return values

    def _place(self, trial: int, point: Point) -> None:
        if self._walk is not None:
            self._walk.take(point)
        self._note(trial, point)

    def _repeat(self, told: Told) -> None:
        if self._sampler == "hyperband" and self._space.searched and told.trial >= len(self._given):
            self._epochs[told.trial] = self._rounds.place(str(told.trial), self._space.params(told.point))
        super()._repeat(told)

    def _note(self, trial: int, point: Point) -> None:
        """Keep a trial as KerasTuner's own, in training."""
        values = with_values(self._space.hyperparameters, self._space.params(point))
        self._trials[str(trial)] = Trial(values, trial_id=str(trial), status="RUNNING")

    def _learn(self, told: Told) -> None:
        trial = self._trials[str(told.trial)]
        trial.status, trial.score = "COMPLETED", self._sign * told.value

    def _seed_of(self, trial: int, attempt: int = 0) -> int:
        """A trial's own seed; never 0, which KerasTuner takes for none."""
        key = (trial, attempt) if attempt else (trial,)
        return integer(self._seed, Purpose.SAMPLER, *key) or 1


class Walk:
    """The order of KerasTuner's `GridSearchOracle`: the last parameter changes with every trial, the first one last.

    Every parameter's values come in an order drawn from the seed, so that a walk that is not finished has not stayed at
    the low end of all of them. The oracle itself takes a millisecond a step, and where large networks are refused there
    may be a hundred thousand steps to the first small one.

    Args:
        parameters: The space.
        seed: The run's seed.
    """

    def __init__(self, parameters: Parameters, *, seed: int) -> None:
        rng = Random(integer(seed, Purpose.SAMPLER))
        self._names = list(parameters)
        axes = [grid_values(parameter) for parameter in parameters.values()]
        self._known: set[tuple[Any, ...]] = set()
        self._steps = product(*(rng.sample(axis, k=len(axis)) for axis in axes))

    def take(self, point: Point) -> None:
        """Count a point as tried, whoever proposed it."""
        self._known.add(point.identity)

    def next(self) -> Point | None:
        """The next point that was not tried, or None when none is left."""
        for values in self._steps:
            point = point_from_values(dict(zip(self._names, values, strict=True)))
            if point.identity not in self._known:
                self.take(point)
                return point
        return None
