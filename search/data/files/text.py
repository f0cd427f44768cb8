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
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame, counted
from ffsearch.search.data.files.decode import as_utf8
from ffsearch.search.data.parsing.cells import MISSING, number_of
from ffsearch.search.data.parsing.names import named_by_place, plain_names, refuse_repeated, row_names
from ffsearch.search.data.parsing.quotes import MAX_CELL_BYTES, enclose_cells
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = [
    "DELIMITERS",
    "SEPARATOR_LINE",
    "Text",
    "TextSettings",
    "allow_long_cells",
    "best_delimiter",
    "fitted_header",
    "holds_names",
    "read_text",
    "refuse_odd_lines",
]

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

_COMMENT: Final = "#"
_CONFLICT: Final = re.compile(rb"^(?:<<<<<<<|>>>>>>>) [^\r\n]*", re.MULTILINE)

_RULE: Final = re.compile(r"\s*(?::?-+:?)?\s*")
"""A cell of the line that Markdown draws below a header; an empty one stands before the first bar."""

_RULED: Final = "--"
"""What a ruled line holds that a row of missing cells, each a dash, does not."""

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
        _refuse_title(text, name, delimiter=delimiter)
    text = in_double_quotes(text, delimiter=delimiter)
    shape, doubts = _shape(text, name, delimiter=delimiter, settings=settings)
    # The fast reader would accept torn quotes in silence.
    if b'"' in text and not enclose_cells(_pieces(text), delimiter=shape.delimiter):
        _refuse_fault(text, name, delimiter=shape.delimiter)
    frame = _parse(text, name, shape=shape)
    if shape.n_header_lines and len(shape.names) > 1:
        _refuse_repeated_header(frame, name)
    named = row_names(frame, written=shape.written) if shape.n_header_lines else ()
    if shape.is_named_by_r and not named:
        raise DataError(_told_short_header(name, len(shape.names) - 1))
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
    samples = {delimiter: _sample(text, delimiter) for delimiter in DELIMITERS}
    n_rows = max(map(len, samples.values()))  # a sample that a fault cuts short agrees with nothing beyond
    scores = {delimiter: _agreement(sample, n_rows=n_rows) for delimiter, sample in samples.items()}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])  # the first of equals
    return best if scores[best] > 0 else ","


def _agreement(sample: Sequence[_Row], *, n_rows: int) -> float:
    """How well a delimiter cuts the first rows: the share of rows that have the most common number of fields."""
    widths = Counter(len(row.cells) for row in sample)
    width, n_agreeing = widths.most_common(1)[0] if widths else (1, 0)
    return n_agreeing / n_rows if width >= MIN_COLUMNS else 0.0


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
    allow_long_cells()
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield _Row(cells, line, reader.line_num)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(_told_torn(str(error), line=line)) from None


def allow_long_cells() -> None:
    """Let the csv module read cells as long as a row may be; its limit is the whole process's, and only raised here."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL_BYTES))


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
        cells = [cell.strip() for cell in fitted_header(first.cells, rest)]
        header = holds_names(cells, rest, expected=settings.expected)
    if header and not rest:
        _refuse_fault(text, name, delimiter=delimiter)
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


def holds_names(first: list[str], rest: list[list[str]], *, expected: Collection[str]) -> bool:
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
                f"{name}, line {line_number}: {_start_of(conflict[0].decode('utf-8'))} is "
                "what git leaves of a merge conflict. Choose one of the two versions, and remove git's lines."
            )
    if not text.lstrip().startswith(_COMMENT.encode()):
        return
    rows = [row.cells for row in _sample(text, delimiter)]
    n_comments = next((n for n, cells in enumerate(rows) if not cells[0].lstrip().startswith(_COMMENT)), len(rows))
    rows_below = rows[n_comments:]
    are_rows = rows_below and all(len(cells) == len(rows_below[0]) > 1 for cells in rows[:n_comments])
    if not rows_below or (are_rows and not _is_header_above(rows_below)):
        return  # the header itself, `#id,age,y`, or colours
    line = text.lstrip().split(b"\n", 1)[0].decode("utf-8")
    raise DataError(
        f"{name}, line 1: {_start_of(line)} is a comment, and the first line has to hold the names of the columns. "
        f"Remove {'it' if n_comments == 1 else f'the first {n_comments} lines'}."
    )


def _refuse_title(text: bytes, name: str, *, delimiter: str) -> None:
    """Refuse a title that a spreadsheet has filled up with delimiters to the width of its table, and a ruled line.

    Raises:
        DataError: With the line.
    """
    sample = _sample(text, delimiter)
    n_filled = [sum(bool(cell.strip()) for cell in row.cells) for row in sample]
    if len(sample) < 2:
        return
    first, second = sample[:2]
    if all(_RULE.fullmatch(cell) for cell in second.cells) and any(_RULED in cell for cell in second.cells):
        line = _start_of(delimiter.join(second.cells))
        raise DataError(f"{name}, line {second.first_line}: {line} is the ruled line of a Markdown table. Remove it.")
    usual = Counter(n_filled).most_common(1)[0][0]
    if first.cells[0].strip() and n_filled[0] == 1 < usual and len(first.cells) == len(second.cells) > 2:
        told = _told_no_header(first, width=usual, delimiter=delimiter)
        raise DataError(f"{name}, {told} If it holds the names, say data.header: true.")


def _is_header_above(rows: list[list[str]]) -> bool:
    """Whether the first of these rows holds names above numbers."""
    columns = [[row[place].strip() for row in rows[1:] if place < len(row)] for place in range(len(rows[0]))]
    return any(_is_name_of_numbers(cell.strip(), column) for cell, column in zip(rows[0], columns, strict=True))


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
    sample = _sample(text, delimiter)
    width = None if len(sample) < 2 else len(fitted_header(sample[0].cells, [row.cells for row in sample[1:]]))
    usual, n_usual = Counter(len(row.cells) for row in sample).most_common(1)[0] if sample else (0, 0)
    try:
        for number, row in enumerate(_rows(text, delimiter)):
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


def _told_ragged(row: _Row, *, width: int, delimiter: str) -> str:
    told = (
        f"line {row.first_line}: {counted(len(row.cells), 'field')} where the first line has {width}, split by "
        f"{_shown(delimiter)}."
    )
    if len(row.cells) == width + 1 and not row.cells[-1].strip():
        return f"{told} It ends with a delimiter, and the first line does not: remove it, or add one there."
    if row.cells[0].lstrip().startswith(_COMMENT):
        return f"{told} It begins {_start_of(row.cells[0])}: a comment, or a note below the table. Remove the line."
    return f"{told} Mend the line, put quotes around a cell that holds the delimiter, or say data.delimiter."


def _are_lined_up(sample: Sequence[_Row]) -> bool:
    """Whether all rows have as many cells where many blanks in a row count as one."""
    return len({sum(map(bool, row.cells)) for row in sample}) == 1


def _told_lined_up(row: _Row) -> str:
    return (
        f"line {row.first_line}: the cells are lined up by several blanks in a row, and one sign has to stand between "
        'two cells. In Python, pandas.read_csv(FILE, sep=r"\\s+").to_csv("NEW.csv", index=False) writes it so.'
    )


def _told_no_header(row: _Row, *, width: int, delimiter: str) -> str:
    n_filled = sum(bool(cell.strip()) for cell in row.cells)
    return (
        f"line {row.first_line}: {_start_of(delimiter.join(row.cells))} has {counted(n_filled, 'field')} where "
        f"most lines have {width}, split by {_shown(delimiter)}: a title or a note, it seems. Remove what stands above "
        "the line that holds the names of the columns, or say data.delimiter."
    )


def _told_short_header(name: str, width: int) -> str:
    return (
        f"{name}: the first line has {width} names and every row a cell more, as where R writes the names of rows; but "
        "the first cells of the rows repeat, so they are no names of rows. Write a name above every column "
        "(write.csv in R does), or mend the first line."
    )


def _start_of(text: str) -> str:
    """The beginning of a line, as an error quotes it."""
    line = text.strip()
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else repr(delimiter)


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
