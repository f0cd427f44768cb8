"""Long work in C, done in threads beside the one that waits, so that Ctrl-C is heard while it goes on.

Python hears a signal in its main thread alone, and only between two of its own steps: not in the middle of a fit, nor
while it waits for threads to end. So the main thread waits in naps, and when it is interrupted it leaves the threads
behind: they begin nothing more, and end with the process at the latest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

__all__ = ["are_left", "done_aside"]

_Done = TypeVar("_Done")

NAP_S: Final = 0.2
"""Seconds after which an interrupt is heard at the latest. Choice: at once to people, and nothing to the machine."""

_NAME: Final = "aside"


def done_aside(jobs: Sequence[Callable[[], _Done]], *, n_threads: int = 1) -> list[_Done]:
    """What jobs come to, in their order.

    Args:
        jobs: What is to be done.
        n_threads: How many are done at a time.

    Raises:
        BaseException: What a job raised; those that had begun are left behind.
        KeyboardInterrupt: At once, whatever the jobs are at; those that had begun are left behind.
    """
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(len(jobs)):
        numbers.put(number)
    done: dict[int, _Done] = {}
    faults: list[BaseException] = []
    is_left = threading.Event()

    def work() -> None:
        while not faults and not is_left.is_set():
            try:
                number = numbers.get_nowait()
            except Empty:
                return
            try:
                done[number] = jobs[number]()
            except BaseException as fault:  # raised again where it is waited for
                faults.append(fault)

    threads = [threading.Thread(target=work, name=_NAME, daemon=True) for _ in range(min(n_threads, len(jobs)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not faults:
                thread.join(NAP_S)
    finally:
        is_left.set()
    if faults:
        raise faults[0]
    return [done[number] for number in range(len(jobs))]


def are_left() -> bool:
    """Whether threads are still at work that nobody waits for any more."""
    return any(thread.name == _NAME and thread is not threading.current_thread() for thread in threading.enumerate())
