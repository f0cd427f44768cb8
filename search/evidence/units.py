"""What is independent of what: the units that are resampled, and whose number says how much is known.

    groups   whole groups, where new rows will be of other groups
    blocks   rows of consecutive moments, where rows are by time: neighbours in time are alike
    copies   all rows that repeat each other, as one
    rows     each by itself, else

Whatever resamples rows or takes a variance over them does so by units. Rows of one unit move together, and intervals
that take them for independent are too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.data.splits import Guide

__all__ = ["FEW_UNITS", "N_BLOCKS", "UnitKind", "Units", "units_of"]

N_BLOCKS: Final = 10
"""Blocks of consecutive moments. choice: with few long blocks and Student's t an interval holds whatever the memory.

Source: Ibragimov and Müller 2010, *t-statistic based correlation and heterogeneity robust inference*, who use 8 to 16.
Our simulation of AR(1) losses on 200 rows (`tests/test_evidence_coverage.py`): ten blocks hold 94 % at a correlation of
.3, 94 % at .6; blocks of the cube root of the rows, which the bootstrap's theory asks for, 88 % at .6.
"""

FEW_UNITS: Final = 8
"""Groups below which a sealed part knows little of other groups. choice: Student's t is a sixth wider than a normal."""


class UnitKind(StrEnum):
    """What a unit is."""

    ROWS = "rows"
    COPIES = "copies"
    GROUPS = "groups"
    BLOCKS = "blocks"


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """The unit of every one of some rows.

    Args:
        kind: What a unit is.
        numbers: Number of each row's unit, from 0 without gaps, int64 (n_rows,).
    """

    kind: UnitKind
    numbers: NDArray[np.int64]

    @classmethod
    def of_rows(cls, n_rows: int) -> Units:
        """Every row by itself."""
        return cls(kind=UnitKind.ROWS, numbers=np.arange(n_rows))

    @classmethod
    def of_labels(cls, kind: UnitKind, labels: NDArray[Any]) -> Units:
        """Rows of one label are one unit.

        Args:
            kind: What a unit is.
            labels: Of every row, shape (n_rows,).
        """
        return cls(kind=kind, numbers=np.unique(labels, return_inverse=True)[1].reshape(len(labels)).astype(np.int64))

    @property
    def n_units(self) -> int:
        """How many there are."""
        return int(self.numbers.max()) + 1 if len(self.numbers) else 0

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of every unit, shape (n_units,)."""
        return np.bincount(self.numbers, minlength=self.n_units).astype(np.int64)

    @property
    def are_rows(self) -> bool:
        """Whether every row is a unit of its own."""
        return self.n_units == len(self.numbers)

    @property
    def n_effective(self) -> float:
        """Units of one size that would know as much."""
        sizes = self.sizes.astype(np.float64)
        return float(sizes.sum() ** 2 / np.square(sizes).sum())

    def of(self, rows: NDArray[np.bool_]) -> Units:
        """The units of some rows.

        Args:
            rows: Whether each row is one of them, shape (n_rows,).
        """
        return Units.of_labels(self.kind, self.numbers[rows])

    def n_events(self, rows: NDArray[np.intp]) -> int:
        """In how many of some rows something can happen by itself: copies count as one, rows of a group one by one.

        Args:
            rows: Their places.
        """
        if self.are_rows or self.kind in (UnitKind.GROUPS, UnitKind.BLOCKS):
            return len(rows)
        return len(np.unique(self.numbers[rows]))

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What every unit adds to the mean of its rows' values, with the same mean, shape (n_units,).

        Args:
            values: What every row adds, shape (n_rows,).
        """
        if self.are_rows:
            return values
        mean = values.mean()
        centred = np.bincount(self.numbers, values - mean, minlength=self.n_units)
        return np.asarray(mean + centred * (self.n_units / len(values)))


def units_of(guide: Guide, rows: NDArray[np.int64]) -> Units:
    """The units of some rows of a table.

    Args:
        guide: What the splits go by.
        rows: Numbers of the rows; one that is there several times is one row.
    """
    if guide.groups is not None:
        return Units.of_labels(UnitKind.GROUPS, guide.groups[rows])
    if guide.moments is not None:
        return Units.of_labels(UnitKind.BLOCKS, _blocks(guide.moments[rows], rows))
    if guide.copies is not None:
        return Units.of_labels(UnitKind.COPIES, guide.copies[rows])
    return Units.of_labels(UnitKind.ROWS, rows)


def _blocks(moments: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of each row's block: rows in the order of time, cut into blocks of equally many, no moment cut in two.

    Args:
        moments: Of every row, shape (n_rows,).
        rows: Their numbers; one that is there several times counts once.
    """
    distinct, places = np.unique(rows, return_inverse=True)
    of_distinct = np.empty(len(distinct))
    of_distinct[places] = moments
    ordered = np.sort(of_distinct)
    first = np.searchsorted(ordered, of_distinct, side="left")  # rows of one moment share the place of the first
    return np.asarray((first * N_BLOCKS // len(ordered))[places], np.int64)
