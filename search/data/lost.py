"""Numbers of a frame that lost a sign which changes what they say: one between thousands, or the one of percents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.features.columns import NumberColumn
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.spelling import Spelling

__all__ = ["is_text", "lost_signs"]


def lost_signs(column: NumberColumn, cells: Cells, raw: NDArray[np.float32]) -> list[str]:
    """The cells of a column that cannot be taken as they stand; mostly none.

    Args:
        column: What was learnt of it.
        cells: Its cells among the rows to answer.
        raw: The numbers that they are read as, shape (n_rows,).
    """
    if not isinstance(column.reading, Spelling):
        return []
    return [*_lost_groups(column, cells), *_lost_percents(column, cells, raw)]


def _lost_groups(column: NumberColumn, cells: Cells) -> list[str]:
    """Cells whose reader took a sign between thousands for a decimal one: 1.234 where 1234 was meant."""
    assert isinstance(column.reading, Spelling)
    if column.reading.thousands != "." or not column.is_whole or is_text(cells.column):
        return []
    return [f"{number:g}" for number in cells.numbers[np.isfinite(cells.numbers) & (cells.numbers % 1 != 0)]]


def _lost_percents(column: NumberColumn, cells: Cells, raw: NDArray[np.float32]) -> list[str]:
    """Cells without the sign that was learnt, all of which could be shares: .125 where 12.5 % was meant."""
    assert isinstance(column.reading, Spelling)
    if column.reading.after != "%" or (column.high or 0) <= 1:
        return []
    numbers = raw[np.isfinite(raw)]
    if not len(numbers) or (np.abs(numbers) > 1).any():
        return []
    return [] if any("%" in text for text in cells.written.texts) else [f"{number:g}" for number in numbers.tolist()]


def is_text(column: pd.Series[Any]) -> bool:
    """Whether cells are written, and not numbers or moments of their own."""
    dtype = column.dtype
    typed = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)
    return not typed and not pd.api.types.is_bool_dtype(dtype)
