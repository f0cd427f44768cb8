"""Whether a workbook can be read without ending this process, which what reads workbooks does where memory is short.

Its reader makes a cell of every place up to the farthest one that holds anything, and a few bytes may put that a
billion places away, by accident too. A process that asks for more memory than there is is ended by Rust, without an
error that Python could take. So the sheet is opened in a process of its own first, which may take what a table may.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.base.memory import machine_memory

__all__ = ["refuse_far_cells", "refuse_what_ends_readers"]

_LARGEST_SHARE: Final = 0.5
"""Of the machine's memory, as `decode.refuse_too_large` allows a table."""

_BYTES_A_CELL: Final = 100
"""Of a sheet's cell while it is read: 24 to Rust, 8 of a list, 24 of a number, and as many of frame and matrix."""

_NOT_TRIED: Final = 3

_PROGRAM: Final = f"""
import io, sys
try:
    from python_calamine import CalamineWorkbook
except ImportError:
    sys.exit({_NOT_TRIED})
content = sys.stdin.buffer.read()
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), resource.getrlimit(resource.RLIMIT_AS)[1]))
except (ImportError, OSError, ValueError):
    pass
try:
    CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(int(sys.argv[1]))
except Exception:
    pass
"""
"""Errors of Python are no matter here: they come again where the workbook is read, and are told there."""

_LONGEST_S: Final = 600


def refuse_what_ends_readers(payload: bytes, place: int, name: str) -> None:
    """Open a sheet in a process of its own.

    Args:
        payload: The workbook.
        place: Number of the sheet, from 0.
        name: Of the file.

    Raises:
        DataError: If that process does not come to its end.
    """
    memory = machine_memory()
    command = [sys.executable, "-S", "-c", _PROGRAM, str(place), str(int(_LARGEST_SHARE * memory))]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        code = subprocess.run(
            command, input=payload, env={**os.environ, **path}, capture_output=True, timeout=_LONGEST_S, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        code = -1
    except (OSError, ValueError):  # no such interpreter, as in a program that was frozen
        return
    if code not in (0, _NOT_TRIED):
        raise DataError(
            f"{name} cannot be opened within {_LARGEST_SHARE * memory / 1e9:.1f} GB, half of this machine's memory. A "
            "cell far away from all others makes a sheet as large: delete what stands beside and below the table, or "
            "save it as CSV."
        )


def refuse_far_cells(n_rows: int, n_columns: int, name: str) -> None:
    """Refuse a sheet that reaches too far.

    Args:
        n_rows: Rows from its first cell to its last one.
        n_columns: Columns likewise.
        name: Of the file.

    Raises:
        DataError: With its size.
    """
    memory = machine_memory()
    n_bytes = n_rows * n_columns * _BYTES_A_CELL
    if n_bytes > _LARGEST_SHARE * memory:
        raise DataError(
            f"{name} reaches over {n_rows:,} rows and {n_columns:,} columns, which takes about {n_bytes / 1e9:.1f} GB, "
            f"and this machine has {memory / 1e9:.1f} GB of memory, of which a table may take half. Delete what stands "
            "far away from the table, or take a part of its rows or columns."
        )
