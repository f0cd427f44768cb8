"""Rows that weigh: what counts as so many copies, what is refused, and what never sees the column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ffsearch
from contracts.trainers import head_for, split_for
from ffsearch import DataError, FFSearchClassifier, FFSearchRegressor, SpaceError
from ffsearch.search.data.features.preprocess import Layout, Preprocessor
from ffsearch.search.data.features.problem import MatrixColumns, Problem
from ffsearch.search.data.prepare import Refit, prepare
from ffsearch.search.data.targets import fit_target_scale
from ffsearch.search.evidence.baseline_models.baselines import BaselineName, fit_baseline
from ffsearch.search.evidence.calibration import fit_temperature
from ffsearch.search.evidence.comparison import paired_over_rows
from ffsearch.search.evidence.intervals import score_intervals
from ffsearch.search.evidence.metrics import METRICS, resolve_objective
from ffsearch.search.evidence.terms import RESAMPLED, row_influences, row_terms, weighted_scores
from ffsearch.search.network.heads import Task
from ffsearch.search.network.topology import Balance
from ffsearch.search.training.balance import BalancedRows
from ffsearch.spaces.schema import DataSpec, SearchSpace

CASES = [(task, metric) for task in Task for metric in METRICS[task]]
TERMED = [(task, metric) for task, metric in CASES if metric in RESAMPLED]


def answered(task: Task, rng: np.random.Generator, n_rows: int = 60) -> tuple[NDArray[Any], NDArray[Any]]:
    """Truth, and predictions of some skill, of a task."""
    if task is Task.REGRESSION:
        truth = rng.normal(size=(n_rows, 2))
        return truth, truth + rng.normal(size=truth.shape)
    n_classes = 2 if task is Task.BINARY else 3
    truth = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n_rows - n_classes)])
    scores = np.round(rng.normal(size=(n_rows, n_classes)) + 1.5 * np.eye(n_classes)[truth], 1)  # with ties
    odds = np.exp(scores)
    return truth, odds / odds.sum(axis=1, keepdims=True)


# --- a weight is so many copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "metric"), CASES)
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_a_score_of_weights_is_that_of_copies(task: Task, metric: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predictions = answered(task, rng)
    weight = rng.integers(1, 5, size=len(truth))
    copies = np.repeat(np.arange(len(truth)), weight)
    ours = METRICS[task][metric](truth, predictions, weight * 0.37)
    assert ours == pytest.approx(METRICS[task][metric](truth[copies], predictions[copies]), rel=1e-9)


@pytest.mark.parametrize(("task", "metric"), TERMED)
def test_terms_of_weights_give_the_score_and_its_slope(task: Task, metric: str) -> None:
    rng = np.random.default_rng(3)
    truth, predictions = answered(task, rng)
    weight, measure = rng.lognormal(size=len(truth)), METRICS[task][metric]
    terms = row_terms(task, metric, truth=truth, predictions=predictions, weight=weight)[None]
    ones = np.ones((1, len(truth)), np.float32)
    score = weighted_scores(metric, truth=truth, terms=terms, weights=ones, weight=weight)
    assert score.item() == pytest.approx(measure(truth, predictions, weight), rel=1e-5)
    [added] = row_influences(metric, truth=truth, terms=terms, weight=weight)
    assert added.mean() == pytest.approx(measure(truth, predictions, weight), rel=1e-5)
    for row in (0, 7, 30):  # one row a little heavier moves the score by what it adds
        step = 1e-4
        heavier = weight * (1 + step * (np.arange(len(truth)) == row))
        moved = (measure(truth, predictions, heavier) - measure(truth, predictions, weight)) / step
        assert (added[row] - added.mean()) / len(truth) == pytest.approx(moved, rel=2e-3, abs=1e-7)


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "balanced_accuracy", "roc_auc"])
def test_equal_weights_change_no_interval(metric: str) -> None:
    rng = np.random.default_rng(5)
    truth, one = answered(Task.BINARY, rng, 200)
    terms = np.stack(
        [row_terms(Task.BINARY, metric, truth=truth, predictions=each) for each in (one, one[::-1], one**2)]
    )
    alike = np.full(len(truth), 3.0)
    objective = resolve_objective(metric, head_for(Task.BINARY))
    for weight in (None, alike):
        intervals = score_intervals(metric, truth=truth, terms=terms, weight=weight)
        pairs = paired_over_rows(objective, truth=truth, terms=terms, pairs=[(0, 1), (0, 2)], weight=weight)
        if weight is None:
            expected = intervals, pairs
    np.testing.assert_allclose(intervals, expected[0], rtol=1e-9)
    np.testing.assert_allclose(
        [(pair.value, pair.low, pair.high) for pair in pairs],
        [(pair.value, pair.low, pair.high) for pair in expected[1]],
        rtol=1e-9,
    )


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "rmse"])
def test_intervals_of_weighted_scores_hold(metric: str) -> None:
    rng = np.random.default_rng(11)
    task = Task.REGRESSION if metric == "rmse" else Task.BINARY
    truth, predictions = answered(task, rng, 100_000)
    weights = rng.lognormal(sigma=0.8, size=len(truth))
    true = METRICS[task][metric](truth, predictions, weights)
    n_held = 0
    for _ in range(300):
        rows = rng.integers(len(truth), size=250)
        terms = row_terms(task, metric, truth=truth[rows], predictions=predictions[rows], weight=weights[rows])[None]
        [(low, high)] = score_intervals(metric, truth=truth[rows], terms=terms, weight=weights[rows])
        n_held += low <= true <= high
    assert n_held >= 0.92 * 300


def test_targets_are_standardised_as_those_of_copies() -> None:
    rng = np.random.default_rng(0)
    raw, weight = rng.normal(3, 2, size=(50, 2)), rng.integers(1, 4, size=50)
    ours, copied = fit_target_scale(raw, weight=weight / 4), fit_target_scale(np.repeat(raw, weight, axis=0))
    np.testing.assert_allclose(ours.mean, copied.mean)
    np.testing.assert_allclose(ours.scale, copied.scale)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("name", [BaselineName.DUMMY, BaselineName.LINEAR])
@pytest.mark.parametrize("metric", ["auto", "mae"])
def test_a_baseline_of_weights_is_that_of_copies(task: Task, name: BaselineName, metric: str) -> None:
    if metric == "mae" and task is not Task.REGRESSION:
        metric = "accuracy"
    rng, head = np.random.default_rng(1), head_for(task)
    split = split_for(task, n_train=150)
    counts, judged = rng.integers(1, 4, size=150), rng.integers(1, 4, size=len(split.x_valid))

    def shares(weight: NDArray[Any]) -> NDArray[np.float32]:
        return (weight / weight.mean()).astype(np.float32)

    weighted = replace(split, train_weight=shares(counts), valid_weight=shares(judged))
    copied = replace(
        split,
        **{f"{part}_train": np.repeat(getattr(split, f"{part}_train"), counts, axis=0) for part in "xy"},
        **{f"{part}_valid": np.repeat(getattr(split, f"{part}_valid"), judged, axis=0) for part in "xy"},
    )
    answers = []
    for each in (weighted, copied):
        nothing = Preprocessor.fit(Layout(numbers=(), categories=()), {})
        refit = Refit(nothing, each.x_train, each.y_train, None, each.train_weight)
        baseline = fit_baseline(
            name, Problem(head=head, splits=(each,)), refit, seed=0, metric=resolve_objective(metric, head).name
        )
        answers.append((baseline.settings.get("strength"), baseline.predictions(split.x_valid)))
    assert answers[0][0] == answers[1][0]
    # Columns are standardised by rows whatever they weigh, so that a penalty is not quite the same: a row is
    # off by .054 at most, and by .108 to .75 where weights are left out.
    np.testing.assert_allclose(answers[0][1], answers[1][1], atol=1e-6 if name is BaselineName.DUMMY else 0.08)


@pytest.mark.parametrize(
    "task",
    [
        Task.BINARY,
        pytest.param(Task.MULTICLASS, marks=pytest.mark.slow),
        pytest.param(Task.REGRESSION, marks=pytest.mark.slow),
    ],
)
def test_boosting_learns_from_heavy_rows(task: Task) -> None:
    rng, head = np.random.default_rng(2), head_for(task)
    split = split_for(task, n_train=600)
    light = np.arange(600) % 2 == 0
    y = split.y_train.copy()
    y[light] = rng.permutation(y)[: light.sum()]  # nonsense
    weight = np.where(light, 1e-3, 1.0)
    errors = []
    for given_weight in ((weight / weight.mean()).astype(np.float32), None):
        noisy = replace(split, y_train=y, train_weight=given_weight)
        refit = Refit(Preprocessor.fit(Layout(numbers=(), categories=()), {}), split.x_train, y, None, given_weight)
        metric = resolve_objective("auto", head).name
        baseline = fit_baseline(
            BaselineName.BOOSTING, Problem(head=head, splits=(noisy,)), refit, seed=0, metric=metric
        )
        truth = split.y_valid if task is Task.REGRESSION else split.y_valid.reshape(-1).astype(np.int64)
        errors.append(METRICS[task][metric](truth, baseline.predictions(split.x_valid)))
    assert errors[0] < errors[1]


def test_a_temperature_is_that_of_copies() -> None:
    rng, head = np.random.default_rng(4), head_for(Task.BINARY)
    logits = rng.normal(0, 3, size=(300, 1))
    y = (rng.random((300, 1)) < 1 / (1 + np.exp(-logits / 2))).astype(np.float32)
    counts = rng.integers(1, 5, size=300)
    ours = fit_temperature(head, y, logits, weight=counts * 0.2)
    copied = fit_temperature(head, np.repeat(y, counts, axis=0), np.repeat(logits, counts, axis=0))
    assert ours.value == pytest.approx(copied.value, rel=1e-4)
    assert ours.loss_after == pytest.approx(copied.loss_after, rel=1e-6)


@pytest.mark.parametrize("balance", [one for one in Balance if one is not Balance.NONE])
def test_balanced_classes_count_alike_by_weight_and_rows_within_them_by_their_own(balance: Balance) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(400, 3)).astype(np.float32), (rng.random((400, 1)) < 0.2).astype(np.float32)
    weight = np.where(y[:, 0] == 1, 3.0, 1.0) * rng.choice([1.0, 2.0], size=400)
    weight = (weight / weight.mean()).astype(np.float32)
    rows = BalancedRows(x, y, weight=weight, balance=balance, columns=MatrixColumns.of_numbers(3))
    assert rows.weight is not None
    assert len(rows.weight) == len(rows.x)
    read = np.concatenate([rows.order(np.random.SeedSequence(0), epoch) for epoch in range(1, 200)])
    of_class = [rows.weight[read][rows.y[read, 0] == label].sum() for label in (0, 1)]
    assert of_class[0] == pytest.approx(of_class[1], rel=0.03)
    assert rows.weight[read].mean() == pytest.approx(1, rel=0.03)
    one, other = np.flatnonzero(y[:, 0] == 1)[:2]
    assert rows.weight[one] / rows.weight[other] == pytest.approx(weight[one] / weight[other], rel=1e-5)


# --- what is refused --------------------------------------------------------------------------------------------------


def a_table(n_rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """Two numbers, a target and weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_rows, 2))
    y = np.where(x[:, 0] + 0.5 * rng.normal(size=n_rows) > 0, "yes", "no")
    return pd.DataFrame({"u": x[:, 0], "v": x[:, 1], "w": rng.integers(1, 5, size=n_rows).astype(float), "y": y})


def spec(**given_keys: Any) -> DataSpec:
    return DataSpec.model_validate({"source": "frame", "target": "y", "weights": "w", **given_keys})


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (0.0, r"1 weight is zero: row 8 of"),
        (-2.0, r"1 weight is negative: row 8 of .* \('-2"),
        (np.nan, r"1 weight is missing or no number: row 8 of"),
        (np.inf, r"1 weight is infinite: row 8 of"),
        (-np.inf, r"1 weight is infinite: row 8 of"),
    ],
)
def test_a_weight_that_is_none_is_refused_with_its_row(cell: float, told: str) -> None:
    table = a_table()
    table.loc[7, "w"] = cell
    with pytest.raises(DataError, match=told):
        prepare(spec(), frame=table, seed=0)


def test_weights_of_any_size_are_taken_and_one_that_is_nothing_beside_others_is_refused() -> None:
    table = a_table()
    plain = prepare(spec(), frame=table, seed=0)
    for unit in (1e307, 1e-300):
        large = prepare(spec(), frame=table.assign(w=table["w"] * unit), seed=0)
        ours, theirs = large.problem().splits[0].train_weight, plain.problem().splits[0].train_weight
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        [told] = [one for one in large.notices if one.code == "FFS116"]
        assert told.values["n_alike"] == pytest.approx(190, abs=60)
    table.loc[7, "w"] = 1e-12
    with pytest.raises(DataError, match=r"1 weight is nothing beside the largest \(4\): row 8 of"):
        prepare(spec(), frame=table, seed=0)


def test_all_faults_are_told_at_once_and_long_lists_are_cut() -> None:
    table = a_table()
    table.loc[:9, "w"] = 0
    table.loc[20:21, "w"] = -1
    with pytest.raises(DataError, match=r"10 weights are zero: .* and 5 more; 2 weights are negative: row 21 of"):
        prepare(spec(), frame=table, seed=0)


def test_words_among_weights_are_shown_and_rows_of_a_test_file_are_called_by_its_name(tmp_path: Path) -> None:
    table = a_table()
    table.to_csv(tmp_path / "main.csv", index=False)
    other = a_table(40, seed=1).astype({"w": object})
    other.loc[4, "w"] = "heavy"
    other.to_csv(tmp_path / "test.csv", index=False)
    source, test = str(tmp_path / "main.csv"), str(tmp_path / "test.csv")
    with pytest.raises(DataError, match=r"row 5 of .*test\.csv \('heavy'\)"):
        prepare(spec(source=source, test=test), seed=0)


def test_weights_with_decimal_commas_are_read(tmp_path: Path) -> None:
    table = a_table()
    table["w"] += 0.5
    table.to_csv(tmp_path / "main.csv", index=False, sep=";", decimal=",")
    prepared = prepare(spec(source=str(tmp_path / "main.csv")), seed=0)
    rows = np.arange(len(table))
    np.testing.assert_allclose(prepared.weight_of(rows), table["w"] / table["w"].max())


@pytest.mark.parametrize("key", ["drop", "keep", "numbers", "groups", "time"])
def test_a_column_of_weights_is_nothing_beside(key: str) -> None:
    value = "w" if key in ("groups", "time") else ["w"]
    with pytest.raises(SpaceError, match=rf'"w" is also in data\.{key}'):
        ffsearch.load_space("tabular", {"data.weights": "w", f"data.{key}": value})
    with pytest.raises(SpaceError, match='"w" is also the target'):
        ffsearch.load_space("tabular", {"data.weights": "w", "data.target": "w"})


# --- a whole run ------------------------------------------------------------------------------------------------------

QUICK: dict[str, Any] = {
    "search.trials": 2,
    "train.max_epochs": 4,
    "evidence": {"finalists": 2, "repeats": 2, "effects": 0},
}


@pytest.fixture(scope="module")
def weighted_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("weighted")
    table = a_table(400)
    table.to_csv(folder / "table.csv", index=False)
    given_keys = {**QUICK, "data.weights": "w"}
    return ffsearch.run("tabular", data=folder / "table.csv", target="y", overrides=given_keys, out=folder / "run")


def test_the_column_is_no_feature_and_its_role_is_told(weighted_run: Any) -> None:
    columns = {column["name"]: column for column in weighted_run.columns}
    assert (columns["w"]["kind"], columns["w"]["used"]) == ("weights", False)
    assert weighted_run.best["topology"].startswith("2 -> ")
    said = [notice for notice in weighted_run.notices if notice.code == "FFS116"]
    assert said
    assert said[0].values["column"] == "w"


def test_the_sealed_score_is_that_of_weights_and_rows_to_predict_need_none(weighted_run: Any, tmp_path: Path) -> None:
    table = a_table(400)
    prepared = prepare(spec(), frame=table, seed=0)
    sealed = prepared.test_rows()
    model = ffsearch.load_model(weighted_run.path)
    probabilities = model.predict_proba(sealed.features)
    weight = sealed.weight
    assert weight is not None
    assert "w" not in sealed.features
    expected = METRICS[Task.BINARY]["log_loss"](sealed.y, np.asarray(probabilities), weight)
    assert weighted_run.results.evidence.test.value == pytest.approx(expected, rel=1e-4)
    unweighted = METRICS[Task.BINARY]["log_loss"](sealed.y, np.asarray(probabilities))
    assert weighted_run.results.evidence.test.value != pytest.approx(unweighted, rel=1e-4)


@pytest.mark.parametrize("make", [FFSearchClassifier, FFSearchRegressor])
def test_estimators_take_weights_and_heavy_rows_win(make: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 1))
    light = np.arange(600) % 2 == 0
    y = np.where(light, x[:, 0] < 0, x[:, 0] > 0).astype(float)  # light rows say the contrary
    chosen = {"train.max_epochs": 30, "space.depth": 1, "space.width": 16, "data.valid": {"holdout": 0.2}}
    estimator = make(trials=1, overrides=chosen, random_state=0)
    estimator.fit(x, y, sample_weight=np.where(light, 0.02, 1.0))
    assert estimator.score(x[~light], y[~light]) > 0.5
    with pytest.raises(DataError, match=r"300 weights are zero: row 1 of"):
        estimator.fit(x, y, sample_weight=np.where(light, 0.0, 1.0))


def test_a_space_says_what_a_weight_is() -> None:
    field = DataSpec.model_fields["weights"]
    assert field.default is None
    assert "counts as w rows" in str(field.description)
    assert SearchSpace.model_validate({"data": {"source": "t", "target": "y", "weights": "w"}}).data.weights == "w"
