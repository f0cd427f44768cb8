"""The scikit-learn estimators: scikit-learn's own checks, and what its users do with an estimator."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from ffsearch import DataError, FFSearchClassifier, FFSearchRegressor, SpaceError

QUICK: Final[dict[str, Any]] = {
    "trials": 1,
    "trainer": "population",
    "overrides": {"train.max_epochs": 3, "space.width": 8, "space.depth": 1, "data.valid": {"holdout": 0.2}},
}
CHECKED: Final[dict[str, Any]] = {
    "trials": 1,
    "trainer": "population",
    "overrides": {"train.max_epochs": 40, "space.width": 32, "space.depth": 1, "data.valid": {"holdout": 0.2}},
}
"""Enough training for the checks that ask for a score."""

EXPECTED_FAILURES: Final[dict[str, str]] = {
    "check_sample_weight_equivalence_on_dense_data": "weights of 0 are refused, and validation rows are drawn row by "
    "row: a table with repeated rows has other ones, and an epoch of other batches. That a weight is worth so many "
    "copies where rows and batches do not differ is tested in contracts/trainers.py.",
}
"""Checks of scikit-learn that cannot pass, with the reason."""

FAST: Final = frozenset(
    {
        "check_classifiers_one_label",
        "check_classifiers_regression_target",
        "check_complex_data",
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
        "check_estimator_sparse_tag",
        "check_estimator_tags_renamed",
        "check_estimators_empty_data_messages",
        "check_estimators_unfitted",
        "check_fit1d",
        "check_fit2d_1sample",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_requires_y_none",
        "check_set_params",
        "check_supervised_y_no_nan",
        "check_valid_tag_types",
    }
)
"""Checks that fit nothing; the others run with --slow, a hundred fits in some minutes."""


def checks() -> Iterator[Any]:
    for estimator in (FFSearchClassifier(**CHECKED), FFSearchRegressor(**CHECKED)):
        for item in estimator_checks_generator(
            estimator, legacy=True, expected_failed_checks=EXPECTED_FAILURES, mark="xfail"
        ):
            (one, check), marks = getattr(item, "values", item), [*getattr(item, "marks", ())]
            name = getattr(check, "func", check).__name__
            marks += [] if name in FAST else [pytest.mark.slow]
            yield pytest.param(one, check, id=f"{type(estimator).__name__}-{name}", marks=marks)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_own_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def a_frame(n_rows: int = 60) -> pd.DataFrame:
    """A number, a number with gaps, and a column of words."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "age": rng.normal(size=n_rows),
            "shape": rng.choice(["flat", "round"], n_rows),
        }
    )
    frame.loc[::7, "age"] = np.nan
    return frame


def labels(frame: pd.DataFrame) -> pd.Series[Any]:
    return pd.Series(np.where(frame["size"] > 0, "tall", "low"), name="height")


@pytest.fixture(scope="module")
def fitted() -> FFSearchClassifier:
    frame = a_frame()
    return FFSearchClassifier(**QUICK).fit(frame, labels(frame))


def test_frames_with_words_and_gaps(fitted: FFSearchClassifier) -> None:
    frame = a_frame()
    assert list(fitted.classes_) == ["low", "tall"]
    assert list(fitted.feature_names_in_) == ["size", "age", "shape"]
    probabilities = fitted.predict_proba(frame)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(fitted.predict(frame), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(frame, labels(frame)) == np.mean(fitted.predict(frame) == labels(frame))


def test_the_run_behind_it_is_at_hand_and_learnt_from_every_row(fitted: FFSearchClassifier) -> None:
    run = fitted.run_
    assert len(run.trials) == 1
    assert run.summary["data"]["target"] == ["height"]
    assert run.summary["data"]["n_test"] == 0
    assert "test" not in run.summary["evidence"]
    assert run.summary["refit"]["n_rows"] == 60
    assert (run.path / "model" / "model.keras").is_file()


def test_other_columns_are_refused(fitted: FFSearchClassifier) -> None:
    frame = a_frame()
    with pytest.raises(ValueError, match=r"feature names should match"):
        fitted.predict(frame[["age", "size", "shape"]])
    with pytest.raises(ValueError, match=r"Feature names seen at fit time, yet now missing"):
        fitted.predict(frame[["size", "age"]])


def test_a_pickle_and_a_copy_answer_alike_without_the_original(fitted: FFSearchClassifier) -> None:
    frame = a_frame()
    again = pickle.loads(pickle.dumps(fitted))
    copied = copy.deepcopy(fitted)
    for other in (again, copied):
        np.testing.assert_array_equal(other.predict_proba(frame), fitted.predict_proba(frame))
        assert other.run_.path != fitted.run_.path
        assert other.run_.best == fitted.run_.best


def test_a_clone_is_not_fitted(fitted: FFSearchClassifier) -> None:
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError, match=r"not fitted yet"):
        fresh.predict(a_frame())
    assert not hasattr(fresh, "run_")


def test_a_temporary_folder_lasts_as_long_as_the_estimator(fitted: FFSearchClassifier) -> None:
    classifier = copy.deepcopy(fitted)
    path = classifier.run_.path
    assert path.is_dir()
    del classifier
    gc.collect()
    assert not path.exists()


def test_out_keeps_the_run_and_moves_an_older_one_aside(tmp_path: Path) -> None:
    frame = a_frame()
    regressor = FFSearchRegressor(**QUICK, out=tmp_path / "run", test=0.2, random_state=3)
    for _ in range(2):
        regressor.fit(frame, frame["size"].rename("length") * 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.1"]
    summary = regressor.run_.summary
    assert regressor.run_.path == tmp_path / "run"
    assert summary["search"]["seed"] == 3
    assert summary["data"]["n_test"] == 12
    assert summary["evidence"]["test"]["openings"] == 1


def test_several_targets_keep_their_form_and_names() -> None:
    frame = a_frame()
    targets = pd.DataFrame({"one": frame["size"], "two": 1000 + 100 * frame["size"]})
    regressor = FFSearchRegressor(**QUICK).fit(frame, targets)
    assert regressor.predict(frame).shape == (60, 2)
    assert regressor.predict(frame)[:, 1].mean() > 500  # in the target's own unit
    assert regressor.run_.summary["data"]["target"] == ["one", "two"]


@pytest.mark.parametrize(
    "classes",
    [
        pytest.param(np.array([2.0, -1.0]), id="numbers", marks=pytest.mark.slow),
        pytest.param(np.array([True, False]), id="truth", marks=pytest.mark.slow),
        pytest.param(np.array(["NA", "1.0", " 1"], dtype=object), id="texts that a table would read otherwise"),
        pytest.param(np.array([10, 9, 100]), id="whole numbers", marks=pytest.mark.slow),
    ],
)
def test_any_classes_come_back_as_they_are(classes: np.ndarray[Any, Any]) -> None:
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(60) % len(classes))
    x = np.column_stack([4.0 * codes + rng.normal(size=60), rng.normal(size=60)])
    overrides = {"train.max_epochs": 60, "space.width": 32, "space.learning_rate": 0.02, "space.depth": 1}
    classifier = FFSearchClassifier(trials=1, trainer="keras", overrides=overrides).fit(x, classes[codes])
    np.testing.assert_array_equal(classifier.classes_, np.unique(classes))
    assert (classifier.predict(x) == classes[codes]).mean() > 0.9  # so that no two columns are exchanged


def test_in_a_pipeline_and_cross_validation() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    pipeline = make_pipeline(StandardScaler(), FFSearchRegressor(**QUICK))
    scores = cross_val_score(pipeline, x, x[:, 0], cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.slow  # five fits
def test_in_a_grid_search() -> None:
    frame = a_frame()
    search = GridSearchCV(FFSearchClassifier(**QUICK), {"random_state": [0, 1]}, cv=2)
    search.fit(frame, labels(frame))
    assert search.best_params_["random_state"] in (0, 1)
    assert search.best_estimator_.run_.is_finished


@pytest.mark.parametrize(
    ("x", "y", "error", "told"),
    [
        (a_frame(), np.zeros(60, dtype=int), DataError, r"y has one class, .*0.*, and a classifier needs two"),
        (a_frame(), None, ValueError, r"requires y to be passed, but the target y is None"),
        (a_frame(9), labels(a_frame(9)), ValueError, r"has 9 rows; at least 10 are needed"),
        (np.zeros((9, 2)), np.arange(9) % 2, ValueError, r"9 sample\(s\).* minimum of 10"),
        (np.zeros((20, 2)), np.arange(20) % 2, DataError, r"has no column that can be learnt from"),
        (sparse.csr_array(np.eye(20)), np.arange(20) % 2, TypeError, r"[Ss]parse"),
        (np.zeros(20), np.arange(20) % 2, ValueError, r"Expected 2D array, got 1D array"),
        (
            a_frame().assign(age=pd.Series([[1]] * 60, dtype=object)),
            labels(a_frame()),
            TypeError,
            r"holds a list in column 'age'",
        ),
        (a_frame(), labels(a_frame()).where(labels(a_frame()) == "low"), ValueError, r"contains NaN|missing"),
        (a_frame(), labels(a_frame())[:50], ValueError, r"inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(x: Any, y: Any, error: type[Exception], told: str) -> None:
    classifier = FFSearchClassifier(**QUICK)
    with pytest.raises(error, match=told):
        classifier.fit(x, y)
    assert not hasattr(classifier, "run_")


def test_a_class_that_the_sealed_rows_alone_hold_has_a_probability_of_none() -> None:
    """The last rows are sealed, and theirs is a class of their own: every answer still has a column for it."""
    frame = a_frame(80).assign(when=np.arange(80))
    y = labels(frame).mask(frame.when >= 72, "new")
    overrides = QUICK["overrides"] | {"data.test": 0.2, "data.time": "when"}
    classifier = FFSearchClassifier(**(QUICK | {"overrides": overrides})).fit(frame, y)
    probabilities = classifier.predict_proba(frame)
    assert list(classifier.classes_) == ["low", "new", "tall"]
    assert (probabilities[:, 1] == 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert set(classifier.predict(frame)) <= {"low", "tall"}


def test_a_wrong_parameter_is_told_at_fit_as_in_a_space_file() -> None:
    classifier = FFSearchClassifier(overrides={"train.max_epoch": 3})
    with pytest.raises(SpaceError, match=r"max_epoch.*max_epochs"):
        classifier.fit(a_frame(), labels(a_frame()))
