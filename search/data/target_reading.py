"""The target's cells read as numbers where they are numbers, in whatever spelling; and rows whose target says nothing.

All rows are looked at: what a target is in a sealed row must be known to score it. The task is what nearly all cells
say: one `on request` among prices makes no classes of them, its row is left out and named.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data.kinds import rough_cells
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import looks_like_dates
from ffsearch.search.data.parsing.reading import TableReading
from ffsearch.search.data.parsing.spelling import PLAIN, Spelling, find_spelling, find_thousands
from ffsearch.search.data.parsing.variants import merged
from ffsearch.search.data.targets import MAX_INTEGER_CLASSES, Target, infer_task
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["ReadTarget", "read_target"]

MAX_UNREADABLE: Final = 0.05
"""Share of target cells that may be unreadable and left out. Choice: beyond it the rows left would be a choice."""

MAYBE_NUMBERS: Final = 0.5
"""Share of target cells that are numbers from which on they are taken for the target, and the others for faults."""

N_NAMED: Final = 5
"""Cells that are named with their rows."""


@dataclass(frozen=True, kw_only=True)
class ReadTarget:
    """A target read.

    Args:
        target: Its columns, those that are numbers as numbers.
        unreadable: Rows to leave out, by position.
        notices: What was decided and could be doubted.
    """

    target: Target
    unreadable: NDArray[np.int64]
    notices: tuple[Finding, ...]


def read_target(frame: pd.DataFrame, *, table: TableReading, task: str, merge: Collection[str] = ()) -> ReadTarget:
    """Read the columns of a target.

    Args:
        frame: Its columns.
        table: How the table is read as a whole.
        task: What the space file says of the task.
        merge: Columns whose labels that differ by case or blanks alone are one.

    Raises:
        DataError: If it holds dates, or so many cells that are no numbers that the rows left would be a choice.
    """
    columns: list[Cells] = []
    notices: list[Finding] = []
    out = np.zeros(len(frame), dtype=np.bool_)
    for name in frame.columns:
        cells = table.cells(frame[name])
        stated = _stated_missing(cells)
        read, told, unreadable = _read(cells, table=table, task=task)
        columns.append(read.spelt_as(merged(read.levels)) if name in merge else read)
        notices += told
        if (stated | unreadable).any():
            notices.append(_left_out(cells, stated | unreadable))
        out |= stated | unreadable
    return ReadTarget(target=Target(columns), unreadable=np.flatnonzero(out), notices=tuple(notices))


def _stated_missing(cells: Cells) -> NDArray[np.bool_]:
    """The cells that are missing because the space file says so, shape (n_rows,)."""
    if not cells.missing:
        return np.zeros(len(cells), dtype=np.bool_)
    return (Cells(cells.column).written.codes >= 0) & (cells.written.codes < 0)


def _read(cells: Cells, *, table: TableReading, task: str) -> tuple[Cells, list[Finding], NDArray[np.bool_]]:
    """A column of a target, as numbers where it is; what is worth saying; and which cells cannot be read."""
    none = np.zeros(len(cells), dtype=np.bool_)
    is_date = pd.api.types.is_datetime64_any_dtype(cells.column.dtype)
    if is_date or _are_dates(cells):
        if task not in ("binary", "multiclass") and len(cells.levels.texts) > MAX_INTEGER_CLASSES:
            raise DataError(
                f"The target {cells.name!r} holds dates, such as {cells.written.texts[0]!r}, and a date is no number "
                "to predict. Make a column of days or hours from a fixed day, and name that one."
            )
        return cells, [], none
    if task in ("binary", "multiclass") or pd.api.types.is_numeric_dtype(cells.column.dtype):
        return cells, [], none
    written = cells.written
    is_odd = np.isnan(cells.numbers) & (written.codes >= 0)
    n_present = int((written.codes >= 0).sum())
    if not is_odd.any():
        spelling = find_thousands(cells, share=1.0, table=table)
    else:
        counts = written.counts().tolist()
        spelling = find_spelling(written.texts, counts, share=1 - MAX_UNREADABLE, table=table) or PLAIN
    if spelling is None or not n_present:
        return cells, [], none
    numbers = spelling.read(cells)
    unreadable = np.isnan(numbers) & (written.codes >= 0)
    if unreadable.sum() > (1 - MAYBE_NUMBERS) * n_present or not _is_regression(numbers[np.isfinite(numbers)], task):
        return cells, [], none
    if unreadable.sum() > MAX_UNREADABLE * n_present:
        _refuse(cells, unreadable, n_present=n_present)
    read = Cells(pd.Series(numbers, index=cells.column.index, name=cells.name))
    return read, _told(cells, spelling), unreadable


def _are_dates(cells: Cells) -> bool:
    return isinstance(cells.column.dtype, pd.StringDtype | np.dtype) and looks_like_dates(cells.written)


def _is_regression(numbers: NDArray[np.float64], task: str) -> bool:
    """Whether numbers alone would be predicted as numbers; a few texts such as `3 stars` are the names of classes."""
    if task == "regression":
        return True
    if len(np.unique(numbers)) < 2:
        return False
    return infer_task(Target([Cells(pd.Series(numbers, name="y"))]))[0] is Task.REGRESSION


def _told(cells: Cells, spelling: Spelling) -> list[Finding]:
    if spelling == PLAIN:
        return []
    texts = cells.written.texts
    cell = next((text for text in texts if not np.isnan(spelling.number(text))), texts[0])
    told = {"target": cells.name, "spelling": str(spelling), "cell": cell}
    rough = [replace(one, about=cells.name) for one in rough_cells(cells, spelling)]
    return [found(Code.TARGET_SPELT, **told, number=spelling.number(cell)), *rough]


def _named(cells: Cells, rows: NDArray[np.bool_]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The first different cells of some rows, and the first rows, counted from 1."""
    texts = Cells(cells.column).written
    places = np.flatnonzero(rows)
    shown = dict.fromkeys(texts.texts[code] if code >= 0 else "" for code in texts.codes[places].tolist())
    return tuple(shown)[:N_NAMED], tuple((places[:N_NAMED] + 1).tolist())


def _left_out(cells: Cells, rows: NDArray[np.bool_]) -> Finding:
    shown, places = _named(cells, rows)
    told: dict[str, Any] = {"n": int(rows.sum()), "total": len(cells), "target": cells.name}
    n_more = int(rows.sum()) - len(places)
    return found(Code.TARGETS_LEFT_OUT, **told, cells=shown, rows=places, n_more=max(0, n_more))


def _refuse(cells: Cells, unreadable: NDArray[np.bool_], *, n_present: int) -> None:
    """Refuse a target of numbers that many cells spoil.

    Raises:
        DataError: Always.
    """
    shown, places = _named(cells, unreadable)
    raise DataError(
        f"The target {cells.name!r} holds numbers in {n_present - int(unreadable.sum()):,} rows and no numbers in "
        f"{counted(int(unreadable.sum()), 'row')}: {', '.join(map(repr, shown))} (row {', '.join(map(str, places))}"
        f"{', ...' if unreadable.sum() > len(places) else ''}). Mend those cells; or say data.missing: "
        f"[{', '.join(map(repr, shown))}] to leave their rows out, or data.task: multiclass if they are classes."
    )
