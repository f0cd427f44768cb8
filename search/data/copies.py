"""Rows that repeat another one in every column: which they are, so that a split can keep them on one side.

A copy on the other side of a split is answered from memory and flatters the score. But a table of three yes-or-no
columns has eight different rows, and its copies are what new rows will be like: where most rows are copies they are
dealt like others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.features.images import row_digests
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import looks_like_dates
from ffsearch.search.data.parsing.signs import number_signs

__all__ = ["Copies", "find_copies"]

MOST: Final = 0.75
"""Largest share of copies that are kept together. Choice: a file put together three times over still is."""

_N_LOOKED_AT: Final = 1000
"""Cells by which a column of all different values is taken for measurements or for names."""

_FNV_PRIME: Final = np.uint64(0x100000001B3)
"""Mixes columns into one hash a row. Source: Fowler, Noll, Vo, 64 bit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Copies:
    """Rows of a table that are alike.

    Args:
        first: For every row the number of the first row that is like it, its own where there is none before; int64
            (n_rows,).
        n_copies: Rows that repeat an earlier one.
    """

    first: NDArray[np.int64]
    n_copies: int

    @property
    def stay_together(self) -> bool:
        """Whether splits keep them on one side."""
        return 0 < self.n_copies <= MOST * len(self.first)


def find_copies(features: pd.DataFrame, target: pd.DataFrame, *, are_images: bool = False) -> Copies:
    """Find rows that are alike in all features and targets; columns that name rows are not asked.

    Args:
        features: Columns as read.
        target: Target columns.
        are_images: Whether the features are pixels.
    """
    n_rows = len(target)
    none = Copies(first=np.arange(n_rows), n_copies=0)
    mixed = row_digests(features.to_numpy()) if are_images else np.zeros(n_rows, dtype=np.uint64)
    columns = [(target[name], True) for name in target.columns]
    columns += [] if are_images else [(features[name], False) for name in features.columns]
    for cells, is_target in columns:
        codes, distinct = pd.factorize(cells, use_na_sentinel=False)
        if len(distinct) == n_rows and not is_target and _names_rows(cells):
            continue
        mixed = (mixed ^ codes.astype(np.uint64)) * _FNV_PRIME
        mixed ^= mixed >> np.uint64(29)  # products move bits up only
        if len(distinct) == n_rows or len(pd.unique(mixed)) == n_rows:
            return none  # most tables end here, after a few columns
    codes, _ = pd.factorize(mixed)
    first = np.unique(codes, return_index=True)[1][codes].astype(np.int64)
    return Copies(first=first, n_copies=n_rows - len(np.unique(first)))


def _names_rows(cells: pd.Series[Any]) -> bool:
    """Whether a column of all different values is of texts or whole numbers, and no measurement or date."""
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return False
    first = Cells(cells.head(_N_LOOKED_AT))
    if np.isnan(first.numbers).any():
        return not number_signs(first.column) and not looks_like_dates(first.written)
    return not (first.numbers % 1).any()
