"""A file of any size in pieces of some thousand rows, each cell read as `read_source` reads it in the whole file.

A table to learn from is judged: which delimiter, is there a header, what are its columns. Here the columns are known,
which tells how the file is laid out (`layout.py`). A text file is gone through twice: first its bytes (encoding, NUL,
quotes that are torn), then its cells, so that a fault near the end is told before the first answer is given.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from ffsearch.errors import DataError
from ffsearch.search.base.streams import is_stream
from ffsearch.search.base.texts import as_frame, first_line
from ffsearch.search.data.files.databases import address_of, is_address, read_database
from ffsearch.search.data.files.decode import unpacked
from ffsearch.search.data.files.doors import door_of, read_parquet
from ffsearch.search.data.files.layout import (
    FileLayout,
    codec_of,
    is_in_single_quotes,
    layout_of,
    quotes_enclose_cells,
    refuse_torn,
    tell_as_read_whole,
)
from ffsearch.search.data.files.opened import ends_of, is_packed, told
from ffsearch.search.data.files.text import TextSettings, read_text
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.data.parsing.names import places_of, plain_name, plain_names
from ffsearch.search.wording.refusal import refusal

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
    """An open file.

    Args:
        columns: All its columns.
        read: Its rows in pieces, each time from the first one on. Columns of a text that are named to it are read as
            plain numbers: their cells may come as such instead of as texts.
        first: The first of these pieces; None where there are no rows.
    """

    columns: tuple[str, ...]
    read: Callable[[Collection[str]], Iterator[Piece]]
    first: Callable[[Collection[str]], Piece | None]

    @cached_property
    def rows(self) -> Iterator[Piece]:
        """The rows in pieces, all cells of a text as texts, to be gone through once."""
        return self.read(())


def open_pieces(
    path: Path | str,
    *,
    needed: Sequence[str],
    id_column: str | None,
    encoding: str = "",
    known: Collection[str] = (),
    sheet: str | int | None = None,
) -> Pieces:
    """Open a file of any sort that `read_source` reads, packed by gzip or not, or a table of a database.

    Args:
        path: The file, or the address of a table (`databases.py`).
        needed: Columns to read; those that the file lacks are left out of the pieces.
        id_column: A column to read as it is, or None.
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
    if is_stream(path):
        raise refusal(DataError, "stream_no_file", name=str(path))
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(f"{str(path)!r} {what}. Give a file: .csv, .tsv, .parquet (.gz too), .xlsx, .arff, .json ...")
    with told(path):
        head, tail = ends_of(path)
        if address := address_of(path, head):
            return _frame_pieces(read_database(address), path.name, needed=needed, id_column=id_column)
        door = door_of(head + tail, path.name)
        if door is read_parquet:
            return _parquet_pieces(path, needed=needed, id_column=id_column)
        if door is not None:
            payload = unpacked(path.read_bytes(), path.name)
            opened = door(payload, path.name, TextSettings(expected=frozenset(needed), sheet=sheet))
            return _frame_pieces(opened.frame, path.name, needed=needed, id_column=id_column)
        codec = codec_of(path, encoding=encoding, known=known)
        if is_in_single_quotes(path, codec):
            settings = TextSettings(expected=frozenset(needed), encoding=codec)
            whole = read_text(unpacked(path.read_bytes(), path.name), path.name, settings=settings)
            return _frame_pieces(whole.frame, path.name, needed=needed, id_column=id_column)
        return _text_pieces(path, codec, needed=needed, id_column=id_column)


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet_pieces(path: Path, *, needed: Sequence[str], id_column: str | None) -> Pieces:
    packed = is_packed(path)
    with _told_by_arrow(path):  # names of columns need not be text
        plain = pa.BufferReader(unpacked(path.read_bytes(), path.name)) if packed else _opened(path)
        file = parquet.ParquetFile(plain)
        names = tuple(plain_names(file.schema_arrow.names))
    wanted = _wanted(path, file.schema_arrow.names, needed=needed, id_column=id_column)
    fields = {name: file.schema_arrow.field(place) for name, place in wanted.items()}
    nested = [name for name, field in fields.items() if pa.types.is_nested(field.type)]
    if nested:
        raise DataError(
            f"{path.name} has columns of lists or records: {', '.join(nested)}. Make plain columns of them."
        )

    def read(numbers: Collection[str]) -> Iterator[Piece]:  # noqa: ARG001  (cells have types of their own)
        with told(path), _told_by_arrow(path):
            own = sorted({field.name for field in fields.values()})
            for batch in file.iter_batches(batch_size=N_ROWS, columns=own):
                cells = [batch.column(field.name) for field in fields.values()]
                renamed = pa.RecordBatch.from_arrays(cells, names=list(fields))
                renamed.validate(full=True)  # as the whole file is when it is learnt from
                yield _piece(renamed, needed=needed, id_column=id_column)

    return Pieces(columns=names, read=read, first=lambda numbers: next(read(numbers), None))


@contextmanager
def _told_by_arrow(path: Path) -> Iterator[None]:
    """What Arrow says of pages that cannot be read, as a data error."""
    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        told = first_line(error)
        raise DataError(f"{path.name} is no readable Parquet file: {told} Write it again, or give CSV.") from None


# --- frames ----------------------------------------------------------------------------------------------------------


def _frame_pieces(frame: pd.DataFrame, name: str, *, needed: Sequence[str], id_column: str | None) -> Pieces:
    """The rows of a table that is read whole."""
    wanted = _wanted(Path(name), list(frame.columns), needed=needed, id_column=id_column)
    columns = {column: frame.iloc[:, place] for column, place in wanted.items()}
    ids = None if id_column is None else _as_ids(columns[id_column])

    def read(numbers: Collection[str]) -> Iterator[Piece]:  # noqa: ARG001  (cells are as the frame has them)
        there = [column for column in needed if column in columns]
        for start in range(0, len(frame), N_ROWS):
            piece = {column: columns[column].iloc[start : start + N_ROWS] for column in there}
            index = range(min(N_ROWS, len(frame) - start))
            yield Piece(
                frame=pd.DataFrame({column: cells.set_axis(index) for column, cells in piece.items()}, index=index),
                ids=None if ids is None else ids.slice(start, N_ROWS),
            )

    return Pieces(columns=tuple(plain_names(frame.columns)), read=read, first=lambda numbers: next(read(numbers), None))


def _as_ids(cells: pd.Series[Any]) -> pa.Array:
    """Cells that name rows, as they are where they are of one type, else as texts."""
    try:
        return pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(cells.astype(str), type=pa.string())


# --- text ------------------------------------------------------------------------------------------------------------


def _text_pieces(path: Path, codec: str, *, needed: Sequence[str], id_column: str | None) -> Pieces:
    layout = layout_of(path, codec, expected=[*needed, *([] if id_column is None else [id_column])])
    wanted = _wanted(path, layout.names, needed=needed, id_column=id_column)
    if layout.has_quotes and not quotes_enclose_cells(path, layout):  # the fast reader would accept torn ones
        refuse_torn(path, layout)

    def read(numbers: Collection[str], *, ahead: bool = True) -> Iterator[Piece]:
        n_read = 0
        with told(path):
            try:
                for batch in _batches(path, layout, wanted=wanted, numbers=set(numbers) - {id_column}, ahead=ahead):
                    n_read += 1
                    yield _piece(batch, needed=needed, id_column=id_column)
                return
            except pa.ArrowInvalid:  # a cell that is no number as Arrow knows them, or a fault, which comes again
                pass
            try:
                for batch in islice(_batches(path, layout, wanted=wanted, numbers=(), ahead=ahead), n_read, None):
                    yield _piece(batch, needed=needed, id_column=id_column)
            except pa.ArrowInvalid as error:
                tell_as_read_whole(path, layout)
                raise DataError(
                    f"{path.name} cannot be read as a table: {error}. Save it again as plain CSV in UTF-8."
                ) from None

    return Pieces(columns=layout.names, read=read, first=lambda numbers: next(read(numbers, ahead=False), None))


def _batches(
    path: Path, layout: FileLayout, *, wanted: Mapping[str, int], numbers: Collection[str], ahead: bool
) -> Iterator[pa.RecordBatch]:
    """The rows in batches, which are cut by their bytes: the same ones whatever the cells are read as.

    Args:
        path: The file.
        layout: How it is laid out.
        wanted: Columns to read, and where they stand.
        numbers: Those of them that are read as numbers.
        ahead: Whether further batches are read while one is worked on; a waste where one is all that is wanted.
    """
    # Names of other columns may repeat, which the reader would refuse: it knows columns by their place.
    include = {str(place): name for name, place in wanted.items()}
    with _stream(path, layout.codec) as stream:
        batches = arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=list(map(str, range(len(layout.names)))),
                skip_rows=layout.n_header_lines,
                use_threads=ahead,
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
    with _opened(path) as file:
        plain = pa.CompressedInputStream(file, "gzip") if is_packed(path) else file
        yield plain if codec.startswith("utf-8") else pa.transcoding_input_stream(plain, codec, "utf-8")


def _opened(path: Path) -> pa.OSFile:
    """A file for Arrow, also where its name is no text: Arrow takes the system's own bytes."""
    return pa.OSFile(os.fsencode(path))


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
    there = set(batch.schema.names)
    columns = [name for name in needed if name in there]
    frame = as_frame(pa.Table.from_batches([batch.select(columns)]), ignore_metadata=True)
    if not columns:
        frame = pd.DataFrame(index=range(batch.num_rows))
    return Piece(frame=frame, ids=None if id_column is None else batch.column(id_column))
