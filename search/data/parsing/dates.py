"""Dates and moments: recognised in text, put in order for splits by time, and turned into numbers for the network.

`moments.py` tells in which ways they may be written. A date that begins with its year, or names its month, can be read
in one way; one that ends with its year in two, and the column decides which: of those with points between,
`DateReading.dots_day_first`, of others `day_first`. The network reads days since the first date of the table, so that
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
from ffsearch.search.data.parsing.moments import DAY_S, has_short_year, is_dotted, seconds_in
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

_N_LOOKED_AT: Final = 1000
"""Different texts looked at before a column counts as dates. Choice: as good as certain, and quick."""

_D: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_M: Final = "(?:0[1-9]|1[0-2])"
_STANDARD: Final = rf"^[0-9]{{4}}-{_M}-{_D}(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,6}})?)?)?$"
_DAY_MONTH: Final = (rf"^({_D})([./-])({_M})[./-]([0-9]{{4}})", rf"^({_M})([./-])({_D})[./-]([0-9]{{4}})")
_DAYS: Final = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")

_1970: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, kw_only=True)
class DateReading:
    """How a column of dates becomes a number.

    Args:
        day_first: Whether 1/2/2024 is in February.
        origin: The day that counts as 0, as 2024-05-31.
        dots_day_first: Whether 1.2.2024 is.
    """

    day_first: bool
    origin: str
    dots_day_first: bool = True

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """Days since the origin, the time of day as their fraction, shape (n_rows,); NaN where there is no date."""
        return self.days(_seconds(cells, day_first=self.day_first, dots_day_first=self.dots_day_first))

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
        return date.fromordinal(date.fromisoformat(self.origin).toordinal() + int(days)).isoformat()

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
        in_doubt: Whether the month could as well come second.
        n_read: Cells that are dates in it.
        odd: The first cell that is none; empty where there is none.
        short_year: Whether years have two digits.
    """

    reading: DateReading
    in_doubt: bool
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
    return any(not np.isnan(seconds_in(text, day_first=one, dots_day_first=one)) for one in (False, True))


def seconds_of(text: str, *, day_first: bool, dots_day_first: bool | None = None) -> float:
    """Seconds from 1970 to a moment, in UTC where the text names its zone; NaN if the text is no date."""
    return seconds_in(text, day_first=day_first, dots_day_first=day_first if dots_day_first is None else dots_day_first)


def find_reading(cells: Cells) -> Found | None:
    """How a column's dates are read; None where no cell is a date.

    Day first or month first is what reads more cells; where both read as many, the one in which the rows are in order,
    else month first; but day first where points stand between.
    """
    written = cells.levels
    dotted = np.array([is_dotted(text) for text in written.texts[:_N_LOOKED_AT]], dtype=np.bool_).any()
    both = {first: _seconds(cells, day_first=first, dots_day_first=first) for first in (False, True)}
    n_read = {first: int(np.isfinite(seconds).sum()) for first, seconds in both.items()}
    best = [first for first, count in n_read.items() if count == max(n_read.values())]
    if not max(n_read.values()):
        return None
    differ = len(best) > 1 and not np.array_equal(both[False], both[True], equal_nan=True)
    in_order = [first for first in best if _is_in_order(both[first])] if differ else []
    day_first = dotted if differ and dotted else (in_order if len(in_order) == 1 else best)[0]
    day_first = bool(day_first)
    seconds = both[day_first]
    odd = np.isnan(seconds) & (written.codes >= 0)
    return Found(
        reading=DateReading(
            day_first=day_first,
            origin=date.fromordinal(int(np.nanmin(seconds) // DAY_S) + _1970).isoformat(),
            dots_day_first=day_first if dotted else True,
        ),
        in_doubt=differ and not dotted and len(in_order) != 1,
        n_read=n_read[day_first],
        odd=written.texts[written.codes[np.flatnonzero(odd)[0]]] if odd.any() else "",
        short_year=any(map(has_short_year, written.texts[:_N_LOOKED_AT])),
    )


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


def _seconds(cells: Cells, *, day_first: bool, dots_day_first: bool | None = None) -> NDArray[np.float64]:
    """Seconds since 1970, NaN where there is no date, shape (n_rows,)."""
    column = cells.column
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        seconds = np.asarray((moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1), dtype=np.float64)
        return np.where(cells.levels.codes < 0, np.nan, seconds) if cells.missing else seconds
    is_number = pd.api.types.is_numeric_dtype(column.dtype)
    levels = cells.levels if is_number else cells.written  # 20240531.0 is a day without its point
    dots = day_first if dots_day_first is None else dots_day_first
    return np.append(_seconds_of_texts(levels.texts, day_first=day_first, dots_day_first=dots), np.nan)[levels.codes]


def _seconds_of_texts(texts: Sequence[str], *, day_first: bool, dots_day_first: bool) -> NDArray[np.float64]:
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
    for place in np.flatnonzero(~standard).tolist():
        seconds[place] = seconds_in(texts[place], day_first=day_first, dots_day_first=dots_day_first)
    return seconds
