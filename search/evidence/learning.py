"""What more rows to learn from are worth: the refit has them all, repeats lack those they are judged on.

winner on half of a repeat's training rows  ->  score on the repeat's validation rows  }
winner on all of them                       ->  score on the same rows                 }  difference
difference x shape of learning curves       ->  how much better the refit is, with all rows outside the test part
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.base.confidence import TAIL
from ffsearch.search.evidence.finalists import corrected_factor
from ffsearch.search.folder.results import Estimate, RowsGain

__all__ = ["LEARNING_REPEATS", "PART", "gain_of_more_rows", "limits_of_gain", "rows_gain"]

PART: Final = 0.5
"""Share of the training rows that the winner learns from once more. choice: what a half loses is five times what the
refit gains, so that the difference is known well enough after few repeats."""

LEARNING_REPEATS: Final = 3
"""Repeats in which the winner learns from fewer rows. choice: the noise of three is divided by five all the same."""

N_DRAWS: Final = 4_000
"""Draws of the gain. Choice: a hundred of them lie beyond each end."""

SLOWEST, FASTEST = 0.3, 1.5
"""Exponents that learning curves fall by, `loss = a + b * n_rows ** -exponent`, each as likely as another in between.

Source: 1 is that of a network near its best weights (Amari, Fujita, Shinomoto 1992), deep networks far from them have
0.07 to 0.35 (Hestness et al. 2017, arXiv 1712.00409), small networks on tables lie between and beyond 1 (Viering and
Loog 2021, arXiv 2103.10948, section 4). Between both ends the refit's part of the difference is 0.28 to 0.16, with a
fifth of the rows validated on.
"""


def limits_of_gain(gain: RowsGain, tail: float, *, rng: np.random.Generator) -> tuple[float, float]:
    """The least and the most a gain may be, as far as it is known; never negative, as its value is not.

    Args:
        gain: What was learnt of it.
        tail: Share of chances to leave out on either side.
        rng: Draws the difference and the exponent.
    """
    differences = gain.difference + gain.error * rng.standard_t(gain.degrees, size=N_DRAWS)
    exponents = rng.uniform(SLOWEST, FASTEST, size=N_DRAWS)
    part = _part(exponents, gain.n_less, gain.n_repeat, gain.n_repeat, gain.n_refit)
    low, high = np.quantile(np.maximum(0.0, differences * part), [tail, 1 - tail])
    return min(float(low), gain.value), max(float(high), gain.value)


def gain_of_more_rows(gain: RowsGain, factor: float) -> Estimate:
    """What so many times the refit's rows would gain, as a loss: positive is better.

    So far beyond the rows that were seen the exponent of the learning curve counts for much, so the interval allows for
    every one between both ends, not for most.

    Args:
        gain: What half of the rows lost.
        factor: How many times.
    """
    from scipy.special import stdtrit

    n_more = round(factor * gain.n_refit)
    exponents = np.linspace(FASTEST, SLOWEST, 101)
    part = _part(exponents, gain.n_less, gain.n_repeat, gain.n_refit, n_more)
    reach = float(stdtrit(gain.degrees, 1 - TAIL)) * gain.error
    least, most = max(0.0, gain.difference - reach), max(0.0, gain.difference + reach)
    value = max(0.0, gain.difference) * float(part.mean())
    return Estimate(value=value, low=least * float(part[0]), high=most * float(part[-1]))


def rows_gain(
    fewer: NDArray[np.float64], all_rows: NDArray[np.float64], *, n_less: int, n_repeat: int, n_refit: int
) -> RowsGain | None:
    """What the refit's rows are worth.

    Args:
        fewer: Losses of the winner that learnt from part of the rows of a repeat, shape (n_repeats,); NaN where it
            diverged.
        all_rows: Its losses in the same repeats with all their training rows.
        n_less: Rows of that part.
        n_repeat: Training rows of a repeat.
        n_refit: Rows of the refit.

    Returns:
        None where fewer than two repeats can be compared.
    """
    lost = fewer - all_rows
    lost = lost[np.isfinite(lost)]
    if len(lost) < 2 or not n_less < n_repeat <= n_refit:
        return None
    factor = corrected_factor(len(lost), test_to_train=(n_refit - n_repeat) / n_repeat)
    difference = float(lost.mean())
    exponents = np.linspace(SLOWEST, FASTEST, 101)
    return RowsGain(
        value=max(0.0, difference * float(_part(exponents, n_less, n_repeat, n_repeat, n_refit).mean())),
        difference=difference,
        error=float(np.sqrt(factor * lost.var(ddof=1))),
        degrees=len(lost) - 1,
        n_less=n_less,
        n_repeat=n_repeat,
        n_refit=n_refit,
    )


def _part(exponents: NDArray[np.float64], n_less: int, n_repeat: int, start: int, end: int) -> NDArray[np.float64]:
    """What lies between two numbers of rows, as a share of the difference between less and repeat."""
    less, repeat, first, last = (float(n_rows) ** -exponents for n_rows in (n_less, n_repeat, start, end))
    return np.asarray((first - last) / (less - repeat))
