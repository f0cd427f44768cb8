"""A process that trains networks for a driver: started by `processes.py`, ends with the driver, however that ends.

driver ── ("recipe", key, bytes) · ("forget", key) · ("work", number, Work) · ("end",) ──> worker
<───── ("done", number, Done) · ("failed", number, traceback) · ("alive",) ─────
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Any

from threadpoolctl import threadpool_limits

from ffsearch.search.base.environment import signals
from ffsearch.search.executors.desk import THREADS, Desk
from ffsearch.search.executors.line import ALIVE, BEAT_S, call
from ffsearch.search.executors.packing import unpacked
from ffsearch.search.executors.protocol import Done, Work
from ffsearch.search.training.lanes import load_programs

__all__ = ["main"]


def main(address: str | tuple[str, int], *, n_threads: int) -> None:
    """Serve the driver that started this process.

    Args:
        address: Where the driver listens.
        n_threads: Networks that are trained at the same time.
    """
    for number in signals("SIGINT", "SIGBREAK"):  # they reach the whole group; the driver says when to end
        signal.signal(number, signal.SIG_IGN)
    threadpool_limits(limits=1, user_api="blas")
    try:
        connection = call(address)
    except (EOFError, OSError):  # the driver is gone
        return
    _Worker(connection, n_threads=n_threads).serve()


class _Worker:
    """Takes messages in one thread and trains in others.

    Args:
        connection: To the driver.
        n_threads: Networks that are trained at the same time.
    """

    def __init__(self, connection: Connection, *, n_threads: int) -> None:
        self._connection = connection
        self._desk = Desk()
        self._threads = ThreadPoolExecutor(max_workers=THREADS * n_threads, thread_name_prefix="lane")
        self._sending = Lock()

    def serve(self) -> None:
        """Until the driver hangs up; an epoch that runs then is nobody's any more, and is not waited for.

        Programs are loaded meanwhile, for the driver still reads the table. Where that fails, so does the first epoch,
        and says why.
        """
        self._threads.submit(load_programs)
        Thread(target=self._beat, name="signs of life", daemon=True).start()
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            self._take(*message)

    def _take(self, kind: str, key: int = 0, *content: Any) -> None:
        if kind == "end":
            os._exit(0)
        elif kind == "recipe":
            with suppress(FileNotFoundError):  # taken back before this worker came to it: no work will ask for it
                self._desk.take(key, unpacked(*content))
        elif kind == "forget":
            self._desk.forget(key)
        else:
            (work,) = content
            if work.ends and self._desk.has(work):  # nothing to train: no need to wait for a thread
                self._send("done", key, self._desk.do(work))
            else:
                self._threads.submit(self._desk.do, work).add_done_callback(partial(self._answer, key, work))

    def _answer(self, number: int, work: Work, future: Future[Done]) -> None:
        error = future.exception()
        if error is None:
            self._send("done", number, future.result())
            self._threads.submit(self._desk.go_ahead, work)
        else:
            self._send("failed", number, "".join(traceback.format_exception(error)))

    def _beat(self) -> None:
        """Say that this process lives, again and again: one that is stopped, or stuck as a whole, says nothing."""
        while True:
            self._send(*ALIVE)
            time.sleep(BEAT_S)

    def _send(self, *message: Any) -> None:
        try:
            with self._sending:
                self._connection.send(message)
        except OSError:  # the driver is gone
            os._exit(0)
