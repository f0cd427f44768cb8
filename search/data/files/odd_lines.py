"""Lines that make a text no table, refused by what they are: comments, titles, rules, torn and ragged rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from ffsearch.errors import DataError
from ffsearch.search.base.texts import counted
from ffsearch.search.data.files.lines import Row, fitted_header, is_name_of_numbers, rows_of, sample_of, start_of

__all__ = ["refuse_fault", "refuse_odd_lines", "refuse_repeated_header", "refuse_title", "told_short_header"]

_N_LIKE_HEADER: Final = 100
"""Rows compared with the header whose first cell is like its first. Choice: more of them are a level of that name."""

_COMMENT: Final = "#"

_CONFLICT: Final = re.compile(rb"^(?:<<<<<<<|>>>>>>>) [^\r\n]*", re.MULTILINE)

_RULE: Final = re.compile(r"\s*(?::?-+:?)?\s*")
"""A cell of the line that Markdown draws below a header; an empty one stands before the first bar."""

_RULED: Final = "--"
"""What a ruled line holds that a row of missing cells, each a dash, does not."""


def refuse_odd_lines(text: bytes, name: str, *, delimiter: str) -> None:
    """Refuse comments above the header, and what git leaves in a file that two people changed.

    Raises:
        DataError: With the line.
    """
    if b"<<<<<<< " in text or b">>>>>>> " in text:
        conflict = _CONFLICT.search(text)
        if conflict is not None:
            line_number = text.count(b"\n", 0, conflict.start()) + 1
            raise DataError(
                f"{name}, line {line_number}: {start_of(conflict[0].decode('utf-8'))} is "
                "what git leaves of a merge conflict. Choose one of the two versions, and remove git's lines."
            )
    if not text.lstrip().startswith(_COMMENT.encode()):
        return
    rows = [row.cells for row in sample_of(text, delimiter)]
    n_comments = next((n for n, cells in enumerate(rows) if not cells[0].lstrip().startswith(_COMMENT)), len(rows))
    rows_below = rows[n_comments:]
    are_rows = rows_below and all(len(cells) == len(rows_below[0]) > 1 for cells in rows[:n_comments])
    if not rows_below or (are_rows and not _is_header_above(rows_below)):
        return  # the header itself, `#id,age,y`, or colours
    line = text.lstrip().split(b"\n", 1)[0].decode("utf-8")
    raise DataError(
        f"{name}, line 1: {start_of(line)} is a comment, and the first line has to hold the names of the columns. "
        f"Remove {'it' if n_comments == 1 else f'the first {n_comments} lines'}."
    )


def refuse_title(text: bytes, name: str, *, delimiter: str) -> None:
    """Refuse a title that a spreadsheet has filled up with delimiters to the width of its table, and a ruled line.

    Raises:
        DataError: With the line.
    """
    sample = sample_of(text, delimiter)
    n_filled = [sum(bool(cell.strip()) for cell in row.cells) for row in sample]
    if len(sample) < 2:
        return
    first, second = sample[:2]
    if all(_RULE.fullmatch(cell) for cell in second.cells) and any(_RULED in cell for cell in second.cells):
        line = start_of(delimiter.join(second.cells))
        raise DataError(f"{name}, line {second.first_line}: {line} is the ruled line of a Markdown table. Remove it.")
    usual = Counter(n_filled).most_common(1)[0][0]
    if first.cells[0].strip() and n_filled[0] == 1 < usual and len(first.cells) == len(second.cells) > 2:
        told = _told_no_header(first, width=usual, delimiter=delimiter)
        raise DataError(f"{name}, {told} If it holds the names, say data.header: true.")


def _is_header_above(rows: list[list[str]]) -> bool:
    """Whether the first of these rows holds names above numbers."""
    columns = [[row[place].strip() for row in rows[1:] if place < len(row)] for place in range(len(rows[0]))]
    return any(is_name_of_numbers(cell.strip(), column) for cell, column in zip(rows[0], columns, strict=True))


def refuse_repeated_header(frame: pd.DataFrame, name: str) -> None:
    """Refuse a row that holds the names again: files were put together with their headers.

    Raises:
        DataError: With the number of the row.
    """
    alike = np.flatnonzero(frame.iloc[:, 0].str.strip() == frame.columns[0])
    for row in alike[:_N_LIKE_HEADER]:
        if [str(cell).strip() for cell in frame.iloc[row]] == list(frame.columns):
            raise DataError(
                f"{name}: row {row + 1} below the header holds the names of the columns again, as where files were put "
                "together. Remove that line."
            )


def refuse_fault(text: bytes, name: str, *, delimiter: str) -> None:
    """Go through the file row by row and refuse the first one that is torn or not as wide as the first.

    Raises:
        DataError: If there is one.
    """
    sample = sample_of(text, delimiter)
    width = None if len(sample) < 2 else len(fitted_header(sample[0].cells, [row.cells for row in sample[1:]]))
    usual, n_usual = Counter(len(row.cells) for row in sample).most_common(1)[0] if sample else (0, 0)
    try:
        for number, row in enumerate(rows_of(text, delimiter)):
            width = width or len(row.cells)
            if number == 0 and len(row.cells) < width:  # as fitted
                continue
            if number == 0 and n_usual > len(sample) / 2 and len(row.cells) < max(2, usual - 1) <= usual:
                raise DataError(_told_no_header(row, width=usual, delimiter=delimiter))
            if len(row.cells) != width and delimiter == " " and _are_lined_up(sample):
                raise DataError(_told_lined_up(row))
            if len(row.cells) != width:
                raise DataError(_told_ragged(row, width=width, delimiter=delimiter))
    except DataError as error:
        raise DataError(f"{name}, {error}") from None


def _told_ragged(row: Row, *, width: int, delimiter: str) -> str:
    told = (
        f"line {row.first_line}: {counted(len(row.cells), 'field')} where the first line has {width}, split by "
        f"{_shown(delimiter)}."
    )
    if len(row.cells) == width + 1 and not row.cells[-1].strip():
        return f"{told} It ends with a delimiter, and the first line does not: remove it, or add one there."
    if row.cells[0].lstrip().startswith(_COMMENT):
        return f"{told} It begins {start_of(row.cells[0])}: a comment, or a note below the table. Remove the line."
    return f"{told} Mend the line, put quotes around a cell that holds the delimiter, or say data.delimiter."


def _are_lined_up(sample: Sequence[Row]) -> bool:
    """Whether all rows have as many cells where many blanks in a row count as one."""
    return len({sum(map(bool, row.cells)) for row in sample}) == 1


def _told_lined_up(row: Row) -> str:
    return (
        f"line {row.first_line}: the cells are lined up by several blanks in a row, and one sign has to stand between "
        'two cells. In Python, pandas.read_csv(FILE, sep=r"\\s+").to_csv("NEW.csv", index=False) writes it so.'
    )


def _told_no_header(row: Row, *, width: int, delimiter: str) -> str:
    n_filled = sum(bool(cell.strip()) for cell in row.cells)
    return (
        f"line {row.first_line}: {start_of(delimiter.join(row.cells))} has {counted(n_filled, 'field')} where "
        f"most lines have {width}, split by {_shown(delimiter)}: a title or a note, it seems. Remove what stands above "
        "the line that holds the names of the columns, or say data.delimiter."
    )


def told_short_header(name: str, width: int) -> str:
    """Of a header without a name above the first column, which holds no names of rows either."""
    return (
        f"{name}: the first line has {width} names and every row a cell more, as where R writes the names of rows; but "
        "the first cells of the rows repeat, so they are no names of rows. Write a name above every column "
        "(write.csv in R does), or mend the first line."
    )


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else repr(delimiter)
