"""How a table was read, with what its columns showed: what the model keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.column_kinds import Column
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.data.table import Table

__all__ = ["learnt_reading"]

_N_LOOKED_AT: Final = 100
"""Rows in which a cell to show is looked for."""


def learnt_reading(table: Table, columns: Sequence[Column], rows: NDArray[np.int64]) -> TableReading:
    """The table's reading with other spellings of levels, words for no number, and a cell of every column of texts.

    Args:
        table: The table.
        columns: What its columns are.
        rows: The rows outside the test part.
    """
    reading = table.reading
    examples: dict[str, str] = {}
    for column in columns:
        if column.used and column.is_number and not pd.api.types.is_numeric_dtype(table.features[column.name].dtype):
            first = reading.cells(table.features[column.name].take(rows[:_N_LOOKED_AT])).written.texts[:1]
            examples |= dict.fromkeys([column.name], *first) if first else {}
    words = {column.name: (*reading.missing_in.get(column.name, ()), *column.words) for column in columns}
    return replace(
        reading,
        examples=examples,
        missing_in={**reading.missing_in, **{name: texts for name, texts in words.items() if texts}},
        same={**reading.same, **{column.name: column.same for column in columns if column.same}},
    )
