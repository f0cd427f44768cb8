"""What a column is whose cells are no plain numbers: dates, times, truth values, prose, names of rows, categories."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.search.data.column_kinds import Kind
from ffsearch.search.data.features.columns import Reading
from ffsearch.search.data.features.preprocess import MAX_ENCODED_LEVELS, MAX_LEVELS, MIN_LEVEL_ROWS
from ffsearch.search.data.parsing.cells import Cells, Levels
from ffsearch.search.data.parsing.clocks import FoundClock, find_clock
from ffsearch.search.data.parsing.dates import DateReading, find_reading, looks_like_dates
from ffsearch.search.data.parsing.moments import WINDOW
from ffsearch.search.data.parsing.sentinels import find_sentinels
from ffsearch.search.data.parsing.variants import truth_pair, variants_of
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["MIN_ROWS_OF_ID", "counted", "date_kind", "kind_of_texts", "sentinels", "times", "variants"]

MIN_ROWS_OF_ID: Final = 20
"""Fewer different values are no sign of an identifier. Choice: in a tiny table everything is unique."""

ID_SHARE: Final = 0.95
"""From this share of different texts on, a text column names rows. Choice: what repeats so seldom cannot be learnt."""

TEXT_WORDS: Final = 3.0
"""From this mean number of words on, texts that seldom repeat are prose or names. Choice."""

TEXT_SHARE: Final = 0.5
"""Texts seldom repeat when more than this share of them is different. Choice."""

N_SHOWN: Final = 3
"""Groups of levels that are named."""


def kind_of_texts(cells: Cells) -> tuple[Kind, list[Finding], Reading | None]:
    """What a column of texts is, why, and how it is read where its cells become numbers."""
    levels = cells.levels
    n_levels, n_missing = len(levels.texts), levels.n_missing
    n_present = len(cells) - n_missing
    if not n_levels:
        return Kind.EMPTY, [found(Code.EMPTY)], None
    if n_levels == 1 and not n_missing:
        return Kind.CONSTANT, [found(Code.CONSTANT, value=levels.texts[0])], None
    if pd.api.types.is_datetime64_any_dtype(cells.column.dtype) or looks_like_dates(levels):
        return date_kind(cells)
    if (clock := find_clock(cells)) is not None:
        return Kind.NUMBER, times(cells, clock), clock.reading
    if (pair := truth_pair(levels)) is not None:
        one, other = sorted(pair)
        return Kind.BOOLEAN, [found(Code.TWO_VALUES, one=one, other=other)], None
    many = n_levels >= MIN_ROWS_OF_ID
    n_words = float(np.mean([text.count(" ") + 1 for text in levels.texts]))
    if many and n_levels > TEXT_SHARE * n_present and n_words >= TEXT_WORDS:
        return Kind.TEXT, [found(Code.FREE_TEXT, words=round(n_words, 1))], None
    if many and n_levels >= ID_SHARE * n_present:
        return Kind.ID, [found(Code.NAMES_ROWS, n=n_levels, cells=n_present)], None
    return Kind.CATEGORY, counted(levels), None


def date_kind(cells: Cells) -> tuple[Kind, list[Finding], DateReading | None]:
    """A column of dates: what is worth saying of it, and how it is read."""
    levels, dates = cells.levels, find_reading(cells)
    if dates is None:
        return Kind.CATEGORY, counted(levels), None
    reasons = [found(Code.DATES, n=len(levels.texts))]
    if dates.in_doubt:
        reasons.append(found(Code.DATES_IN_DOUBT, dates.in_doubt))
    if dates.short_year:
        reasons.append(found(Code.SHORT_YEARS, first=str(WINDOW[0]), last=str(WINDOW[1])))
    if n_odd := len(cells) - levels.n_missing - dates.n_read:
        reasons.append(found(Code.ODD_CELLS, "no_dates", n=n_odd, cell=dates.odd))
    for one in sentinels(np.floor(dates.reading.read(cells))):
        days = [dates.reading.day(float(str(one.values[name]))) for name in ("number", "low", "high")]
        reasons.append(found(Code.SENTINEL, "date", n=one.values["n"], date=days[0], low=days[1], high=days[2]))
    return Kind.DATE, reasons, dates.reading


def times(cells: Cells, clock: FoundClock) -> list[Finding]:
    """What is worth saying of durations and times of day."""
    days = clock.reading.read(cells)
    levels = cells.levels
    form = "of_day" if clock.reading.of_day else "durations"
    reasons = [found(Code.TIMES, form, n=len(levels.texts))]
    if clock.in_doubt:
        reasons.append(found(Code.CLOCK_IN_DOUBT, form))
    odd = np.isnan(days) & (levels.codes >= 0)
    if odd.any():
        cell = levels.texts[levels.codes[np.flatnonzero(odd)[0]]]
        reasons.append(found(Code.ODD_CELLS, "numbers", n=int(odd.sum()), cell=cell))
    return reasons + sentinels(days)


def counted(levels: Levels) -> list[Finding]:
    """How many levels there are, and what becomes of many."""
    reasons = [found(Code.TEXTS, n=len(levels.texts))]
    n_frequent = int((levels.counts() >= MIN_LEVEL_ROWS).sum())
    if len(levels.texts) <= MAX_LEVELS:
        return reasons
    if not n_frequent:
        kept = found(Code.RARE_LEVELS, "all", rows=MIN_LEVEL_ROWS)
    elif n_frequent <= MAX_LEVELS:
        kept = found(Code.RARE_LEVELS, "some", rows=MIN_LEVEL_ROWS, n=n_frequent)
    else:
        n_encoded = min(n_frequent, MAX_ENCODED_LEVELS) - MAX_LEVELS
        kept = found(Code.RARE_LEVELS, "encoded", n=MAX_LEVELS, encoded=n_encoded)
    return [*reasons, kept]


def sentinels(numbers: NDArray[np.float64]) -> list[Finding]:
    """What numbers of a column look like missing cells."""
    distinct, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    suspects = find_sentinels(distinct, counts)
    others = distinct[~np.isin(distinct, [number for number, _ in suspects])] if suspects else distinct
    return [
        found(Code.SENTINEL, number=number, n=n, low=float(others[0]), high=float(others[-1])) for number, n in suspects
    ]


def variants(levels: Levels) -> list[Finding]:
    """Levels that differ by case or blanks alone, as one finding; none where there are none."""
    groups = variants_of(levels)
    if not groups:
        return []
    shown = tuple(" = ".join(map(repr, texts)) for texts in groups[:N_SHOWN])
    return [found(Code.VARIANTS, n=len(groups), levels=shown, n_more=max(0, len(groups) - N_SHOWN))]
