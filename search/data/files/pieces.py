"""A file of any size in pieces of some thousand rows, each cell read as `read_source` reads it in the whole file.

A table to learn from is judged: which delimiter, is there a header, what are its columns. Here the columns are known,
so the delimiter is the one under which most of them are found, and a first line that holds none of them is data.

A text file is gone through twice: first its bytes (encoding, NUL, quotes that are torn), then its cells, so that a
fault near the end is told before the first answer is given.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame
from ffsearch.search.data.files.databases import address_of, is_address, read_database
from ffsearch.search.data.files.decode import as_utf8, marked_encoding, unpacked
from ffsearch.search.data.files.doors import door_of, read_parquet
from ffsearch.search.data.files.text import (
    DELIMITERS,
    N_SAMPLE_ROWS,
    SEPARATOR_LINE,
    TextSettings,
    allow_long_cells,
    best_delimiter,
    fitted_header,
    in_double_quotes,
    read_text,
    refuse_odd_lines,
)
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.data.parsing.names import BLANKS, named_by_place, places_of, plain_name, plain_names
from ffsearch.search.data.parsing.quotes import enclose_cells

__all__ = ["Piece", "Pieces", "open_pieces"]

BLOCK_BYTES: Final = 1 << 23
"""Bytes of text parsed at once; no row may be longer. Choice: some 20,000 rows of 50 numbers, so that memory does
not grow with the file, and what is done once a piece weighs little."""

_N_COLUMNS: Final = 100
_MOST_BLOCKS: Final = 16
"""So many times as many bytes for every so many columns, and at most: what is done once a column and piece takes a
millisecond, and 10,000 columns of 1,000 rows were nine pieces."""

N_ROWS: Final = 16_384
"""Rows of a Parquet file read at once. Choice: about as many."""

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

_GZIP: Final = b"\x1f\x8b"
_N_MARK_BYTES: Final = 16
_SNIFFED_BYTES: Final = 100_000
"""Bytes at either end of a file that tell what it is; ARFF may begin with a page of comments."""

_MARK: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark as a sign; files that were put together have a second one, which no decoder takes away."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some rows of a file.

    Args:
        frame: Raw cells of the columns that were asked for.
        ids: The cells of the identifier's column as the file spells them, or None.
    """

    frame: pd.DataFrame
    ids: pa.Array | None


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """An open file: all its columns, and its rows in pieces, to be gone through once."""

    columns: tuple[str, ...]
    rows: Iterator[Piece]


def open_pieces(
    path: Path | str,
    *,
    needed: Sequence[str],
    id_column: str | None,
    numbers: Collection[str] = (),
    encoding: str = "",
    known: Collection[str] = (),
    sheet: str | int | None = None,
) -> Pieces:
    """Open a file of any sort that `read_source` reads, packed by gzip or not, or a table of a database.

    Args:
        path: The file, or the address of a table (`databases.py`).
        needed: Columns to read; those that the file lacks are left out of the pieces.
        id_column: A column to read as it is, or None.
        numbers: Those that are read as plain numbers: their cells may come as such instead of as texts.
        encoding: What the table that was learnt from was read by; asked where a file is not UTF-8.
        known: Texts that are likely to stand in the file: they tell encodings apart.
        sheet: The sheet of a workbook, by its name or number; None: the first.

    Raises:
        DataError: If there is no such file or column, or it cannot be read; the text says where and why. While pieces
            are read too.
    """
    if isinstance(path, str) and is_address(path):
        return _frame_pieces(read_database(path), path, needed=needed, id_column=id_column)
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{str(path)!r} {what}. Give a file: .csv, .tsv, .parquet (.gz too), .xlsx, .arff, .json ...")
    with _told(path):
        head, tail = _ends(path)
        if address := address_of(path, head):
            return _frame_pieces(read_database(address), path.name, needed=needed, id_column=id_column)
        door = door_of(head + tail, path.name)
        if door is read_parquet:
            return _parquet_pieces(path, needed=needed, id_column=id_column)
        if door is not None:
            payload = unpacked(path.read_bytes(), path.name)
            opened = door(payload, path.name, TextSettings(expected=frozenset(needed), sheet=sheet))
            return _frame_pieces(opened.frame, path.name, needed=needed, id_column=id_column)
        codec = _codec(path, encoding=encoding, known=known)
        if _is_in_single_quotes(path, codec):
            settings = TextSettings(expected=frozenset(needed), encoding=codec)
            whole = read_text(unpacked(path.read_bytes(), path.name), path.name, settings=settings)
            return _frame_pieces(whole.frame, path.name, needed=needed, id_column=id_column)
        return _text_pieces(path, codec, needed=needed, id_column=id_column, numbers=set(numbers) - {id_column})


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet_pieces(path: Path, *, needed: Sequence[str], id_column: str | None) -> Pieces:
    packed = _is_packed(path)
    try:
        file = parquet.ParquetFile(pa.BufferReader(unpacked(path.read_bytes(), path.name)) if packed else path)
    except (pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0]
        raise DataError(f"{path.name} is no readable Parquet file: {first_line} Write it again, or give CSV.") from None
    names = tuple(plain_names(file.schema_arrow.names))
    wanted = _wanted(path, file.schema_arrow.names, needed=needed, id_column=id_column)
    fields = {name: file.schema_arrow.field(place) for name, place in wanted.items()}
    nested = [name for name, field in fields.items() if pa.types.is_nested(field.type)]
    if nested:
        raise DataError(
            f"{path.name} has columns of lists or records: {', '.join(nested)}. Make plain columns of them."
        )

    def rows() -> Iterator[Piece]:
        with _told(path):
            own = sorted({field.name for field in fields.values()})
            for batch in file.iter_batches(batch_size=N_ROWS, columns=own):
                cells = [batch.column(field.name) for field in fields.values()]
                renamed = pa.RecordBatch.from_arrays(cells, names=list(fields))
                yield _piece(renamed, needed=needed, id_column=id_column)

    return Pieces(columns=names, rows=rows())


# --- frames ----------------------------------------------------------------------------------------------------------


def _frame_pieces(frame: pd.DataFrame, name: str, *, needed: Sequence[str], id_column: str | None) -> Pieces:
    """The rows of a table that is read whole."""
    wanted = _wanted(Path(name), list(frame.columns), needed=needed, id_column=id_column)
    columns = {column: frame.iloc[:, place] for column, place in wanted.items()}
    ids = None if id_column is None else _as_ids(columns[id_column])

    def rows() -> Iterator[Piece]:
        there = [column for column in needed if column in columns]
        for start in range(0, len(frame), N_ROWS):
            piece = {column: columns[column].iloc[start : start + N_ROWS] for column in there}
            index = range(min(N_ROWS, len(frame) - start))
            yield Piece(
                frame=pd.DataFrame({column: cells.set_axis(index) for column, cells in piece.items()}, index=index),
                ids=None if ids is None else ids.slice(start, N_ROWS),
            )

    return Pieces(columns=tuple(plain_names(frame.columns)), rows=rows())


def _as_ids(cells: pd.Series[Any]) -> pa.Array:
    """Cells that name rows, as they are where they are of one type, else as texts."""
    try:
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(cells.astype(str), type=pa.string())


# --- text ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How a text file is laid out: names of its columns, lines before its rows, delimiter, encoding, quotes in rows."""

    names: tuple[str, ...]
    n_header_lines: int
    delimiter: str
    codec: str
    has_quotes: bool


def _text_pieces(
    path: Path, codec: str, *, needed: Sequence[str], id_column: str | None, numbers: Collection[str]
) -> Pieces:
    layout = _layout(path, codec, expected=[*needed, *([] if id_column is None else [id_column])])
    wanted = _wanted(path, layout.names, needed=needed, id_column=id_column)
    if layout.has_quotes and not _quotes_enclose_cells(path, layout):  # the fast reader would accept torn ones
        _refuse_torn(path, layout)

    def rows() -> Iterator[Piece]:
        n_read = 0
        with _told(path):
            try:
                for batch in _batches(path, layout, wanted=wanted, numbers=numbers):
                    n_read += 1
                    yield _piece(batch, needed=needed, id_column=id_column)
                return
            except pa.ArrowInvalid:  # a cell that is no number as Arrow knows them, or a fault, which comes again
                pass
            try:
                for batch in islice(_batches(path, layout, wanted=wanted, numbers=()), n_read, None):
                    yield _piece(batch, needed=needed, id_column=id_column)
            except pa.ArrowInvalid as error:
                _tell_as_read_whole(path, layout)
                raise DataError(
                    f"{path.name} cannot be read as a table: {error}. Save it again as plain CSV in UTF-8."
                ) from None

    return Pieces(columns=layout.names, rows=rows())


def _is_in_single_quotes(path: Path, codec: str) -> bool:
    """Whether single quotes enclose the cells of a file, so that it is read whole; by its first lines."""
    with _opened(path) as file:
        text = codecs.getincrementaldecoder(codec)().decode(file.read(_HEAD_BYTES)).lstrip(_MARK)
    rows = text[: text.rfind("\n") + 1].encode()
    return in_double_quotes(rows, delimiter=best_delimiter(rows)) is not rows


def _layout(path: Path, codec: str, *, expected: Sequence[str]) -> _Layout:
    with _opened(path) as file:
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
    return _Layout(names=names, n_header_lines=n_lines, delimiter=delimiter, codec=codec, has_quotes=has_quotes)


def _codec(path: Path, *, encoding: str, known: Collection[str]) -> str:
    """The encoding of a file: that of its mark, else UTF-8 where all of it fits.

    Else the one in which most of the known texts stand in it, then that of the table learnt from, then cp1252 and
    Latin-1, as for a table to learn from.

    Raises:
        DataError: If it is no text: a workbook, an archive, NUL bytes.
    """
    with _opened(path) as file:
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
    with _opened(path) as file:
        while chunk := file.read(_SURVEY_BYTES):
            if b"\0" in chunk and not codec.startswith(_WIDE):
                raise DataError(f"{path.name} has a NUL byte after byte {n_bytes}: it is no text. Save it as UTF-8.")
            try:
                decoder.decode(chunk)
            except UnicodeError:
                return False
            n_bytes += len(chunk)
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
    with _opened(path) as file:
        for _ in range(n_header_lines):
            file.readline()
        while chunk := file.read(_SURVEY_BYTES):
            if b'"' in chunk:
                return True
    return False


def _quotes_enclose_cells(path: Path, layout: _Layout) -> bool:
    if layout.codec.startswith(_WIDE):
        return False
    with _opened(path) as file:
        return enclose_cells(iter(lambda: file.read(_HEAD_BYTES), b""), delimiter=layout.delimiter)


def _refuse_torn(path: Path, layout: _Layout) -> None:
    """Go through all rows with the strict reader.

    Raises:
        DataError: If a quote is torn, or a row has not as many cells as the first.
    """
    width = len(layout.names)
    with _opened(path) as file:
        lines = io.TextIOWrapper(file, layout.codec, newline="")
        try:
            whole = all(
                len(cells) in (0, width) for cells in csv.reader(lines, delimiter=layout.delimiter, strict=True)
            )
        except csv.Error:
            whole = False
    if not whole:
        _tell_as_read_whole(path, layout)


def _tell_as_read_whole(path: Path, layout: _Layout) -> None:
    """Read a file that has a fault as `run` reads it: it names the line.

    Raises:
        DataError: With the fault.
    """
    settings = TextSettings(delimiter=layout.delimiter, header=layout.n_header_lines > 0)
    read_text(unpacked(path.read_bytes(), path.name), path.name, settings=settings)


def _batches(
    path: Path, layout: _Layout, *, wanted: Mapping[str, int], numbers: Collection[str]
) -> Iterator[pa.RecordBatch]:
    """The rows in batches, which are cut by their bytes: the same ones whatever the cells are read as."""
    # Names of other columns may repeat, which the reader would refuse: it knows columns by their place.
    include = {str(place): name for name, place in wanted.items()}
    with _stream(path, layout.codec) as stream:
        batches = arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=list(map(str, range(len(layout.names)))),
                skip_rows=layout.n_header_lines,
                block_size=BLOCK_BYTES * min(_MOST_BLOCKS, 1 + len(layout.names) // _N_COLUMNS),
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=layout.has_quotes),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(include),
                column_types={
                    place: pa.float64() if name in numbers else pa.large_string() for place, name in include.items()
                },
                null_values=sorted(MISSING),
                strings_can_be_null=False,
            ),
        )
        for batch in batches:
            yield batch.rename_columns(list(include.values()))


@contextmanager
def _stream(path: Path, codec: str) -> Iterator[pa.NativeFile]:
    """The file's text in UTF-8; Arrow reads past a mark."""
    with pa.OSFile(str(path)) as file:
        plain = pa.CompressedInputStream(file, "gzip") if _is_packed(path) else file
        yield plain if codec.startswith("utf-8") else pa.transcoding_input_stream(plain, codec, "utf-8")


# --- both ------------------------------------------------------------------------------------------------------------


def _wanted(path: Path, names: Sequence[str], *, needed: Sequence[str], id_column: str | None) -> dict[str, int]:
    """The columns to read, each once, and where they stand in the file.

    Raises:
        DataError: If the identifier is not there, or a name stands for two columns.
    """
    wanted = list(dict.fromkeys([*needed, *([] if id_column is None else [id_column])]))
    places = places_of(wanted, names)
    if id_column is not None and id_column not in places:
        near = get_close_matches(id_column, names, n=1)
        hint = f" (is it {near[0]!r}?)" if near else ""
        raise DataError(f"--id: {path.name} has no column {id_column!r}{hint}. It has: {', '.join(names[:20])}.")
    count = Counter(plain_names(names))
    repeated = [name for name, place in places.items() if count[plain_name(names[place], place=place)] > 1]
    if repeated:
        raise DataError(f"{path.name} has columns of the same name: {', '.join(map(repr, repeated))}. Rename them.")
    return {name: places[name] for name in wanted if name in places}


def _piece(batch: pa.RecordBatch, *, needed: Sequence[str], id_column: str | None) -> Piece:
    columns = [name for name in needed if name in batch.schema.names]
    frame = as_frame(pa.Table.from_batches([batch.select(columns)]), ignore_metadata=True)
    if not columns:
        frame = pd.DataFrame(index=range(batch.num_rows))
    return Piece(frame=frame, ids=None if id_column is None else batch.column(id_column))


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file, unpacked, and the last ones: they tell what it is."""
    with _opened(path) as file:
        head = file.read(_SNIFFED_BYTES)
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - _N_MARK_BYTES))
        return head, raw.read()


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file."""
    file: Any = gzip.open(path, "rb") if _is_packed(path) else path.open("rb")  # noqa: SIM115  (closed below)
    with file:
        yield file


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Faults of the disk and of packed files as data errors."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name} is a damaged or cut-off gzip file ({error}). Copy or download it again."
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{str(path)!r} cannot be read: {reason}. Check its name and permissions.") from None
