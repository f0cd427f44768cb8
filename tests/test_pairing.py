"""Runs that sealed the same rows are compared row by row, and no others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence import pairing
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import metric_values
from ffsearch.search.evidence.pairing import pairs_of, row_scores
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.folder.results import SealedScores
from ffsearch.search.network.heads import Task

N_ROWS = 400
TASKS = {
    "log_loss": Task.MULTICLASS,
    "accuracy": Task.MULTICLASS,
    "balanced_accuracy": Task.MULTICLASS,
    "roc_auc": Task.BINARY,
    "rmse": Task.REGRESSION,
    "mae": Task.REGRESSION,
}


def answers(task: Task, noise: float) -> tuple[Any, Any]:
    """Truth, and predictions that are off by so much, hard rows being hard for whatever noise."""
    rng = np.random.default_rng(0)
    if task is Task.REGRESSION:
        y = rng.normal(size=(N_ROWS, 1))
        return y, y + noise * rng.normal(size=(N_ROWS, 1))
    n_classes = 2 if task is Task.BINARY else 3
    y = rng.integers(n_classes, size=N_ROWS)
    logits = 2.0 * np.eye(n_classes)[y] + noise * rng.normal(size=(N_ROWS, n_classes))
    return y, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def a_run(metric: str, noise: float, *, keep: slice | Any = slice(None), **changes: Any) -> Any:
    """What pairing reads of a run, its rows in an order of their own."""
    task = TASKS[metric]
    truth, predictions = answers(task, noise)
    frame = row_scores(
        rows=np.arange(N_ROWS) + 7, truth=truth, units=Units.of_rows(N_ROWS),
        terms=row_terms(task, metric, truth=truth, predictions=predictions),
        weight=changes.pop("weight", None),
    )  # fmt: skip
    assert frame is not None
    known = {"sha256": "a", "finished": True, "kind": "search", "frame": frame[keep]} | changes
    direction = "minimize" if metric in ("log_loss", "rmse", "mae") else "maximize"
    terms = row_terms(task, metric, truth=truth, predictions=predictions)[None]
    ((low, high),) = score_intervals(metric, truth=truth, terms=terms, units=Units.of_rows(N_ROWS))
    value = metric_values(task, truth, predictions)[metric]
    test = SealedScores(value=value, low=low, high=high, metrics={})
    results = SimpleNamespace(
        kind=known["kind"], task=str(task.value), data=SimpleNamespace(sha256=known["sha256"]),
        evidence=SimpleNamespace(test=test),
        objective=Objective(name=metric, direction=direction),
    )  # fmt: skip
    return SimpleNamespace(is_finished=known["finished"], results=results, sealed=known["frame"])


@pytest.mark.parametrize("metric", TASKS)
def test_the_gain_is_the_difference_of_the_scores_and_positive_where_the_first_is_better(metric: str) -> None:
    runs = [a_run(metric, noise) for noise in (0.5, 2.0)]
    gain = pairs_of(runs)[0, 1]
    truth, good = answers(TASKS[metric], 0.5)
    bad = answers(TASKS[metric], 2.0)[1]
    scores = [metric_values(TASKS[metric], truth, one)[metric] for one in (good, bad)]
    assert gain.value == pytest.approx(abs(scores[0] - scores[1]), rel=1e-4)
    assert 0 < gain.low < gain.value < gain.high
    back = pairs_of(runs[::-1])[0, 1]
    assert (back.value, back.low, back.high) == pytest.approx((-gain.value, -gain.high, -gain.low))


def test_rows_may_stand_in_another_order() -> None:
    turned = np.random.default_rng(1).permutation(N_ROWS)
    runs = [a_run("log_loss", 0.5), a_run("log_loss", 2.0)]
    shuffled = [runs[0], a_run("log_loss", 2.0)]
    shuffled[1].sealed = runs[1].sealed.iloc[turned]
    assert pairs_of(shuffled) == pairs_of(runs)


def test_intervals_of_several_pairs_hold_together() -> None:
    pair, three = ([a_run("log_loss", noise) for noise in noises] for noises in ((0.5, 2.0), (0.5, 2.0, 1.0)))
    one, of_three = pairs_of(pair)[0, 1], pairs_of(three)
    assert set(of_three) == {(0, 1), (0, 2), (1, 2)}
    assert of_three[0, 1].low < one.low
    assert of_three[0, 1].high > one.high


def test_groups_are_units_and_weights_count() -> None:
    plain, grouped, weighted = (a_run("log_loss", 0.5) for _ in range(3))
    other = a_run("log_loss", 2.0)
    units = Units.of_labels(UnitKind.GROUPS, np.arange(N_ROWS) // 40).numbers
    for run in (grouped, weighted):
        run.sealed = run.sealed.assign(unit=units) if run is grouped else run.sealed.assign(weight=1.0 + units % 2)
    assert pairs_of([plain, grouped]) == {}  # units that differ: the splits went by something else
    by_rows = pairs_of([plain, other])[0, 1]
    other.sealed = other.sealed.assign(unit=units)
    by_groups = pairs_of([grouped, other])[0, 1]
    assert by_groups.value == by_rows.value
    assert by_groups.high - by_groups.low != by_rows.high - by_rows.low
    heavy = a_run("log_loss", 2.0)
    heavy.sealed = heavy.sealed.assign(weight=1.0 + units % 2)
    assert pairs_of([weighted, heavy])[0, 1].low != by_rows.low
    assert pairs_of([weighted, other]) == {}


def test_what_is_hard_for_both_makes_the_difference_known_better() -> None:
    """As for paired means: of rows that go together the interval is narrower than of scores side by side."""
    runs = [a_run("rmse", noise) for noise in (1.0, 1.1)]
    gain = pairs_of(runs)[0, 1]
    tests = [run.results.evidence.test for run in runs]
    apart = float(np.hypot(*(test.high - test.value for test in tests)))
    assert tests[0].high > tests[1].low  # side by side nothing is shown
    assert gain.low > 0
    assert gain.high - gain.value < apart / 4


def test_the_same_network_twice_differs_by_nothing() -> None:
    run = a_run("log_loss", 1.0)
    gain, test = pairs_of([run, a_run("log_loss", 1.0)])[0, 1], run.results.evidence.test
    assert gain.low <= gain.value == 0 <= gain.high
    assert gain.high - gain.low < 0.2 * (test.high - test.low)  # the two ends of a skewed interval are not as far off


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "another table"},
        {"finished": False},
        {"kind": "capacity"},
        {"keep": slice(1, None)},
        {"frame": pd.DataFrame()},
        {"weight": np.full(N_ROWS, 2.0)},
    ],
    ids=["table", "unfinished", "study", "other rows", "early version", "weights"],
)
def test_what_is_not_the_same_rows_is_not_paired(changes: dict[str, Any]) -> None:
    assert pairs_of([a_run("log_loss", 0.5), a_run("log_loss", 2.0, **changes)]) == {}


def test_other_truth_and_another_metric_are_not_paired() -> None:
    one, other = a_run("log_loss", 0.5), a_run("log_loss", 2.0)
    other.sealed = other.sealed.assign(**{"truth.0": 1 - other.sealed["truth.0"]})
    assert pairs_of([one, other]) == {}
    assert pairs_of([one, a_run("accuracy", 2.0)]) == {}


def test_rows_without_end_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "MAX_ROWS", N_ROWS - 1)
    truth, predictions = answers(Task.MULTICLASS, 1.0)
    terms = row_terms(Task.MULTICLASS, "accuracy", truth=truth, predictions=predictions)
    kept = row_scores(rows=np.arange(N_ROWS), truth=truth, units=Units.of_rows(N_ROWS), terms=terms)
    assert kept is None
