"""JSON as the files of a run folder have it, within bounds: what comes from a damaged disk or an editor is refused.

JSON allows more than any of our files say: nesting without end, numbers of a million digits, halves of signs. Each of
them is harmless where it is read and ends a program far away, where nobody knows any more which file it came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NoReturn

__all__ = ["moment", "parsed"]

MOST_NESTED: Final = 40
"""Levels of a JSON text. Choice: our deepest file, a summary, has twelve."""

MOST_BITS: Final = 128
"""Of a whole number. Choice: what an entropy of NumPy's seeds has; nothing else is as long."""


def parsed(content: str | bytes) -> Any:
    """A JSON text's value.

    Args:
        content: The text.

    Raises:
        ValueError: If it is not JSON, nests too deep, has a number that is not finite or too long, or half a sign.
    """
    try:
        value = json.loads(content, parse_constant=_refused, parse_int=_whole, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"it nests deeper than {MOST_NESTED} levels") from None
    for inner, depth in _inside(value):
        if depth > MOST_NESTED:
            raise ValueError(f"it nests deeper than {MOST_NESTED} levels")
        if isinstance(inner, str) and not inner.isascii():
            inner.encode()  # half a sign is none; UnicodeEncodeError is a ValueError
    return value


def moment(stamp: str) -> datetime:
    """A time as files have it: ISO 8601 with its time zone.

    Raises:
        ValueError: If it is none, lacks its time zone, or is none in UTC.
    """
    read = datetime.fromisoformat(stamp)
    if read.tzinfo is None:
        raise ValueError(f"{stamp!r} does not say its time zone")
    try:
        read.timestamp()
    except OverflowError:
        raise ValueError(f"{stamp!r} lies outside all calendars") from None
    return read


def _inside(value: Any) -> Iterator[tuple[Any, int]]:
    """Keys, texts, mappings and lists of a JSON value, each with its depth; not numbers, which are many."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict):
            yield one, depth + 1
            for key, inner in one.items():
                yield key, depth
                if isinstance(inner, str | dict | list):
                    waiting.append((inner, depth + 1))
        elif isinstance(one, list):
            yield one, depth + 1
            waiting += [(inner, depth + 1) for inner in one if isinstance(inner, str | dict | list)]
        else:
            yield one, depth


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _whole(digits: str) -> int:
    value = int(digits) if len(digits) < MOST_BITS else 1 << MOST_BITS
    if value.bit_length() > MOST_BITS:
        raise ValueError(f"a number of {len(digits)} digits is too long")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:20]} is larger than any number")
    return value
