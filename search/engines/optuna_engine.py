"""Optuna behind ask and tell.

The study lives in memory and minimises, whatever the objective; `mirror.py` writes the one people look at. Neither is
read back: an interrupted search is rebuilt from what was told.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import Trial, TrialState

from ffsearch.errors import SpaceError
from ffsearch.search.engines.grid import Grid
from ffsearch.search.engines.optuna_space import OptunaSpace
from ffsearch.search.engines.optuna_tools import quiet_optuna
from ffsearch.search.engines.protocol import Proposal, Told
from ffsearch.search.engines.pruners import FIRST_RUNG, PRUNERS, CurveBook
from ffsearch.search.engines.samplers import HOLDS_STATE, READS_PRUNED, SnappingSampler, check_installed, make_sampler
from ffsearch.search.points import Parameters, default_point
from ffsearch.search.seeds import Purpose, integer
from ffsearch.search.topology import Point
from ffsearch.search.training.protocol import Ended

__all__ = ["OptunaEngine"]

MAX_DRAWS: Final = 64
"""Draws for a point that is not in training already. choice: where one point in six is free it is missed once in
100,000 times; where points are plenty the first draw does."""

DEFAULT_TRIAL: Final = 0


class OptunaEngine:
    """Proposes points with one of Optuna's samplers, and prunes with one of our rules.

    Args:
        parameters: The space, as `SearchSpace.parameters` gives it.
        sampler: tpe, random, gp, cmaes, qmc or grid.
        pruner: asha, median, one_epoch or none.
        seed: The run's seed.
        direction: `minimize` or `maximize`, of the values told.
        default: Trial 0's point; by default the space's.
        first_rung: Epochs before the pruner judges a trial.

    Raises:
        SpaceError: If the sampler or pruner is unknown, or needs a library that is not installed.
    """

    name = "optuna"

    def __init__(
        self,
        parameters: Parameters,
        *,
        sampler: str = "tpe",
        pruner: str = "asha",
        seed: int,
        direction: str,
        default: Point | None = None,
        first_rung: int = FIRST_RUNG,
    ) -> None:
        check_installed(sampler)
        if pruner not in PRUNERS:
            raise SpaceError(f"search.pruner: {pruner!r} is not a pruner. Legal: {', '.join(PRUNERS)}.")
        self._sampler = sampler
        self._rule = PRUNERS[pruner]
        self._seed = seed
        self._sign = -1 if direction == "maximize" else 1
        self._default = default_point(parameters) if default is None else default
        self._space = OptunaSpace(parameters)
        self._grid = Grid(parameters, seed=seed) if sampler == "grid" else None
        with quiet_optuna():
            self._study = optuna.create_study(sampler=RandomSampler(seed=seed % 2**32))
        self._n_asked = 0
        self._running: dict[int, tuple[Trial, Point]] = {}
        self._lost: deque[Proposal] = deque()
        self._curves = CurveBook(first_rung=first_rung)

    def ask(self) -> Proposal | None:
        """The next point to try, or None when the grid has no more; points lost in an interruption come first."""
        return self._lost.popleft() if self._lost else self._propose()

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        """Whether a running trial should end here; asked once an epoch, in order, with finite losses.

        The default trial is noted but never pruned: it is a finalist whatever happens.

        Raises:
            ValueError: If the epoch is not the one after the last, or the loss is not finite.
        """
        losses = self._curves.losses.setdefault(trial, [])
        if epoch != len(losses) + 1 or not math.isfinite(valid_loss):
            raise ValueError(f"trial {trial}: epoch {epoch} with loss {valid_loss} cannot follow epoch {len(losses)}")
        losses.append(valid_loss)
        return self._rule is not None and self._rule(self._curves, trial) and trial != DEFAULT_TRIAL

    def tell(self, told: Told) -> None:
        """Take a result.

        Raises:
            ValueError: If the trial is not running, or its value is not finite.
        """
        if told.trial not in self._running:
            raise ValueError(f"trial {told.trial} is not running: it was never asked for, or told before")
        if not math.isfinite(told.value):
            raise ValueError(f"trial {told.trial}: value {told.value} is not finite; tell a finite bad one instead")
        asked, _ = self._running.pop(told.trial)
        self._note_curve(told)
        if told.ended is Ended.PRUNED and self._sampler in READS_PRUNED:
            if told.valid_loss:
                asked.report(told.valid_loss[-1], len(told.valid_loss))
            self._study.tell(asked, state=TrialState.PRUNED)
        else:
            self._study.tell(asked, self._sign * told.value)

    def restore(self, history: Sequence[Told]) -> None:
        """Take all results of an interrupted run, before the first ask.

        Trials that were running when it was interrupted get a point in their turn, so numbers have no gaps.

        Raises:
            ValueError: If something was asked before.
        """
        if self._n_asked:
            raise ValueError("restore comes before the first ask")
        if self._grid is not None:
            for told in history:
                self._grid.take(told.point)
        by_trial = {told.trial: told for told in history}
        for trial in range(max(by_trial, default=-1) + 1):
            if trial in by_trial:
                self._repeat(by_trial[trial])
            elif (lost := self._propose()) is not None:
                self._lost.append(lost)

    def _propose(self) -> Proposal | None:
        trial = self._n_asked
        if trial == DEFAULT_TRIAL:
            point: Point | None = self._default
        elif self._grid is not None:
            point = self._grid.next()
        else:
            point = self._draw(trial)
        if point is None:
            return None
        if trial not in self._running:
            self._place(trial, point)
        self._n_asked += 1
        return Proposal(trial=trial, point=point)

    def _draw(self, trial: int) -> Point:
        """Ask the sampler; when it names a point that is in training already, draw at random until one is new."""
        in_training = {point.identity for _, point in self._running.values()}
        n_draws = MAX_DRAWS if len(in_training) < self._space.n_points else 1
        for attempt in range(n_draws):
            self._study.sampler = self._sampler_for(trial, attempt)
            asked = self._study.ask(self._space.distributions)
            point = self._space.point(asked.params)
            if point.identity not in in_training or attempt == n_draws - 1:
                break
            self._study.tell(asked, state=TrialState.FAIL)
        self._running[trial] = (asked, point)
        return point

    def _place(self, trial: int, point: Point) -> Trial:
        """Enter a point that no sampler drew."""
        self._study.enqueue_trial(self._space.params(point))
        asked = self._study.ask(self._space.distributions)
        self._running[trial] = (asked, point)
        if self._grid is not None:
            self._grid.take(point)
        return asked

    def _repeat(self, told: Told) -> None:
        """Enter a told trial as if it had just been asked and told."""
        trial = self._n_asked
        self._study.sampler = self._sampler_for(trial)
        asked = self._place(trial, told.point)
        if trial != DEFAULT_TRIAL and self._sampler in HOLDS_STATE:
            _ = asked.relative_params  # draws, as it did then, and leaves the state it left then
        self._n_asked += 1
        self.tell(told)

    def _sampler_for(self, trial: int, attempt: int = 0) -> BaseSampler:
        if attempt:
            inner: BaseSampler = RandomSampler(seed=integer(self._seed, Purpose.SAMPLER, trial, attempt))
        else:
            inner = make_sampler(self._sampler, seed=self._seed, trial=trial)
        return SnappingSampler(inner, self._space.snapped)

    def _note_curve(self, told: Told) -> None:
        """Keep what was told rather than what was asked: the same numbers come back after an interruption."""
        if self._rule is None:
            self._curves.losses.pop(told.trial, None)
            return
        self._curves.losses[told.trial] = list(told.valid_loss)
        if told.ended in (Ended.STOPPED, Ended.COMPLETED, Ended.BUDGET):
            self._curves.complete.add(told.trial)
