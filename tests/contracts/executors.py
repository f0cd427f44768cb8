"""What every executor must keep to. A new executor is a fixture away:

class TestMine(ExecutorContract):
    @pytest.fixture
    def make(self) -> MakeExecutor:
        return MyExecutor
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from contracts.trainers import EXPLOSIVE, IMPOSSIBLE, POINT, STOPPING, job, problem_for, run, split_for
from ffsearch.search.executors.population import MAX_RETRIES, PopulationTrainer
from ffsearch.search.executors.protocol import Done, Executor, Recipe, Work, WorkLost
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Balance
from ffsearch.search.training.lanes import Lane, Settings
from ffsearch.search.training.protocol import Ended, Epoch, Job, Trained
from systems import n_files

MakeExecutor = Callable[[], Executor]

LONG = replace(STOPPING, max_epochs=30)


def recipe_for(**given: int) -> Recipe:
    return Recipe(problem=problem_for(Task.BINARY, **given), settings=Settings(stopping=STOPPING))


@contextmanager
def opened(make: MakeExecutor) -> Iterator[Executor]:
    """An executor that is closed in the end."""
    executor = make()
    try:
        yield executor
    finally:
        executor.close()


def assert_equal(one: Trained, two: Trained) -> None:
    """Bit for bit."""
    assert (one.job.trial, one.ended, one.best_epoch, one.n_updates) == (
        two.job.trial,
        two.ended,
        two.best_epoch,
        two.n_updates,
    )
    for name in ("train_loss", "valid_loss", "penalty"):
        np.testing.assert_array_equal(getattr(one.curve, name), getattr(two.curve, name))
    np.testing.assert_array_equal(one.valid_logits, two.valid_logits)
    for mine, yours in zip(one.weights or [], two.weights or [], strict=True):
        np.testing.assert_array_equal(mine, yours)


def losses(done: Future[Done]) -> tuple[float, float, float]:
    found = done.result(timeout=120).losses
    assert found is not None
    return found.train_loss, found.valid_loss, found.penalty


class ExecutorContract:
    """Subclass it and give it a `make` fixture."""

    n_files_kept = 0
    """Files that what carries leaves open in the driver each time it is used."""

    def test_it_trains_what_a_lane_trains_here(self, make: MakeExecutor) -> None:
        recipe = recipe_for()
        lane = Lane(job(), recipe.tables, recipe.settings)
        with opened(make) as executor:
            key = executor.hand_over(recipe)
            for epoch in (1, 2, 3):
                lane.train_epoch()
                work = Work(recipe=key, network=0, job=job(), epoch=epoch)
                assert losses(executor.submit(work)) == lane.losses
            trained = executor.submit(replace(work, ends=True)).result(timeout=120).trained
            assert trained is not None
            assert_equal(trained, lane.trained())

    def test_a_network_it_does_not_know_is_trained_from_its_first_epoch(self, make: MakeExecutor) -> None:
        recipe = recipe_for()
        lane = Lane(job(), recipe.tables, recipe.settings)
        for _ in range(3):
            lane.train_epoch()
        with opened(make) as executor:
            key = executor.hand_over(recipe)
            assert losses(executor.submit(Work(recipe=key, network=0, job=job(), epoch=3))) == lane.losses
            ends = Work(recipe=key, network=1, job=job(), epoch=3, ends=True)
            trained = executor.submit(ends).result(timeout=120).trained
            assert trained is not None
            assert_equal(trained, lane.trained())

    def test_recipes_are_apart_and_taken_back(self, make: MakeExecutor) -> None:
        one, two = recipe_for(), recipe_for(seed=1, n_train=900)
        with opened(make) as executor:
            keys = [executor.hand_over(recipe) for recipe in (one, two)]
            found = [losses(executor.submit(Work(recipe=key, network=0, job=job(), epoch=1))) for key in keys]
            for recipe, loss in zip((one, two), found, strict=True):
                lane = Lane(job(), recipe.tables, recipe.settings)
                lane.train_epoch()
                assert loss == lane.losses
            executor.take_back(keys[0])
            again = losses(executor.submit(Work(recipe=keys[1], network=1, job=job(), epoch=1)))
            assert again == found[1]

    def test_many_at_once(self, make: MakeExecutor) -> None:
        with opened(make) as executor:
            key = executor.hand_over(recipe_for())
            works = [Work(recipe=key, network=n, job=job(n % 3), epoch=1 + n % 2) for n in range(24)]
            futures = [executor.submit(work) for work in works]
            assert not wait(futures, timeout=120).not_done
            assert len({losses(future) for future in futures}) == 6

    def test_what_does_not_fit_into_memory_fails_alone(self, make: MakeExecutor) -> None:
        with opened(make) as executor:
            key = executor.hand_over(recipe_for())
            failed = executor.submit(Work(recipe=key, network=0, job=job(0, point=IMPOSSIBLE), epoch=1))
            good = executor.submit(Work(recipe=key, network=1, job=job(1), epoch=1))
            trained = failed.result(timeout=120).trained
            assert trained is not None
            assert trained.ended is Ended.FAILED
            assert "MemoryError" in (trained.error or "")
            assert losses(good)

    def test_a_search_through_it_is_the_same_search(self, make: MakeExecutor) -> None:
        """The same epochs in the same order, the same results in the same order, pruned at the same epochs."""
        problem = problem_for()
        points = [replace(POINT, depth=1 + n % 3, width=8 + 8 * n, learning_rate=0.02 / (1 + n % 4)) for n in range(9)]
        points[4] = EXPLOSIVE
        points[5] = replace(points[5], augment_balance=Balance.OVERSAMPLE, augment_noise=0.1)

        def through(executor: Executor | None) -> tuple[list[tuple[int, int, float]], list[Trained]]:
            seen: list[tuple[int, int, float]] = []

            def watch(epoch: Epoch) -> Ended | None:
                seen.append((epoch.job.trial, epoch.number, epoch.valid_loss))
                worst = max(loss for _, number, loss in seen if number == epoch.number)
                return Ended.PRUNED if epoch.number == 4 and epoch.valid_loss < worst else None  # the order matters

            trainer = PopulationTrainer(problem, replace(LONG, max_epochs=9), executor=executor)
            jobs = (job(trial, point=point) for trial, point in enumerate(points))
            return seen, list(trainer.train(jobs, watch=watch))

        seen, expected = through(None)
        ends = {trained.ended for trained in expected}
        assert ends == {Ended.COMPLETED, Ended.PRUNED, Ended.DIVERGED}, ends
        with opened(make) as executor:
            for _ in range(2):  # one executor serves one trainer after another
                there, found = through(executor)
                assert there == seen
                for one, two in zip(found, expected, strict=True):
                    assert_equal(one, two)

    def test_folds_and_large_tables_go_over_whole(self, make: MakeExecutor) -> None:
        splits = (split_for(Task.BINARY, n_train=3000), split_for(Task.BINARY, n_train=2000, seed=1))
        problem = replace(problem_for(), splits=splits)
        jobs = [replace(job(trial), fold=trial % 2) for trial in range(4)]
        expected = run(PopulationTrainer(problem, STOPPING), jobs)
        with opened(make) as executor:
            for one, two in zip(
                run(PopulationTrainer(problem, STOPPING, executor=executor), jobs), expected, strict=True
            ):
                assert_equal(one, two)

    def test_closing_leaves_no_file_open_and_no_thread(self, make: MakeExecutor) -> None:
        def used() -> None:
            with opened(make) as executor:
                run(PopulationTrainer(problem_for(), STOPPING, executor=executor), [job(trial) for trial in range(3)])

        used()
        gc.collect()
        before = n_files()
        used()
        gc.collect()
        deadline = time.monotonic() + 10
        while (now := n_files() - self.n_files_kept) > before and time.monotonic() < deadline:
            time.sleep(0.1)  # what is closed by threads that are about to end
        assert now <= before, (before, now)

    def test_closed_twice_is_no_error(self, make: MakeExecutor) -> None:
        executor = make()
        executor.close()
        executor.close()


class LosingExecutor:
    """Another executor, some of whose work is lost: for what a trainer makes of it."""

    name = "losing"

    def __init__(self, inner: Executor, *, loses: Callable[[Job, int], bool]) -> None:
        self._inner, self._loses = inner, loses
        self._n_tried: dict[int, int] = {}
        self._again: dict[int, int] = {}

    def hand_over(self, recipe: Recipe) -> int:
        return self._inner.hand_over(recipe)

    def take_back(self, recipe: int) -> None:
        self._inner.take_back(recipe)

    def submit(self, work: Work) -> Future[Done]:
        tried = self._n_tried[work.network] = self._n_tried.get(work.network, 0) + 1
        if self._loses(work.job, tried):
            self._again[work.network] = self._again.get(work.network, 0) + 1
            lost: Future[Done] = Future()
            lost.set_exception(WorkLost("the test took it away"))
            return lost
        # Whoever does it now never saw this network.
        return self._inner.submit(replace(work, network=1000 * self._again.get(work.network, 0) + work.network))

    def close(self) -> None:
        self._inner.close()


__all__ = ["MAX_RETRIES", "ExecutorContract", "LosingExecutor", "MakeExecutor", "assert_equal", "opened", "recipe_for"]
