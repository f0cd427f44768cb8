"""How a column writes its numbers where that is not Python's way: `1.234,5`, `$1,299`, `13.56 %`, `36 months`.

A whole column is judged, never a cell: alone, `1,234` may be a thousand or a little more than one. What is taken for
a spelling must read nearly all cells of the column, with one decimal sign, one sign between thousands and one unit.
A cell written as Python writes numbers is read in every spelling in which it is nothing else.

Numbers with zeros in front (`007`, `01234`) are codes of something and no amounts: a number would lose the zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.cells import Cells, number_of

__all__ = ["PLAIN", "Spelling", "find_spelling"]

_N_LOOKED_AT: Final = 1000
"""Different cells a spelling is chosen by. Choice: as good as certain, and quick; all are then read in it."""

_SIGN: Final = r"[$€£¥₹₩₽₺₴₫฿¢]"
_BEFORE: Final = rf"{_SIGN}|(?:US|R|C|A)\$|USD|EUR|GBP|CHF|JPY|CAD|AUD|INR|BRL|Rs\.?"
"""Currencies. Choice: other letters in front of a number begin a code, such as A12."""

_AFTER: Final = rf"{_SIGN}|%|‰|°[CF]?|[^\W\d_]{{2,12}}(?:/[^\W\d_]{{1,6}})?[²³]?"
"""Units, of two letters at least: 4B is a flat and no amount of Bs."""

_CELL: Final = re.compile(rf"[+-]?\s*(?P<before>{_BEFORE})?\s*[+-]?[\d.,'\s]*\d\s*(?P<after>{_AFTER})?")
_SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_BETWEEN: Final = ("", "'", _SPACES)


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
    texts: Sequence[str], counts: Sequence[int], *, share: float, decimal_comma: bool = False
) -> Spelling | None:
    """The one spelling in which nearly all cells are numbers; None if there is none, or it is the plain one.

    Where `1,234` stands in every cell both signs would do: it is a thousand, unless decimal commas are expected.

    Args:
        texts: The different cells that are not missing.
        counts: How many cells hold each.
        share: Share of the cells that must be numbers in it.
        decimal_comma: Whether decimal commas are expected, as in a file whose cells are split by semicolons.
    """
    looked_at = [found for text in texts[:_N_LOOKED_AT] if (found := _CELL.fullmatch(text))]
    units = [{found[side] for found in looked_at} - {None} for side in ("before", "after")]
    if not looked_at or any(len(unit) > 1 for unit in units):
        return None
    before, after = (next(iter(unit), "") for unit in units)
    best, most = PLAIN, -1
    for decimal, other in ((",", "."), (".", ",")) if decimal_comma else ((".", ","), (",", ".")):
        for thousands in (*_BETWEEN, other):
            spelling = Spelling(decimal=decimal, thousands=thousands, before=before, after=after)
            n_read = _n_read(spelling, texts[:_N_LOOKED_AT], counts)
            best, most = (spelling, n_read) if n_read > most else (best, most)
    return best if best != PLAIN and _n_read(best, texts, counts) >= share * sum(counts) else None


def _n_read(spelling: Spelling, texts: Sequence[str], counts: Sequence[int]) -> int:
    """How many cells are numbers in a spelling."""
    return sum(count for text, count in zip(texts, counts, strict=False) if not np.isnan(spelling.number(text)))
