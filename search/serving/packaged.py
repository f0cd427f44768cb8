"""A saved model that was loaded again: raw rows in; probabilities or values, labels, intervals out.

What the file holds, and how it is written: `packaging.py`.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from ffsearch.errors import DataError, ExportError, FFSearchError
from ffsearch.search.base.texts import TEXT
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.features.images import IMAGE, as_images, image_size
from ffsearch.search.data.features.preprocess import Preprocessor, require_columns
from ffsearch.search.data.files.frames import as_pandas
from ffsearch.search.data.parsing.names import by_name
from ffsearch.search.folder.bounded import parsed
from ffsearch.search.folder.keras_file import load_keras, no_model, refuse_too_large
from ffsearch.search.network.heads import Task
from ffsearch.search.serving.kept_model import (
    image_of,
    inputs_of,
    labels_of,
    preprocessor_of,
    refuse_odd_ends,
    row_intervals_of,
)

__all__ = [
    "AVERAGE",
    "FIRST_NETWORK",
    "LABELS",
    "MEMBER",
    "NETWORK",
    "WEIGHTS",
    "PackagedModel",
    "as_tensor",
    "load_packaged",
    "only_first",
]

MEMBER: Final = "ffsearch.json"
"""Name of our own member of the `.keras` archive; Keras reads past it."""

NETWORK: Final = "ffsearch.network.json"
WEIGHTS: Final = "ffsearch.network.npz"
"""Members of wide models alone."""

AVERAGE: Final = "average"
"""The layer that takes the mean of several networks' predictions."""

FIRST_NETWORK: Final = "network"
"""The layer that is the first of the networks, or the only one."""

LABELS: Final = "labels"
"""The column of the labels that hold the true one."""

_CHUNK_ROWS: Final = 16_384
"""choice: rows answered at once; keeps the activations of a wide network to some tens of MB."""


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
        self.labels = labels_of(facts)
        self.target_names = tuple(facts["target_names"])
        self.row_intervals = row_intervals_of(facts)
        """How far the answer to one row may be off; None where the model does not know."""
        self.facts = dict(facts)
        self._inputs = inputs_of(facts)
        self._image = image_of(facts)
        self._preprocessor = None if self._image else preprocessor_of(facts["preprocessor"])

    @cached_property
    def model(self) -> keras.Model:
        """The Keras model from raw columns to predictions; a wide one is loaded when it is asked for."""
        return self._model if isinstance(self._model, keras.Model) else self._model()

    @property
    def network(self) -> keras.Model:
        """The network from the matrix to logits; of several the first."""
        return (self.model if self.by_matrix is None else self.by_matrix).get_layer(FIRST_NETWORK)

    @cached_property
    def _behind_matrix(self) -> keras.Model:
        """The Keras model from the matrix to predictions."""
        return _part_behind_matrix(self.model) if self.by_matrix is None else self.by_matrix

    @property
    def preprocessor(self) -> Preprocessor:
        """What makes the matrix of a table; images have none."""
        assert self._preprocessor is not None
        return self._preprocessor

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

    def require(self, columns: Sequence[str]) -> None:
        """Refuse rows that lack columns.

        Args:
            columns: Those that they have.

        Raises:
            DataError: With the columns that are missing.
        """
        frame = pd.DataFrame(columns=list(columns), dtype=TEXT)
        if self._preprocessor is None:
            self.cells(frame)
        else:
            there = by_name(frame, self.columns)
            require_columns(frame, [name for name in self.columns if name not in there])

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
        return self.predictions_of_cells(self.cells(frame, reader=reader))

    def predictions_of_cells(self, cells: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The same for columns that were read already, as `cells` gives them."""
        n_rows = len(next(iter(cells.values())))
        answer = self._answer if self.by_matrix is None else self._answer_by_matrix
        return np.concatenate([answer(cells, start) for start in range(0, max(n_rows, 1), _CHUNK_ROWS)])

    def predictions_of_matrix(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same for rows of a table as the matrix of its preprocessor, shape (n_rows, n_features)."""
        chunks = range(0, max(len(x), 1), _CHUNK_ROWS)
        return np.concatenate([self._answer_matrix(x[start : start + _CHUNK_ROWS]) for start in chunks])

    def predictions_of_keras(self, frame: pd.DataFrame | NDArray[Any]) -> NDArray[np.float32]:
        """The same by the Keras model from raw columns, also where that takes long."""
        cells = self.cells(frame)
        return np.concatenate([self._answer(cells, start) for start in range(0, max(len(frame), 1), _CHUNK_ROWS)])

    def raw(self, frame: pd.DataFrame | NDArray[Any], *, reader: RowReader | None = None) -> dict[str, NDArray[Any]]:
        """What the Keras model is fed, by the names of its inputs; see `cells`.

        Raises:
            DataError: If a column is missing, or images have another size.
        """
        return {self._inputs[column]: values for column, values in self.cells(frame, reader=reader).items()}

    def cells(self, frame: pd.DataFrame | NDArray[Any], *, reader: RowReader | None = None) -> dict[str, NDArray[Any]]:
        """Raw rows as they were understood: by column an array of shape (n_rows,), float32 or texts.

        Images are one column, `image`, float32 of shape (n_rows, H, W) or (n_rows, H, W, C).

        Raises:
            DataError: If a column is missing, or images have another size.
        """
        if self._image is not None:
            return {IMAGE: as_images(frame, self._image)}
        assert self._preprocessor is not None
        if isinstance(frame, np.ndarray):
            raise DataError("These are no images but a table, whose columns have names: give a frame.")
        read = self._preprocessor.raw_inputs if reader is None else reader.read
        return read(as_pandas(frame, what="the table of rows"))

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
        intervals = self.row_intervals
        if intervals is None:
            raise DataError(
                "This model does not know how far one answer may be off: no finalists were trained again for it, or an "
                "earlier version saved it. A run with evidence.finalists and evidence.repeats makes one that does."
            )
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

    def no_cells(self) -> dict[str, NDArray[Any]]:
        """One row whose cells are all missing, as `cells` gives it; of images a black one."""
        if self._image is not None:
            return {IMAGE: np.zeros((1, *image_size(self._image)), np.float32)}
        texts = {category.name for category in self.preprocessor.categories}
        missing, empty = np.full(1, np.nan, np.float32), np.array([""], dtype=object)
        return {column: empty if column in texts else missing for column in self.columns}

    @cached_property
    def _forward(self) -> Any:
        """The model as a graph that was traced once, for any number of rows.

        TensorFlow traces again for other numbers of rows, and warns of functions that it often traces, also where each
        is another model's.
        """
        rows = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in self.model.input.items()}
        # AutoGraph has nothing to do here, and where it fails it keeps all that called it alive.
        traced = tf.function(lambda raw: self.model(raw, training=False), input_signature=[rows], autograph=False)
        return traced.get_concrete_function()

    def _answer_by_matrix(self, cells: Mapping[str, NDArray[Any]], start: int) -> NDArray[np.float32]:
        """The predictions of one chunk of rows, whose matrix NumPy makes."""
        columns = {column: cells[column][start : start + _CHUNK_ROWS] for column in self._inputs}
        return self._answer_matrix(self.preprocessor.matrix(columns, n_rows=len(next(iter(columns.values())))))

    def _answer_matrix(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """The predictions of one chunk of a matrix."""
        model = self._behind_matrix
        rows = {"matrix": matrix} if isinstance(model.input, dict) else matrix
        predictions: NDArray[np.float32] = model(rows, training=False).numpy()
        return predictions

    def _answer(self, cells: Mapping[str, NDArray[Any]], start: int) -> NDArray[np.float32]:
        """The predictions of one chunk of rows by the Keras model."""
        rows = slice(start, start + _CHUNK_ROWS)
        predictions: NDArray[np.float32] = self._forward(
            {name: as_tensor(cells[column][rows]) for column, name in self._inputs.items()}
        ).numpy()
        return predictions


def load_packaged(path: str | os.PathLike[str]) -> PackagedModel:
    """Load a file that `packaging.save_model` wrote.

    Raises:
        ExportError: If there is no such file, or it is not one of ours.
    """
    if not Path(path).is_file():
        raise ExportError(f"There is no model file {os.fspath(path)!r}. Give the model.keras of a finished run.")
    refuse_too_large(path)
    try:
        with zipfile.ZipFile(path) as archive:
            facts = parsed(archive.read(MEMBER))
            by_matrix = _read_by_matrix(archive)
        packaged = PackagedModel(
            load_keras(path) if by_matrix is None else lambda: load_keras(path), facts, by_matrix=by_matrix
        )
        _refuse_unfit(packaged)
        return packaged
    except FFSearchError:
        raise
    except Exception as error:  # of a damaged file Keras, TensorFlow and zipfile tell in every way that Python has
        raise no_model(path, error) from error


def _refuse_unfit(packaged: PackagedModel) -> None:
    """Refuse a file whose parts do not belong together: what it says, and what its network takes and answers.

    Raises:
        Exception: As Keras, TensorFlow or what checks it tells; what loads the file says it in its own words.
    """
    inputs = {one["input"] for one in packaged.facts["inputs"]}
    is_table = not packaged.facts.get("image")
    if is_table and set(packaged.columns) != set(packaged.preprocessor.column_names):
        raise ValueError("its columns are not those that were learnt from")
    is_fed_by_columns = is_table and packaged.by_matrix is None
    if is_fed_by_columns and (inputs != set(packaged.model.input) or len(inputs) != len(packaged.columns)):
        raise ValueError("its columns are not the inputs of its network")
    predictions = packaged.predictions_of_cells(packaged.no_cells())
    refuse_odd_ends(packaged.facts, n_outputs=predictions.shape[1])


def _read_by_matrix(archive: zipfile.ZipFile) -> keras.Model | None:
    """The Keras model from the matrix to predictions, which wide models bring along; None for others."""
    if NETWORK not in archive.namelist():
        return None
    model = keras.models.model_from_json(archive.read(NETWORK).decode())
    with np.load(io.BytesIO(archive.read(WEIGHTS)), allow_pickle=False) as weights:
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
    return keras.Model(model.input, model.get_layer(AVERAGE).input[0])


def _part_behind_matrix(model: keras.Model) -> keras.Model:
    """The part of a model from its matrix to predictions: the matrix is what its first network was called with."""
    # A network is a model and has inputs of its own; as an operation it has those that it was called with.
    matrix = keras.Operation.input.fget(model.get_layer(FIRST_NETWORK))
    return keras.Model(matrix, model.outputs[0])


def as_tensor(cells: NDArray[Any]) -> tf.Tensor:
    """Cells of shape (n_rows,) as the Keras model takes them, shape (n_rows, 1); images are as it takes them."""
    if cells.ndim > 1:
        return tf.constant(cells)
    return tf.constant(cells[:, None], tf.string if cells.dtype == object else tf.float32)
