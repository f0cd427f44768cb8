"""The saved model: one `.keras` file from raw columns to predictions in the user's own labels and units.

    number columns  -> scaled, clipped, missing flags -+
                                                       +-> network -> logits -> probabilities, or values
    category columns -> looked up, one slot a level ---+

There may be several networks, which read the same matrix: the answer then is the mean of their predictions. Logits may
be divided by a temperature before they become probabilities.

It is made of Keras' own layers and operations alone, so `keras.models.load_model(path)` needs no ffsearch. Inputs are a
dict of one (n_rows, 1) tensor a column: float32 with NaN where missing, strings with "" where missing; a date is the
number of days since the first one (`origin` in `ffsearch.json`), its time of day their fraction. Keras allows not
every character in their names, so they are called `number_0`, `category_3`; which column each one is, the labels and
the target names travel in the same file as `ffsearch.json`. The output is

    classification   probabilities (n_rows, n_classes) in the order of the labels, two columns for binary
    regression       values (n_rows, n_targets) in the targets' own units
"""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch._version import __version__
from ffsearch.errors import DataError, ExportError
from ffsearch.search.base.files import put_in_place
from ffsearch.search.base.numbers import compact
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.features.columns import Reading
from ffsearch.search.data.features.images import (
    IMAGE,
    AnyPreprocessor,
    ImagePreprocessor,
    ImageShape,
    as_images,
)
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.files.frames import as_pandas
from ffsearch.search.data.parsing.clocks import ClockReading
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.spelling import PLAIN
from ffsearch.search.network.heads import Head, TargetScale, Task, probabilities, values
from ffsearch.search.network.model import build_network
from ffsearch.search.network.row_intervals import RowIntervals
from ffsearch.search.network.topology import Point
from ffsearch.search.serving.keras_file import newer_writer
from ffsearch.search.serving.layers import category_input, matrix_layers, number_input

__all__ = [
    "MEMBER",
    "TOLERANCE",
    "PackagedModel",
    "as_tensor",
    "largest_difference",
    "load_packaged",
    "only_first",
    "save_model",
]

MEMBER: Final = "ffsearch.json"
"""Name of our own member of the `.keras` archive; Keras reads past it."""

TOLERANCE: Final = 1e-5
"""Largest difference between the saved model and the matrix path, relative to an answer and the spread of its target.

choice: the bar of the design; float32 itself takes 1e-7 of it.
"""

_NETWORK: Final = "ffsearch.network.json"
_WEIGHTS: Final = "ffsearch.network.npz"
"""Members of wide models alone."""

_AVERAGE: Final = "average"
"""The layer that takes the mean of several networks' predictions."""

_MANY_INPUTS: Final = 300
"""Inputs above which a model is wide. Choice: Keras loads some 100 inputs a second."""

MAX_LOST: Final = 1e-4
"""What the last digit of float32 may be of a target's spread; beyond it predictions are float64: 1,000,000,000 and a
little more. choice: far below any score."""

LABELS: Final = "labels"
"""The column of the labels that hold the true one."""

_SCHEMA: Final = 1
_CHUNK_ROWS: Final = 16_384
"""choice: rows answered at once; keeps the activations of a wide network to some tens of MB."""


# --- a model that has been loaded ------------------------------------------------------------------------------------


class PackagedModel:
    """A saved model with its labels and column names: frames in, frames out.

    Args:
        model: The Keras model, raw columns to predictions, or what loads it.
        facts: What `ffsearch.json` holds.
        by_matrix: Of a wide model the Keras model from the matrix to predictions, which is loaded in no time.
    """

    def __init__(
        self,
        model: keras.Model | Callable[[], keras.Model],
        facts: Mapping[str, Any],
        *,
        by_matrix: keras.Model | None = None,
    ) -> None:
        self._model = model
        self.by_matrix = by_matrix
        self.task = Task(facts["task"])
        self.labels = tuple(facts["labels"])
        self.target_names = tuple(facts["target_names"])
        self.facts = dict(facts)
        self._inputs: dict[str, str] = {one["column"]: one["input"] for one in facts["inputs"]}
        self._image: ImageShape | None = tuple(facts["image"]) if facts.get("image") else None
        self._preprocessor = None if self._image else Preprocessor.from_dict(facts["preprocessor"])

    @cached_property
    def model(self) -> keras.Model:
        """The Keras model from raw columns to predictions; a wide one is loaded when it is asked for."""
        return self._model if isinstance(self._model, keras.Model) else self._model()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it needs; others are ignored, and their order is free."""
        return tuple(self._inputs)

    @property
    def encoding(self) -> str:
        """What the letters of the table were read by; empty where it was no text."""
        return "" if self._preprocessor is None else self._preprocessor.table.encoding

    @property
    def known_texts(self) -> tuple[str, ...]:
        """Names of columns and levels of categories: what a file of rows is likely to hold."""
        categories = () if self._preprocessor is None else self._preprocessor.categories
        return (*self.columns, *(level for category in categories for level in category.vocabulary))

    def reader(self, *, lenient: bool = False) -> RowReader | None:
        """What reads rows that were never seen, which may be written otherwise; None where they are images.

        Args:
            lenient: Whether rows that cannot be read are answered all the same.
        """
        return None if self._preprocessor is None else RowReader(self._preprocessor, lenient=lenient)

    def predictions(
        self, frame: pd.DataFrame | NDArray[Any], *, reader: RowReader | None = None
    ) -> NDArray[np.float32]:
        """Probabilities (n_rows, n_classes), or values (n_rows, n_targets).

        Args:
            frame: Raw rows; of a model for images also the images themselves, shape (n_rows, H, W) or with channels.
            reader: Reads rows of another table than the one trained on; whoever gives it asks it afterwards whether it
                understood them. None: they are rows of the same table, and are read as they were.

        Raises:
            DataError: If a column is missing, or images have another size.
        """
        return self._of_raw(self.raw(frame, reader=reader), n_rows=len(frame))

    def predictions_of_cells(self, cells: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The same for columns that were read already, as `Preprocessor.raw_inputs` gives them."""
        raw = {self._inputs[column]: values for column, values in cells.items()}
        return self._of_raw(raw, n_rows=len(next(iter(raw.values()))))

    def _of_raw(self, raw: Mapping[str, NDArray[Any]], *, n_rows: int) -> NDArray[np.float32]:
        answer = self._answer if self.by_matrix is None else self._answer_by_matrix
        return np.concatenate([answer(raw, start) for start in range(0, max(n_rows, 1), _CHUNK_ROWS)])

    def predictions_of_keras(self, frame: pd.DataFrame | NDArray[Any]) -> NDArray[np.float32]:
        """The same by the Keras model from raw columns, also where that takes long."""
        raw = self.raw(frame)
        return np.concatenate([self._answer(raw, start) for start in range(0, max(len(frame), 1), _CHUNK_ROWS)])

    def raw(self, frame: pd.DataFrame | NDArray[Any], *, reader: RowReader | None = None) -> dict[str, NDArray[Any]]:
        """What the Keras model is fed, by the names of its inputs: arrays of shape (n_rows,), float32 or texts.

        A model for images has one input, `image`, float32 of shape (n_rows, H, W) or (n_rows, H, W, C).

        Raises:
            DataError: If a column is missing, or images have another size.
        """
        if self._image is not None:
            return {IMAGE: as_images(frame, self._image)}
        assert self._preprocessor is not None
        if isinstance(frame, np.ndarray):
            raise DataError("These are no images but a table, whose columns have names: give a frame.")
        read = self._preprocessor.raw_inputs if reader is None else reader.read
        raw = read(as_pandas(frame, what="the table of rows"))
        return {self._inputs[column]: cells for column, cells in raw.items()}

    def predict(self, frame: pd.DataFrame, *, reader: RowReader | None = None) -> pd.DataFrame:
        """One row an input row, with its index.

        For classes a column `prediction` (the likeliest label, or of two classes the one the threshold says) and one
        `p(LABEL)` a label; for regression a column a target, under its name.

        Args:
            frame: Raw rows.
            reader: See `predictions`.

        Raises:
            DataError: If a column is missing.
        """
        predictions = self.predictions(frame, reader=reader)
        if self.task is Task.REGRESSION:
            return pd.DataFrame(predictions, columns=list(self.target_names), index=frame.index)
        table = pd.DataFrame(predictions, columns=[f"p({label})" for label in self.labels], index=frame.index)
        table.insert(0, "prediction", [self.labels[number] for number in self.classes_of(predictions)])
        return table

    def predict_interval(
        self, frame: pd.DataFrame, *, level: float = 0.9, reader: RowReader | None = None
    ) -> pd.DataFrame:
        """How far the answer to every row may be off, with the index of the rows.

        For regression two columns a target, `NAME low` and `NAME high`; for classes one, `labels`: a tuple of labels
        that hold the true one in a share `level` of rows to come, the likeliest first.

        Raises:
            DataError: If a column is missing, the level is none, or the model does not know.
        """
        predictions = self.predictions(frame, reader=reader)
        return pd.DataFrame(self.interval_columns(predictions, level), index=frame.index)

    def interval_columns(self, predictions: NDArray[np.float32], level: float) -> dict[str, Any]:
        """Columns of intervals or sets, beside what was predicted.

        Args:
            predictions: What `predictions` gave.
            level: The share of rows to come that they hold.

        Raises:
            DataError: If the level is none that can be promised, or the model does not know.
        """
        known = self.facts.get("row_intervals")
        if known is None:
            raise DataError(
                "This model does not know how far one answer may be off: no finalists were trained again for it, or an "
                "earlier version saved it. A run with evidence.finalists and evidence.repeats makes one that does."
            )
        intervals = RowIntervals.from_dict(known)
        if self.task is not Task.REGRESSION:
            is_in = intervals.sets(predictions, level)
            order = np.argsort(-predictions, axis=1, kind="stable")
            return {
                LABELS: [
                    tuple(self.labels[label] for label in row if held[label])
                    for row, held in zip(order.tolist(), is_in, strict=True)
                ]
            }
        ends = intervals.bounds(predictions, level)
        return {
            f"{name} {end}": values[:, place]
            for place, name in enumerate(self.target_names)
            for end, values in zip(("low", "high"), ends, strict=True)
        }

    @property
    def threshold(self) -> tuple[str, float] | None:
        """Of two classes the positive one, and from which probability on it is answered; None: the likelier one is."""
        cut = self.facts.get("threshold")
        return None if cut is None else (str(cut["positive"]), float(cut["value"]))

    def classes_of(self, predictions: NDArray[Any]) -> NDArray[np.intp]:
        """Number of the class that each row is answered with, shape (n_rows,): by the threshold, where there is one.

        Args:
            predictions: Probabilities, shape (n_rows, n_classes).
        """
        if self.threshold is None:
            return np.asarray(predictions.argmax(axis=1))
        positive, value = self.threshold
        place = self.labels.index(positive)
        return np.where(predictions[:, place] >= value, place, 1 - place)

    @cached_property
    def _forward(self) -> Any:
        """The model as a graph that was traced once, for any number of rows.

        TensorFlow traces again for other numbers of rows, and warns of functions that it often traces, also where each
        is another model's.
        """
        rows = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in self.model.input.items()}
        return tf.function(lambda raw: self.model(raw, training=False), input_signature=[rows]).get_concrete_function()

    def _answer_by_matrix(self, raw: Mapping[str, NDArray[Any]], start: int) -> NDArray[np.float32]:
        """The predictions of one chunk of rows, whose matrix NumPy makes."""
        assert self._preprocessor is not None
        assert self.by_matrix is not None
        columns = {column: raw[name][start : start + _CHUNK_ROWS] for column, name in self._inputs.items()}
        matrix = self._preprocessor.matrix(columns, n_rows=len(next(iter(columns.values()))))
        predictions: NDArray[np.float32] = self.by_matrix({"matrix": matrix}, training=False).numpy()
        return predictions

    def _answer(self, raw: Mapping[str, NDArray[Any]], start: int) -> NDArray[np.float32]:
        """The predictions of one chunk of rows."""
        rows = slice(start, start + _CHUNK_ROWS)
        predictions: NDArray[np.float32] = self._forward(
            {name: as_tensor(cells[rows]) for name, cells in raw.items()}
        ).numpy()
        return predictions


def load_packaged(path: str | os.PathLike[str]) -> PackagedModel:
    """Load a file that `save_model` wrote.

    Raises:
        ExportError: If there is no such file, or it is not one of ours.
    """
    if not Path(path).is_file():
        raise ExportError(f"There is no model file {os.fspath(path)!r}. Give the model.keras of a finished run.")
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(MEMBER))
            by_matrix = _read_by_matrix(archive)
        if by_matrix is not None:
            return PackagedModel(lambda: keras.models.load_model(path, compile=False), facts, by_matrix=by_matrix)
        return PackagedModel(keras.models.load_model(path, compile=False), facts)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
        writer = newer_writer(path)
        if writer is not None:
            raise ExportError(
                f"{os.fspath(path)!r} was written with Keras {writer}, and Keras {keras.__version__}, which is older, "
                f"cannot read it. Install as new a one: pip install 'keras>={writer}'."
            ) from error
        raise ExportError(
            f"{os.fspath(path)!r} is not a model ffsearch saved, or it is damaged ({error}). Give the model.keras of a "
            "finished run; other Keras files open with keras.models.load_model."
        ) from error


def _read_by_matrix(archive: zipfile.ZipFile) -> keras.Model | None:
    """The Keras model from the matrix to predictions, which wide models bring along; None for others."""
    if _NETWORK not in archive.namelist():
        return None
    model = keras.models.model_from_json(archive.read(_NETWORK).decode())
    with np.load(io.BytesIO(archive.read(_WEIGHTS)), allow_pickle=False) as weights:
        model.set_weights([weights[name] for name in weights.files])
    return model


def only_first(packaged: PackagedModel) -> PackagedModel:
    """The first network of a model that answers with the mean of several, as it would answer by itself."""
    by_matrix = packaged.by_matrix
    return PackagedModel(
        lambda: _first_of(packaged.model),
        {**packaged.facts, "n_networks": 1},
        by_matrix=None if by_matrix is None else _first_of(by_matrix),
    )


def _first_of(model: keras.Model) -> keras.Model:
    return keras.Model(model.input, model.get_layer(_AVERAGE).input[0])


# --- writing one -----------------------------------------------------------------------------------------------------


def save_model(
    path: str | os.PathLike[str],
    *,
    point: Point,
    networks: Sequence[Sequence[NDArray[np.float32]]],
    head: Head,
    preprocessor: AnyPreprocessor,
    target_scale: TargetScale | None,
    sample: pd.DataFrame,
    temperature: float | None = None,
    row_intervals: RowIntervals | None = None,
    cut: Mapping[str, Any] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> PackagedModel:
    """Write the model to a temporary file, load it, compare its predictions with the matrix path, then put it in place.

    Args:
        path: Where to; must end in `.keras`. An older file is replaced only when the new one has passed.
        point: The topology.
        networks: The weights of every network whose predictions are averaged, in the order of `get_weights()`; mostly
            one.
        head: The end of the network.
        preprocessor: From raw columns to the matrix the networks were trained on.
        target_scale: How regression targets were standardised; None for classes.
        sample: Raw rows to compare on.
        temperature: What logits of classes are divided by; None: nothing.
        row_intervals: How far the answer to one row may be off; None: nobody knows.
        cut: Of two classes the `positive` one, from which probability on it is answered (`value`), and what that was
            chosen by (`by`); None: the likelier one is answered.
        notes: Anything else to carry in `ffsearch.json`, fit for JSON.

    Returns:
        The model as read back.

    Raises:
        ExportError: If it cannot be written or does not answer the same; nothing is left behind then.
    """
    target = Path(path)
    built = _networks(point, head=head, n_features=preprocessor.n_features, networks=networks)
    end = _End(head=head, target_scale=target_scale, temperature=temperature)
    facts = {**_facts(preprocessor, end, n_networks=len(built)), "notes": dict(notes or {})}
    if row_intervals is not None:
        facts["row_intervals"] = row_intervals.as_dict()
    facts |= {} if cut is None else {"threshold": dict(cut)}
    try:
        with put_in_place(target) as partial:
            _write(partial, _package(built, preprocessor, end), facts)
            if len(facts["inputs"]) > _MANY_INPUTS:
                _write_by_matrix(partial, built, end)
            matrix = preprocessor.transform(sample)
            expected = np.mean([_expected(network, matrix, end) for network in built], axis=0)
            packaged = load_packaged(partial)
            _compare(packaged.predictions_of_keras(sample), expected, target_scale=target_scale)
            _compare(packaged.predictions(sample), expected, target_scale=target_scale)
    except OSError as error:
        raise ExportError(f"The model could not be written to {os.fspath(path)!r}: {error}.") from error
    return packaged


def _write(path: Path, model: keras.Model, facts: Mapping[str, Any]) -> None:
    with warnings.catch_warnings():
        # Keras reads TensorFlow's variables with np.array, of which NumPy 2 complains; there is nothing to do here.
        warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
        model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps(facts, indent=1))


def _write_by_matrix(path: Path, networks: Sequence[keras.Model], end: _End) -> None:
    """Add the model from the matrix to predictions: Keras takes minutes to load thousands of inputs, this no time."""
    matrix = keras.Input((networks[0].input_shape[1],), name="matrix")
    # A dict: Keras 3.10 reads a single input back as a list of one.
    model = keras.Model({"matrix": matrix}, _mean_of_predictions(networks, matrix, end))
    weights = io.BytesIO()
    np.savez(weights, **{f"weight_{place:04}": array for place, array in enumerate(model.get_weights())})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_NETWORK, model.to_json())
        archive.writestr(_WEIGHTS, weights.getvalue())


@dataclass(frozen=True, kw_only=True)
class _End:
    """From logits to predictions: what is predicted, how targets were standardised, what logits are divided by."""

    head: Head
    target_scale: TargetScale | None
    temperature: float | None


def _package(networks: Sequence[keras.Model], preprocessor: AnyPreprocessor, end: _End) -> keras.Model:
    """The Keras model from raw columns to predictions around networks from matrix to logits."""
    inputs, matrix = matrix_layers(preprocessor)
    return keras.Model(inputs, _mean_of_predictions(networks, matrix, end), name="ffsearch")


def _mean_of_predictions(networks: Sequence[keras.Model], matrix: Any, end: _End) -> Any:
    predictions = [_predictions(network(matrix), end, after=_after(place)) for place, network in enumerate(networks)]
    if len(predictions) == 1:
        return predictions[0]
    return keras.layers.Average(name=_AVERAGE, dtype=predictions[0].dtype)(predictions)


def _predictions(logits: Any, end: _End, *, after: str) -> Any:
    """Logits of one network as probabilities, or in the targets' units; `after` ends the names of its layers."""
    if end.temperature is not None:
        logits = keras.layers.Rescaling(1 / end.temperature, name=f"temperature{after}")(logits)
    if end.head.task is Task.MULTICLASS:
        return keras.layers.Softmax(name=f"probabilities{after}")(logits)
    if end.head.task is Task.BINARY:
        negative = keras.layers.Rescaling(-1.0, name=f"negative{after}")(logits)
        both = keras.layers.Concatenate(name=f"both{after}")([negative, logits])
        return keras.layers.Activation("sigmoid", name=f"probabilities{after}")(both)
    if end.target_scale is None:
        return logits
    scale, mean = end.target_scale.scale, end.target_scale.mean
    loses_digits = (np.abs(mean) * np.finfo(np.float32).eps > MAX_LOST * scale).any()
    dtype = "float64" if loses_digits else None
    return keras.layers.Rescaling(scale.tolist(), offset=mean.tolist(), name=f"values{after}", dtype=dtype)(logits)


def _networks(
    point: Point, *, head: Head, n_features: int, networks: Sequence[Sequence[NDArray[np.float32]]]
) -> list[keras.Model]:
    """The networks with their trained weights; the seed only fills what they replace."""
    built = []
    for place, weights in enumerate(networks):
        seed, name = np.random.SeedSequence(0), f"network{_after(place)}"
        network = build_network(point, head=head, n_features=n_features, seed=seed, name=name)
        network.set_weights(list(weights))
        built.append(network)
    return built


def _after(place: int) -> str:
    """What a name of the first network's layers is followed by in those of another."""
    return f"_{place}" if place else ""


def _input_facts(preprocessor: AnyPreprocessor) -> list[dict[str, Any]]:
    """Each input of the Keras model: the column it is, its name there, its kind, and how a number is read."""
    if isinstance(preprocessor, ImagePreprocessor):
        return [{"column": IMAGE, "input": IMAGE, "kind": "image"}]
    numbers = [
        {
            "column": number.name,
            "input": number_input(place),
            "kind": _kind_of(number.reading),
            **({} if number.reading == PLAIN else {"reading": number.reading.as_dict()}),
        }
        for place, number in enumerate(preprocessor.numbers)
    ]
    categories = [
        {"column": category.name, "input": category_input(place), "kind": "category"}
        for place, category in enumerate(preprocessor.categories)
    ]
    return [*numbers, *categories]


def _kind_of(reading: Reading) -> str:
    """What a number was in the table."""
    if isinstance(reading, DateReading):
        return "date"
    return "time" if isinstance(reading, ClockReading) else "number"


def _facts(preprocessor: AnyPreprocessor, end: _End, *, n_networks: int) -> dict[str, Any]:
    """What `ffsearch.json` holds."""
    head, target_scale = end.head, end.target_scale
    image = list(preprocessor.shape) if isinstance(preprocessor, ImagePreprocessor) else None
    return {
        "schema": _SCHEMA,
        "ffsearch": __version__,
        "task": str(head.task),
        "loss": str(head.loss),
        "target_names": list(head.target_names),
        "labels": list(head.labels),
        "output": "values" if head.task is Task.REGRESSION else "probabilities",
        "target_spread": None if target_scale is None else target_scale.scale.tolist(),
        "n_networks": n_networks,
        "temperature": end.temperature,
        "inputs": _input_facts(preprocessor),
        "image": image,
        "preprocessor": preprocessor.to_dict(),
    }


def _expected(network: keras.Model, matrix: NDArray[np.float32], end: _End) -> NDArray[np.float64]:
    """What a network of the run itself answers: the matrix path, and the head's formulas in NumPy."""
    logits = np.asarray(network(matrix, training=False))
    if end.head.task is not Task.REGRESSION:
        return probabilities(end.head, logits if end.temperature is None else logits / end.temperature)
    return logits.astype(np.float64) if end.target_scale is None else values(end.head, logits, scale=end.target_scale)


def _compare(
    predictions: NDArray[np.float32], expected: NDArray[np.float64], *, target_scale: TargetScale | None
) -> None:
    """Refuse a file that answers otherwise than the run.

    Raises:
        ExportError: With the largest difference.
    """
    spread = None if target_scale is None else target_scale.scale
    difference = largest_difference(predictions, expected, spread=spread)
    if difference <= TOLERANCE:
        return
    raise ExportError(
        f"The saved model answers otherwise than the run: by {compact(difference)} on {len(predictions)} rows, "
        f"where {compact(TOLERANCE)} is allowed. Nothing was written. Please report this with the space file and the "
        "output of `ffsearch --version`."
    )


def largest_difference(
    predictions: NDArray[Any], expected: NDArray[Any], *, spread: Sequence[float] | NDArray[np.float64] | None
) -> float:
    """How far two sets of predictions are apart at most, as `TOLERANCE` counts it; infinite if an answer is not finite.

    Args:
        predictions: Shape (n_rows, n_outputs).
        expected: The same shape.
        spread: Of each regression target, shape (n_outputs,); None for probabilities.
    """
    if not np.isfinite(predictions).all():
        return float("inf")
    unit = 1.0 if spread is None else np.asarray(spread, np.float64)
    expected = np.asarray(expected, np.float64)
    return float(np.max(np.abs(predictions - expected) / (unit + np.abs(expected)), initial=0.0))


def as_tensor(cells: NDArray[Any]) -> tf.Tensor:
    """Cells of shape (n_rows,) as the Keras model takes them, shape (n_rows, 1); images are as it takes them."""
    if cells.ndim > 1:
        return tf.constant(cells)
    return tf.constant(cells[:, None], tf.string if cells.dtype == object else tf.float32)
