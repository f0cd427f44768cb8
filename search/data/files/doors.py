"""Files that are neither text nor Parquet: workbooks, Arrow, ARFF, JSON. Each reader makes a frame of a file's bytes.

    workbook.xlsx .ods .xls   a sheet, its first row the header            python-calamine (extra `excel`)
    table.feather .arrow      feather, and Arrow's files and streams       pyarrow
    table.arff                Weka's: the header says names and types      the csv module below the header
    rows.json .jsonl .ndjson  a list of records, or a record a line        the json module

A file goes by its first bytes where they say what it is, else by its ending.
"""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import pandas as pd

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_frame, as_texts, first_line, is_whole
from ffsearch.search.data.files.decode import as_utf8, is_parquet, refuse_large_archive, refuse_too_large
from ffsearch.search.data.files.lines import holds_names
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.files.workbook_check import refuse_far_cells, refuse_what_ends_readers
from ffsearch.search.data.parsing.names import named_by_place, plain_names, refuse_repeated
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["DOOR_ENDINGS", "Opened", "door_of", "read_parquet"]

PARQUET_ENDINGS: Final = (".parquet", ".pq")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_ARROW: Final = (".feather", ".arrow", ".arrows", ".ipc")
_FEATHER_1: Final = b"FEA1"
_JSON: Final = (".json", ".jsonl", ".ndjson")
DOOR_ENDINGS: Final = (*PARQUET_ENDINGS, *_WORKBOOKS, *_ARROW, ".arff", *_JSON)
"""Endings of files that are read here."""

_SHEET_PARTS: Final = ("xl/", "content.xml")
"""Members of archives that are workbooks: of Excel, of OpenDocument."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file as a frame, with the names it writes, and what was found out that could be doubted."""

    frame: pd.DataFrame
    notices: tuple[Finding, ...] = ()


Reader = Callable[[bytes, str, TextSettings], Opened]
"""Reads a file's unpacked bytes; its name is for errors. Raises DataError where they are not what they seem."""


def door_of(payload: bytes, name: str) -> Reader | None:
    """What reads a file; None where it is read as text.

    Args:
        payload: Its unpacked bytes, or as many of the first as tell what it is, and the last.
        name: Its name.
    """
    endings = {suffix.lower() for suffix in PurePath(name).suffixes[-2:]}
    if is_parquet(payload) or endings & set(PARQUET_ENDINGS):
        return read_parquet
    if payload.startswith((b"\xd0\xcf\x11\xe0", b"PK\x03\x04")) or endings & set(_WORKBOOKS):
        return _read_workbook
    if payload.startswith((b"ARROW1", _FEATHER_1)) or endings & set(_ARROW):
        return _read_arrow
    if endings & {".arff"} or re.match(rb"\s*(?:%[^\n]*\n\s*)*@relation\b", payload[:100_000], re.IGNORECASE):
        return _read_arff
    if endings & set(_JSON) or re.match(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"', payload[:1000]):
        return _read_json
    return None


# --- Parquet and Arrow -----------------------------------------------------------------------------------------------


def read_parquet(payload: bytes, name: str, _: TextSettings) -> Opened:
    """A Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(payload))
        _refuse_schema(file.schema_arrow, name)
        refuse_too_large(_bytes_of(file), name)
        return Opened(frame=_frame_of(file.read()))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # names of columns need not be text
        told = first_line(error)
        raise DataError(f"{name} is no readable Parquet file: {told} Write it again, or give a CSV.") from None


def _bytes_of(file: Any) -> int:
    """About how much a Parquet file unpacks to: its pages may say one value a million times in a few bytes."""
    facts = file.metadata
    pages = sum(facts.row_group(place).total_byte_size for place in range(facts.num_row_groups))
    return int(max(pages, 4 * facts.num_rows * facts.num_columns))


def _read_arrow(payload: bytes, name: str, _: TextSettings) -> Opened:
    import pyarrow as pa
    from pyarrow import ipc

    if payload.startswith(_FEATHER_1):
        raise DataError(
            f"{name} is a Feather file of version 1, whose parts nothing checks: a damaged one would end the program. "
            "Write it again in this version: pyarrow.feather.write_feather(table, FILE), or give a CSV."
        )
    try:
        open_ = ipc.open_file if payload.startswith(b"ARROW1") else ipc.open_stream
        table = open_(pa.BufferReader(payload)).read_all()
        _refuse_schema(table.schema, name)
        return Opened(frame=_frame_of(table))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # what Arrow allows, pandas need not
        told = first_line(error)
        raise DataError(f"{name} is no readable file of Arrow: {told} Write it again, or give a CSV.") from None


def _frame_of(table: Any) -> pd.DataFrame:
    """A frame of a table that was looked through first: Arrow believes what a file says of its cells.

    Raises:
        pyarrow.ArrowInvalid: If texts are none of UTF-8, or a cell lies outside of what the file holds.
    """
    table.validate(full=True)
    return as_frame(table, ignore_metadata=True)


def _refuse_schema(schema: Any, name: str) -> None:
    """Refuse names that come twice, and lists."""
    import pyarrow as pa

    refuse_repeated(plain_names(schema.names), source=name)
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise DataError(f"{name} has columns of lists or records: {', '.join(nested)}. Make plain columns of them.")


# --- workbooks -------------------------------------------------------------------------------------------------------


def _read_workbook(payload: bytes, name: str, settings: TextSettings) -> Opened:
    """A sheet of a workbook of Excel or OpenDocument."""
    if payload.startswith(b"PK") and not _is_workbook(payload):
        raise DataError(f"{name} is a ZIP archive, not a table: unpack it, and give the file inside.")
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise DataError(
            f"{name} is a workbook, and what reads it is not installed: pip install 'ffsearch[excel]'. Or save the "
            "sheet as CSV."
        ) from None
    try:
        refuse_large_archive(payload, name)
        book = CalamineWorkbook.from_filelike(io.BytesIO(payload))
        sheet = _sheet(book.sheet_names, name, settings.sheet)
        refuse_what_ends_readers(payload, book.sheet_names.index(sheet), name)
        cells = book.get_sheet_by_name(sheet)
        refuse_far_cells(cells.height, cells.width, f"{name}, sheet {sheet!r}")
        rows = cells.to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, DataError):
            raise
        told = first_line(error)
        raise DataError(
            f"{name} is no readable workbook ({told}). Save it again without a password, or the sheet as CSV."
        ) from None
    opened = _table_of_rows(rows, f"{name}, sheet {sheet!r}", settings)
    others = tuple(other for other in book.sheet_names if other != sheet)
    doubt = (found(Code.SHEET_READ, sheet=sheet, others=others),) if others and settings.sheet is None else ()
    return Opened(frame=opened.frame, notices=(*doubt, *opened.notices))


def _is_workbook(payload: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            return any(member.startswith(_SHEET_PARTS) for member in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, OSError, ValueError, struct.error):
        return True  # a torn one, of which its reader says so


def _sheet(names: Sequence[str], file: str, wanted: str | int | None) -> str:
    """The sheet that is meant: the first, one by its name, or by its number from 1."""
    if not names:
        raise DataError(f"{file} has no sheets.")
    if wanted is None:
        return names[0]
    if str(wanted) in names:
        return str(wanted)
    number = int(wanted) if str(wanted).isdecimal() else 0
    if 1 <= number <= len(names):
        return names[number - 1]
    raise DataError(f"data.sheet: {file} has no sheet {wanted!r}. It has: {', '.join(map(repr, names[:20]))}.")


def _table_of_rows(rows: Sequence[Sequence[Any]], name: str, settings: TextSettings) -> Opened:
    """Rows of cells as a frame: the first holds the names, unless it looks like data."""
    filled = [row for row in rows if any(cell not in ("", None) for cell in row)]
    if not filled:
        raise DataError(f"{name} is empty. Give one with a row of names and a row for each row of data.")
    first, rest = filled[0], filled[1:]
    n_first = sum(cell not in ("", None) for cell in first)
    if len(first) > 2 and n_first == 1 and settings.header is None:
        shown = next(str(cell) for cell in first if cell not in ("", None))
        raise DataError(
            f"{name}: the first row holds {shown!r} alone: a title or a note, it seems. Remove what stands above "
            "the row that holds the names of the columns."
        )
    header, notices = settings.header, list[Finding]()
    if header is None:
        texts = [[_as_written(cell) for cell in row] for row in rest[:200]]
        header = holds_names([_as_written(cell) for cell in first], texts, expected=settings.expected)
        if not header:
            notices.append(found(Code.NO_HEADER, name=name, n=len(first)))
    names = [_as_written(cell) for cell in first] if header else [named_by_place(place) for place in range(len(first))]
    rows_of_data = rest if header else filled
    if not rows_of_data:
        raise DataError(f"{name} has a header row and no rows. Give at least ten rows of data.")
    refuse_repeated(plain_names(names), source=name)
    return Opened(frame=_frame(names, zip(*rows_of_data, strict=True)), notices=tuple(notices))


def _as_written(cell: Any) -> str:
    """A cell as text; a whole number without its point, for workbooks hold all numbers as floats."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else str(cell).strip()


def _plain(cell: Any) -> Any:
    """A cell as pandas takes it: nothing for an empty one, a text for a whole number that is larger than any float."""
    if cell == "":
        return None
    return str(cell) if isinstance(cell, int) and abs(cell) > sys.float_info.max else cell


def _frame(names: Sequence[str], columns: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Columns of Python's values as a frame, each of the type that all its cells have, else of objects."""
    made = []
    for cells in columns:
        column = pd.Series([_plain(cell) for cell in cells], dtype=object)
        present = column.dropna()
        if len(present) and all(isinstance(cell, float) for cell in present):
            column = column.astype("float64")
        made.append(as_texts(column.infer_objects()))
    frame = pd.concat(made, axis=1) if made else pd.DataFrame()
    frame.columns = pd.Index(list(names), dtype=object)
    return frame


# --- ARFF ------------------------------------------------------------------------------------------------------------

_ATTRIBUTE: Final = re.compile(
    r"@attribute\s+(?:'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^\s{]+))\s*(?P<type>.+)",
    re.IGNORECASE,
)


def _read_arff(payload: bytes, name: str, settings: TextSettings) -> Opened:
    """A table of Weka: names and types above, rows of cells below `@data`."""
    text, _, notices = as_utf8(payload, name, encoding=settings.encoding)
    head, below, body = _split_at_data(text.decode("utf-8"), name)
    attributes = [_attribute(line, number, name) for number, line in head]
    if not attributes:
        raise DataError(f"{name} has no @attribute lines. Each column needs one above @data.")
    names = [attribute[0] for attribute in attributes]
    refuse_repeated(plain_names(names), source=name)
    rows = []
    for number, line in body:
        cells = _arff_cells(line)
        if line.startswith("{"):
            raise DataError(
                f"{name}, line {number + below}: sparse rows are not read. Save it as plain ARFF, or as CSV."
            )
        if len(cells) != len(names):
            raise DataError(
                f"{name}, line {number + below}: {len(cells)} cells where {len(names)} attributes are named."
            )
        rows.append([None if cell == "?" else cell for cell in cells])
    if not rows:
        raise DataError(f"{name} has no rows below @data. Give at least ten.")
    frame = _frame(names, zip(*rows, strict=True))
    for place, (column, levels) in enumerate(attributes):
        if levels:
            values = frame.iloc[:, place]
            odd = next((cell for cell in values.dropna() if cell not in levels), None)
            if odd is not None:
                raise DataError(f"{name}: {column!r} holds {odd!r}, which is none of the values its @attribute names.")
            typed = pd.Series(pd.Categorical(values, categories=list(levels)), name=column)
            frame = pd.concat([frame.iloc[:, :place], typed, frame.iloc[:, place + 1 :]], axis=1)
    return Opened(frame=frame, notices=tuple(notices))


def _split_at_data(text: str, name: str) -> tuple[list[tuple[int, str]], int, list[tuple[int, str]]]:
    """The attribute lines, the line of `@data`, and the lines below it that hold rows; each with its number."""
    lines = text.splitlines()
    at = next((place for place, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if at is None:
        raise DataError(f"{name} has no @data line, below which the rows of an ARFF file stand.")
    head = [(n, line.strip()) for n, line in enumerate(lines[:at], 1) if line.strip().lower().startswith("@attribute")]
    body = [(n, line.strip()) for n, line in enumerate(lines[at + 1 :], 1) if line.strip() and line.strip()[0] != "%"]
    return head, at + 1, body


def _attribute(line: str, number: int, name: str) -> tuple[str, tuple[str, ...]]:
    """The name of a column, and its levels where it is nominal."""
    match = _ATTRIBUTE.fullmatch(line)
    if match is None:
        raise DataError(f"{name}, line {number}: {line!r} is no attribute. Write @attribute NAME TYPE.")
    quoted = match["single"] if match["single"] is not None else match["double"]
    column = match["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    kind = match["type"].strip()
    if kind.lower().startswith("relational"):
        raise DataError(f"{name}, line {number}: attributes of tables are not read. Make plain columns of them.")
    return column, tuple(dict.fromkeys(_arff_cells(kind[1:-1]))) if kind.startswith("{") and kind.endswith("}") else ()


def _arff_cells(line: str) -> list[str]:
    """The cells of a line, in quotes of either sort or in none."""
    quote = '"' if '"' in line and "'" not in line else "'"
    delimiter = "\t" if "\t" in line and "," not in line else ","
    try:
        cells = next(csv.reader([line], quotechar=quote, escapechar="\\", delimiter=delimiter, skipinitialspace=True))
    except (csv.Error, StopIteration):
        return []
    return [cell.strip() for cell in cells]


# --- JSON ------------------------------------------------------------------------------------------------------------


def _read_json(payload: bytes, name: str, settings: TextSettings) -> Opened:
    """A list of records, or a record a line."""
    text, _, notices = as_utf8(payload, name, encoding=settings.encoding)
    records = _records(text.decode("utf-8"), name)
    if b"\\u" in text:
        _refuse_halves(records, name)
    names = list(dict.fromkeys(key for record in records for key in record))
    if not names:
        raise DataError(f"{name} holds records without a single name. Give at least two columns.")
    for number, record in enumerate(records, start=1):
        nested = next((key for key, value in record.items() if isinstance(value, dict | list)), None)
        if nested is not None:
            raise DataError(
                f"{name}: {nested!r} of record {number} holds a list or record. Make plain columns of it: "
                "pandas.json_normalize does."
            )
    columns = ([record.get(key) for record in records] for key in names)
    return Opened(frame=_frame(names, columns), notices=tuple(notices))


def _records(text: str, name: str) -> list[dict[str, Any]]:
    stripped = text.strip()
    if stripped.startswith("["):
        records = _parsed(stripped, name, line=None)
    else:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        records = [_parsed(line, name, line=number) for number, line in lines]
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records) or not records:
        raise DataError(f'{name} holds no records. Write [{{"a": 1, "y": 2}}, ...], or one record a line.')
    return records


def _refuse_halves(records: Sequence[dict[str, Any]], name: str) -> None:
    """Refuse names and cells with one half of a sign, which JSON can escape and no encoding can write.

    Raises:
        DataError: With the record.
    """
    for number, record in enumerate(records, start=1):
        halves = [text for pair in record.items() for text in pair if isinstance(text, str) and not is_whole(text)]
        if halves:
            raise DataError(
                f"{name}: record {number} holds {ascii(halves[0])[:60]}, one half of a sign without the other. Write "
                "the text in UTF-8 instead of its escapes."
            )


def _parsed(text: str, name: str, *, line: int | None) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        refuse_repeated([key for key, _ in pairs], source=name)
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except RecursionError:
        raise DataError(f"{name} holds lists within lists beyond every depth. Write plain records.") from None
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno}, sign {error.colno}"
        raise DataError(
            f'{name}, {place}: {error.msg}. Write a list of records, [{{"a": 1}}, ...], or one record a line.'
        ) from None
    except ValueError as error:  # whole numbers of thousands of digits
        raise DataError(f"{name} cannot be read as JSON: {error}. Write plain records.") from None
