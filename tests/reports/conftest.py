"""Runs to report on, made from records without training anything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_examples import frames, summary_parts
from examples import LOSS
from ffsearch.search.base.objective import Objective
from ffsearch.search.folder.results import SealedTest
from ffsearch.search.folder.summary import DataFacts, RefitFacts, RunFacts, SearchFacts, Summary, build_summary
from ffsearch.search.folder.trial_record import TrialRecord, curves_frame, trials_frame
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.network.topology import Activation, Point, describe, n_params
from ffsearch.search.training.protocol import Curve, Ended
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

N_FEATURES = 30
N_COLUMNS = 12
SHARES = {Ended.STOPPED: 0.5, Ended.COMPLETED: 0.1, Ended.PRUNED: 0.32, Ended.DIVERGED: 0.05, Ended.FAILED: 0.03}

SPACE = """\
kind: search
data: {source: 'sklearn:breast_cancer', target: malignant}
space:
  depth: {type: int, low: 1, high: 6}
  width: {type: int, low: 16, high: 512, log: true}
  taper: 1.0
  activation: {type: choice, values: [relu, leaky_relu, prelu, elu, selu, swish, tanh, softsign]}
  dropout: {type: float, low: 0.05, high: 0.5, zero: 0.4}
  batch_norm: {type: choice, values: [true, false]}
  l1: {type: float, low: 1.0e-7, high: 0.001, log: true, zero: 0.7}
  l2: {type: float, low: 1.0e-7, high: 0.01, log: true, zero: 0.4}
  learning_rate: {type: float, low: 0.0001, high: 0.01, log: true}

search: {engine: optuna, sampler: tpe, pruner: asha, trials: 40, seed: 0}
"""

METRICS = {"log_loss": 0.0913, "accuracy": 0.9649, "balanced_accuracy": 0.9611, "roc_auc": 0.9952, "brier": 0.0268}
TEST = {"value": 0.0913, "low": 0.0614, "high": 0.1272, "openings": 1, "metrics": METRICS}


@dataclass(frozen=True, kw_only=True)
class FakeRun:
    """What a report reads of a run, in memory."""

    path: Path
    summary: Mapping[str, Any]
    trials: pd.DataFrame
    curves: pd.DataFrame
    space_text: str = SPACE
    environment: Mapping[str, Any] = field(default_factory=lambda: {"python": "3.11", "packages": {"keras": None}})
    is_finished: bool = True
    columns: Sequence[Mapping[str, Any]] | None = None
    notices: Sequence[Finding] = ()
    ignored: Sequence[str] = ()
    finalists: pd.DataFrame = field(default_factory=pd.DataFrame)
    partners: pd.DataFrame = field(default_factory=pd.DataFrame)
    baselines: pd.DataFrame = field(default_factory=pd.DataFrame)
    residuals: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def results(self) -> Summary:
        """The summary, typed."""
        return Summary.read(json.dumps(self.summary), path=self.path)


MakeRun = Callable[..., FakeRun]


@pytest.fixture
def run_facts() -> RunFacts:
    """What is known of the fake runs before their first trial."""
    return facts()


@pytest.fixture
def run_records() -> list[TrialRecord]:
    """The trials of a small fake run."""
    return records(2, only=Ended.STOPPED)


@pytest.fixture
def run_folder(tmp_path: Path, run_facts: RunFacts, run_records: list[TrialRecord], space_yaml: str) -> Path:
    """A finished run folder, as a search writes it."""
    test = SealedTest(value=0.1, low=0.05, high=0.15, metrics={"accuracy": 0.97}, openings=1)
    summary = build_summary(run_facts, run_records, wall_s=20.0, test=test)
    with RunFolder.open(tmp_path / "runs/small", space_yaml=space_yaml, identity={"space": "a", "data": "b"}) as folder:
        folder.start(run_facts)
        folder.write_data(columns=[{"name": "area", "kind": "number", "used": True, "reason": "numbers"}], notices=[])
        for record in run_records:
            folder.add(record)
        folder.finish(summary)
    return tmp_path / "runs/small"


@pytest.fixture
def space_yaml() -> str:
    """The space file of the fake runs."""
    return SPACE


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Makes a run of so many trials; the same arguments make the same run."""

    def make(
        n_trials: int = 40,
        *,
        only: Ended | None = None,
        is_finished: bool = True,
        objective: Objective = LOSS,
        evidence: bool = False,
        **changes: Any,
    ) -> FakeRun:
        trials = records(n_trials, only=only)
        is_tested = is_finished and any(record.value is not None for record in trials)
        summary = build_summary(
            facts(task="regression" if objective.name == "rmse" else "binary", objective=objective),
            trials,
            wall_s=sum(record.train_s for record in trials) * 1.1 + 5,
            refit=RefitFacts(epochs=33, updates=264, n_rows=455) if is_tested else None,
        ).as_dict()
        if is_tested:
            summary["evidence"]["test"] = TEST
        parts = {"summary": summary, "trials": trials_frame(trials), "curves": curves_frame(trials)}
        copies = found(Code.COPIES, "together", n=2, total=569)
        kept = {"columns": columns(), "notices": [copies], "is_finished": is_finished}
        run = FakeRun(**{"path": tmp_path_factory.mktemp("run"), **parts, **kept, **changes})
        return replace(run, summary=dict(run.summary) | summary_parts(run), **frames(run)) if evidence else run

    return make


def records(n_trials: int, *, only: Ended | None = None) -> list[TrialRecord]:
    """Trials of random points that end for all sorts of reasons, or for one only."""
    rng = np.random.default_rng(0)
    reasons = list(SHARES)
    return [
        _record(rng, trial=n, ended=only or reasons[rng.choice(5, p=list(SHARES.values()))]) for n in range(n_trials)
    ]


def facts(*, task: str = "binary", objective: Objective = LOSS) -> RunFacts:
    """What is known before the first trial."""
    data = DataFacts(
        target=("malignant",),
        source="sklearn:breast_cancer",
        n_rows=569,
        n_features=N_FEATURES,
        n_classes=None if task == "regression" else 2,
        sha256="5f2c" * 16,
        n_train=364,
        n_valid=91,
        n_test=114,
    )
    search = SearchFacts(engine="optuna", sampler="tpe", pruner="asha", trainer="keras", seed=0)
    return RunFacts(kind="search", name="tabular", task=task, objective=objective, data=data, search=search)


def columns() -> list[dict[str, Any]]:
    """Columns of a table, one of them not used."""
    known = {"kind": "number", "reasons": [found(Code.NUMBERS, n=30).as_dict()], "n_levels": None}
    return [{"name": f"column {n}", "used": n != 3, "n_missing": n, **known} for n in range(N_COLUMNS)]


def _point(rng: np.random.Generator) -> Point:
    def unless_off(chance: float, low: float, high: float) -> float:
        return 0.0 if rng.random() < chance else float(10 ** rng.uniform(low, high))

    return Point(
        depth=int(rng.integers(1, 7)),
        width=int(2 ** rng.uniform(4, 9)),
        activation=list(Activation)[rng.integers(8)],
        dropout=unless_off(0.4, -1.3, -0.3),
        batch_norm=bool(rng.random() < 0.5),
        l1=unless_off(0.7, -7, -3),
        l2=unless_off(0.4, -7, -2),
        learning_rate=float(10 ** rng.uniform(-4, -2)),
    )


def _curve(rng: np.random.Generator, *, floor: float, n_epochs: int, ended: Ended) -> Curve:
    epochs = np.arange(n_epochs)
    fall = np.exp(-epochs / max(3.0, n_epochs / 6))
    valid = floor + 0.6 * fall + 0.0015 * np.maximum(0, epochs - n_epochs * 0.6) + rng.normal(0, 0.004, n_epochs)
    train = floor * 0.6 + 0.62 * fall + rng.normal(0, 0.003, n_epochs)
    if ended is Ended.DIVERGED:
        valid[-1] = math.nan
    as_float32 = {"train_loss": train.astype(np.float32), "valid_loss": valid.astype(np.float32)}
    return Curve(penalty=np.zeros(n_epochs, np.float32), **as_float32)


def _record(rng: np.random.Generator, *, trial: int, ended: Ended) -> TrialRecord:
    point = _point(rng)
    short = {Ended.PRUNED: int(rng.integers(3, 12)), Ended.DIVERGED: 4, Ended.FAILED: 0}
    n_epochs = short.get(ended, int(rng.integers(25, 90)))
    floor = 0.06 + 0.05 * abs(math.log10(point.learning_rate) + 2.8) + float(rng.exponential(0.03))
    curve = _curve(rng, floor=floor, n_epochs=n_epochs, ended=ended)
    has_value = ended not in (Ended.DIVERGED, Ended.FAILED)
    value = float(np.nanmin(curve.valid_loss)) if has_value else None
    return TrialRecord(
        trial=trial,
        point=point,
        topology=describe(point, n_features=N_FEATURES, n_outputs=1),
        n_params=n_params(point, n_features=N_FEATURES, n_outputs=1),
        value=value,
        valid_loss=value,
        metrics={"accuracy": 0.95} if has_value else {},
        ended=ended,
        best_epoch=int(np.nanargmin(curve.valid_loss)) + 1 if has_value else 0,
        n_epochs=n_epochs,
        n_updates=n_epochs * 8,
        train_s=0.4 + n_epochs * 0.05,
        compile_s=0.3,
        seed=(0, 2, trial),
        curve=curve,
        error="out of memory" if ended is Ended.FAILED else None,
        ended_at="2025-01-01T00:00:00.000+00:00",
        repeat_of=0 if trial == 7 else None,
    )
