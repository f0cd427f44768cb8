"""`ffsearch predict`: a file of raw rows in, a file of predictions out, piece by piece.

    pieces of the file -> cells as they are understood -> model -> predictions -> written beside -> moved into place

Reading, understanding and answering go on at the same time, each a piece behind the one before it.

Answers carry the input's own row identifiers, or row numbers counted from 1. Cells come out as they are: a label or an
identifier that looks like a spreadsheet formula is not changed, because what is changed no longer joins to the input.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import IO, Any, Final, Protocol, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from ffsearch.errors import DataError, ExportError
from ffsearch.search.base.files import put_in_place
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.files.pieces import Piece, open_pieces
from ffsearch.search.network.heads import Task
from ffsearch.search.serving.loaded import model_file
from ffsearch.search.serving.packaged import PackagedModel, load_packaged
from ffsearch.search.wording.finding import Finding

__all__ = ["Predicted", "predict_file"]

_Item = TypeVar("_Item")

ROW: Final = "row"
"""Column of the row numbers, where no identifier is named."""

PREDICTION: Final = "prediction"
"""Column of the label that is answered."""

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
_PARQUET: Final = (".parquet", ".pq")
_IN_MEMORY: Final = 1 << 26
"""Bytes of predictions for the standard output that are kept in memory; more go through a file."""


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What was done: rows answered, the file they are in (None: the standard output), what is worth saying of them."""

    n_rows: int
    path: Path | None
    findings: tuple[Finding, ...] = ()


def predict_file(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    id_column: str | None = None,
    on_rows: Callable[[int], None] | None = None,
    lenient: bool = False,
    sheet: str | None = None,
    level: float | None = None,
) -> Predicted:
    """Answer all rows of a file.

    Args:
        model: A `.keras` file that a run wrote, or a run folder.
        data: A file of any sort that a run reads, the address of a table in a database, or `-` for a text on the
            standard input. Its columns go by name; the target need not be there.
        out: A .csv, .tsv or .parquet file, which is there whole or not at all; None writes CSV to the standard output.
        id_column: The column of `data` that names its rows.
        on_rows: Told how many rows are answered so far.
        sheet: The sheet of a workbook, by its name or its number from 1; None: the first.
        lenient: Whether cells that cannot be read count as missing, however many they are.
        level: The share of rows to come that intervals beside the predictions hold; None: no intervals.

    Raises:
        ExportError: If the model cannot be read, or the predictions cannot be written.
        DataError: If the file cannot be read, lacks a column, or is written in a way that was not understood; if
            intervals of this level cannot be promised.
    """
    target = None if out is None else Path(out)
    file = model_file(model)
    _refuse_place(target, inputs=(file, Path(data)))
    packaged = load_packaged(file)
    asked = _Asked(packaged, id_column=id_column, level=level)
    reader = packaged.reader(lenient=lenient)
    with _source(os.fspath(data)) as source:
        pieces = _pieces(packaged, reader, source, id_column=id_column, sheet=sheet)
        n_rows = _write(asked, reader, pieces, target=target, on_rows=on_rows)
    return Predicted(n_rows=n_rows, path=target, findings=() if reader is None else reader.findings())


@contextmanager
def _source(data: str) -> Iterator[str]:
    """What rows are read from; those of the standard input are put into a file first, for they are looked at twice."""
    if data != "-":
        yield data
        return
    with TemporaryDirectory() as folder:
        kept = Path(folder, "stdin.csv")
        with kept.open("wb") as sink:
            shutil.copyfileobj(sys.stdin.buffer, sink)
        yield str(kept)


def _write(
    asked: _Asked,
    reader: RowReader | None,
    pieces: Iterator[Piece],
    *,
    target: Path | None,
    on_rows: Callable[[int], None] | None,
) -> int:
    """Answer and write all rows; their number.

    Raises:
        DataError: If they were not understood; nothing is written then.
    """
    n_rows = 0
    with _writing(target, asked.names) as writer:
        for piece, predictions in _answered(asked.packaged, reader, pieces):
            writer.write(asked.table(piece, predictions, n_before=n_rows))
            n_rows += len(predictions)
            if on_rows is not None:
                on_rows(n_rows)
        if not n_rows:
            raise DataError("There are no rows to answer: the table has names of columns alone.")
        if reader is not None:
            reader.check()  # before the predictions are put in place
    return n_rows


def _pieces(
    packaged: PackagedModel, reader: RowReader | None, source: str, *, id_column: str | None, sheet: str | None
) -> Iterator[Piece]:
    """The rows of a file; how they are written is seen from the first of them, all cells as texts.

    Raises:
        DataError: If the file cannot be read, or lacks a column.
    """
    pieces = open_pieces(
        source, needed=packaged.columns, id_column=id_column,
        encoding=packaged.encoding, known=packaged.known_texts, sheet=sheet,
    )  # fmt: skip
    packaged.require(pieces.columns)
    first = None if reader is None else pieces.first(reader.plain_numbers)
    if reader is None or first is None:
        return pieces.rows

    def as_texts() -> pd.DataFrame:
        piece = pieces.first(())
        assert piece is not None
        return piece.frame

    reader.look_at(first.frame, as_texts=as_texts)
    return pieces.read(reader.plain_numbers)


def _answered(
    packaged: PackagedModel, reader: RowReader | None, pieces: Iterator[Piece]
) -> Iterator[tuple[Piece, NDArray[np.float32]]]:
    """Every piece with its predictions."""
    with _ahead(pieces) as read, _ahead((piece, packaged.cells(piece.frame, reader=reader)) for piece in read) as known:
        for piece, cells in known:
            yield piece, packaged.predictions_of_cells(cells)


@contextmanager
def _ahead(items: Iterator[_Item]) -> Iterator[Iterator[_Item]]:
    """The same items, of which the next is made in a thread while one is worked on."""
    with ThreadPoolExecutor(1) as thread:

        def each() -> Iterator[_Item]:
            following = thread.submit(next, items, None)
            while (item := following.result()) is not None:
                following = thread.submit(next, items, None)
                yield item

        yield each()


class _Asked:
    """The columns that are written.

    Args:
        packaged: The model.
        id_column: The column of the rows that names them.
        level: Of intervals beside the predictions; None: none.

    Raises:
        DataError: If the identifier is called as one of the others, or intervals of this level cannot be promised.
    """

    def __init__(self, packaged: PackagedModel, *, id_column: str | None, level: float | None) -> None:
        self.packaged, self._level = packaged, level
        is_regression = packaged.task is Task.REGRESSION
        names = (
            list(packaged.target_names) if is_regression else [PREDICTION, *(f"p({one})" for one in packaged.labels)]
        )
        if level is not None:
            nothing = np.zeros((0, len(packaged.target_names if is_regression else packaged.labels)), np.float32)
            names += packaged.interval_columns(nothing, level)
        first = id_column
        if first is None:
            first = ROW if ROW not in names else "row number"
        elif first in names:
            raise DataError(
                f"--id: the answers have a column {first!r} of their own. Name another column, or rename it."
            )
        self.names = [first, *names]

    def table(self, piece: Piece, predictions: NDArray[np.float32], *, n_before: int) -> pa.Table:
        """Identifiers, labels and probabilities, or values, and what was asked beside them."""
        numbers = pa.array(np.arange(n_before + 1, n_before + len(predictions) + 1))
        columns: list[Any] = [numbers if piece.ids is None else piece.ids]
        if self.packaged.task is not Task.REGRESSION:
            answered = pa.array(self.packaged.classes_of(predictions).astype(np.int32))
            labels = pa.array(self.packaged.labels)
            columns.append(pa.DictionaryArray.from_arrays(answered, labels).cast(pa.string()))
        columns += [pa.array(column) for column in predictions.T]
        if self._level is not None:
            added = self.packaged.interval_columns(predictions, self._level)
            columns += [pa.array(_as_cells(values)) for values in added.values()]
        return pa.Table.from_arrays(columns, names=self.names)


def _as_cells(values: NDArray[np.float64] | list[tuple[str, ...]]) -> NDArray[np.float32] | list[str]:
    """Ends of intervals as numbers; labels of a set as one text."""
    return values.astype(np.float32) if isinstance(values, np.ndarray) else [" | ".join(labels) for labels in values]


# --- where predictions go --------------------------------------------------------------------------------------------


def _refuse_place(target: Path | None, *, inputs: tuple[Path, ...]) -> None:
    if target is None:
        return
    if target.suffix.lower() not in (*_DELIMITERS, *_PARQUET):
        raise ExportError(f"--out {str(target)!r} must end in .csv, .tsv or .parquet, which says how it is written.")
    if any(target.exists() and given.exists() and target.samefile(given) for given in inputs):
        raise ExportError(f"--out {str(target)!r} is what is read. Name another file.")


class _Writer(Protocol):
    def write(self, table: pa.Table) -> None:
        """Write some rows."""


class _Text:
    """Delimited text: names first, texts quoted, numbers in the shortest form that reads back as the same float32."""

    def __init__(self, sink: IO[bytes], names: list[str], *, delimiter: str) -> None:
        self._sink, self._delimiter = sink, delimiter
        header = io.StringIO()
        csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(names)
        sink.write(header.getvalue().encode())

    def write(self, table: pa.Table) -> None:
        buffer = io.BytesIO()
        arrow_csv.write_csv(table, buffer, arrow_csv.WriteOptions(include_header=False, delimiter=self._delimiter))
        self._sink.write(buffer.getbuffer())


class _Parquet:
    """A Parquet file, whose types follow from the first rows."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._writer: Any = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._sink, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def _writing(target: Path | None, names: list[str]) -> Iterator[_Writer]:
    """The writer of a file, which is put in place when all went well; or of the standard output."""
    if target is None:
        with SpooledTemporaryFile(
            max_size=_IN_MEMORY
        ) as kept:  # rows that are refused have no predictions there either
            yield _Text(kept, names, delimiter=",")
            kept.seek(0)
            shutil.copyfileobj(kept, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with put_in_place(target) as beside, beside.open("wb") as sink:
            if target.suffix.lower() in _PARQUET:
                rows = _Parquet(sink)
                yield rows
                rows.close()
            else:
                yield _Text(sink, names, delimiter=_DELIMITERS[target.suffix.lower()])
    except OSError as error:
        raise ExportError(
            f"The answers could not be written to {str(target)!r}: {error.strerror or error}. Nothing is left there. "
            "Free some space, or choose another place with --out."
        ) from error
