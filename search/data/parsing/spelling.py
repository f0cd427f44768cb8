"""How a column writes its numbers where that is not Python's way: `1.234,5`, `$1,299`, `(13.56) %`, `36 months`, `12k`.

A whole column is judged, never a cell: alone, `1,234` may be a thousand or a little more than one. What is taken for
a spelling must read nearly all cells of the column, with one decimal sign, one sign between thousands and one unit, or
units of which each is so many times another. A cell written as Python writes numbers is read in every spelling in
which it is nothing else. What one cell says is found by `written.py`.

Numbers with zeros in front (`007`, `01234`) are codes of something and no amounts: a number would lose the zeros.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ffsearch.search.data.parsing.cells import Cells, Levels, number_of
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.data.parsing.signs import OTHER, are_surely_thousands, are_thousands, number_signs
from ffsearch.search.data.parsing.units import Shape, common_units, shape_of
from ffsearch.search.data.parsing.written import LIMIT, RANGE, amount

__all__ = ["PLAIN", "Spelling", "find_spelling", "find_thousands", "share_read"]

_N_LOOKED_AT: Final = 1000
"""Different cells a spelling is chosen by. Choice: as good as certain, and quick; all are then read in it."""

_N_ASKED_FIRST: Final = 20
"""Cells that are asked before all others. Choice: decimals show themselves in the first one or two."""

MIN_UNIT_SHARE: Final = 0.05
"""A unit that fewer cells have is odd: `34 Acres` among square feet is no 34. Choice."""

MAX_ROUGH: Final = 0.5
"""Most of the cells that may be limits or ranges. Choice: beyond it they are classes, as ages `18-25` and `>65` are."""

_FEW_SCALES: Final = frozenset("BbmT")
"""Letters that stand for a power of ten only beside `k` or `M`: `4B` is a flat and no amount of billions."""

_DIGIT: Final = re.compile(r"[0-9]")
_SPACES: Final = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
_BETWEEN: Final = ("'\N{RIGHT SINGLE QUOTATION MARK}", _SPACES)


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How numbers are written.

    Args:
        decimal: The decimal sign, `.` or `,`.
        thousands: Signs of which each may stand between thousands.
        before: What may stand in front of a number, such as `$`.
        after: What may stand behind it, such as `%` or `months`.
        units: Where several units stand behind, each with what it is of the first, which is the commonest.
        offset: What is taken off every number when a column is read, so that float32 keeps its digits.
    """

    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""
    units: tuple[tuple[str, float], ...] = ()
    offset: float = 0.0

    def number(self, text: str) -> float:
        """What a cell says, NaN where it is no number in this spelling nor in Python's."""
        return amount(text, self.as_dict())[0]

    def numbers(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """What many different cells say, shape (n_texts,); those without anything special come at Arrow's speed."""
        if self == PLAIN:
            return Levels(codes=np.arange(len(texts)), texts=tuple(texts)).numbers()
        numbers, is_read = self._at_once(texts)
        reading = self.as_dict()
        for place in np.flatnonzero(~is_read).tolist():
            numbers[place] = amount(texts[place], reading)[0]
        return numbers

    def forms(self, texts: Sequence[str]) -> list[str]:
        """How each says no more than about how much (`written.amount`); nothing for exact ones."""
        _, is_read = self._at_once(texts)
        reading = self.as_dict()
        return ["" if done else amount(text, reading)[1] for text, done in zip(texts, is_read, strict=True)]

    def _at_once(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The numbers of the cells that have but digits, signs and the unit, NaN for others; and which those are."""
        cells = pa.array(texts, type=pa.large_string())
        for pattern in [rf"^{re.escape(self.before)}\s*"] * bool(self.before) + [
            rf"\s*{re.escape(self.after)}$"
        ] * bool(self.after):
            cells = pc.replace_substring_regex(cells, pattern, "")
        groups = rf"[1-9][0-9]{{0,2}}(?:[{re.escape(self.thousands)}][0-9]{{3}})+|" if self.thousands else ""
        written = rf"^[+-]?(?:{groups}[0-9]+)(?:{re.escape(self.decimal)}[0-9]+)?$"
        is_read = pc.match_substring_regex(cells, written)
        for sign in self.thousands:
            cells = pc.replace_substring(cells, sign, "")
        cells = pc.replace_substring(cells, self.decimal, ".")
        done = is_read.to_numpy(zero_copy_only=False).astype(np.bool_) & (not self.units)
        plain = pc.if_else(pa.array(done), cells, None)
        return np.array(pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64), done

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """The cells of a column as numbers, shape (n_rows,); NaN where one is missing or none."""
        is_plain = (self.decimal, self.thousands, self.before, self.after, self.units) == (".", "", "", "", ())
        if is_plain or pd.api.types.is_numeric_dtype(cells.column.dtype):
            return cells.numbers - self.offset if self.offset else cells.numbers
        return np.append(self.numbers(cells.written.texts), np.nan)[cells.written.codes] - self.offset

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON."""
        plain = {"decimal": self.decimal, "thousands": self.thousands, "before": self.before, "after": self.after}
        more = {"units": dict(self.units)} if self.units else {}
        return {**plain, **more, **({"offset": self.offset} if self.offset else {})}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Spelling:
        """The spelling that `as_dict` gave."""
        return cls(**{**values, "units": tuple(values.get("units", {}).items())})

    def __str__(self) -> str:
        """A number in it: `$1,234.5`, `1.234,5 %`, `1,234.5 kg (1 g = 0.001 kg)`."""
        after = self.units[0][0] if self.units else self.after
        shown = f"{self.before}1{self.thousands[:1]}234{self.decimal}5{f' {after}' if after else ''}"
        relative = {unit: factor / self.units[0][1] for unit, factor in self.units}
        others = [f"1 {unit} = {factor:g} {after}" for unit, factor in relative.items() if factor != 1]
        return f"{shown} ({', '.join(others)})" if others else shown


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
    places = np.unique(np.linspace(0, len(texts) - 1, min(_N_LOOKED_AT, len(texts))).astype(np.int64))
    looked_at = [(texts[place], counts[place]) for place in places]
    if not any(_DIGIT.search(text) for text, _ in looked_at):
        return None
    shapes = [(shape, count) for text, count in looked_at if (shape := shape_of(text)) is not None]
    units = _units(shapes)
    if units is None or sum(count for _, count in shapes) < share * sum(count for _, count in looked_at):
        return None
    best, most = PLAIN, -1
    if not any(shape.is_special for shape, _ in shapes) and (table or AS_PLAIN).decimal == ".":
        most = _n_read(PLAIN, looked_at)
    for spelling in _candidates(table or AS_PLAIN, **units):
        n_read = _n_read(spelling, looked_at)
        best, most = (spelling, n_read) if n_read > most else (best, most)
    if best == PLAIN:
        return None
    numbers, weights = best.numbers(texts), np.asarray(counts)
    n_read = int(weights[~np.isnan(numbers)].sum())
    rough = [form in (LIMIT, RANGE) for form in best.forms([text for text, _ in looked_at])]
    n_rough = sum(count for (_, count), is_rough in zip(looked_at, rough, strict=True) if is_rough)
    return best if n_read >= share * weights.sum() and n_rough <= MAX_ROUGH * sum(n for _, n in looked_at) else None


def _units(shapes: Sequence[tuple[Shape, int]]) -> dict[str, Any] | None:
    """The currency and the unit of a column's numbers; None where it has none that agree, or letters that are codes."""
    n_cells = sum(count for _, count in shapes)
    seen: dict[str, Counter[str]] = {"before": Counter(), "after": Counter(), "scale": Counter(), "sign": Counter()}
    for shape, count in shapes:
        for part, counter in seen.items():
            counter[getattr(shape, part)] += count
    for counter in seen.values():
        counter.pop("", None)
    if any(_plain_unit(unit) == "dr" for unit in seen["after"]):  # beside debits CR is credit, and no crore
        for credit in [scale for scale in seen["scale"] if _plain_unit(scale) == "cr"]:
            seen["after"][credit] += seen["scale"].pop(credit)
    scales = set(seen["scale"])
    if (scales and scales <= _FEW_SCALES) or len(seen["sign"]) > 1:  # 1+ and 1- are marks of a school
        return None
    before, after = (
        [unit for unit, count in seen[part].items() if count >= MIN_UNIT_SHARE * n_cells]
        for part in ("before", "after")
    )
    if not shapes or len(before) > 1:
        return None
    after.sort(key=lambda unit: -seen["after"][unit])
    factors = common_units(after) if len(after) > 1 else ()
    if factors is None:
        return None
    one = after[0] if len(after) == 1 else ""
    return {"before": next(iter(before), ""), "after": one, "units": factors}


def _plain_unit(unit: str) -> str:
    return unit.rstrip(".").casefold()


def _candidates(
    table: TableReading, *, before: str, after: str, units: tuple[tuple[str, float], ...]
) -> list[Spelling]:
    """Spellings in the order in which the first of equals is taken: the table's own decimal sign, then the other."""
    decimals = (table.decimal,) if table.stated else (table.decimal, OTHER[table.decimal])
    found = []
    for decimal in decimals:
        between = [OTHER[decimal], *_BETWEEN]
        if decimal == table.decimal and table.thousands not in between:
            between = [table.thousands, *between]
        found += [
            Spelling(decimal=decimal, thousands=sign, before=before, after=after, units=units) for sign in between
        ]
    return found


def share_read(spelling: Spelling, texts: Sequence[str], counts: Sequence[int]) -> float:
    """Share of a column's cells (of a thousand different ones) that are numbers in a spelling and in no other."""
    places = np.unique(np.linspace(0, len(texts) - 1, min(_N_LOOKED_AT, len(texts))).astype(np.int64)).tolist()
    looked_at = [(texts[place], counts[place]) for place in places]
    n_cells: int = sum(count for _, count in looked_at)
    return float(_n_read(spelling, looked_at) / max(1, n_cells))


def _n_read(spelling: Spelling, looked_at: Sequence[tuple[str, int]]) -> int:
    """How many cells are numbers in a spelling and in no other."""
    strict = {**spelling.as_dict(), "strict": True}
    return sum(count for text, count in looked_at if not np.isnan(amount(text, strict)[0]))


def find_thousands(cells: Cells, *, share: float, table: TableReading) -> Spelling | None:
    """The spelling of a column of texts whose points stand between thousands although `float` reads it; else None.

    Args:
        cells: The column.
        share: Share of the cells that must be numbers in it.
        table: How the table is read as a whole: with decimal commas, every point before three digits is such a one.
    """
    few = number_signs(cells.column.iloc[:_N_ASKED_FIRST])
    if any("." in body for body in few) and not are_thousands(few, sign="."):  # as nearly always, and quickly seen
        return None
    bodies = number_signs(cells.column)
    is_likely = are_thousands if table.decimal == "," else are_surely_thousands
    if not is_likely(bodies, sign=".") or (table.stated and table.decimal == "."):
        return None
    written = cells.written
    if not are_thousands([text for text in written.texts if not np.isnan(number_of(text))], sign="."):
        return None
    commas = TableReading(decimal=",", thousands=".")
    return find_spelling(written.texts, written.counts().tolist(), share=share, table=commas)
