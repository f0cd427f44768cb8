"""The log survives what machines do to it: kills at any byte, full disks, edits."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ffsearch.errors import RunError
from ffsearch.search.base.files import write_atomically
from ffsearch.search.folder.log import Journal, read_lines
from systems import needs_posix

LINES = [{"kind": "run", "text": "first"}, {"kind": "trial", "text": 'with \n newline, "quotes", Ü and \ud800'}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def write(path: Path, *lines: dict[str, str]) -> None:
    journal = Journal(path)
    for line in lines:
        journal.append(line)
    journal.close()


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: a full disk that needs no disk."""
    resource = pytest.importorskip("resource", reason="a limit of POSIX stands for a full disk")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_lines_come_back_as_they_were(path: Path) -> None:
    write(path, LINES[0])
    write(path, LINES[1])
    journal = Journal(path)
    assert list(journal.lines) == LINES
    journal.close()
    journal.close()
    assert list(read_lines(path)) == LINES


def test_a_kill_at_any_byte_of_the_last_line_loses_that_line_alone(path: Path) -> None:
    write(path, LINES[0])
    begin = path.stat().st_size
    write(path, LINES[1])
    whole = path.read_bytes()
    for end in range(begin, len(whole)):
        path.write_bytes(whole[:end])
        assert list(read_lines(path)) == LINES[:1]
        assert path.stat().st_size == end, "reading changes nothing"
        write(path, LINES[1])
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"kind": "run"}\n{"kind": "tri\n{"kind": "trial"}\n', "line 2: it is not JSON"),
        (b'{"kind": "run"}\n\n{"kind": "trial"}\n', "line 2: it is not JSON"),
        (b'{"kind": "run"}\n\xff\xfe\n', "line 2: it is not JSON"),
        (b'{"kind": "run"}\n[1, 2]\n', "line 2: it is not a line of a run's log"),
        (b'{"name": "x"}\n', "line 1: it is not a line of a run's log"),
        (b'{"kind": 3}\n', "line 1: it is not a line of a run's log"),
    ],
)
def test_what_cannot_be_read_is_named_and_left_alone(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    for reads in (Journal, read_lines):
        with pytest.raises(RunError, match=rf"log\.jsonl, {why}.*--fresh"):
            reads(path)
    assert path.read_bytes() == content


def test_a_full_disk_leaves_the_log_as_it_was(path: Path) -> None:
    write(path, LINES[0])
    before = path.read_bytes()
    journal = Journal(path)
    with (
        room_for(len(before) + 10),
        pytest.raises(RunError, match=r"disk is full .* told before is safe\. Free some space and .* same command"),
    ):
        journal.append(LINES[1])
    assert path.read_bytes() == before
    journal.append(LINES[1])
    journal.close()
    assert list(read_lines(path)) == LINES


def test_half_a_line_that_could_not_be_taken_back_is_taken_back_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    with monkeypatch.context() as broken, room_for(10):
        broken.setattr(os, "ftruncate", _fail)
        with pytest.raises(RunError, match="safe"):
            journal.append(LINES[0])
    assert path.stat().st_size == 10
    journal.append(LINES[0])
    journal.close()
    assert list(read_lines(path)) == LINES[:1]


def test_what_json_has_no_word_for_is_a_bug_of_the_caller(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append({"kind": "trial", "value": float("nan")})
    journal.close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.ENOSPC, r"disk is full .* Free some space"),
        (errno.EROFS, r"may not be written here .*Nothing was changed\. .*--out"),
        (errno.EACCES, r"may not be written here .*--out"),
        (errno.EIO, r"could not be read or written .*When the cause is mended"),
    ],
)
def test_errors_of_the_disk_say_what_is_safe_and_what_to_do(
    tmp_path: Path, code: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "summary.json"
    write_atomically(target, b"old")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", lambda descriptor: _fail(code=code))
        with pytest.raises(RunError, match=rf"summary\.json: .*{text}"):
            write_atomically(target, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["summary.json"]
    assert target.read_bytes() == b"old"


@needs_posix("Windows words it otherwise")
def test_a_log_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    for reads in (Journal, read_lines):
        with pytest.raises(RunError, match=r"log\.jsonl: it could not be read or written \(Is a directory\)"):
            reads(tmp_path / "log.jsonl")


def _fail(*given: object, code: int = errno.EIO) -> None:
    raise OSError(code, os.strerror(code))
