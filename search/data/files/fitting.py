"""Whether a table of text can be read into memory, seen from its size and its first lines before it is read."""

from __future__ import annotations

from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.base.memory import machine_memory
from ffsearch.search.base.texts import counted
from ffsearch.search.data.files.text import best_delimiter

__all__ = ["HEAD_BYTES", "refuse_unfit"]

HEAD_BYTES: Final = 1 << 20
"""Bytes that are enough to show how long lines are. Choice: some of a table of 10,000 columns."""

_SHARE: Final = 0.9
"""Of the machine's memory. Choice: a system and its libraries need the rest."""

_CELL_BYTES: Final = (8, 16)
"""Bytes a cell beside its text: where it begins, while the bytes of the file are in memory too; then also its number,
and that again in a matrix."""


def refuse_unfit(n_bytes: int, head: bytes, name: str) -> None:
    """Refuse text that takes more memory than there is, for the system would end the command without a word.

    Args:
        n_bytes: Bytes of the whole text.
        head: The first of them.
        name: The file's name.

    Raises:
        DataError: With the sizes, how many rows would fit, and what to do.
    """
    memory = _SHARE * machine_memory()
    lines = head[: head.rfind(b"\n") + 1]
    n_lines = lines.count(b"\n")
    if 2 * n_bytes + _CELL_BYTES[1] * n_bytes / 2 <= memory or not n_lines:  # a cell has two bytes at least
        return
    row_bytes = len(lines) / n_lines
    n_cells = lines.count(best_delimiter(lines).encode()) / n_lines + 1
    taken = max(2 * row_bytes + _CELL_BYTES[0] * n_cells, row_bytes + _CELL_BYTES[1] * n_cells)
    n_rows = n_bytes / row_bytes
    if n_rows * taken <= memory:
        return
    size, rows = f"{n_bytes / 1e9:.1f} GB", f"{float(f'{n_rows:.2g}'):,.0f} rows of {counted(round(n_cells), 'cell')}"
    raise DataError(
        f"{name} holds {size} of text, some {rows}, which take about {n_rows * taken / 1e9:.1f} GB when they are read. "
        f"This machine has {machine_memory() / 1e9:.1f} GB of memory: about {int(memory / taken):,} rows would fit. "
        "Draw so many into a file of their own, leave columns out of it, or write Parquet, whose numbers take less."
    )
