"""Delimited text files: encoding, delimiter and header found out or said, every cell read as text.

What is found out is told in a notice where another reading was possible. A file is either read whole and exactly or
refused with the line at fault; nothing is skipped.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame
from ffsearch.search.data.files.decode import as_utf8
from ffsearch.search.data.files.lines import N_SAMPLE_ROWS, Row, fitted_header, holds_names, sample_of
from ffsearch.search.data.files.odd_lines import (
    refuse_fault,
    refuse_odd_lines,
    refuse_repeated_header,
    refuse_title,
    told_short_header,
)
from ffsearch.search.data.parsing.names import named_by_place, plain_names, refuse_repeated, row_names
from ffsearch.search.data.parsing.quotes import MAX_CELL_BYTES, enclose_cells
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = [
    "DELIMITERS",
    "SEPARATOR_LINE",
    "Text",
    "TextSettings",
    "best_delimiter",
    "read_text",
]

DELIMITERS: Final = ("\t", ";", "|", ",", " ")
"""Tried in this order when none is said; the first wins a tie, as a comma may also be a decimal point."""

MIN_COLUMNS: Final = 2
"""Fewer fields a line mean that the delimiter was not the right one."""

SEPARATOR_LINE: Final = re.compile(r"sep=([\x20-\x7e\t])\r?\n", re.IGNORECASE)
"""A first line by which Excel is told the delimiter."""

_SEPARATOR_BYTES: Final = 8

_SINGLE: Final = b"'"

_PIECE_BYTES: Final = 1 << 20
"""Bytes in which quotes are looked for at once. Choice: they stay in the processor's cache."""

_BLOCK_BYTES: Final = 2 * MAX_CELL_BYTES
"""Bytes the reader parses at once; no row may be longer."""


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """What the user says of a file; None is found out.

    Args:
        delimiter: One character.
        header: Whether the first line holds names.
        encoding: A codec Python knows.
        expected: Column names the space file speaks of: a first line that holds one of them is a header.
        sheet: The sheet of a workbook, by its name or its number from 1.
    """

    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    expected: frozenset[str] = frozenset()
    sheet: str | int | None = None


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file of text as read.

    Args:
        frame: Texts, one column a field.
        notices: What was found out that could be doubted.
        delimiter: What splits its cells.
        encoding: What its letters were read by.
        row_names: Columns that hold names of rows (`names.py`).
    """

    frame: pd.DataFrame
    notices: tuple[Finding, ...]
    delimiter: str
    encoding: str
    row_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How a file is laid out: the names of its columns as it writes them, and how many lines come before its rows."""

    delimiter: str
    written: tuple[str, ...]
    n_header_lines: int
    is_named_by_r: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The plain names of its columns."""
        return tuple(plain_names(self.written))


def read_text(payload: bytes, name: str, *, settings: TextSettings) -> Text:
    """Read a file of text.

    Args:
        payload: The unpacked bytes of the file.
        name: The file's name, for errors.
        settings: What the user says of it.

    Raises:
        DataError: If the file is empty, no text, or not one table; the text names the line.
    """
    text, encoding, notices = as_utf8(payload, name, encoding=settings.encoding)
    if not text.strip():
        raise DataError(f"{name} is empty. Give a file with a header line and a line for each row.")
    text, said = _without_separator_line(text)
    delimiter = _delimiter(text, said=settings.delimiter or said)
    refuse_odd_lines(text, name, delimiter=delimiter)
    if settings.header is None:
        refuse_title(text, name, delimiter=delimiter)
    text = in_double_quotes(text, delimiter=delimiter)
    shape, doubts = _shape(text, name, delimiter=delimiter, settings=settings)
    # The fast reader would accept torn quotes in silence.
    if b'"' in text and not enclose_cells(_pieces(text), delimiter=shape.delimiter):
        refuse_fault(text, name, delimiter=shape.delimiter)
    frame = _parse(text, name, shape=shape)
    if shape.n_header_lines and len(shape.names) > 1:
        refuse_repeated_header(frame, name)
    named = row_names(frame, written=shape.written) if shape.n_header_lines else ()
    if shape.is_named_by_r and not named:
        raise DataError(told_short_header(name, len(shape.names) - 1))
    return Text(frame=frame, notices=(*notices, *doubts), delimiter=shape.delimiter, encoding=encoding, row_names=named)


def in_double_quotes(text: bytes, *, delimiter: str) -> bytes:
    """The text with double quotes around cells that have single ones, where these are the quotes of the file.

    They are where whole columns of the first rows stand in them, or where only with them all rows have as many cells as
    the header. An apostrophe in front of a number, or within a word, is none.
    """
    if _SINGLE not in text[: text.find(b"\n", _SEPARATOR_BYTES * N_SAMPLE_ROWS)]:
        return text
    plain, single = (_cells(text, delimiter, quote=quote) for quote in ('"', "'"))
    widths = {len(cells) for cells in single}
    if len(widths) != 1 or widths == {1}:
        return text
    is_same = {len(cells) for cells in plain} == widths
    columns = zip(*plain[1:], strict=False) if is_same else ()
    if is_same and not any(column and all(map(_is_enclosed, column)) for column in columns):
        return text
    buffer = io.StringIO(newline="")
    try:
        rows = csv.reader(
            io.StringIO(text.decode("utf-8"), newline=""), delimiter=delimiter, quotechar="'", strict=True
        )
        csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    except csv.Error:
        return text
    return buffer.getvalue().encode()


def _cells(text: bytes, delimiter: str, *, quote: str) -> list[list[str]]:
    """The first rows by a sign for quotes, as far as they can be split."""
    rows: list[list[str]] = []
    lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")
    with suppress(csv.Error):
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
        rows.extend(islice((cells for cells in reader if cells), N_SAMPLE_ROWS))
    return rows


def _is_enclosed(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == "'"


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
    return best_delimiter(text)


def best_delimiter(text: bytes) -> str:
    """The delimiter under which the first rows agree best on how many cells they have."""
    samples = {delimiter: sample_of(text, delimiter) for delimiter in DELIMITERS}
    n_rows = max(map(len, samples.values()))  # a sample that a fault cuts short agrees with nothing beyond
    scores = {delimiter: _agreement(sample, n_rows=n_rows) for delimiter, sample in samples.items()}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])  # the first of equals
    return best if scores[best] > 0 else ","


def _agreement(sample: Sequence[Row], *, n_rows: int) -> float:
    """How well a delimiter cuts the first rows: the share of rows that have the most common number of fields."""
    widths = Counter(len(row.cells) for row in sample)
    width, n_agreeing = widths.most_common(1)[0] if widths else (1, 0)
    return n_agreeing / n_rows if width >= MIN_COLUMNS else 0.0


def _shape(text: bytes, name: str, *, delimiter: str, settings: TextSettings) -> tuple[_Shape, list[Finding]]:
    """How the file is laid out, and a notice where its first line was taken for data."""
    sample = sample_of(text, delimiter)
    if not sample:
        refuse_fault(text, name, delimiter=delimiter)
    first, rest = sample[0], [row.cells for row in sample[1:]]
    header = settings.header
    if header is None:
        cells = [cell.strip() for cell in fitted_header(first.cells, rest)]
        header = holds_names(cells, rest, expected=settings.expected)
    if header and not rest:
        refuse_fault(text, name, delimiter=delimiter)
        raise DataError(f"{name} has a header line and no rows. Give at least ten rows of data.")
    if header:
        written = fitted_header(first.cells, rest)
        is_named_by_r = len(written) > len(first.cells)
        refuse_repeated(plain_names(written), source=name)
        shape = _Shape(
            delimiter=delimiter, written=written, n_header_lines=first.last_line, is_named_by_r=is_named_by_r
        )
        return shape, []
    width = len(first.cells)
    shape = _Shape(delimiter=delimiter, written=tuple(map(named_by_place, range(width))), n_header_lines=0)
    return shape, [found(Code.NO_HEADER, name=name, n=width)] if settings.header is None else []


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
        refuse_fault(text, name, delimiter=shape.delimiter)
        raise DataError(f"{name} cannot be read as a table: {error}. Save it again as plain CSV in UTF-8.") from None
    return as_frame(table)
