"""The saved model: raw columns in, the run's own predictions out, with and without ffsearch."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ffsearch.errors import DataError, ExportError
from ffsearch.search.data.features.preprocess import Preprocessor, learn_layout
from ffsearch.search.network.heads import Head, TargetScale, Task, default_loss, probabilities, values
from ffsearch.search.network.model import build_network
from ffsearch.search.network.topology import Activation, Point
from ffsearch.search.network.weights import initial_weights
from ffsearch.search.serving import layers, packaged
from ffsearch.search.serving.packaged import MEMBER, PackagedModel, load_packaged
from ffsearch.search.serving.packaging import save_model
from model_examples import raw_inputs

SEED = np.random.SeedSequence(11)
POINT = Point(depth=2, width=24, batch_norm=True, dropout=0.2, activation=Activation.SWISH, l2=1e-4)
SCALE = TargetScale(mean=np.array([2000.0, -3.0]), scale=np.array([40.0, 0.01]))
NUMBERS = ["age", "tiny / huge", "Größe (m²)"]
CATEGORIES = ["[UNK]", "code"]


def table(n_rows: int = 400, *, seed: int = 0) -> pd.DataFrame:
    """Names Keras forbids, missing cells, rare and awkward levels, numbers of very different sizes."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": generator.normal(40, 15, n_rows),
            "tiny / huge": generator.normal(0, 1, n_rows) * 10.0 ** generator.integers(-9, 9, n_rows),
            "Größe (m²)": generator.normal(1e7, 1, n_rows).astype(np.float32),
            "[UNK]": generator.choice(["[UNK]", "[other]", "a b", "日本", "Straße"], n_rows),
            "code": generator.choice(["1", "2.0", "07", "rare"], n_rows, p=[0.5, 0.3, 0.199, 0.001]),
        }
    )
    frame.loc[::7, "age"] = np.nan
    frame.loc[::11, "code"] = None
    return frame


def preprocessor_of(frame: pd.DataFrame, *, numbers: list[str], categories: list[str], **laid_out: Any) -> Preprocessor:
    raw = raw_inputs(frame, numbers=numbers, categories=categories)
    return Preprocessor.fit(learn_layout(raw, **laid_out), raw)


def head_of(task: Task) -> Head:
    n_outputs = {Task.REGRESSION: 2, Task.BINARY: 1, Task.MULTICLASS: 3}[task]
    labels = {Task.REGRESSION: (), Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("x", "y", "z")}[task]
    names = ("price", "a/b") if task is Task.REGRESSION else ("outcome",)
    return Head(task=task, loss=default_loss(task), n_outputs=n_outputs, target_names=names, labels=labels)


def save(path: Path, task: Task, *, frame: pd.DataFrame, **given: Any) -> tuple[PackagedModel, Preprocessor]:
    preprocessor = given.pop("preprocessor", None) or preprocessor_of(frame, numbers=NUMBERS, categories=CATEGORIES)
    head = head_of(task)
    weights = initial_weights(POINT, n_features=preprocessor.n_features, n_outputs=head.n_outputs, seed=SEED)
    arguments = {
        "point": POINT,
        "networks": [weights],
        "head": head,
        "preprocessor": preprocessor,
        "target_scale": SCALE if task is Task.REGRESSION else None,
        "sample": frame.head(100),
    }
    return save_model(path, **{**arguments, **given}), preprocessor


def by_matrix(task: Task, preprocessor: Preprocessor, frame: pd.DataFrame) -> NDArray[np.float64]:
    """The run's own path: the matrix, the network, the formulas."""
    head = head_of(task)
    network = build_network(POINT, head=head, n_features=preprocessor.n_features, seed=SEED)
    logits = np.asarray(network(preprocessor.transform(frame), training=False))
    return values(head, logits, scale=SCALE) if task is Task.REGRESSION else probabilities(head, logits)


@pytest.mark.parametrize("task", Task)
def test_the_saved_model_answers_as_the_matrix_path_does(tmp_path: Path, task: Task) -> None:
    frame = table()
    _, preprocessor = save(tmp_path / "model.keras", task, frame=frame)
    fresh = table(300, seed=1)
    fresh.loc[3, "[UNK]"] = "never seen"
    fresh.loc[4, "age"] = np.inf
    fresh.loc[5] = [None] * len(fresh.columns)
    loaded = load_packaged(tmp_path / "model.keras")
    expected = by_matrix(task, preprocessor, fresh)
    unit = SCALE.scale if task is Task.REGRESSION else 1.0
    for predictions in (loaded.predictions(fresh), loaded.predictions_of_matrix(preprocessor.transform(fresh))):
        assert float((np.abs(predictions - expected) / (unit + np.abs(expected))).max()) < 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(("numbers", "categories"), [(["age"], []), ([], ["code"]), (["tiny / huge"], ["[UNK]"])])
def test_one_column_is_enough(tmp_path: Path, numbers: list[str], categories: list[str]) -> None:
    frame = table()
    own = preprocessor_of(frame, numbers=numbers, categories=categories)
    model, _ = save(tmp_path / "model.keras", Task.BINARY, frame=frame, preprocessor=own)
    assert model.columns == (*numbers, *categories)
    np.testing.assert_allclose(model.predictions(frame), by_matrix(Task.BINARY, own, frame), atol=1e-5)


@pytest.mark.parametrize("numbers", [NUMBERS, ["age"]])
def test_bins_are_layers_too(tmp_path: Path, numbers: list[str]) -> None:
    frame = table()
    own = preprocessor_of(frame, numbers=numbers, categories=CATEGORIES, number_bins=7)
    assert sum(number.n_bins for number in own.numbers) >= 7
    model, _ = save(tmp_path / "model.keras", Task.BINARY, frame=frame, preprocessor=own)
    fresh = table(300, seed=1)
    fresh.loc[4, "age"] = np.inf
    np.testing.assert_allclose(model.predictions(fresh), by_matrix(Task.BINARY, own, fresh), atol=1e-5)


@pytest.mark.parametrize("numbers", [NUMBERS, ["age"]])
def test_normal_scores_are_layers_too(tmp_path: Path, numbers: list[str]) -> None:
    frame = table()
    own = preprocessor_of(frame, numbers=numbers, categories=CATEGORIES, quantiles=True)
    model, _ = save(tmp_path / "model.keras", Task.REGRESSION, frame=frame, preprocessor=own)
    fresh = table(300, seed=1)
    for place, odd in enumerate((np.inf, -np.inf, 1e30, -1e30, np.nan, 0.0)):
        fresh.loc[place, numbers] = odd
    expected = by_matrix(Task.REGRESSION, own, fresh)
    unit = SCALE.scale + np.abs(expected)
    assert float((np.abs(model.predictions(fresh) - expected) / unit).max()) < 1e-5


def test_a_category_whose_levels_are_all_rare_is_one_slot(tmp_path: Path) -> None:
    frame = table().assign(id=[f"row {i}" for i in range(400)])
    own = preprocessor_of(frame, numbers=["age"], categories=["id"])
    assert own.categories[0].levels == ()
    model, _ = save(tmp_path / "model.keras", Task.BINARY, frame=frame, preprocessor=own)
    np.testing.assert_allclose(model.predictions(frame), by_matrix(Task.BINARY, own, frame), atol=1e-5)


def test_predictions_carry_labels_names_and_index(tmp_path: Path) -> None:
    frame = table()
    frame.index = pd.RangeIndex(1000, 1400)
    model, _ = save(tmp_path / "binary.keras", Task.BINARY, frame=frame)
    told = model.predict(frame)
    assert list(told.columns) == ["prediction", "p(no)", "p(yes)"]
    assert told.index.equals(frame.index)
    np.testing.assert_allclose(told["p(no)"] + told["p(yes)"], 1, atol=1e-6)
    assert (told["prediction"] == np.where(told["p(yes)"] > 0.5, "yes", "no")).all()
    regression, _ = save(tmp_path / "regression.keras", Task.REGRESSION, frame=frame)
    assert list(regression.predict(frame).columns) == ["price", "a/b"]
    assert regression.predict(frame.head(0)).shape == (0, 2)


def test_columns_go_by_name(tmp_path: Path) -> None:
    frame = table()
    model, _ = save(tmp_path / "model.keras", Task.MULTICLASS, frame=frame)
    shuffled = frame[frame.columns[::-1]].assign(extra=1.0)
    np.testing.assert_array_equal(model.predictions(shuffled), model.predictions(frame))
    with pytest.raises(DataError, match=r"lack 1 of the columns that were trained on: 'age' \(is it 'Age'\?\)"):
        model.predictions(frame.rename(columns={"age": "Age"}))


def test_tensorflow_has_nothing_to_warn_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the number of rows, and of models in one process."""
    frame = table()
    model, _ = save(tmp_path / "model.keras", Task.MULTICLASS, frame=frame)
    assert [len(model.predictions(frame.head(n_rows))) for n_rows in (7, 1, 0, 300)] == [7, 1, 0, 300]
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for _ in range(8):
            load_packaged(tmp_path / "model.keras").predictions(frame)
    assert not caplog.records


def test_many_rows_are_answered_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table()
    model, _ = save(tmp_path / "model.keras", Task.BINARY, frame=frame)
    whole = model.predictions(frame)
    monkeypatch.setattr(packaged, "_CHUNK_ROWS", 130)
    np.testing.assert_allclose(model.predictions(frame), whole, atol=1e-6)


WITHOUT_FFSEARCH = """
import sys, json, zipfile
sys.modules["ffsearch"] = None   # any import of it fails
import keras, numpy as np, tensorflow as tf
model = keras.models.load_model(sys.argv[1])
facts = json.loads(zipfile.ZipFile(sys.argv[1]).read("ffsearch.json"))
given = {one["input"]: tf.constant([[0.5], [float("nan")]]) if one["kind"] == "number" else tf.constant([["1"], [""]])
         for one in facts["inputs"]}
print(json.dumps(model(given).numpy().tolist()))
"""


def test_keras_alone_loads_it_in_safe_mode(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model, _ = save(path, Task.BINARY, frame=table())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FFSEARCH, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    frame = pd.DataFrame({name: [0.5, np.nan] for name in NUMBERS} | {name: ["1", None] for name in CATEGORIES})
    np.testing.assert_allclose(json.loads(done.stdout), model.predictions(frame), atol=1e-6)


def test_the_facts_travel_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    _, preprocessor = save(path, Task.REGRESSION, frame=table(), notes={"run": "runs/x"})
    with zipfile.ZipFile(path) as archive:
        facts = json.loads(archive.read(MEMBER))
    assert facts["inputs"][1] == {"column": "tiny / huge", "input": "number_1", "kind": "number"}
    assert facts["target_names"] == ["price", "a/b"]
    assert facts["notes"] == {"run": "runs/x"}
    assert Preprocessor.from_dict(facts["preprocessor"]) == preprocessor
    assert keras.models.load_model(path).output_shape == (None, 2)


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.keras"
    path.write_text("the old one")
    monkeypatch.setattr(layers, "CLIP", 2.9)
    with pytest.raises(
        ExportError, match=r"answers otherwise than the run: by 0\.\d+ on 100 rows, where 1e-05 is allowed"
    ):
        save(path, Task.BINARY, frame=table())
    assert [one.name for one in tmp_path.iterdir()] == ["model.keras"]
    assert path.read_text() == "the old one"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"could not be written to .*nowhere"):
        save(tmp_path / "nowhere" / "model.keras", Task.BINARY, frame=table())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' save, with NumPy 2
def test_what_is_no_model_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="There is no model file"):
        load_packaged(tmp_path / "model.keras")
    (tmp_path / "text.keras").write_text("no archive")
    with pytest.raises(ExportError, match="is not a model ffsearch saved, or it is damaged"):
        load_packaged(tmp_path / "text.keras")
    foreign = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    foreign.save(tmp_path / "foreign.keras")
    with pytest.raises(ExportError, match=r"There is no item named 'ffsearch\.json'"):
        load_packaged(tmp_path / "foreign.keras")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' save, with NumPy 2
def test_a_file_of_a_newer_keras_that_this_one_cannot_read_names_both(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "own.keras")
    with zipfile.ZipFile(tmp_path / "own.keras") as own:
        members = {name: own.read(name) for name in own.namelist()}
    members["config.json"] = members["config.json"].replace(b'"Dense"', b'"DenseOfLater"')
    members |= {"metadata.json": b'{"keras_version": "99.1.0"}', MEMBER: b"{}"}
    with zipfile.ZipFile(tmp_path / "newer.keras", "w") as newer:
        for name, content in members.items():
            newer.writestr(name, content)
    ours = re.escape(keras.__version__)
    with pytest.raises(ExportError, match=rf"written with Keras 99\.1\.0, and Keras {ours}, .*keras>=99\.1\.0"):
        load_packaged(tmp_path / "newer.keras")


@pytest.mark.parametrize("task", Task)
def test_a_wide_model_answers_without_loading_its_inputs(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ffsearch.search.serving.packaging._MANY_INPUTS", 3)
    frame = table()
    _, preprocessor = save(tmp_path / "wide.keras", task, frame=frame)
    wide = load_packaged(tmp_path / "wide.keras")
    fresh = table(seed=1)
    with monkeypatch.context() as patched:
        patched.setattr(keras.models, "load_model", None)
        predictions = wide.predictions(fresh)
    np.testing.assert_allclose(predictions, by_matrix(task, preprocessor, fresh), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(wide.predictions_of_keras(fresh), predictions, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(wide.predictions_of_matrix(preprocessor.transform(fresh)), predictions)
    assert wide.model is wide.model
