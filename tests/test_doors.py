"""Files of other programs and tables of databases: read as the CSV of the same table, or refused with the way out."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from ffsearch.errors import DataError
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.files.databases import PASSWORD, read_database
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.files.sources import Source, read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec

N = 60
TABLE = pd.DataFrame(
    {
        "size": [place * 0.5 for place in range(N)],
        "rooms": [1 + place * 7 % 5 for place in range(N)],
        "city": [["Bern", "São Paulo", "O'Fallon, IL"][place % 3] for place in range(N)],
        "is_new": [place % 4 == 0 for place in range(N)],
        "day": pd.date_range("2024-01-01", periods=N, freq="37h").floor("D"),
        "y": [place * 1.25 + place % 3 for place in range(N)],
    }
)
TABLE.loc[::9, "size"] = np.nan
TABLE.loc[::11, "city"] = None


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(day=frame.day.dt.strftime("%Y-%m-%d"))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(plain(frame).to_json(orient="records"))
    return loaded


def arff(frame: pd.DataFrame) -> str:
    cities = "{Bern, 'S\u00e3o Paulo', 'O\\'Fallon, IL'}"
    kinds = {
        "size": "numeric",
        "rooms": "INTEGER",
        "city": cities,
        "is_new": "{True,False}",
        "day": "date 'yyyy-MM-dd'",
        "y": "real",
    }
    head = "".join(f"@attribute '{name}' {kinds[name]}\n" for name in frame.columns)

    def cell(value: Any) -> str:
        if pd.isna(value):
            return "?"
        text = str(value)
        return "'" + text.replace("'", "\\'") + "'" if set(text) & set(" ,'") else text

    rows = "".join(",".join(map(cell, row)) + "\n" for row in plain(frame).astype(object).itertuples(index=False))
    return f"% a comment\n@relation houses\n\n{head}\n@data\n{rows}"


def as_ipc(frame: pd.DataFrame, path: Path, *, opener: Any) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, opener(sink, table.schema) as writer:
        writer.write_table(table)


def to_sqlite(frame: pd.DataFrame, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        plain(frame).to_sql("my houses", connection, index=False)
    connection.close()


def to_duckdb(frame: pd.DataFrame, path: Path) -> None:
    connection = duckdb.connect(str(path))
    connection.register("given", frame)
    connection.execute('CREATE TABLE "my houses" AS SELECT * FROM given')
    connection.close()


def to_ods(frame: pd.DataFrame, path: Path) -> None:
    """A sheet of OpenDocument with the little that it needs."""

    def cell(value: Any) -> str:
        kind, shown = "string", ""
        if pd.isna(value):
            return "<table:table-cell/>"
        if isinstance(value, bool | np.bool_):
            kind, shown = "boolean", f' office:boolean-value="{str(bool(value)).lower()}"'
        elif isinstance(value, pd.Timestamp):
            kind, shown = "date", f' office:date-value="{value:%Y-%m-%d}"'
        elif not isinstance(value, str):
            kind, shown = "float", f' office:value="{value}"'
        text = str(value).replace("&", "&amp;")
        return f'<table:table-cell office:value-type="{kind}"{shown}><text:p>{text}</text:p></table:table-cell>'

    rows = [list(frame.columns), *frame.itertuples(index=False)]
    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    names = "".join(
        f' xmlns:{one}="urn:oasis:names:tc:opendocument:xmlns:{one}:1.0"' for one in ("office", "table", "text")
    )
    content = (
        f"<office:document-content{names}><office:body><office:spreadsheet>"
        f'<table:table table:name="Sheet1">{body}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "t.xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "t.ods": to_ods,
    "t.feather": lambda frame, path: frame.to_feather(path),
    "t.arrow": lambda frame, path: as_ipc(frame, path, opener=pa.ipc.new_file),
    "t.arrows": lambda frame, path: as_ipc(frame, path, opener=pa.ipc.new_stream),
    "t.arff": lambda frame, path: path.write_text(arff(frame), encoding="utf-8"),
    "t.json": lambda frame, path: path.write_text(json.dumps(records(frame)), encoding="utf-8"),
    "t.jsonl": lambda frame, path: path.write_text("\n".join(map(json.dumps, records(frame))), encoding="utf-8"),
    "t.jsonl.gz": lambda frame, path: plain(frame).to_json(path, orient="records", lines=True),
    "t.db": to_sqlite,
    "t.duckdb": to_duckdb,
    "t.parquet": lambda frame, path: frame.to_parquet(path),
}


def understood(path: Path | str, **spec: Any) -> Prepared:
    return prepare(DataSpec(source=str(path), target="y", test=None, **spec), seed=0)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    plain(TABLE).to_csv(path, index=False)
    return understood(path)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("renamed", [False, True], ids=["by its name", "by its bytes"])
def test_every_door_leads_to_the_same_table(name: str, renamed: bool, expected: Prepared, tmp_path: Path) -> None:  # noqa: FBT001
    if renamed and name == "t.arrows":
        pytest.skip("a stream of Arrow has no mark at its beginning")
    path = tmp_path / name
    WRITERS[name](TABLE, path)
    if renamed:
        path = path.rename(tmp_path / "download.csv")
    ready = understood(path)
    assert {column.name: column.kind for column in ready.columns} == {one.name: one.kind for one in expected.columns}
    np.testing.assert_allclose(ready.fit_all().x, expected.fit_all().x, atol=1e-6)
    preprocessor = expected.fit_all().preprocessor
    needed = [column.name for column in expected.columns if column.used]
    pieces = open_pieces(path, needed=needed, id_column="rooms")
    rows = list(pieces.rows)
    frame = pd.concat([piece.frame for piece in rows])
    assert isinstance(preprocessor, Preprocessor)
    raw = RowReader(preprocessor).read(frame)  # SQLite knows no truth: its 1 is True
    np.testing.assert_allclose(preprocessor.matrix(raw, n_rows=N), expected.fit_all().x, atol=1e-6)
    assert [int(float(one)) for piece in rows for one in piece.ids.to_pylist()] == TABLE.rooms.tolist()  # type: ignore[union-attr]


def read(source: Path | str, **settings: Any) -> Source:
    return read_source(str(source), settings=TextSettings(**settings))


# --- workbooks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as writer:
        TABLE.head(20).to_excel(writer, sheet_name="first", index=False)
        TABLE.to_excel(writer, sheet_name="second", index=False)
    return path


@pytest.mark.parametrize(("sheet", "n_rows"), [(None, 20), ("first", 20), (2, N), ("second", N), ("2", N)])
def test_the_sheet_that_is_meant(sheet: str | int | None, n_rows: int, book: Path) -> None:
    source = read(book, sheet=sheet)
    assert len(source.frame) == n_rows
    assert [notice.code for notice in source.notices] == ([Code.SHEET_READ] if sheet is None else [])


def test_a_sheet_that_is_not_there_is_refused(book: Path) -> None:
    with pytest.raises(DataError, match=r"data\.sheet: book\.xlsx has no sheet 'third'\. It has: 'first', 'second'"):
        understood(book, sheet="third")


def test_a_sheet_without_names_and_one_with_a_title(tmp_path: Path) -> None:
    TABLE[["size", "y"]].to_excel(tmp_path / "t.xlsx", index=False, header=False)
    assert list(read(tmp_path / "t.xlsx").frame.columns) == ["column_1", "column_2"]
    TABLE.to_excel(tmp_path / "t.xlsx", index=False, startrow=2)
    with pd.ExcelWriter(tmp_path / "t.xlsx", engine="openpyxl") as writer:
        TABLE.to_excel(writer, index=False, startrow=1)
        writer.sheets["Sheet1"]["A1"] = "Houses of 2024"
    with pytest.raises(DataError, match="the first row holds 'Houses of 2024' alone: a title"):
        read(tmp_path / "t.xlsx")


def test_without_the_reader_it_is_said_how_to_install_it(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DataError, match=r"book\.xlsx is a workbook.*pip install 'ffsearch\[excel\]'"):
        read(book)


# --- databases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_tables_and_queries_by_address(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    {"sqlite": to_sqlite, "duckdb": to_duckdb}[scheme](TABLE, path)
    address = f"{scheme}:///{path}"
    assert len(read_database(f"{address}?table=my%20houses")) == N
    assert read(f"{address}?table=my houses").name == "my houses"
    asked = read_database(f"{address}?query=SELECT size, y FROM \"my houses\" WHERE rooms > 3 AND city <> ':x'")
    assert list(asked.columns) == ["size", "y"]
    for wrong, told in {
        "?table=houses": "has no table 'houses'.*Its tables: 'my houses'",
        "?query=DROP TABLE x": "is not one SELECT",
        "?query=SELECT 1; DROP TABLE x": "is not one SELECT",
        "?query=SELECT nothing FROM nowhere": "cannot be read",
        "?table=a&query=SELECT 1": "names a table and a query",
    }.items():
        with pytest.raises(DataError, match=told):
            read_database(address + wrong)
    with pytest.raises(DataError, match="There is no database"):
        read_database(f"{scheme}:///{tmp_path}/nowhere.db?table=x")
    assert not (tmp_path / "nowhere.db").exists()


def test_a_query_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    to_sqlite(TABLE, path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="cannot be read"):
        read_database(f'sqlite:///{path}?query=WITH x AS (SELECT 1) DELETE FROM "my houses"')
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a?b", "a%41", "a#b", "a?table=x", "ü b"])
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_may_be_called_as_addresses_are_written(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.db"
    with contextlib.closing(sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a, 2 AS y")
        database.commit()
    assert len(read(path).frame) == 1
    assert list(tmp_path.iterdir()) == [path]
    assert len(list(open_pieces(path, needed=["a"], id_column=None).rows)) == 1


def test_passwords_have_no_place_in_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=PASSWORD) as refused:
        read("postgresql+psycopg://me:s3cret@localhost/db?table=x")
    assert "s3cret" not in str(refused.value)
    monkeypatch.setenv(PASSWORD, "s3cret")
    with pytest.raises(DataError) as refused:
        read("postgresql+psycopg://me@localhost:1/db?table=x")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("https://example.org/t.csv", "an address of the web.*download it first"),
        ("s3://bucket/t.parquet", "an address of the web"),
        ("nodb://x?table=y", "is no address of a database"),
    ],
)
def test_other_addresses_are_refused(source: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(source)


# --- what is no table ------------------------------------------------------------------------------------------------

TORN: dict[str, tuple[bytes, str]] = {
    "t.xlsx": (b"PK\x03\x04 and no more", "is no readable workbook"),
    "t.xls": (b"\xd0\xcf\x11\xe0 and no more", "is no readable workbook"),
    "t.feather": (b"ARROW1 and no more", "is no readable file of Arrow"),
    "t.arrows": (b"no stream", "is no readable file of Arrow"),
    "t.parquet": (b"PAR1 and no more", "is no readable Parquet file"),
    "nested.json": (b'[{"a": {"b": 1}}]', "'a' of record 1 holds a list or record"),
    "torn.json": (b'[{"a": 1}, {"a"', r"line 1, sign \d+: "),
    "object.json": (b'{"data": {"a": [1, 2]}}', "holds a list or record"),
    "list.json": (b"[1, 2]", "holds no records"),
    "line.jsonl": (b'{"a": 1}\n{"a": 2\n', "line 2, sign"),
    "twice.jsonl": (b'{"a": 1, "a": 2}\n', "columns of the same name: 'a'"),
    "deep.json": (b"[" * 100_000, "holds lists within lists"),
    "no_data.arff": (b"@relation x\n@attribute a numeric\n", "has no @data line"),
    "sparse.arff": (b"@relation x\n@attribute a numeric\n@data\n{0 1}\n", "line 4: sparse rows are not read"),
    "wide.arff": (b"@relation x\n@attribute a numeric\n@data\n1,2\n", "line 4: 2 cells where 1 attributes"),
    "other.arff": (b"@relation x\n@attribute a {p,q}\n@data\nr\n", "'a' holds 'r', which is none of the values"),
    "half.jsonl": (b'{"a": "x", "y": "\\ud83d"}\n', r"record 1 holds '\\ud83d', one half of a sign"),
    "half_name.jsonl": (b'{"a": 1, "\\udc36": 2}\n', r"record 1 holds '\\udc36', one half of a sign"),
    "first.feather": (b"FEA1" + bytes(100) + b"FEA1", "is a Feather file of version 1"),
    "t.pkl": (b"\x80\x04\x95 ...", "is a pickle, which can run any program"),
    "t.db": (b"SQLite format 3\0 and no more", "cannot be read"),
}


@pytest.mark.parametrize("name", TORN)
def test_what_is_torn_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    payload, told = TORN[name]
    (tmp_path / name).write_bytes(payload)
    with pytest.raises(DataError, match=told):
        read(tmp_path / name)
    with pytest.raises(DataError, match=told):
        list(open_pieces(tmp_path / name, needed=["a"], id_column=None).rows)


def test_a_zip_of_something_else_says_unpack(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("t.csv", "a,y\n1,2\n")
    (tmp_path / "t.csv").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="is a ZIP archive, not a table: unpack it"):
        read(tmp_path / "t.csv")


def test_a_level_that_is_named_twice_is_one(tmp_path: Path) -> None:
    head = "@relation x\n@attribute a {p,q,p}\n@attribute y numeric\n@data\n"
    (tmp_path / "t.arff").write_text(head + "p,1\nq,2\n" * 10)
    assert list(read(tmp_path / "t.arff").frame["a"].cat.categories) == ["p", "q"]


def _feather(table: pa.Table, path: Path) -> None:
    feather.write_feather(table, path)


NO_TEXTS: dict[str, pa.Array] = {
    "bytes": pa.array([b"\xff\xfe", b"x"] * 15),
    "text that is none": pa.Array.from_buffers(pa.string(), 30, pa.array([b"ok", b"\xff"] * 15).buffers()),
    "half a sign": pa.Array.from_buffers(pa.string(), 30, pa.array([b"\xed\xa0\x80"] * 30).buffers()),
}


@pytest.mark.parametrize("write", [_feather, parquet.write_table], ids=["feather", "parquet"])
@pytest.mark.parametrize("name", NO_TEXTS)
def test_bytes_that_are_no_text_are_refused(
    name: str, write: Callable[[pa.Table, Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "table"
    write(pa.table({"a": NO_TEXTS[name], "b": range(30), "y": range(30)}), path)
    with pytest.raises(DataError, match=r"no text in UTF-8|Invalid UTF8"):
        read(path)


@pytest.mark.parametrize(
    "cells",
    [
        pa.DictionaryArray.from_arrays(pa.array([0, 1] * 15, pa.int8()), pa.array(["a", None])),
        pa.DictionaryArray.from_arrays(pa.array([0, 1] * 15, pa.int8()), pa.array(["a", "a"])),
        pa.array([2**31 - 1] * 30, pa.int32()).cast(pa.date32()),
    ],
    ids=["missing level", "level twice", "year 5881580"],
)
def test_what_arrow_allows_and_pandas_does_not_is_refused(cells: pa.Array, tmp_path: Path) -> None:
    feather.write_feather(pa.table({"a": cells, "y": range(30)}), tmp_path / "t.feather")
    with pytest.raises(DataError, match=r"t\.feather is no readable file of Arrow"):
        read(tmp_path / "t.feather")


def test_a_file_that_lies_of_where_its_cells_are_is_refused(tmp_path: Path) -> None:
    """Arrow believes it, and reads what lies beside the file."""
    table = pa.table({"a": ["one", "three", "two"], "y": range(3)})
    feather.write_feather(table, tmp_path / "t.feather", compression="uncompressed")
    content = (tmp_path / "t.feather").read_bytes()
    places, far = np.array([3, 8, 11], np.int32).tobytes(), np.array([3, 8, 2**30], np.int32).tobytes()
    assert content.count(places) == 1
    (tmp_path / "t.feather").write_bytes(content.replace(places, far))
    with pytest.raises(DataError, match=r"t\.feather is no readable file of Arrow"):
        read(tmp_path / "t.feather")


def test_a_page_of_parquet_that_is_torn_is_told_by_predict_too(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": range(1000), "y": range(1000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[60:100] = bytes(40)
    path.write_bytes(content)
    for reading in (lambda: read(path), lambda: list(open_pieces(path, needed=["a"], id_column=None).rows)):
        with pytest.raises(DataError, match=r"t\.parquet is no readable Parquet file"):
            reading()


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [(2**20, 2**14, "cannot be opened within 0.5 GB"), (10_000, 1000, "reaches over 10,000 rows and 1,000 columns")],
)
def test_a_cell_far_from_the_table_ends_nothing(
    row: int, column: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads workbooks makes a cell of every place between, and ends the process where memory is short."""
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    for module in ("apart", "workbook_check"):
        monkeypatch.setattr(f"ffsearch.search.data.files.{module}.machine_memory", lambda: 10**9)
    book = openpyxl.Workbook()
    for values in [["a", "y"], *([place, place % 3] for place in range(20))]:
        book.active.append(values)
    book.save(tmp_path / "t.xlsx")
    assert len(read(tmp_path / "t.xlsx").frame) == 20
    book.active.cell(row, column, "note")
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(DataError, match=told):
        read(tmp_path / "t.xlsx")
