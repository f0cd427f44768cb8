"""The course: its notebooks are what their sources make, and each runs from top to bottom, reduced."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from test_notebooks import executed, shown

pytestmark = pytest.mark.needs_checkout

ROOT = Path(__file__).parent.parent
COURSE = ROOT / "course"

SMALL_STUDY = {
    "data.rows": 300, "capacity.depths": [1, 2], "capacity.budgets": [60, 200], "capacity.seeds": 2,
    "capacity.updates": 20, "capacity.learning_rates": {"low": 1e-3, "high": 1e-2, "n": 2},
}  # fmt: skip
REDUCED: dict[str, dict[str, Any]] = {
    "1_first_run": {"TRIALS": 2},
    "2_winners_luck": {"TRIALS": 5},
    "3_depth": {"STUDY": SMALL_STUDY},
    "4_early_stopping": {"EPOCHS": 20, "PATIENCE": 5},
    "5_regularisers": {"EPOCHS": 5},
    "6_imbalance": {"TRIALS": 2},
    "7_own_formula": {"STUDY": SMALL_STUDY},
    "8_worth_it": {"TRIALS": 1},
}
"""What is put in place of an exercise's settings, as papermill would."""

NAMES = [pytest.param(name, id=name) for name in REDUCED]


def the_builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", COURSE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = the_builder()


def the_notebook(name: str, lang: str, *, is_solution: bool) -> nbformat.NotebookNode:
    return nbformat.reads(json.dumps(BUILD.notebook(name, lang, is_solution=is_solution)), as_version=4)


def the_cells(name: str, lang: str, *, is_solution: bool) -> list[nbformat.NotebookNode]:
    cells: list[nbformat.NotebookNode] = the_notebook(name, lang, is_solution=is_solution).cells
    return cells


def test_the_notebooks_are_what_their_sources_make() -> None:
    made = dict(BUILD.all_notebooks())
    old = [path.relative_to(ROOT).as_posix() for path, text in made.items() if path.read_text("utf-8") != text]
    assert old == [], "python course/build.py writes them anew"
    assert set(COURSE.rglob("*.ipynb")) == {path for path in made if path.is_relative_to(COURSE)}
    assert BUILD.names() == list(REDUCED)


@pytest.mark.parametrize("name", NAMES)
def test_students_find_their_turn_and_solutions_the_answer(name: str) -> None:
    for lang, yours in (("en", "...  # your turn"), ("pt-BR", "...  # agora é com você")):
        own, solved = (
            [cell.source for cell in the_cells(name, lang, is_solution=is_solution)] for is_solution in (False, True)
        )
        turns = [source for source in own if yours in source]
        assert turns
        assert not any(yours in source or ":::" in source for source in solved)
        assert not any("SOLUTION" in source or ":::" in source or "«" in source for source in own + solved)
        assert len("".join(solved)) > len("".join(own))


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_cells_and_questions(name: str) -> None:
    english, own = (the_cells(name, lang, is_solution=True) for lang in ("en", "pt-BR"))
    assert [(cell.cell_type, cell.id) for cell in english] == [(cell.cell_type, cell.id) for cell in own]
    for one, other in zip(english, own, strict=True):
        if one.cell_type == "markdown":
            assert one.source.count("**Question") == other.source.count("**Questão")
            assert one.source.count("\n#") == other.source.count("\n#")
            assert quoted(one.source) == quoted(other.source)


def quoted(text: str) -> set[str]:
    """What stands in backticks, but for commands, whose files have names in the language."""
    return {code for code in re.findall(r"`[^`]+`", text) if not code.startswith("`ffsearch run")}


def test_the_first_cell_installs_from_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "course.toml").write_text(
        'repository = "https://github.com/a/b"\nbranch = "spring"\n', encoding="utf-8"
    )
    monkeypatch.setattr(BUILD, "COURSE", tmp_path)
    title, first = the_cells("1_first_run", "pt-BR", is_solution=True)[:2]
    assert "(com soluções)" in title.source.splitlines()[0]
    assert "/github/a/b/blob/spring/course/pt-BR/solutions/1_first_run.ipynb" in title.source
    assert '%pip install -q "ffsearch @ git+https://github.com/a/b"' in first.source


def test_a_text_that_leaves_a_cell_out_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1_x.py").write_text('"""X."""\n\n# %% settings\nSEED = 0\n\n# %% more\nSEED\n', encoding="utf-8")
    (tmp_path / "1_x.en.md").write_text("# X\n\n[[install]]\n\n[[settings]]\n", encoding="utf-8")
    monkeypatch.setattr(BUILD, "SOURCE", tmp_path)
    with pytest.raises(ValueError, match=r"1_x\.en\.md does not place every cell of 1_x\.py once: \['more'\]"):
        BUILD.notebook("1_x", "en", is_solution=False)
    with pytest.raises(KeyError, match="1_x sets no TRIALS"):
        BUILD.code_of("1_x", TRIALS=3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lang", "kind"), [("en", "solution"), ("pt-BR", "exercise")]
)  # which share what the others do
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name: str, lang: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs_reduced(name, lang, is_solution=kind == "solution", folder=tmp_path, monkeypatch=monkeypatch)


def runs_reduced(name: str, lang: str, *, is_solution: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = the_notebook(name, lang, is_solution=is_solution)
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    settings.source += "".join(f"\n{key} = {value!r}" for key, value in REDUCED[name].items())
    cells = executed(notebook, folder, monkeypatch)
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert "image/png" in shown(cells)
    assert outputs[-1]["data"]["text/plain"] in ("True", "False")
