"""What the refit's rows are worth, for learning curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from ffsearch.search.evidence.learning import limits_of_gain, rows_gain

ROWS = {"n_less": 320, "n_repeat": 640, "n_refit": 800}


def curve(n_rows: int, exponent: float) -> float:
    return 0.3 + 20 * n_rows**-exponent


@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 1.5])
def test_the_gain_of_learning_curves_of_all_shapes_is_found(exponent: float) -> None:
    less, repeat, refit = (curve(n_rows, exponent) for n_rows in (320, 640, 800))
    gain = rows_gain(np.full(3, less), np.full(3, repeat), **ROWS)
    assert gain is not None
    assert gain.value == pytest.approx(repeat - refit, rel=0.4)
    least, most = limits_of_gain(gain, 1e-3, rng=np.random.default_rng(0))
    assert least <= 1.02 * (repeat - refit)
    assert most >= 0.98 * (repeat - refit)


def test_more_rows_do_no_harm_and_noise_is_known_as_noise() -> None:
    gain = rows_gain(np.array([0.5, 0.3, 0.4]), np.array([0.4, 0.45, 0.5]), **ROWS)
    assert gain is not None
    assert gain.value == 0
    least, most = limits_of_gain(gain, 0.025, rng=np.random.default_rng(0))
    assert least == 0  # as the value is never less than nothing
    assert most > 0.03


def test_few_repeats_and_rows_that_are_not_more_tell_nothing() -> None:
    assert rows_gain(np.array([0.5]), np.array([0.4]), **ROWS) is None
    assert rows_gain(np.array([0.5, np.nan]), np.array([0.4, 0.4]), **ROWS) is None
    assert rows_gain(np.full(3, 0.5), np.full(3, 0.4), **ROWS | {"n_less": 640}) is None
