"""How a text file is laid out whose columns are known: encoding, delimiter, names, quotes; seen from its bytes.

The delimiter is the one under which most of the known columns are found, and a first line that holds none of them is
data. All bytes are gone through, so that a fault near the end is told before the first answer is given.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.data.files.decode import as_utf8, marked_encoding, unpacked
from ffsearch.search.data.files.lines import N_SAMPLE_ROWS, allow_long_cells, fitted_header
from ffsearch.search.data.files.odd_lines import refuse_odd_lines
from ffsearch.search.data.files.opened import opened
from ffsearch.search.data.files.text import (
    DELIMITERS,
    SEPARATOR_LINE,
    TextSettings,
    best_delimiter,
    in_double_quotes,
    read_text,
)
from ffsearch.search.data.parsing.names import BLANKS, named_by_place, places_of, plain_name, plain_names
from ffsearch.search.data.parsing.quotes import enclose_cells

__all__ = [
    "FileLayout",
    "codec_of",
    "is_in_single_quotes",
    "layout_of",
    "quotes_enclose_cells",
    "refuse_torn",
    "tell_as_read_whole",
]

_SURVEY_BYTES: Final = 1 << 24
_HEAD_BYTES: Final = 1 << 20
"""Bytes in which the first line must end. Choice: a header of 50,000 columns."""

_WIDE: Final = ("utf-16", "utf-32")
"""Encodings of more than a byte a sign, in which zero bytes are no fault."""

_ENCODINGS: Final = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2", "iso8859-15", "koi8-r", "mac-roman",
    "cp850", "cp852", "cp437", "cp932", "gb18030", "big5", "euc-kr",
)  # fmt: skip
"""Encodings other than UTF-8 that tables come in, those of Windows and the west first."""

_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark as a sign; files that were put together have a second one, which no decoder takes away."""


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """How a text file is laid out: names of its columns, lines before its rows, delimiter, encoding, quotes in rows."""

    names: tuple[str, ...]
    n_header_lines: int
    delimiter: str
    codec: str
    has_quotes: bool


def is_in_single_quotes(path: Path, codec: str) -> bool:
    """Whether single quotes enclose the cells of a file, so that it is read whole; by its first lines."""
    with opened(path) as file:
        text = codecs.getincrementaldecoder(codec)().decode(file.read(_HEAD_BYTES)).lstrip(_MARK)
    rows = text[: text.rfind("\n") + 1].encode()
    return in_double_quotes(rows, delimiter=best_delimiter(rows)) is not rows


def layout_of(path: Path, codec: str, *, expected: Sequence[str]) -> FileLayout:
    """How a file is laid out, of which some columns are known.

    Args:
        path: The file.
        codec: Its encoding.
        expected: The columns.

    Raises:
        DataError: If its first lines are none of a table.
    """
    with opened(path) as file:
        head = file.read(_HEAD_BYTES)
    text = codecs.getincrementaldecoder(codec)().decode(head)
    found = SEPARATOR_LINE.match(text.lstrip(_MARK))
    rows = text if found is None else text.lstrip(_MARK)[found.end() :]
    delimiter = _delimiter(rows, expected) if found is None else found[1]
    refuse_odd_lines(rows.lstrip(_MARK).encode(), path.name, delimiter=delimiter)
    (cells, n_lines), rest = _first_row(rows, delimiter), _next_rows(rows, delimiter)
    names = tuple(plain_names(fitted_header(cells, rest)))
    by_place = tuple(map(named_by_place, range(len(names))))
    if not places_of(expected, names) and set(expected) & set(by_place):  # trained on a file without a header
        names, n_lines = by_place, 0
    n_lines += found is not None
    has_quotes = _may_have_quotes(path, codec, n_header_lines=n_lines)
    return FileLayout(names=names, n_header_lines=n_lines, delimiter=delimiter, codec=codec, has_quotes=has_quotes)


def codec_of(path: Path, *, encoding: str, known: Collection[str]) -> str:
    """The encoding of a file: that of its mark, else UTF-8 where all of it fits.

    Else the one in which most of the known texts stand in it, then that of the table learnt from, then cp1252 and
    Latin-1, as for a table to learn from.

    Raises:
        DataError: If it is no text: a workbook, an archive, NUL bytes.
    """
    with opened(path) as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise DataError(f"{path.name} is empty. Give a file with a header line and a line for each row.")
    marked = marked_encoding(head)
    if marked is None:
        as_utf8(head, path.name, encoding=None)  # refuses what is no text
    for codec in ["utf-8", *_by_texts(head, encoding, known), "latin-1"] if marked is None else [marked]:
        if _fits(path, codec):
            return codec
    raise DataError(f"{path.name} cannot be read as {marked}, which its first bytes promise. Save it again as UTF-8.")


def _by_texts(head: bytes, encoding: str, known: Collection[str]) -> list[str]:
    """Encodings other than UTF-8 by how many of the texts stand in the first bytes; of equals as they are listed."""
    texts = [text for text in known if not text.isascii()]
    own = [] if encoding.startswith(("utf", *_WIDE)) else [encoding]

    def n_found(codec: str) -> int:
        return sum(_encoded(text, codec) in head for text in texts)

    return sorted(dict.fromkeys([*filter(None, own), *_ENCODINGS]), key=n_found, reverse=True)


def _encoded(text: str, codec: str) -> bytes:
    """The bytes of a text; what no file holds where the encoding has no such letters."""
    try:
        return text.encode(codec)
    except UnicodeError:
        return b"\0"


def _fits(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    n_bytes = 0
    with opened(path) as file:
        while chunk := file.read(_SURVEY_BYTES):
            if b"\0" in chunk and not codec.startswith(_WIDE):
                raise DataError(f"{path.name} has a NUL byte after byte {n_bytes}: it is no text. Save it as UTF-8.")
            n_bytes += len(chunk)
            if codec == "utf-8" and chunk.isascii() and not decoder.getstate()[0]:  # ten times as fast as to decode
                continue
            try:
                decoder.decode(chunk)
            except UnicodeError:
                return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _delimiter(text: str, expected: Sequence[str]) -> str:
    """The one under which the first line holds most of the expected names, else the one its rows agree on best."""
    line = text.lstrip("\r\n").partition("\n")[0]
    odd = sorted({sign for sign in line if sign.isascii() and sign.isprintable() and not sign.isalnum()} - set('"_ '))
    names = {plain_name(name, place=-1) for name in expected}

    def rank(delimiter: str) -> tuple[int, int]:
        cells = [cell.strip(BLANKS) for cell in _first_row(text, delimiter)[0]]
        n_found = len(names & set(cells))
        return n_found, -len(cells)  # ` a , b ` holds its names between blanks too, and other cells beside them

    best = max([",", *DELIMITERS, *odd], key=rank)  # the first of equals
    return best if rank(best)[0] else best_delimiter(text.encode())


def _next_rows(text: str, delimiter: str) -> list[list[str]]:
    """The cells of some rows below the first, those that are whole."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(filter(None, reader), N_SAMPLE_ROWS + 1))
    is_cut = len(rows) <= N_SAMPLE_ROWS and len(text) >= _HEAD_BYTES // 4  # of so many bytes in any encoding
    return rows[1 : -1 if is_cut else None]


def _first_row(text: str, delimiter: str) -> tuple[list[str], int]:
    """The cells of the first row that is not blank, and the number of the line it ends in."""
    allow_long_cells()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next(((cells, reader.line_num) for cells in reader if cells), ([], 0))
    except csv.Error:
        return [], 0


def _may_have_quotes(path: Path, codec: str, *, n_header_lines: int) -> bool:
    """Whether a quote stands anywhere below the header; of wide encodings it is not looked for."""
    if codec.startswith(_WIDE):
        return True
    with opened(path) as file:
        for _ in range(n_header_lines):
            file.readline()
        while chunk := file.read(_SURVEY_BYTES):
            if b'"' in chunk:
                return True
    return False


def quotes_enclose_cells(path: Path, layout: FileLayout) -> bool:
    """Whether all quotes of a file stand around cells; of wide encodings it is not looked for."""
    if layout.codec.startswith(_WIDE):
        return False
    with opened(path) as file:
        return enclose_cells(iter(lambda: file.read(_HEAD_BYTES), b""), delimiter=layout.delimiter)


def refuse_torn(path: Path, layout: FileLayout) -> None:
    """Go through all rows with the strict reader.

    Raises:
        DataError: If a quote is torn, or a row has not as many cells as the first.
    """
    width = len(layout.names)
    with opened(path) as file:
        lines = io.TextIOWrapper(file, layout.codec, newline="")
        try:
            whole = all(
                len(cells) in (0, width) for cells in csv.reader(lines, delimiter=layout.delimiter, strict=True)
            )
        except csv.Error:
            whole = False
    if not whole:
        tell_as_read_whole(path, layout)


def tell_as_read_whole(path: Path, layout: FileLayout) -> None:
    """Read a file that has a fault as `run` reads it: it names the line.

    Raises:
        DataError: With the fault.
    """
    settings = TextSettings(delimiter=layout.delimiter, header=layout.n_header_lines > 0)
    read_text(unpacked(path.read_bytes(), path.name), path.name, settings=settings)
