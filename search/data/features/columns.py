"""The columns a network reads, each with what was learnt of it, and the features it becomes, in float32.

    number      z = (x - median) / scale, cut at LIMIT so that no square overflows; 0 where x is missing
                feature = z / sqrt(1 + (z / CLIP)^2)       the smooth clip: nearly z around 0, never beyond CLIP
                bins, where asked for, of every part of its range: share(z) - share(0), with
                share(z) = clip((z - start) / width, 0, 1)
                or, in place of the smooth clip, its place among the training rows (`quantiles.py`)
    date        a number: days since the first date; and beside it where it stands in the year, the week and the day
    time        a number of days; and beside a time of day where it stands in the day
    category    one slot a level, and a last one that rare and unseen levels share; missing is the level ""
    many levels beside the slots what rows of the level had as target in the mean (`encoding.py`)
    ordinal     one slot a step: 1 from that step on; and a last slot for missing and unseen

`packaging.py` does the same with Keras layers; a test holds both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.features.quantiles import scores
from ffsearch.search.data.parsing.clocks import ClockReading
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling

__all__ = [
    "CLIP",
    "CYCLE_DAYS",
    "LIMIT",
    "WEEKDAYS",
    "YEAR_DAYS",
    "CategoryColumn",
    "DateCycles",
    "NumberColumn",
    "Reading",
    "scaled",
]

CLIP: Final = 3.0
"""Bound of the smooth clip. Source: RealMLP, arXiv 2407.04491, section 3 (robust scaling and smooth clipping)."""

LIMIT: Final = 1e6
"""Scaled numbers are cut here first. Choice: beyond it the smooth clip equals CLIP in float32 anyway."""

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEAR_DAYS: Final = 365.25
CYCLE_DAYS: Final = 1461
"""Days of four years. They come first: what is left of a day after whole cycles is exact in float32."""

Reading = Spelling | DateReading | ClockReading
"""How the cells of a column become one number each."""


@dataclass(frozen=True, kw_only=True)
class NumberColumn:
    """How one number is scaled, and spread over bins.

    Args:
        name: The column.
        median: What is 0, exact in float32.
        scale: What is 1 away from it, exact in float32.
        flag: Whether a missing flag belongs to it.
        reading: How its cells become numbers.
        edges: Where bins begin and end, as z, ascending and exact in float32; of the training rows' quantiles.
        n_bins: Columns of the matrix for bins; of those that `edges` leave over, because values repeat, all are 0.
        knots: Where its normal score bends, ascending and exact in float32; none where it is scaled and clipped.
        heights: The score at each knot, exact in float32.
        low: The least number of the training rows, which says of new ones whether they are far out; None: not known.
        high: The greatest.
        is_whole: Whether all were whole.
    """

    name: str
    median: float
    scale: float
    flag: bool
    reading: Reading = PLAIN
    edges: tuple[float, ...] = ()
    n_bins: int = 0
    knots: tuple[float, ...] = ()
    heights: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    is_whole: bool = False

    def standardised(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """The z of every row, shape (n_rows,); the module's first lines give the formulas."""
        return _standardised(raw, np.float32(self.median), np.float32(self.scale))

    def scaled(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """The feature of every row, shape (n_rows,)."""
        if self.knots:
            return scores(raw, self.knots, self.heights, median=self.median)
        return scaled(raw, np.float32(self.median), np.float32(self.scale))

    def bins(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much further every row has come through every bin than the median has, shape (n_rows, n_bins).

        Source: Gorishniy, Rubachev, Babenko 2022, *On embeddings for numerical features in tabular deep learning*,
        arXiv 2203.05556, section 3.2. DIFFERS: theirs count from 0, and go on beyond the outermost edges. Counted from
        the median, networks learn from them a little better, and a missing cell is 0 in all; beyond the edges the
        scaled number goes on.
        """
        starts, widths, at_median = self.bin_table()
        shares: NDArray[np.float32] = np.clip((self.standardised(raw)[:, None] - starts) / widths, 0, 1) - at_median
        return shares

    def bin_table(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Where every bin starts and how wide it is, as z, and the median's share of it, each of shape (n_bins,)."""
        starts = np.full(self.n_bins, 2 * LIMIT, np.float32)  # beyond every z
        widths = np.ones(self.n_bins, np.float32)
        edges = np.array(self.edges, np.float32)
        starts[: max(0, len(edges) - 1)] = edges[:-1]
        widths[: max(0, len(edges) - 1)] = np.diff(edges)
        return starts, widths, np.clip(-starts / widths, 0, 1)


@dataclass(frozen=True, kw_only=True)
class DateCycles:
    """Where a date stands in what comes again; 0 everywhere where it is missing.

    Args:
        name: The column, which is also a number: days since the origin.
        origin: The day that counts as 0, as 2024-05-31.
        year: Whether sine and cosine of its place in the year are features.
        week: Whether its weekday is: seven slots.
        clock: Whether sine and cosine of its time of day are.
    """

    name: str
    origin: str
    year: bool
    week: bool
    clock: bool

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each feature."""
        waves = [f"{self.name} ({wave} of the {what})" for what in ("year", "day") for wave in ("sine", "cosine")]
        days = [f"{self.name} = {weekday}" for weekday in WEEKDAYS]
        return (*waves[: 2 * self.year], *days[: 7 * self.week], *waves[2 : 2 + 2 * self.clock])

    @property
    def origin_in_cycle(self) -> int:
        """Days from the beginning of a leap year to the origin, below `CYCLE_DAYS`."""
        origin = date.fromisoformat(self.origin)
        leap_year = max(4, origin.year // 4 * 4)
        return (origin.toordinal() - date(leap_year, 1, 1).toordinal()) % CYCLE_DAYS

    @property
    def origin_weekday(self) -> int:
        """0 where the origin is a Monday."""
        return date.fromisoformat(self.origin).weekday()

    def features(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape (n_rows, n_cycle_features), from days since the origin, NaN where missing."""
        missing = ~np.isfinite(raw)
        moment = np.where(missing, np.float32(0), raw)
        day = np.floor(moment)
        parts: list[NDArray[np.float32]] = []
        if self.year:
            place = _rest(day + np.float32(self.origin_in_cycle), CYCLE_DAYS)
            parts += _waves(_rest(place, YEAR_DAYS), YEAR_DAYS)
        if self.week:
            weekday = _rest(day + np.float32(self.origin_weekday), 7)
            parts += [(weekday == number).astype(np.float32) for number in range(7)]
        if self.clock:
            parts += _waves(moment - day, 1.0)
        features = np.stack(parts, axis=1) if parts else np.zeros((len(raw), 0), np.float32)
        features[missing] = 0
        return features


@dataclass(frozen=True, kw_only=True)
class CategoryColumn:
    """How one category is coded: level i sets slot i where `known[i]`, all else sets the last slot.

    Args:
        name: The column.
        levels: The layout's levels in the order of their slots; "" stands for missing.
        known: Whether each was frequent enough in the training rows; the slot of one that was not is never set.
        ordered: Whether the levels are steps from low to high: level i sets the slots of steps 1 to i. There is one
            slot less then, and the last one is of missing and unseen levels.
        rest: Further levels, which share the last slot and differ by their encodings alone.
        encodings: A row for each of `levels` and `rest`, and a last one for all other texts; all of one length.
        pooled: Share of the training rows' cells whose level was too rare to be told apart; 0 in early versions.
    """

    name: str
    levels: tuple[str, ...]
    known: tuple[bool, ...]
    ordered: bool = False
    rest: tuple[str, ...] = ()
    encodings: tuple[tuple[float, ...], ...] = ()
    pooled: float = 0.0

    @property
    def n_slots(self) -> int:
        """Slots in the matrix: one a level or step, and the one that all other texts share."""
        return len(self.levels) + (not self.ordered)

    @property
    def n_features(self) -> int:
        """Columns of the matrix: slots, then encodings."""
        return self.n_slots + len(self.encodings[0] if self.encodings else ())

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All levels that are told apart."""
        return (*self.levels, *self.rest)

    @property
    def slots(self) -> dict[str, int]:
        """Slot of each known level; every other text has the last slot."""
        return {level: slot for slot, level in enumerate(self.levels) if self.known[slot]}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each column of the matrix."""
        if self.ordered:
            slots = [f"{self.name} >= {level}" for level in self.levels[1:]]
        else:
            slots = [f"{self.name} = {level}" if level else f"{self.name} (missing)" for level in self.levels]
        more = range(self.n_features - self.n_slots)
        encoded = [f"{self.name} (mean target)" if len(more) == 1 else f"{self.name} (mean target {n})" for n in more]
        return (*slots, f"{self.name} (other)", *encoded)

    def slot_table(self) -> NDArray[np.float32]:
        """What each place of the vocabulary sets, and in the last row what any other text does; (n_texts, n_slots)."""
        table = np.zeros((len(self.vocabulary) + 1, self.n_slots), np.float32)
        if self.ordered:
            table[:-1, :-1] = np.tri(len(self.levels), len(self.levels) - 1, k=-1)
            table[-1, -1] = 1
            return table
        slots = np.full(len(table), len(self.levels))
        slots[: len(self.levels)] = np.where(self.known, np.arange(len(self.levels)), len(self.levels))
        table[np.arange(len(table)), slots] = 1
        return table

    def encoding_table(self) -> NDArray[np.float32]:
        """The encodings, shape (n_texts, n_encodings)."""
        return np.array(self.encodings, np.float32).reshape(len(self.vocabulary) + 1, -1)

    def places(self, raw: NDArray[np.object_]) -> NDArray[np.int64]:
        """Place of every row's text in the vocabulary, the number of texts for any other, shape (n_rows,)."""
        places = self._index.get_indexer(pd.Index(raw, dtype=object))
        return np.where(places < 0, len(self.vocabulary), places).astype(np.int64)

    def features(self, raw: NDArray[np.object_]) -> NDArray[np.float32]:
        """Slots and encodings of every row, shape (n_rows, n_features)."""
        features: NDArray[np.float32] = self._table[self.places(raw)]
        return features

    @cached_property
    def _index(self) -> pd.Index[Any]:
        return pd.Index(list(self.vocabulary), dtype=object)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """Slots and encodings of every place, shape (n_texts, n_features)."""
        return np.hstack([self.slot_table(), self.encoding_table()]) if self.encodings else self.slot_table()


def scaled(raw: NDArray[np.float32], median: Any, scale: Any) -> NDArray[np.float32]:
    """Features of numbers that have no knots, of the same shape.

    Args:
        raw: Cells of one column, shape (n_rows,), or of several, shape (n_rows, n_numbers).
        median: What is 0, in float32; of several shape (n_numbers,).
        scale: What is 1 away from it, alike.
    """
    z = _standardised(raw, median, scale)
    clipped: NDArray[np.float32] = z / np.sqrt(np.float32(1) + np.square(z / np.float32(CLIP)))
    return clipped


def _standardised(raw: NDArray[np.float32], median: Any, scale: Any) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        z: NDArray[np.float32] = (raw - median) / scale
    np.clip(z, np.float32(-LIMIT), np.float32(LIMIT), out=z)
    z[np.isnan(z)] = 0
    return z


def _rest(days: NDArray[np.float32], length: float) -> NDArray[np.float32]:
    """What is left of whole days after whole lengths. The half day keeps a rounded quotient on its side."""
    whole = np.floor((days + np.float32(0.5)) / np.float32(length))
    rest: NDArray[np.float32] = days - whole * np.float32(length)
    return rest


def _waves(place: NDArray[np.float32], length: float) -> list[NDArray[np.float32]]:
    """Sine and cosine of a place in a cycle."""
    angle = place * np.float32(2 * np.pi / length)
    return [np.sin(angle), np.cos(angle)]
