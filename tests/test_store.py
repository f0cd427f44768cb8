"""The run folder: created, resumed, refused, shared, and read again."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import filelock
import psutil
import pytest

from examples import IDENTITY, SPACE, a_finished_run, a_record, opened
from ffsearch.errors import RunError
from ffsearch.search.base import files
from ffsearch.search.folder.lock import FolderLock
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.reader import load
from ffsearch.search.network.topology import Point
from ffsearch.search.training.protocol import Ended
from systems import is_superuser, needs_posix


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tabular"


@pytest.fixture
def finished(path: Path) -> Path:
    return a_finished_run(path)


# --- created and resumed -----------------------------------------------------------------------------------------


def test_a_new_folder_holds_space_environment_and_log(path: Path) -> None:
    with opened(path) as folder:
        assert folder.records == ()
        assert folder.earlier_s == 0
    assert (path / "space.yaml").read_text() == SPACE
    environment = json.loads((path / "environment.json").read_text())
    assert environment["packages"]["optuna"]
    assert environment["n_cpus"] >= 1
    first = json.loads((path / "log.jsonl").read_text())
    assert (first["kind"], first["schema"], first["identity"]) == ("run", 1, IDENTITY)


def test_what_was_told_is_there_again(path: Path) -> None:
    with opened(path) as folder:
        folder.add(a_record(1))
        folder.add(a_record(0))
        folder.note(LineKind.TEST_OPENED, by="test")
    with opened(path) as folder:
        assert [record.trial for record in folder.records] == [1, 0]
        assert folder.n_noted(LineKind.TEST_OPENED) == 1
        assert folder.n_noted(LineKind.REFITTED) == 0
        folder.add(a_record(2))
    assert [record.trial for record in load(path).records] == [1, 0, 2]


def test_a_trial_is_durable_before_add_returns(path: Path) -> None:
    with opened(path) as folder:
        folder.add(a_record(0))
        assert len(load(path).records) == 1


def test_a_trial_ends_once(path: Path) -> None:
    with opened(path) as folder:
        folder.add(a_record(0))
        with pytest.raises(ValueError, match=r"trial 0 is in .* already"):
            folder.add(a_record(0))


def test_repeats_name_the_first_trial_of_their_point(path: Path) -> None:
    point = Point(depth=1, width=32, taper=0.5)
    with opened(path) as folder:
        assert folder.repeat_of(point) is None
        folder.add(a_record(0, point=point))
        folder.add(a_record(1, point=Point(depth=1, width=32)))  # one layer has no taper: the same network
        assert folder.repeat_of(point) == 0
    with opened(path) as folder:
        assert folder.repeat_of(point) == 0


def test_time_of_earlier_starts_counts_until_their_last_sign_of_life(path: Path) -> None:
    moments = ["2026-01-01T10:00:00+00:00", "2026-01-01T10:00:30+00:00", "2026-01-01T12:00:00+00:00"]
    with opened(path) as folder:
        folder._journal.append({"kind": "started", "at": moments[0]})
        folder.add(a_record(0, ended_at=moments[1]))
        folder._journal.append({"kind": "started", "at": moments[2]})
        folder.add(a_record(1, ended_at="2026-01-01T12:00:05+00:00"))
    with opened(path) as folder:
        assert folder.earlier_s == 35


@pytest.mark.parametrize("left", [b"", b'{"kind":"run","sch'])
def test_a_run_killed_while_it_was_made_is_made_anew(path: Path, left: bytes) -> None:
    path.mkdir(parents=True)
    (path / ".lock").touch()
    (path / "log.jsonl").write_bytes(left)
    with opened(path) as folder:
        folder.add(a_record(0))
    assert len(load(path).records) == 1


def test_a_kill_while_a_trial_is_written_loses_it_alone(path: Path) -> None:
    with opened(path) as folder:
        folder.add(a_record(0))
        begin = (path / "log.jsonl").stat().st_size
        folder.add(a_record(1))
    whole = (path / "log.jsonl").read_bytes()
    for end in range(begin, len(whole), 97):
        (path / "log.jsonl").write_bytes(whole[:end])
        with opened(path) as folder:
            assert [record.trial for record in folder.records] == [0]
            folder.add(a_record(1))
        assert [record.trial for record in load(path).records] == [0, 1]


# --- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "what"),
    [
        ({"space": "c" * 64}, r"not the same space\."),
        ({"data": "c" * 64}, r"not the same data\.\n +the table has the same name and other cells"),
        ({"space": "c", "data": "d"}, r"not the same space and data"),
        ({"colour": "green"}, r"not the same colour\."),
    ],
)
def test_another_run_is_refused_with_both_ways_out(finished: Path, identity: dict[str, str], what: str) -> None:
    before = (finished / "log.jsonl").read_bytes()
    with pytest.raises(RunError, match=rf"(?s)tabular belongs to another run: .*{what}.*--fresh .*tabular\.1.*--out"):
        opened(finished, identity=IDENTITY | identity)
    assert (finished / "log.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            {"kind": "run", "schema": 99, "ffsearch": "9.9", "identity": {}},
            r"made by ffsearch 9\.9, .*Use that version",
        ),
        ({"kind": "trial"}, r"log\.jsonl, line 1: it does not say whose log this is"),
    ],
)
def test_a_log_of_another_making_is_refused(path: Path, line: dict[str, object], what: str) -> None:
    path.mkdir(parents=True)
    (path / "log.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(RunError, match=rf"{what}.*--fresh.*--out"):
        opened(path)


def test_a_trial_of_another_making_is_refused(finished: Path) -> None:
    with (finished / "log.jsonl").open("a") as log:
        log.write('{"kind": "trial", "trial": 77}\n')
    n_lines = len((finished / "log.jsonl").read_text().splitlines())
    with pytest.raises(RunError, match=rf"line {n_lines}: it is no trial of this version .*environment\.json"):
        opened(finished)
    with opened(finished, fresh=True) as folder:
        assert folder.records == ()


@pytest.mark.parametrize("fresh", [False, True])
def test_somebodys_documents_are_left_alone(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(RunError, match=r"is not a run folder: it has no log\.jsonl but holds thesis\.txt.*--out"):
        opened(tmp_path, fresh=fresh)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_file_is_no_folder(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match=r"run is a file, not a folder. Choose another run folder with --out"):
        opened(tmp_path / "run", fresh=fresh)


@needs_posix("Windows words it otherwise")
def test_a_folder_under_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(RunError, match=r"could not be read or written \(Not a directory\).*--out"):
        opened(tmp_path / "run" / "below")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_is_refused(
    finished: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def read_only(name: str | Path, flags: int, *rest: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(code, os.strerror(code))
        return real(name, flags, *rest)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(RunError, match=r"may not be written here .*Nothing was changed. Choose another folder"):
        opened(finished)


@pytest.mark.skipif(is_superuser(), reason="the superuser may write everywhere")
def test_a_real_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="may not be written here"):
        opened(tmp_path / "run")
    tmp_path.chmod(0o700)


def test_a_refused_folder_is_given_back(finished: Path) -> None:
    with pytest.raises(RunError, match="another run"):
        opened(finished, identity={"space": "c"})
    opened(finished).close()


# --- fresh -------------------------------------------------------------------------------------------------------


def test_fresh_moves_aside_and_never_deletes(finished: Path) -> None:
    for n in (1, 2):
        with opened(finished, fresh=True, identity={"space": str(n)}) as folder:
            assert folder.records == ()
            folder.add(a_record(n))
    assert len(load(finished.with_name("tabular.1")).records) == len(Ended)
    assert [record.trial for record in load(finished.with_name("tabular.2")).records] == [1]
    assert [record.trial for record in load(finished).records] == [2]


def test_fresh_without_a_run_is_a_plain_start(path: Path) -> None:
    opened(path, fresh=True).close()
    assert [each.name for each in path.parent.iterdir()] == ["tabular"]


# --- one process a folder ----------------------------------------------------------------------------------------

WITH_TESTS: Final = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}

HOLD = """
import sys, time
from pathlib import Path
from examples import opened
folder = opened(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, env=WITH_TESTS
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for fresh in (False, True):
            with pytest.raises(RunError, match=rf"in use by process {holder.pid}\. Wait .* stop it, or .*--out"):
                opened(path, fresh=fresh)
        assert load(path).records == (), "reading needs no lock"
        holder.kill()
        holder.wait()
    opened(path).close()


def test_fresh_is_refused_where_another_process_has_the_folder(path: Path) -> None:
    opened(path).close()
    lock = FolderLock(path)
    with pytest.raises(RunError, match=rf"in use by process {os.getpid()}\. Wait"):
        opened(path, fresh=True)
    lock.release()
    assert [each.name for each in path.parent.iterdir()] == ["tabular"]


# --- a system that renames no folder in which a file is open, as Windows ----------------------------------------------


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Refuse to rename such a folder. Returns those that were asked for and refused."""
    refused: list[Path] = []

    def renaming(real: Callable[..., object]) -> Callable[..., object]:
        def rename(source: str | Path, target: str | Path) -> object:
            if any(Path(one.path).is_relative_to(source) for one in psutil.Process().open_files()):
                refused.append(Path(source))
                raise PermissionError(errno.EACCES, "The process cannot access the file")
            return real(source, target)

        return rename

    monkeypatch.setattr(os, "rename", renaming(os.rename))
    monkeypatch.setattr(os, "replace", renaming(os.replace))
    monkeypatch.setattr(files, "_WAITS_S", (0.001,) * 3)
    return refused


def test_fresh_gives_the_lock_back_where_it_must(finished: Path, strict: list[Path]) -> None:
    with opened(finished, fresh=True) as folder:
        assert folder.records == ()
    assert strict == [finished]
    assert len(load(finished.with_name("tabular.1")).records) == len(Ended)


def test_who_takes_the_folder_as_it_is_moved_keeps_it(
    finished: Path, strict: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, quicker = FolderLock.release, list[FolderLock]()

    def released(lock: FolderLock) -> None:
        release(lock)
        if not quicker:
            quicker.append(FolderLock(finished))

    monkeypatch.setattr(FolderLock, "release", released)
    with pytest.raises(RunError, match=rf"in use by process {os.getpid()}\. Wait"):
        opened(finished, fresh=True)
    assert [each.name for each in finished.parent.iterdir()] == ["tabular"]
    release(quicker[0])
    assert len(load(finished).records) == len(Ended)


def test_who_opened_the_lock_before_the_folder_was_moved_does_not_hold_the_new_one(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = filelock.lock_descriptor

    def late(descriptor: int, *, blocking: bool) -> bool:
        monkeypatch.setattr(filelock, "lock_descriptor", real)
        finished.rename(finished.with_name("tabular.1"))
        finished.mkdir()
        return real(descriptor, blocking=blocking)

    monkeypatch.setattr(filelock, "lock_descriptor", late)
    with (
        FolderLock(finished),
        FolderLock(finished.with_name("tabular.1")),
        pytest.raises(RunError, match="in use by"),
    ):
        FolderLock(finished)


# --- a file system without locks -------------------------------------------------------------------------------------


@pytest.fixture
def lockless(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock, "lock_descriptor", refuse)


@pytest.mark.usefixtures("lockless")
def test_a_file_system_without_locks_is_refused_with_two_ways_out(path: Path) -> None:
    with pytest.raises(
        RunError, match=r"tabular lies on a file system without locks \(.+\).*--out.*FFSEARCH_LOCK=soft"
    ):
        opened(path)


@pytest.mark.usefixtures("lockless")
def test_there_a_file_is_the_lock_where_that_was_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFSEARCH_LOCK", "soft")
    with opened(path) as folder:
        folder.add(a_record(0))
        with pytest.raises(RunError, match=rf"in use by process {os.getpid()}\. Wait .*is gone, remove .*lock\.soft"):
            opened(path)
    with opened(path, fresh=True) as folder:
        assert folder.records == ()
    assert not list(path.parent.rglob(".lock.soft"))


HOLD_SOFTLY = f"""
import filelock
def refuse(descriptor, *, blocking):
    raise OSError({errno.ENOLCK}, "No locks available")
filelock.lock_descriptor = refuse
{HOLD}"""


@pytest.mark.usefixtures("lockless")
def test_there_a_killed_process_is_seen_to_be_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFSEARCH_LOCK", "soft")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_SOFTLY, str(path)],
        stdout=subprocess.PIPE, text=True, env={**WITH_TESTS, "FFSEARCH_LOCK": "soft"},
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=rf"in use by process {holder.pid}\. Wait"):
            opened(path)
        holder.kill()
        holder.wait()
    opened(path).close()


def test_a_holder_on_another_host_is_named_with_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    with monkeypatch.context() as there:
        there.setattr(socket, "gethostname", lambda: "node7")
        held = FolderLock(path)
    with pytest.raises(RunError, match=rf"in use by process {os.getpid()} on node7\. Wait"):
        FolderLock(path)
    held.release()


TELL = """
import sys
from pathlib import Path
from examples import a_record, opened
with opened(Path(sys.argv[1])) as run:
    print(*(record.trial for record in run.records), flush=True)
    for trial in range(len(run.records), 100_000):
        run.add(a_record(trial))
        print(trial, flush=True)
"""


def test_kill_at_any_moment_loses_no_told_trial_and_doubles_none(path: Path) -> None:
    told: list[int] = []
    for n_more in (3, 1, 40):
        command = [sys.executable, "-c", TELL, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=WITH_TESTS) as process:
            assert process.stdout is not None
            kept = [int(trial) for trial in process.stdout.readline().split()]
            assert kept[: len(told)] == told, "what was told is kept"
            assert kept == list(range(len(kept))), "nothing twice"
            told = kept + [int(process.stdout.readline()) for _ in range(n_more)]
            process.kill()
    kept = [record.trial for record in load(path).records]
    assert kept == list(range(len(kept)))
    assert kept[: len(told)] == told


def test_the_lock_is_given_back_once(path: Path) -> None:
    path.mkdir(parents=True)
    lock = FolderLock(path)
    with pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
        FolderLock(path)
    lock.release()
    lock.release()
    with FolderLock(path):
        pass
