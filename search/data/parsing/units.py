"""What a cell looks like that may be a number: its digits, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ffsearch.search.data.parsing.written import MOST_SIGNS, SCALES, powered

__all__ = ["Shape", "common_units", "is_currency", "shape_of"]

_SIGN: Final = r"[$€£¥₹₩₽₺₴₫฿¢₱₦₪₡₲₵₸₼₾￥￡＄]"
_CODES: Final = "USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|INR|BRL|CNY|RMB|SEK|NOK|DKK|PLN|CZK|HUF|ZAR|MXN|SGD|HKD|TRY|RUB"
_BEFORE: Final = rf"{_SIGN}|(?:US|R|C|A|CA|AU|NZ|HK|S|MX)\$|{_CODES}|Rs\.?|kr\.?|Fr\.?|zł"
"""Currencies. Choice: other letters in front of a number begin a code, such as A12."""

_WORD: Final = r"[^\W\d_]{2,12}\.?"
_AFTER: Final = (
    rf"{_SIGN}|%|‰|°\s?[CFK]?|(?:{_WORD}|(?<=\s)[a-zA-Z]|(?<=\d)[mgshdyl])(?:[ /][^\W\d_]{{1,12}}\.?)?[²³23]?"
)
"""Units, of two letters at least where they stand close: 4B is a flat and no amount of Bs."""

_SCALE: Final = "|".join(
    [*(f"{letter}(?![^\\W\\d_])" for letter in SCALES if len(letter) == 1)]
    + [rf"(?i:{word})\.?(?![^\W\d_])" for word in SCALES if len(word) > 1]
)
_CELL: Final = re.compile(
    rf"[+-]?\s*(?P<before>{_BEFORE})?\s*[+-]?\s*(?P<body>[.,]?\d(?:[\d.,'\u2019\s]*\d)?[.,]?)(?P<power>[eE][+-]?\d{{1,3}})?"
    rf"\s*(?P<scale>{_SCALE})?\s*(?P<after>{_AFTER})?"
)
_MINUS: Final = str.maketrans(dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d", "-"))
_WRAPPED: Final = re.compile(
    r"(?:[<>]=?|[≤≥~≈∼]|'(?=[-+\d])|(?i:ca|approx|about|circa|etwa|cerca de|under|over|less than|more than)\b\.?)\s*"
)
_TAIL: Final = re.compile(
    r"\s*(?:(?:±|\+/-|\+-).*|[*†‡§¶#^⁎]+|\[\w{1,3}\]|\((?:[a-z]|est\.?)\)|[\u00b9\u00b2\u00b3\u2070-\u2079]+)$"
)
_RANGE: Final = re.compile(r"(?<=[^\s(])\s*(?:[-\u2013\u2014]|\.\.\.?|\s(?:to|bis|até)\s)\s*(?=\S*\d)")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What stands in a cell that may be a number.

    Args:
        body: Its digits with the signs among them.
        before: The currency in front.
        after: The unit behind.
        scale: A power of ten behind: `k`, `million`.
        sign: A plus or minus at the very end.
        is_special: Whether more stands there than Python's `float` reads.
    """

    body: str
    before: str
    after: str
    scale: str
    sign: str
    is_special: bool


def shape_of(text: str) -> Shape | None:
    """The parts of a cell that may be a number; None where it cannot be."""
    if len(text) > MOST_SIGNS:
        return None
    whole = powered(text.strip().translate(_MINUS))
    rest = _WRAPPED.sub("", whole, count=1) if _WRAPPED.match(whole) else whole
    found = _CELL.fullmatch(rest)
    sign = ""
    if found is None and rest[-1:] in ("+", "-"):
        sign, rest = rest[-1], rest[:-1].rstrip()
        found = _CELL.fullmatch(rest)
    if found is None:
        rest = _TAIL.sub("", rest)
        rest = rest.replace("(", "", 1).replace(")", "", 1) if "(" in rest else rest
        found = _CELL.fullmatch(rest)
    if found is None and (both := _RANGE.search(rest)) is not None:
        low, high = _CELL.fullmatch(rest[: both.start()]), _CELL.fullmatch(rest[both.end() :])
        found = None if low is None else high
    if found is None:
        return None
    is_special = rest != text or bool(found["before"] or found["after"] or found["scale"])
    return Shape(
        body=found["body"].strip(),
        before=found["before"] or "",
        after=found["after"] or "",
        scale=found["scale"] or "",
        sign=sign,
        is_special=is_special,
    )


def is_currency(unit: str) -> bool:
    """Whether what stands beside a number is a currency, on whichever side."""
    return re.fullmatch(_BEFORE, unit) is not None


_OF_ONE: Final = (
    {"B": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    {"KiB": 1.0, "MiB": 1024.0, "GiB": 1024.0**2},
    {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    {"mg": 1e-3, "g": 1.0, "kg": 1e3},
    {"ml": 1e-3, "cl": 1e-2, "l": 1.0, "L": 1.0},
    {"ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "min": 60.0, "mins": 60.0, "minute": 60.0,
     "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0, "day": 86400.0,
     "days": 86400.0, "week": 604800.0, "weeks": 604800.0},
    {"CR": 1.0, "Cr": 1.0, "cr": 1.0, "CR.": 1.0, "Cr.": 1.0, "DR": -1.0, "Dr": -1.0, "dr": -1.0, "DR.": -1.0,
     "Dr.": -1.0},
    {"month": 1.0, "months": 1.0, "mo": 1.0, "year": 12.0, "years": 12.0, "yr": 12.0, "yrs": 12.0},
)  # fmt: skip
"""Units of which each is so many times another."""


def common_units(units: Sequence[str]) -> tuple[tuple[str, float], ...] | None:
    """Each of several units with what it is of the first; None where they are not of one kind."""
    alike = {unit.rstrip(".").casefold().removesuffix("s") for unit in units}
    if len(alike) == 1:
        return tuple((unit, 1.0) for unit in units)
    for kind in _OF_ONE:
        if set(units) <= set(kind):
            first = abs(kind[units[0]])  # a debit stays below 0, whichever of the two comes first
            return tuple((unit, kind[unit] / first) for unit in units)
    return None
