"""Where the numbers of columns lie: what is 0, what is 1 away from it, the ends, and whether all are whole.

Learnt of many columns at once: in wide tables each call of NumPy costs more than its cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ColumnSpread", "spreads"]

_CELLS_AT_ONCE: Final = 1_000_000
"""Rows times columns looked at at once. Choice: some MB."""

_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
_FLOAT32_TINY: Final = float(np.finfo(np.float32).tiny)


class ColumnSpread(NamedTuple):
    """Where the cells of one column lie, missing ones left out; `NumberColumn` says what the parts are."""

    median: float
    scale: float
    low: float | None
    high: float | None
    is_whole: bool


_NO_CELLS: Final = ColumnSpread(median=0.0, scale=1.0, low=None, high=None, is_whole=False)


def spreads(columns: Sequence[NDArray[np.float32]]) -> Iterator[ColumnSpread]:
    """Of every column; neighbours without missing cells at once, since in wide tables each call costs more than cells.

    Args:
        columns: Each of shape (n_rows,), NaN where missing.
    """
    n_at_once = max(1, _CELLS_AT_ONCE // max(1, len(columns[0]))) if columns else 1
    for start in range(0, len(columns), n_at_once):
        some = columns[start : start + n_at_once]
        have_gaps = [not len(column) or bool(np.isnan(column).any()) for column in some]
        whole = [column for column, has_gaps in zip(some, have_gaps, strict=True) if not has_gaps]
        of_whole = _of_block(whole) if whole else iter(())
        for column, has_gaps in zip(some, have_gaps, strict=True):
            present = column[~np.isnan(column)] if has_gaps else column
            yield next(of_whole) if not has_gaps else next(_of_block([present])) if len(present) else _NO_CELLS


def _of_block(columns: Sequence[NDArray[np.float32]]) -> Iterator[ColumnSpread]:
    """Of columns that lack no cell and have one, each of shape (n_rows,).

    Source: RealMLP's robust scaling, arXiv 2407.04491, appendix: the scale is the interquartile range; half the range
    where that is 0; 1 where that is 0 too (or not representable). A constant is left alone instead of zeroed.
    """
    exact = np.stack(columns, axis=1, dtype=np.float64)
    medians = np.median(exact, axis=0)
    quarters = np.quantile(exact, [0.25, 0.75], axis=0)
    lows, highs = exact.min(axis=0), exact.max(axis=0)
    are_whole = np.all(exact % 1 == 0, axis=0).tolist()
    for median, between, low, high, is_whole in zip(
        medians.tolist(), (quarters[1] - quarters[0]).tolist(), lows.tolist(), highs.tolist(), are_whole, strict=True
    ):
        scales = (float(np.float32(one)) for one in (between, (high - low) / 2) if _FLOAT32_TINY <= one <= _FLOAT32_MAX)
        yield ColumnSpread(
            median=float(np.float32(median)), scale=next(scales, 1.0), low=low, high=high, is_whole=is_whole
        )
