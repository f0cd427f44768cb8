"""Numbers as normal scores of their place among the training rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest, norm

from ffsearch.search.data.features.preprocess import Preprocessor, learn_layout, raw_numbers, raw_texts
from ffsearch.search.data.features.quantiles import N_KNOTS
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.spelling import PLAIN

ANY = st.floats(width=32)  # infinite, missing, tiny and huge ones too
RAW = st.lists(ANY, max_size=60) | st.lists(st.sampled_from([0.0, 0.0, 1.0, 1.0000001, 1e-30, 1e30, 5.0]), max_size=60)


def fitted(cells: NDArray[np.float32]) -> Preprocessor:
    raw = {"n": cells}
    return Preprocessor.fit(learn_layout(raw, quantiles=True), raw)


def scored(preprocessor: Preprocessor, cells: NDArray[np.float32]) -> NDArray[np.float32]:
    return preprocessor.numbers[0].scaled(cells)


def as_read(cells: list[float]) -> NDArray[np.float32]:
    """As a column is read: what is infinite is missing."""
    return raw_numbers(Cells(pd.Series(cells, dtype=np.float64)), PLAIN)


@given(RAW, st.lists(ANY, min_size=1, max_size=60))
def test_scores_are_finite_and_never_fall_whatever_the_numbers(learnt: list[float], asked: list[float]) -> None:
    preprocessor = fitted(as_read(learnt))
    rows = np.concatenate([as_read(learnt), as_read(asked)])
    ascending = np.sort(rows[~np.isnan(rows)])
    scores = scored(preprocessor, ascending)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) >= 0).all()
    assert np.abs(scores).max(initial=0) < 9
    assert np.isfinite(scored(preprocessor, rows)).all()
    (number,) = preprocessor.numbers
    assert 1 <= len(number.knots) == len(number.heights) <= N_KNOTS
    assert (np.diff(np.array(number.knots, np.float32)) > 0).all()


@given(RAW)
def test_what_is_kept_of_it_reads_back_equal(learnt: list[float]) -> None:
    preprocessor = fitted(as_read(learnt))
    assert Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict()))) == preprocessor


@pytest.mark.parametrize("scale", [0.3, 3.0])
@pytest.mark.parametrize("n_rows", [300, 20_000])
def test_heavy_tails_become_a_bell(scale: float, n_rows: int) -> None:
    generator = np.random.default_rng(0)
    learnt, fresh = (generator.lognormal(5.0, scale, n).astype(np.float32) for n in (n_rows, 20_000))
    scores = scored(fitted(learnt), fresh)
    assert kstest(scores, "norm").statistic < 2 / np.sqrt(n_rows) + 0.02
    assert scores.std() == pytest.approx(1, abs=0.1)
    own = scored(fitted(learnt), np.sort(learnt))
    assert np.abs(own - norm.ppf((np.arange(n_rows) + 0.5) / n_rows)).max() < 0.15


def test_values_that_repeat_stand_in_the_middle_of_their_ranks() -> None:
    learnt = np.array([0.0] * 80 + list(range(1, 21)), np.float32)
    scores = scored(fitted(learnt), np.array([-5, 0, 1, 20, 21, np.nan], np.float32))
    zero, least, most = norm.ppf(0.4), norm.ppf(0.805), norm.ppf(0.995)
    np.testing.assert_allclose(scores, [zero, zero, least, most, most, zero], rtol=1e-6)  # missing is the median, 0


def test_a_column_of_nothing_or_of_one_value_is_zero() -> None:
    for learnt in (np.full(5, np.nan, np.float32), np.full(5, 7, np.float32)):
        assert scored(fitted(learnt), np.array([-1e30, 7, np.nan, 1e30], np.float32)).tolist() == [0, 0, 0, 0]


def test_names_flags_and_categories_are_those_of_the_plain_matrix() -> None:
    raw = {"n": np.array([1, np.nan, 3], np.float32), "c": raw_texts(Cells(pd.Series(["a", "b", "a"])))}
    plain, quantiles = (Preprocessor.fit(learn_layout(raw, quantiles=asked), raw) for asked in (False, True))
    assert quantiles.feature_names == plain.feature_names
    one, other = (each.matrix(raw, n_rows=3) for each in (plain, quantiles))
    assert (one[:, 1:] == other[:, 1:]).all()
