"""Dates and moments in text: recognised for the table of columns, and put in order for splits by time."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.cells import as_levels, as_numbers

__all__ = ["as_moments", "looks_like_dates"]

_DATE: Final = re.compile(
    r"(?P<day>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"(?P<clock>[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?P<zone>Z|[+-]\d{2}:?\d{2})?"
)
_N_LOOKED_AT: Final = 1000
"""Different texts looked at before a column counts as dates. Choice: as good as certain, and quick."""

_MONTH_FIRST: Final = "%m/%d/%Y"
_DAY_FIRST: Final = "%d/%m/%Y"
_YEAR_FIRST: Final = "%Y/%m/%d"


def looks_like_dates(texts: tuple[str, ...]) -> bool:
    """Whether all texts (of which the first thousand are looked at) are written as dates, with or without a time."""
    return bool(texts) and all(_DATE.fullmatch(text) for text in texts[:_N_LOOKED_AT])


def as_moments(column: pd.Series[Any]) -> tuple[NDArray[np.float64], str | None]:
    """A key a row that grows with time, and a sentence where the dates could be read in two ways.

    Numbers are taken as they are. Dates are taken as year first, else as month first or day first, whichever reads all
    of them; where both do, the one in which the file is in order, else month first.

    Args:
        column: Numbers, dates or texts of dates, without missing cells.

    Returns:
        Keys of shape (n_rows,), and the sentence or None.

    Raises:
        DataError: If a cell is missing or is neither a number nor a date.
    """
    is_date = pd.api.types.is_datetime64_any_dtype(column.dtype)
    numbers = _seconds(column) if is_date else as_numbers(column)
    if np.isfinite(numbers).all():
        return numbers, None
    levels = as_levels(column)
    n_missing = int((levels.codes < 0).sum())
    if n_missing:
        raise DataError(
            f"The time column {column.name!r} has {n_missing} missing cells, but every row needs its place in time. "
            "Fill them in, remove those rows, or leave data.time out."
        )
    readings = [keys[levels.codes] for keys in _readings(levels.texts)]
    if not readings:
        odd = next((text for text in levels.texts if not _DATE.fullmatch(text)), levels.texts[0])
        raise DataError(
            f"The time column {column.name!r} holds {odd!r}, which is neither a number nor a date such as 2024-05-31, "
            "31/05/2024 or 2024-05-31 12:30. Write all its cells in one of these ways, or leave data.time out."
        )
    in_order = [keys for keys in readings if (np.diff(keys) >= 0).all()]
    doubt = len(readings) > 1 and len(in_order) != 1
    sentence = f"The dates of {column.name!r} could be day first or month first; they are read as month first."
    return (in_order or readings)[0], sentence if doubt else None


def _readings(texts: tuple[str, ...]) -> list[NDArray[np.float64]]:
    """Every way in which all texts are dates, as seconds since 1970, shape (n_texts,) each."""
    parts = [_parts(text) for text in texts]
    if any(part is None for part in parts):
        return []
    dates = [part for part in parts if part is not None]
    found = []
    for pattern in (_YEAR_FIRST, _MONTH_FIRST, _DAY_FIRST):
        days = pd.to_datetime(pd.Series([date for date, _ in dates]), format=pattern, errors="coerce")
        if days.notna().all():
            found.append(_seconds(days) + np.array([clock for _, clock in dates]))
    return found


def _parts(text: str) -> tuple[str, float] | None:
    """A date written with slashes and the seconds since its midnight in UTC; None if the text is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, clock, zone = re.sub(r"[-.]", "/", found["day"]), found["clock"], found["zone"]
    seconds = 0.0
    for part, unit in zip((clock or "").strip(" T").split(":"), (3600, 60, 1), strict=False):
        seconds += float(part or 0) * unit
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "")
        offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        seconds -= offset if zone[0] == "+" else -offset
    return day, seconds


def _seconds(days: pd.Series[Any]) -> NDArray[np.float64]:
    """Seconds since 1970, NaN where there is no date."""
    moments = pd.to_datetime(days, utc=True).dt.tz_localize(None)
    keys = (moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return np.asarray(keys, dtype=np.float64)
