"""The population trainer: several networks at a time, each in a lane, all by one compiled program.

    pull ──> [ lane ] [ lane ] [ lane ] [ lane ] ──> record ──> yield ──> pull the next
              an epoch each, in worker threads

The program (`lane.py`) takes depth, widths, activation and whatever else tells networks apart as data, runs a whole
epoch, and holds no lock of Python's meanwhile: so nothing is traced or compiled for a topology, Python is asked once an
epoch, and every core trains a network of its own. When a network ends, its lane goes to the next one.

Epochs are recorded in the order in which they would end if each lane had a core of its own and took the time that
`costs.py` thinks: a small network makes many epochs while a large one makes one, no core waits for long, and still what
a sampler is told, and when, does not depend on the clock, nor on the number of cores.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

from threadpoolctl import threadpool_limits

from ffsearch.search import defaults
from ffsearch.search.data.problem import Problem
from ffsearch.search.training.costs import machine_memory
from ffsearch.search.training.early_stopping import Progress
from ffsearch.search.training.keras_trainer import KerasTrainer
from ffsearch.search.training.lanes import Lane, Settings, Tables, lane_bytes
from ffsearch.search.training.protocol import Job, Stopping, Trained, Watch, never_stop

__all__ = ["PopulationTrainer", "memory_for_lanes"]

_N_LANES: Final = 4
"""Networks that are in training at a time.

choice: twice the cores of a small machine, so that none waits for another's epoch to be recorded, and few enough that a
sampler learns from what it is told; a constant, so that the order of results is the same on every machine.
"""

_MEMORY_SHARE: Final = 0.5
"""choice: the lanes leave half of the machine's memory to the table, to Keras and to whatever else runs."""


def memory_for_lanes() -> int:
    """Bytes that all lanes together may take on this machine."""
    return round(_MEMORY_SHARE * machine_memory())


@dataclass(order=True)
class _Turn:
    """An epoch of a lane that has been begun."""

    due: float  # when it would end, in seconds of the lanes' own clock
    number: int  # of all epochs, so that no two are alike
    lane: Lane = field(compare=False)
    epoch: Future[None] = field(compare=False)


class PopulationTrainer:
    """Trains many jobs at a time.

    A lane waits until there is memory for it; a network for which the lanes' memory would never be enough goes to the
    reference trainer, and so does one with layers that lanes do not have (`Point.needs_reference`).

    Args:
        problem: What is to be learnt.
        stopping: When training ends.
        optimizer: `adam`, `adamw`, `sgd` or `rmsprop`.
        momentum: Of `sgd`.
        n_lanes: Most jobs in training at a time.
        memory_bytes: What all lanes may take; None for half of the machine's memory.
    """

    name = "population"

    def __init__(
        self,
        problem: Problem,
        stopping: Stopping,
        *,
        optimizer: str = "adam",
        momentum: float = defaults.SGD_MOMENTUM,
        n_lanes: int = _N_LANES,
        memory_bytes: int | None = None,
    ) -> None:
        self._tables = Tables(problem)
        self._settings = Settings(stopping=stopping, optimizer=optimizer, momentum=momentum)
        self._reference = KerasTrainer(problem, stopping, optimizer=optimizer, momentum=momentum)
        self._n_lanes = n_lanes
        self._memory_bytes = memory_for_lanes() if memory_bytes is None else memory_bytes

    def train(self, jobs: Iterator[Job], *, watch: Watch = never_stop) -> Iterator[Trained]:
        """Train jobs as they come; see `Trainer.train`."""
        # A product runs in the thread of its lane: to split small ones among cores costs more than it saves.
        with (
            threadpool_limits(limits=1, user_api="blas"),
            ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="lane") as threads,
        ):
            running: list[_Turn] = []  # a heap: the one due first in front
            try:
                yield from self._train(jobs, running, threads, watch)
            finally:
                for turn in running:
                    turn.epoch.cancel()

    def _train(
        self, jobs: Iterator[Job], running: list[_Turn], threads: ThreadPoolExecutor, watch: Watch
    ) -> Iterator[Trained]:
        """Fill lanes, wait for the epoch due first, record it, until nobody is left."""
        numbers, now = count(), 0.0

        def begin(lane: Lane) -> None:
            heappush(running, _Turn(now + lane.epoch_seconds, next(numbers), lane, threads.submit(lane.train_epoch)))

        pulled, more = None, True
        while True:
            while more and len(running) < self._n_lanes:
                pulled = pulled or next(jobs, None)
                more = pulled is not None
                if pulled is None or not self._fits(pulled, running):
                    break
                job, pulled = pulled, None
                if job.point.needs_reference or self._bytes(job) > self._memory_bytes:
                    yield from self._reference.train(iter([job]), watch=watch)
                else:
                    progress = Progress(job, self._settings.stopping, watch=watch)
                    begin(Lane(job, progress, self._tables, self._settings))
            if not running:
                return
            turn = heappop(running)
            now, lane = turn.due, turn.lane
            ended = self._recorded(lane, turn.epoch)
            if ended is None:
                begin(lane)
            else:
                yield ended

    def _fits(self, job: Job, running: list[_Turn]) -> bool:
        """Whether there is memory for a job now; alone it has all there is, or goes to the reference trainer."""
        taken = sum(self._bytes(turn.lane.job) for turn in running)
        return not running or taken + self._bytes(job) <= self._memory_bytes

    def _bytes(self, job: Job) -> int:
        batch_size, optimizer = self._settings.stopping.batch_size, self._settings.optimizer
        return lane_bytes(job, self._tables.problem, batch_size=batch_size, optimizer=optimizer)

    @staticmethod
    def _recorded(lane: Lane, epoch: Future[None]) -> Trained | None:
        """Wait for an epoch and record it; what the job came to, if it ended."""
        try:
            epoch.result()
        except MemoryError:  # its size; anything else is our bug, and passes
            return lane.trained(error=traceback.format_exc())
        lane.record()
        return None if lane.progress.ended is None else lane.trained()
