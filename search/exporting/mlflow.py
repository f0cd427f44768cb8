"""`ffsearch report --mlflow URI|DIR`: a run and its trials in MLflow, a parent run with one nested run a trial.

    experiment  the run's name
      parent    the run: what was searched, verdict, test and corrected scores, report.html, space.yaml, summary.json
        trial   its hyperparameters, curves, final metrics, and how it ended

A second call finds the parent by the run's fingerprint and its trials by their numbers: it adds what is new. Any SQL
database or server of MLflow's will do; a plain folder is given a SQLite file, which needs no more than SQLAlchemy and
Alembic, and those come with Optuna. MLflow's own store of text files takes no new runs since MLflow 3.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ffsearch.errors import ExportError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.base.files import sqlite_url
from ffsearch.search.base.secrets import without_passwords
from ffsearch.search.exporting.trial_facts import CURVES, finals_of, is_number, seconds_of
from ffsearch.search.folder.plain import plain
from ffsearch.search.folder.reader import SPACE, SUMMARY, StoredRun
from ffsearch.search.folder.summary import SearchFacts, Summary
from ffsearch.search.training.protocol import Ended

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.entities import Run as Logged

__all__ = ["Destination", "log_run"]

DATABASE: Final = "mlflow.db"
ARTIFACTS: Final = "artifacts"
"""What a folder holds that is given in place of a URI."""

FINGERPRINT: Final = "ffsearch.run"
TRIAL: Final = "ffsearch.trial"
"""Tags by which a later call finds what an earlier one logged."""

_PER_CALL: Final = 1000  # Source: MLflow REST API, runs/log-batch: at most 1,000 metrics a request
_REASON: Final = 400  # choice: what MLflow says first; whole pages of HTML come from some servers
_LONGEST: Final = 5000  # Source: MLflow REST API: tags of at most 5,000 characters are kept by every store

# Set where the user has not: no telemetry, and a mistyped address fails in seconds, not minutes.
_SETTINGS: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


@dataclass(frozen=True)
class Destination:
    """Where a run was logged.

    Args:
        uri: Tracking URI of MLflow.
        experiment: Name of the experiment.
        n_new: Trials that were not there before.
        n_trials: Trials of the run.
    """

    uri: str
    experiment: str
    n_new: int
    n_trials: int

    def lines(self) -> list[str]:
        """What was done, and how it is looked at, for people."""
        shown = without_passwords(self.uri)
        seen = shown if shown.startswith("http") else f"mlflow ui --backend-store-uri {shell_quoted(shown)}"
        if seen != shown and find_spec("flask") is None:  # the client's package has the command, but not its pages
            seen = f"pip install mlflow; {seen}"
        return [
            f"logged  {self.n_trials} trials, {self.n_new} of them new, to MLflow's experiment {self.experiment!r}",
            f"next    {seen}",
        ]


def log_run(run: StoredRun, to: str, *, texts: Mapping[str, Callable[[], str]]) -> Destination:
    """Log a run, or what is new of it since it was last logged there.

    Args:
        run: The run; it may go on still.
        to: Tracking URI, or a folder, which is made.
        texts: Further artefacts by name, such as the report; made when all else is logged.

    Returns:
        Where it is.

    Raises:
        ExportError: If no trial has ended, or MLflow cannot be written to. What was logged stays, and the next call
            goes on from there.
    """
    if run.trials.empty:
        raise ExportError(f"{run.path} has no trial that ended. Give the run's command again, then this one.")
    with _mlflow(to):
        uri, artifacts = _place(to)
        client = _connected(uri)
        experiment = _experiment(client, run.name, artifacts)
        parent = _parent(client, experiment, run)
        n_new = _log_trials(client, experiment, parent, run)
        _log_outcome(client, parent, run, texts)
    return Destination(uri, run.name, n_new, len(run.trials))


@contextmanager
def _mlflow(to: str) -> Iterator[None]:
    """Call MLflow quietly, and tell its errors as ours."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations between MLflow and its own libraries
            yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = without_passwords(" ".join(str(getattr(error, "strerror", None) or error).split()), of=to)
        raise ExportError(
            f"--mlflow {without_passwords(to)!r} could not be written. Name a folder, a server such as "
            "http://localhost:5000, or a database such as sqlite:///mlflow.db; the same command again goes on from "
            f"what was logged. The reason: {reason[:_REASON]}"
        ) from error


def _place(to: str) -> tuple[str, str | None]:
    """The tracking URI, and where artefacts go if that is ours to say."""
    if "://" in to or to.startswith("databricks"):
        return to, None
    folder = Path(to).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return sqlite_url(folder / DATABASE), (folder / ARTIFACTS).as_uri()


def _connected(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """The experiment's id; it is made where there is none."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    if found.lifecycle_stage != "active":
        raise ExportError(
            f"The experiment {name!r} was deleted in MLflow, and its name is still taken. Restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`, or log to another place."
        )
    return str(found.experiment_id)


def _parent(client: MlflowClient, experiment: str, run: StoredRun) -> str:
    """The id of the run that stands for the whole search; what never changes is logged as it is made."""
    found = client.search_runs([experiment], f"tags.`{FINGERPRINT}` = '{run.fingerprint}'", max_results=1)
    if found:
        return str(found[0].info.run_id)
    summary = run.results
    tags = {FINGERPRINT: run.fingerprint, "mlflow.source.name": "ffsearch", "ffsearch.version": summary.ffsearch}
    begun = min(_started(row) for row in run.trials.to_dict("records"))
    made = client.create_run(experiment, start_time=begun, tags=tags, run_name=run.name)
    given = {f"search.{one.name}": getattr(summary.search, one.name) for one in fields(SearchFacts)}  # no counts
    _log(client, made, params={f"data.{name}": value for name, value in plain(summary.data).items()} | given)
    return str(made.info.run_id)


def _log_trials(client: MlflowClient, experiment: str, parent: str, run: StoredRun) -> int:
    """Log each trial that is not there in full, and say how many."""
    there = _logged_trials(client, experiment, parent)
    curves = dict(iter(run.curves.groupby("trial")))
    n_new = 0
    for row in run.trials.to_dict("records"):
        logged = there.get(str(row["trial"]))
        if logged is not None and logged.info.status != "RUNNING":
            continue
        logged = logged or _begin_trial(client, experiment, parent, row)
        _log(client, logged, params=_point(row), metrics=[*_curve(curves.get(row["trial"]), row), *_finals(row)])
        status = "FINISHED" if Ended(row["ended"]).has_value else "FAILED"  # a pruned trial ended as it should
        client.set_terminated(logged.info.run_id, status, end_time=_ended(row))
        n_new += 1
    return n_new


def _logged_trials(client: MlflowClient, experiment: str, parent: str) -> dict[str, Logged]:
    """Trials that an earlier call logged, by number; one it was stopped at is still RUNNING."""
    found: dict[str, Logged] = {}
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'", page_token=token)
        found |= {each.data.tags[TRIAL]: each for each in page if TRIAL in each.data.tags}
        token = page.token
        if not token:
            return found


def _begin_trial(client: MlflowClient, experiment: str, parent: str, row: Mapping[Any, Any]) -> Logged:
    told = {name: str(row[name]) for name in ("ended", "why", "topology", "error") if pd.notna(row[name])}
    tags = {
        "mlflow.parentRunId": parent,
        "mlflow.source.name": "ffsearch",
        TRIAL: str(row["trial"]),
        **{f"ffsearch.{name}": text[:_LONGEST] for name, text in told.items()},
    }
    return client.create_run(experiment, start_time=_started(row), tags=tags, run_name=f"trial {row['trial']}")


def _point(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name)[6:]: value for name, value in row.items() if str(name).startswith("point.") and pd.notna(value)}


def _curve(curve: pd.DataFrame | None, row: Mapping[Any, Any]) -> list[Metric]:
    """Losses by epoch."""
    losses = [] if curve is None else curve.to_dict("records")
    return [
        _metric(name, loss[name], step=int(loss["epoch"]), at=_ended(row))
        for loss in losses
        for name in CURVES
        if is_number(loss[name])
    ]


def _finals(row: Mapping[Any, Any]) -> list[Metric]:
    """What a trial ended with, at the epoch whose weights were kept."""
    step = int(row["best_epoch"]) if pd.notna(row["best_epoch"]) else 0
    return [_metric(name, value, step=step, at=_ended(row)) for name, value in finals_of(row, prefix="").items()]


def _metric(name: str, value: float, *, step: int, at: int) -> Metric:
    from mlflow.entities import Metric

    return Metric(name, float(value), at, step)


def _log(client: MlflowClient, run: Logged, *, params: Mapping[str, Any], metrics: Sequence[Metric] = ()) -> None:
    """Log in as few calls as MLflow takes; the same values twice are kept once."""
    from mlflow.entities import Param

    run_id = run.info.run_id
    client.log_batch(run_id, params=[Param(name, _text(value)) for name, value in params.items()])
    for first in range(0, len(metrics), _PER_CALL):
        client.log_batch(run_id, metrics=metrics[first : first + _PER_CALL])


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_LONGEST]


def _log_outcome(client: MlflowClient, parent: str, run: StoredRun, texts: Mapping[str, Callable[[], str]]) -> None:
    """What is known of the run by now, in place of what was known before."""
    at = max(_ended(row) for row in run.trials.to_dict("records"))
    for name, value in _scores(run.results).items():
        client.log_metric(parent, name, value, timestamp=at)
    for name, text in _answer(run.results).items():
        client.set_tag(parent, name, text[:_LONGEST])
    for name in (SPACE, SUMMARY):
        if (run.path / name).exists():
            client.log_artifact(parent, str(run.path / name))
    for name, made in texts.items():
        client.log_text(parent, made(), name)
    client.set_terminated(parent, "FINISHED" if run.is_finished else "RUNNING", end_time=at)


def _scores(summary: Summary) -> dict[str, float]:
    """Counts, and scores of the winner: naive, corrected, on the sealed test, and those of the baselines there."""
    evidence, counts = summary.evidence, summary.search
    found: dict[str, float | None] = {name: getattr(counts, name) for name in ("n_trials", "n_epochs", "wall_s")}
    found["naive"] = None if summary.best is None else summary.best.valid
    for name, score in (("corrected", evidence.corrected), ("test", evidence.test)):
        if score is not None:
            found |= {name: score.value, f"{name}.low": score.low, f"{name}.high": score.high}
    if evidence.test is not None:
        found |= {f"test.{name}": value for name, value in evidence.test.metrics.items()}
    found |= {f"baseline.{one.name}": one.test.value for one in summary.baselines if one.test is not None}
    return {name: float(value) for name, value in found.items() if value is not None and is_number(value)}


def _answer(summary: Summary) -> dict[str, str]:
    """The winner and the verdict in words; MLflow shows the note as the run's description."""
    best, verdict = summary.best, summary.verdict
    found = {} if best is None else {"ffsearch.topology": best.topology, "ffsearch.best_trial": str(best.trial)}
    if verdict is not None:
        found |= {"ffsearch.verdict": verdict.code, "mlflow.note.content": verdict.text}
    return found


def _started(row: Mapping[Any, Any]) -> int:
    return _ended(row) - round(1000 * float(row["train_s"]))


def _ended(row: Mapping[Any, Any]) -> int:
    """When a trial ended, in milliseconds since 1970."""
    return round(1000 * seconds_of(row["ended_at"]))
