"""The plain executor: threads of this process, one a network. The lanes' program holds no lock of Python's."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path

from threadpoolctl import threadpool_limits

from ffsearch.search.executors.desk import Desk
from ffsearch.search.executors.protocol import Done, Recipe, Work
from ffsearch.spaces.sampling import CONCURRENCY

__all__ = ["ThreadExecutor"]


class ThreadExecutor:
    """Trains networks in threads of this process.

    Networks share the cores, as the clock of the trainer thinks they do: with a thread a core, and more networks, small
    ones would wait for an epoch of a large one, and a core for the next that is due.

    While it has work, BLAS keeps to one thread: a product runs in the thread of its lane, for to split small ones among
    cores costs more than it saves.

    Args:
        n_threads: How many: as many as networks are in training at a time.
    """

    name = "threads"

    def __init__(self, *, n_threads: int = CONCURRENCY) -> None:
        self._desk = Desk()
        self._keys = count()
        self._limits = threadpool_limits(limits=1, user_api="blas")
        self._threads = ThreadPoolExecutor(max_workers=n_threads, thread_name_prefix="lane")

    def settle(self, folder: Path) -> None:
        """See `Executor`: nothing lies in files."""

    def hand_over(self, recipe: Recipe) -> int:
        """See `Executor`."""
        key = next(self._keys)
        self._desk.take(key, recipe)
        return key

    def take_back(self, recipe: int) -> None:
        """See `Executor`."""
        self._desk.forget(recipe)

    def submit(self, work: Work) -> Future[Done]:
        """See `Executor`."""
        return self._threads.submit(self._desk.do, work)

    def close(self) -> None:
        """Wait for the epochs that have begun, drop the others, give BLAS its threads back."""
        self._threads.shutdown(cancel_futures=True)
        self._limits.restore_original_limits()
