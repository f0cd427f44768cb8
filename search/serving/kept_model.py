"""What `ffsearch.json` of a saved model says, checked: a file may be damaged, and may come from anybody.

Types are those of the dataclasses that its values become. Beside them stand the laws that their arithmetic rests on: a
list that is as long as another, a text that is a day. All is checked when a file is read, so that nothing of it ends a
program far away, where nobody knows any more which file it came from.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np

from ffsearch.search.base.texts import is_whole
from ffsearch.search.data.features.columns import CategoryColumn, NumberColumn
from ffsearch.search.data.features.images import ImageShape
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.spelling import Spelling
from ffsearch.search.network.heads import Task
from ffsearch.search.network.row_intervals import Reaches, RowIntervals

__all__ = ["image_of", "inputs_of", "labels_of", "preprocessor_of", "refuse_odd_ends", "row_intervals_of"]

_MOST_BINS: Final = 4096
"""Bins of one number. Choice: far beyond what a space may ask for."""

_LONGEST_SIDE: Final = 100_000
"""Pixels of a side of an image. Choice: beyond every camera."""

_SHOWN: Final = 120
"""Signs of a fault that are shown."""

_DECIMALS: Final = (".", ",")


def preprocessor_of(values: Mapping[str, Any]) -> Preprocessor:
    """The preprocessor of a table.

    Raises:
        ValueError: If a field is missing, of another type, or breaks a law; TypeError and LookupError likewise.
    """
    read = Preprocessor.from_dict(values)
    for fault in (*_misfits(read, Preprocessor), *_faults(read)):
        raise ValueError(fault)
    return read


def _misfits(value: Any, hint: Any, at: str = "preprocessor") -> Iterator[str]:
    """Values that are not of the type that a dataclass says, each by its place."""
    origin, inner = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint):
        for name, one in _hints(hint).items():
            yield from _misfits(getattr(value, name), one, f"{at}.{name}")
    elif origin in (Union, UnionType):
        if all(next(_misfits(value, one), None) for one in inner):
            yield f"{at} is {value!r}"[:_SHOWN]
    elif origin is tuple and isinstance(value, tuple):
        hints = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(hints) != len(value):
            yield f"{at} has {len(value)} values"
        for one, its in zip(value, hints, strict=False):
            yield from _misfits(one, its, at)
    elif origin is Mapping and isinstance(value, Mapping):
        for key, one in value.items():
            yield from (*_misfits(key, inner[0], at), *_misfits(one, inner[1], at))
    elif not _is_plain(value, hint):
        yield f"{at} is {value!r}"[:_SHOWN]


def _is_plain(value: Any, hint: Any) -> bool:
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(hint, type) and type(value) is hint and is_whole(value)


@cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    return get_type_hints(cls)


def _faults(read: Preprocessor) -> Iterator[str]:
    """Laws that are broken."""
    names = read.column_names
    if len(set(names)) < len(names):
        yield "two of its columns have one name"
    for number in read.numbers:
        yield from (f"column {number.name!r}: {fault}" for fault in _faults_of_number(number))
    for category in read.categories:
        yield from (f"column {category.name!r}: {fault}" for fault in _faults_of_category(category))
    for cycles in read.cycles:
        date.fromisoformat(cycles.origin)
    if read.table.decimal not in _DECIMALS:
        yield f"its decimal sign is {read.table.decimal!r}"
    if read.table.encoding:
        codecs.lookup(read.table.encoding)


def _faults_of_number(number: NumberColumn) -> Iterator[str]:
    if not 0 <= number.n_bins <= _MOST_BINS or len(number.edges) > number.n_bins + 1:
        yield f"{number.n_bins} bins with {len(number.edges)} edges"
    if len(number.knots) != len(number.heights):
        yield f"{len(number.knots)} knots with {len(number.heights)} heights"
    if isinstance(number.reading, DateReading):
        date.fromisoformat(number.reading.origin)
    if isinstance(number.reading, Spelling):
        between = set(number.reading.thousands)
        if number.reading.decimal not in _DECIMALS or number.reading.decimal in between:
            yield f"its decimal sign is {number.reading.decimal!r}"
        if any(sign.isalnum() for sign in between):
            yield f"{number.reading.thousands!r} stands between its thousands"[:_SHOWN]


def _faults_of_category(category: CategoryColumn) -> Iterator[str]:
    if len(category.known) != len(category.levels):
        yield f"{len(category.levels)} levels, of which {len(category.known)} are known or not"
    if len(set(category.vocabulary)) < len(category.vocabulary):
        yield "a level comes twice"
    if category.ordered and (not category.levels or category.rest):
        yield "steps without levels, or with further ones"
    widths = set(map(len, category.encodings))
    if category.encodings and (len(widths) > 1 or len(category.encodings) != len(category.vocabulary) + 1):
        yield f"{len(category.encodings)} encodings of {len(category.vocabulary)} levels"


def labels_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of classes, none of values.

    Raises:
        ValueError: If they are no texts, or come twice.
    """
    labels = _texts(facts, "labels")
    if len(set(labels)) < len(labels):
        raise ValueError("a label comes twice")
    return labels


def inputs_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """By column the input of the Keras model.

    Raises:
        ValueError: If there is none, or one is no text.
    """
    inputs = {one["column"]: one["input"] for one in facts["inputs"]}
    if not inputs or not all(isinstance(text, str) for pair in inputs.items() for text in pair):
        raise ValueError("its inputs are not those of columns")
    return inputs


def image_of(facts: Mapping[str, Any]) -> ImageShape | None:
    """Height, width and channels; None of a table.

    Raises:
        ValueError: If they are no sizes.
    """
    if not facts.get("image"):
        return None
    height, width, channels = sizes = facts["image"]
    if not all(type(size) is int and 0 < size < _LONGEST_SIDE for size in sizes):
        raise ValueError(f"its images are of {sizes!r}"[:80])
    return height, width, channels


def row_intervals_of(facts: Mapping[str, Any]) -> RowIntervals | None:
    """How far the answer to one row may be off; None where the model does not know.

    Raises:
        ValueError: If a number is missing, or lists do not belong together.
    """
    known = facts.get("row_intervals")
    if known is None:
        return None
    read = RowIntervals.from_dict(known)
    n_targets = len(facts["target_names"]) if Task(facts["task"]) is Task.REGRESSION else 1
    is_counted = type(read.n_units) is int and read.n_units > 0
    if not is_counted or len(read.of_targets) != n_targets or not all(map(_is_whole, read.of_targets)):
        raise ValueError("what it knows of single rows does not fit together")
    return read


def _is_whole(reaches: Reaches) -> bool:
    lists = (reaches.errors, reaches.n_below, reaches.edges, reaches.usual)
    return (
        all(one.ndim == 1 and bool(np.isfinite(one).all()) for one in lists)
        and len(reaches.errors) == len(reaches.n_below)
        and len(reaches.usual) == len(reaches.edges) + 1
    )


def refuse_odd_ends(facts: Mapping[str, Any], *, n_outputs: int) -> None:
    """Refuse a model whose names are not those of what it answers, or whose threshold is none.

    Args:
        facts: What the file says.
        n_outputs: How many numbers its network answers a row with.

    Raises:
        ValueError: With what does not fit.
    """
    names = _texts(facts, "target_names")
    is_regression = Task(facts["task"]) is Task.REGRESSION
    named: Sequence[str] = names if is_regression else labels_of(facts)
    if len(named) != n_outputs:
        raise ValueError(f"{len(named)} names for {n_outputs} predictions")
    cut, spread = facts.get("threshold"), facts.get("target_spread")
    is_cut = cut is None or (len(named) == 2 and cut["positive"] in named and isinstance(cut["value"], int | float))
    if not is_cut:
        raise ValueError("its threshold is none of its labels")
    if spread is not None and not (len(spread) == n_outputs and all(isinstance(one, int | float) for one in spread)):
        raise ValueError("its targets have no such spread")


def _texts(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = facts[name]
    if not isinstance(texts, list) or not all(isinstance(text, str) and is_whole(text) for text in texts):
        raise ValueError(f"its {name} are {texts!r}"[:80])
    return tuple(texts)
