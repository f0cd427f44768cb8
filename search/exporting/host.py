"""From the cells of a row to the numbers an exported model takes: `.tflite` and `.onnx`, which know no texts.

This file, `data/parsing/written.py` and `data/parsing/moments.py` need NumPy alone and nothing else of ffsearch: they
can be copied to where the model runs, into one folder; for another language they are the specification. What they read
is the JSON file that stands beside the model.

    number     a number as it is, or a text that is written as one; anything else, a truth value and infinity among it,
               is NaN, which means missing, as the words of `missing` are; with a `reading` the text may hold its unit,
               its signs between thousands and its decimal sign: `1.234,5 km` is 1234.5 (`written.amount`),
               less the `offset` of its reading
    date       days since the `origin` of its reading, the time of day as their fraction, in UTC where the text names
               its zone; 1/2/2024 is in February where `day_first` says so (`moments.seconds_in`)
    time       the days that a duration or a time of day lasts: 12:00 is 0.5 (`moments.time_in`)
    category   the text without the blanks around it, and without the point of a whole number (`2.0` is `2`), or the
               level that `same` says it is another spelling of, by the text without blanks and capitals; missing is
               the empty text; its code is its place in `levels` counted from 1, and 0 for a text that is not there;
               a SavedModel takes the text itself (`dtype`)
    image      the pixels as they are, (height, width) or (height, width, channels)

Where the model runs::

    inputs = json.load(open("model.onnx.json"))
    feed = encode([{"age": 39, "sex": "F"}, {"age": None, "sex": "M"}], inputs)
    outputs = onnxruntime.InferenceSession("model.onnx").run(None, feed)[0]  # (n_rows, n_classes or n_targets)
    decode(outputs, inputs)  # [{"label": "<=50K", "probabilities": {"<=50K": .9, ">50K": .1}}, ...]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

try:
    from ffsearch.search.data.parsing import moments, written
except ImportError:  # copied to where the model runs, all three files into one folder
    import moments  # type: ignore[import-not-found, no-redef]
    import written  # type: ignore[import-not-found, no-redef]

__all__ = ["decode", "encode"]

# The same pattern as in `data/parsing/cells.py`, which this file must not import; a test holds both.
_WHOLE: Final = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0*")
_WHAT: Final = {"number": "numbers", "date": "dates", "time": "times"}
_UNREAD_SHARE: Final = 0.03
"""As in `data/asked.py`; a test holds both."""

_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)


def encode(
    rows: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any], *, lenient: bool = False
) -> dict[str, NDArray[Any]]:
    """Rows as the exported model takes them.

    Args:
        rows: A mapping from column to cell each: a number, a text, a truth value, None, or the array of an image.
        inputs: What the JSON file beside the model holds.
        lenient: Whether cells that are no numbers, dates or times count as missing, however many they are.

    Returns:
        By input name an array of shape (n_rows, 1): float32, or for categories int32 (texts, where the model takes
        them); images (n_rows, height, width).

    Raises:
        KeyError: If a row lacks a column.
        ValueError: If more than a few per cent of a column's cells cannot be read; with the column and its cells.
    """
    missing = frozenset(inputs["missing"])
    feed: dict[str, NDArray[Any]] = {}
    for one in inputs["inputs"]:
        words = _words(one.get("missing", ()))
        cells = [None if _stands_for_none(row[one["column"]], words) else row[one["column"]] for row in rows]
        if one["kind"] == "number":
            read = partial(_number, missing=missing, reading=one.get("reading"))
            feed[one["input"]] = np.array([read(cell) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "date":
            feed[one["input"]] = np.array([_days(cell, one["reading"]) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "time":
            feed[one["input"]] = np.array([_of_day(cell) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "category":
            codes = {level: code for code, level in enumerate(one["levels"], start=1)}
            same = one.get("same", {})
            texts = [_text(cell, missing) for cell in cells]
            texts = [same.get("".join(text.split()).casefold(), text) for text in texts]
            if one.get("dtype") == "string":
                feed[one["input"]] = np.array(texts, dtype=object)[:, None]
            else:
                feed[one["input"]] = np.array([codes.get(text, 0) for text in texts], np.int32)[:, None]
        else:
            feed[one["input"]] = np.array(cells, np.float32)
        if one["kind"] in _WHAT and not lenient:
            _refuse_unread(one, cells, feed[one["input"]][:, 0], missing)
    return feed


def decode(outputs: Any, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answers from what the model gives.

    Args:
        outputs: Probabilities, shape (n_rows, n_classes), or values, shape (n_rows, n_targets).
        inputs: What the JSON file beside the model holds.

    Returns:
        A row each: `label`, the likeliest or the one that the model's threshold says, and `probabilities` by label;
        or a value by the name of each target.
    """
    rows = np.asarray(outputs, np.float64).tolist()
    if not inputs["labels"]:
        return [dict(zip(inputs["target_names"], row, strict=True)) for row in rows]
    labels, cut = [str(label) for label in inputs["labels"]], inputs.get("threshold")
    answers = []
    for row in rows:
        place = max(range(len(row)), key=row.__getitem__)
        if cut is not None:
            positive = inputs["labels"].index(cut["positive"])
            place = positive if row[positive] >= cut["value"] else 1 - positive
        answers.append({"label": labels[place], "probabilities": dict(zip(labels, row, strict=True))})
    return answers


def _refuse_unread(
    one: Mapping[str, Any], cells: Sequence[Any], numbers: NDArray[np.float32], missing: frozenset[str]
) -> None:
    """Refuse a column of which too many cells are neither read nor missing."""
    present = [(cell, number) for cell, number in zip(cells, numbers, strict=True) if not _is_missing(cell, missing)]
    unread = [cell for cell, number in present if np.isnan(number)]
    if len(unread) > _UNREAD_SHARE * len(present):
        shown = ", ".join(map(repr, dict.fromkeys(map(str, unread[:3]))))
        raise ValueError(
            f"{one['column']!r}: {len(unread)} of {len(present)} cells are no {_WHAT[one['kind']]}: {shown}. Write "
            "them as the table that was trained on; or count them as missing: lenient=True."
        )


def _is_missing(cell: Any, missing: frozenset[str]) -> bool:
    """Whether a cell says that there is nothing; infinity says as much everywhere."""
    if cell is None or (isinstance(cell, float) and not abs(cell) < float("inf")):
        return True
    text = str(cell).strip()
    return text in missing or abs(written.plain_number(text)) == float("inf")


def _words(missing: Sequence[str]) -> frozenset[str | float]:
    """Words of one column that stand for a missing cell; one that is a number stands for all its spellings."""
    numbers = {number for word in missing if (number := written.plain_number(word)) == number}
    return frozenset({*missing, *numbers})


def _stands_for_none(cell: Any, words: frozenset[str | float]) -> bool:
    if not words or cell is None or isinstance(cell, bool | np.ndarray):
        return False
    text = str(cell).strip()
    return text in words or written.plain_number(text) in words


def _number(cell: Any, missing: frozenset[str], reading: Mapping[str, Any] | None) -> float:
    if cell is None or isinstance(cell, bool):
        return float("nan")
    if isinstance(cell, str):
        text = cell.strip()
        if text in missing:
            return float("nan")
        cell = written.plain_number(text) if reading is None else written.amount(text, reading)[0]
    try:
        number = float(cell)
    except OverflowError:  # a whole number beyond every float
        return float("nan")
    number -= 0.0 if reading is None else reading.get("offset", 0.0)
    return min(max(number, -_FLOAT32_MAX), _FLOAT32_MAX) if abs(number) < float("inf") else float("nan")


def _days(cell: Any, reading: Mapping[str, Any]) -> float:
    """Days from the origin to a text, a `date` or a `datetime`; NaN where it is none."""
    if cell is None:
        return float("nan")
    text = str(cell).strip()
    orders = {
        "day_first": reading["day_first"],
        "dots_day_first": reading.get("dots_day_first", reading["day_first"]),
        "year_first": reading.get("year_first", False),
    }
    origin_s = moments.seconds_in(reading["origin"], day_first=False, dots_day_first=False)
    return (moments.seconds_in(text, **orders) - origin_s) / moments.DAY_S


def _of_day(cell: Any) -> float:
    """Days that a duration or a time of day lasts; NaN where it is none."""
    return float("nan") if cell is None else moments.time_in(str(cell).strip())[0] / moments.DAY_S


def _text(cell: Any, missing: frozenset[str]) -> str:
    text = "" if cell is None else str(cell).strip()
    whole = _WHOLE.fullmatch(text)
    text = whole.group(1) if whole else text
    return "" if text in missing else text
