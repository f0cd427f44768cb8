"""Raw cells as numbers or as texts: one reading for every source, so that a file and a frame of the same table agree.

A cell is missing when it is empty, blank or one of `MISSING`. A number is what Python's `float` takes, blanks around it
allowed. A text loses the blanks around it, and a whole number written with a point loses it, so that `1`, `1.0` and
` 1 ` are one level whatever wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ffsearch.search.data.parsing.written import plain_number as number_of

__all__ = [
    "MISSING",
    "MISSING_WORDS",
    "ODD_SHARE",
    "Cells",
    "Levels",
    "canonical",
    "folded",
    "natural_order",
    "number_of",
]

ODD_SHARE: Final = 0.01
"""Up to this share of cells that are none, a column of numbers or dates stays one. Choice: typing errors, not codes."""

_WORDS: Final = (
    "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nat", "<na>", "n.a.", "n.a", "<null>", "(null)", "[null]",
    "{null}", "<nan>", "<none>", "(none)", "#na", "n/a.", "null.", "na na", "#n/a n/a", "-nan(ind)",
)  # fmt: skip
_SIGNS: Final = (
    "", "?", "-", "--", "---", ".", "..", "...", "\u2013", "\u2014", "\u2026", "\\N", "1.#QNAN", "-1.#IND", "#DIV/0!",
    "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#ERROR!", "NaN", "-NaN",
    "NaT",
)  # fmt: skip
MISSING: Final = frozenset(_SIGNS) | {variant for word in _WORDS for variant in (word, word.upper(), word.capitalize())}
"""Texts that stand for a missing cell in any column. Source: pandas' list, and those of UCI (`?`), SAS (`.`), the World
Bank (`..`), MySQL's dumps (`\\N`), databases' consoles, spreadsheets and their errors."""

MISSING_WORDS: Final = frozenset(
    {"missing", "unknown", "unk", "nil", "error", "err", "undefined", "notavailable", "notapplicable", "nodata"}
    | {"nonegiven", "notgiven", "notknown", "notrecorded", "notreported", "notstated", "empty", "blank", "void", "tbd"}
    | {"invalid", "unavailable", "n/k", "nk", "n/d", "nd", "n.d.", "<missing>", "<unknown>", "(missing)", "(blank)"}
    | {"unbekannt", "fehlt", "keineangabe", "k.a.", "ka", "k.a", "desconhecido", "ausente", "nãoinformado", "s/i"}
    | {"desconocido", "sindato", "inconnu", "manquant", "ignorado", "semdados", "*", "**", "***", "#"}
)
"""Folded words that say the same among numbers or dates; beside other words they are a level like any."""

_WHOLE: Final = re.compile(r"([+-]?(?:0|[1-9]\d*))\.0*")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.IGNORECASE)
_MISSING_TEXTS: Final = pa.array(sorted(MISSING), type=pa.large_string())

_N_ASKED_FIRST: Final = 1000
"""Cells that are tried before all of a column. Choice: most columns of words show themselves in the first one."""


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

    @property
    def n_missing(self) -> int:
        """Cells that are missing."""
        return int((self.codes < 0).sum())

    def spelt(self, same: Mapping[str, str] | None = None) -> Levels:
        """The same with canonical texts.

        Args:
            same: Levels that folded texts are other spellings of.
        """
        if same:
            texts = map(canonical, self.texts)
            return _renumbered(self.codes, [same.get(folded(text), text) for text in texts])
        if not any("." in text for text in self.texts):
            return self
        return _renumbered(self.codes, [canonical(text) for text in self.texts])

    def without(self, words: frozenset[str]) -> Levels:
        """The same with further words for a missing cell; a word that is a number stands for all its spellings."""
        if not words:
            return self
        numbers = {number for word in words if not np.isnan(number := number_of(word))}
        are_missing = [text in words or (bool(numbers) and number_of(text) in numbers) for text in self.texts]
        texts = ["" if is_missing else text for text, is_missing in zip(self.texts, are_missing, strict=True)]
        return _renumbered(self.codes, texts) if any(are_missing) else self

    def numbers(self) -> NDArray[np.float64]:
        """The cells as numbers, shape (n_rows,); NaN where one is missing or none."""
        return _pick(_numbers_of(self.texts), self.codes, missing=np.nan)

    def take(self, cells: NDArray[np.bool_] | NDArray[np.int64]) -> Levels:
        """Some of the cells, and of the texts those that are left, in the order they first appear there."""
        codes, distinct = pd.factorize(self.codes[cells])
        texts = [self.texts[place] if place >= 0 else "" for place in distinct]
        return _renumbered(codes.astype(np.int64), texts)


class Cells:
    """A column whose cells are read in several ways, in each of them once.

    Args:
        column: Any column of a frame; only its own cells decide, never what other rows hold.
        missing: Words that stand for a missing cell beside `MISSING`; one that is a number stands for that number.
        same: Levels that folded texts are other spellings of.
    """

    def __init__(
        self,
        column: pd.Series[Any],
        *,
        missing: frozenset[str] = frozenset(),
        same: Mapping[str, str] | None = None,
    ) -> None:
        self.column, self.missing, self.same = column, missing, same

    def __len__(self) -> int:
        return len(self.column)

    @property
    def name(self) -> str:
        """The column's name."""
        return str(self.column.name)

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The cells as numbers, shape (n_rows,); NaN where one is missing or no number, infinite ones as they are."""
        if self.column.dtype == np.float64:  # without a copy; what is given is not written to
            return self._without_missing(self.column.to_numpy())
        if pd.api.types.is_numeric_dtype(self.column.dtype):
            return self._without_missing(self.column.to_numpy(dtype=np.float64, na_value=np.nan))
        plain = _plain_numbers(self.column) if isinstance(self.column.dtype, pd.StringDtype) else None
        return self.written.numbers() if plain is None else self._without_missing(plain)

    @cached_property
    def written(self) -> Levels:
        """The cells as they are written but for blanks around them: to `1.000` its zeros may matter."""
        if isinstance(self.column.dtype, pd.StringDtype):
            return _written_texts(self.column).without(self.missing)
        codes, distinct = self.column.array.factorize()  # pandas' own would guess what type the different cells have
        levels = _renumbered(np.asarray(codes, dtype=np.int64), [str(value).strip() for value in distinct])
        return levels.without(self.missing)

    @cached_property
    def levels(self) -> Levels:
        """The cells as canonical texts; the module's first lines say what canonical means."""
        return self.written.spelt(self.same)

    def spelt_as(self, same: Mapping[str, str]) -> Cells:
        """The same cells, with further spellings of levels; what was read of them is not read again."""
        if not same:
            return self
        spelt = Cells(self.column, missing=self.missing, same={**(self.same or {}), **same})
        if "written" in self.__dict__:
            spelt.__dict__["written"] = self.written
        return spelt

    def take(self, rows: NDArray[np.int64]) -> Cells:
        """Some of the cells, by position; what is read of all is not read again for them."""
        return _TakenCells(self, rows)

    def levels_of(self, rows: NDArray[np.bool_]) -> Levels:
        """The canonical texts of some of the rows; where few are wanted, the others are not looked at."""
        if "written" in self.__dict__:
            return self.levels.take(rows)
        return Cells(self.column[rows], missing=self.missing, same=self.same).levels

    def _without_missing(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers with NaN where one stands for a missing cell."""
        named = [number for word in self.missing if not np.isnan(number := number_of(word))]
        return np.where(np.isin(numbers, named), np.nan, numbers) if named else numbers


class _TakenCells(Cells):
    """Some of the cells of a column, by what was read of all of them.

    Args:
        whole: All cells.
        rows: Which of them, by position.
    """

    def __init__(self, whole: Cells, rows: NDArray[np.int64]) -> None:
        super().__init__(whole.column.take(rows), missing=whole.missing, same=whole.same)
        self._whole, self._rows = whole, rows

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """See `Cells`."""
        return self._whole.numbers[self._rows]

    @cached_property
    def written(self) -> Levels:
        """See `Cells`."""
        return self._whole.written.take(self._rows)


def canonical(value: Any) -> str:
    """A cell as levels are spelt: without blanks around it, a whole number without its point."""
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text) if "." in text else None
    return whole.group(1) if whole else text


def folded(text: str) -> str:
    """A text as spellings of one level are compared: whatever the case of its letters, and without its blanks."""
    return "".join(text.split()).casefold()


def natural_order(texts: tuple[str, ...] | list[str]) -> list[str]:
    """Texts sorted by value where all are numbers, else as texts."""
    if all(_NUMBER.fullmatch(text) for text in texts):
        return sorted(texts, key=lambda text: (float(text), text))
    return sorted(texts)


def _numbers_of(texts: tuple[str, ...]) -> NDArray[np.float64]:
    """What each text says; Python sees only those that are numbers."""
    are_numbers = pc.match_substring_regex(
        pa.array(texts, type=pa.large_string()), rf"^(?:{_NUMBER.pattern})$", ignore_case=True
    )
    numbers = np.full(len(texts), np.nan)
    for place in np.flatnonzero(are_numbers.to_numpy(zero_copy_only=False)):
        numbers[place] = number_of(texts[place])
    return numbers


def _plain_numbers(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """Numbers of a text column where Arrow reads all of them, as they are or trimmed; else None.

    The first cells are asked first: a cast that fails has written an error for every cell that is no number.
    """
    cells = _texts(column)
    for trim in (False, True):
        cells = pc.utf8_trim_whitespace(cells) if trim else cells
        try:
            _cast(cells.slice(0, _N_ASKED_FIRST))
            return _cast(cells)
        except pa.ArrowInvalid:
            continue
    return None


def _written_texts(column: pd.Series[Any]) -> Levels:
    """`Cells.written` of a text column; Python sees the different texts alone."""
    coded = _texts(column).combine_chunks().dictionary_encode()
    texts = pc.utf8_trim_whitespace(coded.dictionary).to_pylist()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return _renumbered(codes, texts)


def _renumbered(codes: NDArray[np.int64], texts: list[str]) -> Levels:
    """Levels of which some may be spelt alike by now, or missing."""
    places: dict[str, int] = {}
    renumber = [-1 if text in MISSING else places.setdefault(text, len(places)) for text in texts]
    if len(places) == len(texts):
        return Levels(codes=codes, texts=tuple(texts))
    return Levels(codes=_pick(np.array(renumber, dtype=np.int64), codes, missing=-1), texts=tuple(places))


def _texts(column: pd.Series[Any]) -> pa.ChunkedArray:
    cells = pa.array(column.array, type=pa.large_string(), from_pandas=True)
    return cells if isinstance(cells, pa.ChunkedArray) else pa.chunked_array([cells])


def _cast(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    present = pc.if_else(pc.is_in(cells, value_set=_MISSING_TEXTS), None, cells)
    return np.asarray(pc.cast(present, pa.float64()).to_numpy(), dtype=np.float64)


def _pick(values: NDArray[Any], codes: NDArray[np.int64], *, missing: float) -> NDArray[Any]:
    """`values[codes]`, with `missing` where the code is -1."""
    return np.append(values, values.dtype.type(missing))[codes]
