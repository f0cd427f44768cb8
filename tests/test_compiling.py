"""Compiled programs: where they are kept, how many, and that nothing of it stands in the way."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ffsearch.search.training import program_files
from ffsearch.search.training.compiling import program
from ffsearch.search.training.program_files import cache_folder, look_at_programs, own_folder, prune
from ffsearch.search.wording.codes import Code
from systems import needs_posix


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
    monkeypatch.setattr(program_files, "PARTS", ("lane.py",))
    assert cache_folder() != before


def test_a_folder_that_cannot_be_made_keeps_nothing_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert program(twice)(21) == 42
    assert [finding.code for finding in look_at_programs()] == [Code.PROGRAMS_NOT_KEPT]


DAMAGES = {
    "cut off": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "a pickle that runs code": lambda content: b"cos\nsystem\n(S'exit 1'\ntR.",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("which", ["*twice*.nbi", "*twice*.nbc"])
def test_a_damaged_file_is_never_read_and_compiled_anew(which: str, damage: Callable[[bytes], bytes]) -> None:
    assert program(twice)(21) == 42
    (kept,) = cache_folder().rglob(which)
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert program(twice)(21) == 42
    assert program_files.read_program(kept) is not None  # it was written anew
    kept.write_bytes(damage(whole))
    assert [finding.code for finding in look_at_programs()] == [Code.PROGRAMS_DAMAGED]
    assert look_at_programs() == []  # told once


@needs_posix("Windows keeps a folder private by other means")
def test_what_others_could_write_is_deleted_and_what_they_own_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program(twice)(21) == 42
    folder = cache_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "planted.nbc").write_text("code")
    folder.chmod(0o777)
    assert own_folder(folder) == folder
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert own_folder(folder) is None
    assert program(twice)(21) == 42


def test_a_full_disk_stops_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(program_files, "put_in_place", full)
    assert program(twice)(21) == 42
    assert list(cache_folder().rglob("*.nbc")) == []


def test_the_folders_used_last_are_kept(tmp_path: Path) -> None:
    for age in range(5):
        folder = tmp_path / f"version_{age}"
        folder.mkdir()
        (folder / "program").write_text("x")
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path, n_kept=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["version_0", "version_1"]


def test_every_file_a_program_is_made_of_is_in_the_folders_name() -> None:
    here = Path(program_files.__file__).parent
    uses = {
        path.name
        for path in here.glob("*.py")
        if re.search(r"@(compiled|inlined|intrinsic|program|reordered)\b", path.read_text())
    }
    assert uses <= set(program_files.PARTS)


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


@pytest.mark.slow
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
