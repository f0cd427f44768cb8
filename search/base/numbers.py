"""Numbers as people read them on a terminal."""

from __future__ import annotations

__all__ = ["duration", "number", "percent"]


def number(value: float | None) -> str:
    """A score with four significant digits, in plain notation where that is readable."""
    if value is None:
        return "none"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Seconds as people say them: 0.8 s, 42 s, 3 min 05 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def percent(share: float) -> str:
    """A share as people say it: 24 %, 3.4 %, 0.017 %."""
    of_hundred = 100 * share
    return f"{of_hundred:.0f} %" if of_hundred >= 10 else f"{of_hundred:.2g} %"
