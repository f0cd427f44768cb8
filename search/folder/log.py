"""The append-only log of a run: one JSON object a line, durable before `append` returns.

The newline commits a line: what a killed process left without one was never acknowledged, and is cut off when the log
is opened again. Anything else that cannot be read is an edit or a broken disk, and is refused rather than repaired.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ffsearch.errors import RunError
from ffsearch.search.base.files import disk_error, open_binary, sync_folder, write_fully
from ffsearch.search.folder.bounded import moment, parsed

__all__ = ["Journal", "Line", "LineKind", "bad_line", "read_lines"]


class LineKind(StrEnum):
    """What a line tells. Readers pass over kinds they do not know, so that more may come."""

    RUN = "run"  # the first line: whose log this is
    TRIAL = "trial"  # a trial ended
    REPEAT = "repeat"  # a finalist, or a network like the winner, was trained again
    STARTED = "started"  # a process began or went on with the run
    INTERRUPTED = "interrupted"
    TEST_OPENED = "test opened"
    REFITTED = "refitted"
    FINISHED = "finished"


Line = dict[str, Any]
"""One line of the log; `kind` says what it tells."""


class Journal:
    """A log open for appending. Close it, or use it in a `with`; the caller holds the folder's lock.

    Args:
        path: The log file; created when it is not there.

    Raises:
        RunError: If a line inside cannot be read, or the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: tuple[Line, ...] = ()
        try:
            self._descriptor = open_binary(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise disk_error(error, path) from error
        try:
            self.lines, self._size = _parse(path.read_bytes(), path)
            self._cut()
            sync_folder(path.parent)
        except OSError as error:
            os.close(self._descriptor)
            raise disk_error(error, path) from error
        except RunError:
            os.close(self._descriptor)
            raise

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a line; when this returns it survives a kill and a power cut.

        Raises:
            RunError: If it could not be written; the log then is as it was before.
        """
        content = json.dumps(line, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        try:
            self._cut()
            write_fully(self._descriptor, content)
        except OSError as error:
            # Half a line in the middle would make the whole log unreadable: take it back. Cutting needs no space.
            with suppress(OSError):
                self._cut()
            raise disk_error(error, self.path) from error
        self._size += len(content)

    def close(self) -> None:
        """Give the file back; closing twice is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _cut(self) -> None:
        """Cut the file back to its last whole line."""
        if os.fstat(self._descriptor).st_size != self._size:
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)


def read_lines(path: Path) -> tuple[Line, ...]:
    """All whole lines of a log, which may be in use by another process.

    Raises:
        RunError: If the file or a line inside cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise disk_error(error, path) from error
    return _parse(content, path)[0]


def _parse(content: bytes, path: Path) -> tuple[tuple[Line, ...], int]:
    """The whole lines and how many bytes they take."""
    size = content.rfind(b"\n") + 1
    rows = content[:size].split(b"\n")[:-1]
    return tuple(_parse_line(row, path=path, number=number) for number, row in enumerate(rows, start=1)), size


def _parse_line(row: bytes, *, path: Path, number: int) -> Line:
    try:
        line = parsed(row)
    except ValueError as error:  # also of text that is not UTF-8
        raise bad_line(path, number, f"it is not JSON ({error})") from error
    if not isinstance(line, dict) or not isinstance(line.get("kind"), str):
        raise bad_line(path, number, "it is not a line of a run's log")
    for name in ("at", "ended_at"):
        try:
            moment(line.get(name, _SOME_TIME))
        except (TypeError, ValueError) as error:
            raise bad_line(path, number, f"its `{name}` is no time ({error})") from error
    return line


_SOME_TIME: Final = "2026-01-01T00:00:00+00:00"


def bad_line(path: Path, number: int, why: str) -> RunError:
    """The error of a line that is not what the program wrote.

    Args:
        path: The log.
        number: Of the line, from 1.
        why: What is wrong with it.
    """
    return RunError(
        f"{path}, line {number}: {why}. ffsearch writes one JSON object with a `kind` a line, so the file was changed "
        "by something else, or its disk is failing. Mend that line, or take it away: the same command goes on without "
        "what it told. Or begin anew with --fresh (this folder is kept aside) or --out."
    )
