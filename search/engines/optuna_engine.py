"""Optuna behind ask and tell.

The study lives in memory and minimises, whatever the objective; `optuna_copy.py` writes the one people look at.
Neither is read back: an interrupted search is rebuilt from what was told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, Unpack

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import Trial, TrialState

from ffsearch.search.base.seeds import Purpose, integer
from ffsearch.search.engines.asking import MAX_DRAWS, AskTell, Common
from ffsearch.search.engines.grid import Grid
from ffsearch.search.engines.optuna_space import OptunaSpace
from ffsearch.search.engines.optuna_tools import quiet_optuna
from ffsearch.search.engines.samplers import (
    HOLDS_STATE,
    READS_PRUNED,
    TWO_OBJECTIVES,
    SnappingSampler,
    check_installed,
    make_sampler,
)
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.points import Parameters
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended

__all__ = ["OptunaEngine"]

N_SAMPLED: Final = 8
"""Draws of a sampler before points are drawn at random. choice: where good networks are large, a limit on their size
refuses most of what a sampler names, and random points would be all that is left of it."""


class OptunaEngine(AskTell):
    """Proposes points with one of Optuna's samplers, and prunes with one of our rules.

    Args:
        parameters: The space, as `SearchSpace.parameters` gives it.
        sampler: tpe, random, gp, cmaes, qmc, grid or nsga2.
        pruner: asha, hyperband, median, one_epoch, wilcoxon or none.
        size: How many parameters a point's network has; nsga2 alone asks.
        **common: See `AskTell`.

    Raises:
        SpaceError: If the sampler or pruner is unknown, or needs a library that is not installed.
        ValueError: If nsga2 is not told how large networks are.
    """

    name = "optuna"

    def __init__(
        self,
        parameters: Parameters,
        *,
        sampler: str = "tpe",
        pruner: str = "asha",
        size: Callable[[Point], int] | None = None,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(parameters, sampler=sampler, pruner=pruner, **common)
        check_installed(sampler)
        self._size = size if sampler in TWO_OBJECTIVES else None
        if self._size is None and sampler in TWO_OBJECTIVES:
            raise ValueError(f"{sampler} wants few parameters: say with size=... how many the network of a point has")
        self._space = OptunaSpace(parameters)
        self._grid = Grid(parameters, seed=self._seed) if sampler == "grid" else None
        with quiet_optuna():
            self._study = optuna.create_study(
                directions=["minimize"] * (1 if self._size is None else 2),
                sampler=RandomSampler(seed=self._seed % 2**32),
            )
        self._asked: dict[int, Trial] = {}

    def restore(self, history: Sequence[Told]) -> None:
        """See `AskTell.restore`."""
        if self._grid is not None:
            for told in history:
                self._grid.take(told.point)
        super().restore(history)

    def _draw(self, trial: int) -> Point | None:
        if self._grid is None:
            return self._sampled(trial)
        while (point := self._grid.next()) is not None and not self._allows(point):
            pass
        if point is not None:
            self._place(trial, point)
        return point

    def _sampled(self, trial: int) -> Point:
        """Ask the sampler; when its point is in training already or too large, draw at random until one is not.

        Raises:
            SpaceError: If nearly all points are too large.
        """
        may_repeat = self._must_repeat(self._space.n_points)
        for attempt in range(MAX_DRAWS):
            self._study.sampler = self._sampler_for(trial, attempt)
            asked = self._study.ask(self._space.distributions)
            point = self._space.point(asked.params)
            if self._is_free(point) or (self._allows(point) and (may_repeat or attempt == MAX_DRAWS - 1)):
                self._asked[trial] = asked
                return point
            self._study.tell(asked, state=TrialState.FAIL)
        raise self._refused()

    def _place(self, trial: int, point: Point) -> None:
        self._study.enqueue_trial(self._space.params(point))
        self._asked[trial] = self._study.ask(self._space.distributions)
        if self._grid is not None:
            self._grid.take(point)

    def _repeat(self, told: Told) -> None:
        self._study.sampler = self._sampler_for(told.trial)
        super()._repeat(told)
        if told.trial >= len(self._given) and self._sampler in HOLDS_STATE:
            _ = self._asked[told.trial].relative_params  # draws, as it did then, and leaves the state it left then

    def _learn(self, told: Told) -> None:
        asked = self._asked.pop(told.trial)
        if told.ended is Ended.PRUNED and self._sampler in READS_PRUNED and not self._judge.is_by_folds:
            if told.valid_loss:
                asked.report(min(told.valid_loss), len(told.valid_loss))
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, self._losses(told))

    def _losses(self, told: Told) -> list[float]:
        """What is to be small; sizes by their logarithm, so that small networks are as far apart as large ones."""
        value = self._sign * told.value
        return [value] if self._size is None else [value, math.log(self._size(told.point))]

    def _sampler_for(self, trial: int, attempt: int = 0) -> BaseSampler:
        if attempt >= (1 if self._sampler in HOLDS_STATE else N_SAMPLED):
            inner: BaseSampler = RandomSampler(seed=integer(self._seed, Purpose.SAMPLER, trial, attempt))
        else:
            inner = make_sampler(self._sampler, seed=self._seed, trial=trial, attempt=attempt)
        return SnappingSampler(inner, self._space.snapped)
