"""Run folders read again: finished, unfinished, damaged, elsewhere."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from examples import FACTS, SPACE, a_finished_run, a_record, opened, said
from ffsearch.errors import ExportError, RunError
from ffsearch.reports.html import build_page
from ffsearch.reports.markdown import build_text
from ffsearch.search.console.show import show_lines
from ffsearch.search.folder.reader import StoredRun, latest, load
from ffsearch.search.folder.results import SealedTest
from ffsearch.search.folder.summary import build_summary
from ffsearch.search.folder.trial_record import now
from ffsearch.search.training.protocol import Ended


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "tabular"


@pytest.fixture
def finished(path: Path) -> Path:
    return a_finished_run(path)


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
    assert said(run.notices) == ["One column was dropped."]
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
        ("summary.json", "summary", r"summary\.json: Invalid JSON.*Remove it"),
        ("environment.json", "environment", r"environment\.json is not JSON"),
        ("finalists.parquet", "finalists", r"finalists\.parquet cannot be read .*Remove it"),
    ],
)
def test_damaged_files_are_named(finished: Path, name: str, attribute: str, match: str) -> None:
    (finished / name).write_bytes(b"PAR1 torn")
    with pytest.raises(RunError, match=match):
        getattr(load(finished), attribute)


def _with(value: object, *, at: str, inside: object) -> object:
    """A JSON value with another one at a place such as `evidence.naive.value`."""
    name, _, rest = at.partition(".")
    assert isinstance(inside, dict)
    return inside | {name: _with(value, at=rest, inside=inside[name]) if rest else value}


@pytest.mark.parametrize(
    ("at", "value"), [("best.valid", 0.125), ("evidence.naive.value", 0.125), ("name", "x"), ("added", 1)]
)
def test_a_summary_that_was_changed_is_not_what_the_run_found(finished: Path, at: str, value: object) -> None:
    path = finished / "summary.json"
    was = json.loads(path.read_text())
    path.write_text(json.dumps(_with(value, at=at, inside=was)))
    with pytest.raises(
        RunError, match=r"summary\.json is not what the run wrote: log\.jsonl keeps another hash.*Remove"
    ):
        _ = load(finished).results
    path.write_text(json.dumps(was, indent=None, sort_keys=True))  # the same in another layout
    assert load(finished).results.name == was["name"]


def test_the_log_of_an_early_version_keeps_no_hash_of_the_summary(finished: Path) -> None:
    path = finished / "summary.json"
    path.write_text(path.read_text().replace('"name": "', '"name": "other '))
    lines = [json.loads(line) for line in (finished / "log.jsonl").read_text().splitlines()]
    kept = [{name: value for name, value in line.items() if name != "summary"} for line in lines]
    (finished / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    assert load(finished).results.name.startswith("other ")


@pytest.mark.parametrize("has_hash", [True, False])
@pytest.mark.parametrize("show", [build_page, build_text, lambda run: show_lines(run, n_trials=3)])
def test_what_a_summary_without_a_hash_leads_to_names_the_file(
    finished: Path, monkeypatch: pytest.MonkeyPatch, show: Callable[[StoredRun], object], *, has_hash: bool
) -> None:
    run = load(finished)
    monkeypatch.setattr(StoredRun, "results", property(lambda _: {}["part"]))
    monkeypatch.setattr(StoredRun, "has_hash", has_hash)
    with pytest.raises(
        KeyError if has_hash else RunError, match="part" if has_hash else r"summary\.json cannot be shown"
    ):
        show(run)


@pytest.mark.parametrize("content", [None, b"PAR1 torn"])
def test_a_lost_or_damaged_table_is_read_from_the_log(finished: Path, content: bytes | None) -> None:
    for name in ("trials.parquet", "curves.parquet"):
        (finished / name).unlink() if content is None else (finished / name).write_bytes(content)
    assert len(load(finished).trials) == len(Ended)
    assert set(load(finished).curves["trial"]) <= set(range(len(Ended)))


def test_the_html_of_a_run_shows_hostile_names_as_text(path: Path) -> None:
    with opened(path) as folder:
        assert "no trial has a value yet" in load(path)._repr_html_()
        folder.start(FACTS)
        folder.add(a_record(0, topology="<script>alert(1)</script>"))
    page = load(path)._repr_html_()
    assert "<script>" not in page
    assert "log loss 0.5000, 1 trial, not finished" in page


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
        test = SealedTest(value=math.nan, low=0.0, high=math.inf, metrics={"roc_auc": math.nan}, openings=1)
        folder.finish(build_summary(FACTS, [a_record(0)], wall_s=1.0, test=test))
    content = json.loads((path / "summary.json").read_text())
    expected = {"value": None, "low": 0.0, "high": None, "metrics": {"roc_auc": None}, "openings": 1}
    assert content["evidence"]["test"] == expected


def test_stamps_sort_as_time_does() -> None:
    first = now()
    time.sleep(0.002)
    assert first < now()
