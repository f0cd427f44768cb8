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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch._version import __version__
from ffsearch.errors import ExportError
from ffsearch.search.base.files import put_in_place
from ffsearch.search.base.numbers import compact
from ffsearch.search.data.features.columns import Reading
from ffsearch.search.data.features.images import IMAGE, AnyPreprocessor, ImagePreprocessor
from ffsearch.search.data.parsing.clocks import ClockReading
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.spelling import PLAIN
from ffsearch.search.network.heads import Head, TargetScale, Task, probabilities, values
from ffsearch.search.network.model import build_network
from ffsearch.search.network.row_intervals import RowIntervals
from ffsearch.search.network.topology import Point
from ffsearch.search.serving.layers import category_input, matrix_layers, number_input
from ffsearch.search.serving.packaged import (
    AVERAGE,
    FIRST_NETWORK,
    MEMBER,
    NETWORK,
    WEIGHTS,
    PackagedModel,
    load_packaged,
)

__all__ = ["TOLERANCE", "largest_difference", "save_model"]

TOLERANCE: Final = 1e-5
"""Largest difference between the saved model and the matrix path, relative to an answer and the spread of its target.

choice: the bar of the design; float32 itself takes 1e-7 of it.
"""

_MANY_INPUTS: Final = 300
"""Inputs above which a model is wide. Choice: Keras loads some 100 inputs a second."""

MAX_LOST: Final = 1e-4
"""What the last digit of float32 may be of a target's spread; beyond it predictions are float64: 1,000,000,000 and a
little more. choice: far below any score."""

_SCHEMA: Final = 1


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
        archive.writestr(NETWORK, model.to_json())
        archive.writestr(WEIGHTS, weights.getvalue())


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
    return keras.layers.Average(name=AVERAGE, dtype=predictions[0].dtype)(predictions)


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
        seed, name = np.random.SeedSequence(0), f"{FIRST_NETWORK}{_after(place)}"
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
