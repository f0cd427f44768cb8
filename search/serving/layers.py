"""From raw columns to the matrix that networks read, as layers of Keras: the steps of `data/features/` in their order.

    number columns   -> scaled, clipped, or as scores, missing flags, bins -+
    dates            -> their place in year, week and day                   +-> matrix (n_rows, n_features), float32
    category columns -> looked up, one slot a level, encodings -------------+

What an exporter or a runtime loses stands beside the operation that goes around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ffsearch.search.data.features.columns import CYCLE_DAYS, YEAR_DAYS
from ffsearch.search.data.features.images import IMAGE, AnyPreprocessor, ImagePreprocessor, image_size
from ffsearch.search.data.features.preprocess import CLIP, LIMIT, CategoryColumn, DateCycles, NumberColumn, Preprocessor
from ffsearch.search.data.features.quantiles import LARGEST, N_KNOTS, knot_table

__all__ = ["category_input", "matrix_layers", "number_input"]


def matrix_layers(preprocessor: AnyPreprocessor) -> tuple[dict[str, Any], Any]:
    """The inputs of a saved model by name, and the matrix made of them.

    Args:
        preprocessor: What was learnt of the columns.

    Returns:
        Of a table one input (n_rows, 1) a column, of images one for all of them; and (n_rows, n_features), float32.
    """
    return _image_matrix(preprocessor) if isinstance(preprocessor, ImagePreprocessor) else _matrix(preprocessor)


def _matrix(preprocessor: Preprocessor) -> tuple[dict[str, Any], Any]:
    """One input a column, and the matrix that networks read."""
    inputs = _inputs(preprocessor)
    features: list[Any] = []
    if preprocessor.numbers:
        columns = [inputs[number_input(place)] for place in range(len(preprocessor.numbers))]
        features += _number_features(preprocessor.numbers, columns)
    for place, category in enumerate(preprocessor.categories):
        features += _category_features(category, inputs[category_input(place)])
    places = {number.name: place for place, number in enumerate(preprocessor.numbers)}
    for one in preprocessor.cycles:
        features += _cycle_features(one, inputs[number_input(places[one.name])])
    binned = {place: number for place, number in enumerate(preprocessor.numbers) if number.n_bins}
    if binned:
        features.append(_bin_features(list(binned.values()), [inputs[number_input(place)] for place in binned]))
    return inputs, features[0] if len(features) == 1 else keras.layers.Concatenate(name="features")(features)


def _image_matrix(preprocessor: ImagePreprocessor) -> tuple[dict[str, Any], Any]:
    """The input for images as they come, (n_rows, H, W) or (n_rows, H, W, C), and the matrix of their pixels."""
    image = keras.Input(image_size(preprocessor.shape), name=IMAGE, dtype="float32")
    pixels = keras.layers.Reshape((preprocessor.n_features,), name="pixels")(image)
    return {IMAGE: image}, ops.divide(ops.subtract(pixels, preprocessor.mean), preprocessor.scale)


def number_input(place: int) -> str:
    """The input of a number column; Keras allows not every sign of a column's name."""
    return f"number_{place}"


def category_input(place: int) -> str:
    """The input of a category column."""
    return f"category_{place}"


def _inputs(preprocessor: Preprocessor) -> dict[str, Any]:
    """One input a column, under a name Keras allows."""
    numbers = {number_input(place): "float32" for place in range(len(preprocessor.numbers))}
    categories = {category_input(place): "string" for place in range(len(preprocessor.categories))}
    return {name: keras.Input((1,), name=name, dtype=dtype) for name, dtype in {**numbers, **categories}.items()}


def _number_features(numbers: Sequence[NumberColumn], columns: Sequence[Any]) -> list[Any]:
    """Scaled numbers and their missing flags: the steps of `preprocess.py` in their order, in float32."""
    raw = columns[0] if len(columns) == 1 else keras.layers.Concatenate(name="numbers")(list(columns))
    present, z = _standardised(numbers, raw)
    has_scores = any(number.knots for number in numbers)
    features = [_scores(numbers, raw) if has_scores else _clipped(z)]
    flagged = [place for place, number in enumerate(numbers) if number.flag]
    if flagged:
        features.append(ops.take(ops.cast(ops.logical_not(present), "float32"), flagged, axis=1))
    return features


def _clipped(z: Any) -> Any:
    """The smooth clip."""
    return ops.divide(z, ops.sqrt(ops.add(ops.square(ops.divide(z, CLIP)), 1.0)))


def _scores(numbers: Sequence[NumberColumn], raw: Any) -> Any:
    """Normal scores by the line between two knots, (n_rows, n_numbers); which two is found by halving.

    Halving looks at as many knots as a number has bits in their count; looking at all at once would make a matrix of a
    hundred columns a number.
    """
    tables = zip(*(knot_table(number.knots, number.heights) for number in numbers), strict=True)
    starts, at_start, widths, rises = (np.concatenate(parts) for parts in tables)
    low, high = (np.array([number.knots[at] for number in numbers], np.float32) for at in (0, -1))
    medians = np.array([number.median for number in numbers], np.float32)
    # What is not finite becomes finite before `where` looks at it, as in `_standardised`.
    x = ops.where(ops.isfinite(raw), ops.clip(ops.where(ops.isnan(raw), 0.0, raw), -LARGEST, LARGEST), medians)
    inside = ops.minimum(ops.maximum(x, low), high)
    # Of each number its first knot, among all. For every row, and counted in float32: the ONNX converter loses a
    # comparison with a constant, LiteRT's has no such sum of whole numbers.
    place = ops.add(ops.zeros_like(inside), np.arange(0, len(starts), N_KNOTS, dtype=np.float32))
    step = N_KNOTS // 2
    while step:
        further = ops.take(starts, ops.cast(ops.add(place, step), "int32"))
        place = ops.add(place, ops.multiply(ops.cast(ops.greater_equal(inside, further), "float32"), step))
        step //= 2
    place = ops.cast(place, "int32")
    share = ops.divide(ops.subtract(inside, ops.take(starts, place)), ops.take(widths, place))
    return ops.add(ops.take(at_start, place), ops.multiply(share, ops.take(rises, place)))


def _bin_features(numbers: Sequence[NumberColumn], columns: Sequence[Any]) -> Any:
    """How much further each number has come through each of its bins than the median, (n_rows, bins of all numbers)."""
    raw = columns[0] if len(columns) == 1 else keras.layers.Concatenate(name="binned")(list(columns))
    _, z = _standardised(numbers, raw)
    place = np.repeat(np.arange(len(numbers)), [number.n_bins for number in numbers]).astype(np.int32)
    tables = zip(*(number.bin_table() for number in numbers), strict=True)
    starts, widths, at_median = (np.concatenate(parts) for parts in tables)
    shares = ops.clip(ops.divide(ops.subtract(ops.take(z, place, axis=1), starts), widths), 0.0, 1.0)
    return ops.subtract(shares, at_median)


def _standardised(numbers: Sequence[NumberColumn], raw: Any) -> tuple[Any, Any]:
    """Where cells are present, and z, both (n_rows, n_numbers); z is 0 where they are not."""
    medians = np.array([number.median for number in numbers], np.float32)
    scales = np.array([number.scale for number in numbers], np.float32)
    present = ops.isfinite(raw)
    # NaN is taken out by its own test first: the ONNX converter turns every other `where` into a product with 0 or 1.
    z = ops.divide(ops.subtract(ops.where(ops.isnan(raw), 0.0, raw), medians), scales)
    return present, ops.where(present, ops.clip(z, -LIMIT, LIMIT), 0.0)


def _category_features(category: CategoryColumn, column: Any) -> list[Any]:
    """Slots, (n_rows, n_slots), and encodings. The lookup says 0 for an unseen level, and i + 1 for `vocabulary[i]`."""
    vocabulary = category.vocabulary or ("",)
    lookup = keras.layers.StringLookup(
        vocabulary=list(vocabulary), mask_token=None, num_oov_indices=1, oov_token=_unused_text(vocabulary)
    )
    place = ops.squeeze(lookup(column), axis=1)
    if category.ordered:
        return [ops.take(_unseen_first(category.slot_table()), place, axis=0)]
    other = len(category.levels)
    slots = np.array([other, *(category.slots.get(level, other) for level in vocabulary)], np.int32)
    features = [ops.one_hot(ops.take(slots, place), category.n_slots)]
    if category.encodings:
        features.append(ops.take(_unseen_first(category.encoding_table()), place, axis=0))
    return features


def _unseen_first(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """A table by the numbers of a lookup: the row of all other texts comes first."""
    return np.roll(table, 1, axis=0)


def _cycle_features(cycles: DateCycles, column: Any) -> list[Any]:
    """Where a date stands in year, week and day: the steps of `DateCycles.features` in their order, in float32."""
    present = ops.cast(ops.isfinite(column), "float32")
    moment = ops.where(ops.isnan(column), 0.0, column)
    moment = ops.where(ops.isfinite(moment), moment, 0.0)
    day = ops.floor(moment)
    features: list[Any] = []
    if cycles.year:
        place = _rest(ops.add(day, float(cycles.origin_in_cycle)), CYCLE_DAYS)
        features += _waves(_rest(place, YEAR_DAYS), YEAR_DAYS)
    if cycles.week:
        weekday = _rest(ops.add(day, float(cycles.origin_weekday)), 7)
        features.append(ops.cast(ops.equal(weekday, np.arange(7, dtype=np.float32)), "float32"))
    if cycles.clock:
        features += _waves(ops.subtract(moment, day), 1.0)
    return [ops.multiply(feature, present) for feature in features]


def _rest(days: Any, length: float) -> Any:
    """What is left of whole days after whole lengths."""
    return ops.subtract(days, ops.multiply(ops.floor(ops.divide(ops.add(days, 0.5), length)), length))


def _waves(place: Any, length: float) -> list[Any]:
    """Sine and cosine of a place in a cycle."""
    angle = ops.multiply(place, float(np.float32(2 * np.pi / length)))
    return [ops.sin(angle), ops.cos(angle)]


def _unused_text(levels: Sequence[str]) -> str:
    """A name for unseen levels that no level has."""
    text = "[other]"
    while text in levels:
        text = f"[{text}]"
    return text
