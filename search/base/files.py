"""Files that are whole or not there: written beside, synced, then moved into place; and what a full disk is called.

The same on every system: Windows changes what is written unless it is told that a file is binary, syncs no folders, and
moves nothing over a file that somebody has open at that moment.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from ffsearch.errors import RunError
from ffsearch.search.base.streams import refuse_stream

__all__ = [
    "FULL",
    "delete_left_behind",
    "disk_error",
    "make_folder",
    "move_file",
    "move_folder",
    "open_binary",
    "put_in_place",
    "replace",
    "sqlite_url",
    "sync_folder",
    "write_atomically",
    "write_fully",
]

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk without room says."""
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_LEFT_BEHIND: Final = re.compile(r"\..+\.(?P<pid>\d{1,9})\.(part(\..+)?|old)")
"""Names that files and folders have until they are in place."""

_BINARY: Final = getattr(os, "O_BINARY", 0)
_HAS_FOLDER_SYNC: Final = hasattr(os, "O_DIRECTORY")

_WAITS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds between tries to move a file. Choice: virus scanners and indexers of Windows let go of a file within these,
and who may not write here at all is told so in less than a second."""


def open_binary(path: Path, flags: int) -> int:
    """Open a file that holds what was written to it, byte for byte; a child process does not inherit it.

    Args:
        path: The file.
        flags: Of `os.open`.

    Returns:
        The descriptor.

    Raises:
        OSError: As the system says.
    """
    return os.open(path, flags | _BINARY, 0o666)


@contextmanager
def put_in_place(path: Path) -> Iterator[Path]:
    """Put a file in place whole: readers see the old one or the new one, also after a power cut.

    Args:
        path: Where it goes; its folder must exist.

    Yields:
        Where to write it, closed when the `with` ends: beside the file, with the same ending. After an error that one
        is removed, and an older file is untouched.

    Raises:
        OSError: As the system says, or if a stream is there.
    """
    refuse_stream(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield beside
        move_file(beside, path)
    finally:
        with suppress(OSError):  # it is gone after a move; after a failure this gives back what it took
            beside.unlink(missing_ok=True)


def delete_left_behind(folder: Path) -> None:
    """Delete what `put_in_place` and `move_folder` left in a folder and below when they were killed.

    What a process that still lives writes stays.
    """
    for path in folder.rglob(".*"):
        pid = _LEFT_BEHIND.fullmatch(path.name)
        if pid is None or psutil.pid_exists(int(pid["pid"])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Put a file in place whole, see `put_in_place`.

    Args:
        path: Where it goes; its folder must exist.
        content: All of it.

    Raises:
        RunError: If the disk is full, read-only, or fails; the old file, if there was one, is untouched.
    """
    try:
        with put_in_place(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise disk_error(error, path) from error


def move_file(source: Path, target: Path) -> None:
    """Sync a file that is written and closed, and move it to its place on the same disk, over an older one.

    Raises:
        OSError: As the system says; an older file then is untouched.
    """
    descriptor = open_binary(source, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    replace(source, target)
    sync_folder(target.parent)


def move_folder(source: Path, target: Path) -> None:
    """Move a folder to its place on the same disk, over an older one.

    No system does that in one step: the older one goes aside, is deleted when the new one has its place, and otherwise
    comes back.

    Raises:
        OSError: As the system says; an older folder then is where it was.
    """
    older = target.with_name(f".{target.name}.{os.getpid()}.old")
    if target.is_dir():
        replace(target, older)
    try:
        replace(source, target)
    except BaseException:
        if older.is_dir():
            replace(older, target)
        raise
    sync_folder(target.parent)
    shutil.rmtree(older, ignore_errors=True)


def replace(source: Path, target: Path) -> None:
    """Move a file or folder, over an older file where there is one; wait a moment for who has that one open.

    Raises:
        OSError: As the system says when it still cannot be moved, or if a stream is there.
    """
    refuse_stream(target)
    for wait_s in _WAITS_S:
        try:
            os.replace(source, target)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    os.replace(source, target)


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
    """Make names in a folder durable: a synced file may be lost if its name is not. Windows does so by itself.

    Raises:
        OSError: As the system says.
    """
    if not _HAS_FOLDER_SYNC:
        return
    descriptor = open_binary(path, os.O_RDONLY)
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
    if error.errno in FULL:
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
