"""JSON as the files of a run folder have it, within bounds: what comes from a damaged disk or an editor is refused.

JSON allows more than any of our files say: nesting without end, numbers of a million digits. Each of them is harmless
where it is read and ends a program far away, where nobody knows any more which file it came from.
"""

from __future__ import annotations

import json
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
        ValueError: If it is not JSON, nests too deep, or has a number that is not finite or too long.
    """
    try:
        value = json.loads(content, parse_constant=_refused, parse_int=_whole, parse_float=_finite)
    except RecursionError:
        raise ValueError(f"it nests deeper than {MOST_NESTED} levels") from None
    if _depth(value) > MOST_NESTED:
        raise ValueError(f"it nests deeper than {MOST_NESTED} levels")
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


def _depth(value: Any) -> int:
    """How many lists and objects stand in each other at most; counted without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict | list):
            deepest = max(deepest, depth)
            inside = one.values() if isinstance(one, dict) else one
            waiting += [(inner, depth + 1) for inner in inside if isinstance(inner, dict | list)]
    return deepest


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
