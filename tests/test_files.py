"""Files and folders that are whole or not there, also where the system refuses a move for a moment, as Windows does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffsearch.search.base import files
from ffsearch.search.base.files import delete_left_behind, move_folder, put_in_place, replace
from systems import needs_posix


def a_folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "file").write_text(content, encoding="utf-8")
    return path


def held_open(path: Path, *, n_times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse moves of a file or folder as Windows does while somebody has it open."""
    real, refused = os.replace, 0

    def busy(source: Path, target: Path) -> None:
        nonlocal refused
        if path in (Path(source), Path(target)) and refused < n_times:
            refused += 1
            raise PermissionError(13, "Access is denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(files, "_WAITS_S", (0.001,) * 3)


def test_a_file_that_is_open_for_a_moment_is_replaced_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    held_open(target, n_times=3, monkeypatch=monkeypatch)
    with put_in_place(target) as beside:
        beside.write_text("new")
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_file_that_stays_open_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    held_open(target, n_times=99, monkeypatch=monkeypatch)
    with pytest.raises(PermissionError, match="Access is denied"), put_in_place(target) as beside:
        beside.write_text("new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "model.keras"
    target.write_text("old")

    def half_way() -> None:
        with put_in_place(target) as beside:
            assert beside.suffix == ".keras"
            beside.write_text("ne")
            raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        half_way()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("older", [True, False])
def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path, *, older: bool) -> None:
    target = tmp_path / "model"
    if older:
        a_folder(target, "old")
    move_folder(a_folder(tmp_path / "new", "new"), target)
    assert (target / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_older_folder_comes_back_when_the_new_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, target = a_folder(tmp_path / "new", "new"), a_folder(tmp_path / "model", "old")
    held_open(new, n_times=99, monkeypatch=monkeypatch)
    with pytest.raises(PermissionError, match="Access is denied"):
        move_folder(new, target)
    assert (target / "file").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "new"]


def test_a_move_that_fails_for_another_reason_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.time, "sleep", lambda _: pytest.fail("there is nothing to wait for"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        replace(tmp_path / "nowhere", tmp_path / "here")


def test_what_a_killed_process_left_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    """The names that are left are made by the writers themselves, in a process that ends in the midst of them."""
    program = """
import os, sys
from pathlib import Path
from ffsearch.search.base import files
folder = Path(sys.argv[1])
def die(*given): os._exit(0)
if sys.argv[2] == "file":
    with files.put_in_place(folder / "model.keras") as beside:
        beside.write_text("half")
        die()
(folder / "old").mkdir(); (folder / "new").mkdir()
real, moves = os.replace, iter([True, False])
os.replace = lambda *given: real(*given) if next(moves) else die()
files.move_folder(folder / "new", folder / "old")
"""
    place = tmp_path / "run" / "model"
    place.mkdir(parents=True)
    for what in ("file", "folder"):
        subprocess.run([sys.executable, "-c", program, str(place), what], check=True)
    kept = [place / ".hidden", place / "model.1.part", place / f".mine.{os.getpid()}.part.keras"]
    for path in kept:
        path.write_text("x")
    assert len(list(place.iterdir())) == 6
    delete_left_behind(tmp_path)
    assert sorted(place.iterdir()) == sorted([*kept, place / "new"])


@needs_posix("pipes with a name")
def test_a_stream_is_not_replaced(tmp_path: Path) -> None:
    """Who may write everywhere, as `root` may in a container, would lose /dev/null by `--out /dev/null`."""
    pipe = tmp_path / "report.html"
    os.mkfifo(pipe)
    for place in (pipe, Path("/dev/stdout")):
        with pytest.raises(OSError, match="a stream or a device, not a file"), put_in_place(place):
            raise AssertionError
    made = tmp_path / "made"
    made.write_bytes(b"new")
    with pytest.raises(OSError, match="a stream or a device, not a file"):
        replace(made, pipe)
    assert pipe.is_fifo()
