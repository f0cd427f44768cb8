"""The run folder: created, resumed, refused, shared, and read again."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd
import pytest

from examples import FACTS, a_record
from ffsearch.errors import ExportError, RunError
from ffsearch.search.journal import Kind
from ffsearch.search.lock import FolderLock
from ffsearch.search.records import now
from ffsearch.search.store import RunFolder, latest, load
from ffsearch.search.summary import build_summary
from ffsearch.search.topology import Point
from ffsearch.search.training.protocol import Ended

SPACE = "kind: search\n"
IDENTITY: Final = {"space": "a" * 64, "data": "b" * 64}


def opened(path: Path, *, fresh: bool = False, identity: Mapping[str, str] = IDENTITY) -> RunFolder:
    return RunFolder.open(path, space_yaml=SPACE, identity=identity, fresh=fresh)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tabular"


@pytest.fixture
def finished(path: Path) -> Path:
    """A run that came to its end, with a trial of every kind."""
    with opened(path) as folder:
        folder.start(FACTS)
        for trial, ended in enumerate(Ended):
            folder.add(a_record(trial, value=0.5 - 0.1 * trial, ended=ended))
        folder.write_data(columns=[{"name": "age", "kind": "number"}], notices=["One column was dropped."])
        folder.finish(build_summary(FACTS, folder.records, wall_s=3.0))
    return path


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
        folder.note(Kind.TEST_OPENED, by="test")
    with opened(path) as folder:
        assert [record.trial for record in folder.records] == [1, 0]
        assert folder.n_noted(Kind.TEST_OPENED) == 1
        assert folder.n_noted(Kind.REFITTED) == 0
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
        ({"space": "c" * 64}, r"not the same space \(space was aaaaaaaaaaaa, is cccccccccccc\)"),
        ({"data": "c" * 64}, r"not the same data \(data was bbbbbbbbbbbb, is cccccccccccc\)"),
        ({"space": "c", "data": "d"}, r"not the same space and data"),
        ({"colour": "green"}, r"colour was absent, is green"),
    ],
)
def test_another_run_is_refused_with_both_ways_out(finished: Path, identity: dict[str, str], what: str) -> None:
    before = (finished / "log.jsonl").read_bytes()
    with pytest.raises(RunError, match=rf"tabular belongs to another run: .*{what}.*--fresh .*tabular\.1.*--out"):
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


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
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

HOLD = """
import sys, time
from pathlib import Path
from ffsearch.search.store import RunFolder
folder = RunFolder.open(Path(sys.argv[1]), space_yaml="kind: search", identity={"space": "a" * 64, "data": "b" * 64})
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for fresh in (False, True):
            with pytest.raises(RunError, match=rf"in use by process {holder.pid}\. Wait .* stop it, or .*--out"):
                opened(path, fresh=fresh)
        assert load(path).records == (), "reading needs no lock"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    opened(path).close()


def test_the_lock_is_given_back_once(path: Path) -> None:
    path.mkdir(parents=True)
    lock = FolderLock(path)
    with pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
        FolderLock(path)
    lock.release()
    lock.release()
    with FolderLock(path):
        pass


# --- read again --------------------------------------------------------------------------------------------------


def test_a_finished_run_is_read_from_its_files(finished: Path) -> None:
    run = load(finished)
    assert run.is_finished
    assert run.name == "tabular"
    assert run.summary["search"]["n_trials"] == len(Ended)
    assert run.best is not None
    assert run.best["trial"] == list(Ended).index(Ended.BUDGET)
    assert run.space_text == SPACE
    assert run.environment["python"]
    assert run.columns == [{"name": "age", "kind": "number"}]
    assert run.notices == ["One column was dropped."]
    assert repr(run) == f"Run({str(finished)!r})"


def test_files_and_log_say_the_same(finished: Path) -> None:
    from_files = load(finished)
    assert from_files.is_finished
    with opened(finished) as folder:
        folder.start(FACTS)  # it goes on, so the log alone is up to date
    from_log = load(finished)
    assert not from_log.is_finished
    pd.testing.assert_frame_equal(from_files.trials, from_log.trials)
    pd.testing.assert_frame_equal(from_files.curves, from_log.curves)
    assert from_files.best == from_log.best
    assert from_files.summary.keys() == from_log.summary.keys()


def test_a_finished_run_needs_neither_the_log_whole_nor_the_data(finished: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(finished, tmp_path / "elsewhere")
    shutil.rmtree(finished)
    assert len(load(moved).trials) == len(Ended)


def test_an_unfinished_run_is_read_from_its_log(path: Path) -> None:
    with opened(path) as folder:
        folder.start(FACTS)
        folder.add(a_record(0, value=0.25))
        run = load(path)
        assert not run.is_finished
        assert run.summary["best"]["valid"] == 0.25
        assert run.summary["search"]["n_complete"] == 1
        assert list(run.trials["trial"]) == [0]
        assert len(run.curves) == 5
        assert (run.columns, run.notices) == (None, [])


def test_a_run_that_has_not_begun_says_so(path: Path) -> None:
    opened(path).close()
    run = load(path)
    assert not run.has_begun
    assert (run.name, run.best) == ("tabular", None)
    assert run.trials.empty
    assert "no trial has a value yet" in run._repr_html_()
    with pytest.raises(RunError, match=r"has not begun: .* Give the run's command again"):
        _ = run.summary


def test_what_is_not_there_yet_is_said(finished: Path) -> None:
    run = load(finished)
    with pytest.raises(ExportError, match=r"has no model/model\.keras: it has not been refitted"):
        run.model()
    with pytest.raises(RunError, match=r"has no study\.db"):
        _ = run.study


@pytest.mark.parametrize(
    ("name", "attribute", "match"),
    [
        ("summary.json", "summary", r"summary\.json is not JSON"),
        ("environment.json", "environment", r"environment\.json is not JSON"),
        ("trials.parquet", "trials", r"trials\.parquet cannot be read .*Remove it"),
    ],
)
def test_damaged_files_are_named(finished: Path, name: str, attribute: str, match: str) -> None:
    (finished / name).write_bytes(b"PAR1 torn")
    with pytest.raises(RunError, match=match):
        getattr(load(finished), attribute)


def test_a_lost_table_is_read_from_the_log(finished: Path) -> None:
    (finished / "trials.parquet").unlink()
    assert len(load(finished).trials) == len(Ended)


def test_the_html_of_a_run_shows_hostile_names_as_text(path: Path) -> None:
    with opened(path) as folder:
        assert "no trial has a value yet" in load(path)._repr_html_()
        folder.start(FACTS)
        folder.add(a_record(0, topology="<script>alert(1)</script>"))
    page = load(path)._repr_html_()
    assert "<script>" not in page
    assert "log_loss 0.5, 1 trials, not finished" in page


@pytest.mark.parametrize("there", [True, False])
def test_only_runs_can_be_loaded(tmp_path: Path, *, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "none"
    what = "is not a run folder" if there else "does not exist"
    with pytest.raises(RunError, match=rf"{what}.*Give a folder that `ffsearch run` made"):
        load(folder)


def test_the_latest_run_is_the_one_told_last(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run under .*/\. Start one with `ffsearch run tabular`"):
        latest(tmp_path)
    for age, name in enumerate(("c", "a", "b")):
        opened(tmp_path / name).close()
        os.utime(tmp_path / name / "log.jsonl", (0, 1000 - age))
    (tmp_path / "other").mkdir()
    assert latest(tmp_path) == tmp_path / "c"


def test_what_json_has_no_word_for_becomes_null(path: Path) -> None:
    with opened(path) as folder:
        summary = build_summary(FACTS, [a_record(0)], wall_s=1.0)
        summary["evidence"]["test"] = {"value": float("nan"), "metrics": {"roc_auc": float("inf")}}
        folder.write_summary(summary)
    content = json.loads((path / "summary.json").read_text())
    assert content["evidence"]["test"] == {"value": None, "metrics": {"roc_auc": None}}


def test_stamps_sort_as_time_does() -> None:
    first = now()
    time.sleep(0.002)
    assert first < now()
