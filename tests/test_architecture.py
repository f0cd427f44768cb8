"""The arrows between the parts, the folders behind the packages, and what is loaded when."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ffsearch

ROOT = Path(__file__).parent.parent
FOLDERS = {
    "ffsearch": ROOT / "src/ffsearch",
    **{f"ffsearch.{name}": ROOT / name for name in ("search", "spaces", "reports")},
}

# What each part may import of the others. Only the command line knows all.
ALLOWED = {
    "errors": set(),
    "spaces": {"errors"},
    "search": {"errors", "spaces"},
    "reports": {"errors", "search"},
}


def sources(part: str) -> Iterator[Path]:
    if part == "errors":
        yield FOLDERS["ffsearch"] / "errors.py"
    else:
        yield from sorted(FOLDERS[f"ffsearch.{part}"].rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_arrows_run_one_way(part: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(part)
        if path.name != "cli.py"
        for module in imported(path)
        if module.startswith("ffsearch.") and module.split(".")[1] in ALLOWED.keys() - ALLOWED[part] - {part}
    ]
    assert wrong == []


def test_no_file_comes_back_to_itself_by_its_imports() -> None:
    """Nor by those for type checkers, nor by those within functions: each file can be read after what it stands on."""
    files = {
        ".".join([package, *path.relative_to(folder).with_suffix("").parts]): path
        for package, folder in FOLDERS.items()
        for path in folder.rglob("*.py")
        if path.name != "__init__.py" and not any(part.is_symlink() for part in path.parents)
    }
    assert {"ffsearch.errors", "ffsearch.search.run", "ffsearch.search.capacity.study"} <= files.keys()
    graph = {name: {other for other in imported(path) if other in files} for name, path in files.items()}
    TopologicalSorter(graph).prepare()  # its error names the circle


def test_reports_read_runs_through_the_store_alone_and_load_no_tensorflow() -> None:
    modules = {module for path in sources("reports") for module in imported(path)}
    of_search = {module for module in modules if module.startswith("ffsearch.search")}
    assert {module for module in of_search if not f"{module}.".startswith("ffsearch.search.store.")} == set()
    assert not {module.split(".")[0] for module in modules} & {"tensorflow", "keras"}


def test_the_package_list_is_what_lies_on_disk() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join([package, *path.parent.relative_to(folder).parts])
        for package, folder in FOLDERS.items()
        for path in folder.rglob("__init__.py")
        if not any(part.is_symlink() for part in path.parents)
    }
    assert listed == found


def test_public_names_are_sorted_and_there() -> None:
    assert ffsearch.__all__ == sorted(ffsearch.__all__)
    assert all(getattr(ffsearch, name) is not None for name in ffsearch.__all__)


@pytest.mark.parametrize("command", ["--help", "run --help", "--version"])
def test_help_loads_nothing_heavy(command: str) -> None:
    program = (
        f"import sys; sys.argv = ['ffsearch', *{command.split()!r}]\n"
        "from ffsearch.search.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'tensorflow', 'keras', 'optuna', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ffsearch" in done.stdout
