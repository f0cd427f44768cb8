"""Intervals of scores on answers whose true score is known, because they were drawn and not learnt."""

from __future__ import annotations

import numpy as np
import pytest

from ffsearch.search.base.objective import Objective
from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.intervals import mean_quantiles, score_intervals
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import row_influences, row_terms
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.network.heads import Task

ENDS = np.array([0.025, 0.975])


def share_held(metric: str, terms: np.ndarray, true: float) -> float:
    """How many of many tables' intervals hold the true score; terms of shape (n_tables, n_rows)."""
    truth = np.zeros(terms.shape[1], np.int64)
    ends = np.array(score_intervals(metric, truth=truth, terms=terms[:, :, None].astype(np.float32)))
    return float(np.mean((ends[:, 0] <= true) & (true <= ends[:, 1])))


@pytest.mark.parametrize("share", [0.7, 0.99])
def test_intervals_of_accuracy_hold_the_truth_however_near_to_one_it_is(share: float) -> None:
    rng = np.random.default_rng(3)
    assert 0.92 <= share_held("accuracy", rng.random((2000, 200)) < share, share) <= 0.98


def test_an_accuracy_of_one_is_not_certain() -> None:
    [(low, high)] = score_intervals("accuracy", truth=np.zeros(50, np.int64), terms=np.ones((1, 50, 1), np.float32))
    assert low == pytest.approx(0.9287, abs=1e-3)  # 50 / (50 + 1.96 squared)
    assert high == pytest.approx(1)


def test_intervals_of_skewed_losses_hold_the_truth_where_percentiles_do_not() -> None:
    rng = np.random.default_rng(4)
    losses = rng.lognormal(sigma=1.2, size=(1000, 100))
    true = float(np.exp(1.2**2 / 2))
    drawn = np.stack([losses[:, rng.integers(100, size=100)].mean(axis=1) for _ in range(200)])
    low, high = np.quantile(drawn, ENDS, axis=0)
    by_percentiles = np.mean((low <= true) & (true <= high))
    assert share_held("log_loss", losses, true) > max(0.92, by_percentiles + 0.03)


def test_intervals_of_rmse_hold_the_truth() -> None:
    rng = np.random.default_rng(5)
    assert 0.93 <= share_held("rmse", rng.standard_normal((2000, 100)) ** 2, 1.0) <= 0.97


def test_losses_without_skewness_have_students_interval() -> None:
    values = np.tile([-1.0, 1.0], 10)
    np.testing.assert_allclose(mean_quantiles(values, ENDS), [-0.4802, 0.4802], atol=1e-3)  # 2.093 / sqrt(19)


def test_values_that_are_all_alike_have_no_width_and_a_single_one_no_interval() -> None:
    np.testing.assert_array_equal(mean_quantiles(np.full(5, 2.0), ENDS), [2.0, 2.0])
    assert np.isnan(mean_quantiles(np.full(1, 2.0), ENDS)).all()


def test_one_group_says_nothing_of_others() -> None:
    rng = np.random.default_rng(0)
    terms, truth = rng.random((1, 40, 1)).astype(np.float32), rng.integers(2, size=40)
    whole = Units.of_labels(UnitKind.GROUPS, np.zeros(40))
    for metric in ("log_loss", "accuracy", "balanced_accuracy", "roc_auc"):
        assert np.isnan(score_intervals(metric, truth=truth, terms=terms, units=whole)).all()


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "roc_auc", "log_loss"])
def test_perfect_answers_are_not_certain(metric: str) -> None:
    truth = np.repeat([0, 1], [30, 6])
    right = truth[:, None] == np.arange(2)
    predictions = np.where(right, 0.999, 0.001)
    terms = row_terms(Task.BINARY, metric, truth=truth, predictions=predictions)[None]
    [(low, high)] = score_intervals(metric, truth=truth, terms=terms)
    assert high - low > 0.08
    [found] = paired_over_rows(
        Objective(name=metric, direction="maximize"), truth=truth, terms=np.concatenate([terms, terms]), pairs=[(0, 1)]
    )
    assert found.low < -0.08
    assert found.high > 0.08


def test_a_class_of_one_row_makes_a_balanced_accuracy_uncertain() -> None:
    truth = np.repeat([0, 1], [99, 1])
    terms = np.ones((1, 100, 1), np.float32)
    [(low, _)] = score_intervals("balanced_accuracy", truth=truth, terms=terms)
    assert low < 0.55


def test_rows_that_are_there_three_times_are_known_once() -> None:
    rng = np.random.default_rng(3)
    terms, truth = rng.exponential(size=(1, 50, 1)).astype(np.float32), rng.integers(2, size=50)
    copies = Units.of_labels(UnitKind.COPIES, np.tile(np.arange(50), 3))
    for metric in ("log_loss", "mae", "rmse", "balanced_accuracy", "accuracy"):
        shown = np.minimum(terms, 1) if metric in ("accuracy", "balanced_accuracy") else terms
        [once] = score_intervals(metric, truth=truth, terms=shown)
        tiled = np.tile(shown, (1, 3, 1))
        [thrice] = score_intervals(metric, truth=np.tile(truth, 3), terms=tiled, units=copies)
        assert thrice == pytest.approx(once, rel=1e-6)


def test_groups_whose_rows_agree_make_the_interval_wider() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    units = Units.of_labels(UnitKind.GROUPS, groups)
    terms = (2 + np.repeat(rng.normal(size=20), 10)).astype(np.float32)[None, :, None]
    truth = np.zeros((200, 1))
    (alone,), (whole,) = (score_intervals("mae", truth=truth, terms=terms, units=known) for known in (None, units))
    assert whole[1] - whole[0] > 2.5 * (alone[1] - alone[0])


def test_an_area_of_one_class_has_no_interval() -> None:
    terms = np.full((1, 20, 1), np.nan, np.float32)
    assert np.isnan(score_intervals("roc_auc", truth=np.zeros(20, np.int64), terms=terms)).all()


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        (Task.BINARY, "balanced_accuracy"),
        (Task.BINARY, "roc_auc"),
        (Task.MULTICLASS, "roc_auc"),
        (Task.REGRESSION, "rmse"),
    ],
)
def test_what_rows_add_is_the_score_and_its_derivative(task: Task, metric: str) -> None:
    """A row that is there once more moves the score by what it adds beyond it, over the number of rows."""
    rng = np.random.default_rng(1)
    n_rows = 4000
    if task is Task.REGRESSION:
        truth = rng.normal(size=(n_rows, 2))
        predictions = truth + rng.normal(size=(n_rows, 2))
    else:
        truth = rng.integers(2 if task is Task.BINARY else 3, size=n_rows)
        predictions = rng.dirichlet(np.ones(truth.max() + 1), size=n_rows)
    measure = METRICS[task][metric]
    [added] = row_influences(
        metric, truth=truth, terms=row_terms(task, metric, truth=truth, predictions=predictions)[None]
    )
    score = measure(truth, predictions)
    assert added.mean() == pytest.approx(score, rel=1e-5)
    for row in range(20):
        more = measure(np.concatenate([truth, truth[[row]]]), np.concatenate([predictions, predictions[[row]]]))
        assert n_rows * (more - score) == pytest.approx(added[row] - score, abs=0.01)
