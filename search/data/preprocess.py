"""Raw columns to one float32 matrix, learnt from training rows only, in arithmetic that Keras layers can repeat.

Numbers, in float32 and in this order (`packaging.py` does the same with layers; a test holds both together):

    z = (x - median) / scale
    z = min(max(z, -LIMIT), LIMIT)      so that no square overflows
    z = 0 where x is missing
    feature = z / sqrt(1 + (z / CLIP)^2)    the smooth clip: nearly z around 0, never beyond CLIP

then a missing flag (0 or 1) for every number that has one, then for every category one slot a level and a last one that
rare and unseen levels share. A missing category is the level "". What the matrix looks like (`Layout`) is learnt once
on all rows outside the test part, so that all folds agree on it; statistics are learnt inside each split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.cells import as_levels, as_numbers, natural_order
from ffsearch.search.data.problem import MatrixColumns

__all__ = [
    "CLIP",
    "LIMIT",
    "MAX_LEVELS",
    "MIN_LEVEL_ROWS",
    "CategoryColumn",
    "CategoryLayout",
    "Layout",
    "NumberColumn",
    "NumberLayout",
    "Preprocessor",
    "Raw",
    "learn_layout",
    "raw_inputs",
    "take",
]

CLIP: Final = 3.0
"""Bound of the smooth clip. Source: RealMLP, arXiv 2407.04491, section 3 (robust scaling and smooth clipping)."""

LIMIT: Final = 1e6
"""Scaled numbers are cut here first. Choice: beyond it the smooth clip equals CLIP in float32 anyway."""

MAX_LEVELS: Final = 64
"""Most levels of a category with a slot each. Choice: keeps every level of common tables (states, countries)."""

MIN_LEVEL_ROWS: Final = 5
"""A level of fewer training rows shares the slot of rare levels. Choice: too few rows to learn a weight from."""

_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)
_FLOAT32_TINY: Final = float(np.finfo(np.float32).tiny)

Raw = Mapping[str, NDArray[Any]]
"""Columns as the saved model takes them: float32 with NaN where missing, or objects of str with "" where missing."""


@dataclass(frozen=True, kw_only=True)
class NumberLayout:
    """A number's place in the matrix; `flag` says whether a missing flag belongs to it."""

    name: str
    flag: bool


@dataclass(frozen=True, kw_only=True)
class CategoryLayout:
    """A category's place in the matrix: a slot for each of `levels` in this order, and one for all others."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the columns of the matrix are, the same for all splits of a run."""

    numbers: tuple[NumberLayout, ...]
    categories: tuple[CategoryLayout, ...]

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        flags = sum(number.flag for number in self.numbers)
        return len(self.numbers) + flags + sum(len(category.levels) + 1 for category in self.categories)

    def matrix_columns(self) -> MatrixColumns:
        """Which cell of a row each column of the matrix comes from, in the order `Preprocessor.matrix` has."""
        flags = [place for place, number in enumerate(self.numbers) if number.flag]
        slots = [len(category.levels) + 1 for category in self.categories]
        categories = np.repeat(np.arange(len(slots)) + len(self.numbers), slots)
        cell = np.concatenate([np.arange(len(self.numbers)), flags, categories]).astype(np.int32)
        return MatrixColumns(cell=cell, is_number=np.arange(len(cell)) < len(self.numbers))


@dataclass(frozen=True, kw_only=True)
class NumberColumn:
    """How one number is scaled. `median` and `scale` are exact in float32; `flag`: a missing flag belongs to it."""

    name: str
    median: float
    scale: float
    flag: bool

    def scaled(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """The feature of every row, shape (n_rows,); the module's first lines give the formula."""
        with np.errstate(over="ignore"):
            z = (raw - np.float32(self.median)) / np.float32(self.scale)
        np.clip(z, np.float32(-LIMIT), np.float32(LIMIT), out=z)
        z[np.isnan(z)] = 0
        clipped: NDArray[np.float32] = z / np.sqrt(np.float32(1) + np.square(z / np.float32(CLIP)))
        return clipped


@dataclass(frozen=True, kw_only=True)
class CategoryColumn:
    """How one category is coded: level i sets slot i where `known[i]`, all else sets the last slot.

    Args:
        name: The column.
        levels: The layout's levels in the order of their slots; "" stands for missing.
        known: Whether each was frequent enough in the training rows; the slot of one that was not is never set.
    """

    name: str
    levels: tuple[str, ...]
    known: tuple[bool, ...]

    @property
    def n_slots(self) -> int:
        """Columns of the matrix: one a level, and the one that rare and unseen levels share."""
        return len(self.levels) + 1

    @property
    def slots(self) -> dict[str, int]:
        """Slot of each known level; every other text has slot `len(levels)`."""
        return {level: slot for slot, level in enumerate(self.levels) if self.known[slot]}

    def codes(self, raw: NDArray[np.object_]) -> NDArray[np.int64]:
        """Slot of every row, shape (n_rows,)."""
        places = pd.Index(list(self.levels), dtype=object).get_indexer(pd.Index(raw, dtype=object))
        slots = np.where(np.array([*self.known, False]), np.arange(self.n_slots), len(self.levels))
        return slots[places].astype(np.int64)  # an unseen level has place -1, which is the last slot


@dataclass(frozen=True, kw_only=True)
class Preprocessor:
    """What was learnt from training rows; plain data, so that it can be saved as JSON and rebuilt as layers."""

    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]

    @classmethod
    def fit(cls, layout: Layout, raw: Raw) -> Preprocessor:
        """Learn medians, scales and known levels.

        Args:
            layout: What the matrix looks like.
            raw: Columns of the training rows and of no other rows, as `raw_inputs` gives them.
        """
        return cls(
            numbers=tuple(_fit_number(number, raw[number.name]) for number in layout.numbers),
            categories=tuple(_fit_category(category, raw[category.name]) for category in layout.categories),
        )

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of the matrix: `age`, `age (missing)`, `sex = F`, `sex (missing)`, `sex (other)`."""
        names = [number.name for number in self.numbers]
        names += [f"{number.name} (missing)" for number in self.numbers if number.flag]
        for category in self.categories:
            name = category.name
            names += [f"{name} = {level}" if level else f"{name} (missing)" for level in category.levels]
            names.append(f"{name} (other)")
        return tuple(names)

    def raw_inputs(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """The columns this needs, as the saved model takes them; `raw_inputs` of the module tells more."""
        return raw_inputs(
            frame,
            numbers=[number.name for number in self.numbers],
            categories=[category.name for category in self.categories],
        )

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """The matrix of raw rows, shape (n_rows, n_features). Extra columns and the order of columns do not matter.

        Raises:
            DataError: If a column is missing.
        """
        return self.matrix(self.raw_inputs(frame), n_rows=len(frame))

    def matrix(self, raw: Raw, *, n_rows: int) -> NDArray[np.float32]:
        """The matrix of columns that `raw_inputs` has read, shape (n_rows, n_features)."""
        matrix = np.zeros((n_rows, self.n_features), dtype=np.float32)
        for place, number in enumerate(self.numbers):
            matrix[:, place] = number.scaled(raw[number.name])
        place = len(self.numbers)
        for number in self.numbers:
            if number.flag:
                matrix[:, place] = np.isnan(raw[number.name])
                place += 1
        rows = np.arange(n_rows)
        for category in self.categories:
            matrix[rows, place + category.codes(raw[category.name])] = 1
            place += category.n_slots
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, texts and numbers, fit for JSON."""
        return {
            "numbers": [asdict(number) for number in self.numbers],
            "categories": [
                {"name": category.name, "levels": list(category.levels), "known": list(category.known)}
                for category in self.categories
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessor:
        """The preprocessor that `to_dict` wrote."""
        return cls(
            numbers=tuple(NumberColumn(**number) for number in values["numbers"]),
            categories=tuple(
                CategoryColumn(name=item["name"], levels=tuple(item["levels"]), known=tuple(item["known"]))
                for item in values["categories"]
            ),
        )


def raw_inputs(
    frame: pd.DataFrame,
    *,
    numbers: Sequence[str],
    categories: Sequence[str],
    rows: NDArray[np.int64] | None = None,
) -> dict[str, NDArray[Any]]:
    """Raw cells as the saved model takes them; every row by itself, nothing is learnt here.

    Args:
        frame: Raw rows in any of the types a source gives: texts, numbers, categories, objects.
        numbers: Columns to read as numbers: float32, NaN where a cell is missing, no number or infinite.
        categories: Columns to read as texts: objects of str in their canonical spelling, "" where a cell is missing.
        rows: Rows to take, by position; None takes all.

    Returns:
        An array of shape (n_rows,) a column.

    Raises:
        DataError: If a column is missing.
    """
    _require(frame, [*numbers, *categories])
    raw: dict[str, NDArray[Any]] = {}
    # Column by column: taking rows of the whole frame first would hold its texts twice.
    for name in numbers:
        raw[name] = _to_float32(as_numbers(_rows_of(frame[name], rows)))
    for name in categories:
        levels = as_levels(_rows_of(frame[name], rows))
        raw[name] = np.array([*levels.texts, ""], dtype=object)[levels.codes]
    return raw


def learn_layout(raw: Raw) -> Layout:
    """What the matrix looks like, from all rows outside the test part.

    Args:
        raw: Their columns as `raw_inputs` gives them, in the order the matrix shall have.
    """
    numbers = [name for name, cells in raw.items() if cells.dtype != object]
    categories = [name for name, cells in raw.items() if cells.dtype == object]
    return Layout(
        numbers=tuple(NumberLayout(name=name, flag=bool(np.isnan(raw[name]).any())) for name in numbers),
        categories=tuple(CategoryLayout(name=name, levels=_levels_with_slot(raw[name])) for name in categories),
    )


def take(raw: Raw, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The same columns, only these rows."""
    return {name: cells[rows] for name, cells in raw.items()}


def _rows_of(column: pd.Series[Any], rows: NDArray[np.int64] | None) -> pd.Series[Any]:
    return column if rows is None else column.take(rows)


def _require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if not missing:
        return
    near = {name: get_close_matches(name, [str(column) for column in frame.columns], n=1) for name in missing}
    told = ", ".join(f"{name!r}" + (f" (is it {near[name][0]!r}?)" if near[name] else "") for name in missing)
    raise DataError(f"These rows lack {len(missing)} of the columns that were trained on: {told}. Add or rename them.")


def _to_float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Nearest float32; infinite becomes missing, what is finite stays finite."""
    numbers = np.where(np.isinf(numbers), np.nan, numbers)
    return np.clip(numbers, -_FLOAT32_MAX, _FLOAT32_MAX).astype(np.float32)


def _levels_with_slot(raw: NDArray[np.object_]) -> tuple[str, ...]:
    """Levels frequent enough for a slot, in their natural order; missing comes first, whatever its number."""
    counts = pd.Series(raw, dtype=object).value_counts()
    has_missing = "" in counts.index
    frequent = counts[(counts >= MIN_LEVEL_ROWS) & (counts.index != "")]
    # Ties are cut by the text, so that the order of rows decides nothing.
    ranked = sorted(frequent.index, key=lambda level: (-int(frequent[level]), level))
    return ("",) * has_missing + tuple(natural_order(ranked[:MAX_LEVELS]))


def _fit_number(number: NumberLayout, raw: NDArray[np.float32]) -> NumberColumn:
    present = raw[~np.isnan(raw)].astype(np.float64)
    median, scale = (float(np.median(present)), _robust_scale(present)) if len(present) else (0.0, 1.0)
    return NumberColumn(name=number.name, median=float(np.float32(median)), scale=scale, flag=number.flag)


def _robust_scale(present: NDArray[np.float64]) -> float:
    """Interquartile range; half the range where that is 0; 1 where that is 0 too (or not representable).

    Source: RealMLP's robust scaling, arXiv 2407.04491, appendix; a constant is left alone instead of zeroed.
    """
    low, high = np.quantile(present, [0.25, 0.75])
    for scale in (high - low, (present.max() - present.min()) / 2):
        if _FLOAT32_TINY <= scale <= _FLOAT32_MAX:
            return float(np.float32(scale))
    return 1.0


def _fit_category(category: CategoryLayout, raw: NDArray[np.object_]) -> CategoryColumn:
    counts = pd.Series(raw, dtype=object).value_counts()
    known = tuple(int(counts.get(level, 0)) >= (MIN_LEVEL_ROWS if level else 1) for level in category.levels)
    return CategoryColumn(name=category.name, levels=category.levels, known=known)
