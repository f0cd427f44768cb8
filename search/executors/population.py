"""The population trainer: several networks at a time, each in a lane, all by one compiled program.

    pull ──> [ lane ] [ lane ] [ lane ] [ lane ] ──> record ──> yield ──> pull the next
              an epoch each, wherever the executor trains them

The program (`lane.py`) takes depth, widths, activation and whatever else tells networks apart as data, runs a whole
epoch, and holds no lock of Python's meanwhile: so nothing is traced or compiled for a topology, Python is asked once an
epoch, and the cores are shared among networks. When a network ends, its lane goes to the next one.

Epochs are recorded in the order in which they would end if each lane had a core of its own and took the time that
`costs.py` thinks: a small network makes many epochs while a large one makes one, no core waits for long, and still what
a sampler is told, and when, does not depend on the clock, nor on the number of cores, nor on the executor: threads of
this process, processes, or a cluster. What an executor loses is trained again and comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import Final

import numpy as np

from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.data.features.problem import Problem
from ffsearch.search.executors.protocol import Done, Executor, Recipe, Work, WorkLost
from ffsearch.search.network import defaults
from ffsearch.search.training.costs import memory_for_lanes
from ffsearch.search.training.early_stopping import Progress, loss_floor
from ffsearch.search.training.lanes import Settings, epoch_seconds, lane_bytes
from ffsearch.search.training.protocol import Ended, Job, Stopping, Trained, Trainer, Watch, never_stop
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.search.wording.language import PLAIN
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["PopulationTrainer"]

MAX_RETRIES: Final = 3
"""How often a network is begun again after its worker was lost. choice: what ends four workers in a row is likely the
network itself, by the memory it takes."""


@dataclass(kw_only=True)
class _Network:
    """A network in training, wherever its lane is."""

    job: Job
    number: int
    progress: Progress
    epoch_s: float
    may_go_ahead: bool
    n_lost: int = 0


@dataclass(order=True)
class _Turn:
    """An epoch that has been begun."""

    due: float  # when it would end, in seconds of the lanes' own clock
    number: int  # of all epochs, so that no two are alike
    network: _Network = field(compare=False)
    epoch: Future[Done] = field(compare=False)


class PopulationTrainer:
    """Trains many jobs at a time.

    A lane waits until there is memory for it; a network for which the lanes' memory would never be enough goes to the
    reference trainer.

    Args:
        problem: What is to be learnt.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
        n_lanes: Most jobs in training at a time.
        memory_bytes: What all lanes may take; None for half of the machine's memory.
        executor: What trains the lanes; None for threads of this process.
    """

    name = "population"

    def __init__(
        self,
        problem: Problem,
        stopping: Stopping,
        *,
        optimizer: str = "adam",
        momentum: float = defaults.SGD_MOMENTUM,
        n_lanes: int = CONCURRENCY,
        memory_bytes: int | None = None,
        executor: Executor | None = None,
    ) -> None:
        settings = Settings(stopping=stopping, optimizer=optimizer, momentum=momentum)
        self._recipe = Recipe(problem=problem, settings=settings)
        self._n_lanes = n_lanes
        self._memory_bytes = memory_for_lanes() if memory_bytes is None else memory_bytes
        self._executor = executor

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Train jobs as they come; see `Trainer.train`."""
        with _executing(self._executor, n_lanes=self._n_lanes) as executor:
            recipe = executor.hand_over(self._recipe)
            try:
                yield from self._train(jobs, _Lanes(executor, recipe), watch)
            finally:
                executor.take_back(recipe)

    @cached_property
    def _reference(self) -> Trainer:
        """Made when it is needed: TensorFlow takes seconds to load, and most runs train in lanes alone."""
        load_tensorflow()
        from ffsearch.search.training.keras_trainer import KerasTrainer

        problem, settings = self._recipe.problem, self._recipe.settings
        return KerasTrainer(
            problem, settings.stopping, optimizer=settings.optimizer, momentum=settings.momentum
        )  # fmt: skip

    def _train(self, jobs: Iterator[Job], lanes: _Lanes, watch: Watch) -> Iterator[Trained]:
        """Fill lanes, wait for the epoch due first, record it, until nobody is left."""
        running: list[_Turn] = []  # a heap: the one due first in front
        turns, numbers, now = count(), count(), 0.0

        def begin(network: _Network) -> None:
            heappush(running, _Turn(now + network.epoch_s, next(turns), network, lanes.begin(network)))

        pulled, more = None, True
        while True:
            while more and len(running) < self._n_lanes:
                pulled = pulled or next(jobs, None)
                more = pulled is not None
                if pulled is None or not self._fits(pulled, running):
                    break
                job, pulled = pulled, None
                if self._bytes(job) > self._memory_bytes:
                    yield from self._reference.train(iter([job]), watch=watch)
                else:
                    begin(self._network(job, next(numbers), watch))
            if not running:
                return
            turn = heappop(running)
            now = turn.due
            ended = lanes.recorded(turn.network, turn.epoch)
            if ended is None:
                begin(turn.network)
            else:
                yield ended

    def _network(self, job: Job, number: int, watch: Watch) -> _Network:
        settings, tables = self._recipe.settings, self._recipe.tables
        return _Network(
            job=job,
            number=number,
            progress=Progress(job, settings.stopping, watch=watch, floor=loss_floor(self._recipe.problem, job.fold)),
            epoch_s=epoch_seconds(job, tables, settings),
            may_go_ahead=2 * self._n_lanes * self._bytes(job) <= self._memory_bytes,
        )

    def _fits(self, job: Job, running: list[_Turn]) -> bool:
        """Whether there is memory for a job now; alone it has all there is, or goes to the reference trainer."""
        taken = sum(self._bytes(turn.network.job) for turn in running)
        return not running or taken + self._bytes(job) <= self._memory_bytes

    def _bytes(self, job: Job) -> int:
        return lane_bytes(job, self._recipe.problem, self._recipe.settings)


@contextmanager
def _executing(executor: Executor | None, *, n_lanes: int) -> Iterator[Executor]:
    """The executor that was given, or threads for as long as training takes."""
    if executor is not None:
        yield executor
        return
    from ffsearch.search.executors.threads import ThreadExecutor

    threads = ThreadExecutor(n_threads=n_lanes)
    try:
        yield threads
    finally:
        threads.close()


class _Lanes:
    """The networks of one training, on their executor; what it loses is begun again.

    Args:
        executor: What trains them.
        recipe: What it calls the recipe of all.
    """

    def __init__(self, executor: Executor, recipe: int) -> None:
        self._executor = executor
        self._recipe = recipe

    def begin(self, network: _Network) -> Future[Done]:
        """Begin the next epoch of a network."""
        return self._executor.submit(self._work(network, epoch=network.progress.n_looks + 1))

    def recorded(self, network: _Network, epoch: Future[Done]) -> Trained | None:
        """Wait for an epoch and record it; what the job came to, if it ended."""
        number = network.progress.n_looks + 1
        done = self._outlasting(network, epoch, number)
        if done.losses is None:
            return self._ended(network, done)
        losses = done.losses
        network.progress.record(
            train_loss=losses.train_loss,
            valid_loss=losses.valid_loss,
            penalty=losses.penalty,
            train_s=losses.train_s,
        )
        if network.progress.ended is None:
            return None
        ending = self._executor.submit(self._work(network, epoch=number, ends=True))
        return self._ended(network, self._outlasting(network, ending, number, ends=True))

    def _outlasting(self, network: _Network, epoch: Future[Done], number: int, *, ends: bool = False) -> Done:
        """Wait for a piece of work, and submit it again when it was lost, until it was lost too often."""
        while True:
            try:
                return epoch.result()
            except WorkLost as lost:
                network.n_lost += 1
                if network.n_lost > MAX_RETRIES:
                    return Done(trained=_lost(network, why=str(lost)))
            epoch = self._executor.submit(self._work(network, epoch=number, ends=ends))

    def _ended(self, network: _Network, done: Done) -> Trained:
        """What a network came to, with the end that the driver saw, which may be a pruner's."""
        assert done.trained is not None
        ended = Ended.FAILED if done.trained.error else network.progress.ended or Ended.FAILED
        notes = {"n_retries": min(network.n_lost, MAX_RETRIES)} if network.n_lost else {}
        return replace(done.trained, job=network.job, ended=ended, notes=done.trained.notes | notes)

    def _work(self, network: _Network, *, epoch: int, ends: bool = False) -> Work:
        return Work(
            recipe=self._recipe,
            network=network.number,
            job=network.job,
            epoch=epoch,
            ends=ends,
            may_go_ahead=network.may_go_ahead,
        )


def _lost(network: _Network, *, why: str) -> Trained:
    """A network that no worker outlived."""
    return Trained(
        job=network.job,
        ended=Ended.FAILED,
        error=PLAIN.tagged(found(Code.NETWORK_LOST, n=network.n_lost, why=why)),
        curve=network.progress.curve,
        best_epoch=0,
        n_updates=0,
        valid_logits=np.empty((0, 0), np.float32),
    )
