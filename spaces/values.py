"""Types of single values that pydantic has no word for: columns, shares or files, encodings, durations.

Each is read by one function that says in one sentence what is legal, where a union would complain once a branch.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StrictStr, ValidationError, WithJsonSchema

from ffsearch.search.wording.codes import Code
from ffsearch.spaces.durations import format_duration, parse_duration
from ffsearch.spaces.faults import Fault, refusal, shown

__all__ = [
    "MAX_REPEATS",
    "BatchSize",
    "Column",
    "Columns",
    "Effects",
    "Encoding",
    "Epochs",
    "Header",
    "Ignored",
    "MissingWords",
    "Orders",
    "Seconds",
    "ShareOrFile",
    "as_column",
]

MAX_EPOCHS: Final = 100_000
"""Most epochs, and patience. Choice: more is a typing error."""

MAX_BATCH: Final = 1_000_000
"""Most rows an update. Choice: more is a typing error."""

MAX_REPEATS: Final = 100
"""Most repeats of evidence. Choice: beyond it nothing moves but the time."""

_COLUMN_FORM: Final = {"type": ["string", "integer"]}
_COLUMN_LIST_FORM: Final = {"type": "array", "items": _COLUMN_FORM, "minItems": 1}
_SHARE_FORM: Final = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}


def as_column(raw: Any) -> Any:
    """A column called 5 is the column called "5": names are text. What is no number stays as it is."""
    return str(raw) if _is_whole(raw) else raw


def _columns(raw: Any) -> str | tuple[str, ...] | None:
    if raw is None:
        return None
    names = tuple(map(as_column, raw)) if isinstance(raw, list | tuple) else (as_column(raw),)
    are_names = all(isinstance(name, str) and name for name in names)
    if not names or not are_names or len(set(names)) < len(names):
        raise _refused(raw, "is neither a column nor a list of different columns")
    return names if isinstance(raw, list | tuple) else names[0]


def _orders(raw: Any) -> Any:
    """Lists of levels as texts; anything but a mapping is left to pydantic."""
    if not isinstance(raw, Mapping):
        return raw
    return {as_column(name): _levels(name, levels) for name, levels in raw.items()}


def _levels(name: Any, raw: Any) -> tuple[str, ...]:
    is_list = isinstance(raw, list | tuple)
    levels = raw if is_list else ()
    odd = [level for level in levels if isinstance(level, bool) or not isinstance(level, str | int | float)]
    texts = tuple(map(str, levels))
    if odd or len(texts) < 2 or len(set(texts)) < len(texts) or not all(text.strip() for text in texts):
        why = "is no list of at least two different levels from low to high, such as [low, mid, high]"
        quoted = "; put true and false in quotes if text is meant" if any(isinstance(one, bool) for one in odd) else ""
        raise refusal([Fault(path=(as_column(name),), text=f"{shown(raw)} {why}{quoted}.")])
    return texts


def _missing(raw: Any) -> Any:
    """Words that stand for a missing cell, as texts: a list for all columns, or a list a column."""
    if isinstance(raw, Mapping):
        return {as_column(name): _words(name, words) for name, words in raw.items()}
    return _words(None, raw)


def _words(name: Any, raw: Any) -> tuple[str, ...]:
    words = raw if isinstance(raw, list | tuple) else (raw,)
    if not all(isinstance(word, str | int | float) and not isinstance(word, bool) for word in words) or raw is None:
        where = () if name is None else (as_column(name),)
        why = 'is no list of words that stand for a missing cell, such as ["-999", "on request"]'
        raise refusal([Fault(path=where, text=f"{shown(raw)} {why}.")])
    return tuple(str(word).strip() for word in words)


def _share_or_file(raw: Any) -> float | str | None:
    if raw is None or (isinstance(raw, str) and raw):
        return raw
    if isinstance(raw, float) and 0 < raw < 1:
        return raw
    raise _refused(raw, "is neither a share of rows between 0 and 1, such as 0.2, nor a file, nor null for none")


def _encoding(raw: Any) -> Any:
    try:
        return codecs.lookup(raw).name if isinstance(raw, str) else raw
    except (LookupError, ValueError) as error:
        raise _refused(raw, "is no encoding known here. Common ones: utf-8, cp1252, latin-1") from error


def _header(raw: Any) -> Any:
    if not isinstance(raw, bool) and raw != "auto":
        raise _refused(raw, "is not known. Legal: auto, true, false")
    return raw


def _batch_size(raw: Any) -> Any:
    if raw != "auto" and not (_is_whole(raw) and 1 <= raw <= MAX_BATCH):
        raise _refused(raw, f"is neither auto nor a whole number of rows from 1 to {MAX_BATCH}")
    return raw


def _epochs(raw: Any) -> Any:
    if raw != "auto" and not (_is_whole(raw) and 1 <= raw <= MAX_EPOCHS):
        raise _refused(raw, f"is neither auto nor a whole number of epochs from 1 to {MAX_EPOCHS}")
    return raw


def _effects(raw: Any) -> Any:
    if raw != "auto" and not (_is_whole(raw) and (raw == 0 or 3 <= raw <= MAX_REPEATS)):
        raise _refused(raw, f"is neither auto, nor 0 for none, nor a number of repeats from 3 to {MAX_REPEATS}")
    return raw


def _threshold(raw: Any) -> Any:
    if raw in THRESHOLDS:
        return raw
    name, _, floor = str(raw).partition("=")
    try:
        precision = float(floor)
    except ValueError:
        precision = math.nan
    if not isinstance(raw, str) or name.strip() != RECALL_AT or not 0 < precision <= 1:
        legal = ", ".join(THRESHOLDS)
        raise _refused(raw, f"is not known. Legal: {legal}, or {RECALL_AT}=P with a precision P above 0, at most 1")
    return f"{RECALL_AT}={precision:g}"


def _label(raw: Any) -> Any:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, int | float) else raw


def _seconds(raw: Any) -> float | None:
    if raw is None or (isinstance(raw, int | float) and not isinstance(raw, bool) and 0 < raw < math.inf):
        return None if raw is None else float(raw)
    try:
        return parse_duration(str(raw))
    except ValueError as error:
        raise _refused(raw, "is not a duration. Write it with units: 90s, 10m, 1h30m") from error


def _is_whole(raw: Any) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool)


def _refused(raw: Any, why: str) -> ValidationError:
    return refusal([Fault(path=(), text=f"{shown(raw)} {why}.")])


def _written(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


Column = Annotated[StrictStr, BeforeValidator(as_column), Field(min_length=1), WithJsonSchema(_COLUMN_FORM)]
"""The name of a column."""

Columns = Annotated[
    str | tuple[str, ...] | None,
    BeforeValidator(_columns),
    WithJsonSchema(
        {"anyOf": [_COLUMN_FORM, {"type": "array", "items": _COLUMN_FORM, "minItems": 1}, {"type": "null"}]}
    ),
]
"""One column, or several, or none said."""

ShareOrFile = Annotated[
    float | str | None,
    BeforeValidator(_share_or_file),
    WithJsonSchema({"anyOf": [_SHARE_FORM, {"type": "string"}, {"type": "null"}]}),
]
"""A share of rows, above 0 and below 1, or the path of a file, or none."""

Orders = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(_orders),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2},
        }
    ),
]
"""Columns, and the levels of each from low to high."""

_WORD_LIST_FORM: Final = {"type": "array", "items": {"type": ["string", "number"]}}

MissingWords = Annotated[
    tuple[str, ...] | dict[str, tuple[str, ...]],
    BeforeValidator(_missing),
    WithJsonSchema({"anyOf": [_WORD_LIST_FORM, {"type": "object", "additionalProperties": _WORD_LIST_FORM}]}),
]
"""Words that stand for a missing cell, in every column or by column."""

Encoding = Annotated[StrictStr | None, BeforeValidator(_encoding)]
"""An encoding under Python's own name for it; None is to be found out."""

Header = Annotated[bool | Literal["auto"], BeforeValidator(_header), WithJsonSchema({"enum": ["auto", True, False]})]
"""Whether the first line names the columns."""

Ignored = Annotated[
    tuple[Code, ...],
    Field(description="Codes of findings that are counted and not shown: [FFS301]. `ffsearch explain` lists all."),
]
"""Findings that are silenced."""

BatchSize = Annotated[
    int | Literal["auto"],
    BeforeValidator(_batch_size),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MAX_BATCH}]}),
]
"""Rows an update."""

Epochs = Annotated[
    int | Literal["auto"],
    BeforeValidator(_epochs),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MAX_EPOCHS}]}),
]
"""Passes over the training rows, or as many as make enough updates."""

Label = Annotated[
    StrictStr, BeforeValidator(_label), Field(min_length=1), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
"""A class, as the table writes it."""

THRESHOLDS: Final = ("auto", "half", "f1", "balanced_accuracy", "cost")
"""What a threshold may be chosen by, in a word."""

RECALL_AT: Final = "recall_at_precision"
"""The same where precision has a floor, which follows behind an equals sign."""

Threshold = Annotated[
    str,
    BeforeValidator(_threshold),
    WithJsonSchema({"anyOf": [{"enum": list(THRESHOLDS)}, {"type": "string", "pattern": f"^{RECALL_AT}="}]}),
]
"""Where the probability of one of two classes is cut."""

Effects = Annotated[
    int | Literal["auto"],
    BeforeValidator(_effects),
    WithJsonSchema({"anyOf": [{"enum": ["auto", 0]}, {"type": "integer", "minimum": 3, "maximum": MAX_REPEATS}]}),
]
"""Repeats that show what single changes do."""

Seconds = Annotated[
    float | None,
    BeforeValidator(_seconds),
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema({"type": ["string", "number", "null"]}),
]
"""A duration in seconds, written with units; None is without end."""
