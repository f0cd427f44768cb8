"""Exports: every format answers as the run does, by its own runtime, or nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ffsearch
from ffsearch.errors import ExportError
from ffsearch.search.base.texts import as_texts
from ffsearch.search.cli import invoke
from ffsearch.search.data.parsing import moments, written
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.exporting import export, formats, host, runtimes
from ffsearch.search.exporting.checks import awkward_rows, read_held_out
from ffsearch.search.exporting.coded import CodedModel
from ffsearch.search.exporting.export import export_run
from ffsearch.search.exporting.formats import Format
from ffsearch.search.exporting.kit import example_rows
from ffsearch.search.folder.reader import CHECK, MODEL
from ffsearch.search.network.heads import TargetScale, Task
from ffsearch.search.network.topology import Activation
from ffsearch.search.serving.packaged import PackagedModel, load_packaged
from ffsearch.search.serving.packaging import largest_difference
from model_examples import CATEGORIES, NUMBERS, POINT, a_run, mixed_table, raw_inputs, spoilt


def needs(kind: Format, *marks: pytest.MarkDecorator) -> Any:
    missing = [module for module in formats.PACKAGES[kind] if find_spec(module) is None]
    lacking = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")
    return pytest.param(kind, marks=(lacking, *marks))


EVERY = [needs(kind) for kind in Format]
SERVED = [needs(kind, *([] if kind in (Format.LITERT, Format.ONNX) else [pytest.mark.slow])) for kind in Format]
CODED = [needs(kind) for kind in (Format.LITERT, Format.ONNX)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "binary"
    a_run(path, Task.BINARY)
    return path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def close(predictions: NDArray[Any], expected: NDArray[Any], packaged: PackagedModel) -> bool:
    return largest_difference(predictions, expected, spread=packaged.facts["target_spread"]) <= 1e-5


@pytest.mark.parametrize("kind", EVERY)
def test_10_000_spoilt_rows_are_answered_alike_in_every_format(run: Path, tmp_path: Path, kind: Format) -> None:
    done = export_run(run, kind, out=tmp_path / f"model{kind.suffix}")
    assert (done.n_held_out, done.n_made_up) == (80, 512)
    assert done.difference < 1e-5
    packaged = load_packaged(run / MODEL)
    rows = spoilt(mixed_table(10_000, seed=1))
    expected = packaged.predictions(rows)
    assert np.isfinite(expected).all()
    assert len(np.unique(expected[:, 0].round(3))) > 50
    assert close(runtimes.predictions_of(packaged, done.path, kind, rows), expected, packaged)
    beside = {f"model{kind.suffix}.serve"} | (set() if kind is Format.KERAS else {f"model{kind.suffix}.json"})
    assert {path.name for path in tmp_path.iterdir()} == {f"model{kind.suffix}"} | beside


@pytest.mark.slow
@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
@pytest.mark.parametrize("kind", EVERY)
def test_every_task_in_every_format(tmp_path: Path, kind: Format, task: Task) -> None:
    packaged = a_run(tmp_path / "run", task)
    done = export_run(tmp_path / "run", kind)
    assert done.path == tmp_path / "run" / "export" / kind.default_name
    rows = spoilt(mixed_table(200, seed=1))
    assert close(runtimes.predictions_of(packaged, done.path, kind, rows), packaged.predictions(rows), packaged)


@pytest.mark.parametrize("kind", EVERY)
def test_targets_far_from_zero_keep_their_digits_in_every_format(tmp_path: Path, kind: Format) -> None:
    """1,000,000,000 and a little: float32 has 64 between two neighbours there."""
    far = TargetScale(mean=np.array([1e9, -3e12]), scale=np.array([0.05, 40.0]))
    packaged = a_run(tmp_path / "run", Task.REGRESSION, target_scale=far)
    if kind is Format.LITERT:  # which computes with 32 bits
        with pytest.raises(ExportError, match=r"its digits need 64-bit numbers.*Export onnx or saved_model"):
            export_run(tmp_path / "run", kind)
        return
    done = export_run(tmp_path / "run", kind)
    rows = spoilt(mixed_table(200, seed=1))
    predictions = runtimes.predictions_of(packaged, done.path, kind, rows)
    assert predictions.dtype == np.float64
    assert len(np.unique(predictions[:, 0])) > 100
    assert close(predictions, packaged.predictions(rows), packaged)


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERY)
def test_normal_scores_of_numbers_in_every_format(tmp_path: Path, kind: Format) -> None:
    packaged = a_run(tmp_path / "run", Task.REGRESSION, quantiles=True)
    done = export_run(tmp_path / "run", kind)
    rows = spoilt(mixed_table(200, seed=1))
    assert close(runtimes.predictions_of(packaged, done.path, kind, rows), packaged.predictions(rows), packaged)


@pytest.mark.slow
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("kind", CODED)
def test_every_activation_in_the_converted_formats(tmp_path: Path, kind: Format, activation: Activation) -> None:
    a_run(tmp_path / "run", Task.BINARY, point=POINT.__class__(depth=1, width=8, activation=activation, dropout=0.1))
    assert export_run(tmp_path / "run", kind).difference < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("table", ["breast_cancer", "diabetes", "iris", "linnerud", "wine"])
def test_the_bundled_tables_from_a_run_to_every_format(tmp_path: Path, table: str) -> None:
    overrides = {"search.trials": 1, "train.max_epochs": 2, "evidence": "none"}
    run = ffsearch.run("tabular", data=f"sklearn:{table}", overrides=overrides, out=tmp_path / "run")
    for kind in Format:
        if all(find_spec(module) for module in formats.PACKAGES[kind]):
            done = export_run(run.path, kind)
            assert done.n_held_out == min(256, run.summary["data"]["n_test"])
            assert done.difference < 1e-5


# --- without ffsearch, or without the run's data ---------------------------------------------------------------------


WITH_ONNXRUNTIME_ALONE = """
import sys, json, importlib.util
for name in ("ffsearch", "keras", "tensorflow", "pandas"):
    sys.modules[name] = None   # any import of it fails
import onnxruntime
spec = importlib.util.spec_from_file_location("host", sys.argv[1])
host = importlib.util.module_from_spec(spec)
spec.loader.exec_module(host)
feed = host.encode(json.loads(sys.argv[3]), json.load(open(sys.argv[2] + ".json", encoding="utf-8")))
print(json.dumps(onnxruntime.InferenceSession(sys.argv[2]).run(None, feed)[0].tolist()))
"""


def test_onnxruntime_and_the_host_function_answer_without_ffsearch(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    done = export_run(run, Format.ONNX, out=tmp_path / "model.onnx")
    for part in (host, moments, written):
        shutil.copy(str(part.__file__), tmp_path)
    told = subprocess.run(
        [sys.executable, "-c", WITH_ONNXRUNTIME_ALONE, str(tmp_path / "host.py"), str(done.path), json.dumps(ROWS)],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    expected = load_packaged(run / MODEL).predictions(pd.DataFrame(ROWS, dtype=object))
    np.testing.assert_allclose(json.loads(told.stdout), expected, atol=1e-5)


ROWS: list[dict[str, Any]] = [
    {
        "age": 39.5, "income / year": "1e3", "rent": "(€1.250,75)", "since": "13 May 2021 3:30 PM",
        "city": " Bern ", "Größe": 2.0, "grade": "mid", "shop": "shop 7",
    },
    {
        "age": None, "income / year": "?", "rent": 1250.75, "since": "2021-03-02",
        "city": "never seen", "Größe": None, "grade": "top", "shop": "shop 0",
    },
]  # fmt: skip
"""Rows as a web service gets them."""


def served(kit: Path, request: str, *, elsewhere: Path) -> Any:
    """What serve.py says, run where ffsearch is found only if it was installed."""
    told = subprocess.run(
        [sys.executable, str(kit / "serve.py")], input=request,
        capture_output=True, text=True, encoding="utf-8", timeout=180, check=False, cwd=elsewhere,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@pytest.mark.parametrize("kind", SERVED)
def test_serve_answers_rows_as_the_model_does(run: Path, tmp_path: Path, kind: Format) -> None:
    done = export_run(run, kind, out=tmp_path / "there" / kind.default_name)
    moved = (tmp_path / "there").rename(tmp_path / "server")  # a kit finds its model wherever both lie
    kit = moved / done.kit.name
    expected = load_packaged(run / MODEL).predict(pd.DataFrame(ROWS, dtype=object))
    answers = served(kit, json.dumps(ROWS), elsewhere=tmp_path)
    assert [one["label"] for one in answers] == [str(label) for label in expected["prediction"]]
    shares = [list(one["probabilities"].values()) for one in answers]
    np.testing.assert_allclose(shares, expected.iloc[:, 1:].to_numpy(), atol=1e-5)
    assert [f"p({label})" for label in answers[0]["probabilities"]] == list(expected.columns[1:])
    example = (kit / "example_request.json").read_text(encoding="utf-8")
    assert len(served(kit, example, elsewhere=tmp_path)) == 2
    if kind is not Format.KERAS:
        assert "ffsearch" not in (kit / "serve.py").read_text(encoding="utf-8")


@pytest.mark.slow
def test_values_by_target_are_served_and_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    a_run(tmp_path / "run", Task.REGRESSION)
    done = export_run(tmp_path / "run", Format.SAVED_MODEL)
    expected = load_packaged(tmp_path / "run" / MODEL).predict(pd.DataFrame(ROWS, dtype=object))
    answers = served(done.kit, json.dumps(ROWS), elsewhere=tmp_path)
    assert list(answers[0]) == list(expected.columns)
    np.testing.assert_allclose([list(one.values()) for one in answers], expected.to_numpy(), rtol=1e-5)
    theirs = tmp_path / "model.keras.serve"
    theirs.mkdir()
    with pytest.raises(ExportError, match=r"model.keras.serve.* is not ours: move it"):
        export_run(tmp_path / "run", Format.KERAS, out=tmp_path / "model.keras")


def test_an_example_tells_no_row_of_the_table(run: Path) -> None:
    packaged = load_packaged(run / MODEL)
    held_out = read_held_out(run / CHECK, packaged)
    assert held_out is not None
    for row in example_rows(packaged):
        assert list(row) == list(packaged.columns)
        assert not any(
            all(str(cells[name]) == str(cell) for name, cell in row.items()) for _, cells in held_out.frame.iterrows()
        )


cells = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=6),
    st.sampled_from(sorted(MISSING)), st.sampled_from(["2.0", " 2", "1e400", "-1e39", "07", "1_0", "٣", "inf", "Bern"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(number=cells, text=cells)
def test_the_host_function_reads_cells_as_the_model_file_does(number: Any, text: Any) -> None:
    inputs = {
        "missing": sorted(MISSING),
        "inputs": [
            {"input": "number_0", "column": "a", "kind": "number"},
            {"input": "category_0", "column": "b", "kind": "category", "levels": ["", "2", "Bern", "True", "07"]},
        ],
    }
    frame = pd.DataFrame({"a": pd.Series([number], dtype=object), "b": pd.Series([text], dtype=object)})
    raw = raw_inputs(frame, numbers=["a"], categories=["b"])
    levels = {"category_0": ("", "2", "Bern", "True", "07")}
    expected = CodedModel(model=None, levels=levels).feed({"number_0": raw["a"], "category_0": raw["b"]})
    got = host.encode([{"a": number, "b": text}], inputs, lenient=True)
    for name in expected:
        assert got[name].dtype == expected[name].dtype
        np.testing.assert_array_equal(got[name], expected[name])


def test_a_run_without_held_out_rows_is_checked_on_made_up_ones_and_says_so(run: Path, tmp_path: Path) -> None:
    kept = (run / CHECK).read_bytes()
    (run / CHECK).unlink()
    try:
        done = export_run(run, Format.KERAS, out=tmp_path / "model.keras")
    finally:
        (run / CHECK).write_bytes(kept)
    assert done.n_held_out == 0
    assert any("no held-out rows" in line for line in done.lines())


def test_held_out_rows_are_kept_as_they_were_without_columns_nobody_needs(run: Path) -> None:
    held_out = read_held_out(run / CHECK, load_packaged(run / MODEL))
    assert held_out is not None
    assert list(held_out.frame.columns) == [*NUMBERS, *CATEGORIES]
    pd.testing.assert_frame_equal(held_out.frame, mixed_table(80, seed=7)[[*NUMBERS, *CATEGORIES]].apply(as_texts))
    np.testing.assert_array_equal(held_out.predictions, load_packaged(run / MODEL).predictions(held_out.frame))


def test_awkward_rows_bring_every_kind_of_cell_to_every_column() -> None:
    columns = (*NUMBERS, *CATEGORIES)
    rows = awkward_rows(mixed_table()[list(columns)], columns)
    for name in columns:
        assert {None, 1e300, -1e300, "inf", "", "a level that nobody has seen"} <= set(rows[name])
    assert len(awkward_rows(pd.DataFrame(columns=list(columns)), columns)) == len(rows)


# --- what fails leaves nothing ---------------------------------------------------------------------------------------


def test_a_file_that_answers_otherwise_leaves_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(run)
    right = runtimes.predictions_of
    monkeypatch.setattr(runtimes, "predictions_of", lambda *given: right(*given) + np.float32(1e-4))
    with pytest.raises(ExportError, match=r"The keras file answers otherwise .* held-out rows: by .*1e-05 is allowed"):
        export_run(run, Format.KERAS)
    (tmp_path / "model.keras").write_text("the older one")
    with pytest.raises(ExportError, match="answers otherwise"):
        export_run(run, Format.KERAS, out=tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_text() == "the older one"
    with pytest.raises(ExportError, match="answers otherwise"):
        export_run(run, Format.KERAS, out=tmp_path / "new" / "model.keras")
    assert files(run) == before
    assert files(tmp_path) == {"model.keras"}


def test_a_model_that_answers_otherwise_than_when_it_was_made_is_not_exported(tmp_path: Path) -> None:
    a_run(tmp_path / "run", Task.REGRESSION)
    kept = pd.read_parquet(tmp_path / "run" / CHECK)
    kept["answer:0"] += 1.0
    kept.to_parquet(tmp_path / "run" / CHECK)
    with pytest.raises(
        ExportError, match=r"Today the run's own model answers otherwise than the run did on the held-out"
    ):
        export_run(tmp_path / "run", Format.KERAS)
    (tmp_path / "run" / CHECK).write_text("no Parquet")
    with pytest.raises(ExportError, match=r"check\.parquet cannot be read .*delete it"):
        export_run(tmp_path / "run", Format.KERAS)
    assert not (tmp_path / "run" / "export").exists()


def test_a_converter_that_fails_is_told_in_its_own_words(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise TypeError("no such operation\nand a long story")

    monkeypatch.setitem(runtimes._WRITERS, Format.SAVED_MODEL, fail)
    with pytest.raises(ExportError, match=r"cannot be written as saved_model: TypeError: no such operation Nothing"):
        export_run(run, Format.SAVED_MODEL, out=tmp_path / "model")
    assert files(tmp_path) == set()


def test_an_older_export_is_replaced_and_nothing_else(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = iter(["the first", "the second", "the third"])

    def write(packaged: PackagedModel, source: Path, target: Path) -> None:
        target.mkdir()
        (target / "saved_model.pb").write_text(next(contents))

    def predictions(packaged: PackagedModel, target: Path, kind: Format, rows: pd.DataFrame) -> NDArray[np.float32]:
        return packaged.predictions(rows)

    monkeypatch.setitem(runtimes._WRITERS, Format.SAVED_MODEL, write)
    monkeypatch.setattr(runtimes, "predictions_of", predictions)
    for _ in range(2):
        assert export_run(run, Format.SAVED_MODEL, out=tmp_path / "served").path == tmp_path / "served"
    assert {path for path in files(tmp_path) if ".serve" not in path} == {"served", "served/saved_model.pb"}
    assert (tmp_path / "served" / "saved_model.pb").read_text() == "the second"

    real = os.replace

    def full(source: Path, target: Path) -> None:
        model = Path(source) / "saved_model.pb"
        if model.exists() and model.read_text() == "the third":
            raise OSError(28, "No space left on device")
        real(source, target)

    with monkeypatch.context() as last_move:
        last_move.setattr(os, "replace", full)
        with pytest.raises(ExportError, match="could not be written: No space left"):
            export_run(run, Format.SAVED_MODEL, out=tmp_path / "served")
    assert {path for path in files(tmp_path) if ".serve" not in path} == {"served", "served/saved_model.pb"}
    assert (tmp_path / "served" / "saved_model.pb").read_text() == "the second"
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "thesis.tex").touch()
    with pytest.raises(ExportError, match=r"is there and is no SavedModel, so it is not replaced"):
        export_run(run, Format.SAVED_MODEL, out=tmp_path / "documents")
    assert (tmp_path / "documents" / "thesis.tex").exists()


def test_places_that_cannot_be_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"does not end in \.keras.*Write --out .*data\.keras"):
        export_run(run, Format.KERAS, out=tmp_path / "data.csv")
    with pytest.raises(ExportError, match="is the run's own model"):
        export_run(run, Format.KERAS, out=run / MODEL)
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ExportError, match=r"is a folder. Name a file in it"):
        export_run(run, Format.KERAS, out=tmp_path / "folder.keras")
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="could not be written"):
        export_run(run, Format.KERAS, out=tmp_path / "file" / "model.keras")


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match=r'needs onnx and tf2onnx and onnxruntime.*pip install "ffsearch\[onnx\]"'):
        export_run(run, Format.ONNX)


def test_the_command_line_says_what_was_written_and_what_is_legal(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model.keras"
    assert invoke(["export", str(run), "--format", "keras", "--out", str(target)]) == 0
    assert capfd.readouterr().out.splitlines() == [
        f"wrote    {target}",
        f"serve    {target}.serve/serve.py: answers rows; example_request.json beside it shows how they are given",
        "checked  on 80 held-out and 512 awkward rows by its own runtime: the same answers to 1e-09",
    ]
    assert invoke(["export", str(run), "--format", "tflite"]) == 2
    assert "'keras', 'saved_model', 'litert', 'onnx'" in " ".join(capfd.readouterr().err.split())
    assert invoke(["export", str(run), "--format", "onnx", "--out", str(tmp_path / "x.txt")]) == 2
    assert capfd.readouterr().err.startswith("error: --out ")


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ffsearch.RunError, match="does not exist"):
        export_run(tmp_path / "none", Format.KERAS)
    a_run(tmp_path / "run", Task.BINARY)
    (tmp_path / "run" / MODEL).unlink()
    with pytest.raises(ExportError, match=r"has no model/model\.keras: it was not refitted"):
        export_run(tmp_path / "run", Format.KERAS)
    assert export.FOLDER not in files(tmp_path / "run")
