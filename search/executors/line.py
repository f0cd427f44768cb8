"""The line between a driver and a worker that it starts: the same on every system, and open to nobody else.

The driver listens, the worker calls. What travels is pickled, so each side proves to the other first that it knows a
key, which the driver makes for this worker alone and hands it through its standard input: of a stranger nothing is
unpickled.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from threading import Lock, Thread
from typing import Any, Final

__all__ = ["ALIVE", "BEAT_S", "SILENT_S", "Line", "call"]

ALIVE: Final = ("alive",)
"""What a worker says when it has nothing else to say."""

BEAT_S: Final = 5.0
"""Seconds between two signs of life."""

SILENT_S: Final = 60.0
"""Seconds without a sign of life after which a worker hangs. Choice: twelve signs that did not come; none of what a
worker does keeps its other threads from speaking for as long, and a machine that is out of memory is slow for less."""

_KEY_BYTES: Final = 32
"""Choice: as long as the digests that prove it."""


class Line:
    """The driver's end. What is sent before the worker has called is kept for it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY_BYTES)
        try:
            self._listener = Listener(authkey=self._key)
        except OSError:  # the path of the folder for temporary files is too long for a socket's name
            self._listener = Listener(("127.0.0.1", 0), authkey=self._key)
        self.address = self._listener.address
        """Where the worker is to call; `repr` gives what Python reads back."""
        self._connection: Connection | None = None
        self._unsent: list[tuple[Any, ...]] = []
        self._sending = Lock()
        self._watcher: Thread | None = None

    def open(self, process: subprocess.Popen[bytes]) -> None:
        """Give a process its key, wait until it calls or ends, and send what was kept for it."""
        assert process.stdin is not None
        with suppress(OSError), process.stdin as pipe:  # it may have ended
            pipe.write(self._key)
        self._watcher = Thread(target=self._call_after, args=[process], daemon=True)
        self._watcher.start()
        connection = self._accepted(process)
        self._listener.close()
        with self._sending:
            self._connection, unsent = connection, self._unsent
            if connection is not None:
                with suppress(OSError):
                    for message in unsent:
                        connection.send(message)

    def send(self, *message: Any) -> None:
        """Send a message; to a worker that is gone it is not sent, and who receives notices."""
        with self._sending, suppress(OSError):
            if self._connection is None:
                self._unsent.append(message)
            else:
                self._connection.send(message)

    def receive(self) -> Any:
        """The worker's next message that is more than a sign of life.

        Raises:
            EOFError: If it is gone.
            OSError: If it is gone.
            TimeoutError: If it gave no sign of life for `SILENT_S`.
        """
        if self._connection is None:
            raise EOFError
        while True:
            # In two waits: where driver and worker were stopped together (Ctrl-Z), the first is over as both go on.
            if not self._connection.poll(SILENT_S - 2 * BEAT_S) and not self._connection.poll(2 * BEAT_S):
                raise TimeoutError
            message = self._connection.recv()
            if message != ALIVE:
                return message

    def close(self) -> None:
        """Give the line back, when its process has ended."""
        if self._watcher is not None:
            self._watcher.join()
        if self._connection is not None:
            self._connection.close()

    def _accepted(self, process: subprocess.Popen[bytes]) -> Connection | None:
        """The worker's call; None where it ended without."""
        while True:
            with suppress(AuthenticationError, EOFError, OSError):  # a stranger, or a worker that ended meanwhile
                return self._listener.accept()
            if process.poll() is not None:
                return None

    def _call_after(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a process. Where it never called, call in its place: nothing else ends the waiting."""
        process.wait()
        with suppress(AuthenticationError, EOFError, OSError):
            Client(self.address, authkey=self._key).close()


def call(address: str | tuple[str, int]) -> Connection:
    """The worker's end: call the driver that started this process.

    Args:
        address: Where it listens.

    Raises:
        OSError: If the driver is gone.
        EOFError: If the driver is gone.
    """
    return Client(address, authkey=sys.stdin.buffer.read())
