"""How sure a statement has to be: the same for every interval and every test of the product."""

from __future__ import annotations

from statistics import NormalDist
from typing import Final

__all__ = ["CONFIDENCE", "CORRECTED_HELD", "CORRECTED_RUNS", "SIGNIFICANT", "TAIL", "TWO_SIDED"]

CONFIDENCE: Final = 0.95
"""Share of intervals that hold the truth. Choice: what readers expect where nothing else is said."""

SIGNIFICANT: Final = 0.05
"""Adjusted p-value below which something is called shown: an interval of `CONFIDENCE` then leaves zero out."""

TAIL: Final = (1 - CONFIDENCE) / 2
"""Share of the truth that an interval may miss on either side."""

TWO_SIDED: Final = NormalDist().inv_cdf(1 - TAIL)
"""Standard deviations of a normal that half an interval of `CONFIDENCE` is wide: 1.96."""

CORRECTED_RUNS, CORRECTED_HELD = 400, 380
"""Whole runs whose true score is known, and in how many of them the interval of the corrected score held it.

Said beside the 95 % that it is made for. Source: `benchmarks/evidence_known.py`, docs/decisions.md. Whoever measures as
many runs again changes these numbers.
"""
