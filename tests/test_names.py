"""Names of columns and rows: one rule for files and frames, for learning and for answering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.parsing.names import by_name, plain_names
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec

N = 60
GENERATOR = np.random.default_rng(0)
PLAIN = pd.DataFrame(
    {
        "income": GENERATOR.normal(size=N).round(3),
        "region": [f"r{place % 3}" for place in range(N)],
        "y": GENERATOR.normal(size=N).round(3),
    }
)
ROWS = GENERATOR.permutation(1000)[:N]
"""Numbers of rows as a sample of a larger frame has them: whole, each once, and no counter."""


def understood(given: pd.DataFrame | Path, **spec: Any) -> Prepared:
    frame = given if isinstance(given, pd.DataFrame) else None
    source = "frame" if frame is not None else str(given)
    return prepare(DataSpec(source=source, target="y", test=None, **spec), frame=frame, seed=0)


def matrix(prepared: Prepared) -> np.ndarray[Any, Any]:
    return prepared.fit_all().x


AS_WRITTEN: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "blanks": lambda frame: frame.rename(columns={"income": " income ", "y": "y\t"}),
    "a no-break space": lambda frame: frame.rename(columns={"region": "region\N{NO-BREAK SPACE}"}),
    "a byte order mark": lambda frame: frame.rename(columns={"income": "\N{ZERO WIDTH NO-BREAK SPACE}income"}),
    "an index that pandas wrote": lambda frame: frame.assign(**{"Unnamed: 0": ROWS})[["Unnamed: 0", *frame.columns]],
    "an index without a name": lambda frame: frame.assign(**{"": ROWS})[["", *frame.columns]],
    "an index of Parquet": lambda frame: frame.assign(__index_level_0__=ROWS),
    "names of rows that are texts": lambda frame: frame.assign(**{"": [f"k{n}" for n in ROWS]})[["", *frame.columns]],
}


@pytest.mark.parametrize("kind", AS_WRITTEN)
@pytest.mark.parametrize("door", ["frame", "csv", "tsv", "parquet"])
def test_a_table_is_the_same_however_its_columns_are_called(kind: str, door: str, tmp_path: Path) -> None:
    frame = AS_WRITTEN[kind](PLAIN)
    path = tmp_path / f"t.{door}"
    if door == "parquet":
        frame.to_parquet(path, index=False)
    elif door != "frame":
        frame.to_csv(path, index=False, sep="," if door == "csv" else "\t")
    learnt = understood(frame if door == "frame" else path)
    expected = understood(PLAIN)
    assert [column.name for column in learnt.columns if column.used] == ["income", "region"]
    np.testing.assert_array_equal(matrix(learnt), matrix(expected))
    preprocessor = learnt.fit_all().preprocessor
    for rows in (PLAIN, frame, PLAIN.set_index("income"), PLAIN.drop(columns="y")):
        np.testing.assert_array_equal(preprocessor.transform(rows), matrix(expected))
    if door != "frame":
        piece = next(open_pieces(path, needed=["income", "region"], id_column=None).rows)
        np.testing.assert_array_equal(preprocessor.transform(piece.frame), matrix(expected))


def test_what_holds_names_of_rows_is_told() -> None:
    learnt = understood(AS_WRITTEN["an index that pandas wrote"](PLAIN))
    (column,) = (column for column in learnt.columns if column.name == "column_1")
    assert [reason.code for reason in column.reasons] == [Code.ROW_NAMES]
    assert any(one.code is Code.NOT_USED and one.values["column"] == "column_1" for one in learnt.notices)


def test_a_nameless_column_whose_cells_come_again_is_a_feature() -> None:
    frame = PLAIN.assign(**{"Unnamed: 0": ROWS % 50 / 7})[["Unnamed: 0", *PLAIN.columns]]
    assert next(column.name for column in understood(frame).columns if column.used) == "column_1"


def test_a_key_may_name_a_column_as_the_file_does() -> None:
    frame = PLAIN.assign(**{" zone ": PLAIN.region})
    learnt = prepare(DataSpec(source="frame", target=" y", drop=(" zone ",), test=None), frame=frame, seed=0)
    assert learnt.head.target_names == ("y",)
    assert {column.name: str(column.kind) for column in learnt.columns}["zone"] == "dropped"


def test_an_old_model_answers_rows_whose_names_are_plain() -> None:
    """Before there was one rule, models kept the names of frames as they were."""
    assert by_name(PLAIN, [" income ", "y"])[" income "].tolist() == PLAIN.income.tolist()


def test_a_frame_without_a_header_goes_by_place(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    PLAIN.to_csv(path, index=False, header=False)
    learnt = prepare(DataSpec(source=str(path), target="column_3", test=None), seed=0)
    frame = pd.read_csv(path, header=None)
    np.testing.assert_array_equal(learnt.fit_all().preprocessor.transform(frame), matrix(learnt))


def test_names_that_differ_by_blanks_alone_are_refused() -> None:
    frame = PLAIN.assign(**{" income": 1.0})
    with pytest.raises(DataError, match="frame has columns of the same name: 'income'"):
        understood(frame)
    preprocessor = understood(PLAIN).fit_all().preprocessor
    np.testing.assert_array_equal(preprocessor.transform(frame), matrix(understood(PLAIN)))  # one is there as it stands


def test_the_rule_is_its_own_fixed_point() -> None:
    names = [" a ", None, float("nan"), "Unnamed: 7", 3, ("x", "y"), ""]
    plain = plain_names(names)
    assert plain == ["a", "column_2", "column_3", "column_8", "3", "('x', 'y')", "column_7"]
    assert plain_names(plain) == plain


@pytest.mark.parametrize("end", [".tsv", ".txt", ".csv"])
@pytest.mark.parametrize("names", ["numbers", "texts"])
def test_headers_of_r_are_read_with_the_names_of_rows(end: str, names: str, tmp_path: Path) -> None:
    delimiter = {".tsv": "\t", ".txt": " ", ".csv": ","}[end]
    index = [f'"{place + 1}"' if names == "numbers" else f'"row {place}"' for place in range(N)]
    rows = PLAIN.astype(str).agg(delimiter.join, axis=1)
    lines = [delimiter.join(PLAIN.columns), *(delimiter.join(pair) for pair in zip(index, rows, strict=True))]
    path = tmp_path / f"t{end}"
    path.write_text("\n".join(lines) + "\n")
    learnt = understood(path)
    assert [column.name for column in learnt.columns if column.used] == ["income", "region"]
    np.testing.assert_array_equal(matrix(learnt), matrix(understood(PLAIN)))
    piece = next(open_pieces(path, needed=["income", "region"], id_column=None).rows)
    np.testing.assert_array_equal(learnt.fit_all().preprocessor.transform(piece.frame), matrix(learnt))


def test_a_header_that_is_one_name_short_is_refused_where_rows_have_no_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("price,size\n" + "".join(f"12,{place % 10},3\n" for place in range(N)))
    with pytest.raises(DataError, match="the first line has 2 names and every row a cell more, as where R writes"):
        read_source(str(path), settings=TextSettings())


BODY = PLAIN.to_csv(index=False)
ODD_LINES = {
    "comments": (
        "# exported by tool 1.2\n# 2024-05-01\n" + BODY,
        "line 1: '# exported by tool 1.2' is a comment.*2 lines",
    ),
    "a comment with commas": ("# a, b, c\n" + BODY, "line 1: '# a, b, c' is a comment.*Remove it"),
    "a title": ("Exported by tool\n" + BODY, "line 1: 'Exported by tool' has 1 field where most lines have 3"),
    "a conflict above": ("<<<<<<< HEAD\n" + BODY, "line 1: '<<<<<<< HEAD' is what git leaves of a merge conflict"),
    "a conflict below": (BODY + ">>>>>>> theirs\n", f"line {N + 2}: '>>>>>>> theirs' is what git leaves"),
    "a note below": (BODY + "# end\n", f"line {N + 2}: 1 field.*begins '# end': a comment, or a note"),
    "a web page": ("\n <!-- saved -->\n<HTML><body>404</body>", "is a web page, not a table"),
    "XML": ("<?xml version='1.0'?><rows/>", "is a document of XML, not a table"),
}


@pytest.mark.parametrize("kind", ODD_LINES)
def test_a_line_that_is_no_row_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    text, told = ODD_LINES[kind]
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        read_source(str(path), settings=TextSettings())
    with pytest.raises(DataError, match=told):
        list(open_pieces(path, needed=["income", "region"], id_column=None).rows)


@pytest.mark.parametrize("first", ["#id", "# id"])
def test_a_header_may_begin_with_a_number_sign(first: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(BODY.replace("income", first, 1))
    assert list(read_source(str(path), settings=TextSettings()).frame.columns) == [first, "region", "y"]


def test_colours_are_no_comments(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("".join(f"#ff{place:04d},{place}\n" for place in range(N)))
    assert read_source(str(path), settings=TextSettings()).frame.shape == (N, 2)


def test_parquet_goes_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "download.csv"
    PLAIN.to_parquet(path)
    np.testing.assert_array_equal(matrix(understood(path)), matrix(understood(PLAIN)))
    piece = next(open_pieces(path, needed=["income"], id_column=None).rows)
    assert piece.frame.income.tolist() == PLAIN.income.tolist()
    (tmp_path / "t.csv").write_text(BODY.replace("income", "PAR1"))
    assert "PAR1" in read_source(str(tmp_path / "t.csv"), settings=TextSettings()).frame
