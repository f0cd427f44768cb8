"""Whether a workbook can be read without ending this process, which what reads workbooks does where memory is short.

Its reader makes a cell of every place up to the farthest one that holds anything, and a few bytes may put that a
billion places away, by accident too. A process that asks for more memory than there is is ended by Rust, without an
error that Python could take. So the sheet is opened in a process of its own first, which may take what a table may.
"""

from __future__ import annotations

from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.base.memory import machine_memory
from ffsearch.search.data.files.apart import LARGEST_SHARE, comes_to_its_end

__all__ = ["refuse_far_cells", "refuse_what_ends_readers"]

_BYTES_A_CELL: Final = 100
"""Of a sheet's cell while it is read: 24 to Rust, 8 of a list, 24 of a number, and as many of frame and matrix."""


def refuse_what_ends_readers(payload: bytes, place: int, name: str) -> None:
    """Open a sheet in a process of its own.

    Args:
        payload: The workbook.
        place: Number of the sheet, from 0.
        name: Of the file.

    Raises:
        DataError: If that process does not come to its end.
    """
    if not comes_to_its_end(
        payload,
        imports="from python_calamine import CalamineWorkbook",
        reads=f"CalamineWorkbook.from_filelike(content).get_sheet_by_index({place:d})",
    ):
        raise DataError(
            f"{name} cannot be opened within {LARGEST_SHARE * machine_memory() / 1e9:.1f} GB, half of this machine's "
            "memory. A cell far away from all others makes a sheet as large: delete what stands beside and below the "
            "table, or save it as CSV."
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
    if n_bytes > LARGEST_SHARE * memory:
        raise DataError(
            f"{name} reaches over {n_rows:,} rows and {n_columns:,} columns, which takes about {n_bytes / 1e9:.1f} GB, "
            f"and this machine has {memory / 1e9:.1f} GB of memory, of which a table may take half. Delete what stands "
            "far away from the table, or take a part of its rows or columns."
        )
