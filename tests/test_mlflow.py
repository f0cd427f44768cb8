"""`ffsearch report --mlflow`: what it logs is read back by MLflow's own client."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ffsearch
from ffsearch.errors import ExportError
from ffsearch.search.base.files import sqlite_url
from ffsearch.search.cli import invoke
from ffsearch.search.exporting.mlflow import TRIAL, log_run

STORED = Path(__file__).parent / "data" / "run.zip"

# Between MLflow and its own libraries; ours turn no warning off but around the calls
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ffsearch.Run:
    folder = tmp_path_factory.mktemp("stored") / "iris"
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(folder)
    return ffsearch.load(folder)


@pytest.fixture(scope="module")
def folder(run: ffsearch.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a run was logged to half way, then to its end; its name has signs that mean something in URIs."""
    folder = tmp_path_factory.mktemp("mlflow") / "made ?#%é"
    begun = ffsearch.load(run.path)
    begun.trials = run.trials.iloc[:5]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)  # where MLflow has artefacts go from now on, of experiments told nothing else
        assert log_run(begun, str(folder), texts={}).n_new == 5
        assert log_run(run, str(folder), texts={"report.html": lambda: "<p>é</p>"}).n_new == 11
    return folder


@pytest.fixture(scope="module")
def logged(run: ffsearch.Run, folder: Path) -> list[Any]:
    return runs_at(folder, run.name)


def client_of(folder: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=sqlite_url(folder / "mlflow.db"))


def runs_at(folder: Path, name: str) -> list[Any]:
    """All that was logged, the parent first, then trials by number."""
    client = client_of(folder)
    found = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    return sorted(found, key=lambda each: int(each.data.tags.get(TRIAL, -1)))


def test_the_parent_tells_the_answer(run: ffsearch.Run, logged: list[Any]) -> None:
    parent = logged[0]
    evidence = run.summary["evidence"]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["test"] == evidence["test"]["value"]
    assert parent.data.metrics["test.low"] == evidence["test"]["low"]
    assert parent.data.metrics["n_trials"] == 16
    assert parent.data.params["search.sampler"] == run.summary["search"]["sampler"]
    assert parent.data.params["data.n_rows"] == "150"
    assert parent.data.tags["ffsearch.topology"] == run.summary["best"]["topology"]


def test_artefacts_are_those_of_the_run(run: ffsearch.Run, folder: Path, logged: list[Any], tmp_path: Path) -> None:
    client_of(folder).download_artifacts(logged[0].info.run_id, "", str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "space.yaml", "summary.json"}
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "<p>é</p>"
    assert (tmp_path / "summary.json").read_bytes() == (run.path / "summary.json").read_bytes()
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "artifacts"}


def test_each_trial_is_nested_once(run: ffsearch.Run, logged: list[Any]) -> None:
    trials = logged[1:]
    assert [each.data.tags[TRIAL] for each in trials] == [str(number) for number in range(16)]
    assert {each.data.tags["mlflow.parentRunId"] for each in trials} == {logged[0].info.run_id}
    for each, row in zip(trials, run.trials.sort_values("trial").to_dict("records"), strict=True):
        assert each.data.params["depth"] == str(row["point.depth"])
        assert each.data.params["activation"] == row["point.activation"]
        assert float(each.data.params["learning_rate"]) == row["point.learning_rate"]
        assert each.data.metrics["value"] == row["value"]
        assert each.data.metrics["accuracy"] == row["metric.accuracy"]
        assert each.data.tags["ffsearch.why"] == row["why"]
        assert each.info.end_time - each.info.start_time == pytest.approx(1000 * row["train_s"], abs=1)


def test_curves_are_those_of_the_run(run: ffsearch.Run, folder: Path, logged: list[Any]) -> None:
    client = client_of(folder)
    for each in logged[1:4]:
        curve = run.curves[run.curves["trial"] == int(each.data.tags[TRIAL])]
        for name in ("train_loss", "valid_loss"):
            history = client.get_metric_history(each.info.run_id, name)
            assert [point.step for point in history] == curve["epoch"].tolist()
            np.testing.assert_array_equal([point.value for point in history], curve[name])


def test_another_call_adds_nothing_and_goes_on_where_one_was_stopped(
    run: ffsearch.Run, folder: Path, logged: list[Any], tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    shutil.copytree(run.path, tmp_path / "moved run")
    client = client_of(tmp_path / "copy")
    client.update_run(logged[3].info.run_id, status="RUNNING")
    again = log_run(ffsearch.load(tmp_path / "moved run"), str(tmp_path / "copy"), texts={})
    assert (again.n_new, again.n_trials) == (1, 16)
    after = runs_at(tmp_path / "copy", run.name)
    assert [each.info.run_id for each in after] == [each.info.run_id for each in logged]
    assert [each.data.metrics for each in after] == [each.data.metrics for each in logged]
    assert {each.info.status for each in after} == {"FINISHED"}
    history = client.get_metric_history(logged[3].info.run_id, "train_loss")
    assert [point.step for point in history] == run.curves.query("trial == 2")["epoch"].tolist()


def test_what_diverged_failed_and_what_it_lacks_is_left_out(
    run: ffsearch.Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # of a database it was not told more about, MLflow puts artefacts here
    changed = ffsearch.load(run.path)
    changed.trials = run.trials.head(2).copy()
    changed.trials.loc[0, ["ended", "value"]] = ["diverged", np.inf]
    changed.trials.loc[0, "point.activation"] = "<script>alert('é\u202e')</script>"
    changed.curves = run.curves.assign(valid_loss=np.nan)
    changed.results = replace(run.results, name="broken")
    log_run(changed, sqlite_url(folder / "mlflow.db"), texts={})
    _, diverged, normal = runs_at(folder, "broken")
    assert (diverged.info.status, normal.info.status) == ("FAILED", "FINISHED")
    assert {"value", "valid_loss"}.isdisjoint(diverged.data.metrics)
    assert diverged.data.params["activation"] == "<script>alert('é\u202e')</script>"


def test_a_deleted_experiment_is_told(run: ffsearch.Run, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    client = client_of(tmp_path / "copy")
    client.delete_experiment(client.get_experiment_by_name(run.name).experiment_id)
    with pytest.raises(ExportError, match=r"was deleted in MLflow.*mlflow experiments restore"):
        log_run(run, str(tmp_path / "copy"), texts={})


@pytest.mark.parametrize(
    ("to", "told"),
    [("file", "File exists"), ("http://127.0.0.1:9", "Connection refused"), ("ftp://host/x", "unsupported URI")],
)
def test_a_place_that_does_not_work(
    run: ffsearch.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    to: str,
    told: str,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert invoke(["report", str(run.path), "--mlflow", to]) == 2
    said = capsys.readouterr().err
    assert f"--mlflow {to!r} could not be written. Name a folder, a server" in said
    assert told in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("more", [["--compare"], ["--out", "page.html"], ["--open"]])
def test_the_command_refuses_what_is_of_the_page(
    run: ffsearch.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert invoke(["report", str(run.path), "--mlflow", str(tmp_path / "here"), *more]) == 2
    assert "--mlflow takes one run" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_command_says_how_to_install_it(
    run: ffsearch.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ffsearch.search.exporting.formats.find_spec", lambda _: None)
    assert invoke(["report", str(run.path), "--mlflow", str(tmp_path / "here")]) == 2
    assert 'pip install "ffsearch[mlflow]"' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_logs_the_page_without_tensorflow(run: ffsearch.Run, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    program = (
        "import sys\nfrom ffsearch.search.cli import invoke\n"
        "assert invoke(['report', sys.argv[1], '--lang', 'pt-BR', '--mlflow', sys.argv[2]]) == 0\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(run.path), str(tmp_path / "copy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "16 trials, 0 of them new" in done.stdout
    assert f"mlflow ui --backend-store-uri {sqlite_url(tmp_path / 'copy' / 'mlflow.db')}" in done.stdout
    client = client_of(tmp_path / "copy")
    page = client.download_artifacts(runs_at(tmp_path / "copy", run.name)[0].info.run_id, "report.html", str(tmp_path))
    assert '<html lang="pt-BR"' in Path(page).read_text(encoding="utf-8")
