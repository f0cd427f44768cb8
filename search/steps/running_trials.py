"""The trials in training: proposals become jobs, one a fold; trained folds become trials again.

engine.ask() -> jobs() -> trainer -> close() -> the trained trial, once all its folds are back
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.engines.protocol import Engine, Proposal
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended, Epoch, Job, Trained

__all__ = ["RunningTrials", "TrainedTrial", "trial_job"]

_ENDS_THE_TRIAL: Final = frozenset({Ended.PRUNED, Ended.DIVERGED, Ended.BUDGET, Ended.FAILED})
"""A fold that ended so ends its trial: further folds are not started, running ones are called back."""


@dataclass(frozen=True, kw_only=True)
class TrainedTrial:
    """A trial all of whose folds have ended.

    Args:
        proposal: What was tried.
        folds: What its folds came to, by fold; at least one.
        ended: Why the trial ended: the reason of the fold that ended it, else how its folds ended by themselves.
    """

    proposal: Proposal
    folds: tuple[Trained, ...]
    ended: Ended


@dataclass(kw_only=True)
class _Open:
    """A trial under way."""

    proposal: Proposal
    n_started: int = 0
    seconds: dict[int, float] = field(default_factory=dict)  # by fold
    back: list[Trained] = field(default_factory=list)
    ending: Ended | None = None


@dataclass
class RunningTrials:
    """Hands out jobs and takes back what they came to.

    Args:
        engine: Where points come from.
        n_trials: How many may still be proposed.
        n_folds: Jobs a trial.
        seed: The run's seed.
        is_over: Whether time is up: no further trial is proposed, running ones are ended.
        on_start: Told of every job as it is handed out.
        on_epoch: Told of every epoch.
        max_seconds: Training time of a trial, all folds together, after which it is ended; None: any.
        fold_after_fold: Whether a trial's next fold waits for the one before, beside other trials, so that a pruner
            that compares folds has something to save; else the folds of a trial are trained beside each other.
    """

    engine: Engine
    _: KW_ONLY
    n_trials: int
    n_folds: int
    seed: int
    is_over: Callable[[], bool]
    on_start: Callable[[Job], None]
    on_epoch: Callable[[Epoch], None]
    max_seconds: float | None = None
    fold_after_fold: bool = False
    _n_proposed: int = field(default=0, init=False)
    _open: dict[int, _Open] = field(default_factory=dict, init=False)

    def jobs(self) -> Iterator[Job]:
        """The next job whenever a trainer has room: the folds of one trial, then those of the next.

        With fold after fold, the next fold of a trial none of whose folds is in training, else a new trial; when there
        are no more of those, lanes that would stand idle take further folds of the last trials.
        """
        while (trial := self._next()) is not None:
            job = trial_job(trial.proposal.trial, trial.proposal.point, trial.n_started, seed=self.seed)
            trial.n_started += 1
            self.on_start(job)
            yield job

    def _next(self) -> _Open | None:
        """The trial whose next fold comes next."""
        waiting = [trial for trial in self._open.values() if trial.n_started < self.n_folds and not trial.ending]
        idle = [trial for trial in waiting if trial.n_started == len(trial.back)]
        first = idle if self.fold_after_fold else waiting
        return next(iter(first), None) or self._proposed() or next(iter(waiting), None)

    def _proposed(self) -> _Open | None:
        """A new trial, unless there are enough or time is up."""
        proposal = self.engine.ask() if self._n_proposed < self.n_trials and not self.is_over() else None
        if proposal is None:
            return None
        self._n_proposed += 1
        trial = self._open[proposal.trial] = _Open(proposal=proposal)
        return trial

    def watch(self, epoch: Epoch) -> Ended | None:
        """Whether a job goes on. A trial is pruned by its first fold, which is the same rows for all trials."""
        trial = self._open[epoch.job.trial]
        self.on_epoch(epoch)
        if epoch.job.fold == 0 and self.engine.should_prune(
            epoch.job.trial, epoch=epoch.number, valid_loss=epoch.valid_loss
        ):
            trial.ending = trial.ending or Ended.PRUNED
        trial.seconds[epoch.job.fold] = epoch.train_s
        is_too_long = self.max_seconds is not None and sum(trial.seconds.values()) > self.max_seconds
        if self.is_over() or is_too_long:
            trial.ending = trial.ending or Ended.BUDGET
        return trial.ending

    def close(self, trained: Trained) -> TrainedTrial | None:
        """Take a fold back; returns the trained trial when it was the last fold that this waits for."""
        trial = self._open[trained.job.trial]
        trial.back.append(trained)
        if trained.ended in _ENDS_THE_TRIAL:
            trial.ending = trial.ending or trained.ended
        elif len(trial.back) < self.n_folds and self._has_lost(trial):
            trial.ending = trial.ending or Ended.PRUNED
        wanted = trial.n_started if trial.ending else self.n_folds
        if len(trial.back) < wanted:
            return None
        del self._open[trained.job.trial]
        folds = tuple(sorted(trial.back, key=lambda back: back.job.fold))
        return TrainedTrial(proposal=trial.proposal, folds=folds, ended=self._why(trial, folds))

    def _has_lost(self, trial: _Open) -> bool:
        """Whether the engine sees no promise in the folds that ended."""
        losses = {back.job.fold: back.lowest_loss for back in trial.back}
        known = {fold: loss for fold, loss in losses.items() if loss is not None}
        return self.engine.should_prune_folds(trial.proposal.trial, known)

    def _why(self, trial: _Open, folds: tuple[Trained, ...]) -> Ended:
        """A network that came to its own end in the epoch it was to be called back in is not called pruned."""
        came_to_own_end = len(folds) == self.n_folds and not any(fold.ended in _ENDS_THE_TRIAL for fold in folds)
        return _own_end(folds) if came_to_own_end or trial.ending is None else trial.ending


def trial_job(trial: int, point: Point, fold: int, *, seed: int) -> Job:
    """A fold of a trial; its own seed follows from the run's, the trial's number and the fold."""
    return Job(trial=trial, point=point, seed=child(seed, Purpose.TRIAL, trial, fold), fold=fold)


def _own_end(folds: tuple[Trained, ...]) -> Ended:
    """Completed when every fold used up its epochs; else patience ran out somewhere."""
    return Ended.COMPLETED if all(fold.ended is Ended.COMPLETED for fold in folds) else Ended.STOPPED
