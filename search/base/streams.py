"""Paths that are no files and no folders."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

__all__ = ["is_stream", "refuse_stream"]

_NAMES_OF_STREAMS = (Path("/dev"), Path("/dev/fd"))
"""Folders whose links lead to what a process was given, which need not be streams themselves: `/dev/stdout`."""


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a device or a socket, which cannot be read a second time, and may have no end."""
    with suppress(OSError, ValueError):  # ValueError: names that no system has
        return path.exists() and not path.is_file() and not path.is_dir()
    return False


def refuse_stream(path: Path) -> None:
    """Refuse to put a file in the place of a pipe, a device or a socket: who may do that, as `root` may, loses it.

    Raises:
        OSError: If one is there.
    """
    if is_stream(path) or (path.exists() and path.absolute().parent in _NAMES_OF_STREAMS):
        raise OSError(errno.EINVAL, "what is there is a stream or a device, not a file")
