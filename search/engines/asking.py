"""What all engines share: numbers without gaps, who is in training, what was lost, and when a running trial is judged.

ask ──> lost points first, then the default point, then `_draw`
tell ─> checked, noted for the pruner, then `_learn`
restore: `_repeat` of every told trial, a new draw for every number between them that was never told
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Final, NotRequired, TypedDict

from ffsearch.errors import SpaceError
from ffsearch.search.base.objective import Objective
from ffsearch.search.engines.protocol import Proposal
from ffsearch.search.engines.pruners import FIRST_RUNG, PRUNERS, CurveBook, worse_in_folds, worse_than_any_fold
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network import defaults
from ffsearch.search.network.points import Parameters, default_point
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.sampling import BY_FOLDS, SAMPLERS

__all__ = ["DEFAULT_TRIAL", "MAX_DRAWS", "MAX_EPOCHS", "AskTell", "Common", "Judge"]

DEFAULT_TRIAL: Final = 0

MAX_EPOCHS: Final = defaults.MAX_EPOCHS
"""Most evaluations where nobody says how many."""

MAX_DRAWS: Final = 64
"""Draws for a point that is not in training already. choice: where one point in six is free it is missed once in
100,000 times; where points are plenty the first draw does."""


class Common(TypedDict):
    """What every engine is told beside its sampler and pruner; `AskTell` says what it means."""

    seed: int
    objective: Objective
    given: NotRequired[Sequence[Point]]
    allows: NotRequired[Callable[[Point], bool]]
    first_rung: NotRequired[int]
    max_epochs: NotRequired[int]


class Judge:
    """When running trials are not worth finishing: one of `PRUNERS` and the curves it compares.

    Args:
        pruner: Its name.
        first_rung: Epochs before it judges a trial.
        max_epochs: Most epochs of a trial.
    """

    def __init__(self, pruner: str, *, first_rung: int, max_epochs: int) -> None:
        self._rule = PRUNERS[pruner]
        self.is_by_folds = pruner == BY_FOLDS
        self._best_folds: tuple[float, ...] = ()
        self._curves = CurveBook(first_rung=first_rung, max_epochs=max_epochs)

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

    def should_prune_folds(self, trial: int, losses: Mapping[int, float]) -> bool:
        """Whether a trial should end here, with some of its folds ended; the default trial never."""
        if trial == DEFAULT_TRIAL or not self._best_folds:
            return False
        if self.is_by_folds:
            return worse_in_folds(losses, self._best_folds)
        return self._rule is not None and worse_than_any_fold(losses, self._best_folds)

    def note(self, told: Told) -> None:
        """Keep what was told rather than what was asked: the same numbers come back after an interruption."""
        if told.fold_losses and (not self._best_folds or fmean(told.fold_losses) < fmean(self._best_folds)):
            self._best_folds = told.fold_losses
        if self._rule is None:
            self._curves.losses.pop(told.trial, None)
            return
        self._curves.losses[told.trial] = list(told.valid_loss)
        if told.ended in (Ended.STOPPED, Ended.COMPLETED, Ended.BUDGET):
            self._curves.complete.add(told.trial)


class AskTell(ABC):
    """An engine but for what it draws and how it learns.

    Args:
        parameters: The space, as `SearchSpace.parameters` gives it.
        sampler: One of those that the engine has.
        pruner: One of `PRUNERS`.
        seed: The run's seed.
        objective: What the values told are.
        given: Points to begin with; the first is trial 0, the default. By default the space's alone.
        allows: Whether a point that is drawn may be tried; by default every one.
        first_rung: Epochs before the pruner judges a trial.
        max_epochs: Most epochs of a trial.

    Raises:
        SpaceError: If the sampler or the pruner is unknown.
    """

    name: str

    def __init__(
        self,
        parameters: Parameters,
        *,
        sampler: str,
        pruner: str,
        seed: int,
        objective: Objective,
        given: Sequence[Point] = (),
        allows: Callable[[Point], bool] | None = None,
        first_rung: int = FIRST_RUNG,
        max_epochs: int = MAX_EPOCHS,
    ) -> None:
        for key, name, legal in (("sampler", sampler, SAMPLERS[self.name]), ("pruner", pruner, tuple(PRUNERS))):
            if name not in legal:
                raise SpaceError(f"search.{key}: {name!r} is not a {key}. Legal: {', '.join(legal)}.")
        self._sampler = sampler
        self._seed = seed
        self._sign = objective.sign
        self._judge = Judge(pruner, first_rung=first_rung, max_epochs=max_epochs)
        self._given = tuple(given) or (default_point(parameters),)
        self._allows = allows or (lambda point: True)  # noqa: ARG005  (the signature)
        self._n_asked = 0
        self._running: dict[int, Point] = {}
        self._lost: deque[Proposal] = deque()

    @abstractmethod
    def _draw(self, trial: int) -> Point | None:
        """A new point, entered as running wherever the engine keeps it; None when there are no more."""

    @abstractmethod
    def _place(self, trial: int, point: Point) -> None:
        """Enter a point that was not drawn."""

    @abstractmethod
    def _learn(self, told: Told) -> None:
        """Take a result of a running trial."""

    def _repeat(self, told: Told) -> None:
        """Enter a trial that is told next, and leave the state that drawing it left."""
        self._place(told.trial, told.point)

    def ask(self) -> Proposal | None:
        """The next point to try, or None when the space has no more; points lost in an interruption come first."""
        return self._lost.popleft() if self._lost else self._propose()

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        """See `Judge.should_prune`."""
        return self._judge.should_prune(trial, epoch=epoch, valid_loss=valid_loss)

    def should_prune_folds(self, trial: int, losses: Mapping[int, float]) -> bool:
        """See `Judge.should_prune_folds`."""
        return self._judge.should_prune_folds(trial, losses)

    def tell(self, told: Told) -> None:
        """Take a result.

        Raises:
            ValueError: If the trial is not running, or its value is not finite.
        """
        if told.trial not in self._running:
            raise ValueError(f"trial {told.trial} is not running: it was never asked for, or told before")
        if not math.isfinite(told.value):
            raise ValueError(f"trial {told.trial}: value {told.value} is not finite; tell a finite bad one instead")
        del self._running[told.trial]
        self._judge.note(told)
        self._learn(told)

    def restore(self, history: Sequence[Told]) -> None:
        """Take all results of an interrupted run, before the first ask.

        Trials that were running when it was interrupted get a point in their turn, so numbers have no gaps.

        Raises:
            ValueError: If something was asked before.
        """
        if self._n_asked:
            raise ValueError("restore comes before the first ask")
        by_trial = {told.trial: told for told in history}
        for trial in range(max(by_trial, default=-1) + 1):
            if trial in by_trial:
                told = by_trial[trial]
                self._repeat(told)
                self._running[trial] = told.point
                self._n_asked += 1
                self.tell(told)
            elif (lost := self._propose()) is not None:
                self._lost.append(lost)

    def _propose(self) -> Proposal | None:
        trial = self._n_asked
        if trial < len(self._given):
            point: Point | None = self._given[trial]
            self._place(trial, self._given[trial])
        else:
            point = self._draw(trial)
        if point is None:
            return None
        self._running[trial] = point
        self._n_asked += 1
        return Proposal(trial=trial, point=point)

    def _is_free(self, point: Point) -> bool:
        """Whether a point may be tried and is not in training already."""
        return self._allows(point) and all(point.identity != running.identity for running in self._running.values())

    def _must_repeat(self, n_points: float) -> bool:
        """Whether all points there are are in training, so that a new trial can only be a repeat.

        Args:
            n_points: How many points the space has.
        """
        return len({point.identity for point in self._running.values()}) >= n_points

    def _refused(self) -> SpaceError:
        return SpaceError(
            f"search.max_params: {MAX_DRAWS} points drawn in a row are too large. Raise it, or lower "
            "space.width.high and space.depth.high, so that most points of the space fit."
        )
