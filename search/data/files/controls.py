"""Tables whose answer is known, to see whether a study finds it: `control:tent`, `control:tent@3` for another draw.

    tent     tent map iterated five times, three inputs       depth must win: each iteration doubles the kinks
    radial   cos(2 pi r) of four inputs                       depth wins: the radius first, then a function of it
    linear   a weighted sum of eight inputs plus noise        nothing wins: the smallest network will do
    noise    a target that has nothing to do with its inputs  nothing wins

Source: Telgarsky 2016, arXiv 1602.04485 (tent); Eldan and Shamir 2016, arXiv 1512.03965 (radial).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError

__all__ = ["CONTROLS", "TARGET", "control_frame"]

TARGET: Final = "y"

N_ROWS: Final = 4_000
"""Rows of a control. choice: 640 of them validate and 800 test, which tells scores apart to 2 or 3 % of noise."""

TENT_ROUNDS: Final = 2
"""Times that a further input is averaged in and the map applied twice, after it was applied once to the first input.

choice: along one input alone eight kinks are no task for a hundred units: at 300 and 1,000 parameters tuned networks of
one layer come to 2 % of the spread as deep ones do, and only those that got stuck tell them apart; and of five
iterations along one input nothing is learnt in 3,000 updates, whatever the depth. In two rounds one layer keeps three
quarters of the spread, four layers half of it; in three rounds nobody learns anything from 4,000 rows.
"""

NOISE: Final = 1.0
"""Standard deviation of what the linear control adds to a signal of the same. choice: half of the variance is noise."""

_SEED: Final = 6_600
"""Where all draws come from, with the draw's number. choice: the book's figures are 6.6 and 6.7."""

_Drawn = tuple[NDArray[np.float64], NDArray[np.float64]]


def _tent(rng: np.random.Generator) -> _Drawn:
    x = rng.random((N_ROWS, 1 + TENT_ROUNDS))
    y = _folded(x[:, 0])
    for further in x.T[1:]:
        y = _folded(_folded((y + further) / 2))
    return x, y


def _folded(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tent map: 0 to 1 and back to 0 on [0, 1]."""
    folded: NDArray[np.float64] = 1 - np.abs(2 * y - 1)
    return folded


def _radial(rng: np.random.Generator) -> _Drawn:
    x = rng.uniform(-1, 1, (N_ROWS, 4))
    return x, np.cos(2 * np.pi * np.linalg.norm(x, axis=1))


def _linear(rng: np.random.Generator) -> _Drawn:
    x = rng.standard_normal((N_ROWS, 8))
    weights = rng.standard_normal(8)
    return x, x @ (weights / np.linalg.norm(weights)) + NOISE * rng.standard_normal(N_ROWS)


def _noise(rng: np.random.Generator) -> _Drawn:
    return rng.standard_normal((N_ROWS, 8)), rng.standard_normal(N_ROWS)


CONTROLS: Final[Mapping[str, Callable[[np.random.Generator], _Drawn]]] = {
    "tent": _tent,
    "radial": _radial,
    "linear": _linear,
    "noise": _noise,
}


def control_frame(name: str) -> pd.DataFrame:
    """The table of a control, inputs `x1`, `x2`, ... and the target `y`; the same every time.

    Args:
        name: `tent`, or `tent@3` for the third draw beside the first, which is `tent@0`.

    Raises:
        DataError: If there is no such control.
    """
    base, at, draw = name.partition("@")
    if base not in CONTROLS or (at and not (draw.isascii() and draw.isdigit())):
        near = get_close_matches(base, CONTROLS, n=1)
        told = f" (is it control:{near[0]}?)" if near and near[0] != base else ""
        raise DataError(
            f"control:{name} is no control{told}. There are: {', '.join(CONTROLS)}; control:tent@3 is another draw."
        )
    number = list(CONTROLS).index(base)
    x, y = CONTROLS[base](np.random.default_rng([_SEED, number, int(draw or 0)]))
    return pd.DataFrame({f"x{place + 1}": x[:, place] for place in range(x.shape[1])} | {TARGET: y})
