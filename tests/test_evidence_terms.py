"""Scores from terms and weights, held against the metrics themselves on the rows drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import RESAMPLED, row_terms, row_weights, weight_chunks, weighted_scores
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.network.heads import Task

CASES = [(task, metric) for task in Task for metric in METRICS[task] if metric in RESAMPLED]


def example(task: Task, *, n_rows: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        truth = rng.normal(size=(n_rows, 2))
        return truth, truth + rng.normal(size=(n_rows, 2))
    n_classes = 2 if task is Task.BINARY else 4
    truth = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n_rows - n_classes)])
    return truth, rng.dirichlet(np.ones(n_classes), size=n_rows).round(2)  # rounded: ties


def scores(task: Task, metric: str, truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    terms = row_terms(task, metric, truth=truth, predictions=predictions)[None]
    return weighted_scores(metric, truth=truth, terms=terms, weights=weights)[:, 0]


@pytest.mark.parametrize(("task", "metric"), CASES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)  # the first call loads SciPy
def test_weights_of_one_give_the_metric(task: Task, metric: str, seed: int) -> None:
    truth, predictions = example(task, seed=seed)
    ours = scores(task, metric, truth, predictions, np.ones((1, len(truth)), np.float32))[0]
    assert ours == pytest.approx(METRICS[task][metric](truth, predictions), rel=1e-5)


@pytest.mark.parametrize(("task", "metric"), [case for case in CASES if case[1] != "roc_auc"])
def test_counts_give_the_metric_of_the_rows_drawn(task: Task, metric: str) -> None:
    truth, predictions = example(task)
    weights = row_weights(20, units=Units.of_rows(len(truth)), rng=np.random.default_rng(1))
    drawn = [np.repeat(np.arange(len(truth)), count.astype(int)) for count in weights]
    expected = [METRICS[task][metric](truth[rows], predictions[rows]) for rows in drawn]
    np.testing.assert_allclose(scores(task, metric, truth, predictions, weights), expected, rtol=1e-4)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_the_projected_area_is_near_the_exact_one(task: Task) -> None:
    truth, predictions = example(task, n_rows=400)
    weights = row_weights(200, units=Units.of_rows(len(truth)), rng=np.random.default_rng(1))
    drawn = [np.repeat(np.arange(len(truth)), count.astype(int)) for count in weights]
    exact = np.array([METRICS[task]["roc_auc"](truth[rows], predictions[rows]) for rows in drawn])
    ours = scores(task, "roc_auc", truth, predictions, weights)
    assert np.abs(ours - exact).max() < 0.3 * exact.std()
    assert ours.std() == pytest.approx(exact.std(), rel=0.05)


def test_many_models_at_once_equal_one_at_a_time() -> None:
    truth, predictions = example(Task.MULTICLASS)
    other = example(Task.MULTICLASS, seed=5)[1]
    terms = np.stack([row_terms(Task.MULTICLASS, "roc_auc", truth=truth, predictions=a) for a in (predictions, other)])
    weights = row_weights(7, units=Units.of_rows(len(truth)), rng=np.random.default_rng(0))
    both = weighted_scores("roc_auc", truth=truth, terms=terms, weights=weights)
    for place in range(2):
        alone = weighted_scores("roc_auc", truth=truth, terms=terms[place : place + 1], weights=weights)
        np.testing.assert_allclose(both[:, place], alone[:, 0], rtol=1e-5)


def test_rows_without_what_a_metric_needs_are_nan() -> None:
    truth, predictions = example(Task.BINARY)
    nothing = np.zeros((1, len(truth)), np.float32)
    assert np.isnan(scores(Task.BINARY, "log_loss", truth, predictions, nothing)).all()
    one_class = (truth == 0).astype(np.float32)[None]
    assert np.isnan(scores(Task.BINARY, "roc_auc", truth, predictions, one_class)).all()
    of_one_class = np.zeros_like(truth)
    assert np.isnan(
        scores(Task.BINARY, "roc_auc", of_one_class, predictions, np.ones((1, len(truth)), np.float32))
    ).all()


def test_a_class_without_rows_in_a_resample_does_not_count() -> None:
    truth, predictions = example(Task.MULTICLASS)
    weights = (truth != 3).astype(np.float32)[None]
    rows = truth != 3
    expected = METRICS[Task.MULTICLASS]["balanced_accuracy"](truth[rows], predictions[rows])
    assert scores(Task.MULTICLASS, "balanced_accuracy", truth, predictions, weights)[0] == pytest.approx(expected)


def test_every_resample_draws_as_many_rows_as_there_are() -> None:
    weights = row_weights(50, units=Units.of_rows(30), rng=np.random.default_rng(0))
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.6)


def test_groups_are_drawn_whole() -> None:
    groups = np.array([3, 3, 9, 9, 9, 4])
    weights = row_weights(40, units=Units.of_labels(UnitKind.GROUPS, groups), rng=np.random.default_rng(0))
    for number in np.unique(groups):
        of_group = weights[:, groups == number]
        assert (of_group == of_group[:, :1]).all()
    assert (weights[:, [0, 2, 5]].sum(axis=1) == 3).all()


def test_chunks_are_the_resamples_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ffsearch.search.evidence.terms.CHUNK_CELLS", 100)
    chunks = list(weight_chunks(25, units=Units.of_rows(30), rng=np.random.default_rng(0)))
    assert [len(chunk) for chunk in chunks] == [3] * 8 + [1]
