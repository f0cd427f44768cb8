"""scikit-learn estimators: a whole search behind `fit`, the refitted winner behind `predict`.

    FFSearchClassifier, FFSearchRegressor
        fit(X, y)       X and y -> one frame -> run(space, data=frame) -> a run folder, its winner refitted on all rows
        predict(X)      the same columns -> the saved model -> classes or values

What is asked of a run is told by a space file, as on the command line; the parameters of an estimator replace values of
it. Users of scikit-learn hold rows out themselves, so no test part is sealed unless `test` says so.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Hashable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    check_random_state,
    column_or_1d,
    validate_data,
)

from ffsearch.errors import DataError
from ffsearch.search.api.speaking import speaking_python
from ffsearch.search.data.files.frames import as_pandas, is_foreign_frame
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.folder.reader import MODEL, StoredRun, load
from ffsearch.search.network.heads import Task
from ffsearch.search.run import run as run_search
from ffsearch.spaces.schema import MIN_ROWS

if TYPE_CHECKING:
    from ffsearch.search.serving.packaged import PackagedModel

__all__ = ["FFSearchClassifier", "FFSearchRegressor"]

MAX_SEED: Final = 2**31
"""Seeds drawn from a `RandomState` lie below. choice: what every library takes."""

CHUNK_ROWS: Final = 64
"""Rows are answered in multiples of so many, the last one repeated: alone, a row's products are summed in other order,
and `predict(X)[:1]` would differ from `predict(X[:1])` in the last digits. choice: fills any vector unit.
"""


class _Searched(BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """What both estimators share: their parameters, rows as frames, and the run they keep."""

    def __init__(
        self,
        *,
        space: str | PathLike[str] = "tabular",
        trials: int | None = None,
        budget: str | float | None = None,
        trainer: str | None = None,
        test: float | None = None,
        evidence: str = "none",
        overrides: Mapping[str, Any] | None = None,
        out: str | PathLike[str] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.space = space
        self.trials = trials
        self.budget = budget
        self.trainer = trainer
        self.test = test
        self.evidence = evidence
        self.overrides = overrides
        self.out = out
        self.random_state = random_state
        self.verbose = verbose

    @property
    def run_(self) -> StoredRun:
        """The run behind the last `fit`: its trials, summary, columns, notices."""
        check_is_fitted(self)
        return self._kept.run

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a `fit` came to its end."""
        return hasattr(self, "_kept")

    def __sklearn_tags__(self) -> Any:
        """Missing cells are legal. Columns of texts are too, but the tag for them promises that any object is."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _search(self, rows: pd.DataFrame, targets: pd.DataFrame, *, task: Task, sample_weight: Any) -> None:
        """Run the search, and keep the run and its model."""
        from ffsearch.search.console.progress import observing

        self.__dict__.pop("_kept", None)  # a fit that fails leaves no predictions of an earlier one
        columns, overrides = [rows, targets], self._overrides(task)
        if sample_weight is not None:
            weights = _weights(sample_weight, rows, others=[*rows.columns, *targets.columns])
            columns, overrides = [*columns, weights], {"data.weights": str(weights.columns[0]), **overrides}
        folder = _Temporary() if self.out is None else None
        observer, showing = observing(quiet=not self.verbose, as_json=False)
        with speaking_python(), showing:
            done = run_search(
                self.space,
                data=pd.concat(columns, axis=1),
                target=[str(name) for name in targets.columns] if targets.shape[1] > 1 else str(targets.columns[0]),
                overrides=overrides,
                out=self.out if folder is None else folder.run,
                fresh=folder is None,
                observer=observer,
            )
        self._kept = _Kept(done, folder)

    def _overrides(self, task: Task) -> dict[str, Any]:
        stated = {
            "search.trials": self.trials,
            "search.budget": self.budget,
            "search.seed": self._seed(),
            "train.trainer": self.trainer,
        }
        given = {path: value for path, value in stated.items() if value is not None}
        others = dict(self.overrides or {})
        if not any(path.startswith("evidence.") for path in others):  # a word cannot have keys
            given["evidence"] = self.evidence
        return {"data.task": str(task), "data.test": self.test, **given, **others}

    def _seed(self) -> int | None:
        if self.random_state is None or isinstance(self.random_state, int | np.integer):
            return None if self.random_state is None else int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    def _rows(self, X: Any, *, reset: bool) -> pd.DataFrame:  # noqa: N803  (scikit-learn's name)
        """The rows as a frame with the names that were trained on.

        Raises:
            ValueError: If there are too few rows or columns, or other columns than in `fit`.
            TypeError: If they are sparse, or a cell is no plain value.
        """
        rows = as_pandas(X, what="X") if is_foreign_frame(X) else X
        if isinstance(rows, pd.DataFrame) and rows.shape[1]:
            validate_data(self, rows, reset=reset, skip_check_array=True)
            frame = rows.reset_index(drop=True)
        else:
            array = validate_data(
                self,
                rows,
                reset=reset,
                dtype=None,
                ensure_all_finite=False,
                ensure_min_samples=MIN_ROWS if reset else 1,
            )
            frame = pd.DataFrame(array)
        frame.columns = pd.Index(_column_names(self))
        for name in frame.columns:
            if frame[name].dtype == object:
                _refuse_objects(frame[name])
        return frame

    def _predictions(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The model's predictions for rows, shape (n_rows, n_outputs)."""
        check_is_fitted(self)
        rows = self._rows(X, reset=False)
        places = np.minimum(np.arange(-(-len(rows) // CHUNK_ROWS) * CHUNK_ROWS), len(rows) - 1)
        reader = self._kept.model.reader()
        predictions = self._kept.model.predictions(rows.take(places), reader=reader)[: len(rows)].astype(np.float64)
        if reader is not None:
            reader.check(lenient="")
        return predictions


class FFSearchClassifier(ClassifierMixin, _Searched):  # type: ignore[misc]  # scikit-learn publishes no types
    """A classifier: the feed-forward network that a search finds best for the rows given to `fit`.

    Args:
        space: A space file, or the name of a shipped one.
        trials: Number of trials; None: the space's own.
        budget: Time for everything, refit included: "90s", "10m", or seconds; None: the space's own.
        trainer: `auto`, `population` or `keras`; None: the space's own.
        test: Share of the rows given to `fit` that is sealed and scored once, in `run_.summary`; None seals none, and
            the winner is refitted on all rows.
        evidence: What the winner is weighed by: `none`, `quick` or `full`. By default nothing: who cross-validates an
            estimator judges it, and every fold would pay for it.
        overrides: Other values in place of the space's: `{"train.max_epochs": 50, "space.depth.high": 2}`. They win
            over the parameters above.
        out: The run folder, where an earlier run is moved aside; None: a temporary one, which lasts as long as the
            estimator.
        random_state: The run's seed, or a `RandomState` to draw it from; None: the space's own, so that fits repeat.
        verbose: Show progress as the command line does.

    Attributes:
        classes_: The classes, sorted, in the order of `predict_proba`'s columns.
        n_features_in_: Columns of X.
        feature_names_in_: Their names, where X was a frame that had them.
        run_: The run: `run_.best`, `run_.trials`, `run_.summary`.

    Example:
        >>> rows, kinds = wines.drop(columns="target"), wines["target"]
        >>> classifier = ffsearch.FFSearchClassifier(trials=1).fit(rows, kinds)
        >>> classifier.predict_proba(rows).shape
        (178, 3)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Search on these rows, and refit the best on all that are not sealed.

        Args:
            X: A frame or an array, shape (n_rows, n_features): numbers, texts, dates; missing cells are legal.
            y: Classes, shape (n_rows,).
            sample_weight: For how many rows each counts, above 0, shape (n_rows,); None: all alike.

        Raises:
            ValueError: If rows or classes cannot be learnt from (`DataError` among them).
            TrainingError: If no network came to a finite score.
        """
        _require_y(y, self)
        y = as_pandas(y, what="y") if is_foreign_frame(y) else y
        rows = self._rows(X, reset=True)
        (name,) = _target_names(y, rows, n_targets=1)
        y = column_or_1d(y, warn=True)
        check_consistent_length(rows, y)
        missing = pd.isna(y) | (np.isinf(y) if y.dtype.kind == "f" else False)
        if missing.any():
            raise DataError(f"y contains NaN: {int(missing.sum())} rows have no class. Fill them in or remove them.")
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise DataError(f"y has one class, {classes[0]!r}, and a classifier needs two. Give rows of another class.")
        texts = np.array(_class_texts(classes), dtype=object)
        task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
        self._search(rows, pd.DataFrame({name: texts[codes]}), task=task, sample_weight=sample_weight)
        self.classes_ = classes
        # A class that sealed rows alone have was learnt from no row, and has no place among the model's.
        labels = self._kept.model.labels
        self._places = [labels.index(text) if text in labels else len(labels) for text in texts]
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities, shape (n_rows, n_classes), in the order of `classes_`; every row sums to 1."""
        predictions = np.pad(self._predictions(X), ((0, 0), (0, 1)))[:, self._places]
        probabilities: NDArray[np.float64] = predictions / predictions.sum(
            axis=1, keepdims=True
        )  # float32 sums to 1 +- 1e-7
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The most probable class of every row, shape (n_rows,), or of two the one that a threshold says."""
        predictions = self.predict_proba(X)
        model = self._kept.model
        if model.threshold is None:
            answered = predictions.argmax(axis=1)
        else:
            positive, value = model.threshold
            place = self._places.index(model.labels.index(positive))
            answered = np.where(predictions[:, place] >= value, place, 1 - place)
        classes: NDArray[Any] = self.classes_[answered]
        return classes


class FFSearchRegressor(RegressorMixin, _Searched):  # type: ignore[misc]  # scikit-learn publishes no types
    """A regressor: the feed-forward network that a search finds best for the rows given to `fit`.

    Its parameters are those of `FFSearchClassifier`.

    Attributes:
        n_features_in_: Columns of X.
        feature_names_in_: Their names, where X was a frame that had them.
        run_: The run: `run_.best`, `run_.trials`, `run_.summary`.

    Example:
        >>> rows, alcohol = wines.drop(columns=["target", "alcohol"]), wines["alcohol"]
        >>> regressor = ffsearch.FFSearchRegressor(trials=1).fit(rows, alcohol)
        >>> regressor.predict(rows).shape, regressor.run_.best["topology"].startswith("12 -> ")
        ((178,), True)
    """

    def __sklearn_tags__(self) -> Any:
        """Several targets are predicted together."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Search on these rows, and refit the best on all that are not sealed.

        Args:
            X: A frame or an array, shape (n_rows, n_features): numbers, texts, dates; missing cells are legal.
            y: Finite numbers, shape (n_rows,) or (n_rows, n_targets).
            sample_weight: For how many rows each counts, above 0, shape (n_rows,); None: all alike.

        Raises:
            ValueError: If rows or targets cannot be learnt from (`DataError` among them).
            TrainingError: If no network came to a finite score.
        """
        _require_y(y, self)
        y = as_pandas(y, what="y") if is_foreign_frame(y) else y
        rows = self._rows(X, reset=True)
        values = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(rows, values)
        columns = values.reshape(len(rows), -1)
        names = _target_names(y, rows, n_targets=columns.shape[1])
        targets = pd.DataFrame(columns, columns=names)
        self._search(rows, targets, task=Task.REGRESSION, sample_weight=sample_weight)
        self._is_flat = values.ndim == 1
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Values in the unit of `y` and in its form: shape (n_rows,) or (n_rows, n_targets)."""
        predictions = self._predictions(X)
        return predictions[:, 0] if self._is_flat else predictions


class _Temporary:
    """A temporary folder that is removed when nobody holds this any longer, or the interpreter ends.

    `tempfile.TemporaryDirectory` does the same, but warns: it is made for a `with`, and an estimator has no end.
    """

    def __init__(self) -> None:
        path = mkdtemp(prefix="ffsearch-")
        self.run = Path(path, "run")
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)


class _Kept:
    """A finished run and its model; a copy or a pickle of it brings the folder's files along.

    Args:
        run: The run.
        folder: The temporary folder it lies in, removed when nobody holds it any longer; None for one the user named.
    """

    def __init__(self, run: StoredRun, folder: _Temporary | None) -> None:
        from ffsearch.search.serving.packaged import load_packaged

        self.run = run
        self.model: PackagedModel = load_packaged(run.path / MODEL)
        self._folder = folder

    def __getstate__(self) -> dict[str, bytes]:
        """Every file of the run folder under its path within it."""
        paths = [path for path in sorted(self.run.path.rglob("*")) if path.is_file()]
        return {path.relative_to(self.run.path).as_posix(): path.read_bytes() for path in paths}

    def __setstate__(self, files: Mapping[str, bytes]) -> None:
        folder = _Temporary()
        for name, content in files.items():
            path = folder.run / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.__init__(load(folder.run), folder)  # type: ignore[misc]  # as `copy` and `pickle` need it


def _require_y(y: Any, estimator: BaseEstimator) -> None:
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None. Give the column to learn.")


def _column_names(estimator: BaseEstimator) -> list[str]:
    """The frame's own names, else x0, x1, ...; they are those of the last `fit`."""
    own = getattr(estimator, "feature_names_in_", None)
    return [f"x{place}" for place in range(estimator.n_features_in_)] if own is None else [str(name) for name in own]


def _target_names(y: Any, rows: pd.DataFrame, *, n_targets: int) -> list[str]:
    """Names of the targets: their own where they have some, none of which is a column of X; else y, or y0, y1, ..."""
    own: Sequence[Hashable] = list(y.columns) if isinstance(y, pd.DataFrame) else [getattr(y, "name", None)]
    names = [name for name in own if isinstance(name, str) and name]
    if len(set(names)) == n_targets and not {*names} & {*rows.columns}:
        return names
    stem = "y"
    while any(str(column).startswith(stem) for column in rows.columns):
        stem += "_"
    return [stem] if n_targets == 1 else [f"{stem}{place}" for place in range(n_targets)]


def _weights(sample_weight: Any, rows: pd.DataFrame, *, others: Sequence[Hashable]) -> pd.DataFrame:
    """Weights as a column beside the rows, under a name that no other has; what they may be, the table says.

    Raises:
        ValueError: If they are not one number a row.
    """
    given = as_pandas(sample_weight, what="sample_weight") if is_foreign_frame(sample_weight) else sample_weight
    values = np.asarray(given)
    if values.ndim == 0:
        values = np.full(len(rows), values)
    values = column_or_1d(values, dtype=np.float64)
    check_consistent_length(rows, values)
    stem = "sample_weight"
    while stem in set(map(str, others)):
        stem += "_"
    return pd.DataFrame({stem: values})


def _class_texts(classes: NDArray[Any]) -> list[str]:
    """A text for every class that a table gives back as it is: its own where that is safe, else its number."""
    own = [str(one) for one in classes.tolist()]
    is_plain = all(text.strip() == text and text not in MISSING and not _looks_like_number(text) for text in own)
    is_whole = all(text.lstrip("-").isdecimal() and str(int(text)) == text and len(text) < 16 for text in own)
    if len(set(own)) == len(own) and (is_plain or is_whole):
        return own
    return [f"class {place}" for place in range(len(own))]


def _looks_like_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_objects(cells: pd.Series[Any]) -> None:
    odd = next((cell for cell in cells if not pd.api.types.is_scalar(cell)), None)
    if odd is not None:
        raise TypeError(
            f"X holds a {type(odd).__name__} in column {cells.name!r}, but an argument must be a string, a date or a "
            "number. Make plain columns of it."
        )
