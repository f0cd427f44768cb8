"""Durations and times of day as numbers: `04:16:27`, `1:30 PM`, `1 days 02:00:00`, `PT1H30M`, pandas' and Arrow's own.

Both become days, whole ones and their fractions. A time of day has a sine and a cosine beside it, so that midnight
lies beside midnight (`columns.DateCycles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.parsing.cells import MISSING_WORDS, ODD_SHARE, Cells, folded
from ffsearch.search.data.parsing.moments import DAY_S, time_in

__all__ = ["ClockReading", "find_clock", "is_duration"]

MOSTLY: Final = 0.9
"""From this share on a column is one of times, whatever its other cells are."""

MIN_TIMES: Final = 5
"""Fewest different times. Choice: fewer are the names of shifts or of scores."""

_N_LOOKED_AT: Final = 1000
"""Different texts looked at before a column counts as times. Choice: as good as certain, and quick."""


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """How a column of durations or times of day becomes a number of days.

    Args:
        of_day: Whether they are times of day, which come again.
    """

    of_day: bool

    def read(self, cells: Cells) -> NDArray[np.float64]:
        """Days, shape (n_rows,); NaN where a cell is missing or says no time."""
        if is_duration(cells):
            seconds = pd.to_timedelta(cells.column.astype("timedelta64[ns]")).dt.total_seconds()
            return seconds.to_numpy(dtype=np.float64, na_value=np.nan) / DAY_S
        written = cells.written
        seconds_of = [time_in(text)[0] for text in written.texts]
        return np.append(np.array(seconds_of, dtype=np.float64), np.nan)[written.codes] / DAY_S

    def as_dict(self) -> dict[str, Any]:
        """Plain values under their names, fit for JSON."""
        return {"of_day": self.of_day}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClockReading:
        """The reading that `as_dict` gave."""
        return cls(**values)


def is_duration(cells: Cells) -> bool:
    """Whether the column's own type is one of durations."""
    dtype = cells.column.dtype
    return pd.api.types.is_timedelta64_dtype(dtype) or str(dtype).startswith("duration")


def find_clock(cells: Cells) -> ClockReading | None:
    """How a column of durations or times of day is read; None where it is none."""
    if is_duration(cells):
        return ClockReading(of_day=False)
    written = cells.written
    places = np.unique(np.linspace(0, len(written.texts) - 1, min(_N_LOOKED_AT, len(written.texts))).astype(np.int64))
    times = [(written.texts[place], *time_in(written.texts[place])) for place in places]
    if not times or not any(":" in text or "h" in text.lower() or "P" in text for text, *_ in times):
        return None
    counts = written.counts()[places]
    are_times = np.array([not np.isnan(seconds) for _, seconds, _ in times])
    odd = {folded(text) for text, seconds, _ in times if np.isnan(seconds)}
    share = counts[are_times].sum() / max(1, counts.sum())
    if len({seconds for _, seconds, _ in times if not np.isnan(seconds)}) < MIN_TIMES:
        return None
    if share < 1 - ODD_SHARE and not (share >= MOSTLY or (odd <= MISSING_WORDS and share > 1 - MOSTLY)):
        return None
    return ClockReading(of_day=all(may_be for _, seconds, may_be in times if not np.isnan(seconds)))
