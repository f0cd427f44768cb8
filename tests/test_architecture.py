"""The arrows between the parts, the folders behind the packages, and what is loaded when."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
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

# What each room may import of the others, room by room. A room is a folder, or a file that stands beside folders; a
# room that stands on others may also use all that those stand on.
ON = {
    "errors": [],
    "_version": [],
    "base": ["errors", "_version"],
    "wording": ["base"],
    "spaces": ["wording"],
    "network": ["spaces"],
    "data.parsing": ["network"],
    "data.features": ["data.parsing"],
    "data.files": ["data.features"],
    "data": ["data.files"],
    "training": ["data"],
    "folder": ["training"],
    "observer": ["folder"],
    "reports": ["observer"],
    "executors": ["observer"],
    "engines": ["observer"],
    "serving": ["observer"],
    "evidence": ["engines"],  # importance of parameters is measured by Optuna, in the engine's words
    "evidence.baseline_models": ["evidence"],
    "exporting": ["serving"],
    "steps": ["executors", "evidence.baseline_models", "exporting"],
    "capacity": ["steps"],
    "console": ["observer"],
    "run": ["capacity"],
    "api": ["run", "console"],
    "ffsearch": ["api", "reports"],
    "cli": ["ffsearch"],
    "__main__": ["cli"],
}
NOT_BY_REPORTS = {"tensorflow", "keras"}


def room_of(module: str) -> str:
    """`ffsearch.search.data.kinds` is in `data`, `ffsearch.search.run` in `run`."""
    parts = module.split(".")[1:]
    parts = parts[1:] if parts[:1] == ["search"] else parts
    rooms = [".".join(parts[:depth]) for depth in (2, 1)]  # a room within a room first
    return next((room for room in rooms if room in ON), "ffsearch")


def below(room: str) -> set[str]:
    return {room}.union(*(below(other) for other in ON[room]))


def product_files() -> dict[str, Path]:
    """Every module of the product by its name."""
    return {
        ".".join([package, *path.relative_to(folder).with_suffix("").parts]): path
        for package, folder in FOLDERS.items()
        for path in folder.rglob("*.py")
        if not any(part.is_symlink() for part in path.parents)
    }


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


@pytest.mark.parametrize("room", sorted(ON))
def test_arrows_between_rooms_run_one_way(room: str) -> None:
    """Within functions and for type checkers, too."""
    files = product_files()
    names = {f"{module}.{name}" for module in files for name in ("__version__",)}
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for module, path in files.items()
        if room_of(module) == room
        for other in imported(path)
        if (other in files or other in names) and other != "ffsearch.search" and room_of(other) not in below(room)
    ]
    assert wrong == []


def test_every_folder_of_the_product_is_a_room() -> None:
    found = {room_of(module) for module in product_files()}
    assert found == ON.keys()
    folders = {
        path.name for path in FOLDERS["ffsearch.search"].iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert folders <= ON.keys()


def test_no_two_public_classes_have_one_name() -> None:
    """A reader who meets a name finds one class under it, wherever in the product it stands."""
    places: dict[str, list[str]] = {}
    for module, path in product_files().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_no_file_comes_back_to_itself_by_its_imports() -> None:
    """Nor by those for type checkers, nor by those within functions: each file can be read after what it stands on."""
    files = {name: path for name, path in product_files().items() if path.name != "__init__.py"}
    assert {"ffsearch.errors", "ffsearch.search.run", "ffsearch.search.capacity.study"} <= files.keys()
    graph = {name: {other for other in imported(path) if other in files} for name, path in files.items()}
    TopologicalSorter(graph).prepare()  # its error names the circle


def test_reports_read_runs_through_their_folder_alone_and_load_no_tensorflow() -> None:
    modules = {module for path in FOLDERS["ffsearch.reports"].rglob("*.py") for module in imported(path)}
    of_search = {module for module in modules if module.startswith("ffsearch.search")}
    assert {room_of(module) for module in of_search} <= {"base", "folder", "wording"}
    assert not {module.split(".")[0] for module in modules} & NOT_BY_REPORTS


def test_the_walk_of_a_row_names_files_that_are_there_and_each_once() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    places = (ROOT, ROOT / "search")
    gone = [name for name in re.findall(r"[\w/]+\.py", text) if not any((place / name).is_file() for place in places)]
    assert gone == []
    walked = re.findall(r"[\w/]+\.py", text.split("```")[1])
    assert len(walked) > 40
    assert [name for name, n in Counter(walked).items() if n > 1] == []


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
