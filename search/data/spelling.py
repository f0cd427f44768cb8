"""How a column writes its numbers where that is not Python's way: `1.234,5`, `$1,299`, `13.56 %`, `36 months`.

A whole column is judged, never a cell: alone, `1,234` may be a thousand or a little more than one. What is taken for
a spelling must read nearly all cells of the column, with one decimal sign, one sign between thousands and one unit.
A cell written as Python writes numbers is read in every spelling in which it is nothing else.

Numbers with zeros in front (`007`, `01234`) are codes of something and no amounts: a number would lose the zeros.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.cells import Cells, number_of
from ffsearch.search.data.reading import AS_PLAIN, TableReading
from ffsearch.search.data.signs import AFTER, BEFORE, OTHER, are_surely_thousands, are_thousands, number_signs

__all__ = ["PLAIN", "Spelling", "find_spelling", "find_thousands"]

_N_LOOKED_AT: Final = 1000
"""Different cells a spelling is chosen by. Choice: as good as certain, and quick; all are then read in it."""

_CELL: Final = re.compile(rf"[+-]?\s*(?P<before>{BEFORE})?\s*[+-]?[\d.,'\s]*\d\s*(?P<after>{AFTER})?")
_EXPONENT: Final = re.compile(r"[+-]?[0-9]+\.?[0-9]*[eE][+-]?[0-9]+")
_SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_BETWEEN: Final = ("'", _SPACES)


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How numbers are written.

    Args:
        decimal: The decimal sign, `.` or `,`.
        thousands: Signs of which each may stand between thousands.
        before: What may stand in front of a number, such as `$`.
        after: What may stand behind it, such as `%` or `months`.
    """

    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""

    def number(self, text: str) -> float:
        """What a cell says, NaN where it is no number in this spelling nor in Python's.

        `exporting/host.py` repeats this; a test holds both together.
        """
        found = self._pattern.fullmatch(text.strip())
        if found is None or not found["whole"] + found["rest"]:
            return number_of(text.strip())
        whole = found["whole"].translate(dict.fromkeys(map(ord, self.thousands)))
        return float(f"{found['sign'] or found['inner']}{whole or 0}.{found['rest'][1:] or 0}")

    def reads(self, text: str) -> bool:
        """Whether a cell is a number in it, or in Python's."""
        return not np.isnan(self.number(text))

    def is_written_so(self, text: str) -> bool:
        """Whether a cell is a number in it; of those that Python alone reads, whole ones and those with exponents."""
        found = self._pattern.fullmatch(text)
        if found is not None and found["whole"] + found["rest"]:
            return True
        return bool(self.decimal == "." or _EXPONENT.fullmatch(text)) and not np.isnan(number_of(text))

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """The cells of a column as numbers, shape (n_rows,); NaN where one is missing or none."""
        if self == PLAIN or pd.api.types.is_numeric_dtype(cells.column.dtype):
            return cells.numbers
        return cells.written.numbers(self.number)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        groups = rf"[1-9][0-9]{{0,2}}(?:[{re.escape(self.thousands)}][0-9]{{3}})+|" if self.thousands else ""
        return re.compile(
            rf"(?P<sign>[+-]?)\s*(?:{re.escape(self.before)})?\s*(?P<inner>[+-]?)"
            rf"(?P<whole>(?:{groups}[0-9]+)?)(?P<rest>(?:{re.escape(self.decimal)}[0-9]+)?)"
            rf"\s*(?:{re.escape(self.after)})?"
        )

    def as_dict(self) -> dict[str, str]:
        """Plain values under their names, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Spelling:
        """The spelling that `as_dict` gave."""
        return cls(**values)

    def __str__(self) -> str:
        """A number in it: `$1,234.5`, `1.234,5 %`."""
        unit = f" {self.after}" if self.after else ""
        return f"{self.before}1{self.thousands[:1]}234{self.decimal}5{unit}"


PLAIN: Final = Spelling()


def find_spelling(
    texts: Sequence[str], counts: Sequence[int], *, share: float, table: TableReading | None = None
) -> Spelling | None:
    """The one spelling in which nearly all cells are numbers; None if there is none, or it is the plain one.

    Where both signs would do for a column, the table decides; one that shows another decimal sign than the table has
    its own.

    Args:
        texts: The different cells that are not missing.
        counts: How many cells hold each.
        share: Share of the cells that must be numbers in it.
        table: How the table is read as a whole.
    """
    table = table or AS_PLAIN
    looked_at = [found for text in texts[:_N_LOOKED_AT] if (found := _CELL.fullmatch(text))]
    units = [{found[side] for found in looked_at} - {None} for side in ("before", "after")]
    if not looked_at or any(len(unit) > 1 for unit in units):
        return None
    before, after = (next(iter(unit), "") for unit in units)
    best, most = PLAIN, -1
    for spelling in _candidates(table, before=before, after=after):
        n_read = _n_read(spelling.is_written_so, texts[:_N_LOOKED_AT], counts)
        best, most = (spelling, n_read) if n_read > most else (best, most)
    return best if best != PLAIN and _n_read(best.reads, texts, counts) >= share * sum(counts) else None


def _candidates(table: TableReading, *, before: str, after: str) -> list[Spelling]:
    """Spellings in the order in which the first of equals is taken: the table's own decimal sign, then the other."""
    decimals = (table.decimal,) if table.stated else (table.decimal, OTHER[table.decimal])
    found = []
    for decimal in decimals:
        between = [OTHER[decimal], *_BETWEEN]
        if decimal == ".":
            between = ["", *between]
        if decimal == table.decimal and table.thousands not in between:
            between = [table.thousands, *between]
        found += [Spelling(decimal=decimal, thousands=sign, before=before, after=after) for sign in between]
    return found


def find_thousands(cells: Cells, *, share: float, table: TableReading) -> Spelling | None:
    """The spelling of a column of texts whose points stand between thousands although `float` reads it; else None.

    Args:
        cells: The column.
        share: Share of the cells that must be numbers in it.
        table: How the table is read as a whole: with decimal commas, every point before three digits is such a one.
    """
    bodies = number_signs(cells.column)
    is_likely = are_thousands if table.decimal == "," else are_surely_thousands
    if not is_likely(bodies, sign=".") or (table.stated and table.decimal == "."):
        return None
    written = cells.written
    if not are_thousands([text for text in written.texts if not np.isnan(number_of(text))], sign="."):
        return None
    commas = TableReading(decimal=",", thousands=".")
    return find_spelling(written.texts, written.counts().tolist(), share=share, table=commas)


def _n_read(is_read: Callable[[str], bool], texts: Sequence[str], counts: Sequence[int]) -> int:
    """How many cells are read so."""
    return sum(count for text, count in zip(texts, counts, strict=False) if is_read(text))
