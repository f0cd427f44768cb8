"""Dates and moments: recognised in text, put in order for splits by time, and turned into numbers for the network.

`moments.py` tells in which ways they may be written. A date that begins with its year, or names its month, can be read
in one way; one that ends with its year in two, and the column decides which: of those with points between,
`DateReading.dots_day_first`, of others `day_first`. Three numbers of two digits, as 24-05-31, may begin with their year
too (`year_first`). The network reads days since the first date of the table, so that
float32 holds them to seconds; what it makes of them stands in `DateCycles` (`columns.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data.parsing.cells import MISSING_WORDS, ODD_SHARE, Cells, Levels, folded
from ffsearch.search.data.parsing.moments import DAY_S, has_short_year, is_dotted, outer_parts, seconds_in
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = [
    "DateReading", "Found", "are_days", "as_moments", "find_reading", "looks_like_dates", "moments_per_unit",
    "seconds_of",
]  # fmt: skip

MOSTLY: Final = 0.9
"""From this share of dates on a column is one of dates, whatever its other cells are."""

MIN_SHARE: Final = 0.5
"""The same where the others are a few words that repeat, such as `open`."""

FEW_WORDS: Final = 3
"""Different words that are few."""

MIN_DAYS: Final = 20
"""Fewest different days written as 20240531, or with two digits of their year. Choice: fewer could be versions, such as
1.2.10."""

_MANY_DAYS: Final = 2
"""So many times as many different numbers as at a date's end show that days stand at its beginning. Choice."""

_MONTH: Final = "month"
_DAY: Final = "day"
_YEAR: Final = "year"
"""What a date written in numbers alone begins with."""

_N_LOOKED_AT: Final = 1000
"""Different texts looked at before a column counts as dates. Choice: as good as certain, and quick."""

_D: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_M: Final = "(?:0[1-9]|1[0-2])"
_STANDARD: Final = rf"^[0-9]{{4}}-{_M}-{_D}(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?)?$"
_DAY_MONTH: Final = (rf"^({_D})([./-])({_M})[./-]([0-9]{{4}})", rf"^({_M})([./-])({_D})[./-]([0-9]{{4}})")
_DAYS: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")

_1970: Final = date(1970, 1, 1).toordinal()


def _day(ordinal: int) -> date:
    """A day by its number; the first or last one of Python's for those beyond, which files have as years before 1."""
    return date.fromordinal(min(max(ordinal, 1), date.max.toordinal()))


@dataclass(frozen=True, kw_only=True)
class DateReading:
    """How a column of dates becomes a number.

    Args:
        day_first: Whether 1/2/2024 is in February.
        origin: The day that counts as 0, as 2024-05-31.
        dots_day_first: Whether 1.2.2024 is.
        year_first: Whether 24-02-01 is in 2024.
    """

    day_first: bool
    origin: str
    dots_day_first: bool = True
    year_first: bool = False

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """Days since the origin, the time of day as their fraction, shape (n_rows,); NaN where there is no date."""
        return self.days(self.seconds(cells))

    def seconds(self, cells: Cells) -> NDArray[np.float64]:
        """Seconds since 1970, shape (n_rows,); NaN where there is no date."""
        orders = {"dots_day_first": self.dots_day_first, "year_first": self.year_first}
        return _seconds(cells, day_first=self.day_first, **orders)

    def days(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds since 1970 as days since the origin."""
        origin_s = (date.fromisoformat(self.origin).toordinal() - _1970) * DAY_S
        return (seconds - origin_s) / DAY_S

    def moments(self, days: NDArray[np.floating[Any]]) -> NDArray[np.datetime64]:
        """Days since the origin as moments, to the second; not a time where there is no date."""
        seconds = np.where(np.isnan(days), 0.0, days.astype(np.float64) * DAY_S)
        moments = np.datetime64(self.origin, "s") + np.rint(seconds).astype("timedelta64[s]")
        moments[np.isnan(days)] = np.datetime64("NaT")
        return moments

    def day(self, days: float) -> str:
        """So many days since the origin as a day, 2024-05-31."""
        return _day(date.fromisoformat(self.origin).toordinal() + int(days)).isoformat()

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DateReading:
        """The reading that `as_dict` gave."""
        return cls(**{"dots_day_first": values["day_first"], **values})  # early versions had one order for all


@dataclass(frozen=True, kw_only=True)
class Found:
    """How a column's dates are read.

    Args:
        reading: The way.
        in_doubt: What could as well be meant: `column`, that the month comes second; `year_first` and `year_last`,
            that the year stands at the other end than it is read. Empty where nothing could.
        n_read: Cells that are dates in it.
        odd: The first cell that is none; empty where there is none.
        short_year: Whether years have two digits.
    """

    reading: DateReading
    in_doubt: str
    n_read: int
    odd: str = ""
    short_year: bool = False


def looks_like_dates(levels: Levels) -> bool:
    """Whether nearly all cells (of a thousand different ones) are dates; a few words that repeat may be among them."""
    places = np.unique(np.linspace(0, len(levels.texts) - 1, min(_N_LOOKED_AT, len(levels.texts))).astype(np.int64))
    texts = [levels.texts[place] for place in places]
    if not texts:
        return False
    counts = levels.counts()[places]
    are_dates = np.array([_is_date(text) for text in texts])
    odd = {folded(text) for text, is_date in zip(texts, are_dates, strict=True) if not is_date}
    share = counts[are_dates].sum() / counts.sum()
    if any(map(has_short_year, texts[:MIN_DAYS])) and are_dates.sum() < MIN_DAYS:
        return False
    return bool(
        share >= 1 - ODD_SHARE
        or (share >= MOSTLY and are_dates.sum() > len(odd))
        or (share >= MIN_SHARE and (odd <= MISSING_WORDS or len(odd) <= FEW_WORDS < are_dates.sum()))
    )


def are_days(distinct: NDArray[np.float64]) -> bool:
    """Whether whole numbers are days written as 20240531."""
    if len(distinct) < MIN_DAYS or distinct[0] < 19_000_101 or distinct[-1] > 20_991_231:
        return False
    return all(_DAYS.fullmatch(f"{number:.0f}") and _is_date(f"{number:.0f}") for number in distinct.tolist())


def _is_date(text: str) -> bool:
    orders = ((False, False), (True, False), (False, True))
    return any(not np.isnan(seconds_in(text, day_first=d, dots_day_first=d, year_first=y)) for d, y in orders)


def seconds_of(text: str, *, day_first: bool, dots_day_first: bool | None = None) -> float:
    """Seconds from 1970 to a moment, in UTC where the text names its zone; NaN if the text is no date."""
    return seconds_in(text, day_first=day_first, dots_day_first=day_first if dots_day_first is None else dots_day_first)


def find_reading(cells: Cells) -> Found | None:
    """How a column's dates are read; None where no cell is a date.

    Day first, month first or (of two digits) year first is what reads more cells. Where several read as many, points
    mean that the month is not first; then it is the one in which the rows are in order, else what `_likeliest` says.
    """
    written = cells.levels
    texts = written.texts[:_N_LOOKED_AT]
    dotted = any(map(is_dotted, texts))
    ends = [parts for text in texts if (parts := outer_parts(text)) is not None]
    seconds = {one: _seconds(cells, day_first=one == _DAY, year_first=one == _YEAR) for one in (_MONTH, _DAY)}
    if ends:
        seconds[_YEAR] = _seconds(cells, day_first=dotted, year_first=True)
    n_read = {order: int(np.isfinite(moments).sum()) for order, moments in seconds.items()}
    best = [order for order, count in n_read.items() if count == max(n_read.values())]
    if not max(n_read.values()):
        return None
    best = [one for place, one in enumerate(best) if not any(_are_same(seconds, one, other) for other in best[:place])]
    if dotted and _DAY in best:
        best = [order for order in best if order != _MONTH]
    in_order = [order for order in best if _is_in_order(seconds[order])] if len(best) > 1 else []
    order, in_doubt = (in_order[0], "") if len(in_order) == 1 else _likeliest(best, ends=ends)
    day_first = order == _DAY or (order == _YEAR and dotted)
    odd = np.isnan(seconds[order]) & (written.codes >= 0)
    return Found(
        reading=DateReading(
            day_first=day_first,
            origin=_day(int(np.nanmin(seconds[order]) // DAY_S) + _1970).isoformat(),
            dots_day_first=day_first if dotted else True,
            year_first=order == _YEAR,
        ),
        in_doubt=in_doubt,
        n_read=n_read[order],
        odd=written.texts[written.codes[np.flatnonzero(odd)[0]]] if odd.any() else "",
        short_year=any(map(has_short_year, texts)),
    )


def _are_same(seconds: Mapping[str, NDArray[np.float64]], one: str, other: str) -> bool:
    return np.array_equal(seconds[one], seconds[other], equal_nan=True)


def _likeliest(orders: Sequence[str], *, ends: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Of orders that read all dates alike the one to take, and what of it is in doubt (`Found.in_doubt`).

    A year stands where fewer different numbers do: days of few years are many. Else the month is first.
    """
    doubt = ""
    if _YEAR in orders and len(orders) > 1:
        n_first, n_last = (len(set(parts)) for parts in zip(*ends, strict=True))
        if n_first < n_last:
            return _YEAR, "year_first"
        orders = [order for order in orders if order != _YEAR]
        doubt = "year_last" if n_first < _MANY_DAYS * n_last else ""
    return (_MONTH, "column") if len(orders) > 1 else (orders[0], doubt)


def moments_per_unit(cells: Cells) -> float:
    """How much the keys of `as_moments` grow in one unit of a time column: in a day, where it holds dates."""
    are_dates = pd.api.types.is_datetime64_any_dtype(cells.column.dtype) or not np.isfinite(cells.numbers).all()
    return float(DAY_S) if are_dates else 1.0


def as_moments(cells: Cells) -> tuple[NDArray[np.float64], Finding | None]:
    """A key a row that grows with time, and a finding where the dates could be read in two ways.

    Args:
        cells: A column of numbers, dates or texts of dates, without missing cells.

    Returns:
        Keys of shape (n_rows,), and the finding or None.

    Raises:
        DataError: If a cell is missing or is neither a number nor a date.
    """
    is_date = pd.api.types.is_datetime64_any_dtype(cells.column.dtype)
    numbers = _seconds(cells, day_first=False) if is_date else cells.numbers
    if np.isfinite(numbers).all():
        return numbers, None
    written = cells.written
    if n_missing := written.n_missing:
        raise DataError(
            f"The time column {cells.name!r} has {counted(n_missing, 'missing cell')}, but every row needs its place "
            "in time. Fill them in, remove those rows, or leave data.time out."
        )
    dates = find_reading(cells)
    moments = np.full(len(cells), np.nan) if dates is None else dates.reading.seconds(cells)
    if dates is None or np.isnan(moments).any():
        odd = written.texts[written.codes[np.flatnonzero(np.isnan(moments))[0]]]
        raise DataError(
            f"The time column {cells.name!r} holds {odd!r}, which is neither a number nor a date such as 2024-05-31, "
            "31/05/2024 or 2024-05-31 12:30. Write all its cells in one of these ways, or leave data.time out."
        )
    forms = {"column": "time", "year_first": "time_year_first", "year_last": "time_year_last"}
    return moments, found(Code.DATES_IN_DOUBT, forms[dates.in_doubt], column=cells.name) if dates.in_doubt else None


def _is_in_order(seconds: NDArray[np.float64]) -> bool:
    return bool((np.diff(seconds[np.isfinite(seconds)]) >= 0).all())


_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Of the units that pandas keeps moments in."""


def _seconds(
    cells: Cells, *, day_first: bool, dots_day_first: bool | None = None, year_first: bool = False
) -> NDArray[np.float64]:
    """Seconds since 1970, NaN where there is no date, shape (n_rows,)."""
    column = cells.column
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy()
        unit, _ = np.datetime_data(moments.dtype)  # its own: as nanoseconds the year 9999 has no place
        seconds = moments.astype(np.int64) / _PER_SECOND[unit]
        seconds = np.where(np.isnat(moments), np.nan, seconds)
        return np.where(cells.levels.codes < 0, np.nan, seconds) if cells.missing else seconds
    is_number = pd.api.types.is_numeric_dtype(column.dtype)
    levels = cells.levels if is_number else cells.written  # 20240531.0 is a day without its point
    dots = day_first if dots_day_first is None else dots_day_first
    seconds = _seconds_of_texts(levels.texts, day_first=day_first, dots_day_first=dots, year_first=year_first)
    return np.append(seconds, np.nan)[levels.codes]


def _seconds_of_texts(
    texts: Sequence[str], *, day_first: bool, dots_day_first: bool, year_first: bool
) -> NDArray[np.float64]:
    """Seconds since 1970 of every text; those in the most common ways at a hundred times the speed of others."""
    seconds = np.full(len(texts), np.nan)
    if not len(texts):
        return seconds
    cells = pa.array(texts, type=pa.large_string())
    for pattern, order, signs in (
        (_DAY_MONTH[not day_first], (r"\4-\3-\1", r"\4-\1-\3")[not day_first], "/-"),
        (_DAY_MONTH[not dots_day_first], (r"\4-\3-\1", r"\4-\1-\3")[not dots_day_first], "."),
    ):
        cells = pc.replace_substring_regex(cells, pattern.replace("([./-])", f"([{signs}])"), order)
    standard = pc.match_substring_regex(cells, _STANDARD).to_numpy(zero_copy_only=False).astype(np.bool_)
    try:
        moments = pc.cast(cells.filter(pa.array(standard)), pa.timestamp("us")).cast(pa.int64())
        seconds[standard] = np.asarray(moments, dtype=np.float64) / 1e6
    except pa.ArrowInvalid:  # a 31st of February
        standard[:] = False
    orders = {"day_first": day_first, "dots_day_first": dots_day_first, "year_first": year_first}
    for place in np.flatnonzero(~standard).tolist():
        seconds[place] = seconds_in(texts[place], **orders)
    return seconds
