"""Run folders of release 0.1 open: shown, reported, compared, continued and asked for predictions.

`data/release-0.1/` holds what that release wrote: a search of eight trials on scikit-learn's wine table with quick
evidence, the same search killed after four trials, and a small capacity study. They stay for as long as the log's
schema is 1.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import ffsearch
from ffsearch.search.cli import app
from model_examples import skip_of_newer_keras

STORED = Path(__file__).parent / "data" / "release-0.1"
RUNS = ("search", "capacity", "interrupted")

Unpack = Callable[[str], Path]


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpack:
    def unpack(name: str) -> Path:
        with zipfile.ZipFile(STORED / f"{name}.zip") as stored:
            stored.extractall(tmp_path / name)
        return tmp_path / name

    return unpack


@pytest.fixture
def said() -> Callable[..., str]:
    def run(*command: str | Path) -> str:
        done = CliRunner().invoke(app, [str(word) for word in command], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "search",
            ["13 -> 28-28-28-28-28 -> 3 elu", "0.02678", "0.07253", "It is not settled which model is best"],
        ),
        ("interrupted", ["13 -> 203-203-203-203-203 -> 3 relu"]),
        ("capacity", ["control:tent"]),
    ],
)
def test_is_shown(name: str, words: list[str], unpacked: Unpack, said: Callable[..., str]) -> None:
    output = said("show", unpacked(name))
    assert [word for word in words if word not in " ".join(output.split())] == []


@pytest.mark.parametrize("lang", ["en", "pt-BR"])
@pytest.mark.parametrize("name", RUNS)
def test_is_reported_in_every_language(name: str, lang: str, unpacked: Unpack, said: Callable[..., str]) -> None:
    folder = unpacked(name)
    said("report", folder, "--lang", lang)
    page = (folder / ("report.html" if lang == "en" else f"report.{lang}.html")).read_text(encoding="utf-8")
    assert f'lang="{lang}"' in page
    assert len(page) > 20_000


def test_is_compared_with_another(unpacked: Unpack, said: Callable[..., str], tmp_path: Path) -> None:
    search = unpacked("search")
    other = tmp_path / "other"
    shutil.copytree(search, other)
    said("report", "--compare", search, other, "--out", tmp_path / "both.html")
    assert "sklearn:wine" in (tmp_path / "both.html").read_text(encoding="utf-8")


def test_all_are_listed_with_their_state(unpacked: Unpack, said: Callable[..., str], tmp_path: Path) -> None:
    for name in RUNS:
        unpacked(name)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "log.jsonl").write_text("{}\n")
    listed = " ".join(said("list", tmp_path).split())  # lines are as long as the terminal is wide
    assert all(str(tmp_path / name) in listed for name in (*RUNS, "torn"))
    assert "log loss 0.07253 on sealed rows. Not settled: " in listed
    assert "not finished: the command that started it goes on with it" in listed
    assert "cannot be read: " in listed


def test_its_model_predicts_what_it_predicted(unpacked: Unpack, said: Callable[..., str], tmp_path: Path) -> None:
    folder = unpacked("search")
    skip_of_newer_keras(folder / "model" / "model.keras")
    said("predict", folder, folder / "rows.csv", "--out", tmp_path / "answers.csv")
    found, expected = pd.read_csv(tmp_path / "answers.csv"), pd.read_csv(folder / "expected.csv")
    assert list(found.columns) == list(expected.columns)
    assert list(found["prediction"]) == list(expected["prediction"])
    shares = [name for name in expected.columns if name.startswith("p(")]
    np.testing.assert_allclose(found[shares], expected[shares], atol=1e-5)


def test_is_read_in_a_notebook(unpacked: Unpack) -> None:
    run = ffsearch.load(unpacked("search"))
    assert run.best["topology"].startswith("13 -> 28-28-28-28-28 -> 3 elu")
    assert len(run.trials) == 8
    assert run.summary["evidence"]["test"]
    assert {"trial", "epoch", "train_loss", "valid_loss"} <= set(run.curves.columns)


@pytest.mark.slow
def test_goes_on_where_it_was_killed(unpacked: Unpack) -> None:
    """Trials that were told stay as they were, by the space file that the folder holds."""
    folder = unpacked("interrupted")
    before = ffsearch.load(folder).trials.set_index("trial")
    run = ffsearch.run(folder / "space.yaml", out=folder, overrides={"evidence": "none"})
    after = run.trials.set_index("trial")
    assert len(after) == 8
    assert run.is_finished
    told = [name for name in before.columns if name not in ("train_s", "compile_s")]
    pd.testing.assert_frame_equal(after.loc[before.index, told], before[told], check_dtype=False)
