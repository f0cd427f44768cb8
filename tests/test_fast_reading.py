"""What makes large tables fast says the same as the careful way, cell by cell."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.data.features.aligned import aligned_empty, is_aligned
from ffsearch.search.data.files import pieces
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.parsing.cells import MISSING, Cells, canonical, number_of
from ffsearch.search.data.parsing.dates import DateReading, seconds_of
from ffsearch.search.data.parsing.quotes import MAX_CELL_BYTES, enclose_cells
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

CELLS = st.one_of(
    st.floats(allow_nan=False).map(str),
    st.integers(-1000, 1000).map(str),
    st.sampled_from(sorted(MISSING)),
    st.text(" +-.0123456789eE_xinfINF\N{NO-BREAK SPACE}\N{ARABIC-INDIC DIGIT ONE}", max_size=6),
)
MOMENTS = st.datetimes(min_value=pd.Timestamp("1000-01-01").to_pydatetime())


@given(st.lists(CELLS, max_size=40))
def test_numbers_and_levels_of_a_column_are_those_of_its_cells(cells: list[str]) -> None:
    column = pd.Series(cells, dtype="str")
    present = [None if cell.strip() in MISSING else cell.strip() for cell in cells]
    np.testing.assert_array_equal(Cells(column).numbers, [number_of(cell) if cell else np.nan for cell in present])
    levels = Cells(column).levels
    assert [levels.texts[code] if code >= 0 else None for code in levels.codes] == [
        None if cell is None else canonical(cell) for cell in present
    ]
    assert levels.texts == tuple(dict.fromkeys(canonical(cell) for cell in present if cell is not None))


@given(st.lists(CELLS, min_size=1, max_size=40), st.data())
def test_some_cells_of_a_column_are_what_they_are_by_themselves(cells: list[str], data: st.DataObject) -> None:
    column = pd.Series(cells, dtype="str")
    rows = np.array(data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=20)), np.int64)
    taken, alone = Cells(column).take(rows), Cells(column.take(rows))
    np.testing.assert_array_equal(taken.numbers, alone.numbers)
    np.testing.assert_array_equal(taken.levels.codes, alone.levels.codes)
    assert (len(taken), taken.levels.texts) == (len(alone), alone.levels.texts)


@given(st.lists(MOMENTS, min_size=1, max_size=20), st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]))
def test_dates_written_in_the_standard_way_are_those_of_their_cells(moments: list[pd.Timestamp], form: str) -> None:
    cells = [moment.strftime(form) for moment in moments]
    days = DateReading(day_first=False, origin="1970-01-01").read(Cells(pd.Series(cells, dtype="str")))
    np.testing.assert_array_equal(days, np.array([seconds_of(cell, day_first=False) for cell in cells]) / 86_400)


def test_a_date_that_is_none_sends_all_the_careful_way() -> None:
    cells = pd.Series(["2024-02-28", "2024-02-30", "2024-03-01"])
    days = DateReading(day_first=False, origin="2024-02-28").read(Cells(cells))
    np.testing.assert_array_equal(days, [0, np.nan, 2])


@given(st.lists(st.text('a",;\n\r', max_size=5), max_size=6))
def test_where_quotes_enclose_cells_the_strict_reader_finds_no_fault(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = enclose_cells([text.encode()], delimiter=",")
    assert enclose_cells([piece.encode() for piece in pieces], delimiter=",") == found
    if found:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@given(rows=st.lists(st.lists(st.text('a",\n 1'), min_size=2, max_size=2), min_size=1, max_size=5))
def test_what_a_program_wrote_has_quotes_around_cells(rows: list[list[str]], quoting: Any) -> None:
    out = io.StringIO()
    csv.writer(out, quoting=quoting).writerows(rows)
    assert enclose_cells([out.getvalue().encode()], delimiter=",")


@pytest.mark.parametrize("text", ['"a', 'a"', '"a" b,c', '"' + "a" * MAX_CELL_BYTES + '"'])
def test_torn_and_giant_cells_are_left_to_the_careful_reader(text: str) -> None:
    assert not enclose_cells([text.encode()], delimiter=",")


def messy(n_rows: int) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    number = [f"{value:.3f}" for value in generator.normal(0, 100, n_rows)]
    return pd.DataFrame(
        {
            "number": np.where(generator.random(n_rows) < 0.1, "NA", number),
            "amount": [f" {value:,.2f} " for value in generator.normal(0, 5000, n_rows)],
            "level": generator.choice(["red", "1.0", "1", "say \"x\"", ""], n_rows),
            "day": [f"2024-0{1 + i % 9}-{1 + i % 28:02d} 12:30" for i in range(n_rows)],
            "y": generator.choice(["yes", "no"], n_rows),
        }
    )  # fmt: skip


def test_a_file_and_a_frame_of_its_cells_give_the_same_matrix(tmp_path: Path) -> None:
    frame = messy(300)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    fast = prepare(DataSpec(source=str(tmp_path / "rows.csv"), target="y"), seed=0)
    careful = prepare(DataSpec(source="frame", target="y"), frame=frame.astype(object), seed=0)
    assert fast.columns == careful.columns
    one, other = fast.problem().splits[0], careful.problem().splits[0]
    np.testing.assert_array_equal(one.x_train, other.x_train)
    np.testing.assert_array_equal(one.x_valid, other.x_valid)


def test_the_matrix_is_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = prepare(DataSpec(source="frame", target="y"), frame=messy(300), seed=0)
    whole = ready.fit_all().x
    monkeypatch.setattr("ffsearch.search.data.features.preprocess._ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(ready.fit_all().x, whole)


@pytest.mark.parametrize("odd", ["1_000", "none of this", " 7 ", "?"])
def test_numbers_of_a_piece_are_those_of_its_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    cells = [f"{number / 8}" for number in range(400)]
    cells[333] = odd
    (tmp_path / "rows.csv").write_text("a,b\n" + "".join(f"{cell},{cell}\n" for cell in cells))
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 300)
    rows = open_pieces(tmp_path / "rows.csv", needed=["a", "b"], id_column=None).read(["a"])
    read = list(rows)
    assert len(read) > 10
    assert any(pd.api.types.is_float_dtype(piece.frame["a"].dtype) for piece in read)
    for column in ("a", "b"):
        numbers = np.concatenate([Cells(piece.frame[column]).numbers for piece in read])
        np.testing.assert_array_equal(numbers, Cells(pd.Series(cells, dtype="str")).numbers)


def test_an_identifier_is_never_read_as_a_number(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n007\n1.50\n")
    (piece,) = open_pieces(tmp_path / "rows.csv", needed=["a"], id_column="a").read(["a"])
    assert isinstance(piece.ids, pa.Array)
    assert piece.ids.to_pylist() == ["007", "1.50"]


def test_a_matrix_is_shared_with_tensorflow_and_another_array_is_copied() -> None:
    from ffsearch.search.training.sharing import as_tensor

    matrix = aligned_empty((1000, 1000))
    matrix[:] = 1
    assert is_aligned(matrix)
    assert not is_aligned(matrix[:, 1:])
    shared = as_tensor(matrix)
    matrix[0, 0] = 5
    assert shared[0, 0] == 5
    part = np.array(matrix[1:, 1:])[:, :500]
    tensor = as_tensor(part)
    part[:] = 2
    assert (tensor.numpy() == 1).all()
