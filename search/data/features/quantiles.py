"""A number's place among the training rows as a normal score, by lines between knots: its own shape no longer matters.

Knots are values that training rows have, in about even steps of the score; the score of a value is the normal quantile
of its mid-rank, so that a value of many rows stands in the middle of their ranks:

    score(x) = height[i] + (x - knot[i]) / (knot[i + 1] - knot[i]) * (height[i + 1] - height[i])   between two knots
               that of the outermost knot beyond them; that of the median where x is missing

Numbers are compared and subtracted as they come, not scaled: a difference of two float32 numbers is the same in every
runtime, however near they are. `packaging.py` does the same with Keras layers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["LARGEST", "N_KNOTS", "KnotTable", "fit_knots", "knot_table", "scores"]

N_KNOTS: Final = 128
"""Most knots of a number: a power of two, so that layers find a place among them by halving. choice: between two of
them a score is off by less than .03 where rows lie evenly; scikit-learn's 1,000 at even ranks stand wider in tails."""

LARGEST: Final = 1e37
"""Numbers are cut here first. Choice: the difference of any two is still finite in float32."""

_MIN_GAP: Final = 1e-30
"""Least distance of two knots. Choice: far above what runtimes take for 0."""


class KnotTable(NamedTuple):
    """Of each of `N_KNOTS` places, all of shape (N_KNOTS,).

    Attributes:
        starts: The number it stands at; beyond every number where there is no knot.
        heights: The score there.
        widths: How far it is to the next one.
        rises: How much the score rises until then.
    """

    starts: NDArray[np.float32]
    heights: NDArray[np.float32]
    widths: NDArray[np.float32]
    rises: NDArray[np.float32]


def fit_knots(present: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Knots and their scores, both ascending, of shape (n_knots,) with 1 <= n_knots <= `N_KNOTS`.

    Args:
        present: The numbers of the training rows that have one, finite, shape (n_rows,).

    Source: normal scores of ranks as features of networks: Gorishniy et al. 2021, arXiv 2106.11959, section 4.2;
    mid-ranks (rank - 1/2) / n: Hazen 1914. DIFFERS: knots at even steps of the score, not of the rank, for tails are
    what this is for; no noise is added to values that repeat.
    """
    if not len(present):
        return np.zeros(1, np.float32), np.zeros(1, np.float32)
    values, counts = np.unique(np.clip(present, -LARGEST, LARGEST).astype(np.float32), return_counts=True)
    heights = ndtri((np.cumsum(counts) - counts / 2) / len(present))
    if len(values) > N_KNOTS:
        wanted = np.linspace(heights[0], heights[-1], N_KNOTS)
        chosen = np.unique(np.searchsorted(heights, wanted).clip(max=len(values) - 1))
        values, heights = values[chosen], heights[chosen]
    kept = [0]
    for place, value in enumerate(values):
        if value - values[kept[-1]] >= _MIN_GAP:
            kept.append(place)
    return values[kept], heights[kept].astype(np.float32)


def knot_table(knots: tuple[float, ...], heights: tuple[float, ...]) -> KnotTable:
    """Knots as places, their number filled up by places that are never reached.

    A rise is rounded such that it ends no higher than the next place: scores never fall, not by a last digit either.
    """
    n = len(knots)
    starts = np.full(N_KNOTS, 2 * LARGEST, np.float32)
    starts[:n] = knots
    at_start = np.full(N_KNOTS, heights[-1], np.float32)
    at_start[:n] = heights
    widths, rises = np.ones(N_KNOTS, np.float32), np.zeros(N_KNOTS, np.float32)
    widths[: n - 1] = np.diff(starts[:n])
    rises[: n - 1] = np.diff(at_start[:n])
    ends = np.append(at_start[1:], at_start[-1])
    while (too_high := at_start + rises > ends).any():
        rises[too_high] = np.nextafter(rises[too_high], np.float32(0))
    return KnotTable(starts, at_start, widths, rises)


def scores(
    raw: NDArray[np.float32], knots: tuple[float, ...], heights: tuple[float, ...], *, median: float
) -> NDArray[np.float32]:
    """The normal score of every number, shape (n_rows,); it never falls where numbers rise.

    Args:
        raw: Numbers, NaN where missing, shape (n_rows,).
        knots: As `fit_knots` found them.
        heights: Their scores.
        median: What stands for a missing number.
    """
    starts, at_start, widths, rises = knot_table(knots, heights)
    x = np.where(np.isfinite(raw), raw, np.float32(median))
    x = np.clip(x, starts[0], np.float32(knots[-1]))
    place = np.searchsorted(starts, x, side="right") - 1
    found: NDArray[np.float32] = at_start[place] + (x - starts[place]) / widths[place] * rises[place]
    return found
