"""One process a run folder: a lock that goes with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from ffsearch.errors import RunError
from ffsearch.search.base.files import disk_error

__all__ = ["FolderLock"]

LOCK: Final = ".lock"


class FolderLock:
    """Hold a folder until `release`, the end of a `with`, or the end of the process (then the system releases it).

    Args:
        folder: The folder; a hidden file in it carries the lock and the process's number.

    Raises:
        RunError: If another process holds it, or the folder may not be written.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise disk_error(error, path) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            self.release()
            raise RunError(
                f"{folder} is in use by process {holder}. Wait until it ends, or stop it, "
                "or choose another folder with --out."
            ) from error
        with suppress(OSError):  # the number only helps people; a full disk must not keep a run from ending
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the folder back; twice is no error. The file stays: removing it would race with the next holder."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
