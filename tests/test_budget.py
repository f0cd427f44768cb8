"""The deadline, and the time kept back for refit and report."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import Point
from ffsearch.search.steps.budget import OVERHEAD_S, REFIT_SAFETY, Deadline, Reserve, kept_for_baselines
from ffsearch.search.training.protocol import Curve, Ended


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def record(*, train_s: float, compile_s: float, best_epoch: int, n_epochs: int) -> TrialRecord:
    curve = np.ones(n_epochs, np.float32)
    return TrialRecord(
        trial=0, point=Point(depth=1, width=8), topology="", n_params=1, value=1.0, valid_loss=1.0, metrics={},
        ended=Ended.STOPPED, best_epoch=best_epoch, n_epochs=n_epochs, n_updates=1, train_s=train_s,
        compile_s=compile_s, seed=(0,), curve=Curve(train_loss=curve, valid_loss=curve, penalty=curve),
    )  # fmt: skip


def test_a_deadline_counts_down_and_passes() -> None:
    clock = Clock()
    deadline = Deadline(60.0, clock=clock)
    assert deadline.left() == 60
    assert not deadline.over()
    clock.now_s += 45
    assert (deadline.elapsed(), deadline.left()) == (45, 15)
    assert not deadline.over(reserve_s=14)
    assert deadline.over(reserve_s=15)
    clock.now_s += 20
    assert deadline.left() == -5
    assert deadline.over()


def test_without_a_limit_time_never_ends() -> None:
    clock = Clock()
    deadline = Deadline(None, clock=clock)
    clock.now_s += 1e9
    assert deadline.left() == math.inf
    assert not deadline.over(reserve_s=1e6)


def test_a_deadline_of_nothing_is_over_at_once() -> None:
    assert Deadline(0.0, clock=Clock()).over()


def test_the_refit_compiles_once_more_and_trains_to_the_best_epoch_on_more_rows() -> None:
    reserve = Reserve(n_train=800, n_all=1000)
    best = record(train_s=42.0, compile_s=2.0, best_epoch=15, n_epochs=30)
    assert reserve.seconds(best) == pytest.approx(OVERHEAD_S + REFIT_SAFETY * (2 + 40 * 0.5 * 1.25))


def test_before_the_first_trial_the_rest_alone_is_kept_back() -> None:
    assert Reserve(n_train=800, n_all=1000).seconds(None) == OVERHEAD_S


def test_a_trial_without_an_epoch_costs_its_compilation() -> None:
    best = record(train_s=3.0, compile_s=3.0, best_epoch=0, n_epochs=0)
    assert Reserve(n_train=1, n_all=1, safety=2.0, overhead_s=1.0).seconds(best) == 7.0


def test_baselines_never_take_the_time_of_the_search() -> None:
    assert kept_for_baselines(300.0, total_s=None) == 300.0
    assert kept_for_baselines(3.0, total_s=60.0) == 3.0
    kept = Reserve(n_train=1, n_all=1, baselines_s=kept_for_baselines(300.0, total_s=60.0))
    assert kept.seconds(None) < 50.0  # and the rest is for networks
