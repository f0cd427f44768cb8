"""Numbers as people read them: which digits are shown, and in which notation. A language adds its signs.

Every number that the product shows is written by one of these functions, so that a score looks alike on the terminal,
in the report and in the model's card.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["NONE", "compact", "placed", "short_count", "significant", "together"]

SCORE_DIGITS: Final = 4
"""Digits of a score. Choice: one more than test parts of a few thousand rows can tell apart."""

LOWEST_PLAIN: Final = -3
"""Power of ten below which a number is written with an exponent. Choice: four zeros are counted, not read."""

NONE: Final = "–"
"""What stands for a number that there is not."""

LARGEST_PLAIN: Final = 1e7
"""From here on a number is written with an exponent. Choice: parameters of a large network are still written out."""


def placed(value: float, n_places: int) -> str:
    """A number with so many decimals; where they are fewer than none, rounded to tens, hundreds and so on.

    Example:
        >>> placed(1234.567, 1), placed(1234.567, -2), placed(-0.001, 1)
        ('1234.6', '1200', '0.0')
    """
    if not math.isfinite(value):
        return NONE
    rounded = round(float(value), n_places) + 0.0  # + 0.0: no sign before zero
    return f"{rounded:.{max(0, n_places)}f}"


def significant(
    value: float,
    n_digits: int = SCORE_DIGITS,
    *,
    trimmed: bool = False,
    lowest: int = LOWEST_PLAIN,
    n_exponent: int = 1,
) -> str:
    """A number with so many digits that mean something; digits before the point are never rounded away.

    Args:
        value: The number.
        n_digits: Digits from the first that is not zero. Zero itself has as many decimals.
        trimmed: Whether zeros at the end of the decimals are left out; with an exponent they always are.
        lowest: Power of ten below which it is written with an exponent.
        n_exponent: Digits that the exponent has at least.

    Example:
        >>> [significant(value) for value in (0.96491, 0.25, 9999.7, 1234567.8, 0.00094, 3e9)]
        ['0.9649', '0.2500', '10000', '1234568', '9.4e-4', '3e9']
    """
    if not value or not math.isfinite(value):
        return placed(value, 0 if trimmed else n_digits)
    digits, power = f"{value:.{n_digits - 1}e}".split("e")
    exponent = int(power)
    if exponent < lowest or abs(value) >= LARGEST_PLAIN:
        return f"{_trimmed(digits)}e{'-' if exponent < 0 else ''}{abs(exponent):0{n_exponent}d}"
    text = placed(value, max(0, n_digits - 1 - exponent))
    return _trimmed(text) if trimmed else text


def compact(value: float) -> str:
    """A setting in the notation of topology lines, two digits: 0.15, 0.00024, 2.4e-06."""
    return significant(value, 2, trimmed=True, lowest=-4, n_exponent=2)


def together(value: float, low: float, high: float) -> tuple[str, str, str]:
    """A value and the ends of its interval, to the same place: two digits of the interval's half width are shown.

    Example:
        >>> together(0.0123456, -0.0012, 0.0259), together(12345.6, 11000.0, 13900.0)
        (('0.012', '-0.001', '0.026'), ('12300', '11000', '13900'))
    """
    reach = abs(high - low) / 2
    if not math.isfinite(reach) or not reach:
        return significant(value, trimmed=True), significant(low, trimmed=True), significant(high, trimmed=True)
    places = 1 - math.floor(math.log10(reach))
    return placed(value, places), placed(low, places), placed(high, places)


def short_count(count: int, n_digits: int = 2, *, trimmed: bool = False) -> str:
    """A count in thousands or millions: 812, 5.3k, 104k, 2.1M; of those below a thousand all digits."""
    for divisor, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= 0.9995 * divisor:  # which three digits round to one of the unit
            scaled = count / divisor
            text = placed(scaled, max(0, n_digits - len(str(int(scaled)))))
            return (_trimmed(text) if trimmed else text) + unit
    return str(count)


def _trimmed(digits: str) -> str:
    """Without the zeros at the end of its decimals."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
