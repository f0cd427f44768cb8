"""The rows of a delimited text, line by line, and whether the first of them holds names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.data.parsing.cells import MISSING, number_of
from ffsearch.search.data.parsing.quotes import MAX_CELL_BYTES

__all__ = [
    "N_SAMPLE_ROWS", "Row", "allow_long_cells", "fitted_header", "holds_names", "is_name_of_numbers", "rows_of",
    "sample_of", "start_of",
]  # fmt: skip

N_SAMPLE_ROWS: Final = 200
"""Rows that delimiter and header are judged by. Choice: enough to see numbers under a name."""


@dataclass(frozen=True)
class Row:
    """A row that is not blank: its cells, and the lines it begins and ends in, counted from 1."""

    cells: list[str]
    first_line: int
    last_line: int


def rows_of(text: bytes, delimiter: str) -> Iterator[Row]:
    """The rows of the file in the order they come.

    Raises:
        DataError: Without the file's name: torn quotes or a giant cell, and the line.
    """
    allow_long_cells()
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield Row(cells, line, reader.line_num)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(_told_torn(str(error), line=line)) from None


def allow_long_cells() -> None:
    """Let the csv module read cells as long as a row may be; its limit is the whole process's, and only raised here."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_BYTES))


def sample_of(text: bytes, delimiter: str) -> list[Row]:
    """The first rows, as far as they can be split."""
    sample: list[Row] = []
    with suppress(DataError):  # a fault is told when the whole file is read
        sample.extend(islice(rows_of(text, delimiter), N_SAMPLE_ROWS))
    return sample


def holds_names(first: list[str], rest: list[list[str]], *, expected: Collection[str]) -> bool:
    """Whether the first row holds names.

    It does when it holds a name the user speaks of, or a word above a column of numbers. It does not when one of its
    cells is a number, or comes again in its own column. Else it does.
    """
    if not rest or any(cell in expected and not _is_number(cell) for cell in first):
        return True
    columns = [[row[place].strip() for row in rest if place < len(row)] for place in range(len(first))]
    if any(is_name_of_numbers(cell, column) for cell, column in zip(first, columns, strict=True)):
        return True
    if any(_is_number(cell) for cell in first):
        return False
    return not any(cell and cell in column for cell, column in zip(first, columns, strict=True))


def is_name_of_numbers(cell: str, column: list[str]) -> bool:
    """Whether a cell is a word, and all that is known below it are numbers."""
    present = [other for other in column if other not in MISSING]
    return cell not in MISSING and not _is_number(cell) and bool(present) and all(map(_is_number, present))


def _is_number(cell: str) -> bool:
    return not math.isnan(number_of(cell))


def fitted_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of the first row, with an empty one in front where all other rows have a cell more, as R writes tables.

    Where that cell is an empty one at the end, every row ends with a delimiter, and the header is left as it is.

    Args:
        first: The cells of the first row.
        rest: Those of the next rows.
    """
    is_short = rest and all(len(cells) == len(first) + 1 for cells in rest)
    is_short = is_short and not any(cell[:1] == "'" and cell[-1:] != "'" for cells in rest for cell in cells)  # torn
    return ("", *first) if is_short and any(cells[-1].strip() for cells in rest) else tuple(first)


def start_of(text: str) -> str:
    """The beginning of a line, as an error quotes it."""
    line = text.strip()
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _told_torn(what: str, *, line: int) -> str:
    """A fault of the csv module in our words."""
    if "field larger" in what:
        limit = f"{csv.field_size_limit():,}"
        return (
            f"line {line}: a cell of more than {limit} characters, most likely after a quote that is never "
            "closed. Close the quote; or leave that column out of the file, which no network reads."
        )
    if "unexpected end" in what:
        return f"line {line}: a quote is opened here and never closed. Close it, or double it inside a quoted cell."
    return f"line {line}: text follows a closed quote ({what}). Double the quotes inside a quoted cell."
