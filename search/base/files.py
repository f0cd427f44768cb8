"""Files that are whole or not there: written beside, synced, then moved into place; and what a full disk is called."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ffsearch.errors import RunError

__all__ = ["disk_error", "make_folder", "sqlite_url", "sync_folder", "write_atomically", "write_fully"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place whole: readers see the old one or the new one, also after a power cut.

    Args:
        path: Where it goes; its folder must exist.
        content: All of it.

    Raises:
        RunError: If the disk is full, read-only, or fails; the old file, if there was one, is untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write_synced(beside, content)
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        with suppress(OSError):  # it is gone after a move; after a failure this gives back what it took
            beside.unlink(missing_ok=True)


def write_fully(descriptor: int, content: bytes) -> None:
    """Write all bytes and sync them to the disk; `os.write` alone may stop half way.

    Raises:
        OSError: As the system says; some of the bytes may have been written.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Make names in a folder durable: a synced file may be lost if its name is not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, durably; one that is there is no error.

    Raises:
        RunError: If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> RunError:
    """What an error of the disk means to a person: what happened, what is safe, what to do."""
    if error.errno in _FULL:
        return RunError(
            f"{path}: the disk is full ({error.strerror}). Every trial told before is safe. "
            "Free some space and give the same command again: it goes on from there."
        )
    if error.errno in _FORBIDDEN:
        return RunError(
            f"{path}: it may not be written here ({error.strerror}). Nothing was changed. "
            "Choose another folder with --out, or get the right to write into this one."
        )
    return RunError(
        f"{path}: it could not be read or written ({error.strerror or error}). Every trial told before is safe. "
        "When the cause is mended, give the same command again; or choose another folder with --out."
    )


def sqlite_url(path: Path) -> str:
    """The storage URL of a database file; signs such as `?` and `%` in its path are escaped."""
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        write_fully(descriptor, content)
    finally:
        os.close(descriptor)
