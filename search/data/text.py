"""Delimited text files: encoding, delimiter and header found out or said, every cell read as text.

What is found out is told in a notice where another reading was possible. A file is either read whole and exactly or
refused with the line at fault; nothing is skipped.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame
from ffsearch.search.data.cells import MISSING, number_of
from ffsearch.search.data.decode import as_utf8
from ffsearch.search.data.quotes import enclose_cells
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["DELIMITERS", "SEPARATOR_LINE", "TextSettings", "read_text"]

DELIMITERS: Final = ("\t", ";", "|", ",", " ")
"""Tried in this order when none is said; the first wins a tie, as a comma may also be a decimal point."""

N_SAMPLE_ROWS: Final = 200
"""Rows that delimiter and header are judged by. Choice: enough to see numbers under a name."""

MIN_COLUMNS: Final = 2
"""Fewer fields a line mean that the delimiter was not the right one."""

_N_LIKE_HEADER: Final = 100
"""Rows compared with the header whose first cell is like its first. Choice: more of them are a level of that name."""

SEPARATOR_LINE: Final = re.compile(r"sep=([\x20-\x7e\t])\r?\n", re.IGNORECASE)
"""A first line by which Excel is told the delimiter."""

_SEPARATOR_BYTES: Final = 8

_PIECE_BYTES: Final = 1 << 20
"""Bytes in which quotes are looked for at once. Choice: they stay in the processor's cache."""

_BLOCK_BYTES: Final = 1 << 24
"""Bytes the reader parses at once; no row may be longer."""


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """What the user says of a text file; None is found out.

    Args:
        delimiter: One character.
        header: Whether the first line holds names.
        encoding: A codec Python knows.
        expected: Column names the space file speaks of: a first line that holds one of them is a header.
    """

    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    expected: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How a file is laid out: the names of its columns, and how many lines come before its rows."""

    delimiter: str
    names: tuple[str, ...]
    n_header_lines: int


def read_text(payload: bytes, name: str, *, settings: TextSettings) -> tuple[pd.DataFrame, list[Finding], str]:
    """A frame of texts, one column a field; what was found out that could be doubted; and the delimiter.

    Args:
        payload: The unpacked bytes of the file.
        name: The file's name, for errors.
        settings: What the user says of it.

    Raises:
        DataError: If the file is empty, no text, or not one table; the text names the line.
    """
    text, notices = as_utf8(payload, name, encoding=settings.encoding)
    if not text.strip():
        raise DataError(f"{name} is empty. Give a file with a header line and a line for each row.")
    text, said = _without_separator_line(text)
    delimiter = _delimiter(text, said=settings.delimiter or said)
    shape, doubts = _shape(text, name, delimiter=delimiter, settings=settings)
    # The fast reader would accept torn quotes in silence.
    if b'"' in text and not enclose_cells(_pieces(text), delimiter=shape.delimiter):
        _refuse_fault(text, name, delimiter=shape.delimiter)
    frame = _parse(text, name, shape=shape)
    if shape.n_header_lines and len(shape.names) > 1:
        _refuse_repeated_header(frame, name)
    return frame, [*notices, *doubts], shape.delimiter


def _pieces(text: bytes) -> Iterator[memoryview]:
    whole = memoryview(text)
    return (whole[start : start + _PIECE_BYTES] for start in range(0, len(text), _PIECE_BYTES))


def _without_separator_line(text: bytes) -> tuple[bytes, str | None]:
    """The text below a first line such as `sep=;`, and the delimiter that it says."""
    found = SEPARATOR_LINE.match(text[:_SEPARATOR_BYTES].decode("latin-1"))
    return (text, None) if found is None else (text[found.end() :], found[1])


def _delimiter(text: bytes, *, said: str | None) -> str:
    if said is not None:
        if len(said.encode()) != 1 or said in '"\r\n':
            raise DataError(f"data.delimiter: {said!r} is not one plain character. Say ',' or ';' or '|' or a tab.")
        return said
    scores = {delimiter: _agreement(text, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])  # the first of equals
    return best if scores[best] > 0 else ","


def _agreement(text: bytes, delimiter: str) -> float:
    """How well a delimiter cuts the first rows: the share of rows that have the most common number of fields."""
    widths = Counter(len(row.cells) for row in _sample(text, delimiter))
    width, n_agreeing = widths.most_common(1)[0] if widths else (1, 0)
    return n_agreeing / widths.total() if width >= MIN_COLUMNS else 0.0


@dataclass(frozen=True)
class _Row:
    """A row that is not blank: its cells, and the lines it begins and ends in, counted from 1."""

    cells: list[str]
    first_line: int
    last_line: int


def _rows(text: bytes, delimiter: str) -> Iterator[_Row]:
    """The rows of the file in the order they come.

    Raises:
        DataError: Without the file's name: torn quotes or a giant cell, and the line.
    """
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield _Row(cells, line, reader.line_num)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(_told_torn(str(error), line=line)) from None


def _sample(text: bytes, delimiter: str) -> list[_Row]:
    """The first rows, as far as they can be split."""
    sample: list[_Row] = []
    with suppress(DataError):  # a fault is told when the whole file is read
        sample.extend(islice(_rows(text, delimiter), N_SAMPLE_ROWS))
    return sample


def _shape(text: bytes, name: str, *, delimiter: str, settings: TextSettings) -> tuple[_Shape, list[Finding]]:
    """How the file is laid out, and a notice where its first line was taken for data."""
    sample = _sample(text, delimiter)
    if not sample:
        _refuse_fault(text, name, delimiter=delimiter)
    first, rest = sample[0], [row.cells for row in sample[1:]]
    header = settings.header
    if header is None:
        header = _is_header([cell.strip() for cell in first.cells], rest, expected=settings.expected)
    if header and not rest:
        _refuse_fault(text, name, delimiter=delimiter)
        raise DataError(f"{name} has a header line and no rows. Give at least ten rows of data.")
    if header:
        return _Shape(delimiter=delimiter, names=_names(first.cells, name), n_header_lines=first.last_line), []
    width = len(first.cells)
    shape = _Shape(delimiter=delimiter, names=tuple(f"column_{n}" for n in range(1, width + 1)), n_header_lines=0)
    return shape, [found(Code.NO_HEADER, name=name, n=width)] if settings.header is None else []


def _is_header(first: list[str], rest: list[list[str]], *, expected: Collection[str]) -> bool:
    """Whether the first row holds names.

    It does when it holds a name the user speaks of, or a word above a column of numbers. It does not when one of its
    cells is a number, or comes again in its own column. Else it does.
    """
    if not rest or any(cell in expected and not _is_number(cell) for cell in first):
        return True
    columns = [[row[place].strip() for row in rest if place < len(row)] for place in range(len(first))]
    if any(_is_name_of_numbers(cell, column) for cell, column in zip(first, columns, strict=True)):
        return True
    if any(_is_number(cell) for cell in first):
        return False
    return not any(cell and cell in column for cell, column in zip(first, columns, strict=True))


def _is_name_of_numbers(cell: str, column: list[str]) -> bool:
    present = [other for other in column if other not in MISSING]
    return cell not in MISSING and not _is_number(cell) and bool(present) and all(map(_is_number, present))


def _is_number(cell: str) -> bool:
    return not math.isnan(number_of(cell))


def _names(cells: list[str], name: str) -> tuple[str, ...]:
    """Names of the columns; a blank one is called by its place."""
    names = [cell.strip() or f"column_{place}" for place, cell in enumerate(cells, start=1)]
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"{name} has columns of the same name: {', '.join(map(repr, repeated))}. Give each its own name."
        )
    return tuple(names)


def _parse(text: bytes, name: str, *, shape: _Shape) -> pd.DataFrame:
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                column_names=list(shape.names), skip_rows=shape.n_header_lines, block_size=_BLOCK_BYTES
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=shape.delimiter, newlines_in_values=b'"' in text),
            convert_options=arrow_csv.ConvertOptions(
                column_types={column: pa.large_string() for column in shape.names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        _refuse_fault(text, name, delimiter=shape.delimiter)
        raise DataError(f"{name} cannot be read as a table: {error}. Save it again as plain CSV in UTF-8.") from None
    return as_frame(table)


def _refuse_repeated_header(frame: pd.DataFrame, name: str) -> None:
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


def _refuse_fault(text: bytes, name: str, *, delimiter: str) -> None:
    """Go through the file row by row and refuse the first one that is torn or not as wide as the first.

    Raises:
        DataError: If there is one.
    """
    width = None
    try:
        for row in _rows(text, delimiter):
            width = width or len(row.cells)
            if len(row.cells) != width:
                raise DataError(_told_ragged(row, width=width, delimiter=delimiter))
    except DataError as error:
        raise DataError(f"{name}, {error}") from None


def _told_ragged(row: _Row, *, width: int, delimiter: str) -> str:
    shown = "a tab" if delimiter == "\t" else repr(delimiter)
    return (
        f"line {row.first_line}: {_fields(len(row.cells))} where the first line has {width}, split by {shown}. "
        "Mend the line, put quotes around a cell that holds the delimiter, or say data.delimiter."
    )


def _told_torn(what: str, *, line: int) -> str:
    """A fault of the csv module in our words."""
    if "field larger" in what:
        limit = f"{csv.field_size_limit():,}"
        return f"line {line}: a cell of more than {limit} characters, most likely after a quote that is never closed."
    if "unexpected end" in what:
        return f"line {line}: a quote is opened here and never closed. Close it, or double it inside a quoted cell."
    return f"line {line}: text follows a closed quote ({what}). Double the quotes inside a quoted cell."


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"
