"""The reference trainer: its contract, its arithmetic against NumPy, algorithm 7.1, batches, memory."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.trainers import (
    N_FEATURES,
    POINT,
    STOPPING,
    MakeTrainer,
    TrainerContract,
    descended,
    job,
    problem_for,
    run,
    running_mean,
)
from ffsearch.errors import RunError
from ffsearch.search.data.features.problem import Problem
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.training.batches import batches_per_epoch, cut_batches, epoch_order
from ffsearch.search.training.early_stopping import Progress, loss_floor
from ffsearch.search.training.keras_trainer import KerasTrainer, forget_graphs
from ffsearch.search.training.protocol import Ended, Epoch, Stopping, Trainer, never_stop

SEED = np.random.SeedSequence(3)


class TestKerasTrainer(TrainerContract):
    @pytest.fixture
    def make(self) -> MakeTrainer:
        def made(problem: Problem, stopping: Stopping, *, optimizer: str = "adam") -> Trainer:
            return KerasTrainer(problem, stopping, optimizer=optimizer)

        return made


# --- the arithmetic, by hand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("averaged", [False, True])
def test_training_is_gradient_descent_on_the_stated_batches(*, averaged: bool) -> None:
    problem = problem_for(Task.REGRESSION)
    stopping = replace(STOPPING, max_epochs=3, averaged=averaged)
    split, point = problem.splits[0], Point(depth=1, width=5, activation=Activation.TANH, learning_rate=0.05)
    trainer = KerasTrainer(problem, stopping, optimizer="sgd", momentum=0.0)
    (trained,) = run(trainer, [job(point=point)])
    assert trained.best_epoch == 3
    assert trained.weights is not None
    start = initial_weights(point, n_features=N_FEATURES, n_outputs=2, seed=trained.job.seed)
    weights, path = [w.astype(float) for w in start], []
    for epoch in (1, 2, 3):
        for rows in cut_batches(epoch_order(trained.job.seed, epoch, n_rows=200), batch_size=32):
            weights = descended(weights, split.x_train[rows].astype(float), split.y_train[rows], rate=0.05)
            path.append(weights)
    for got, want in zip(trained.weights, running_mean(path) if averaged else weights, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_the_same_job_twice_is_the_same_to_the_bit() -> None:
    problem = problem_for(Task.MULTICLASS)
    point = replace(POINT, activation=Activation.SELU, l1=1e-5, activity_l2=1e-4)
    one, two = (run(KerasTrainer(problem, STOPPING), [job(point=point)])[0] for _ in range(2))
    np.testing.assert_array_equal(one.curve.train_loss, two.curve.train_loss)
    np.testing.assert_array_equal(one.curve.valid_loss, two.curve.valid_loss)
    np.testing.assert_array_equal(one.valid_logits, two.valid_logits)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
def test_every_optimizer_learns(optimizer: str) -> None:
    point = replace(POINT, dropout=0.0, weight_decay=1e-3)
    (trained,) = run(KerasTrainer(problem_for(), STOPPING, optimizer=optimizer), [job(point=point)])
    assert trained.curve.train_loss[-1] < trained.curve.train_loss[0]


@pytest.mark.slow
def test_no_graph_outlives_its_trial() -> None:
    """Each leaked graph is 5 to 12 MB; every activation is tried, because Keras' own swish leaks by itself."""

    def n_graphs() -> int:
        forget_graphs()
        return sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())

    trainer = KerasTrainer(problem_for(), replace(STOPPING, max_epochs=1))
    jobs = [
        job(trial, point=Point(depth=1, width=8, activation=activation, dropout=0.1))
        for trial, activation in enumerate(Activation)
    ]
    run(trainer, jobs[:1])
    before = n_graphs()
    run(trainer, jobs)
    assert n_graphs() == before


def test_an_error_of_the_watch_ends_the_run() -> None:
    def full_disk(epoch: Epoch) -> Ended | None:
        raise RunError("the disk is full")

    with pytest.raises(RunError, match="the disk is full"):
        run(KerasTrainer(problem_for(), STOPPING), [job()], watch=full_disk)


# --- algorithm 7.1 ---------------------------------------------------------------------------------------------------


def by_the_book(losses: Sequence[float], *, patience: int, min_delta: float) -> tuple[int, int]:
    """Algorithm 7.1, line by line: (epochs trained, i* in epochs)."""
    i, j, v, i_best = 0, 0, math.inf, 0
    while j < patience and i < len(losses):
        i += 1
        v_new = losses[i - 1]
        if v_new < v - min_delta:
            j, i_best, v = 0, i, v_new
        else:
            j += 1
    return i, i_best


def followed(losses: Sequence[float], stopping: Stopping) -> Progress:
    """A job whose validation losses are scripted."""
    progress = Progress(job(), stopping, watch=never_stop)
    for loss in losses:
        progress.record(train_loss=1.0, valid_loss=loss, penalty=0.0)
        if progress.ended:
            break
    return progress


@given(
    losses=st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=30),
    patience=st.integers(1, 5),
    min_delta=st.sampled_from([0.0, 0.3]),
)
def test_early_stopping_is_algorithm_7_1(losses: list[float], patience: int, min_delta: float) -> None:
    stopping = Stopping(max_epochs=len(losses), patience=patience, min_delta=min_delta, batch_size=32)
    progress = followed(losses, stopping)
    n_epochs, i_best = by_the_book(losses, patience=patience, min_delta=min_delta)
    assert (progress.n_looks, progress.best_epoch) == (n_epochs, i_best)
    assert progress.ended is (Ended.STOPPED if n_epochs - i_best >= patience else Ended.COMPLETED)


def test_a_scripted_curve_stops_after_patience_and_keeps_its_best_epoch() -> None:
    progress = followed([5, 4, 3, 3, 2.9, 3, 3, 3, 1], Stopping(max_epochs=99, patience=3, min_delta=0, batch_size=1))
    assert (progress.ended, progress.n_looks, progress.best_epoch) == (Ended.STOPPED, 8, 5)
    assert progress.curve.valid_loss.tolist() == pytest.approx([5, 4, 3, 3, 2.9, 3, 3, 3])


def test_a_loss_that_the_rows_cannot_tell_from_none_is_not_improved_upon() -> None:
    stopping = Stopping(max_epochs=99, patience=3, min_delta=0, batch_size=1)
    progress = Progress(job(), stopping, watch=never_stop, floor=0.5)
    for loss in (0.9, 0.4, 0.3, 0.2, 0.1):
        progress.record(train_loss=1.0, valid_loss=loss, penalty=0.0)
    assert (progress.ended, progress.best_epoch) == (Ended.STOPPED, 2)


@pytest.mark.parametrize(("task", "floor"), [(Task.REGRESSION, 0), (Task.BINARY, 1 / 80), (Task.MULTICLASS, 1 / 80)])
def test_classes_have_a_floor_of_one_nat_among_the_validation_rows(task: Task, floor: float) -> None:
    assert loss_floor(problem_for(task, n_valid=80), 0) == floor


def test_epochs_are_counted_as_passes_over_the_rows_however_often_it_looks() -> None:
    stopping = Stopping(max_epochs=4, patience=9, min_delta=0, batch_size=1, evaluate_every=5)
    seen: list[int] = []
    progress = Progress(job(), stopping, watch=lambda epoch: seen.append(epoch.n_epochs))
    for loss in (2.0, 1.0, 1.5, 1.5):
        progress.record(train_loss=1.0, valid_loss=loss, penalty=0.0)
    assert (progress.ended, progress.best_epoch, progress.curve.n_epochs) == (Ended.COMPLETED, 10, 20)
    assert seen == progress.curve.epochs.tolist() == [5, 10, 15, 20]
    assert [progress.curve.look_at(epoch) for epoch in (0, 5, 11, 99)] == [0, 0, 1, 3]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_divergence_ends_at_once_and_keeps_the_finite_part(bad: float) -> None:
    progress = followed([2, 1, bad, 0.5], Stopping(max_epochs=99, patience=3, min_delta=0, batch_size=1))
    assert (progress.ended, progress.n_looks, progress.best_epoch) == (Ended.DIVERGED, 2, 2)
    assert not progress.improved


def test_what_stopped_by_itself_is_not_called_pruned() -> None:
    stopping = Stopping(max_epochs=2, patience=9, min_delta=0, batch_size=1)
    progress = Progress(job(), stopping, watch=lambda epoch: Ended.PRUNED if epoch.number == 2 else None)
    for loss in (2.0, 1.0):
        progress.record(train_loss=1.0, valid_loss=loss, penalty=0.0)
    assert progress.ended is Ended.COMPLETED


# --- batches ---------------------------------------------------------------------------------------------------------


@given(n_rows=st.integers(1, 300), batch_size=st.integers(1, 100), epoch=st.integers(1, 50))
def test_an_epoch_reads_no_row_twice_and_leaves_less_than_a_batch(n_rows: int, batch_size: int, epoch: int) -> None:
    batches = cut_batches(epoch_order(SEED, epoch, n_rows=n_rows), batch_size=batch_size)
    assert batches.shape == (batches_per_epoch(n_rows, batch_size=batch_size), min(batch_size, n_rows))
    assert len(np.unique(batches)) == batches.size
    assert n_rows - batches.size < batch_size
    assert sorted(epoch_order(SEED, epoch, n_rows=n_rows)) == list(range(n_rows))


def test_the_order_depends_on_seed_and_epoch() -> None:
    one = epoch_order(SEED, 1, n_rows=100)
    np.testing.assert_array_equal(one, epoch_order(np.random.SeedSequence(3), 1, n_rows=100))
    assert not np.array_equal(one, epoch_order(SEED, 2, n_rows=100))
    assert not np.array_equal(one, epoch_order(np.random.SeedSequence(4), 1, n_rows=100))
