"""Compiled programs: where they are kept, how many, and that nothing of it stands in the way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ffsearch.search.training import compiling
from ffsearch.search.training.compiling import cache_folder, program, prune


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def twice(x: int) -> int:
    return 2 * x


def test_programs_lie_in_the_users_cache_folder(tmp_path: Path) -> None:
    assert program(twice)(21) == 42
    assert cache_folder().is_relative_to(tmp_path / "cache" / "ffsearch")
    assert list(cache_folder().rglob("*twice*.nbc"))


def test_other_sources_have_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_folder()
    monkeypatch.setattr(compiling, "_PARTS", ("lane.py",))
    assert cache_folder() != before


def test_a_folder_that_cannot_be_made_keeps_nothing_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert program(twice)(21) == 42


def test_the_folders_used_last_are_kept(tmp_path: Path) -> None:
    for age in range(5):
        folder = tmp_path / f"version_{age}"
        folder.mkdir()
        (folder / "program").write_text("x")
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path, n_kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["version_0", "version_1"]


def test_every_file_a_program_is_made_of_is_in_the_folders_name() -> None:
    here = Path(compiling.__file__).parent
    uses = {path.name for path in here.glob("*.py") if re.search(r"@(compiled|inlined|program)\b", path.read_text())}
    assert uses <= set(compiling._PARTS)


@pytest.mark.slow
def test_the_next_process_finds_what_the_first_one_compiled() -> None:
    program = """
from ffsearch.search.training import lane
from test_population import *
run(PopulationTrainer(problem_for(), STOPPING), [job()])
print(sum(lane.evaluate.stats.cache_hits.values()), sum(lane.evaluate.stats.cache_misses.values()))
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["0", "1"], ["1", "0"]]


def test_programs_that_are_loaded_ahead_are_those_that_networks_need() -> None:
    """In a process of its own, where no other test has compiled anything."""
    program = """
from ffsearch.search.training import lane, lanes
from test_population import *
lanes.load_programs()
ahead = [*lane.train.signatures, *lane.evaluate.signatures]
for task in Task:
    run(PopulationTrainer(problem_for(task), STOPPING), [job()])
print(len(ahead), ahead == [*lane.train.signatures, *lane.evaluate.signatures])
"""
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=Path(__file__).parent
    ).stdout
    assert said.split() == ["2", "True"]
