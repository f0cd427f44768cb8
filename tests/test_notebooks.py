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


def stored(name: str, *, swap: tuple[str, str] = ("", "")) -> nbformat.NotebookNode:
    """A notebook as it is stored; `swap`: a text for a quicker one."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(*swap) if swap[0] else cell.source
    return notebook


def executed(
    notebook: nbformat.NotebookNode, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[nbformat.NotebookNode]:
    """The cells of a notebook after it ran in a folder; a cell that fails raises."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)  # what a student sees
    monkeypatch.delenv("MPLBACKEND", raising=False)  # with pictures below the cells
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # for `!ffsearch`
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    cells: list[nbformat.NotebookNode] = notebook.cells
    return cells


def shown(cells: list[nbformat.NotebookNode]) -> list[str]:
    """Kinds of what the cells showed, and the text of what they printed; none of them a warning."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    return [kind for output in outputs for kind in output.get("data", {})] + [o["text"] for o in outputs if "text" in o]


@pytest.mark.slow
def test_a_saved_run_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(ROOT / "tests/data/run.zip") as file:
        file.extractall(tmp_path / "runs/tabular")
    seen = shown(executed(stored("read_a_run.ipynb"), tmp_path, monkeypatch))
    assert seen.count("image/png") == 5
    assert "text/html" in seen
    assert (tmp_path / "history.pdf").exists()
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_a_run_to_read_is_made_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = shown(executed(stored("read_a_run.ipynb", swap=("trials=6", "trials=2")), tmp_path, monkeypatch))
    assert seen.count("image/png") == 5


@pytest.mark.slow
def test_a_csv_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = shown(executed(stored("from_csv_to_model.ipynb", swap=("trials=8", "trials=2")), tmp_path, monkeypatch))
    assert any("price" in text for text in seen)
    assert (tmp_path / "answers.csv").exists()
    assert list(tmp_path.glob("runs/*/export/*"))


def test_notebooks_are_stored_without_what_they_showed() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert all(not cell.get("outputs") for cell in notebook.cells), path.name


@pytest.mark.slow
def test_depth_is_weighed_against_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swap = ('{"preset": "quick", "capacity.budgets": [300, 1000], "capacity.updates": 2000}', SMALL_STUDY)
    seen = shown(executed(stored("deeper_or_wider.ipynb", swap=swap), tmp_path, monkeypatch))
    assert seen.count("image/png") == 3
    assert any(code in text for text in seen for code in ("deeper", "wider", "either", "saturated", "not_settled"))
    assert (tmp_path / "report.html").exists()
