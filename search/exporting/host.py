"""From the cells of a row to the numbers an exported model takes: `.tflite` and `.onnx`, which know no texts.

This file needs NumPy alone and nothing of ffsearch, so that it can be copied to where the model runs; in another
language it is the specification. What it reads is the JSON file that stands beside the model.

    number     a number as it is, or a text that is written as one; anything else, a truth value and infinity among it,
               is NaN, which means missing
    category   the text without the blanks around it, and without the point of a whole number (`2.0` is `2`); missing
               is the empty text; its code is its place in `levels` counted from 1, and 0 for a text that is not there
    image      the pixels as they are, (height, width) or (height, width, channels)

Example:
    >>> inputs = json.load(open("model.onnx.json"))
    >>> feed = encode([{"age": 39, "sex": "F"}, {"age": None, "sex": "M"}], inputs)
    >>> onnxruntime.InferenceSession("model.onnx").run(None, feed)[0]  # (n_rows, n_classes), or (n_rows, n_targets)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode"]

# The same two patterns as in `data/cells.py`, which this file must not import; a test holds both together.
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WHOLE: Final = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0*")
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)


def encode(rows: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Rows as the exported model takes them.

    Args:
        rows: A mapping from column to cell each: a number, a text, a truth value, None, or the array of an image.
        inputs: What the JSON file beside the model holds.

    Returns:
        By input name an array of shape (n_rows, 1): float32, or int32 for categories; images (n_rows, height, width).

    Raises:
        KeyError: If a row lacks a column.
    """
    missing = frozenset(inputs["missing"])
    feed: dict[str, NDArray[Any]] = {}
    for one in inputs["inputs"]:
        cells = [row[one["column"]] for row in rows]
        if one["kind"] == "number":
            feed[one["input"]] = np.array([_number(cell, missing) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "category":
            codes = {level: code for code, level in enumerate(one["levels"], start=1)}
            feed[one["input"]] = np.array([codes.get(_text(cell, missing), 0) for cell in cells], np.int32)[:, None]
        else:
            feed[one["input"]] = np.array(cells, np.float32)
    return feed


def _number(cell: Any, missing: frozenset[str]) -> float:
    if cell is None or isinstance(cell, bool):
        return float("nan")
    if isinstance(cell, str):
        text = cell.strip()
        if text in missing or not (text.isascii() and _NUMBER.fullmatch(text)):
            return float("nan")
        cell = text
    try:
        number = float(cell)
    except OverflowError:  # a whole number beyond every float
        return float("nan")
    return min(max(number, -_FLOAT32_MAX), _FLOAT32_MAX) if abs(number) < float("inf") else float("nan")


def _text(cell: Any, missing: frozenset[str]) -> str:
    text = "" if cell is None else str(cell).strip()
    whole = _WHOLE.fullmatch(text)
    text = whole.group(1) if whole else text
    return "" if text in missing else text
