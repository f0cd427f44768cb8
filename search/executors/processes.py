"""Workers: processes of this machine that train networks.

    driver ══ line ══ worker 1: lane lane     a reader a worker, in the driver, turns its answers into futures;
           ══ line ══ worker 2: lane lane     when a line breaks, what that worker had is lost, and said so

A network stays with its worker. A worker that is lost is replaced; workers end when the driver does.

A worker trains all its networks at the same time, and the system shares the cores among the networks in training,
wherever they are, so that workers do not fight for them. With a thread a core, small networks would wait for an epoch
of a large one, and a worker that is left with two networks would leave the core of another idle.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

from ffsearch.errors import RunError
from ffsearch.search.base.environment import n_cpus
from ffsearch.search.executors.homes import Headcount, Homes, loss, lost
from ffsearch.search.executors.line import SILENT_S, Line
from ffsearch.search.executors.packing import packed
from ffsearch.search.executors.protocol import Done, Recipe, Work, WorkLost
from ffsearch.search.observer import Workers
from ffsearch.search.wording.finding import Finding
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["ProcessExecutor"]

END_WITHIN_S: Final = 10.0
"""Seconds a worker has to end by itself. choice: it has nothing to save."""

_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""A product runs in the thread of its lane: no library may start more of its own."""

_PROGRAM: Final = "from ffsearch.search.executors.worker import main; main({address!r}, n_threads={n_threads})"

_OUT_OF_MEMORY: Final = 9
"""The signal by which Linux ends a process for the memory it takes."""


class ProcessExecutor:
    """Trains networks in processes of this machine.

    Args:
        n_workers: How many.
        n_threads: Networks that one of them trains at the same time: all that are in training, should the others be
            lost or have none.
        folder: Where matrices are handed over; None: `settle` says it later.
        notify: Told of workers that are lost.
        watch: Told who is at work, at the start and whenever that changes.
    """

    name = "workers"

    def __init__(
        self,
        n_workers: int,
        *,
        n_threads: int = CONCURRENCY,
        folder: Path | None = None,
        notify: Callable[[Finding], object],
        watch: Callable[[Workers], object] | None = None,
    ) -> None:
        self._folder: Path | None = None
        self._notify = notify
        self._headcount = Headcount("worker", watch)
        self._keys = count()
        self._recipes: dict[int, bytes] = {}
        self._homes: Homes[_Worker] = Homes()
        self._n_threads = n_threads
        self._workers = [_Worker(n_threads=self._n_threads) for _ in range(n_workers)]
        if folder is not None:
            self.settle(folder)
        self._tell()

    @property
    def pids(self) -> list[int]:
        """The processes, as the system numbers them."""
        return [worker.pid for worker in self._workers]

    def settle(self, folder: Path) -> None:
        """See `Executor`; the folder is made anew, and deleted in the end."""
        shutil.rmtree(folder, ignore_errors=True)  # of a driver that was killed
        self._folder = folder

    def hand_over(self, recipe: Recipe) -> int:
        """See `Executor`.

        Raises:
            RunError: If the matrices cannot be written.
        """
        key = next(self._keys)
        self._recipes[key] = packed(recipe, self._place_of(key))
        for worker in self._workers:
            worker.send("recipe", key, self._recipes[key])
        return key

    def take_back(self, recipe: int) -> None:
        """See `Executor`."""
        self._recipes.pop(recipe, None)
        self._homes.forget(recipe)
        for worker in self._workers:
            worker.send("forget", recipe)
        self._remove_taken_back()

    def submit(self, work: Work) -> Future[Done]:
        """See `Executor`."""
        self._replace_lost()
        return self._homes.submit(
            work, lambda worker: worker.do(work), choose=lambda n_networks: min(self._workers, key=n_networks)
        )

    def close(self) -> None:
        """See `Executor`."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _remove_taken_back(self) -> None:
        """Remove the files of recipes that are no more.

        Windows keeps those that a worker has not let go of yet: until the next time, or until the workers have ended.
        """
        assert self._folder is not None, "settle comes before the first recipe"
        for place in self._folder.glob("*"):
            if int(place.name) not in self._recipes:
                shutil.rmtree(place, ignore_errors=True)

    def _place_of(self, recipe: int) -> Path:
        assert self._folder is not None, "settle comes before the first recipe"
        return self._folder / str(recipe)

    def _replace_lost(self) -> None:
        """Start a worker for each that is gone, unless it could not even begin."""
        for place, worker in enumerate(self._workers):
            if not worker.is_lost:
                continue
            worker.wait()
            if not worker.has_answered and worker.exit_code > 0:
                raise RunError(
                    f"A worker could not start: {worker.why}. What it said stands above. Run without --workers, or "
                    "mend what it says."
                )
            n_networks = self._homes.lost_with(worker)
            self._notify(loss(worker.why, n_networks))
            self._headcount.lost(n_networks)
            self._workers[place] = fresh = _Worker(n_threads=self._n_threads)
            for key, content in self._recipes.items():
                fresh.send("recipe", key, content)
            self._tell()

    def _tell(self) -> None:
        n = len(self._workers)
        self._headcount.tell(n=n, n_networks=max(n, n_cpus()))


class _Worker:
    """The driver's end of one worker.

    Args:
        n_threads: Networks that it trains at the same time.
    """

    def __init__(self, *, n_threads: int) -> None:
        self._line = Line()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM.format(address=self._line.address, n_threads=n_threads)],
            stdin=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self.has_answered = False
        self.is_lost = False
        self._is_silent = False
        self.told: set[tuple[int, int]] = set()
        """Networks whose work was said to be lost."""
        self._numbers = count()
        self._pending: dict[int, tuple[Work, Future[Done]]] = {}
        self._losing = Lock()
        self._reader = Thread(target=self._read, name=f"worker {self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process, as the system numbers it."""
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """How it ended; negative: by that signal. To be asked when it was waited for."""
        return self._process.returncode or 0

    @property
    def why(self) -> str:
        """Why it is gone."""
        code = self._process.returncode
        if self._is_silent:
            return f"worker {self.pid} gave no sign of life for {SILENT_S:g} s and was ended"
        if code is None:
            return f"worker {self.pid} hung up"
        if code >= 0:
            return f"worker {self.pid} ended with code {code}"
        hint = ", as Linux does when memory runs out" if -code == _OUT_OF_MEMORY else ""
        return f"worker {self.pid} was ended by {signal.Signals(-code).name}{hint}"

    def send(self, *message: Any) -> None:
        """Send a message; to a worker that is gone it is not sent, and the reader notices."""
        self._line.send(*message)

    def do(self, work: Work) -> Future[Done]:
        """Have a piece of work done."""
        future: Future[Done] = Future()
        number = next(self._numbers)
        with self._losing:
            if self.is_lost:
                self.told.add((work.recipe, work.network))
                return lost(self.why)
            self._pending[number] = work, future
        self.send("work", number, work)
        return future

    def hang_up(self) -> None:
        """Let it end: nothing more is wanted. One that never answered may still be starting, and hears nothing."""
        self.send("end")
        if not self.has_answered:
            self._process.kill()

    def wait(self) -> None:
        """Until process and reader are gone."""
        try:
            self._process.wait(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._line.close()

    def _read(self) -> None:
        """Turn answers into results of their futures, until the line breaks."""
        self._line.open(self._process)
        while True:
            try:
                kind, number, content = self._line.receive()
            except TimeoutError:  # stopped or stuck: it would be waited for without end
                self._is_silent = True
                self._process.kill()
                break
            except (EOFError, OSError):
                break
            self.has_answered = True
            _, future = self._pending.pop(number)
            if kind == "done":
                future.set_result(content)
            else:
                future.set_exception(RuntimeError(f"worker {self.pid} failed, and the fault is ours:\n{content}"))
        self._lose()

    def _lose(self) -> None:
        """Say of all that was wanted that it is lost."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_WITHIN_S)
        with self._losing:
            self.is_lost = True
            lost, self._pending = self._pending, {}
            self.told.update((work.recipe, work.network) for work, _ in lost.values())
        for _, future in lost.values():
            future.set_exception(WorkLost(self.why))
