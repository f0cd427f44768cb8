"""The population trainer: its contract, agreement with the reference, independence of company, and how lanes fill."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from contracts.trainers import POINT, STOPPING, MakeTrainer, TrainerContract, head_for, job, problem_for, run, split_for
from ffsearch.search.data.features.problem import Problem, Split
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.network.heads import Loss, Task, mean_loss
from ffsearch.search.network.topology import Activation, Balance, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.training.keras_trainer import KerasTrainer
from ffsearch.search.training.lane_weights import flat, unpacked
from ffsearch.search.training.lanes import Lane, Settings, Tables, lane_bytes
from ffsearch.search.training.protocol import Ended, Job, Stopping, Trained, Trainer


class TestPopulationTrainer(TrainerContract):
    @pytest.fixture
    def make(self) -> MakeTrainer:
        def made(problem: Problem, stopping: Stopping, *, optimizer: str = "adam") -> Trainer:
            return PopulationTrainer(problem, stopping, optimizer=optimizer)

        return made


# --- agreement with the reference ------------------------------------------------------------------------------------

LONG = Stopping(max_epochs=34, patience=100, min_delta=0.0, batch_size=32)
"""204 updates on the contract's 200 rows."""

RATES = {"adam": 3e-3, "adamw": 3e-3, "sgd": 2e-2, "rmsprop": 1e-3}

GRID = [
    Point(depth=2, width=16, activation=activation, batch_norm=batch_norm, l1=penalty, l2=3 * penalty)
    for activation, batch_norm, penalty in itertools.product(Activation, (False, True), (0.0, 1e-4))
]

RTOL = 1e-4


def assert_agree(
    problem: Problem,
    points: Sequence[Point],
    *,
    optimizer: str,
    stopping: Stopping = LONG,
) -> None:
    """The reference and lanes, the same jobs, the same curves.

    L1 has a kink: a weight that passes zero an update earlier or later, by the last bit of a sum, moves the reference's
    own losses by up to 2e-4. So a lane has to agree with the reference on this table, or on it with every feature moved
    by its last bit.
    """
    jobs = [job(trial, point=replace(point, learning_rate=RATES[optimizer])) for trial, point in enumerate(points)]
    expected = run(KerasTrainer(problem, stopping, optimizer=optimizer), jobs)
    found = run(PopulationTrainer(problem, stopping, optimizer=optimizer), jobs)
    for one, two in zip(expected, found, strict=True):
        others = [one]
        if one.job.point.l1 and not _agree(one, two):
            moved = [_moved(problem, towards) for towards in (np.inf, -np.inf)]
            others += [run(KerasTrainer(each, stopping, optimizer=optimizer), [one.job])[0] for each in moved]
        said = f"{one.job.point}, {optimizer}: {two.curve.train_loss} instead of {one.curve.train_loss}"
        assert any(_agree(other, two) for other in others), said


def _agree(one: Trained, two: Trained) -> bool:
    """Whether all losses agree."""
    pairs = [(getattr(one.curve, name), getattr(two.curve, name)) for name in ("train_loss", "valid_loss")]
    losses = all(np.allclose(found, wanted, rtol=RTOL, atol=0) for wanted, found in pairs)
    return losses and np.allclose(two.curve.penalty, one.curve.penalty, rtol=1e-3, atol=1e-5)


def _moved(problem: Problem, towards: float) -> Problem:
    """The problem with the last bit of every training feature moved."""
    (split,) = problem.splits
    return replace(problem, splits=(replace(split, x_train=np.nextafter(split.x_train, np.float32(towards))),))


class TestAgreement:
    @pytest.mark.parametrize(
        ("task", "optimizer", "first"),
        [
            pytest.param(Task.BINARY, "adam", 0, marks=pytest.mark.slow),
            pytest.param(Task.REGRESSION, "sgd", 3, marks=pytest.mark.slow),
            (Task.MULTICLASS, "rmsprop", 6),
            (Task.REGRESSION, "adamw", 9),
        ],
    )
    def test_a_sample_of_the_grid(self, task: Task, optimizer: str, first: int) -> None:
        decay = 0.01 if optimizer == "adamw" else 0.0
        points = [replace(point, weight_decay=decay) for point in GRID[first::11]]
        assert_agree(problem_for(task), points, optimizer=optimizer)

    @pytest.mark.slow
    @pytest.mark.parametrize("optimizer", RATES)
    @pytest.mark.parametrize("task", Task)
    def test_the_whole_grid(self, task: Task, optimizer: str) -> None:
        assert_agree(problem_for(task), GRID, optimizer=optimizer)

    @pytest.mark.parametrize("loss", [Loss.MAE, Loss.HUBER])
    def test_other_losses_with_weighted_rows(self, loss: Loss) -> None:
        weight = np.random.default_rng(0).random(200).astype(np.float32) * 2
        split = replace(split_for(Task.REGRESSION), train_weight=weight)
        problem = Problem(head=replace(head_for(Task.REGRESSION), loss=loss), splits=(split,))
        point = Point(depth=1, width=16, activation=Activation.TANH)
        assert_agree(problem, [point], optimizer="sgd")

    def test_penalties_on_biases_and_activity_and_layers_that_taper(self) -> None:
        point = Point(
            depth=2, width=16, taper=0.5, activation=Activation.SELU,
            bias_l1=1e-3, bias_l2=1e-2, activity_l1=1e-4, activity_l2=1e-3,
        )  # fmt: skip
        points = [point, replace(point, batch_norm=True)]
        assert_agree(problem_for(Task.MULTICLASS), points, optimizer="sgd")

    @pytest.mark.parametrize("task", [pytest.param(Task.BINARY, marks=pytest.mark.slow), Task.MULTICLASS])
    def test_every_way_to_balance_classes(self, task: Task) -> None:
        points = [Point(depth=1, width=16, augment_balance=balance) for balance in Balance]
        assert_agree(uneven(task), points, optimizer="adam", stopping=replace(LONG, max_epochs=10))

    @pytest.mark.slow
    @pytest.mark.parametrize("activation", [Activation.RELU, Activation.SELU])
    def test_with_dropout_the_means_of_thirty_seeds_agree(self, activation: Activation) -> None:
        point = Point(depth=2, width=16, activation=activation, dropout=0.3, learning_rate=3e-3)
        stopping = replace(STOPPING, max_epochs=10)
        jobs = [job(trial, point=point) for trial in range(30)]
        problem = problem_for()
        losses = [
            np.array([trained.curve.valid_loss[-1] for trained in run(trainer, jobs)])
            for trainer in (KerasTrainer(problem, stopping), PopulationTrainer(problem, stopping))
        ]
        difference = losses[1] - losses[0]
        assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(len(jobs))


def uneven(task: Task) -> Problem:
    """A problem with a class of every seventh of its rows, in training and validation rows alike."""
    split = split_for(task, n_train=600, n_valid=200)
    kept = []
    for y in (split.y_train, split.y_valid):
        classes = y.reshape(-1).astype(int)
        kept.append((classes != 1) | (np.cumsum(classes == 1) % 7 == 1))
    train, valid = kept
    uneven = Split(
        x_train=split.x_train[train], y_train=split.y_train[train],
        x_valid=split.x_valid[valid], y_valid=split.y_valid[valid],
    )  # fmt: skip
    return Problem(head=head_for(task), splits=(uneven,))


@pytest.mark.parametrize("trainer", [KerasTrainer, PopulationTrainer])
def test_resampled_rows_are_made_of_training_rows_alone_and_validation_rows_stay(
    trainer: type[KerasTrainer] | type[PopulationTrainer],
) -> None:
    """Other validation rows change no loss on training rows; and the score is that of the rows as they came."""
    problem = uneven(Task.BINARY)
    (split,) = problem.splits
    other = replace(split, x_valid=split.x_valid[::-1] * 3 + 1, y_valid=1 - split.y_valid[::-1])
    given = [array.copy() for array in (split.x_train, split.y_train, split.x_valid, split.y_valid)]
    points = [replace(POINT, dropout=0.0, augment_balance=balance) for balance in (Balance.OVERSAMPLE, Balance.SMOTE)]
    jobs = [job(trial, point=point) for trial, point in enumerate(points)]
    stopping = replace(STOPPING, max_epochs=2)
    results = run(trainer(problem, stopping), jobs)
    others = run(trainer(replace(problem, splits=(other,)), stopping), jobs)
    for one, two in zip(results, others, strict=True):
        np.testing.assert_array_equal(one.curve.train_loss, two.curve.train_loss)
        assert one.valid_logits.shape == split.y_valid.shape
        loss = mean_loss(problem.head, split.y_valid, one.valid_logits)
        assert one.curve.valid_loss[one.best_epoch - 1] == pytest.approx(loss, rel=1e-5)
    for before, now in zip(given, (split.x_train, split.y_train, split.x_valid, split.y_valid), strict=True):
        np.testing.assert_array_equal(before, now)
    losses = [trained.curve.train_loss[-1] for trained in results]
    assert len(set(np.round(losses, 5))) == len(losses)  # every way did something of its own


# --- independence ----------------------------------------------------------------------------------------------------


def assert_equal(one: Trained, two: Trained) -> None:
    """Bit for bit."""
    assert (one.ended, one.best_epoch) == (two.ended, two.best_epoch)
    for name in ("train_loss", "valid_loss", "penalty"):
        np.testing.assert_array_equal(getattr(one.curve, name), getattr(two.curve, name))
    np.testing.assert_array_equal(one.valid_logits, two.valid_logits)
    for mine, yours in zip(one.weights or [], two.weights or [], strict=True):
        np.testing.assert_array_equal(mine, yours)


class TestIndependence:
    def company(self) -> list[Job]:
        """Twenty jobs of every kind; some stop early, one diverges."""
        kinds = itertools.cycle(GRID)
        points = [replace(next(kinds), dropout=0.1 * (trial % 4), learning_rate=0.01) for trial in range(20)]
        points[5] = replace(points[5], learning_rate=1e25)
        return [job(trial, point=point) for trial, point in enumerate(points)]

    def test_alone_in_company_and_in_another_order(self) -> None:
        stopping = Stopping(max_epochs=12, patience=2, min_delta=0.0, batch_size=32)
        problem, jobs = problem_for(), self.company()
        together = run(PopulationTrainer(problem, stopping), jobs)
        backwards = run(PopulationTrainer(problem, stopping), jobs[::-1])
        assert together[5].ended is Ended.DIVERGED
        assert len({trained.curve.n_epochs for trained in together}) > 2
        for one, two in zip(together, backwards, strict=True):
            assert_equal(one, two)
        for trial in (3, 13, 19):
            (alone,) = run(PopulationTrainer(problem, stopping), [jobs[trial]])
            assert_equal(alone, together[trial])

    def test_results_come_in_the_same_order_every_time(self) -> None:
        stopping = Stopping(max_epochs=8, patience=2, min_delta=0.0, batch_size=32)
        orders = [
            [trained.job.trial for trained in PopulationTrainer(problem_for(), stopping).train(iter(self.company()))]
            for _ in range(2)
        ]
        assert orders[0] == orders[1]
        assert sorted(orders[0]) == list(range(20))


# --- how lanes fill --------------------------------------------------------------------------------------------------


class TestLanes:
    def test_every_result_is_told_before_more_is_pulled_and_no_more_run_than_may(self) -> None:
        pulled: list[int] = []
        told: list[int] = []
        most = 0

        def jobs() -> Iterator[Job]:
            nonlocal most
            for trial in range(12):
                pulled.append(trial)
                most = max(most, len(pulled) - len(told))
                yield job(trial, point=replace(POINT, depth=1))

        trainer = PopulationTrainer(problem_for(), replace(STOPPING, max_epochs=2), n_lanes=3)
        for trained in trainer.train(jobs()):
            told.append(trained.job.trial)
        assert sorted(told) == list(range(12))
        assert most == 3

    def test_what_memory_would_never_hold_is_trained_by_the_reference(self) -> None:
        wide, narrow = (job(trial, point=Point(depth=2, width=width)) for trial, width in enumerate((200, 8)))
        problem, stopping = problem_for(), replace(STOPPING, max_epochs=2)
        memory = lane_bytes(wide, problem, Settings(stopping=stopping)) - 1
        first, second = run(PopulationTrainer(problem, stopping, memory_bytes=memory), [wide, narrow])
        assert (first.ended, second.ended) == (Ended.COMPLETED, Ended.COMPLETED)
        (reference,) = run(KerasTrainer(problem, stopping), [wide])
        assert_equal(first, reference)

    def test_lanes_wait_for_memory_and_change_nothing_by_it(self) -> None:
        jobs = [job(trial, point=Point(depth=2, width=64)) for trial in range(5)]
        problem, stopping = problem_for(), replace(STOPPING, max_epochs=2)
        memory = 2 * lane_bytes(jobs[0], problem, Settings(stopping=stopping))
        pulled: list[int] = []
        told: list[int] = []

        def asked() -> Iterator[Job]:
            for each in jobs:
                pulled.append(each.trial)
                yield each

        short = PopulationTrainer(problem, stopping, memory_bytes=memory)
        found = []
        for trained in short.train(asked()):
            told.append(trained.job.trial)
            assert len(pulled) - len(told) <= 2  # one trains beside it, one waits
            found.append(trained)
        for one, two in zip(run(PopulationTrainer(problem, stopping), jobs), found, strict=True):
            assert_equal(one, two)

    def test_a_lane_that_fails_fails_its_own_and_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = Lane.train_epoch

        def train_epoch(lane: Lane) -> None:
            if lane.job.point.depth == 2:
                raise MemoryError("out of memory")
            whole(lane)

        monkeypatch.setattr(Lane, "train_epoch", train_epoch)
        jobs = [job(trial, point=replace(POINT, depth=1 + trial % 2)) for trial in range(4)]
        results = run(PopulationTrainer(problem_for(), replace(STOPPING, max_epochs=2)), jobs)
        assert [trained.ended for trained in results] == [Ended.COMPLETED, Ended.FAILED] * 2
        assert "out of memory" in (results[1].error or "")

    def test_blas_gets_its_threads_back(self) -> None:
        before = [pool["num_threads"] for pool in threadpool_info()]
        run(PopulationTrainer(problem_for(), replace(STOPPING, max_epochs=1)), [job()])
        assert [pool["num_threads"] for pool in threadpool_info()] == before

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    @pytest.mark.parametrize("augmented", [False, True])
    def test_memory_is_what_was_predicted(self, optimizer: str, *, augmented: bool) -> None:
        noise = 0.1 if augmented else 0.0
        point = Point(depth=3, width=96, dropout=0.1, activity_l2=1e-4, augment_noise=noise)
        problem, stopping = problem_for(Task.MULTICLASS), replace(STOPPING, max_epochs=2)
        settings = Settings(stopping=stopping, optimizer=optimizer)

        def trained_epoch() -> Lane:
            one = job(0, point=point)
            lane = Lane(one, Tables(problem), settings)
            lane.train_epoch()
            return lane

        trained_epoch()  # compiles
        tracemalloc.start()
        lane = trained_epoch()
        lane.train_epoch()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        predicted = lane_bytes(lane.job, problem, settings)
        assert predicted == pytest.approx(peak, rel=0.2)


def test_weights_come_back_from_a_lane_as_they_went() -> None:
    for batch_norm, activation in itertools.product((False, True), (Activation.RELU, Activation.PRELU)):
        point = Point(depth=2, width=8, widths=(8, 5), activation=activation, batch_norm=batch_norm)
        weights = initial_weights(point, n_features=3, n_outputs=2, seed=np.random.SeedSequence(0))
        weights = [np.random.default_rng(k).standard_normal(w.shape).astype(np.float32) for k, w in enumerate(weights)]
        again = unpacked(point, *flat(point, weights), n_features=3)
        assert len(again) == len(weights)
        for one, two in zip(weights, again, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("batch_norm", [pytest.param(False, marks=pytest.mark.slow), True])
def test_layers_add_to_the_one_below_where_it_is_as_wide(*, batch_norm: bool) -> None:
    plain = Point(depth=4, width=16, widths=(16, 16, 12, 12), activation=Activation.SWISH, batch_norm=batch_norm)
    relu = replace(plain, activation=Activation.RELU, widths=(16,) * 4, activity_l2=1e-4)
    points = [replace(point, residual=True) for point in (plain, relu)]
    assert_agree(problem_for(Task.MULTICLASS), points, optimizer="sgd")
    with_it, without = run(PopulationTrainer(problem_for(), STOPPING), [job(0, point=points[0]), job(0, point=plain)])
    assert not np.allclose(with_it.curve.valid_loss, without.curve.valid_loss, rtol=1e-3)
