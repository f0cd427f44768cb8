"""Trials over folds: when they are whole, what ends them early, and that no job is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ffsearch.search.engines.protocol import Proposal
from ffsearch.search.folder.trial_record import Told
from ffsearch.search.network.topology import Point
from ffsearch.search.steps.running_trials import RunningTrials, TrainedTrial
from ffsearch.search.training.protocol import Curve, Ended, Epoch, Job, Trained


class Counting:
    """An engine of endless like points that prunes the trials it is told to."""

    name = "counting"

    def __init__(self, prune: Sequence[int] = (), lost: Sequence[int] = (), n_points: int = 1000) -> None:
        self.prune, self.lost = prune, lost
        self.n_points = n_points
        self.n_asked = 0

    def ask(self) -> Proposal | None:
        if self.n_asked == self.n_points:
            return None
        self.n_asked += 1
        return Proposal(trial=self.n_asked - 1, point=Point(depth=1, width=8))

    def should_prune(self, trial: int, *, epoch: int, valid_loss: float) -> bool:
        return trial in self.prune

    def should_prune_folds(self, trial: int, losses: Mapping[int, float]) -> bool:
        return trial in self.lost and len(losses) >= 2

    def tell(self, told: Told) -> None:
        raise AssertionError("running trials tell nothing")

    def restore(self, history: Sequence[Told]) -> None:
        raise AssertionError("running trials restore nothing")


def running_trials(
    engine: Counting,
    *,
    n_trials: int = 2,
    n_folds: int = 1,
    over: Sequence[bool] = (),
    max_seconds: float | None = None,
    fold_after_fold: bool = False,
) -> RunningTrials:
    times = iter(over)
    return RunningTrials(
        engine,
        n_trials=n_trials,
        n_folds=n_folds,
        seed=0,
        is_over=lambda: next(times, False),
        on_start=lambda _: None,
        on_epoch=lambda _: None,
        max_seconds=max_seconds,
        fold_after_fold=fold_after_fold,
    )


def trained(job: Job, ended: Ended = Ended.STOPPED) -> Trained:
    losses = np.ones(3, np.float32)
    return Trained(
        job=job,
        ended=ended,
        curve=Curve(train_loss=losses, valid_loss=losses, penalty=losses),
        best_epoch=1,
        n_updates=10,
        valid_logits=np.zeros((4, 1), np.float32),
    )


def epoch(job: Job, *, train_s: float = 0.0) -> Epoch:
    return Epoch(job=job, number=1, train_loss=1.0, valid_loss=1.0, train_s=train_s)


def test_a_trial_is_whole_when_all_its_folds_are_back() -> None:
    running = running_trials(Counting(), n_trials=2, n_folds=3)
    outcomes = [running.close(trained(job)) for job in running.jobs()]
    assert [outcome is not None for outcome in outcomes] == [False, False, True, False, False, True]
    whole = outcomes[2]
    assert isinstance(whole, TrainedTrial)
    assert [fold.job.fold for fold in whole.folds] == [0, 1, 2]
    assert whole.ended is Ended.STOPPED


def test_folds_may_come_back_in_any_order() -> None:
    running = running_trials(Counting(), n_trials=1, n_folds=3)
    first, second, third = list(running.jobs())
    assert running.close(trained(third)) is None
    assert running.close(trained(first, Ended.COMPLETED)) is None
    outcome = running.close(trained(second))
    assert outcome is not None
    assert [fold.job.fold for fold in outcome.folds] == [0, 1, 2]


def test_every_job_has_a_seed_of_its_own() -> None:
    jobs = list(running_trials(Counting(), n_trials=3, n_folds=2).jobs())
    states = {tuple(job.seed.generate_state(4)) for job in jobs}
    assert len(states) == len(jobs) == 6


def test_a_pruned_first_fold_ends_its_trial_and_starts_no_other() -> None:
    running = running_trials(Counting(prune=[0]), n_trials=2, n_folds=5)
    jobs = running.jobs()
    first = next(jobs)
    assert running.watch(epoch(first)) is Ended.PRUNED
    outcome = running.close(trained(first, Ended.PRUNED))
    assert outcome is not None
    assert outcome.ended is Ended.PRUNED
    assert next(jobs).trial == 1


def test_fold_after_fold_leaves_room_for_other_trials_and_a_lost_one_has_no_more() -> None:
    running = running_trials(Counting(lost=[0]), n_trials=2, n_folds=3, fold_after_fold=True)
    jobs = running.jobs()
    a, b = next(jobs), next(jobs)
    assert [(job.trial, job.fold) for job in (a, b)] == [(0, 0), (1, 0)]
    assert running.close(trained(a)) is None
    a = next(jobs)
    assert (a.trial, a.fold) == (0, 1)
    outcome = running.close(trained(a))
    assert outcome is not None
    assert outcome.ended is Ended.PRUNED
    assert [fold.job.fold for fold in outcome.folds] == [0, 1]
    assert [(job.trial, job.fold) for job in jobs] == [(1, 1), (1, 2)]  # nothing else is left to do meanwhile


def test_a_trial_whose_last_fold_ended_has_not_been_pruned() -> None:
    running = running_trials(Counting(lost=[0]), n_trials=1, n_folds=2, fold_after_fold=True)
    outcomes = [running.close(trained(job)) for job in running.jobs()]
    assert outcomes[-1] is not None
    assert outcomes[-1].ended is Ended.STOPPED


def test_a_diverged_fold_calls_back_its_running_siblings() -> None:
    running = running_trials(Counting(), n_trials=1, n_folds=3)
    first, second, third = list(running.jobs())
    assert running.close(trained(second, Ended.DIVERGED)) is None
    assert running.watch(epoch(first)) is Ended.DIVERGED
    assert running.close(trained(first, Ended.DIVERGED)) is None
    outcome = running.close(trained(third, Ended.DIVERGED))
    assert outcome is not None
    assert outcome.ended is Ended.DIVERGED


def test_only_the_first_fold_is_shown_to_the_pruner() -> None:
    running = running_trials(Counting(prune=[0]), n_trials=1, n_folds=2)
    first, second = list(running.jobs())
    assert running.watch(epoch(second)) is None
    assert running.watch(epoch(first)) is Ended.PRUNED


def test_what_came_to_its_own_end_is_not_called_pruned() -> None:
    running = running_trials(Counting(prune=[0]), n_trials=1)
    (job,) = running.jobs()
    running.watch(epoch(job))
    outcome = running.close(trained(job, Ended.STOPPED))
    assert outcome is not None
    assert outcome.ended is Ended.STOPPED


def test_when_time_is_up_nothing_more_is_asked_and_what_runs_is_ended() -> None:
    engine = Counting()
    running = running_trials(engine, n_trials=10, over=[False, True, True])
    jobs = running.jobs()
    job = next(jobs)
    assert running.watch(epoch(job)) is Ended.BUDGET
    assert next(jobs, None) is None
    assert engine.n_asked == 1


def test_an_exhausted_engine_ends_the_jobs() -> None:
    assert len(list(running_trials(Counting(n_points=3), n_trials=10).jobs())) == 3


def test_a_trial_that_takes_too_long_is_ended_by_all_its_folds_together() -> None:
    running = running_trials(Counting(), n_trials=2, n_folds=2, max_seconds=10.0)
    jobs = list(running.jobs())
    assert running.watch(epoch(jobs[0], train_s=6.0)) is None
    assert running.watch(epoch(jobs[0], train_s=7.0)) is None  # seconds so far, not of the epoch
    assert running.watch(epoch(jobs[1], train_s=4.0)) is Ended.BUDGET
    assert running.watch(epoch(jobs[2], train_s=9.0)) is None  # each trial has its own
