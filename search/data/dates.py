"""Dates and moments: recognised in text, put in order for splits by time, and turned into numbers for the network.

    2024-05-31    2024/5/31 12:30    2024-05-31T12:30:15.5+02:00    31.05.2024    5/31/2024 1:30 PM    31 May 2024

A date that begins with its year, or names its month, can be read in one way; one that ends with its year in two, and
the column decides which (`DateReading.day_first`). The network reads days since the first date of the table, so that
float32 holds them to seconds; what it makes of them stands in `DateCycles` (`columns.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from ffsearch.search.data.cells import ODD_SHARE, Cells, Levels
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["DateReading", "Found", "as_moments", "find_reading", "looks_like_dates", "moments_per_unit", "seconds_of"]

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME: Final = rf"(?:{'|'.join(_MONTHS)})[a-z]*\.?"
_DATE: Final = re.compile(
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<last>\d{4})"
    rf"|(?P<d2>\d{{1,2}})[-/. ]+(?P<month>{_NAME})[-/., ]+(?P<y2>\d{{4}})"
    rf"|(?P<month2>{_NAME})[-/. ]+(?P<d3>\d{{1,2}}),?[-/. ]+(?P<y3>\d{{4}}))"
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second_>\d{2}(?:\.\d+)?))?(?: ?(?P<half>[AP])M)?)?"
    r"(?P<zone> ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?",
    re.IGNORECASE,
)
_N_LOOKED_AT: Final = 1000
"""Different texts looked at before a column counts as dates. Choice: as good as certain, and quick."""

_STANDARD: Final = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?$")

_DAY_S: Final = 86_400
_1970: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, kw_only=True)
class DateReading:
    """How a column of dates becomes a number.

    Args:
        day_first: Whether 1/2/2024 is in February.
        origin: The day that counts as 0, as 2024-05-31.
    """

    day_first: bool
    origin: str

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """Days since the origin, the time of day as their fraction, shape (n_rows,); NaN where there is no date."""
        return self.days(_seconds(cells, day_first=self.day_first))

    def days(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Seconds since 1970 as days since the origin."""
        origin_s = (date.fromisoformat(self.origin).toordinal() - _1970) * _DAY_S
        return (seconds - origin_s) / _DAY_S

    def moments(self, days: NDArray[np.floating[Any]]) -> NDArray[np.datetime64]:
        """Days since the origin as moments, to the second; not a time where there is no date."""
        seconds = np.where(np.isnan(days), 0.0, days.astype(np.float64) * _DAY_S)
        moments = np.datetime64(self.origin, "s") + np.rint(seconds).astype("timedelta64[s]")
        moments[np.isnan(days)] = np.datetime64("NaT")
        return moments

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DateReading:
        """The reading that `as_dict` gave."""
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Found:
    """How a column's dates are read, whether another way would do as well, and how many cells are dates in it."""

    reading: DateReading
    in_doubt: bool
    n_read: int


def looks_like_dates(levels: Levels) -> bool:
    """Whether nearly all cells (of the first thousand different ones) are written as dates."""
    counts = levels.counts()[:_N_LOOKED_AT]
    are_dates = [_DATE.fullmatch(text) is not None for text in levels.texts[:_N_LOOKED_AT]]
    return any(are_dates) and bool(counts[are_dates].sum() >= (1 - ODD_SHARE) * counts.sum())


def seconds_of(text: str, *, day_first: bool) -> float:
    """Seconds from 1970 to a moment, in UTC where the text names its zone; NaN if the text is no date.

    `exporting/host.py` repeats this; a test holds both together.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return np.nan
    if found["first"]:
        day, month = (found["first"], found["second"]) if day_first else (found["second"], found["first"])
    else:
        named = found["month"] or found["month2"]
        month = _MONTHS.index(named[:3].lower()) + 1 if named else found["m"]
        day = found["d"] or found["d2"] or found["d3"]
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].upper() == "P")
    try:
        year = found["y"] or found["y2"] or found["y3"] or found["last"]
        days = date(int(year), int(month), int(day)).toordinal() - _1970
    except ValueError:  # a 31st of February
        return np.nan
    seconds = hour * 3600 + int(found["minute"] or 0) * 60 + float(found["second_"] or 0)
    return days * _DAY_S + seconds - _offset_s((found["zone"] or "").strip())


def find_reading(cells: Cells) -> Found | None:
    """How a column's dates are read; None where no cell is a date.

    Day first or month first is what reads more cells; where both read as many, the one in which the rows are in order,
    else month first.
    """
    readings = {day_first: _seconds(cells, day_first=day_first) for day_first in (False, True)}
    n_read = {day_first: int(np.isfinite(seconds).sum()) for day_first, seconds in readings.items()}
    best = [day_first for day_first, count in n_read.items() if count == max(n_read.values())]
    if not max(n_read.values()):
        return None
    differ = len(best) > 1 and not np.array_equal(readings[False], readings[True], equal_nan=True)
    in_order = [day_first for day_first in best if _is_in_order(readings[day_first])] if differ else []
    day_first = (in_order if len(in_order) == 1 else best)[0]
    first = int(np.nanmin(readings[day_first]) // _DAY_S)
    return Found(
        reading=DateReading(day_first=day_first, origin=date.fromordinal(first + _1970).isoformat()),
        in_doubt=differ and len(in_order) != 1,
        n_read=n_read[day_first],
    )


def moments_per_unit(cells: Cells) -> float:
    """How much the keys of `as_moments` grow in one unit of a time column: in a day, where it holds dates."""
    are_dates = pd.api.types.is_datetime64_any_dtype(cells.column.dtype) or not np.isfinite(cells.numbers).all()
    return float(_DAY_S) if are_dates else 1.0


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
    moments = np.full(len(cells), np.nan) if dates is None else _seconds(cells, day_first=dates.reading.day_first)
    if dates is None or np.isnan(moments).any():
        odd = written.texts[written.codes[np.flatnonzero(np.isnan(moments))[0]]]
        raise DataError(
            f"The time column {cells.name!r} holds {odd!r}, which is neither a number nor a date such as 2024-05-31, "
            "31/05/2024 or 2024-05-31 12:30. Write all its cells in one of these ways, or leave data.time out."
        )
    return moments, found(Code.DATES_IN_DOUBT, "time", column=cells.name) if dates.in_doubt else None


def _is_in_order(seconds: NDArray[np.float64]) -> bool:
    return bool((np.diff(seconds[np.isfinite(seconds)]) >= 0).all())


def _seconds(cells: Cells, *, day_first: bool) -> NDArray[np.float64]:
    """Seconds since 1970, NaN where there is no date, shape (n_rows,)."""
    column = cells.column
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        return np.asarray((moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1), dtype=np.float64)
    return _seconds_of_texts(cells.written.texts, day_first=day_first)[cells.written.codes]


def _seconds_of_texts(texts: tuple[str, ...], *, day_first: bool) -> NDArray[np.float64]:
    """Seconds since 1970 of every text, and NaN at the end for a missing cell."""
    seconds = _standard_seconds(texts)
    if seconds is None:
        seconds = np.array([seconds_of(text, day_first=day_first) for text in texts], dtype=np.float64)
    return np.append(seconds, np.nan)


def _standard_seconds(texts: tuple[str, ...]) -> NDArray[np.float64] | None:
    """The same for texts that are all written `2024-05-31` or `2024-05-31 12:30:15`, at a hundred times the speed."""
    if not texts or not _STANDARD.match(texts[0]):
        return None
    cells = pa.array(texts, type=pa.large_string())
    if not pc.all(pc.match_substring_regex(cells, _STANDARD.pattern)).as_py():
        return None
    try:
        return np.asarray(pc.cast(cells, pa.timestamp("s")).cast(pa.int64()), dtype=np.float64)
    except pa.ArrowInvalid:  # a 31st of February
        return None


def _offset_s(zone: str) -> int:
    """Seconds a zone is ahead of UTC."""
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    ahead = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return ahead if zone[0] == "+" else -ahead
