"""What every trainer must keep to. A new trainer is a fixture away:

class TestMine(TrainerContract):
    @pytest.fixture
    def make(self) -> MakeTrainer:
        return lambda problem, stopping, optimizer="adam": MyTrainer(problem, stopping, optimizer=optimizer)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from ffsearch.search.base.seeds import Purpose, child
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.network.heads import Head, Loss, Task, default_loss, mean_loss
from ffsearch.search.network.model import build_network
from ffsearch.search.network.topology import Numbers, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.training.batches import batches_per_epoch
from ffsearch.search.training.protocol import Ended, Epoch, Job, Stopping, Trained, Trainer, Watch, never_stop
from ffsearch.spaces.pairing import LOSSES

N_FEATURES = 6
STOPPING = Stopping(max_epochs=4, patience=10, min_delta=0.0, batch_size=32)
POINT = Point(depth=2, width=16, batch_norm=True, dropout=0.1, learning_rate=0.01)
IMPOSSIBLE = Point(depth=1, width=2**45)
"""A petabyte of weights: no machine's memory holds it, and NumPy says so at once."""
EXPLOSIVE = Point(depth=2, width=16, learning_rate=1e25)


class MakeTrainer(Protocol):
    """Makes the trainer under test."""

    def __call__(self, problem: Problem, stopping: Stopping, *, optimizer: str = "adam") -> Trainer: ...


def head_for(task: Task) -> Head:
    """Two targets, two classes, or three."""
    n_outputs = {Task.REGRESSION: 2, Task.BINARY: 1, Task.MULTICLASS: 3}[task]
    labels = {Task.REGRESSION: (), Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c")}[task]
    names = ("u", "v") if task is Task.REGRESSION else ("y",)
    return Head(task=task, loss=default_loss(task), n_outputs=n_outputs, target_names=names, labels=labels)


def split_for(task: Task, *, n_train: int = 200, n_valid: int = 80, seed: int = 0, noise: float = 0.3) -> Split:
    """A smooth truth of six numbers that a small network learns in a few epochs."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n_train + n_valid, N_FEATURES)).astype(np.float32)
    scores = np.stack([x[:, 0] * x[:, 1] + x[:, 2], np.sin(x[:, 3]) - x[:, 4], x[:, 5]], axis=1)
    scores = scores + noise * generator.normal(size=scores.shape)
    y: NDArray[Any]
    match task:
        case Task.REGRESSION:
            y = scores[:, :2].astype(np.float32)
        case Task.BINARY:
            y = (scores[:, :1] > 0).astype(np.float32)
        case Task.MULTICLASS:
            y = scores.argmax(axis=1).astype(np.int32)
    return Split(x_train=x[:n_train], y_train=y[:n_train], x_valid=x[n_train:], y_valid=y[n_train:])


def problem_for(task: Task = Task.BINARY, **given: Any) -> Problem:
    """One split."""
    return Problem(head=head_for(task), splits=(split_for(task, **given),))


def job(trial: int = 0, *, point: Point = POINT, seed: int = 0, fold: int = 0) -> Job:
    """A job whose seed follows from the run's seed and the trial, as in a run."""
    return Job(trial=trial, point=point, seed=child(seed, Purpose.TRIAL, trial), fold=fold)


def descended(
    weights: list[NDArray[np.float64]], x: NDArray[np.float64], y: NDArray[np.float64], *, rate: float
) -> list[NDArray[np.float64]]:
    """One step of gradient descent of a tanh network with one hidden layer on the squared error."""
    kernel, bias, out_kernel, out_bias = weights
    hidden = np.tanh(x @ kernel + bias)
    error = 2 * (hidden @ out_kernel + out_bias - y) / y.size
    back = (error @ out_kernel.T) * (1 - hidden**2)
    gradients = [x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
    return [w - rate * g for w, g in zip(weights, gradients, strict=True)]


def running_mean(path: Sequence[list[NDArray[np.float64]]]) -> list[NDArray[np.float64]]:
    """What weights come to, on average, by those after every update: later ones count more, by the sixth power.

    Args:
        path: The weights after each update.
    """
    mean = path[0]
    for count, weights in enumerate(path, start=1):
        mean = [m + 7 / (6 + count) * (w - m) for m, w in zip(mean, weights, strict=True)]
    return mean


def run(trainer: Trainer, jobs: Sequence[Job], *, watch: Watch = never_stop) -> list[Trained]:
    """All results, in the order of their trials."""
    return sorted(trainer.train(iter(jobs), watch=watch), key=lambda trained: trained.job.trial)


def assert_same(one: Trained, two: Trained, *, rtol: float) -> None:
    """Two results of one job agree."""
    assert (one.ended, one.best_epoch, one.n_updates) == (two.ended, two.best_epoch, two.n_updates)
    np.testing.assert_allclose(one.curve.train_loss, two.curve.train_loss, rtol=rtol)
    np.testing.assert_allclose(one.curve.valid_loss, two.curve.valid_loss, rtol=rtol)
    np.testing.assert_allclose(one.valid_logits, two.valid_logits, rtol=rtol, atol=rtol)


class TrainerContract:
    """Subclass it and give it a `make` fixture; `same_rtol` says how equal two results of one job are.

    Another kind of network is a `job` and a `split_for` away.
    """

    same_rtol = 0.0

    def job(self, trial: int = 0, *, point: Point = POINT, seed: int = 0, fold: int = 0) -> Job:
        """What a trainer is given."""
        return job(trial, point=point, seed=seed, fold=fold)

    def split_for(self, task: Task, **given: Any) -> Split:
        """What it learns from."""
        return split_for(task, **given)

    def problem_for(self, task: Task = Task.BINARY, **given: Any) -> Problem:
        """One split."""
        return Problem(head=head_for(task), splits=(self.split_for(task, **given),))

    def test_a_result_depends_on_its_job_alone(self, make: MakeTrainer) -> None:
        problem = self.problem_for()
        alone = run(make(problem, STOPPING), [self.job(7)])
        others = [self.job(3, point=replace(POINT, depth=1)), self.job(5, seed=9)]
        among = run(make(problem, STOPPING), [*others, self.job(7), self.job(8)])
        assert [trained.job.trial for trained in among] == [3, 5, 7, 8]
        assert_same(alone[0], among[2], rtol=self.same_rtol)
        assert not np.allclose(among[2].curve.valid_loss, among[3].curve.valid_loss, rtol=1e-3)

    def test_a_failed_or_diverged_job_does_not_stop_the_next(self, make: MakeTrainer) -> None:
        jobs = [self.job(0, point=IMPOSSIBLE), self.job(1, point=EXPLOSIVE), self.job(2)]
        failed, diverged, good = run(make(self.problem_for(), STOPPING), jobs)
        assert failed.ended is Ended.FAILED
        assert "MemoryError" in (failed.error or "")
        assert (failed.best_epoch, failed.curve.n_epochs, failed.weights) == (0, 0, None)
        assert diverged.ended is Ended.DIVERGED
        assert diverged.error is None
        assert diverged.weights is None
        assert len(diverged.valid_logits) == 0
        assert good.ended is Ended.COMPLETED

    def test_the_watch_sees_every_epoch_and_ends_a_job_where_it_says_so(self, make: MakeTrainer) -> None:
        seen: list[Epoch] = []

        def watch(epoch: Epoch) -> Ended | None:
            seen.append(epoch)
            return {(0, 2): Ended.PRUNED, (1, 3): Ended.BUDGET}.get((epoch.job.trial, epoch.number))

        pruned, late, whole = run(
            make(self.problem_for(), STOPPING), [self.job(0), self.job(1), self.job(2)], watch=watch
        )
        assert (pruned.ended, pruned.curve.n_epochs) == (Ended.PRUNED, 2)
        assert (late.ended, late.curve.n_epochs) == (Ended.BUDGET, 3)
        assert (whole.ended, whole.curve.n_epochs) == (Ended.COMPLETED, STOPPING.max_epochs)
        for trained in (pruned, late, whole):
            mine = [epoch for epoch in seen if epoch.job.trial == trained.job.trial]
            assert [epoch.number for epoch in mine] == list(range(1, trained.curve.n_epochs + 1))
            np.testing.assert_allclose([epoch.valid_loss for epoch in mine], trained.curve.valid_loss, rtol=1e-6)
            np.testing.assert_allclose([epoch.train_loss for epoch in mine], trained.curve.train_loss, rtol=1e-6)

    def test_early_stopping_keeps_the_best_epoch(self, make: MakeTrainer) -> None:
        stopping = Stopping(max_epochs=100, patience=3, min_delta=0.0, batch_size=16)
        problem = self.problem_for(noise=3.0)
        (trained,) = run(make(problem, stopping), [self.job(point=Point(depth=2, width=64, learning_rate=0.02))])
        assert trained.ended is Ended.STOPPED
        assert trained.best_epoch == int(np.argmin(trained.curve.valid_loss)) + 1
        assert trained.curve.n_epochs == trained.best_epoch + stopping.patience
        assert trained.n_updates == trained.best_epoch * batches_per_epoch(200, batch_size=16)
        best = float(trained.curve.valid_loss.min())
        assert mean_loss(problem.head, problem.splits[0].y_valid, trained.valid_logits) == pytest.approx(best, rel=1e-5)

    @pytest.mark.parametrize("task", Task)
    def test_every_task_is_learnt_and_its_weights_are_those_of_the_keras_model(
        self, make: MakeTrainer, task: Task
    ) -> None:
        problem, point = self.problem_for(task), replace(POINT, learning_rate=0.02)
        split = problem.splits[0]
        (trained,) = run(make(problem, replace(STOPPING, max_epochs=8)), [self.job(point=point)])
        nothing_known = mean_loss(problem.head, split.y_valid, np.zeros((len(split.x_valid), problem.head.n_outputs)))
        assert trained.curve.valid_loss.min() < 0.9 * nothing_known
        assert trained.valid_logits.dtype == np.float32
        assert trained.weights is not None
        model = build_network(
            trained.job.point, head=problem.head, n_features=problem.n_features, seed=np.random.SeedSequence(1)
        )
        model.set_weights(trained.weights)
        np.testing.assert_allclose(
            np.asarray(model(split.x_valid, training=False)), trained.valid_logits, rtol=1e-5, atol=1e-5
        )

    def test_curves_are_without_penalties(self, make: MakeTrainer) -> None:
        still = Point(depth=1, width=8, learning_rate=1e-12)
        penalised = replace(still, l1=0.25, l2=0.5)
        problem = self.problem_for(Task.REGRESSION)
        trainer = make(problem, replace(STOPPING, max_epochs=1))
        plain, heavy = run(trainer, [self.job(0, point=still), replace(self.job(0, point=penalised), trial=1)])
        np.testing.assert_allclose(heavy.curve.train_loss, plain.curve.train_loss, rtol=1e-5)
        np.testing.assert_allclose(heavy.curve.valid_loss, plain.curve.valid_loss, rtol=1e-5)
        start = initial_weights(heavy.job.point, n_features=problem.n_features, n_outputs=2, seed=heavy.job.seed)
        expected = sum(0.25 * np.abs(w).sum() + 0.5 * (w**2).sum() for w in start if w.ndim > 1)
        np.testing.assert_allclose(heavy.curve.penalty, expected, rtol=1e-4)
        np.testing.assert_allclose(plain.curve.penalty, 0, atol=1e-6)

    def test_looking_less_often_changes_nothing_but_when_it_looks(self, make: MakeTrainer) -> None:
        often, seldom = (replace(STOPPING, max_epochs=n, evaluate_every=4 // n) for n in (4, 2))
        (each,), (every_second,) = (
            run(make(self.problem_for(), stopping), [self.job()]) for stopping in (often, seldom)
        )
        np.testing.assert_allclose(every_second.curve.valid_loss, each.curve.valid_loss[1::2], rtol=1e-5)
        assert every_second.curve.n_epochs == each.curve.n_epochs == 4
        assert every_second.n_updates == every_second.best_epoch * batches_per_epoch(200, batch_size=32)

    def test_the_last_weights_and_their_mean_are_two_networks_of_one_training(self, make: MakeTrainer) -> None:
        (mean,), (last,) = (
            run(make(self.problem_for(), replace(STOPPING, averaged=averaged)), [self.job()])
            for averaged in (True, False)
        )
        np.testing.assert_allclose(mean.curve.train_loss, last.curve.train_loss, rtol=1e-6)
        assert not np.allclose(mean.curve.valid_loss, last.curve.valid_loss, rtol=1e-3)

    def test_rows_of_weight_zero_teach_nothing(self, make: MakeTrainer) -> None:
        split = self.split_for(Task.REGRESSION)
        assert split.y_train.dtype == np.float32
        nonsense = split.y_train.copy()
        nonsense[::2] = 1000
        weight = np.where(np.arange(200) % 2 == 0, 0, 2).astype(np.float32)
        spoilt = Problem(
            head=head_for(Task.REGRESSION), splits=(replace(split, y_train=nonsense, train_weight=weight),)
        )
        clean = Problem(head=head_for(Task.REGRESSION), splits=(replace(split, train_weight=weight),))
        one, two = (run(make(problem, STOPPING), [self.job()])[0] for problem in (spoilt, clean))
        assert_same(one, two, rtol=1e-5)

    @pytest.mark.parametrize("loss", list(Loss))
    def test_a_row_of_twice_the_weight_is_that_row_twice(self, make: MakeTrainer, loss: Loss) -> None:
        head = replace(head_for(next(task for task in Task if loss in LOSSES[task])), loss=loss)
        split = self.split_for(head.task)
        heavy, judges = np.array([3, 50, 199]), np.array([0, 17])
        weight, judged = np.ones(200), np.ones(len(split.x_valid))
        weight[heavy], judged[judges] = 2, 2
        weighted = replace(
            split,
            train_weight=(weight / weight.mean()).astype(np.float32),
            valid_weight=(judged / judged.mean()).astype(np.float32),
        )
        copied = replace(
            split,
            x_train=np.concatenate([split.x_train, split.x_train[heavy]]),
            y_train=np.concatenate([split.y_train, split.y_train[heavy]]),
            x_valid=np.concatenate([split.x_valid, split.x_valid[judges]]),
            y_valid=np.concatenate([split.y_valid, split.y_valid[judges]]),
        )
        # One batch an epoch, and neither batch norm nor dropout: they are of a batch's rows, whatever these weigh.
        whole, plain = replace(STOPPING, batch_size=1000), replace(POINT, batch_norm=False, dropout=0.0)
        one, two = (
            run(make(Problem(head=head, splits=(each,)), whole), [self.job(point=plain)])[0]
            for each in (weighted, copied)
        )
        assert (one.ended, one.best_epoch) == (two.ended, two.best_epoch)
        np.testing.assert_allclose(one.curve.train_loss, two.curve.train_loss, rtol=1e-5)
        np.testing.assert_allclose(one.curve.valid_loss, two.curve.valid_loss, rtol=1e-5)

    def test_folds_are_trained_apart(self, make: MakeTrainer) -> None:
        splits = (self.split_for(Task.BINARY, n_valid=80), self.split_for(Task.BINARY, n_valid=50, n_train=120, seed=1))
        problem = Problem(head=head_for(Task.BINARY), splits=splits)
        one, two = run(make(problem, STOPPING), [self.job(0), replace(self.job(0), trial=1, fold=1)])
        assert (len(one.valid_logits), len(two.valid_logits)) == (80, 50)
        own = mean_loss(problem.head, splits[1].y_valid, two.valid_logits)
        assert own == pytest.approx(float(two.curve.valid_loss.min()), rel=1e-5)

    def test_a_point_is_trained_on_the_matrix_it_asks_for(self, make: MakeTrainer) -> None:
        plain = self.problem_for(Task.MULTICLASS)
        (split,) = plain.splits
        more = [np.hstack([x, x[:, :2] ** 2]) for x in (split.x_train, split.x_valid)]
        binned = replace(plain, splits=(replace(split, x_train=more[0], x_valid=more[1]),))
        both = replace(plain, others={Numbers.BINS: binned})
        jobs = [self.job(0), replace(self.job(0, point=replace(POINT, numbers=Numbers.BINS)), trial=1)]
        seen = run(make(both, STOPPING), jobs)
        for trained, problem in zip(seen, (plain, binned), strict=True):
            (alone,) = run(make(problem, STOPPING), [trained.job])
            assert_same(trained, alone, rtol=self.same_rtol)
        assert seen[1].weights is not None
        assert seen[1].weights[0].shape == (N_FEATURES + 2, POINT.width)

    def test_a_table_smaller_than_a_batch_is_one_batch(self, make: MakeTrainer) -> None:
        (trained,) = run(make(self.problem_for(n_train=20), replace(STOPPING, max_epochs=2)), [self.job()])
        assert trained.ended is Ended.COMPLETED
        assert trained.n_updates == trained.best_epoch

    def test_closing_early_ends_what_runs_and_pulls_no_more(self, make: MakeTrainer) -> None:
        pulled: list[int] = []

        def jobs() -> Iterator[Job]:
            for trial in range(1000):
                pulled.append(trial)
                yield self.job(trial, point=replace(POINT, depth=1))

        results = make(self.problem_for(), replace(STOPPING, max_epochs=1)).train(jobs())
        next(results)
        results.close()  # type: ignore[attr-defined]  # the contract speaks of generators
        n_pulled = len(pulled)
        assert n_pulled < 1000
        with pytest.raises(StopIteration):
            next(results)
        assert len(pulled) == n_pulled
