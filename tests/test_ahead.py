"""Epochs that are trained before the driver asks for them: they change nothing but when a core has work."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from threading import Event
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.executors import assert_equal, opened, recipe_for
from contracts.trainers import EXPLOSIVE, POINT, STOPPING, job, run
from ffsearch.search.executors.desk import Desk
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.executors.protocol import Done, Recipe, Work
from ffsearch.search.executors.threads import ThreadExecutor
from ffsearch.search.executors.worker import _Worker
from ffsearch.search.training.lanes import Lane, Settings, lane_bytes
from ffsearch.search.training.protocol import Job, Trained

RECIPE = recipe_for()


def a_lane(job: Job, recipe: Recipe = RECIPE) -> Lane:
    return Lane(job, recipe.tables, recipe.settings)


@settings(max_examples=30, deadline=None)
@given(ahead=st.lists(st.booleans(), min_size=1, max_size=6), exploding=st.booleans())
def test_a_lane_comes_to_the_same_wherever_it_was_trained_ahead(*, ahead: list[bool], exploding: bool) -> None:
    one = job(point=EXPLOSIVE if exploding else POINT)
    asked, eager = a_lane(one), a_lane(one)
    for goes_ahead in ahead:
        asked.train_epoch()
        eager.train_epoch()
        if goes_ahead:
            eager.train_ahead()
            eager.train_ahead()  # once is enough
        assert eager.n_epochs == asked.n_epochs
        assert repr(eager.losses) == repr(asked.losses)  # NaN is NaN
        assert_equal(eager.trained(), asked.trained())  # nothing shows what is ahead


def test_a_network_that_ended_by_itself_is_not_trained_any_further(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = a_lane(job(), replace(RECIPE, settings=Settings(stopping=replace(STOPPING, max_epochs=2))))
    lane.train_epoch()
    lane.train_epoch()
    monkeypatch.setattr(lane, "_epoch", lambda: pytest.fail("there is no third epoch"))
    lane.train_ahead()


def test_what_goes_wrong_ahead_is_told_to_whoever_asks_for_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise MemoryError("no room")

    lane = a_lane(job())
    lane.train_epoch()
    monkeypatch.setattr(lane, "_epoch", full)
    lane.train_ahead()
    assert_equal(lane.trained(), first_epoch_of(job()))
    with pytest.raises(MemoryError, match="no room"):
        lane.train_epoch()


def first_epoch_of(job: Job) -> Trained:
    lane = a_lane(job)
    lane.train_epoch()
    return lane.trained()


def test_a_network_is_given_away_while_its_next_epoch_is_still_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = Event(), Event()

    def slow(lane: Lane) -> None:
        begun.set()
        assert gate.wait(timeout=60)
        real(lane)

    real = Lane.train_ahead
    monkeypatch.setattr(Lane, "train_ahead", slow)
    desk = Desk()
    desk.take(0, RECIPE)
    work = Work(recipe=0, network=0, job=job(), epoch=1)
    desk.do(work)
    with ThreadPoolExecutor() as threads:
        ahead = threads.submit(desk.go_ahead, work)
        assert begun.wait(timeout=60)
        trained = threads.submit(desk.do, replace(work, ends=True)).result(timeout=60).trained
        assert not ahead.done()
        gate.set()
        ahead.result(timeout=60)
    assert trained is not None
    assert_equal(trained, first_epoch_of(job()))


def test_a_network_that_twice_as_many_would_not_fit_beside_is_not_trained_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    class Listening(ThreadExecutor):
        def submit(self, work: Work) -> Future[Done]:
            asked.append(work.may_go_ahead)
            return super().submit(work)

    monkeypatch.setattr(Lane, "train_ahead", lambda _: pytest.fail("there is no room"))
    problem, room = RECIPE.problem, lane_bytes(job(), RECIPE.problem, RECIPE.settings)
    for memory, may in ((3 * room, False), (4 * room, True)):
        asked.clear()
        with opened(Listening) as executor:
            run(PopulationTrainer(problem, STOPPING, n_lanes=2, memory_bytes=memory, executor=executor), [job()])
        assert set(asked) == {may}
    desk = Desk()
    desk.take(0, RECIPE)
    work = Work(recipe=0, network=0, job=job(), epoch=1, may_go_ahead=False)
    desk.do(work)
    desk.go_ahead(work)


def test_a_worker_goes_ahead_when_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wire:
        """The driver's end."""

        def __init__(self) -> None:
            self.sent: list[tuple[Any, ...]] = []

        def send(self, message: tuple[Any, ...]) -> None:
            self.sent.append(message)

    went, wire = Event(), Wire()
    monkeypatch.setattr(Lane, "train_ahead", lambda _: went.set())
    worker = _Worker(cast("Connection", wire), n_threads=1)
    worker._desk.take(0, RECIPE)
    worker._take("work", 5, Work(recipe=0, network=0, job=job(), epoch=1))
    assert went.wait(timeout=60)
    ((kind, number, done),) = wire.sent
    assert (kind, number) == ("done", 5)
    assert done.losses is not None


def test_work_that_was_overtaken_is_not_trained_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.take(0, RECIPE)
    first = Work(recipe=0, network=0, job=job(), epoch=1)
    desk.do(first)
    desk.do(replace(first, epoch=2))
    monkeypatch.setattr(Lane, "train_ahead", lambda _: pytest.fail("the driver has long asked for that epoch"))
    desk.go_ahead(first)
    desk.go_ahead(replace(first, network=7))  # given away meanwhile
