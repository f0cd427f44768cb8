"""What rows weigh: a column of positive numbers, in which a row of weight w stands for w rows like it.

A weight is asked wherever rows are counted or averaged: by losses, scores, their intervals, and the models to beat. How
a cell is shown to a network (medians, quartiles, levels, bins) is learnt from rows as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.data.parsing.spelling import find_spelling, find_thousands

__all__ = ["Weights", "of_mean_one", "read_weights"]

LEAST: Final = 1e-9
"""Share of the largest weight below which one counts for nothing. Choice: a hundredth of what float32 tells apart."""

N_NAMED: Final = 5
"""Rows that an error names; more would bury the advice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What every row of a table weighs.

    Args:
        cells: The column.
        values: Its numbers, positive and finite, float64 (n_rows,).
    """

    cells: Cells
    values: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> Weights:
        """Those of some rows, by position."""
        return Weights(cells=self.cells.take(rows), values=self.values[rows])

    @property
    def n_alike(self) -> float:
        """How many rows of one weight would know a mean as well.

        Source: Kish 1965, *Survey sampling*, section 11.7.
        """
        shares = self.values / self.values.max()
        return float(shares.sum() ** 2 / np.square(shares).sum())


def read_weights(cells: Cells, *, table: TableReading, place: Callable[[int], str]) -> Weights:
    """Read a column of weights, in whatever spelling its numbers have.

    Args:
        cells: The column.
        table: How the table is read as a whole.
        place: How a row, counted from 0, is called in an error.

    Raises:
        DataError: If a weight is missing, no number, infinite, zero, negative or nothing beside others, with the rows.
    """
    values = _numbers(cells, table)
    faults = {
        "missing or no number": np.isnan(values),
        "infinite": np.isinf(values),
        "zero": values == 0,
        "negative": (values < 0) & np.isfinite(values),
    }
    finite = values[np.isfinite(values) & (values > 0)]
    if len(finite):  # of a sum in float32 such rows are no part
        faults[f"nothing beside the largest ({finite.max():g})"] = (values > 0) & (values < LEAST * finite.max())
    told = [_told(fault, rows, cells, place) for fault, rows in faults.items() if rows.any()]
    if told:
        raise DataError(
            f"data.weights: {cells.name!r} must be above 0 and finite in every row, for a row counts as so many rows: "
            f"{'; '.join(told)}. Correct those cells, or remove the rows that are not to count (a class may go with "
            "them)."
        )
    return Weights(cells=cells, values=values)


def of_mean_one(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weights as losses take them: their mean is 1, so that a learning rate means what it does without any."""
    if not len(values):
        return values.astype(np.float32)
    shares = values / values.max()
    return np.asarray(shares / shares.mean(), np.float32)


def _numbers(cells: Cells, table: TableReading) -> NDArray[np.float64]:
    """The cells as numbers; with decimal commas or signs of thousands where the column has them."""
    written = cells.written
    if not np.isnan(cells.numbers[written.codes >= 0]).any():
        spelling = find_thousands(cells, share=1.0, table=table)
    else:
        spelling = find_spelling(written.texts, written.counts().tolist(), share=0.5, table=table)
    return cells.numbers if spelling is None else spelling.read(cells)


def _told(fault: str, rows: NDArray[np.bool_], cells: Cells, place: Callable[[int], str]) -> str:
    """One kind of fault, with the first rows that have it and what stands there."""
    places = np.flatnonzero(rows)
    written = cells.written
    shown = [
        f"{place(row)}" + (f" ({written.texts[code]!r})" if (code := int(written.codes[row])) >= 0 else "")
        for row in places[:N_NAMED].tolist()
    ]
    more = f" and {len(places) - N_NAMED} more" if len(places) > N_NAMED else ""
    return f"{counted(len(places), 'weight')} {'is' if len(places) == 1 else 'are'} {fault}: {', '.join(shown)}{more}"
