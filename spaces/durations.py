"""Durations as people write them: `90s`, `10m`, `1h30m`; a plain number is seconds."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

__all__ = ["format_duration", "parse_duration"]

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

_SECONDS: Final = re.compile(r"\d+(?:\.\d+)?")
_DURATION: Final = re.compile(r"\s*".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?)\s*{unit})?" for unit in _UNITS))


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `90s`, `10m`, `1h30m` or `1.5h`.

    Args:
        text: Days, hours, minutes and seconds in this order, each with its unit; or a plain number of seconds.

    Returns:
        Seconds, above zero and finite.

    Raises:
        ValueError: If it is no such duration, or none at all.
    """
    plain = text.strip().lower()
    match = _DURATION.fullmatch(f"{plain}s" if _SECONDS.fullmatch(plain) else plain)
    seconds = sum(float(match[unit] or 0) * size for unit, size in _UNITS.items()) if match else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError(f"{text!r} is not a duration. Write it with units: 90s, 10m, 1h30m.")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest writing that `parse_duration` reads back to the same number of seconds."""
    if seconds != int(seconds):
        return f"{Decimal(repr(seconds)):f}s"  # repr is exact, and `f` writes it without an exponent
    left, words = int(seconds), []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        words += [f"{count}{unit}"] if count else []
    return "".join(words)
