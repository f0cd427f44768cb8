"""The population trainer: many networks in a few compiled programs, lanes, that never drain.

    pull ──> seat ──> [ lane ] [ lane ] [ lane ] ──> record ──> yield ──> pull the next
                       an epoch each, in worker threads

A program trains the slots of a lane for a whole epoch, so Python is asked once an epoch and TensorFlow traces once a
depth or compiles once a shape, not once a trial. When a network ends, its slot goes to the next one while its
neighbours train on.

Lanes take turns in the order they asked, and their epochs are recorded in the order they were begun, whichever thread
is faster: what a sampler is told, and when, does not depend on the clock, nor on the number of cores.

`planner.py` says which networks share a lane and which are left to the reference trainer, `lane.py` is what a program
computes, `slots.py` seats networks in it.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import tensorflow as tf

from ffsearch.search import defaults
from ffsearch.search.data.problem import Problem
from ffsearch.search.topology import Balance
from ffsearch.search.training import xla
from ffsearch.search.training.early_stopping import Progress
from ffsearch.search.training.keras_trainer import KerasTrainer
from ffsearch.search.training.lane import N_MOMENTS
from ffsearch.search.training.planner import Crowd, LaneShape, Planner
from ffsearch.search.training.protocol import Job, Stopping, Trained, Watch, never_stop
from ffsearch.search.training.slots import Lane, Program, Rows, Seat

__all__ = ["PopulationTrainer"]

_N_TURNS: Final = 4
"""Lanes that are in training at a time.

choice: twice the cores of a small machine, so that none waits for another's epoch to be recorded; a constant, so that
the order of results is the same on every machine.
"""

_N_RUNNING: Final = 16
"""Networks that are in training at a time, at most.

choice: enough to fill lanes of several slots; few enough that a sampler still learns from what it is told.
"""

_LANE_ERRORS: Final = (tf.errors.OpError, MemoryError)
"""What a lane may fail of without ending the run: its size, or TensorFlow. Anything else is our bug, and passes."""


class PopulationTrainer:
    """Trains many jobs at a time.

    Args:
        problem: What is to be learnt.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
        n_running: Most jobs in training at a time.
        memory_bytes: What one lane may take; None for half of the machine's memory.
        compiled: Whether lanes are compiled by XLA; None: where the planner says that it pays.
        crowd: What is known of how many networks have one shape, as seeds of one topology have; None: nothing.
    """

    name = "population"

    def __init__(
        self,
        problem: Problem,
        stopping: Stopping,
        *,
        optimizer: str = "adam",
        momentum: float = defaults.SGD_MOMENTUM,
        n_running: int = _N_RUNNING,
        memory_bytes: int | None = None,
        compiled: bool | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        xla.set_up()
        self._problem = problem
        self._stopping = stopping
        self._optimizer = optimizer
        self._momentum = momentum
        self._n_running = n_running if crowd is None else max(n_running, _N_TURNS * crowd.n_together)
        self._reference = KerasTrainer(problem, stopping, optimizer=optimizer, momentum=momentum)
        self._planner = Planner(
            problem,
            batch_size=stopping.batch_size,
            n_moments=N_MOMENTS[optimizer],
            memory_bytes=memory_bytes,
            compiled=compiled,
            crowd=crowd,
        )
        self._rows: dict[tuple[int, Balance], Rows] = {}
        self._programs: dict[LaneShape, Program] = {}

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Train jobs as they come; see `Trainer.train`."""
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="lane") as threads:
            hall = _Hall(threads)
            try:
                yield from self._train(jobs, hall, watch)
            finally:
                hall.close()

    def _train(self, jobs: Iterator[Job], hall: _Hall, watch: Watch) -> Iterator[Trained]:
        """Seat, let lanes take their turns, record, until nobody is left."""
        more = True
        while True:
            while more and hall.wants_more(self._n_running):
                job = next(jobs, None)
                if job is None:
                    more = False
                elif (shape := self._planner.shape(job)) is None:
                    yield from self._reference.train(iter([job]), watch=watch)
                else:
                    seat = Seat(job=job, progress=Progress(job, self._stopping, watch=watch))
                    hall.seat(seat, self._program(shape))
            if hall.is_empty:
                return
            yield from hall.next_results()

    def _program(self, shape: LaneShape) -> Program:
        kind = (shape.batch_size, shape.drawn)
        if kind not in self._rows:
            others = list(self._rows.values())
            self._rows[kind] = Rows(
                self._problem,
                batch_size=shape.batch_size,
                drawn=shape.drawn,
                n_passes=self._stopping.evaluate_every,
                others=others,
            )
        if shape not in self._programs:
            self._programs[shape] = Program(
                shape,
                self._rows[kind],
                loss=self._problem.head.loss,
                optimizer=self._optimizer,
                momentum=self._momentum,
            )
        return self._programs[shape]


class _Hall:
    """The lanes, and whose turn it is.

    Args:
        threads: Where epochs run.
    """

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._lanes: dict[LaneShape, list[Lane]] = {}
        self._waiting: deque[Lane] = deque()  # lanes with networks, the longest waiting first
        self._running: deque[tuple[Lane, Future[None]]] = deque()  # in the order they were begun

    @property
    def is_empty(self) -> bool:
        """Nobody is in training."""
        return not self._waiting and not self._running

    def wants_more(self, n_running: int) -> bool:
        """Whether another network would fill a slot or a turn that is empty."""
        busy = [*self._waiting, *(lane for lane, _ in self._running)]
        if sum(lane.n_networks for lane in busy) >= n_running:
            return False
        return len(busy) < _N_TURNS or any(lane.n_free for lane in busy)

    def seat(self, seat: Seat, program: Program) -> None:
        """In a lane of its shape with a slot to spare, or in a new one."""
        lanes = self._lanes.setdefault(program.shape, [])
        lane = next((lane for lane in lanes if lane.slot_for(seat) is not None), None)
        if lane is None:
            lane = Lane(program)
            lanes.append(lane)
        lane.book(seat)
        if lane not in self._waiting and not any(lane is running for running, _ in self._running):
            self._waiting.append(lane)

    def next_results(self) -> Iterator[Trained]:
        """Let as many lanes train as have a turn, wait for the one begun first, and yield who has ended there."""
        while self._waiting and len(self._running) < _N_TURNS:
            lane = self._waiting.popleft()
            lane.admit()
            self._running.append((lane, self._threads.submit(lane.train_epoch)))
        lane, epoch = self._running.popleft()
        try:
            epoch.result()
        except _LANE_ERRORS:
            yield from self._dissolve(lane, traceback.format_exc())
            return
        ended = list(lane.record())
        for seat in ended:
            lane.clear(seat)
        if lane.n_networks:
            self._waiting.append(lane)
        for seat in ended:
            yield seat.trained(n_updates=lane.program.rows.n_updates(seat.job.fold))

    def _dissolve(self, lane: Lane, error: str) -> Iterator[Trained]:
        """Everybody in a lane that failed has failed; who has only booked goes to another one."""
        self._lanes[lane.program.shape].remove(lane)
        for seat in lane.booked.values():
            self.seat(seat, lane.program)
        for seat in lane.seated:
            yield seat.trained(n_updates=0, error=error)

    def close(self) -> None:
        """Begin no more epochs; those that run come to their end."""
        for _, epoch in self._running:
            epoch.cancel()
