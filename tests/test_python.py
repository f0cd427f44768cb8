"""The main jobs from Python: what `ffsearch` offers, and how it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ffsearch
from ffsearch.search.api.speaking import in_python

SMALL = {
    "data.valid": {"holdout": 0.3}, "train.max_epochs": 3, "space.depth": 1, "space.width": 8,
}  # fmt: skip


@pytest.fixture
def frame() -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=(120, 2))
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(x.sum(axis=1) > 0, "up", "down")})


def test_a_frame_alone_is_searched_and_reported(frame: pd.DataFrame, tmp_path: Path) -> None:
    run = ffsearch.run(
        frame, target="y", trials=2, seed=3, evidence="none", overrides=SMALL, out=tmp_path / "run", progress=False
    )
    assert len(run.trials) == 2
    assert run.results.search.seed == 3
    assert (tmp_path / "run" / "report.html").is_file()
    again = ffsearch.run(
        "tabular", data=frame, target="y", trials=2, seed=3, evidence="none", overrides=SMALL, out=tmp_path / "run"
    )
    assert again.trials.equals(run.trials)  # the same run, said in another way, is not trained again
    shown = [tmp_path / "run" / "report.html", tmp_path / "run" / "model" / "card.md"]
    for path in shown:  # as a kill leaves it that comes between the summary and them
        path.unlink()
    ffsearch.run(
        frame, target="y", trials=2, seed=3, evidence="none", overrides=SMALL, out=tmp_path / "run", progress=False
    )
    assert all(path.is_file() for path in shown)


def test_what_is_shown_meanwhile_is_chosen(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"target": "y", "trials": 1, "evidence": "none", "overrides": SMALL}
    ffsearch.run(frame, out=tmp_path / "silent", **options)
    assert capsys.readouterr().out == ""
    ffsearch.run(frame, out=tmp_path / "shown", progress=True, **options)
    assert "best topology" in capsys.readouterr().out


def test_names_are_said_as_python_says_them(frame: pd.DataFrame) -> None:
    with pytest.raises(ffsearch.SpaceError, match=r"trials=: search\.trials: -1 is too small"):
        ffsearch.run(frame, target="y", trials=-1)
    with pytest.raises(ffsearch.SpaceError, match="Two tables were given"):
        ffsearch.run(frame, data="sklearn:wine")
    with pytest.raises(ffsearch.SpaceError, match="Two tables were given"):
        ffsearch.run("sklearn:iris", data="sklearn:wine")


def test_all_public_names_are_listed_and_there() -> None:
    names = dir(ffsearch)
    assert "annotations" not in names
    assert {"run", "load", "load_model", "compare", "export", "init", "FFSearchClassifier"} <= set(names)
    assert all(callable(getattr(ffsearch, name)) or name == "__version__" for name in names)


def test_a_space_file_is_written_and_a_format_asked_for(tmp_path: Path) -> None:
    path = ffsearch.init("sklearn:wine", out=tmp_path / "wine.yaml")
    assert ffsearch.load_space(path).data.source == "sklearn:wine"
    with pytest.raises(ffsearch.ExportError, match=r"'tflite' is no format. Legal: keras, saved_model, litert, onnx"):
        ffsearch.export(tmp_path, "tflite")
    with pytest.raises(ffsearch.RunError, match="a comparison needs two or more"):
        ffsearch.compare([])


def test_a_row_is_a_dict_and_rows_are_a_list_of_them(frame: pd.DataFrame, tmp_path: Path) -> None:
    run = ffsearch.run(frame, target="y", trials=1, evidence="none", overrides=SMALL, out=tmp_path / "run")
    model = ffsearch.load_model(run.path)
    rows = frame[["a", "b"]].to_dict("records")
    assert model.predict(rows).tolist() == model.predict(frame).tolist()
    assert model.predict(rows[0]).tolist() == model.predict(frame[:1]).tolist()
    columns = {name: frame[name].tolist() for name in ("a", "b")}
    assert model.predict_proba(columns).equals(model.predict_proba(frame))
    with pytest.raises(ffsearch.DataError, match="Rows were given as ndarray, and columns are found by their names"):
        model.predict(frame[["a", "b"]].to_numpy())  # type: ignore[arg-type]
    raw = run.model()  # as docs/python.md says it: a dict of raw columns in, probabilities out
    assert {one.name for one in raw.inputs} == {"a", "b"}
    answered = raw({name: np.array(values).reshape(-1, 1) for name, values in columns.items()})
    positive = model.predict_proba(frame)[model.classes[1]].to_numpy()
    np.testing.assert_allclose(np.asarray(answered).reshape(len(frame), -1)[:, -1], positive, atol=1e-5)


def test_errors_of_a_call_name_its_parameters(frame: pd.DataFrame, tmp_path: Path) -> None:
    options: dict[str, Any] = {"target": "y", "evidence": "none", "overrides": SMALL, "out": tmp_path / "run"}
    ffsearch.run(frame, trials=1, **options)
    with pytest.raises(ffsearch.RunError, match=r"(?s)search\.seed: 0 there, 3 here.*fresh=True .*out= to") as raised:
        ffsearch.run(frame, trials=1, seed=3, **options)
    assert "--" not in str(raised.value)
    with pytest.raises(ffsearch.DataError, match=r"Name it \(target=, or data\.target in the space\)"):
        ffsearch.run(frame.rename(columns={"y": "z"}), trials=1)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Use --fresh, or --out to choose another.", "Use fresh=True, or out= to choose another."),
        ("or --ray local for one here, or --workers N.", 'or ray="local" for one here, or workers=N.'),
        ("or a smaller study: --set preset=quick.", 'or a smaller study: overrides={"preset": "quick"}.'),
        ("Give --trials 40, or a longer --budget, or", "Give trials=40, or a longer budget=, or"),
        ("The same command goes on; with --finish it ends.", "The same call goes on; with finish=True it ends."),
        ("--out 'a b.onnx' does not end in .tflite", "out='a b.onnx' does not end in .tflite"),
        ("a column -- such as this one -- and 3--4", "a column -- such as this one -- and 3--4"),
    ],
)  # fmt: skip
def test_what_is_an_option_for_a_command_is_a_parameter_for_a_call(said: str, meant: str) -> None:
    assert in_python(said) == meant
    assert in_python(meant) == meant
