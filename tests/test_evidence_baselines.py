"""Baselines on matrices as networks see them: what they can learn, and that they answer in the right units."""

from __future__ import annotations

import inspect
from dataclasses import replace
from threading import current_thread, main_thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from examples import said
from ffsearch.search.base.objective import Objective
from ffsearch.search.data.features.preprocess import Layout, Preprocessor
from ffsearch.search.data.features.problem import MatrixColumns, Problem, Role, Split
from ffsearch.search.data.prepare import Refit, prepare
from ffsearch.search.evidence.baseline_models import baselines, boosted_trees, linear_model, rivals
from ffsearch.search.evidence.baseline_models.baselines import Baseline, BaselineName, fit_baseline, narrowed
from ffsearch.search.evidence.baseline_models.stopped_trees import fit_stopped, fit_stopped_in_stages
from ffsearch.search.evidence.decision import VerdictCode, decide
from ffsearch.search.evidence.facts import facts_of_rows
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.terms import row_terms
from ffsearch.search.network.heads import Head, Loss, TargetScale, Task
from ffsearch.search.steps.effort import baseline_seconds, split_seconds
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import found
from ffsearch.spaces.schema import DataSpec

N_FEATURES = 5
LOSSES = {
    Task.REGRESSION: Loss.MSE,
    Task.BINARY: Loss.BINARY_CROSSENTROPY,
    Task.MULTICLASS: Loss.CATEGORICAL_CROSSENTROPY,
}


def head_of(task: Task, n_outputs: int) -> Head:
    n_labels = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: n_outputs}[task]
    return Head(
        task=task,
        loss=LOSSES[task],
        n_outputs=n_outputs,
        target_names=("y",),
        labels=tuple(f"c{number}" for number in range(n_labels)),
    )


def drawn(task: Task, n_rows: int, n_outputs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A linear truth, learnt easily."""
    x = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    score = 3 * x[:, :n_outputs]
    if task is Task.REGRESSION:
        return x, (score / 3 + 0.1 * rng.normal(size=score.shape)).astype(np.float32)
    if task is Task.BINARY:
        return x, (score[:, :1] + rng.normal(size=(n_rows, 1)) > 0).astype(np.float32)
    return x, (score + rng.gumbel(size=score.shape)).argmax(axis=1).astype(np.int32)


def example(task: Task, *, n_outputs: int = 1, n_splits: int = 1, n_rows: int = 300) -> tuple[Problem, Refit]:
    rng = np.random.default_rng(0)
    scale = TargetScale(mean=np.full(n_outputs, 100.0), scale=np.full(n_outputs, 10.0))
    of_target = scale if task is Task.REGRESSION else None
    x, y = drawn(task, n_rows, n_outputs, rng)
    fifth = n_rows // 5
    splits = tuple(
        Split(
            x_train=np.delete(x, np.s_[at * fifth : (at + 1) * fifth], axis=0),
            y_train=np.delete(y, np.s_[at * fifth : (at + 1) * fifth], axis=0),
            x_valid=x[at * fifth : (at + 1) * fifth],
            y_valid=y[at * fifth : (at + 1) * fifth],
            target_scale=of_target,
        )
        for at in range(n_splits)
    )
    problem = Problem(head=head_of(task, n_outputs), splits=splits)
    layout = Preprocessor.fit(Layout(numbers=(), categories=()), {})
    return problem, Refit(layout, x, y, of_target)


def fitted(name: BaselineName, task: Task, **kwargs: int) -> tuple[Baseline, Problem, Refit]:
    problem, refit = example(task, **kwargs)
    metric = "rmse" if task is Task.REGRESSION else "log_loss"
    return fit_baseline(name, problem, refit, seed=0, metric=metric), problem, refit


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
def test_no_thread_lists_the_libraries_that_another_may_be_loading(
    name: BaselineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One would wait for the other for ever: seen once in some thousand runs."""
    threads = []
    listed = ThreadpoolController.__init__

    def listing(self: ThreadpoolController) -> None:
        threads.append(current_thread())
        listed(self)

    monkeypatch.setattr(ThreadpoolController, "__init__", listing)
    fitted(name, Task.BINARY, n_outputs=1, n_splits=3)
    assert set(threads) == {main_thread()}


CASES = [(Task.REGRESSION, 1), (Task.REGRESSION, 3), (Task.BINARY, 1), (Task.MULTICLASS, 4)]


@pytest.mark.parametrize("name", list(BaselineName))
@pytest.mark.parametrize(("task", "n_outputs"), CASES)
def test_answers_have_the_shape_and_unit_of_a_network(name: BaselineName, task: Task, n_outputs: int) -> None:
    made, _, refit = fitted(name, task, n_outputs=n_outputs, n_splits=2)
    n_predictions = n_outputs if task is Task.REGRESSION else max(2, n_outputs)
    assert [predictions.shape for predictions in made.valid] == [(60, n_predictions)] * 2
    predictions = made.predictions(refit.x[:7])
    assert predictions.shape == (7, n_predictions)
    if task is Task.REGRESSION:
        assert predictions.mean() == pytest.approx(100, abs=15)
        assert made.valid[0].mean() == pytest.approx(100 if n_outputs == 1 else 0, abs=15)
    else:
        np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
@pytest.mark.parametrize(("task", "n_outputs"), CASES)
def test_a_linear_truth_is_learnt(name: BaselineName, task: Task, n_outputs: int) -> None:
    made, _, _ = fitted(name, task, n_outputs=n_outputs)
    x, y = drawn(task, 2000, n_outputs, np.random.default_rng(9))
    predictions = made.predictions(x)
    if task is Task.REGRESSION:
        assert METRICS[task]["r2"](100 + 10 * y, predictions) > (0.95 if name is BaselineName.LINEAR else 0.7)
    else:
        assert METRICS[task]["accuracy"](y.reshape(len(y)), predictions) > 0.7


@pytest.mark.parametrize("name", list(BaselineName))
def test_the_same_seed_gives_the_same_answers(name: BaselineName) -> None:
    (one, _, refit), (two, _, _) = (
        fitted(name, Task.MULTICLASS, n_outputs=3),
        fitted(name, Task.MULTICLASS, n_outputs=3),
    )
    np.testing.assert_array_equal(one.predictions(refit.x), two.predictions(refit.x))


def test_the_dummy_knows_shares_means_and_medians() -> None:
    made, _, refit = fitted(BaselineName.DUMMY, Task.BINARY)
    share = float(refit.y.mean())
    np.testing.assert_allclose(made.predictions(refit.x[:1])[0], [1 - share, share], rtol=1e-6)
    problem, refit = example(Task.REGRESSION)
    middle = fit_baseline(BaselineName.DUMMY, problem, refit, seed=0, metric="mae").predictions(refit.x[:1])
    assert middle.item() == pytest.approx(100 + 10 * float(np.median(refit.y)), rel=1e-5)


def test_noise_makes_the_linear_model_give_up_its_slopes() -> None:
    problem, refit = example(Task.BINARY, n_rows=200)
    rng = np.random.default_rng(3)
    split = problem.splits[0]
    noise = Split(
        x_train=split.x_train,
        y_train=rng.integers(2, size=split.y_train.shape).astype(np.float32),
        x_valid=split.x_valid,
        y_valid=rng.integers(2, size=split.y_valid.shape).astype(np.float32),
    )
    made = fit_baseline(
        BaselineName.LINEAR, Problem(head=problem.head, splits=(noise,)), refit, seed=0, metric="log_loss"
    )
    assert made.settings["strength"] >= 0.1


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
@pytest.mark.parametrize("n_left", [1, 2, 3])
def test_classes_that_a_split_never_saw_are_answered_all_the_same(name: BaselineName, n_left: int) -> None:
    problem, refit = example(Task.MULTICLASS, n_outputs=4)
    split = problem.splits[0]
    there = split.y_train < n_left
    poor = Split(
        x_train=split.x_train[there], y_train=split.y_train[there], x_valid=split.x_valid, y_valid=split.y_valid
    )
    made = fit_baseline(name, Problem(head=problem.head, splits=(poor, split)), refit, seed=0, metric="log_loss")
    assert made.valid[0].shape == (60, 4)
    np.testing.assert_allclose(made.valid[0].sum(axis=1), 1, rtol=1e-6)
    assert made.valid[0][:, n_left:].max() < 0.05


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
def test_a_single_binary_class_is_answered(name: BaselineName) -> None:
    problem, refit = example(Task.BINARY)
    split = problem.splits[0]
    there = split.y_train[:, 0] > 0
    poor = Split(
        x_train=split.x_train[there], y_train=split.y_train[there], x_valid=split.x_valid, y_valid=split.y_valid
    )
    made = fit_baseline(name, Problem(head=problem.head, splits=(poor,)), refit, seed=0, metric="log_loss")
    assert (made.valid[0][:, 1] > 0.9).all()


def test_too_many_rows_are_drawn_from_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "MIN_CAPPED_ROWS", 100)
    for module, name in ((linear_model, "MAX_LINEAR_CELLS"), (boosted_trees, "MAX_BOOSTING_CELLS")):
        monkeypatch.setattr(module, name, 0)
        monkeypatch.setattr(baselines, name, 0)
    for rival in (BaselineName.LINEAR, BaselineName.BOOSTING):
        made, _, _ = fitted(rival, Task.BINARY)
        assert said(made.notes)[0].endswith("learnt from 100 of 300 rows, drawn at random.")
        assert made.settings["n_rows"] == 100


@pytest.mark.parametrize(
    ("cap", "most"), [("MAX_TREES", 12), ("MAX_GROWN_CELLS", 12 * boosted_trees.tree_cells(300, N_FEATURES))]
)
def test_many_classes_or_cells_leave_few_iterations_and_it_is_said(
    cap: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosted_trees, cap, most)
    monkeypatch.setattr(boosted_trees, "MIN_ITERATIONS", 2)
    made, _, _ = fitted(BaselineName.BOOSTING, Task.MULTICLASS, n_outputs=4)
    n_most = int(made.settings["n_iterations"])
    assert n_most < 30  # three of trees of 31 leaves, more of smaller ones
    assert said(made.notes) == [f"Baseline boosted trees: ended after {n_most} iterations, still improving."]


def test_weights_of_rows_are_minded() -> None:
    problem, refit = example(Task.BINARY)
    split = problem.splits[0]
    heavy = np.where(split.y_train[:, 0] > 0, 5.0, 0.5).astype(np.float32)
    weighted = Split(
        x_train=split.x_train,
        y_train=split.y_train,
        x_valid=split.x_valid,
        y_valid=split.y_valid,
        train_weight=heavy / heavy.mean(),
    )
    for name in (BaselineName.LINEAR, BaselineName.BOOSTING):
        plain = fit_baseline(name, problem, refit, seed=0, metric="log_loss")
        tilted = fit_baseline(name, Problem(head=problem.head, splits=(weighted,)), refit, seed=0, metric="log_loss")
        assert tilted.valid[0][:, 1].mean() > plain.valid[0][:, 1].mean()


def test_trees_read_codes_and_missing_cells_from_the_matrix() -> None:
    roles = [Role.NUMBER, Role.NUMBER, Role.FLAG, Role.SLOT, Role.SLOT, Role.SLOT, Role.FEATURE, Role.FEATURE]
    columns = MatrixColumns(cell=np.array([0, 1, 0, 2, 2, 2, 2, 1], np.int32), role=np.array(roles, np.int8))
    x = np.array([[0.5, 2, 0, 1, 0, 0, 7, 0.1], [0.0, 3, 1, 0, 0, 1, 8, 0.2]], np.float32)
    cells = boosted_trees._Cells.of(columns)
    with_bins = MatrixColumns(cell=np.append(columns.cell, 0), role=np.append(columns.role, np.int8(Role.BIN)))
    assert boosted_trees._Cells.of(with_bins).n_columns == cells.n_columns  # trees cut numbers themselves
    np.testing.assert_array_equal(cells.read(x), np.array([[0.5, 2, 0, 7, 0.1], [np.nan, 3, 2, 8, 0.2]], np.float32))
    assert cells.is_category == [False, False, True, False, False]


N_LEVELS = 200


def slow(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "kind",
    ["category", "date with gaps", *(slow(kind) for kind in ("number", "order", "date", "many levels"))],
)
def test_every_kind_of_column_reaches_linear_model_and_trees(kind: str) -> None:
    """A target that one column tells all of. A baseline that misread it would make any network look good."""
    rng = np.random.default_rng(0)
    n_rows = 2_000
    if kind == "number":
        cells: Any = rng.normal(size=n_rows)
        told = cells
    elif kind in ("category", "order"):
        cells = rng.choice(["S", "M", "L", "XL"], size=n_rows)
        told = pd.Series(cells).map({"S": 0, "M": 2, "L": 1, "XL": 5}).to_numpy(np.float64)
    elif kind == "many levels":
        places = rng.integers(0, N_LEVELS, n_rows)
        cells, told = np.char.add("z", places.astype(str)), rng.normal(size=N_LEVELS)[places]
    else:
        days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1_000, n_rows), unit="D")
        cells, told = days.strftime("%Y-%m-%d").to_numpy(dtype=object), 2.0 * (days.day_of_week >= 5)
        if kind == "date with gaps":
            gaps = rng.random(n_rows) < 0.2
            cells, told = np.where(gaps, None, cells), np.where(gaps, 5.0, told)
    frame = pd.DataFrame({"cell": cells, "y": told + 0.05 * rng.normal(size=n_rows)})
    ordinal = {"ordinal": {"cell": ["S", "M", "L", "XL"]}} if kind == "order" else {}
    ready = prepare(DataSpec(source="frame", target="y", **ordinal), frame=frame, seed=0)
    refit, sealed = ready.fit_all(), ready.test_rows()
    errors = {}
    for name in BaselineName:
        made = fit_baseline(name, ready.problem(), refit, seed=0, metric="rmse")
        predictions = made.predictions(refit.preprocessor.transform(sealed.features))
        errors[name] = METRICS[Task.REGRESSION]["rmse"](sealed.y, predictions)
    assert errors[BaselineName.BOOSTING] < 0.4 * errors[BaselineName.DUMMY]
    assert errors[BaselineName.LINEAR] < 0.6 * errors[BaselineName.DUMMY]


@pytest.mark.parametrize(("policy", "n_threads"), [(None, 1), ("active", 1), ("PASSIVE", 2)])
def test_trees_have_several_threads_only_where_these_wait_asleep(
    policy: str | None, n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that wait awake take minutes for the work of a moment where the machine is busy."""
    problem, refit = example(Task.REGRESSION)
    monkeypatch.setattr(boosted_trees, "MIN_SHARED_CELLS", 1)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if policy is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    seen: set[int] = set()
    booster = boosted_trees._Grower.booster

    def noted(grower: Any, setting: Any, *, stops: bool, n_iterations: int) -> Any:
        if stops:
            return booster(grower, setting, stops=stops, n_iterations=n_iterations)
        seen.update(library["num_threads"] for library in threadpool_info() if library["user_api"] == "openmp")
        return booster(grower, setting, stops=stops, n_iterations=1)  # they do wait awake here

    monkeypatch.setattr(boosted_trees._Grower, "booster", noted)
    with threadpool_limits(limits=2, user_api="openmp"):
        fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="rmse")
    assert seen == {n_threads}


@pytest.mark.skipif(
    "X_val" not in inspect.signature(HistGradientBoostingRegressor.fit).parameters,
    reason="scikit-learn before 1.7 takes no validation rows",
)
@pytest.mark.parametrize(
    ("head", "weights", "valid_weights"),
    [
        (head_of(Task.BINARY, 1), None, None),
        (head_of(Task.BINARY, 1), (0.5, 1.5), None),
        (head_of(Task.BINARY, 1), (0.5, 1.5), (0.1, 1.9)),
        (head_of(Task.MULTICLASS, 4), None, None),
        (head_of(Task.REGRESSION, 1), None, None),
        (replace(head_of(Task.REGRESSION, 1), loss=Loss.MAE), None, None),
    ],
    ids=["binary", "weighed", "weighed on both sides", "multiclass", "squared", "absolute"],
)
@pytest.mark.parametrize("n_most", [8, 300])
def test_trees_stop_alike_with_and_without_validation_rows_in_fit(
    head: Head, weights: tuple[float, float] | None, valid_weights: tuple[float, float] | None, n_most: int
) -> None:
    rng = np.random.default_rng(1)
    x, y = drawn(head.task, 300, head.n_outputs, rng)
    weight = None if weights is None else rng.uniform(*weights, 200).astype(np.float32)
    of_valid = None if valid_weights is None else rng.uniform(*valid_weights, 100).astype(np.float32)
    cells = boosted_trees._Cells.of(MatrixColumns.of_numbers(N_FEATURES))
    grower = boosted_trees._Grower(head=head, cells=cells, n_all=2_000, seed=0)
    setting = boosted_trees.TreeSetting(rate=0.1, leaves=31, class_weight=False)
    grown = []
    for fit in (fit_stopped, fit_stopped_in_stages):
        trees = grower.booster(setting, n_iterations=n_most, stops=True)
        n = fit(
            trees, x[:200], y[:200].ravel(), weight=weight, x_valid=x[200:], y_valid=y[200:].ravel(),
            weight_valid=of_valid,
        )  # fmt: skip
        grown.append((n, boosted_trees._staged(trees, x[200:], n)))
    (n_one, one), (n_other, other) = grown
    assert 1 <= n_one == n_other <= n_most
    np.testing.assert_array_equal(one, other)


def test_time_is_counted_by_what_each_reads() -> None:
    """A category of many slots is one column to trees; every class is a tree, and a column of slopes."""
    problem, _ = example(Task.REGRESSION)
    slots = MatrixColumns(cell=np.zeros(N_FEATURES, np.int32), role=np.full(N_FEATURES, Role.SLOT, np.int8))
    one_category = replace(problem, columns=slots)
    linear, trees = BaselineName.LINEAR, BaselineName.BOOSTING
    assert split_seconds(one_category, linear) == split_seconds(problem, linear)
    assert split_seconds(one_category, trees) == pytest.approx(split_seconds(problem, trees) / N_FEATURES)
    many, _ = example(Task.MULTICLASS, n_outputs=4)
    for name in (linear, trees):
        assert split_seconds(many, name) == pytest.approx(4 * split_seconds(problem, name))
    each = sum(split_seconds(problem, name) for name in BaselineName)
    assert baseline_seconds(problem, 3) > 4 * each  # three splits, all development rows, and the search for settings


@pytest.mark.slow
def test_a_real_table_goes_through_whole() -> None:
    rng = np.random.default_rng(0)
    levels = rng.choice(["a", "b", "c"], size=400)
    number = rng.normal(size=400)
    frame = pd.DataFrame({"level": levels, "number": np.where(rng.random(400) < 0.1, np.nan, number)})
    frame["y"] = np.where((levels == "a") ^ (number > 0), "yes", "no")
    ready = prepare(DataSpec(source="frame", target="y"), frame=frame, seed=0)
    refit = ready.fit_all()
    sealed = ready.test_rows()
    made = fit_baseline(BaselineName.BOOSTING, ready.problem(), refit, seed=0, metric="log_loss")
    predictions = made.predictions(refit.preprocessor.transform(sealed.features))
    assert METRICS[Task.BINARY]["accuracy"](sealed.y, predictions) > 0.8


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
def test_splits_that_time_is_too_short_for_are_left_out_and_it_is_said(name: BaselineName) -> None:
    problem, refit = example(Task.BINARY, n_splits=3)
    asked: list[bool] = []

    def is_over() -> bool:
        asked.append(len(asked) >= 1)
        return asked[-1]

    made = fit_baseline(name, problem, refit, seed=0, metric="log_loss", is_over=is_over)
    assert len(made.valid) == 2
    assert made.notes == (found(Code.BASELINE_SPLITS, model=str(name), n=2, total=3),)
    assert made.n_tried == (len(linear_model.STRENGTHS) if name is BaselineName.LINEAR else 1)
    over = iter([False, True])
    two = fit_baseline(
        name,
        replace(problem, splits=problem.splits[:2]),
        refit,
        seed=0,
        metric="log_loss",
        is_over=lambda: next(over, True),
    )
    np.testing.assert_array_equal(made.predictions(refit.x), two.predictions(refit.x))


def test_a_very_rare_class_does_not_ruin_boosting() -> None:
    """Whose leaves take huge values where nothing holds them (as on shuttle)."""
    rng = np.random.default_rng(0)

    def rows_of(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
        y = np.select([x[:, 0] > 3.0, x[:, 3] > 3.1, x[:, 1] > 1, x[:, 2] > 2.2], [3, 4, 1, 2], 0)
        return x, y.astype(np.int32)

    (x, y), (x_valid, y_valid) = rows_of(6_000), rows_of(2_000)
    head = head_of(Task.MULTICLASS, 5)
    problem = Problem(head=head, splits=(Split(x_train=x, y_train=y, x_valid=x_valid, y_valid=y_valid),))
    refit = Refit(Preprocessor.fit(Layout(numbers=(), categories=()), {}), x, y, None)
    made = fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="log_loss")
    assert METRICS[Task.MULTICLASS]["log_loss"](y_valid, made.valid[0]) < 0.05


def interacting(n_rows: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that no column tells apart, but the product of two does."""
    x = np.random.default_rng(seed).normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    return x, (x[:, :1] * x[:, 1:2] > 0).astype(np.float32)


def test_on_few_rows_a_linear_model_may_have_products_of_columns() -> None:
    problem, refit = split_of(*interacting(600))
    made = fit_baseline(BaselineName.LINEAR, problem, refit, seed=0, metric="log_loss")
    assert made.settings["products"] == 1
    assert made.n_tried == 2 * len(linear_model.STRENGTHS)
    x, y = interacting(500, seed=1)
    assert METRICS[Task.BINARY]["accuracy"](y[:, 0], made.predictions(x)) > 0.85


def test_on_many_rows_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_model, "PRODUCT_ROWS", 600)
    problem, refit = split_of(*interacting(600))
    made = fit_baseline(BaselineName.LINEAR, problem, refit, seed=0, metric="log_loss")
    assert "products" not in made.settings
    assert made.n_tried == len(linear_model.STRENGTHS)


def test_boosting_chooses_how_it_learns_on_the_validation_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, refit = split_of(*rare(400, np.random.default_rng(0)))
    made = fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="log_loss")

    def alone(setting: boosted_trees.TreeSetting) -> float:
        monkeypatch.setattr(boosted_trees, "_settings", lambda *_: [setting])
        one = fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="log_loss")
        assert one.n_tried == 1
        assert one.fixed["leaves"] == setting.leaves  # nothing chose it, so it is called fixed
        return valid_loss(one, problem)

    at_first_rate = {setting: alone(setting) for setting in boosted_trees._settings((False,))}
    best = min(at_first_rate, key=at_first_rate.__getitem__)
    losses = at_first_rate | {slower: alone(slower) for slower in [replace(best, rate=boosted_trees.RATES[1])]}
    assert made.n_tried == len(losses) == 4
    assert valid_loss(made, problem) == min(losses.values())
    chosen = min(losses, key=losses.__getitem__)
    assert (made.settings["leaves"], made.settings["learning_rate"]) == (chosen.leaves, chosen.rate)
    assert made.fixed == {"l2": boosted_trees.TREES_L2, "leaf_rows": boosted_trees.FEW_LEAF_ROWS}


def test_boosting_compares_no_settings_where_each_would_take_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, refit = split_of(*rare(400, np.random.default_rng(0)))
    monkeypatch.setattr(boosted_trees, "MAX_TRIED", 1e5)
    made = fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="log_loss")
    assert (made.n_tried, made.fixed["leaves"], made.fixed["learning_rate"]) == (1, 31, 0.1)


def test_trees_of_many_columns_cost_what_their_leaves_do() -> None:
    """By rows alone a table of 1,600 rows and 10,000 columns would be grown a thousand trees, of which each takes a
    second."""
    assert boosted_trees.tree_cells(1_600, 10_000) == pytest.approx(10_000 * (1_600 + 31 * 256))
    assert boosted_trees.tree_cells(1_000_000, 20) == pytest.approx(1_000_000 * 20, rel=0.01)
    assert boosted_trees.tree_cells(20, 1, leaves=31) == 20 + 4 * 256


@pytest.mark.parametrize("task", Task)
def test_rows_that_no_baseline_learns_from_are_given_up_first(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, _ = example(task, n_outputs=3 if task is Task.MULTICLASS else 1, n_splits=2)
    whole = narrowed(problem, seed=0, key=1)
    assert all(one.x_train is other.x_train for one, other in zip(whole.splits, problem.splits, strict=True))
    monkeypatch.setattr(rivals, "MIN_CAPPED_ROWS", 10)
    monkeypatch.setattr(baselines, "MAX_LINEAR_CELLS", 60 * N_FEATURES)
    monkeypatch.setattr(baselines, "MAX_BOOSTING_CELLS", 80 * N_FEATURES)
    fewer = narrowed(problem, seed=0, key=1)
    for few, split in zip(fewer.splits, problem.splits, strict=True):
        assert len(few.x_train) == 80
        assert few.x_valid is split.x_valid
        places = [int(np.flatnonzero((split.x_train == row).all(axis=1))[0]) for row in few.x_train]
        assert places == sorted(set(places))
        np.testing.assert_array_equal(few.y_train, split.y_train[places])


def test_a_short_budget_leaves_the_first_setting_on_every_split_it_has_time_for() -> None:
    problem, refit = split_of(*rare(400, np.random.default_rng(0)))
    made = fit_baseline(BaselineName.BOOSTING, problem, refit, seed=0, metric="log_loss", is_over=lambda: True)
    assert (made.n_tried, len(made.valid), made.fixed["learning_rate"]) == (1, 1, boosted_trees.RATES[0])


def valid_loss(made: Baseline, problem: Problem) -> float:
    """Mean over splits, by hand."""
    each = [
        METRICS[Task.BINARY]["log_loss"](split.y_valid[:, 0].astype(np.int64), predictions)
        for split, predictions in zip(problem.splits, made.valid, strict=True)
    ]
    return float(np.mean(each))


def split_of(x: np.ndarray, y: np.ndarray, *, n_splits: int = 2) -> tuple[Problem, Refit]:
    """Two classes, a part of the rows validated on in each split."""
    parts = np.array_split(np.arange(len(x)), n_splits)
    splits = tuple(
        Split(x_train=np.delete(x, part, axis=0), y_train=np.delete(y, part, axis=0), x_valid=x[part], y_valid=y[part])
        for part in parts
    )
    problem = Problem(head=head_of(Task.BINARY, 1), splits=splits)
    return problem, Refit(Preprocessor.fit(Layout(numbers=(), categories=()), {}), x, y, None)


def rare(n_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A linear truth with 8 % of the second class."""
    x = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    odds = 1.5 * x[:, 0] + x[:, 1] - 3.6
    return x, (rng.random(n_rows) < 1 / (1 + np.exp(-odds))).astype(np.float32)[:, None]


@pytest.mark.parametrize("name", [BaselineName.LINEAR, BaselineName.BOOSTING])
def test_where_classes_are_to_count_alike_rivals_weigh_them_as_networks_may(name: BaselineName) -> None:
    problem, refit = split_of(*rare(2_000, np.random.default_rng(0)))
    by_predictions = fit_baseline(name, problem, refit, seed=0, metric="balanced_accuracy")
    assert by_predictions.settings["class_weight"] == 1
    by_probability = fit_baseline(name, problem, refit, seed=0, metric="log_loss")
    assert "class_weight" not in by_probability.settings
    allowed = fit_baseline(name, problem, refit, seed=0, metric="log_loss", is_balanced=True)
    assert allowed.settings["class_weight"] == 0  # weighed probabilities are worse, and it is free to see that


def test_the_same_model_weighted_is_no_network_that_is_worth_it() -> None:
    """Review 3.4: a weighted logistic regression stands in for the network; the truth is linear, 8 % are positive."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    (x, y), (x_test, y_test) = rare(3_000, rng), rare(1_500, rng)
    problem, refit = split_of(x, y)
    predictions = {
        str(name): fit_baseline(name, problem, refit, seed=0, metric="balanced_accuracy").predictions(x_test)
        for name in BaselineName
    }
    weighted = LogisticRegression(class_weight="balanced").fit(x, y[:, 0])
    truth = y_test[:, 0].astype(np.int64)
    facts = facts_of_rows(
        Objective(name="balanced_accuracy", direction="maximize"),
        truth=truth,
        terms={
            model: row_terms(Task.BINARY, "balanced_accuracy", truth=truth, predictions=of_model)
            for model, of_model in {"network": weighted.predict_proba(x_test), **predictions}.items()
        },
        topology="5 -> 1",
        n_params=6,
        margin=0.02,
    )
    assert facts.over_dummy["network"].low > 0
    assert decide(facts) is not VerdictCode.NETWORK
    assert facts.over_linear is not None
    assert abs(facts.over_linear.value) < 0.03
