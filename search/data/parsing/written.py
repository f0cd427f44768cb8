"""What a text says as a number, in plain Python: `spelling.py` and `exporting/host.py` share it.

This file needs nothing but Python, so that it can be copied to where a model runs, beside `host.py`. A number
may stand in brackets, behind a currency, before a unit, with a minus of any print, with signs between thousands of two
or three digits, in thousands or millions (`12k`), as a limit (`<0.5`), a range (its middle), with what it is uncertain
by, or with a mark that leads to a note. Which decimal sign, which currency and which unit a column has is judged
elsewhere (`spelling.py`), of whole columns; here one cell is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["LIMIT", "MARK", "MOST_SIGNS", "RANGE", "SCALES", "SCALE_LETTERS", "amount", "plain_number", "powered"]

LIMIT: Final = "limit"
MARK: Final = "mark"
RANGE: Final = "range"
"""How a cell says no more than about how much: as a limit, as a range, or with a mark or spread that is not read."""

MOST_SIGNS: Final = 200
"""Of a cell that is a number with a unit, a date or a time. Choice: the longest have some dozens; and patterns that try
every place of a cell against every other take minutes for a text of a hundred thousand blanks."""

SCALE_LETTERS: Final = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12, "m": 6, "b": 9}
SCALES: Final = {
    **SCALE_LETTERS, "tsd": 3, "thousand": 3, "mil": 3, "mn": 6, "mln": 6, "mio": 6, "million": 6, "millions": 6,
    "milhão": 6, "milhões": 6, "bn": 9, "mrd": 9, "billion": 9, "billions": 9, "trillion": 12, "lakh": 5, "lakhs": 5,
    "lac": 5, "lacs": 5, "crore": 7, "crores": 7, "cr": 7,
}  # fmt: skip
"""Powers of ten by what stands behind a number for them; a word may begin with a capital, and end in a point."""

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.IGNORECASE)
_MINUS: Final = str.maketrans(dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d", "-"))
_APPROXIMATELY: Final = re.compile(r"(?:[~≈∼]|(?i:ca|approx|about|circa|etwa|cerca de)\b\.?)\s*")
_LIMIT: Final = re.compile(r"(?:[<>]=?|[≤≥]|(?i:under|over|less than|more than|up to|bis zu|unter|über)\s)\s*(?=\S)")
_SPREAD: Final = re.compile(r"\s*(?:±|\+/-|\+-).*")
_MARK: Final = re.compile(
    r"(?:\s*(?:[*†‡§¶#^⁎]+|\[\w{1,3}\]|\((?:[a-z]|est\.?|p|r)\))|[\u00b9\u00b2\u00b3\u2070-\u2079]+|\s[a-z])$"
)
_BETWEEN_TWO: Final = re.compile(
    r"(?<=[^\s(])\s*(?:-|\u2013|\u2014|\.\.\.?|(?<=\s)(?:to|bis|até|a|à)(?=\s))\s*(?=[^\s)-])"
)


_POWER: Final = re.compile(r"\s?[×x*·]\s?10(?:(?:\^|\*\*)([+-]?[0-9]{1,3})|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))")
_RAISED: Final = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


def powered(text: str) -> str:
    """A text in which powers of ten are written as `float` reads them: `1.87×10^3` is `1.87e3`."""
    found = _POWER.search(text)
    if found is None:
        return text
    return f"{text[: found.start()]}e{found[1] or found[2].translate(_RAISED)}{text[found.end() :]}"


def plain_number(text: str) -> float:
    """What `float` makes of a text, NaN where it is none; `1_000` and other scripts' digits are none."""
    return float(text) if text.isascii() and _NUMBER.fullmatch(text) else float("nan")


def amount(text: str, reading: Mapping[str, Any]) -> tuple[float, str]:
    """The number that a text says, NaN where it says none, and how it says no more than about how much.

    Args:
        text: A cell.
        reading: `decimal`, `thousands`, `before`, `after`, and perhaps `units`: factors of several units by their
            texts.

    Returns:
        The number, and `LIMIT`, `RANGE`, `MARK` or nothing.
    """
    if len(text) > MOST_SIGNS:
        return plain_number(text.strip()), ""
    text = powered(text.strip().translate(_MINUS))
    number = _exact(text, reading)
    if number == number:
        return number, ""
    form = ""
    for pattern, as_what in ((_LIMIT, LIMIT), (_APPROXIMATELY, MARK)):
        found = pattern.match(text)
        if found is not None:
            text, form = text[found.end() :], as_what
            break
    number = _exact(text, reading)
    if number == number:
        return number, form
    if not form and text.endswith("+"):
        number = _exact(text[:-1], reading)
        return number, LIMIT if number == number else ""
    short = _SPREAD.sub("", text)
    short = _MARK.sub("", short) if short == text else short
    if short != text:
        number = _exact(short, reading)
        return number, (form or MARK) if number == number else ""
    middle = float("nan") if form else _middle(text, reading)
    return middle, RANGE if middle == middle else ""


def _middle(text: str, reading: Mapping[str, Any]) -> float:
    """The middle of a range whose ends both are numbers, the lower one first."""
    for found in _BETWEEN_TWO.finditer(text):
        low, high = _exact(text[: found.start()], reading), _exact(text[found.end() :], reading)
        if 0 <= low < high:
            return (low + high) / 2
    return float("nan")


def _exact(text: str, reading: Mapping[str, Any]) -> float:
    """A number with its sign, currency, scale and unit."""
    text = text.strip().translate(_MINUS)
    text = text[1:] if text[:1] in "'`\u2019" and text[1:2] in "+-0123456789" else text
    if text.endswith("-") and text[:1] not in "+-(":
        return -_exact(text[:-1], reading) if text[:-1].rstrip()[-1:].isdigit() else float("nan")
    pattern, bracketed, factors = _patterns(
        reading["decimal"], reading["thousands"], reading["before"], reading["after"], *reading.get("units", {}).items()
    )
    if "(" in text:
        found = bracketed.fullmatch(text)
        inside = float("nan") if found is None else _exact(f"{found[1]}{found[2]}{found[3]}", reading)
        return -inside if inside >= 0 else float("nan")
    found = pattern.fullmatch(text)
    if found is None or not found["whole"] + found["rest"]:
        return plain_number(text) if "strict" not in reading or "inf" in text.lower() else float("nan")
    whole = re.sub(r"[^0-9]", "", found["whole"])
    rest = found["rest"][1:]
    scale = found["scale"] or ""
    power = int(found["power"] or 0) + (SCALES.get(scale, 0) or SCALES.get(scale.lower().rstrip("."), 0))
    number = float(f"{found['sign'] or found['inner']}{whole or 0}.{rest or 0}e{power}")
    return number * factors.get(found["after"], 1.0) if factors else number


@lru_cache(maxsize=256)
def _patterns(
    decimal: str, thousands: str, before: str, after: str, *units: tuple[str, float]
) -> tuple[re.Pattern[str], re.Pattern[str], dict[str, float]]:
    """A number in a column's spelling, the same in brackets, and the factors of its units."""
    groups = ""
    if thousands:
        sign = f"[{re.escape(thousands)}]"
        groups = rf"[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+|[1-9][0-9]?(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}}|"
    factors = dict(units)
    unit = "|".join(map(re.escape, sorted(factors, key=len, reverse=True))) or re.escape(after)
    words = [re.escape(word) for word in sorted(SCALES, key=len, reverse=True) if word not in SCALE_LETTERS]
    letters = "".join(letter for letter in SCALE_LETTERS if letter not in (after, *factors))
    taken = {unit.lower().rstrip(".") for unit in (after, *factors)}
    words = [word for word in words if word not in taken]
    scale = rf"(?P<scale>(?:[{letters}]|(?i:{'|'.join(words)})\.?)(?![^\W\d_]))"
    pattern = re.compile(
        rf"(?P<sign>[+-]?)\s*(?:{re.escape(before)})?\s*(?P<inner>[+-]?)\s*"
        rf"(?P<whole>(?:{groups}[0-9]+)?)(?P<rest>(?:{re.escape(decimal)}[0-9]*)?)"
        rf"(?:[eE](?P<power>[+-]?[0-9]{{1,3}}))?(?:\s*{scale})?\s*(?P<after>(?:{unit})?)"
    )
    bracketed = re.compile(rf"({re.escape(before)}|)\s*\(([^()]*)\)\s*((?:{unit})?)")
    return pattern, bracketed, factors
