"""Raw columns to one float32 matrix, learnt from training rows only, in arithmetic that Keras layers can repeat.

    numbers and dates | missing flags | slots and encodings of categories | cycles of dates | bins of numbers

What a column becomes stands in `columns.py`; `packaging.py` does the same with layers; a test holds both together. What
the matrix looks like (`Layout`) is learnt once on all rows outside the test part, so that all folds agree on it;
statistics are learnt inside each split.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.features.aligned import aligned_empty
from ffsearch.search.data.features.columns import CLIP, LIMIT, CategoryColumn, DateCycles, NumberColumn, Reading, scaled
from ffsearch.search.data.features.encoding import fit_encodings, other_fold_encodings
from ffsearch.search.data.features.problem import MatrixColumns, Role
from ffsearch.search.data.features.quantiles import fit_knots
from ffsearch.search.data.features.spreads import ColumnSpread, spreads
from ffsearch.search.data.parsing.cells import Cells, natural_order
from ffsearch.search.data.parsing.clocks import ClockReading
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.names import by_name
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling

__all__ = [
    "CLIP",
    "LIMIT",
    "MAX_LEVELS",
    "MIN_LEVEL_ROWS",
    "CategoryColumn",
    "CategoryLayout",
    "DateCycles",
    "Layout",
    "NumberColumn",
    "NumberLayout",
    "Preprocessor",
    "Raw",
    "learn_layout",
    "raw_numbers",
    "raw_texts",
    "require_columns",
    "take",
]

MAX_LEVELS: Final = 64
"""Most levels of a category with a slot each. Choice: keeps every level of common tables (states, countries)."""

MAX_ENCODED_LEVELS: Final = 10_000
"""Most levels that are told apart by their encodings. Choice: a list that is still read and written in no time."""

MIN_LEVEL_ROWS: Final = 5
"""A level of fewer training rows shares the slot of rare levels. Choice: too few rows to learn a weight from."""

MIN_BIN: Final = 1e-3
"""Least width of a bin, beside 1 or the z at its end, whichever is larger. Choice: what a runtime rounds otherwise in
the last digit of z is then no more than 1e-4 of a bin."""

MIN_YEAR_DAYS: Final = 60
"""Days from the first date to the last below which the place in the year is no feature. Choice: days say the same."""

_N_NAMED: Final = 20
"""Missing columns that an error names; more would bury the advice."""

_ROWS_AT_ONCE: Final = 4096
"""Rows of the matrix filled at once. Choice: some MB, which the processor's cache holds while columns are written."""

_CELLS_AT_ONCE: Final = 1_000_000
"""Rows times columns filled at once at most. Choice: the same of a wide table."""

_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)

Raw = Mapping[str, NDArray[Any]]
"""Columns as the saved model takes them: float32 with NaN where missing, or objects of str with "" where missing."""


@dataclass(frozen=True, kw_only=True)
class NumberLayout:
    """A number's place in the matrix.

    Args:
        name: The column.
        flag: Whether a missing flag belongs to it.
        reading: How it is read.
        n_bins: Bins it is spread over beside the number itself; 0: none.
    """

    name: str
    flag: bool
    reading: Reading = PLAIN
    n_bins: int = 0


@dataclass(frozen=True, kw_only=True)
class CategoryLayout:
    """A category's place in the matrix; `CategoryColumn` tells more.

    Args:
        name: The column.
        levels: Those with a slot each, in this order.
        ordered: Whether they are steps from low to high.
        rest: Those that differ by their encodings alone.
        n_encodings: Features made of targets; 0 where there are few levels.
    """

    name: str
    levels: tuple[str, ...]
    ordered: bool = False
    rest: tuple[str, ...] = ()
    n_encodings: int = 0

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return len(self.roles)

    @property
    def roles(self) -> tuple[Role, ...]:
        """What each column of the matrix says: steps and encodings are numbers, slots are not."""
        if self.ordered:
            return (Role.FEATURE,) * len(self.levels)
        return (Role.SLOT,) * (len(self.levels) + 1) + (Role.FEATURE,) * self.n_encodings


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the columns of the matrix are, the same for all splits of a run.

    Args:
        numbers: Numbers and dates.
        categories: All else.
        cycles: What comes again in dates.
        number_bins: Parts of equally many rows that the range of every number is cut into; fewer where values repeat.
        table: How the table was read as a whole.
        quantiles: Whether numbers are normal scores of their place among the training rows, else scaled and clipped.
    """

    numbers: tuple[NumberLayout, ...]
    categories: tuple[CategoryLayout, ...]
    cycles: tuple[DateCycles, ...] = ()
    number_bins: int = 0
    table: TableReading = AS_PLAIN
    quantiles: bool = False

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return len(self.matrix_columns().cell)

    @property
    def has_encodings(self) -> bool:
        """Whether targets of training rows are looked at."""
        return any(category.n_encodings for category in self.categories)

    def without(self, names: Collection[str]) -> Layout:
        """The same with some of the table's columns left out."""
        names = frozenset(names)  # thousands, of a wide table
        return replace(
            self,
            numbers=tuple(one for one in self.numbers if one.name not in names),
            categories=tuple(one for one in self.categories if one.name not in names),
            cycles=tuple(one for one in self.cycles if one.name not in names),
        )

    def matrix_columns(self) -> MatrixColumns:
        """Which cell of a row each column of the matrix comes from, in the order `Preprocessor.matrix` has."""
        n_numbers = len(self.numbers)
        flags = [place for place, number in enumerate(self.numbers) if number.flag]
        slots = [category.n_features for category in self.categories]
        categories = np.repeat(np.arange(len(slots)) + n_numbers, slots)
        place_of = {number.name: place for place, number in enumerate(self.numbers)}
        cycles = [place_of[one.name] for one in self.cycles for _ in one.feature_names]
        bins = np.repeat(np.arange(n_numbers), [number.n_bins for number in self.numbers])
        cell = np.concatenate([np.arange(n_numbers), flags, categories, cycles, bins]).astype(np.int32)
        roles = [Role.NUMBER] * n_numbers + [Role.FLAG] * len(flags)
        roles += [role for category in self.categories for role in category.roles] + [Role.FEATURE] * len(cycles)
        return MatrixColumns(cell=cell, role=np.array(roles + [Role.BIN] * len(bins), np.int8))


@dataclass(frozen=True, kw_only=True)
class Preprocessor:
    """What was learnt from training rows; plain data, so that it can be saved as JSON and rebuilt as layers.

    Args:
        numbers: Numbers and dates.
        categories: All else.
        cycles: What comes again in dates.
        table: How the table was read as a whole; rows to come are read by it.
    """

    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    cycles: tuple[DateCycles, ...] = ()
    table: TableReading = AS_PLAIN

    @classmethod
    def fit(cls, layout: Layout, raw: Raw, *, targets: NDArray[np.float64] | None = None) -> Preprocessor:
        """Learn medians, scales, known levels and encodings.

        Args:
            layout: What the matrix looks like.
            raw: Columns of the training rows and of no other rows, as `raw_numbers` and `raw_texts` give them.
            targets: Their targets as `encoding.targets_to_encode` gives them; needed where the layout has encodings.
        """
        return cls(
            numbers=tuple(
                _fit_number(one, raw[one.name], spread, at_most=layout.number_bins, quantiles=layout.quantiles)
                for one, spread in zip(layout.numbers, spreads([raw[one.name] for one in layout.numbers]), strict=True)
            ),
            categories=tuple(_fit_category(one, raw[one.name], targets=targets) for one in layout.categories),
            cycles=layout.cycles,
            table=layout.table,
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns of the table that are read, numbers first."""
        return (*(number.name for number in self.numbers), *(category.name for category in self.categories))

    @property
    def n_features(self) -> int:
        """Columns of the matrix."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of the matrix: `age`, `age (missing)`, `sex = F`, `sex (missing)`, `sex (other)`."""
        names = [number.name for number in self.numbers]
        names += [f"{number.name} (missing)" for number in self.numbers if number.flag]
        names += [name for category in self.categories for name in category.feature_names]
        names += [name for cycles in self.cycles for name in cycles.feature_names]
        names += [f"{number.name} (bin {place})" for number in self.numbers for place in range(1, number.n_bins + 1)]
        return tuple(names)

    @property
    def places(self) -> dict[str, NDArray[np.intp]]:
        """By column of the table its columns of the matrix."""
        made_of = [number.name for number in self.numbers]
        made_of += [number.name for number in self.numbers if number.flag]
        made_of += [category.name for category in self.categories for _ in range(category.n_features)]
        made_of += [cycles.name for cycles in self.cycles for _ in cycles.feature_names]
        made_of += [number.name for number in self.numbers for _ in range(number.n_bins)]
        places: dict[str, list[int]] = {name: [] for name in self.column_names}
        for place, name in enumerate(made_of):
            places[name].append(place)
        return {name: np.array(its, np.intp) for name, its in places.items()}

    def raw_inputs(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """The columns this needs, as the saved model takes them; every row by itself, nothing is learnt here.

        Args:
            frame: Raw rows in any of the types a source gives: texts, numbers, categories, objects.

        Raises:
            DataError: If a column is missing.
        """
        columns = by_name(frame, self.column_names)
        require_columns(frame, [name for name in self.column_names if name not in columns])
        return {
            **{
                one.name: raw_numbers(self.table.cells(columns[one.name], name=one.name), one.reading)
                for one in self.numbers
            },
            **{one.name: raw_texts(self.table.cells(columns[one.name], name=one.name)) for one in self.categories},
        }

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """The matrix of raw rows, shape (n_rows, n_features). Extra columns and the order of columns do not matter.

        Raises:
            DataError: If a column is missing.
        """
        return self.matrix(self.raw_inputs(frame), n_rows=len(frame))

    def matrix(self, raw: Raw, *, n_rows: int) -> NDArray[np.float32]:
        """The matrix of columns that `raw_inputs` has read, shape (n_rows, n_features)."""
        matrix = aligned_empty((n_rows, self.n_features))
        n_at_once = max(1, min(_ROWS_AT_ONCE, _CELLS_AT_ONCE // max(1, self.n_features)))
        for start in range(0, n_rows, n_at_once):
            rows = slice(start, start + n_at_once)
            self._fill(matrix[rows], {name: raw[name][rows] for name in self.column_names})
        return matrix

    def _fill(self, matrix: NDArray[np.float32], raw: Raw) -> None:
        """Write the features of some rows."""
        place = len(self.numbers)
        if place:
            n_flags = len(self._flagged)
            numbers = np.stack([raw[number.name] for number in self.numbers], axis=1)
            if not all(number.knots for number in self.numbers):
                matrix[:, :place] = scaled(numbers, *self._medians_and_scales)
            matrix[:, place : place + n_flags] = np.isnan(numbers[:, self._flagged])
            place += n_flags
        for at, number in enumerate(self.numbers):
            if number.knots:
                matrix[:, at] = number.scaled(raw[number.name])
        blocks: list[CategoryColumn | DateCycles] = [*self.categories, *self.cycles]
        for block in blocks:
            features = block.features(raw[block.name])
            matrix[:, place : place + features.shape[1]] = features
            place += features.shape[1]
        for number in self.numbers:
            if number.n_bins:
                matrix[:, place : place + number.n_bins] = number.bins(raw[number.name])
                place += number.n_bins

    @cached_property
    def _medians_and_scales(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of all numbers, each of shape (n_numbers,)."""
        pairs = [(number.median, number.scale) for number in self.numbers]
        medians, scales = np.array(pairs, np.float32).reshape(-1, 2).T
        return medians, scales

    @cached_property
    def _flagged(self) -> NDArray[np.intp]:
        """Places of the numbers that have a missing flag."""
        return np.flatnonzero([number.flag for number in self.numbers])

    def training_matrix(
        self, raw: Raw, *, n_rows: int, targets: NDArray[np.float64] | None = None
    ) -> NDArray[np.float32]:
        """The matrix of the rows this was fitted on: no row's encodings know its own target.

        Args:
            raw: Columns of the training rows.
            n_rows: Their number.
            targets: What `fit` was given.
        """
        matrix = self.matrix(raw, n_rows=n_rows)
        place = len(self.numbers) + sum(number.flag for number in self.numbers)
        for category in self.categories:
            end = place + category.n_features
            if category.encodings and targets is not None:
                places = category.places(raw[category.name])
                others = other_fold_encodings(places, targets, n_places=len(category.encodings))
                matrix[:, place + category.n_slots : end] = others
            place = end
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, texts and numbers, fit for JSON."""
        return {
            "numbers": [{**asdict(number), "reading": number.reading.as_dict()} for number in self.numbers],
            "categories": [asdict(category) for category in self.categories],
            "cycles": [asdict(one) for one in self.cycles],
            "table": self.table.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessor:
        """The preprocessor that `to_dict` wrote; what a version before this one did not know yet has its default."""
        return cls(
            numbers=tuple(map(_number_from_dict, values["numbers"])),
            categories=tuple(map(_category_from_dict, values["categories"])),
            cycles=tuple(DateCycles(**one) for one in values.get("cycles", ())),
            table=TableReading.from_dict(values.get("table", {})),
        )


def reading_from_dict(values: Mapping[str, Any]) -> Reading:
    """The reading whose `as_dict` this is: only dates have an origin, and only times are of a day or not."""
    if "of_day" in values:
        return ClockReading.from_dict(values)
    return DateReading.from_dict(values) if "origin" in values else Spelling.from_dict(values)


def raw_numbers(cells: Cells, reading: Reading) -> NDArray[np.float32]:
    """A column as the saved model takes numbers: NaN where a cell is missing, no number or infinite."""
    return _to_float32(reading.read(cells))


def raw_texts(cells: Cells) -> NDArray[np.object_]:
    """A column as the saved model takes texts: in their canonical spelling, "" where a cell is missing."""
    return np.array([*cells.levels.texts, ""], dtype=object)[cells.levels.codes]


def learn_layout(
    raw: Raw,
    *,
    readings: Mapping[str, Reading] | None = None,
    orders: Mapping[str, tuple[str, ...]] | None = None,
    n_encodings: int = 0,
    number_bins: int = 0,
    table: TableReading | None = None,
    quantiles: bool = False,
) -> Layout:
    """What the matrix looks like, from all rows outside the test part.

    Args:
        raw: Their columns as `raw_numbers` and `raw_texts` give them, in the order the matrix shall have.
        readings: How numbers are read that are not written plainly.
        orders: Levels from low to high of the categories that have an order.
        n_encodings: Features that a category of too many levels becomes by its targets.
        number_bins: Bins that a number is spread over, at most; 0: none.
        table: How the table was read as a whole.
        quantiles: Whether numbers are normal scores, else scaled and clipped.
    """
    readings, orders = readings or {}, orders or {}
    numbers = [name for name, cells in raw.items() if cells.dtype != object]
    categories = [name for name, cells in raw.items() if cells.dtype == object]
    dates = {name: one for name in numbers if has_cycles(one := readings.get(name))}
    return Layout(
        numbers=tuple(
            _layout_of_number(name, raw[name], reading=readings.get(name, PLAIN), at_most=number_bins)
            for name in numbers
        ),
        categories=tuple(
            CategoryLayout(name=name, levels=orders[name], ordered=True)
            if name in orders
            else _layout_of_levels(name, raw[name], n_encodings=n_encodings)
            for name in categories
        ),
        cycles=tuple(
            _cycles(name, raw[name], origin=reading.origin) if isinstance(reading, DateReading) else _of_day(name)
            for name, reading in dates.items()
        ),
        number_bins=number_bins,
        table=table or AS_PLAIN,
        quantiles=quantiles,
    )


def take(raw: Raw, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The same columns, only these rows."""
    return {name: cells[rows] for name, cells in raw.items()}


def require_columns(frame: pd.DataFrame, missing: Sequence[str]) -> None:
    """Refuse rows that lack columns.

    Args:
        frame: The rows.
        missing: Columns that they lack; none is fine.

    Raises:
        DataError: With their names, and the likeliest ones that are there.
    """
    if not missing:
        return
    there = [str(column) for column in frame.columns]
    named = missing[:_N_NAMED]
    near = {name: get_close_matches(name, there, n=1) for name in named}
    told = ", ".join(f"{name!r}" + (f" (is it {near[name][0]!r}?)" if near[name] else "") for name in named)
    more = f" and {len(missing) - len(named)} more" if len(missing) > len(named) else ""
    raise DataError(
        f"These rows lack {len(missing)} of the columns that were trained on: {told}{more}. Add or rename them."
    )


def _to_float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Nearest float32; infinite becomes missing, what is finite stays finite."""
    with np.errstate(over="ignore"):
        narrow = numbers.astype(np.float32)
    too_wide = np.isinf(narrow)
    if too_wide.any():  # as hardly ever
        wide = numbers[too_wide]
        narrow[too_wide] = np.where(np.isinf(wide), np.nan, np.copysign(_FLOAT32_MAX, wide))
    return narrow


def _layout_of_levels(name: str, raw: NDArray[np.object_], *, n_encodings: int) -> CategoryLayout:
    """Levels frequent enough for a slot in their natural order, missing first; further ones are encoded."""
    counts = pd.Series(raw, dtype=object).value_counts()
    has_missing = "" in counts.index
    frequent = counts[(counts >= MIN_LEVEL_ROWS) & (counts.index != "")]
    # Ties are cut by the text, so that the order of rows decides nothing.
    ranked = sorted(frequent.index, key=lambda level: (-int(frequent[level]), level))
    rest = tuple(ranked[MAX_LEVELS:MAX_ENCODED_LEVELS]) if n_encodings else ()
    return CategoryLayout(
        name=name,
        levels=("",) * has_missing + tuple(natural_order(ranked[:MAX_LEVELS])),
        rest=rest,
        n_encodings=n_encodings if rest else 0,
    )


def _cycles(name: str, raw: NDArray[np.float32], *, origin: str) -> DateCycles:
    """The cycles that the dates at hand tell something of: those in which they do not all stand at one place."""
    present = raw[np.isfinite(raw)]
    days = np.floor(present)
    return DateCycles(
        name=name,
        origin=origin,
        year=bool(len(days) and np.ptp(days) >= MIN_YEAR_DAYS),
        week=len(np.unique(days % 7)) > 1,
        clock=len(np.unique(present - days)) > 1,
    )


def has_cycles(reading: Reading | None) -> TypeGuard[DateReading | ClockReading]:
    """Whether what a column says comes again: dates and times of day do, durations do not."""
    return isinstance(reading, DateReading) or (isinstance(reading, ClockReading) and reading.of_day)


def _of_day(name: str) -> DateCycles:
    """The cycle of times of day; their day itself says nothing."""
    return DateCycles(name=name, origin="1970-01-01", year=False, week=False, clock=True)


def _layout_of_number(name: str, raw: NDArray[np.float32], *, reading: Reading, at_most: int) -> NumberLayout:
    plain = NumberLayout(name=name, flag=bool(np.isnan(raw).any()), reading=reading)
    return replace(plain, n_bins=_n_bins(plain, raw, at_most=at_most))


def _fit_number(
    number: NumberLayout, raw: NDArray[np.float32], spread: ColumnSpread, *, at_most: int, quantiles: bool = False
) -> NumberColumn:
    column = NumberColumn(
        name=number.name, flag=number.flag, reading=number.reading, n_bins=number.n_bins, **spread._asdict()
    )
    if not quantiles and not number.n_bins:
        return column
    present = raw[~np.isnan(raw)]
    if quantiles:
        knots, heights = fit_knots(present)
        column = replace(column, knots=tuple(knots.tolist()), heights=tuple(heights.tolist()))
    if not number.n_bins:
        return column
    edges = _edges(column.standardised(present), at_most=at_most)
    if len(edges) > number.n_bins + 1:  # these rows have more different quantiles than all rows: some are left out
        edges = edges[np.linspace(0, len(edges) - 1, number.n_bins + 1).round().astype(np.int64)]
    return replace(column, edges=tuple(edges.tolist()))


def _n_bins(number: NumberLayout, raw: NDArray[np.float32], *, at_most: int) -> int:
    """Bins of a number: as many as its quantiles differ; none where a single one would say what the number says."""
    if not at_most:
        return 0
    column = _fit_number(number, raw, next(spreads([raw])), at_most=0)
    n_bins = len(_edges(column.standardised(raw[~np.isnan(raw)]), at_most=at_most)) - 1
    return n_bins if n_bins > 1 else 0


def _edges(z: NDArray[np.float32], *, at_most: int) -> NDArray[np.float32]:
    """Where parts of equally many values begin and end, ascending, none too near to the one before."""
    if not len(z):
        return np.empty(0, np.float32)
    first, *others = np.quantile(z, np.linspace(0, 1, at_most + 1), method="inverted_cdf")  # values that are there
    edges = [first]
    for edge in others:
        if edge - edges[-1] >= MIN_BIN * max(1.0, abs(edge)):
            edges.append(edge)
    return np.array(edges, np.float32)


def _fit_category(
    category: CategoryLayout, raw: NDArray[np.object_], *, targets: NDArray[np.float64] | None
) -> CategoryColumn:
    counts = pd.Series(raw, dtype=object).value_counts()
    known = tuple(
        category.ordered or int(counts.get(level, 0)) >= (MIN_LEVEL_ROWS if level else 1) for level in category.levels
    )
    column = CategoryColumn(
        name=category.name, levels=category.levels, known=known, ordered=category.ordered, rest=category.rest
    )
    present = raw != ""
    is_pooled = column.places(raw[present]) == len(column.vocabulary)
    column = replace(column, pooled=float(is_pooled.mean()) if present.any() else 0.0)
    if not category.n_encodings:
        return column
    assert targets is not None, "a layout with encodings is fitted with targets"
    encodings = fit_encodings(column.places(raw), targets, n_places=len(column.vocabulary) + 1)
    return replace(column, encodings=tuple(map(tuple, encodings.astype(np.float32).tolist())))


def _number_from_dict(values: Mapping[str, Any]) -> NumberColumn:
    reading = {"reading": reading_from_dict(values["reading"])} if "reading" in values else {}
    lists = {key: tuple(values.get(key, ())) for key in ("edges", "knots", "heights")}
    return NumberColumn(**{**values, **reading, **lists})


def _category_from_dict(values: Mapping[str, Any]) -> CategoryColumn:
    """Lists, as JSON has them, back to tuples."""
    lists = {key: tuple(values[key]) for key in ("levels", "known", "rest") if key in values}
    encodings = tuple(map(tuple, values.get("encodings", ())))
    return CategoryColumn(**{**values, **lists, "encodings": encodings})
