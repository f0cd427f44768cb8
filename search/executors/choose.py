"""The executor that was asked for, for as long as a run takes: its workers start while the table is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ffsearch.errors import RunError, SpaceError
from ffsearch.search.observer import Observer
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found

if TYPE_CHECKING:
    from ffsearch.search.executors.protocol import Executor

__all__ = ["FOLDER", "MAX_WORKERS", "ExecutorChoice", "executing"]

FOLDER: Final = ".carried"  # its name in earlier releases: what a kill left there is made anew
"""Where matrices are handed over in a run folder; there only while the run goes on."""

MAX_WORKERS: Final = 1024
"""Most workers of a machine. Choice: more is a typing error."""


@dataclass(frozen=True, kw_only=True)
class ExecutorChoice:
    """Who trains the networks of a run.

    Args:
        workers: So many processes of this machine; None: threads of this one.
        ray: The Ray cluster at this address, or `local`; None: none.
    """

    workers: int | None = None
    ray: str | None = None

    @property
    def flag(self) -> str | None:
        """What asked for it; None where nothing did."""
        return "--workers" if self.workers is not None else "--ray" if self.ray is not None else None

    def check(self, *, trainer: str) -> None:
        """Refuse what cannot be, before anything is written.

        Args:
            trainer: What the space file says: `auto`, `population` or `keras`.

        Raises:
            RunError: If the numbers are none.
            SpaceError: If the trainer trains in this process alone.
        """
        if self.workers is not None and not 1 <= self.workers <= MAX_WORKERS:
            raise RunError(
                f"--workers {self.workers}: takes a number of processes from 1 to {MAX_WORKERS}. Without it this "
                "process trains in threads of its own."
            )
        if self.workers is not None and self.ray is not None:
            raise RunError(
                "--workers and --ray both say who trains. Give one of them; --ray uses all cores of its nodes."
            )
        if self.flag is not None and trainer == "keras":
            raise SpaceError(
                "train.trainer: keras trains one network after another in this process, and cannot use "
                f"{self.flag}. Write train.trainer: auto, or leave {self.flag} out."
            )
        if self.ray is not None:
            from ffsearch.search.executors.cluster import check_ray

            check_ray()


@contextmanager
def executing(
    choice: ExecutorChoice, *, concurrency: int, observer: Observer
) -> Iterator[Callable[[Path], Executor | None]]:
    """Start the workers, and end them however the run ends.

    Args:
        choice: Who is to train.
        concurrency: Networks in training at a time.
        observer: Told who is at work, of workers that have nothing to do, and of those that are lost.

    Yields:
        Gives the executor, or None for the trainer's own threads, once there is a run folder.
    """
    executor = _executor(choice, concurrency=concurrency, observer=observer)

    def settled(folder: Path) -> Executor | None:
        if executor is not None:
            executor.settle(folder / FOLDER)
        return executor

    try:
        yield settled
    finally:
        if executor is not None:
            executor.close()


def _executor(choice: ExecutorChoice, *, concurrency: int, observer: Observer) -> Executor | None:
    if choice.ray is not None:
        from ffsearch.search.executors.cluster import RayExecutor

        return RayExecutor(choice.ray, notify=observer.noted, watch=observer.at_work)
    if choice.workers is not None:
        from ffsearch.search.executors.processes import ProcessExecutor

        _note_idle(choice.workers, concurrency, observer)
        return ProcessExecutor(
            choice.workers, n_threads=concurrency, notify=observer.noted, watch=observer.at_work
        )  # fmt: skip
    return None


def _note_idle(n_workers: int, concurrency: int, observer: Observer) -> None:
    if n_workers > concurrency:
        n_idle = n_workers - concurrency
        observer.noted(found(Code.IDLE_WORKERS, n=n_idle, workers=n_workers, networks=concurrency))
