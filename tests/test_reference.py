"""The pages of the reference say what the code says, and leave no column out."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as parquet
import pytest

import ffsearch
from ffsearch.search.cli import app

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
STORED = Path(__file__).parent / "data"

pytestmark = pytest.mark.needs_checkout


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that writes them."""
    import importlib

    sys.path.insert(0, str(REFERENCE))
    try:
        return importlib.import_module("make")
    finally:
        sys.path.remove(str(REFERENCE))


def test_no_page_is_stale(make: ModuleType) -> None:
    """`python docs/reference/make.py` writes them."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    assert kept == make.pages()


def test_every_command_every_key_and_every_name_has_its_place(make: ModuleType) -> None:
    pages = make.pages()
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert {line.removeprefix("## ffsearch ") for line in pages["command-line.md"].splitlines() if "## ff" in line} == (
        commands
    )
    for option in ("`--set`", "`--target`, `-t`", "ffsearch --install-completion"):
        assert option in pages["command-line.md"]
    assert [name for name in ffsearch.__all__ if f"\n## ffsearch.{name}\n" not in pages["python.md"]] == []
    for key in ("number_bins", "false_negative", "learning_rate", "warm_start", "finalists", "budgets"):
        assert f"| `{key}` |" in pages["space-file.md"]


@pytest.mark.parametrize(
    ("archive", "name"),
    [
        *(("run.zip", f"{name}.parquet") for name in ("trials", "curves", "finalists", "partners", "baselines")),
        ("release-0.1/capacity.zip", "capacity.parquet"),
    ],
)
def test_every_column_of_a_stored_run_is_told(make: ModuleType, archive: str, name: str) -> None:
    with zipfile.ZipFile(STORED / archive) as packed:
        (path,) = (one for one in packed.namelist() if one.endswith(f"/{name}") or one == name)
        columns = set(parquet.read_schema(io.BytesIO(packed.read(path))).names)
    text = make.pages()["tables.md"]
    parts = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    told = parts[name] + (parts["trials.parquet"] if "Besides the columns of a trial" in parts[name] else "")
    named = {column for column in columns if not column.startswith("metric.")}
    assert [column for column in sorted(named) if f"| `{column}` |" not in told] == []
    if named != columns:
        assert "| `metric.NAME` |" in told
