"""`ffsearch predict` and `ffsearch.load_model`: any file in, the model's own predictions out, whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ffsearch
from ffsearch.errors import DataError, ExportError
from ffsearch.search.cli import invoke
from ffsearch.search.data.features.preprocess import Preprocessor, learn_layout
from ffsearch.search.data.files import pieces
from ffsearch.search.folder.reader import MODEL
from ffsearch.search.network.heads import Task
from ffsearch.search.serving.packaged import PackagedModel, load_packaged
from ffsearch.search.serving.predict import predict_file
from ffsearch.search.wording.codes import Code
from model_examples import CATEGORIES, NUMBERS, a_model, a_run, mixed_table, raw_inputs, spoilt


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    a_model(path, Task.MULTICLASS)
    return path


@pytest.fixture(scope="module")
def packaged(model: Path) -> PackagedModel:
    return load_packaged(model)


@pytest.fixture
def loaded_once(packaged: PackagedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is loaded once for all tests that do not test loading."""
    monkeypatch.setattr("ffsearch.search.serving.predict.load_packaged", lambda path: packaged)


def answered(model: Path, data: Path, **options: Any) -> pd.DataFrame:
    out = data.with_name("answers.csv")
    predict_file(model, data, out=out, **options)
    return pd.read_csv(out, dtype={"id": "str", "prediction": "str"})


def expected_of(packaged: PackagedModel, frame: pd.DataFrame) -> pd.DataFrame:
    return packaged.predict(frame).reset_index(drop=True)


def same(got: pd.DataFrame, expected: pd.DataFrame) -> bool:
    numbers = [name for name in expected.columns if name != "prediction"]
    pd.testing.assert_frame_equal(got[numbers], expected[numbers], check_dtype=False, atol=1e-6)
    return list(got["prediction"]) == list(expected["prediction"])


@pytest.mark.usefixtures("loaded_once")
def test_in_pieces_as_in_one(
    model: Path, packaged: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = spoilt(mixed_table(3000))
    frame.to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 5_000)
    seen: list[int] = []
    got = answered(model, tmp_path / "rows.csv", id_column="id", on_rows=seen.append, lenient=True)
    assert len(seen) > 20
    assert seen[-1] == 3000
    assert list(got.columns) == ["id", "prediction", "p(x)", "p(=y)", "p(z)"]
    assert list(got["id"]) == list(frame["id"])
    assert same(got, expected_of(packaged, pd.read_csv(tmp_path / "rows.csv", dtype="str", keep_default_na=False)))
    frame.astype(dict.fromkeys(frame.columns, "str")).to_parquet(tmp_path / "rows.parquet")
    monkeypatch.setattr(pieces, "N_ROWS", 170)
    assert same(answered(model, tmp_path / "rows.parquet", lenient=True), expected_of(packaged, frame))


def as_text(frame: pd.DataFrame, **options: Any) -> str:
    text = frame.to_csv(index=False, **options)
    assert isinstance(text, str)
    return text


FILES = {
    "rows.csv": lambda frame: as_text(frame).encode(),
    "rows.tsv": lambda frame: as_text(frame, sep="\t").encode(),
    "marked.csv": lambda frame: as_text(frame, lineterminator="\r\n").encode("utf-8-sig"),
    "wide.csv": lambda frame: as_text(frame, sep=";").encode("utf-16"),
    "wider.csv": lambda frame: as_text(frame).encode("utf-32"),
    "packed.csv.gz": lambda frame: gzip.compress(as_text(frame, sep="|").encode()),
    "odd.txt": lambda frame: as_text(frame, sep="#").encode(),
    "latin.csv": lambda frame: as_text(frame.replace({"city": {"東京": "Köln"}})).encode("cp1252"),
    "typed.parquet": lambda frame: frame.to_parquet(),
    "packed.parquet.gz": lambda frame: gzip.compress(frame.to_parquet()),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.usefixtures("loaded_once")
def test_every_way_to_write_a_table(model: Path, packaged: PackagedModel, tmp_path: Path, name: str) -> None:
    frame = mixed_table(200, seed=4)
    (tmp_path / name).write_bytes(FILES[name](frame))
    if name == "latin.csv":
        frame = frame.replace({"city": {"東京": "Köln"}})
    got = answered(model, tmp_path / name)
    assert list(got["row"]) == list(range(1, 201))
    assert same(got, expected_of(packaged, frame))


@pytest.mark.usefixtures("loaded_once")
def test_columns_go_by_name_and_rows_may_lack_the_target(model: Path, packaged: PackagedModel, tmp_path: Path) -> None:
    frame = mixed_table(50)
    shuffled = frame[frame.columns[::-1]].assign(kind="x", extra=1)
    shuffled.to_csv(tmp_path / "rows.csv", index=False)
    assert same(answered(model, tmp_path / "rows.csv"), expected_of(packaged, frame))


def test_a_file_without_a_header_goes_by_place_as_it_did_in_training(tmp_path: Path) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["column_1", "column_2", "column_3"])
    raw = raw_inputs(rows, numbers=list(rows.columns)[1:], categories=[])
    preprocessor = Preprocessor.fit(learn_layout(raw), raw)
    model = tmp_path / "model.keras"
    packaged = a_model(model, Task.BINARY, preprocessor=preprocessor, sample=rows)
    rows.to_csv(tmp_path / "rows.csv", index=False, header=False)
    rows.to_csv(tmp_path / "named.csv", index=False)
    for name in ("rows.csv", "named.csv"):
        assert same(answered(model, tmp_path / name), expected_of(packaged, rows))


def test_values_of_several_targets_and_a_target_called_row(tmp_path: Path) -> None:
    packaged = a_model(tmp_path / "model.keras", Task.REGRESSION)
    frame = mixed_table(40)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    got = answered(tmp_path / "model.keras", tmp_path / "rows.csv")
    assert list(got.columns) == ["row number", "price", "row"]
    np.testing.assert_allclose(got[["price", "row"]], packaged.predictions(frame), rtol=1e-6)
    frame.assign(price=1).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"--id: the answers have a column 'price' of their own"):
        predict_file(tmp_path / "model.keras", tmp_path / "rows.csv", id_column="price")


@pytest.mark.usefixtures("loaded_once")
def test_identifiers_come_out_as_they_went_in(model: Path, tmp_path: Path) -> None:
    ids = ["007", "=cmd()", 'a "b"\n c', "1.0", " x ", ""]
    frame = mixed_table(6).assign(id=ids)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    predict_file(model, tmp_path / "rows.csv", out=tmp_path / "answers.parquet", id_column="id")
    assert list(pd.read_parquet(tmp_path / "answers.parquet")["id"]) == ids
    predictions = tmp_path / "answers.tsv"
    predict_file(model, tmp_path / "rows.csv", out=predictions, id_column="id")
    assert list(pd.read_csv(predictions, sep="\t", dtype="str", keep_default_na=False)["id"]) == ids
    frame.assign(id=range(6)).to_parquet(tmp_path / "rows.parquet")
    predict_file(model, tmp_path / "rows.parquet", out=tmp_path / "answers.parquet", id_column="id")
    assert pd.read_parquet(tmp_path / "answers.parquet")["id"].dtype == np.int64


@pytest.mark.usefixtures("loaded_once")
def test_a_column_that_is_needed_can_name_the_rows_too(model: Path, tmp_path: Path) -> None:
    mixed_table(20).to_csv(tmp_path / "rows.csv", index=False)
    assert "age" in answered(model, tmp_path / "rows.csv", id_column="age").columns


# --- errors ----------------------------------------------------------------------------------------------------------

ROWS = as_text(mixed_table(400))

FAULTS: dict[str, tuple[str, bytes, str]] = {
    "lacks": ("rows.csv", ROWS.replace("Größe", "Grösse", 1).encode(), r"lack 1 of .* 'Größe' \(is it 'Grösse'\?\)"),
    "empty": ("rows.csv", b" \n", "is empty"),
    "header": ("rows.csv", ROWS.splitlines()[0].encode(), "has a header line and no rows"),
    "ragged": ("rows.csv", (ROWS + "1,2\n").encode(), r"line 402: 2 fields where the first line has 9"),
    "torn": ("rows.csv", (ROWS + 'x,1,"Bern,1,2\n').encode(), r"line 402: a quote is opened here and never closed"),
    "nul": ("rows.csv", (ROWS + "x,1,\0,1,2\n").encode(), "NUL byte"),
    "workbook": ("rows.csv", b"PK\x03\x04" + ROWS.encode(), "no readable workbook"),
    "gzip": ("rows.csv.gz", gzip.compress(ROWS.encode())[:-20], "damaged or cut-off gzip"),
    "parquet": ("rows.parquet", b"PAR1 or not", "no readable Parquet file"),
    "twice": ("rows.csv", ROWS.replace("Größe", "age", 1).encode(), r"columns of the same name: 'age'|lack 1 of"),
    "promise": ("rows.csv", "\ufeff".encode("utf-16-le") + b"a", "promise"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("loaded_once")
def test_a_file_with_a_fault_is_refused_and_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    name, content, text = FAULTS[fault]
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 4_000)
    with pytest.raises(DataError, match=text):
        predict_file(model, tmp_path / name, out=tmp_path / "answers.csv")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(ROWS.encode()) - 1), byte=st.binary(min_size=1, max_size=2))
def test_a_changed_byte_is_a_clear_error_or_an_answer(
    place: int, byte: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "rows.csv"
    content = ROWS.encode()
    path.write_bytes(content[:place] + byte + content[place + 1 :])
    try:
        opened = pieces.open_pieces(path, needed=[*NUMBERS, *CATEGORIES], id_column=None)
        n_rows = sum(len(piece.frame) for piece in opened.rows)
    except DataError:
        return
    assert 0 < n_rows <= 402


@pytest.mark.usefixtures("loaded_once")
def test_places_and_names_that_cannot_be_are_refused(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text(ROWS, encoding="utf-8")
    with pytest.raises(ExportError, match=r"must end in \.csv, \.tsv or \.parquet"):
        predict_file(model, data, out=tmp_path / "answers.xlsx")
    with pytest.raises(ExportError, match="is what is read"):
        predict_file(model, data, out=tmp_path / "." / "rows.csv")
    with pytest.raises(ExportError, match="could not be written"):
        predict_file(model, data, out=tmp_path / "nowhere" / "answers.csv")
    with pytest.raises(DataError, match=r"--id: rows\.csv has no column 'ID' \(is it 'id'\?\)|has no column 'ID'"):
        predict_file(model, data, id_column="ID")
    with pytest.raises(DataError, match="does not exist"):
        predict_file(model, tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        predict_file(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_full_disk_leaves_the_older_answers(
    model: Path, packaged: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ffsearch.search.serving.predict.load_packaged", lambda path: packaged)
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "answers.csv").write_text("older")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"could not be written .*No space left on device"):
        predict_file(model, tmp_path / "rows.csv", out=tmp_path / "answers.csv")
    assert (tmp_path / "answers.csv").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "rows.csv"]


# --- the command line and Python -------------------------------------------------------------------------------------


def test_the_command_line_writes_csv_to_the_standard_output(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    packaged = a_run(tmp_path / "run", Task.BINARY)
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert invoke(["predict", str(tmp_path / "run"), str(tmp_path / "rows.csv"), "--id", "id"]) == 0
    out, err = capfdbinary.readouterr()
    lines = out.decode().splitlines()
    assert lines[0] == "id,prediction,p(no),p(yes)"
    assert len(lines) == 401
    assert b"400 rows in" in err
    expected = packaged.predictions(mixed_table(400).head(1))[0, 1]  # as one row: the last bit goes by the batch's size
    assert float(lines[1].split(",")[-1]) == pytest.approx(expected, rel=1e-6)
    (tmp_path / "rows.csv").write_text(ROWS.replace("age", "agee"), encoding="utf-8")
    assert invoke(["predict", str(tmp_path / "run"), str(tmp_path / "rows.csv"), "--quiet"]) == 2
    out, err = capfdbinary.readouterr()
    assert (out, err.decode()) == (
        b"",
        "error: These rows lack 1 of the columns that were trained on: 'age' (is it 'agee'?). Add or rename them.\n",
    )


def test_load_model_takes_frames_and_needs_the_file_alone(tmp_path: Path, model: Path) -> None:
    frame = mixed_table(30)
    frame.index = pd.Index([f"r{place}" for place in range(30)])
    loaded = ffsearch.load_model(model)
    assert loaded.classes == ("x", "=y", "z")
    assert loaded.targets == ("kind",)
    assert set(loaded.columns) == {*NUMBERS, *CATEGORIES}
    chances, labels = loaded.predict_proba(frame), loaded.predict(frame)
    assert list(chances.columns) == list(loaded.classes)
    assert chances.index.equals(frame.index)
    assert isinstance(labels, pd.Series)
    assert labels.name == "kind"
    assert list(labels) == list(chances.idxmax(axis=1))
    assert loaded.keras.output_shape == (None, 3)
    a_run(tmp_path / "run", Task.REGRESSION)
    values = ffsearch.load_model(tmp_path / "run")
    assert list(values.predict(frame).columns) == ["price", "row"]
    with pytest.raises(AttributeError, match="predicts values, which have no probabilities"):
        values.predict_proba(frame)
    (tmp_path / "run" / MODEL).unlink()
    with pytest.raises(ExportError, match="it was not refitted"):
        ffsearch.load_model(tmp_path / "run")
    with pytest.raises(ExportError, match="it is no run folder"):
        ffsearch.load_model(tmp_path)
    with pytest.raises(ExportError, match="There is no model file"):
        ffsearch.load_model(tmp_path / "none.keras")


@pytest.mark.usefixtures("loaded_once")
def test_rows_may_come_by_other_doors(
    model: Path, packaged: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    frame = mixed_table(60).astype(object)
    expected = expected_of(packaged, frame)
    frame.to_excel(tmp_path / "rows.xlsx", index=False, sheet_name="mine")
    assert same(answered(model, tmp_path / "rows.xlsx", sheet="mine", id_column="id"), expected)
    with pytest.raises(DataError, match="has no sheet 'yours'"):
        answered(model, tmp_path / "rows.xlsx", sheet="yours")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(frame.to_csv(index=False).encode())))
    predict_file(model, "-")
    assert same(pd.read_csv(io.BytesIO(capfdbinary.readouterr().out), dtype={"prediction": "str"}), expected)


@pytest.mark.usefixtures("loaded_once")
def test_rows_that_are_not_understood_leave_nothing(model: Path, tmp_path: Path, capfdbinary: Any) -> None:
    mixed_table(60).assign(age="old").to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match="'age': 60 of 60 cells are no numbers: 'old'"):
        predict_file(model, tmp_path / "rows.csv")
    assert capfdbinary.readouterr().out == b""
    with pytest.raises(DataError, match="--lenient"):
        answered(model, tmp_path / "rows.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]
    done = predict_file(model, tmp_path / "rows.csv", out=tmp_path / "out.csv", lenient=True)
    assert done.findings[0].code is Code.CELLS_UNREAD
    assert done.findings[0].values["column"] == "age"
