"""The book of running trials: proposals become jobs, one a fold; trained folds become trials again.

engine.ask() -> jobs() -> trainer -> close() -> the trial's outcome, once all its folds are back
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ffsearch.search.engines.protocol import Engine, Proposal
from ffsearch.search.seeds import Purpose, child
from ffsearch.search.topology import Point
from ffsearch.search.training.protocol import Ended, Epoch, Job, Trained

__all__ = ["Ledger", "Outcome", "trial_job"]

_ENDS_THE_TRIAL: Final = frozenset({Ended.PRUNED, Ended.DIVERGED, Ended.BUDGET, Ended.FAILED})
"""A fold that ended so ends its trial: further folds are not started, running ones are called back."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
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


class Ledger:
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
    """

    def __init__(
        self,
        engine: Engine,
        *,
        n_trials: int,
        n_folds: int,
        seed: int,
        is_over: Callable[[], bool],
        on_start: Callable[[Job], None],
        on_epoch: Callable[[Epoch], None],
        max_seconds: float | None = None,
    ) -> None:
        self._engine = engine
        self._n_left = n_trials
        self._n_folds = n_folds
        self._seed = seed
        self._is_over = is_over
        self._on_start = on_start
        self._on_epoch = on_epoch
        self._max_seconds = math.inf if max_seconds is None else max_seconds
        self._open: dict[int, _Open] = {}

    def jobs(self) -> Iterator[Job]:
        """The next job whenever a trainer has room: the folds of one trial, then those of the next."""
        while self._n_left > 0 and not self._is_over():
            proposal = self._engine.ask()
            if proposal is None:
                return
            self._n_left -= 1
            trial = self._open[proposal.trial] = _Open(proposal=proposal)
            for fold in range(self._n_folds):
                if trial.ending:
                    break
                trial.n_started += 1
                job = trial_job(proposal.trial, proposal.point, fold, seed=self._seed)
                self._on_start(job)
                yield job

    def watch(self, epoch: Epoch) -> Ended | None:
        """Whether a job goes on. A trial is pruned by its first fold, which is the same rows for all trials."""
        trial = self._open[epoch.job.trial]
        self._on_epoch(epoch)
        if epoch.job.fold == 0 and self._engine.should_prune(
            epoch.job.trial, epoch=epoch.number, valid_loss=epoch.valid_loss
        ):
            trial.ending = trial.ending or Ended.PRUNED
        trial.seconds[epoch.job.fold] = epoch.train_s
        if self._is_over() or sum(trial.seconds.values()) > self._max_seconds:
            trial.ending = trial.ending or Ended.BUDGET
        return trial.ending

    def close(self, trained: Trained) -> Outcome | None:
        """Take a fold back; the trial's outcome when it was the last one it waits for."""
        trial = self._open[trained.job.trial]
        trial.back.append(trained)
        if trained.ended in _ENDS_THE_TRIAL:
            trial.ending = trial.ending or trained.ended
        wanted = trial.n_started if trial.ending else self._n_folds
        if len(trial.back) < wanted:
            return None
        del self._open[trained.job.trial]
        folds = tuple(sorted(trial.back, key=lambda back: back.job.fold))
        return Outcome(proposal=trial.proposal, folds=folds, ended=self._why(trial, folds))

    def _why(self, trial: _Open, folds: tuple[Trained, ...]) -> Ended:
        """A network that came to its own end in the epoch it was to be called back in is not called pruned."""
        came_to_own_end = len(folds) == self._n_folds and not any(fold.ended in _ENDS_THE_TRIAL for fold in folds)
        return _own_end(folds) if came_to_own_end or trial.ending is None else trial.ending


def trial_job(trial: int, point: Point, fold: int, *, seed: int) -> Job:
    """A fold of a trial; its own seed follows from the run's, the trial's number and the fold."""
    return Job(trial=trial, point=point, seed=child(seed, Purpose.TRIAL, trial, fold), fold=fold)


def _own_end(folds: tuple[Trained, ...]) -> Ended:
    """Completed when every fold used up its epochs; else patience ran out somewhere."""
    return Ended.COMPLETED if all(fold.ended is Ended.COMPLETED for fold in folds) else Ended.STOPPED
