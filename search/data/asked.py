"""Rows that are to be answered, read by what the model learnt; where they are written otherwise, as they are written.

    rows -> survey: how do they write numbers and dates? -> cells as the model takes them, and what is worth saying

A model keeps how its table was read (`reading.TableReading`, and the reading of every column). Rows to come may have
other signs in their numbers, another order in their dates, `1` for `TRUE` and `1234` for `01234`. What shows plainly is
read as it is meant, and told. What cannot be read is never answered in silence: `RowReader.check` refuses it by column,
with cells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data.features.columns import CategoryColumn, NumberColumn, Reading
from ffsearch.search.data.features.preprocess import Preprocessor, raw_numbers, require_columns
from ffsearch.search.data.lost import is_text, lost_signs
from ffsearch.search.data.other_levels import matcher, truths_of
from ffsearch.search.data.parsing.cells import Cells, number_of
from ffsearch.search.data.parsing.dates import DateReading, find_reading
from ffsearch.search.data.parsing.names import by_name
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.data.parsing.signs import OTHER, shown_sign
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling, find_spelling, share_read
from ffsearch.search.data.parsing.units import is_currency
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["UNREAD_SHARE", "RowReader"]

UNREAD_SHARE: Final = 0.03
"""Largest share of a column's cells that may be unreadable. Choice: typing errors, not another way to write."""

NEARLY_ALL: Final = 0.9
"""Share of a column's cells that another reading must read before it is taken. Choice: the rest are typing errors."""

FAR_OUT: Final = 0.5
"""How far outside the range of the training rows a number is told, in widths of the range. Choice: new rows often lie a
little outside, and what was misread by thousands lies further."""

SURVEY_ROWS: Final = 16_384
"""Rows that show how these are written. Choice: as many as one piece of a file has, so that a frame is read alike."""

_LENIENT: Final = " Or have them answered all the same, such cells as missing: --lenient, in Python lenient=True."

N_SPREADS: Final = 3
"""Standard deviations by which more unknown levels than usual are a surprise. choice: one file in a thousand is not."""

N_SHOWN: Final = 3
"""Cells or levels shown of a column."""

_YEAR_LAST: Final = re.compile(r"\d{1,2}(?P<sign>[-/.])\d{1,2}(?P=sign)(?P<last>\d{2}|\d{4})\b")


@dataclass(kw_only=True)
class _Tally:
    """What was seen of a column so far."""

    n_rows: int = 0
    n_missing: int = 0
    n_unread: int = 0
    n_unseen: int = 0
    n_far: int = 0
    furthest: float = 0.0
    shown: list[str] = field(default_factory=list)

    @property
    def n_present(self) -> int:
        return self.n_rows - self.n_missing

    def show(self, texts: Sequence[str]) -> None:
        self.shown += [text for text in texts[: N_SHOWN + 1] if text not in self.shown][: N_SHOWN + 1 - len(self.shown)]


class RowReader:
    """Reads rows for a model, all at once or in pieces; how they are written is decided by the first that are seen.

    Args:
        preprocessor: What the model learnt.
        lenient: Whether rows that cannot be read are answered all the same, their cells as missing ones.
    """

    def __init__(self, preprocessor: Preprocessor, *, lenient: bool = False) -> None:
        self._preprocessor, self._lenient = preprocessor, lenient
        self._table = preprocessor.table
        self._readings: dict[str, Reading] | None = None
        self._otherwise: list[Finding] = []
        self._in_doubt: dict[str, str] = {}
        self._tallies = {name: _Tally() for name in preprocessor.column_names}
        self._match = {one.name: matcher(one) for one in preprocessor.categories}
        self._number_of = {one.name: one for one in preprocessor.numbers}
        self._category_of = {one.name: one for one in preprocessor.categories}

    def read(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """The columns as the saved model takes them (`Preprocessor.raw_inputs`), every row by itself.

        Raises:
            DataError: If a column is missing.
        """
        columns = by_name(frame, self._preprocessor.column_names)
        require_columns(frame, [name for name in self._preprocessor.column_names if name not in columns])
        seen = self._first_cells(columns)
        readings = self._surveyed(seen)

        def cells(name: str) -> Cells:
            """What was read of few rows for the survey is not read again; of many it would fill memory."""
            return seen[name] if len(frame) <= SURVEY_ROWS else self._table.cells(columns[name], name=name)

        numbers = {
            one.name: self._numbers(one, cells(one.name), readings[one.name]) for one in self._preprocessor.numbers
        }
        texts = {one.name: self._texts(one, cells(one.name)) for one in self._preprocessor.categories}
        return numbers | texts

    def look_at(self, rows: pd.DataFrame, *, as_texts: Callable[[], pd.DataFrame]) -> None:
        """See how the rows of a file are written before they are read.

        Numbers as Python writes them, within the range that was learnt, need not be looked at as texts, which takes
        seconds where columns are thousands. Where anything else shows, all cells are: what one column shows may hold
        for others.

        Args:
            rows: The first of them; cells of `plain_numbers` may come as numbers, all others as texts.
            as_texts: Gives the same rows with all cells as texts.
        """
        names = self._preprocessor.column_names
        seen = self._first_cells(by_name(rows, names))
        self._surveyed(seen if self._are_as_learnt(seen) else self._first_cells(by_name(as_texts(), names)))

    def _are_as_learnt(self, seen: Mapping[str, Cells]) -> bool:
        """Whether columns came as numbers where they were learnt as such, and no other one is written otherwise."""
        for one, cells in ((one, seen[one.name]) for one in self._preprocessor.numbers if one.name in seen):
            if one.reading != PLAIN:
                if self._is_written_otherwise(one, cells):
                    return False
            elif is_text(cells.column):
                return False
            else:
                present = cells.numbers[~np.isnan(cells.numbers)]
                if len(present) and _share_within(one, present) < NEARLY_ALL:
                    return False
        return True

    def _first_cells(self, columns: Mapping[str, pd.Series[Any]]) -> dict[str, Cells]:
        """The cells that show how rows are written."""
        return {
            name: self._table.cells(column if len(column) <= SURVEY_ROWS else column.iloc[:SURVEY_ROWS], name=name)
            for name, column in columns.items()
        }

    def _surveyed(self, seen: Mapping[str, Cells]) -> dict[str, Reading]:
        """How the numbers and dates of these rows are read; decided once."""
        if self._readings is None:
            given = [(one, seen[one.name]) for one in self._preprocessor.numbers if one.name in seen]
            sign = shown_sign([cells.column for one, cells in given if self._is_written_otherwise(one, cells)])
            self._readings = {
                one.name: self._decided(one, seen[one.name], sign=sign) if one.name in seen else one.reading
                for one in self._preprocessor.numbers
            }
        return self._readings

    @property
    def plain_numbers(self) -> tuple[str, ...]:
        """Columns that hold numbers as Python writes them, as far as was seen; before that, as was learnt."""
        readings = self._readings or {one.name: one.reading for one in self._preprocessor.numbers}
        return tuple(name for name, reading in readings.items() if reading == PLAIN)

    def findings(self) -> tuple[Finding, ...]:
        """What is worth saying of the rows read so far."""
        return (*self._otherwise, *(one for name, seen in self._tallies.items() for one in self._told(name, seen)))

    def check(self, *, what: str = "These rows", lenient: str = _LENIENT) -> None:
        """Refuse rows of which too much was not understood.

        Args:
            what: What they are called.
            lenient: How they are answered all the same; empty where they cannot be.

        Raises:
            DataError: With every such column, its cells, and what to do.
        """
        faults = (
            [] if self._lenient else [one for name, seen in self._tallies.items() for one in self._faults(name, seen)]
        )
        if faults:
            more = f"\n... and {counted(len(faults) - 5, 'further column')}" if len(faults) > 5 else ""
            told = "\n".join(faults[:5]) + more
            raise DataError(
                f"{what} were not understood, so they are not answered:\n{told}\nWrite them as the table that was "
                f"trained on.{lenient}"
            )

    # --- numbers and dates -------------------------------------------------------------------------------------------

    def _is_written_otherwise(self, column: NumberColumn, cells: Cells) -> bool:
        """Whether cells are texts that the model's own reading does not take: only these show that a sign has changed.

        A table may hold columns of both signs; one that is written as it was says nothing of the others.
        """
        if isinstance(column.reading, DateReading) or not is_text(cells.column):
            return False
        unread = np.isnan(raw_numbers(cells, column.reading))
        return bool(unread.any()) and any(not math.isinf(number_of(text)) for text in cells.levels_of(unread).texts)

    def _decided(self, column: NumberColumn, cells: Cells, *, sign: str | None) -> Reading:
        """How a column of these rows is read; what differs from the model's reading is noted."""
        if isinstance(column.reading, DateReading):
            return self._decided_date(column, column.reading, cells)
        if not isinstance(column.reading, Spelling) or not is_text(cells.column):
            return column.reading
        own = self._decided_spelling(column, column.reading, cells, sign=sign)
        if own != column.reading:
            self._note_numbers(column, own, cells)
        return own

    def _decided_spelling(self, column: NumberColumn, learnt: Spelling, cells: Cells, *, sign: str | None) -> Spelling:
        if replace(learnt, offset=0.0) == PLAIN and sign in (
            None,
            learnt.decimal,
        ):  # as nearly always, and quickly seen
            numbers = learnt.read(cells)
            gaps = np.isnan(numbers)
            is_read = not gaps.any() or not cells.levels_of(gaps).texts
            if is_read and _share_within(column, numbers[~gaps]) >= NEARLY_ALL:
                return learnt
        texts, counts = cells.written.texts, cells.written.counts().tolist()
        candidates = [learnt]
        for decimal in (learnt.decimal, OTHER[learnt.decimal]):
            table = TableReading(decimal=decimal, thousands=OTHER[decimal], stated=True)
            other = find_spelling(texts, counts, share=NEARLY_ALL, table=table)
            if other is None and decimal == "." and learnt != PLAIN:
                other = PLAIN
            if other is not None and _are_units_alike(learnt, other):
                candidates.append(replace(other, offset=learnt.offset))

        if len(candidates) == 1:
            return learnt

        def rank(spelling: Spelling) -> tuple[float, bool, bool, float]:
            numbers = spelling.read(cells)
            within = _share_within(column, numbers[np.isfinite(numbers)])
            agrees = sign is None or spelling.decimal == sign
            return share_read(spelling, texts, counts), within >= NEARLY_ALL, agrees, within

        return max(candidates, key=rank)  # the first of equals: as it was learnt

    def _note_numbers(self, column: NumberColumn, own: Spelling, cells: Cells) -> None:
        assert isinstance(column.reading, Spelling)
        for text in cells.written.texts:
            number = own.number(text)
            if not np.isnan(number) and column.reading.number(text) != number:
                self._otherwise.append(
                    found(Code.READ_OTHERWISE, "numbers", column=column.name, cell=text, number=f"{number:.12g}")
                )
                return

    def _decided_date(self, column: NumberColumn, learnt: DateReading, cells: Cells) -> DateReading:
        """The order of day, month and year: as it shows, else as it was learnt; where neither says it, in doubt."""
        best = find_reading(cells) if is_text(cells.column) else None
        if best is None:
            return learnt
        orders = [learnt, replace(learnt, day_first=not learnt.day_first)]
        if best.short_year:
            orders += [replace(order, year_first=not learnt.year_first) for order in orders]
        days: dict[DateReading, NDArray[np.float64]] = {}
        for order in orders:
            read = order.read(cells)
            if not any(np.array_equal(read, other, equal_nan=True) for other in days.values()):
                days[order] = read
        most = max(int(np.isfinite(read).sum()) for read in days.values())
        fitting = [order for order, read in days.items() if int(np.isfinite(read).sum()) == most]
        chosen = fitting[0] if len(fitting) == 1 else self._of_several(column, learnt, fitting, cells)
        if chosen != learnt and chosen in days:
            place = int(np.flatnonzero(np.isfinite(days[chosen]) & (days[learnt] != days[chosen]))[0])
            cell = cells.written.texts[cells.written.codes[place]]
            day = str(chosen.moments(days[chosen][[place]])[0])[:10]
            self._otherwise.append(found(Code.READ_OTHERWISE, "dates", column=column.name, cell=cell, day=day))
        return chosen

    def _of_several(
        self, column: NumberColumn, learnt: DateReading, fitting: Sequence[DateReading], cells: Cells
    ) -> DateReading:
        """Of orders that all fit, the one of the cells that were learnt from, or the one that dots mean.

        Three numbers of two digits have six orders: what was learnt from lies in years that only one of them gives.
        """
        written = next(one for text in cells.written.texts if (one := _YEAR_LAST.match(text)) is not None)
        example = _YEAR_LAST.match(self._table.examples.get(column.name, ""))
        as_learnt = learnt if learnt in fitting else fitting[0]
        is_alike = example is not None and written["sign"] in {example["sign"], "-", "/"}
        is_year_sure = all(order.year_first == learnt.year_first for order in fitting)
        within = [order for order in fitting if _share_within(column, order.read(cells)) >= NEARLY_ALL]
        if len(within) == 1 and not is_year_sure:
            return within[0]
        if is_alike:
            return as_learnt
        if written["sign"] == ".":
            return next((order for order in within or fitting if order.day_first), fitting[0])
        self._in_doubt[column.name] = written[0]
        return learnt

    def _numbers(self, column: NumberColumn, cells: Cells, reading: Reading) -> NDArray[np.float32]:
        raw = raw_numbers(cells, reading)
        seen = self._tallies[column.name]
        gaps = np.isnan(raw)
        n_gaps = int(np.count_nonzero(gaps))
        seen.n_rows += len(raw)
        seen.n_missing += n_gaps
        are_numbers = pd.api.types.is_numeric_dtype(cells.column.dtype) and isinstance(reading, Spelling)
        if n_gaps and not are_numbers:  # of numbers that are no texts all are read but missing ones
            odd = cells.levels_of(gaps)
            are_odd = [not math.isinf(number_of(text)) for text in odd.texts]  # infinity counts as missing everywhere
            n_odd = int(odd.counts()[are_odd].sum())
            seen.n_unread += n_odd
            seen.n_missing -= n_odd
            seen.show([text for text, is_odd in zip(odd.texts, are_odd, strict=True) if is_odd])
        if column.name in self._in_doubt:
            seen.n_unread = seen.n_present
        if lost := lost_signs(column, cells, raw):
            seen.n_unread += len(lost)
            seen.show(lost)
        if column.low is not None and column.high is not None:
            self._note_range(column, seen, raw)
        return raw

    @staticmethod
    def _note_range(column: NumberColumn, seen: _Tally, raw: NDArray[np.float32]) -> None:
        assert column.low is not None
        assert column.high is not None
        margin = FAR_OUT * (column.high - column.low)
        ends = np.fmin.reduce(raw, initial=np.inf), np.fmax.reduce(raw, initial=-np.inf)  # past missing ones
        if not (column.low - ends[0] > margin or ends[1] - column.high > margin):  # as nearly always
            return
        beyond = np.maximum(column.low - raw, raw - column.high)
        far = beyond > margin
        n_far = int(far.sum())
        if n_far:
            seen.n_far += n_far
            place = int(np.nanargmax(beyond))
            furthest = float(raw[place])
            if max(column.low - seen.furthest, seen.furthest - column.high) < beyond[place] or seen.n_far == n_far:
                seen.furthest = furthest

    # --- categories --------------------------------------------------------------------------------------------------

    def _texts(self, column: CategoryColumn, cells: Cells) -> NDArray[np.object_]:
        levels, match = cells.levels, self._match[column.name]
        texts = [match(text) for text in levels.texts]
        seen = self._tallies[column.name]
        seen.n_rows += len(cells)
        seen.n_missing += levels.n_missing
        unseen = [place for place, text in enumerate(texts) if text is None]
        if unseen:
            seen.n_unseen += int(levels.counts()[unseen].sum())
            seen.show([levels.texts[place] for place in unseen])
        plain = [levels.texts[place] if text is None else text for place, text in enumerate(texts)]
        return np.array([*plain, ""], dtype=object)[levels.codes]

    # --- what is said ------------------------------------------------------------------------------------------------

    def _faults(self, name: str, seen: _Tally) -> Iterator[str]:
        shown = ", ".join(map(repr, seen.shown[:N_SHOWN])) + (", ..." if len(seen.shown) > N_SHOWN else "")
        example = self._table.examples.get(name)
        learnt = f"; it learnt from cells such as {example!r}" if example else ""
        if name in self._in_doubt:
            cell = self._in_doubt[name]
            yield f"  {name!r}: {cell!r} may be day first or month first; write it as 2024-05-31{learnt}"
        elif seen.n_unread > UNREAD_SHARE * seen.n_present:
            what = "dates" if self._is_date(name) else "numbers"
            yield f"  {name!r}: {seen.n_unread:,} of {counted(seen.n_present, 'cell')} are no {what}: {shown}{learnt}"
        elif seen.n_unseen and self._is_another_world(name, seen):
            levels = ", ".join(repr(level) for level in self._category_of[name].vocabulary[:N_SHOWN] if level)
            n_cells = counted(seen.n_present, "cell")
            few = f"{seen.n_unseen:,} of {n_cells} hold no level it knows"
            told = f"not one of {n_cells} holds a level it knows" if seen.n_unseen == seen.n_present else few
            yield f"  {name!r}: {told}: {shown}; it knows {levels}"

    def _told(self, name: str, seen: _Tally) -> Iterator[Finding]:
        told: dict[str, Any] = {"column": name, "total": seen.n_rows}
        shown = tuple(seen.shown[:N_SHOWN])
        if seen.n_unread:
            form = "dates" if self._is_date(name) else "numbers"
            yield found(Code.CELLS_UNREAD, form, n=seen.n_unread, cells=shown, **told)
        if seen.n_unseen and self._surprises(name, seen):
            yield found(Code.LEVELS_UNSEEN, n=seen.n_unseen, levels=shown, **told)
        if seen.n_missing and self._had_none_missing(name):
            yield found(Code.CELLS_MISSING, n=seen.n_missing, **told)
        if seen.n_far:
            column = self._number_of[name]
            if isinstance(column.reading, DateReading):
                days = np.array([column.low, column.high, seen.furthest], np.float64)
                low, high, value = (str(moment)[:10] for moment in column.reading.moments(days))
                yield found(Code.OUT_OF_RANGE, "dates", n=seen.n_far, low=low, high=high, value=value, **told)
            else:
                offset = column.reading.offset if isinstance(column.reading, Spelling) else 0.0
                ends = np.array([column.low, column.high, seen.furthest], np.float64) + offset
                low, high, value = (f"{end:.6g}" for end in ends)
                yield found(Code.OUT_OF_RANGE, "numbers", n=seen.n_far, low=low, high=high, value=value, **told)

    def _is_another_world(self, name: str, seen: _Tally) -> bool:
        """Whether no level is known of several, or a column of truth holds others, more than as typing errors."""
        if truths_of(frozenset(self._category_of[name].vocabulary) - {""}) is not None:
            return seen.n_unseen > UNREAD_SHARE * seen.n_present
        return seen.n_unseen == seen.n_present and len(seen.shown) > 1 and self._surprises(name, seen)

    def _surprises(self, name: str, seen: _Tally) -> bool:
        """Whether more cells hold no known level than among the training rows, whose rare ones were pooled."""
        share = self._category_of[name].pooled
        spread = math.sqrt(seen.n_present * share * (1 - share))
        return seen.n_unseen > seen.n_present * share + N_SPREADS * spread

    def _is_date(self, name: str) -> bool:
        return name in self._number_of and isinstance(self._number_of[name].reading, DateReading)

    def _had_none_missing(self, name: str) -> bool:
        if name in self._number_of:
            return not self._number_of[name].flag
        return "" not in self._category_of[name].vocabulary


def _are_units_alike(learnt: Spelling, other: Spelling) -> bool:
    """Whether numbers with these units are of one size: `5 km` is not 5 of what was learnt in metres, or as shares."""
    learnt_money, money = (one.before or (one.after if is_currency(one.after) else "") for one in (learnt, other))
    if other.units or (other.after and other.after != money):
        return (other.units, other.after) == (learnt.units, learnt.after)
    return not money or not learnt_money or money == learnt_money


def _share_within(column: NumberColumn, numbers: NDArray[np.float64]) -> float:
    """Share of numbers within what the training rows had; 0 where that is not known."""
    if column.low is None or column.high is None or not len(numbers):
        return 0.0
    return float(((numbers >= column.low) & (numbers <= column.high)).mean())
