"""Durations and times of day as numbers: `04:16:27`, `1:30 PM`, `1 days 02:00:00`, `PT1H30M`, pandas' and Arrow's own.

Both become days, whole ones and their fractions. A time of day has a sine and a cosine beside it, so that midnight
lies beside midnight (`columns.DateCycles`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.parsing.cells import MISSING_WORDS, ODD_SHARE, Cells, folded
from ffsearch.search.data.parsing.moments import DAY_S, time_in
from ffsearch.search.data.parsing.names import words_of

__all__ = ["ClockReading", "FoundClock", "find_clock", "is_duration"]

MOSTLY: Final = 0.9
"""From this share on a column is one of times, whatever its other cells are."""

MIN_TIMES: Final = 5
"""Fewest different times. Choice: fewer are the names of shifts or of scores."""

_DURATIONS: Final = frozenset(
    {"duration", "dur", "elapsed", "length", "lap", "runtime", "took", "taken", "lasted", "dauer", "laufzeit"}
    | {"duração", "duracao", "tempo", "duración", "duracion", "durée", "duree"}
)
"""Words in names of columns that say how long something lasts."""

_SIGNS: Final = re.compile(r"[:hHP]|\d ?[dm][a-z]*[, ]*\d")
"""What a time has that is no number with one unit: `5m 38s` is one, `5 m` is a number of metres."""

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


class FoundClock(NamedTuple):
    """How a column of durations or times of day is read.

    Attributes:
        reading: The way.
        in_doubt: Whether they could as well be the other.
    """

    reading: ClockReading
    in_doubt: bool = False


def find_clock(cells: Cells) -> FoundClock | None:
    """How a column of durations or times of day is read; None where it is none.

    `04:16:27` is written as both are. Where all are below 24 hours, and no type, no `AM` and no name of the column says
    which, they are times of day if some are after noon, and durations if none is: what lasts is mostly short.
    """
    if is_duration(cells):
        return FoundClock(ClockReading(of_day=False))
    written = cells.written
    places = np.unique(np.linspace(0, len(written.texts) - 1, min(_N_LOOKED_AT, len(written.texts))).astype(np.int64))
    times = [(written.texts[place], *time_in(written.texts[place])) for place in places]
    if not times or not any(_SIGNS.search(text) for text, *_ in times):
        return None
    counts = written.counts()[places]
    are_times = np.array([not np.isnan(seconds) for _, seconds, _ in times])
    odd = {folded(text) for text, seconds, _ in times if np.isnan(seconds)}
    share = counts[are_times].sum() / max(1, counts.sum())
    if len({seconds for _, seconds, _ in times if not np.isnan(seconds)}) < MIN_TIMES:
        return None
    if share < 1 - ODD_SHARE and not (share >= MOSTLY or (odd <= MISSING_WORDS and share > 1 - MOSTLY)):
        return None
    of_day = all(may_be for _, seconds, may_be in times if not np.isnan(seconds))
    if not of_day or words_of(cells.name) & _DURATIONS:
        return FoundClock(ClockReading(of_day=False))
    in_doubt = not _is_time(cells.column) and all(_is_either(text) for text, seconds, _ in times if seconds == seconds)
    is_after_noon = any(seconds > DAY_S / 2 for _, seconds, _ in times)
    return FoundClock(ClockReading(of_day=is_after_noon or not in_doubt), in_doubt)


def _is_time(column: pd.Series[Any]) -> bool:
    """Whether a column's own type, or that of its cells, is one of times of day."""
    if column.dtype != object:
        return str(column.dtype).startswith("time")
    return isinstance(next(iter(column.dropna()), None), time)


def _is_either(text: str) -> bool:
    """Whether a time is written as both are: in hours, minutes and seconds, and nothing else."""
    return text.count(":") == 2 and text.replace(":", "").replace(".", "").isdigit()
