"""The notebooks run from top to bottom: reading on a stored run, searching on a small table of its own."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.needs_checkout

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"


SMALL_STUDY = """{
    "data.rows": 200, "capacity.depths": [1, 2], "capacity.budgets": [60, 200], "capacity.seeds": 2,
    "capacity.updates": 20, "capacity.learning_rates": {"low": 0.001, "high": 0.01, "n": 2},
}"""


def executed(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, swap: tuple[str, str] = ("", "")
) -> list[nbformat.NotebookNode]:
    """The cells of a notebook after it ran in a folder; a cell that fails raises. `swap`: a text for a quicker one."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for `!ffsearch`
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(*swap) if swap[0] else cell.source
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    cells: list[nbformat.NotebookNode] = notebook.cells
    return cells


def shown(cells: list[nbformat.NotebookNode]) -> list[str]:
    """Kinds of what the cells showed, and the text of what they printed."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return [kind for output in outputs for kind in output.get("data", {})] + [o["text"] for o in outputs if "text" in o]


def test_a_saved_run_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(ROOT / "tests/data/run.zip") as stored:
        stored.extractall(tmp_path / "runs/tabular")
    seen = shown(executed("read_a_run.ipynb", tmp_path, monkeypatch))
    assert seen.count("image/png") == 5
    assert "text/html" in seen
    assert (tmp_path / "history.pdf").exists()
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_a_csv_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = shown(executed("from_csv_to_model.ipynb", tmp_path, monkeypatch))
    assert any("setosa" in text or "versicolor" in text or "virginica" in text for text in seen)
    assert (tmp_path / "answers.csv").exists()
    assert list(tmp_path.glob("runs/*/export/*"))


def test_notebooks_are_stored_without_what_they_showed() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert all(not cell.get("outputs") for cell in notebook.cells), path.name


@pytest.mark.slow
def test_depth_is_weighed_against_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swap = ('{"preset": "quick"}', SMALL_STUDY)
    seen = shown(executed("deeper_or_wider.ipynb", tmp_path, monkeypatch, swap=swap))
    assert seen.count("image/png") == 3
    assert any(code in text for text in seen for code in ("deeper", "wider", "either", "saturated", "not_settled"))
    assert (tmp_path / "report.html").exists()
