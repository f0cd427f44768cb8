"""A run made by an earlier version, on another machine, without its data: it is read and reported on all the same."""

from __future__ import annotations

import html
import zipfile
from pathlib import Path

import pytest

import ffsearch
from ffsearch.reports.html import write_report
from ffsearch.search.wording.language import LANGUAGES
from model_examples import skip_of_newer_keras

STORED = Path(__file__).parent.parent / "data" / "run.zip"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    folder = tmp_path_factory.mktemp("stored") / "iris"
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(folder)
    return ffsearch.load(folder)


def test_the_stored_run_is_small() -> None:
    assert STORED.stat().st_size < 100_000


def test_all_of_it_is_read(run: ffsearch.Run) -> None:
    assert run.is_finished
    assert run.verdict is not None
    assert run.best is not None
    assert len(run.trials) == 16
    assert set(run.curves["trial"]) == set(run.trials["trial"])
    assert run.best["trial"] in set(run.finalists["trial"])
    assert set(run.baselines["model"]) == {"network", "dummy", "linear", "boosting"}
    assert set(run.partners["factor"]) >= {"", "depth", "activation"}
    assert len(run.study.trials) == 16


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_is_reported_on(run: ffsearch.Run, tmp_path: Path, lang: str) -> None:
    page = html.unescape(write_report(run, tmp_path / "page.html", lang=lang).read_text(encoding="utf-8"))
    for section in ("answer", "network", "sure", "worth", "deeper", "mattered", "learning", "search", "errors", "data"):
        assert f'<section id="{section}"' in page
    assert "versicolor" in page
    assert not (run.path / "report.html").exists()


def test_its_model_answers(run: ffsearch.Run) -> None:
    import pandas as pd

    skip_of_newer_keras(run.path / "model" / "model.keras")
    model = ffsearch.load_model(run.path)
    rows = pd.DataFrame([[5.1, 3.5, 1.4, 0.2]], columns=["sepal_length", "sepal_width", "petal_length", "petal_width"])
    assert model.predict(rows).tolist() == ["setosa"]
