"""Metrics against scikit-learn and against answers known in advance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from examples import ACCURACY, LOSS
from ffsearch.errors import SpaceError
from ffsearch.search.evidence.metrics import METRICS, metric_values, resolve_objective
from ffsearch.search.network.heads import Head, Loss, Task


def classes(seed: int, n_classes: int, n_rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n_classes), generator.integers(n_classes, size=n_rows)])
    return truth, generator.dirichlet(np.ones(n_classes), size=len(truth)).astype(np.float32)


def summing_to_one(probabilities: np.ndarray) -> np.ndarray:
    exact = probabilities.astype(np.float64)
    return exact / exact.sum(axis=1, keepdims=True)


@given(seed=st.integers(0, 10_000))
def test_binary_metrics_equal_scikit_learn(seed: int) -> None:
    truth, probabilities = classes(seed, 2)
    ours = metric_values(Task.BINARY, truth, probabilities)
    exact = summing_to_one(probabilities)
    positive = exact[:, 1]
    assert ours["log_loss"] == pytest.approx(reference.log_loss(truth, exact), rel=1e-4)
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(truth, probabilities.argmax(axis=1)))
    assert ours["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(truth, probabilities.argmax(axis=1))
    )
    assert ours["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, positive))
    assert ours["brier"] == pytest.approx(reference.brier_score_loss(truth, positive), rel=1e-5)


@given(seed=st.integers(0, 10_000), n_classes=st.integers(3, 6))
def test_multiclass_metrics_equal_scikit_learn(seed: int, n_classes: int) -> None:
    truth, probabilities = classes(seed, n_classes)
    ours = metric_values(Task.MULTICLASS, truth, probabilities)
    exact = summing_to_one(probabilities)
    assert ours["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, exact, multi_class="ovr"), abs=1e-6)
    assert ours["log_loss"] == pytest.approx(reference.log_loss(truth, exact), rel=1e-4)
    assert ours["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(truth, exact.argmax(axis=1)))


@given(seed=st.integers(0, 10_000))
def test_regression_metrics_equal_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=(40, 2))
    values = truth + generator.normal(size=(40, 2))
    ours = metric_values(Task.REGRESSION, truth, values)
    assert ours["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, values))
    assert ours["mae"] == pytest.approx(reference.mean_absolute_error(truth, values))
    assert ours["r2"] == pytest.approx(reference.r2_score(truth, values))


def test_calibration_error_of_known_answers() -> None:
    truth = np.array([1, 1, 1, 0])
    sure = np.array([[0.25, 0.75]] * 4)
    assert METRICS[Task.BINARY]["ece"](truth, sure) == pytest.approx(0.0)
    assert METRICS[Task.BINARY]["ece"](np.zeros(4, dtype=int), sure) == pytest.approx(0.75)


def test_a_class_never_seen_counts_as_wrong() -> None:
    truth = np.array([0, 1, -1, -1])
    right = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert METRICS[Task.BINARY]["accuracy"](truth, right) == 0.5
    assert np.isfinite(METRICS[Task.BINARY]["log_loss"](truth, right))


def test_what_is_not_defined_is_nan() -> None:
    truth, probabilities = np.zeros(5, dtype=int), np.full((5, 2), 0.5)
    assert np.isnan(METRICS[Task.BINARY]["roc_auc"](truth, probabilities))
    assert np.isnan(METRICS[Task.REGRESSION]["r2"](np.ones((5, 1)), np.zeros((5, 1))))


def head(task: Task) -> Head:
    return Head(task=task, loss=Loss.MSE, n_outputs=1, target_names=("y",))


@pytest.mark.parametrize(
    ("name", "task", "resolved", "direction"),
    [
        ("auto", Task.REGRESSION, "rmse", "minimize"),
        ("auto", Task.BINARY, "log_loss", "minimize"),
        ("mae", Task.REGRESSION, "mae", "minimize"),
        ("accuracy", Task.MULTICLASS, "accuracy", "maximize"),
        ("roc_auc", Task.BINARY, "roc_auc", "maximize"),
    ],
)
def test_objectives_resolve(name: str, task: Task, resolved: str, direction: str) -> None:
    objective = resolve_objective(name, head(task))
    assert (objective.name, objective.direction) == (resolved, direction)


def test_an_objective_of_another_task_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"'accuracy' does not fit a regression task; legal here: auto, rmse, mae\."):
        resolve_objective("accuracy", head(Task.REGRESSION))


def test_better_follows_the_direction() -> None:
    assert LOSS.is_lower_better
    assert LOSS.sign * 1.0 < LOSS.sign * 2.0
    assert not ACCURACY.is_lower_better
    assert ACCURACY.sign * 2.0 < ACCURACY.sign * 1.0
