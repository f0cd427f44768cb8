"""Raw cells as numbers or as texts: one reading for every source, so that a file and a frame of the same table agree.

A cell is missing when it is empty, blank or one of `MISSING`. A number is what Python's `float` takes, blanks around it
allowed. A text loses the blanks around it, and a whole number written with a point loses it, so that `1`, `1.0` and
` 1 ` are one level whatever wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["MISSING", "Levels", "as_levels", "as_numbers", "as_written", "canonical", "natural_order", "number_of"]

_SPELLINGS: Final = ("na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nat", "<na>")
MISSING: Final = frozenset(
    {"", "?", "-", "--", "."}
    | {variant for word in _SPELLINGS for variant in (word, word.upper(), word.capitalize())}
    | {"NaN", "-NaN", "NaT"}
)
"""Texts that stand for a missing cell. Source: pandas' list, and those of UCI (`?`), SAS (`.`) and spreadsheets."""

_WHOLE: Final = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0*")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A column of texts, each different text once.

    Args:
        codes: Place in `texts` of every cell, -1 where it is missing, int64 of shape (n_rows,).
        texts: The different texts, in the order they first appear.
    """

    codes: NDArray[np.int64]
    texts: tuple[str, ...]

    def counts(self) -> NDArray[np.int64]:
        """How many cells hold each text, shape (n_texts,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts)).astype(np.int64)


def as_numbers(column: pd.Series[Any], *, read: Callable[[str], float] | None = None) -> NDArray[np.float64]:
    """The cells as numbers; NaN where a cell is missing or no number. Infinite cells stay infinite.

    Args:
        column: Any column of a frame; only its own cells decide, never what other rows hold.
        read: What a text says, where the column has a spelling of its own (`spelling.py`); None is `number_of`.

    Returns:
        Shape (n_rows,), float64.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if read is None and isinstance(column.dtype, pd.StringDtype):
        return _numbers_of_texts(column)
    written = as_written(column)
    numbers = np.array([(read or number_of)(text) for text in written.texts], dtype=np.float64)
    return _pick(numbers, written.codes, missing=np.nan)


def as_levels(column: pd.Series[Any]) -> Levels:
    """The cells as canonical texts, each different one once; the module's first lines say what canonical means."""
    return _levels(column, canonical)


def as_written(column: pd.Series[Any]) -> Levels:
    """The cells as they are written but for blanks around them: to `1.000` its zeros may matter."""
    return _levels(column, lambda value: str(value).strip())


def canonical(value: Any) -> str:
    """A cell as levels are spelt: without blanks around it, a whole number without its point."""
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text) if "." in text else None
    return whole.group(1) if whole else text


def _levels(column: pd.Series[Any], spelt: Callable[[Any], str]) -> Levels:
    codes, distinct = pd.factorize(column)
    places: dict[str, int] = {}
    renumber = np.array(
        [-1 if text in MISSING else places.setdefault(text, len(places)) for text in map(spelt, distinct)],
        dtype=np.int64,
    )
    return Levels(codes=_pick(renumber, np.asarray(codes), missing=-1), texts=tuple(places))


def natural_order(texts: tuple[str, ...] | list[str]) -> list[str]:
    """Texts sorted by value where all are numbers, else as texts."""
    if all(_NUMBER.fullmatch(text) for text in texts):
        return sorted(texts, key=lambda text: (float(text), text))
    return sorted(texts)


def number_of(text: str) -> float:
    """What `float` makes of a text, NaN where it is none; `1_000` and other scripts' digits are none."""
    return float(text) if text.isascii() and _NUMBER.fullmatch(text) else np.nan


def _numbers_of_texts(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Numbers of a text column, by the quickest of three ways that succeeds: as they are, trimmed, one by one."""
    cells = pa.chunked_array(pa.array(column.array, type=pa.large_string(), from_pandas=True))
    try:
        return _cast(cells)
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(cells)
        missing = pc.is_in(trimmed, value_set=pa.array(sorted(MISSING), type=pa.large_string()))
        present = pc.if_else(missing, pa.scalar(None, type=pa.large_string()), trimmed)
    try:
        return _cast(present)
    except pa.ArrowInvalid:
        coded = present.combine_chunks().dictionary_encode()
        numbers = np.array([number_of(text) for text in coded.dictionary.to_pylist()], dtype=np.float64)
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return _pick(numbers, codes, missing=np.nan)


def _cast(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers = pc.cast(cells, pa.float64()).to_numpy()
    return np.asarray(numbers, dtype=np.float64)


def _pick(values: NDArray[Any], codes: NDArray[np.int64], *, missing: float) -> NDArray[Any]:
    """`values[codes]`, with `missing` where the code is -1."""
    return np.append(values, values.dtype.type(missing))[codes]
