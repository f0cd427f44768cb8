"""One process a run folder: a lock that goes with the process, however it ends."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

import filelock

from ffsearch.errors import RunError
from ffsearch.search.base.files import disk_error, open_binary, replace

__all__ = ["FolderLock"]

LOCK: Final = ".lock"

SOFT_LOCK: Final = ".lock.soft"
"""Stands for the lock, by being there, on a file system that has none."""

VARIABLE: Final = "FFSEARCH_LOCK"

_SOFT_WAIT_S: Final = 0.2
"""Seconds in which the file of a process that is gone is seen to be left over, and taken away."""

_NO_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL})
"""How file systems say that they have none: NFS without its lock service, some parallel ones. EINVAL: as Python passes
on what Windows says then."""


class FolderLock:
    """Hold a folder until `release`, the end of a `with`, or the end of the process (then the system releases it).

    Where the file system has no locks the folder is refused, unless the environment says `FFSEARCH_LOCK=soft`: then a
    file that is there is the lock. A killed process leaves it; on the same host the next one sees that and goes on.

    Args:
        folder: The folder; a hidden file in it carries the lock, and the number and host of the process.

    Raises:
        RunError: If another process holds it, its file system has no locks, or it may not be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        path = folder / LOCK
        with ExitStack() as undo:
            try:
                if not _has_locked(path, undo):
                    raise _in_use(folder, path)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise disk_error(error, path) from error
                _lock_softly(folder, undo, why=error)
            self._held = undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the folder back; twice is no error. The file stays: removing it would race with the next holder."""
        self._held.close()

    def move(self, to: Path) -> None:
        """Rename the folder, and give it back under its new name.

        It is held until it has that name. Windows, however, renames no folder in which a file is open, the lock's among
        them: there it is given back before. Who takes it in between has that file open in turn, so that the folder
        stays theirs under its old name, and this process is told.

        Raises:
            RunError: If another process took it in between.
            OSError: As the system says.
        """
        try:
            self._folder.rename(to)
        except PermissionError:
            self.release()
            try:
                replace(self._folder, to)
            except PermissionError:
                with FolderLock(self._folder):  # tells of who has it now
                    raise
        self.release()
        (to / SOFT_LOCK).unlink(missing_ok=True)


def _has_locked(path: Path, held: ExitStack) -> bool:
    """Whether a file could be locked, which then lasts as long as `held`."""
    while True:
        with ExitStack() as undo:
            descriptor = open_binary(path, os.O_RDWR | os.O_CREAT)
            undo.callback(os.close, descriptor)
            if not filelock.lock_descriptor(descriptor, blocking=False):
                return False
            if not path.exists() or not os.path.samestat(os.fstat(descriptor), path.stat()):
                continue  # the folder was moved aside, and this file with it, between opening and locking
            with suppress(OSError):  # the names only help people; a full disk must not keep a run from ending
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"\n{os.getpid()}\n{socket.gethostname()}\n".encode())
            held.push(undo.pop_all())
            return True


def _lock_softly(folder: Path, held: ExitStack, *, why: OSError) -> None:
    """Take the file that stands for a lock, if that was asked for.

    Raises:
        RunError: If it was not, or another process has it.
    """
    path = folder / SOFT_LOCK
    if os.environ.get(VARIABLE) != "soft":
        raise RunError(
            f"{folder} lies on a file system without locks ({why.strerror}), where two processes could write to one "
            f"run and not know it. Choose a folder on another disk with --out. Or set {VARIABLE}=soft in the "
            f"environment: then {path.name} in the folder is the lock, which a process that is killed leaves behind."
        ) from why
    lock = filelock.SoftFileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=_SOFT_WAIT_S)
    except filelock.Timeout:
        raise _in_use(folder, path, hint=f" If that process is gone, remove {path}.") from None
    except OSError as error:
        raise disk_error(error, path) from error
    held.callback(lock.release)


def _in_use(folder: Path, path: Path, *, hint: str = "") -> RunError:
    return RunError(
        f"{folder} is in use by {_holder(path)}. Wait until it ends, or stop it, or choose another folder with --out."
        + hint
    )


def _holder(path: Path) -> str:
    """Who says to hold a lock. Windows keeps the byte that is locked, the first, from being read."""
    content = b""
    with suppress(OSError), path.open("rb", buffering=0) as file:
        file.seek(1 if path.name == LOCK else 0)
        content = file.read(1000)
    match content.decode(errors="replace").split():
        case [process, host, *_]:
            return f"process {process}" + ("" if host == socket.gethostname() else f" on {host}")
    return "another process"
