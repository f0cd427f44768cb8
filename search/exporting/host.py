"""From the cells of a row to the numbers an exported model takes: `.tflite` and `.onnx`, which know no texts.

This file and `data/written.py` need NumPy alone and nothing else of ffsearch, so that both can be copied to where the
model runs, into one folder; for another language they are the specification. What they read is the JSON file that
stands beside the model.

    number     a number as it is, or a text that is written as one; anything else, a truth value and infinity among it,
               is NaN, which means missing; with a `reading` the text may hold its unit, its signs between thousands and
               its decimal sign: `1.234,5 km` is 1234.5; `written.amount` tells more
    date       days since the `origin` of its reading, the time of day as their fraction, in UTC where the text names
               its zone; 1/2/2024 is in February where `day_first` says so
    category   the text without the blanks around it, and without the point of a whole number (`2.0` is `2`); missing
               is the empty text; its code is its place in `levels` counted from 1, and 0 for a text that is not there
    image      the pixels as they are, (height, width) or (height, width, channels)

Where the model runs::

    inputs = json.load(open("model.onnx.json"))
    feed = encode([{"age": 39, "sex": "F"}, {"age": None, "sex": "M"}], inputs)
    onnxruntime.InferenceSession("model.onnx").run(None, feed)[0]  # (n_rows, n_classes), or (n_rows, n_targets)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

try:
    from ffsearch.search.data import written
except ImportError:  # copied to where the model runs, both files into one folder
    import written  # type: ignore[import-not-found, no-redef]

__all__ = ["encode"]

# The same patterns as in `data/cells.py` and `data/dates.py`, which this file must not import; a test holds both.
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME: Final = rf"(?:{'|'.join(_MONTHS)})[a-z]*\.?"
_DATE: Final = re.compile(
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<last>\d{4})"
    rf"|(?P<d2>\d{{1,2}})[-/. ]+(?P<month>{_NAME})[-/., ]+(?P<y2>\d{{4}})"
    rf"|(?P<month2>{_NAME})[-/. ]+(?P<d3>\d{{1,2}}),?[-/. ]+(?P<y3>\d{{4}}))"
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second_>\d{2}(?:\.\d+)?))?(?: ?(?P<half>[AP])M)?)?"
    r"(?P<zone> ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?",
    re.IGNORECASE,
)
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
            read = partial(_number, missing=missing, reading=one.get("reading"))
            feed[one["input"]] = np.array([read(cell) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "date":
            feed[one["input"]] = np.array([_days(cell, one["reading"]) for cell in cells], np.float32)[:, None]
        elif one["kind"] == "category":
            codes = {level: code for code, level in enumerate(one["levels"], start=1)}
            feed[one["input"]] = np.array([codes.get(_text(cell, missing), 0) for cell in cells], np.int32)[:, None]
        else:
            feed[one["input"]] = np.array(cells, np.float32)
    return feed


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
    return min(max(number, -_FLOAT32_MAX), _FLOAT32_MAX) if abs(number) < float("inf") else float("nan")


def _days(cell: Any, reading: Mapping[str, Any]) -> float:
    """Days from the origin to a text, a `date` or a `datetime`; NaN where it is none."""
    found = None if cell is None else _DATE.fullmatch(str(cell).strip())
    if found is None:
        return float("nan")
    if found["first"]:
        day, month = found["first"], found["second"]
        if not reading["day_first"]:
            day, month = month, day
    else:
        named = found["month"] or found["month2"]
        month = _MONTHS.index(named[:3].lower()) + 1 if named else found["m"]
        day = found["d"] or found["d2"] or found["d3"]
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].upper() == "P")
    try:
        year = found["y"] or found["y2"] or found["y3"] or found["last"]
        days = date(int(year), int(month), int(day)).toordinal() - date.fromisoformat(reading["origin"]).toordinal()
    except ValueError:  # a 31st of February
        return float("nan")
    zone = (found["zone"] or "").strip()
    offset = 0
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (1 if zone[0] == "+" else -1)
    return days + (hour * 3600 + int(found["minute"] or 0) * 60 + float(found["second_"] or 0) - offset) / 86_400


def _text(cell: Any, missing: frozenset[str]) -> str:
    text = "" if cell is None else str(cell).strip()
    whole = _WHOLE.fullmatch(text)
    text = whole.group(1) if whole else text
    return "" if text in missing else text
