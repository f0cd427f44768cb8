"""What each column is, found from the rows outside the test part alone, each with its reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_texts
from ffsearch.search.data.column_kinds import Column, Kind
from ffsearch.search.data.features.columns import Reading
from ffsearch.search.data.features.preprocess import Raw, raw_numbers, raw_texts
from ffsearch.search.data.parsing.cells import MISSING_WORDS, ODD_SHARE, Cells, Levels, canonical, folded
from ffsearch.search.data.parsing.clocks import ClockReading, FoundClock, find_clock, is_duration
from ffsearch.search.data.parsing.dates import are_days
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling, find_spelling, find_thousands
from ffsearch.search.data.parsing.variants import merged, truth_pair, truth_spellings
from ffsearch.search.data.text_kinds import (
    MIN_ROWS_OF_ID,
    counted,
    date_kind,
    kind_of_texts,
    sentinels,
    times,
    variants,
)
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["Column", "Kind", "column_in_role", "read_columns", "row_names_column"]

COUNTER_DENSITY: Final = 0.5
"""A counter has at least this share of the whole numbers of its range; the test part took the others away."""

MOSTLY: Final = 0.9
"""From this share of numbers (or dates) on a column is one of them, whatever the other cells are. Choice."""

MIN_NUMBERS: Final = 0.5
"""The same where the others are a few words that repeat, such as `Varies with device`. Choice: more than half."""

_MOST_WHOLE_32: Final = 2.0**20
"""Below it the float32 next to a number is no more than an eighth away."""

MIN_KEPT: Final = 0.99
"""Share of different numbers that must stay different in float32. Choice: a few that fall together do no harm."""

_MOST_WHOLE: Final = 2.0**53
"""Beyond it not every whole number has a float of its own."""

MAX_WORDS: Final = 100
"""Cells that are remembered as missing ones, so that rows to come may hold them. Choice: more are no words."""

FEW_WORDS: Final = 3
"""Different words that are few."""

_CODE_NAME: Final = re.compile(r"(?i:(?:.*[_\W])?(?:zip|zipcode|zip_code|postcode|postal_code|plz|code))|.*[a-z]Code")
"""Names of columns whose whole numbers are codes. Choice: 10115 is not ten times 1011.5."""

_ZERO_IN_FRONT: Final = re.compile(r"0[0-9]")
_ID_NAME: Final = re.compile(r"(?i:(?:.*[_\W])?(?:id|uuid|guid))|.*[a-z](?:ID|Id)")


MAX_STEPS: Final = 64
"""Most levels of a type whose order counts unasked. Choice: each step is a column; as many as a category has slots."""


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A column and the digest of its cells, by which duplicates are found."""

    column: Column
    digest: bytes


def read_columns(
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    *,
    categories: Collection[str] = (),
    stated_numbers: Collection[str] = (),
    keep: Collection[str] = (),
    merge: Collection[str] = (),
    orders: Mapping[str, tuple[str, ...]] | None = None,
    table: TableReading | None = None,
) -> tuple[tuple[Column, ...], Raw]:
    """What every column is, and the cells of those that are used; each column is read once.

    Args:
        frame: The features as read.
        rows: The rows outside the test part, by position; no other row is looked at.
        categories: Columns that the space file calls categories, whatever they look like.
        stated_numbers: Columns that it calls numbers, whatever they look like.
        keep: Columns that it wants used, whatever speaks against them.
        merge: Columns of which levels that differ by case or blanks alone are one.
        orders: Levels from low to high of the columns that it gives an order.
        table: How the table is read as a whole.

    Returns:
        The columns in the order of the frame, and the cells of those that are used as the saved model takes them,
        numbers first. Where only identifiers are left, those that are numbers are used after all: a table of one
        counted column and a target is a legal question.

    Raises:
        DataError: If a cell is none of the levels of its column's order.
    """
    table = table or AS_PLAIN
    judged = []
    numbers: dict[str, NDArray[Any]] = {}
    texts: dict[str, NDArray[Any]] = {}
    # Column by column: what was read of one is let go of before the next.
    for name in frame.columns:
        cells = table.cells(frame[name].take(rows))
        cells = cells.spelt_as(merged(cells.levels)) if name in merge else cells
        if name in (orders or {}):
            one = _judge_ordinal(cells, (orders or {})[name], form="stated")
        elif name in stated_numbers:
            one = _judge_stated_numbers(cells, table=table)
        else:
            one = _judge_texts(cells, stated=True) if name in categories else _judge(cells, table=table)
        one = _kept(one, cells) if name in keep and not one.column.used else one
        judged.append(_merging(one, cells) if name in merge else one)
        column = judged[-1].column
        if column.is_number or column.kind is Kind.ID:  # which may be a counter, and used in the end
            numbers[column.name] = raw_numbers(cells, column.reading or PLAIN)
        elif column.used:
            texts[column.name] = raw_texts(cells.spelt_as(column.same))
    columns = _without_duplicates(judged)
    if not any(column.used for column in columns):
        columns = tuple(map(_counter_as_number, columns))
    used = {column.name for column in columns if column.used}
    return columns, {name: cells for name, cells in (numbers | texts).items() if name in used}


def column_in_role(cells: Cells, *, kind: Kind, key: str) -> Column:
    """A column that a key of the space file sets apart (dropped, groups, time, weights)."""
    return _of_levels(cells, kind, [found(Code.NAMED_IN, key=key)]).column


def row_names_column(cells: Cells) -> Column:
    """A column that holds names of rows, as its name, or that it has none, says."""
    return _of_levels(cells, Kind.ID, [found(Code.ROW_NAMES)]).column


def _kept(judged: _Judged, cells: Cells) -> _Judged:
    """A column that rules would leave out, used because the space file says so."""
    column = judged.column
    if column.kind is Kind.EMPTY:
        return judged
    is_number = not np.isnan(cells.numbers).all()
    kind = Kind.NUMBER if is_number else Kind.CATEGORY
    reasons = (found(Code.KEPT, "keep"), *column.reasons[1:])
    return replace(judged, column=replace(column, kind=kind, reasons=reasons), digest=judged.digest + b"kept")


def _judge_stated_numbers(cells: Cells, *, table: TableReading) -> _Judged:
    """A column that the space file calls numbers.

    Raises:
        DataError: If no cell is one.
    """
    judged = _judge_spelt(cells, table=table) if np.isnan(cells.numbers).any() else None
    if judged is None and np.isnan(cells.numbers).all() and find_clock(cells) is not None:
        judged = _judge_durations(cells)
    if judged is None:
        numbers = cells.numbers
        if np.isnan(numbers).all():
            raise DataError(
                f"data.numbers: {cells.name!r} holds no numbers, but cells such as "
                f"{', '.join(map(_shown, cells.levels.texts[:3]))}. Leave it out."
            )
        judged = _judge_numbers(cells, numbers, odd=cells.levels_of(np.isnan(numbers)))
    column = replace(judged.column, kind=Kind.NUMBER, same={})
    return replace(judged, column=replace(column, reasons=(*_plainly(column), found(Code.KEPT, "numbers"))))


def _judge_durations(cells: Cells) -> _Judged:
    """A column of times that the space file calls numbers: how long something lasts."""
    clock = FoundClock(ClockReading(of_day=False))
    judged = _of_levels(cells, Kind.NUMBER, times(cells, clock))
    return replace(judged, column=replace(judged.column, reading=clock.reading, words=_unread(cells, clock.reading)))


def _plainly(column: Column) -> tuple[Finding, ...]:
    """The reasons of a column of numbers, without the one why it is none."""
    first, *others = column.reasons
    counted_first = first if first.code is Code.NUMBERS else found(Code.NUMBERS, n=column.n_levels)
    return (counted_first, *others)


def _merging(judged: _Judged, cells: Cells) -> _Judged:
    """A column that keeps which spellings its levels have."""
    return replace(judged, column=replace(judged.column, same={**(cells.same or {}), **judged.column.same}))


def _judge(cells: Cells, *, table: TableReading) -> _Judged:
    dtype = cells.column.dtype
    says_what = isinstance(dtype, pd.PeriodDtype | pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype)
    if says_what or pd.api.types.is_datetime64_any_dtype(dtype) or is_duration(cells):
        return _judge_texts(cells)
    numbers = cells.numbers
    gaps = np.isnan(numbers)
    odd = cells.levels_of(gaps)
    n_odd, n_numbers = int(odd.counts().sum()), int((~gaps).sum())
    if n_numbers == 0 and n_odd == 0:
        return _of_levels(cells, Kind.EMPTY, [found(Code.EMPTY)])
    is_odd = n_odd > ODD_SHARE * (n_odd + n_numbers) and not (
        n_numbers > MIN_NUMBERS * (n_odd + n_numbers) and all(folded(text) in MISSING_WORDS for text in odd.texts)
    )
    if not is_odd and _are_codes(cells, numbers):
        return _judge_texts(cells, stated=True, why=Code.CODES)
    spelt = _judge_spelt(cells, table=table) if n_odd else None
    if spelt is not None or is_odd:
        return spelt or _judge_texts(cells)
    if _lose_digits(cells, numbers):
        return _judge_texts(cells)
    if not n_odd and are_days(np.unique(numbers[~gaps])):
        return _judge_days(cells)
    thousands = find_thousands(cells, share=1 - ODD_SHARE, table=table)
    if thousands is not None:
        return _judge_in(cells, thousands)
    return _judge_numbers(cells, numbers, odd=odd)


def _lose_digits(cells: Cells, numbers: NDArray[np.float64]) -> bool:
    """Whether different whole numbers become the same ones, being too long: they name something."""
    present = numbers[np.isfinite(numbers)]
    if not len(present) or np.abs(present).max() < _MOST_WHOLE or (present % 1).any():
        return False
    return len(np.unique(present)) < len(cells.levels.texts)


def _judge_days(cells: Cells) -> _Judged:
    """A column of days written as 20240531."""
    kind, reasons, reading = date_kind(cells)
    judged = _of_levels(cells, kind, reasons)
    return replace(judged, column=replace(judged.column, reading=reading, words=_unread(cells, reading)))


def _unread(cells: Cells, reading: Reading | None) -> tuple[str, ...]:
    """The first cells that a reading makes nothing of."""
    if reading is None:
        return ()
    return cells.levels_of(np.isnan(reading.read(cells))).texts[:MAX_WORDS]


def _judge_spelt(cells: Cells, *, table: TableReading) -> _Judged | None:
    """A column of numbers that are not written in Python's way, or of which some are none; None if it is none.

    Words among numbers are missing cells, where numbers are many and differ, and words are few or repeat: it is no
    category of names, and no identifier.
    """
    written = cells.written
    counts = written.counts()
    spelling = find_spelling(written.texts, counts.tolist(), share=1 - ODD_SHARE, table=table)
    if spelling is not None:
        return _judge_in(cells, spelling)
    spelling = find_spelling(written.texts, counts.tolist(), share=MIN_NUMBERS, table=table) or PLAIN
    numbers = spelling.numbers(written.texts)
    is_odd = np.isnan(numbers)
    share = counts[~is_odd].sum() / max(1, counts.sum())
    few_words = share >= MOSTLY or int(is_odd.sum()) <= FEW_WORDS
    if share < MIN_NUMBERS or not few_words or len(np.unique(numbers[~is_odd])) < MIN_ROWS_OF_ID:
        return None
    return None if _are_codes(cells, spelling.read(cells)) else _judge_in(cells, spelling)


def _judge_in(cells: Cells, spelling: Spelling) -> _Judged:
    """A column of numbers in a spelling of its own."""
    numbers = spelling.read(cells)
    odd = cells.levels_of(np.isnan(numbers))
    judged = _judge_numbers(cells, numbers, odd=odd)
    if spelling == PLAIN:
        return judged
    reasons = (*judged.column.reasons, found(Code.SPELT, spelling=str(spelling)), *rough_cells(cells, spelling))
    offset = 0.0 if judged.column.reading is None else judged.column.reading.as_dict().get("offset", 0.0)
    told = replace(judged.column, reading=replace(spelling, offset=offset), reasons=reasons)
    return replace(judged, column=told if told.used else judged.column)


def rough_cells(cells: Cells, spelling: Spelling) -> list[Finding]:
    """What cells say no more than about how much, by what is read of them."""
    written = cells.written
    counts, first = Counter[str](), dict[str, str]()
    for text, form, count in zip(written.texts, spelling.forms(written.texts), written.counts().tolist(), strict=True):
        if form:
            counts[form] += count
            first.setdefault(form, text)
    return [found(Code.ROUGH_CELLS, form, n=counts[form], cell=first[form]) for form in sorted(counts)]


def _judge_ordinal(cells: Cells, order: tuple[str, ...], *, form: str) -> _Judged:
    """A column whose levels are put in order: `stated` by the space file, or by its `type`.

    Raises:
        DataError: If it holds others.
    """
    levels = cells.levels
    steps = tuple(map(canonical, order))
    others = [text for text in levels.texts if text not in steps]
    if others:
        shown = ", ".join(map(_shown, others[:5])) + (", ..." if len(others) > 5 else "")
        raise DataError(
            f"data.ordinal: {cells.name!r} holds {shown}, which is none of {', '.join(map(_shown, steps))}. Put every "
            "level into the list, or mend those cells."
        )
    reason = found(Code.ORDERED, form, n=len(steps), first=steps[0], last=steps[-1])
    judged = _of_levels(cells, Kind.ORDINAL, [reason])
    return replace(judged, column=replace(judged.column, order=steps))


def _are_codes(cells: Cells, numbers: NDArray[np.float64]) -> bool:
    """Whether numbers are names of something: whole, and one has a zero in front, or the column is called code."""
    present = numbers[np.isfinite(numbers)]
    if not len(present) or (present % 1).any():
        return False
    if _CODE_NAME.fullmatch(cells.name):
        return True
    column = as_texts(cells.column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    if isinstance(column.dtype, pd.StringDtype):
        return bool(column.str.match(r"\s*0[0-9]").any())
    return any(_ZERO_IN_FRONT.match(text) for text in cells.written.texts)


def _judge_numbers(cells: Cells, numbers: NDArray[np.float64], *, odd: Levels) -> _Judged:
    distinct = np.unique(numbers[~np.isnan(numbers)])
    same: Mapping[str, str] = {}
    n_odd = int(odd.counts().sum())
    n_missing = int(np.isnan(numbers).sum()) - n_odd
    kind, reason = Kind.NUMBER, found(Code.NUMBERS, n=len(distinct))
    if len(distinct) == 1 and not n_missing and not n_odd:
        kind, reason = Kind.CONSTANT, found(Code.CONSTANT, value=_fit_for_json(distinct[0]))
    elif np.array_equal(distinct, [0.0, 1.0]) and not n_odd:
        kind, reason, same = Kind.BOOLEAN, found(Code.TWO_VALUES, one=0, other=1), truth_spellings(("0", "1"))
    elif not n_missing and not n_odd and _is_counter(distinct, n_rows=len(cells)):
        kind, reason = Kind.ID, found(Code.COUNTER)
    elif not n_missing and not n_odd and _is_named_id(cells.name, distinct, n_rows=len(cells)):
        kind, reason = Kind.ID, found(Code.NAMED_ID)
    reasons = [reason]
    if n_odd:
        reasons.append(found(Code.ODD_CELLS, "numbers", n=n_odd, cell=odd.texts[0]))
    if kind is Kind.NUMBER:
        reasons += sentinels(numbers)
    n_infinite = int(np.isinf(numbers).sum())
    if n_infinite and kind is Kind.NUMBER:
        reasons.append(found(Code.INFINITE_CELLS, n=n_infinite))
    digest = np.where(np.isnan(numbers), np.nan, numbers).tobytes()
    judged = _digested(cells, kind, reasons, n_missing=n_missing, n_levels=len(distinct), content=[digest])
    offset = _offset(distinct[np.isfinite(distinct)])
    reading = replace(PLAIN, offset=offset) if offset else None
    return replace(judged, column=replace(judged.column, same=same, words=odd.texts[:MAX_WORDS], reading=reading))


def _offset(distinct: NDArray[np.float64]) -> float:
    """What is taken off all numbers before they become float32, where they would lose digits that tell them apart."""
    if len(distinct) < 2 or np.abs(distinct).max() < _MOST_WHOLE_32:
        return 0.0
    low = float(np.floor(distinct[0]))
    n_as_they_are = len(np.unique(distinct.astype(np.float32)))
    n_centred = len(np.unique((distinct - low).astype(np.float32)))
    return low if n_as_they_are < min(n_centred, MIN_KEPT * len(distinct)) else 0.0


def _judge_texts(cells: Cells, *, stated: bool = False, why: Code = Code.STATED) -> _Judged:
    """A column of texts; `stated`: that it is a category is known, and why."""
    reading: Reading | None = None
    if stated and len(cells.levels.texts) > 1:
        kind, reasons = Kind.CATEGORY, [*counted(cells.levels), found(why)]
    else:
        kind, reasons, reading = kind_of_texts(cells)
    order = _order_of_type(cells)
    if kind is Kind.CATEGORY and not stated and order:
        return _judge_ordinal(cells, order, form="type")
    pair = truth_pair(cells.levels) if kind is Kind.BOOLEAN else None
    reasons = [*reasons, *(variants(cells.levels) if kind is Kind.CATEGORY else ())]
    judged = _of_levels(cells, kind, reasons)
    same = {} if pair is None else truth_spellings(pair)
    told = replace(judged.column, reading=reading, same=same, words=_unread(cells, reading))
    return replace(judged, column=told)


def _order_of_type(cells: Cells) -> tuple[str, ...]:
    """The levels of an ordered categorical from low to high; none where they are too many, or have no order."""
    dtype = cells.column.dtype
    if not isinstance(dtype, pd.CategoricalDtype) or not dtype.ordered or len(dtype.categories) > MAX_STEPS:
        return ()
    return tuple(map(str, dtype.categories))


def _digested(
    cells: Cells, kind: Kind, reasons: Iterable[Finding], *, n_missing: int, n_levels: int, content: Iterable[bytes]
) -> _Judged:
    digest = blake2b(digest_size=16)
    for part in content:
        digest.update(part)
    column = Column(name=cells.name, kind=kind, reasons=tuple(reasons), n_missing=n_missing, n_levels=n_levels)
    return _Judged(column=column, digest=digest.digest())


def _of_levels(cells: Cells, kind: Kind, reasons: Iterable[Finding]) -> _Judged:
    """A column whose cells are texts."""
    levels = cells.levels
    content = [levels.codes.tobytes(), "\0".join(levels.texts).encode()]
    return _digested(cells, kind, reasons, n_missing=levels.n_missing, n_levels=len(levels.texts), content=content)


def _without_duplicates(judged: Collection[_Judged]) -> tuple[Column, ...]:
    """The same columns, with those that repeat an earlier used one set to duplicate."""
    seen: dict[bytes, str] = {}
    columns = []
    for item in judged:
        column = item.column
        first = seen.setdefault(item.digest, column.name) if column.used else column.name
        if first != column.name:
            column = replace(column, kind=Kind.DUPLICATE, reasons=(found(Code.SAME_CELLS, name=first),))
        columns.append(column)
    return tuple(columns)


def _counter_as_number(column: Column) -> Column:
    """A column of whole numbers that names rows, used after all."""
    if column.reasons[0].code not in (Code.COUNTER, Code.NAMED_ID):
        return column
    return replace(column, kind=Kind.NUMBER, reasons=(found(Code.COUNTER_USED),))


def _is_counter(distinct: NDArray[np.float64], *, n_rows: int) -> bool:
    if not _are_unique_whole(distinct, n_rows=n_rows):
        return False
    return bool(len(distinct) >= COUNTER_DENSITY * (distinct[-1] - distinct[0] + 1))


def _is_named_id(name: str, distinct: NDArray[np.float64], *, n_rows: int) -> bool:
    return bool(_ID_NAME.fullmatch(name)) and _are_unique_whole(distinct, n_rows=n_rows)


def _are_unique_whole(distinct: NDArray[np.float64], *, n_rows: int) -> bool:
    return len(distinct) == n_rows >= MIN_ROWS_OF_ID and bool(np.isfinite(distinct).all() and (distinct % 1 == 0).all())


def _fit_for_json(number: np.float64) -> float | str:
    return float(number) if np.isfinite(number) else str(number)


def _shown(text: str) -> str:
    """A text as an error quotes it, cut where it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
