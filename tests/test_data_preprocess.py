"""The matrix: its arithmetic, what it learns and from which rows, and rows unlike any it has seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.features.preprocess import (
    CLIP,
    MAX_LEVELS,
    MIN_LEVEL_ROWS,
    CategoryColumn,
    NumberColumn,
    Preprocessor,
    learn_layout,
    raw_numbers,
)
from ffsearch.search.data.features.problem import Role
from ffsearch.search.data.features.spreads import spreads
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import DateReading
from model_examples import raw_inputs


def raw_of(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    numbers = [name for name in frame.columns if name.startswith("n")]
    return raw_inputs(frame, numbers=numbers, categories=[name for name in frame.columns if name not in numbers])


def fitted(frame: pd.DataFrame) -> Preprocessor:
    raw = raw_of(frame)
    return Preprocessor.fit(learn_layout(raw), raw)


TRAIN = pd.DataFrame(
    {
        "n1": ["1", "2", "3", "4", "5"] * 6,
        "n2": ["10", "", "30", "20", "20"] * 6,
        "c1": ["a", "b", "a", "b", "a"] * 6,
        "c2": ["1", "1.0", "", "10", "9"] * 6,
    }
)


def test_columns_and_their_names() -> None:
    preprocessor = fitted(TRAIN)
    assert preprocessor.feature_names == (
        "n1", "n2", "n2 (missing)", "c1 = a", "c1 = b", "c1 (other)",
        "c2 (missing)", "c2 = 1", "c2 = 9", "c2 = 10", "c2 (other)",
    )  # fmt: skip
    assert preprocessor.n_features == 11
    assert learn_layout(raw_of(TRAIN)).n_features == 11
    matrix = preprocessor.transform(TRAIN)
    assert matrix.shape == (30, 11)
    assert matrix.dtype == np.dtype(np.float32)
    assert matrix[1].tolist() == pytest.approx([-0.5 / np.sqrt(1 + (0.5 / 3) ** 2), 0, 1, 0, 1, 0, 0, 1, 0, 0, 0])


def test_statistics_are_robust_and_missing_cells_take_the_median() -> None:
    preprocessor = fitted(TRAIN)
    assert preprocessor.numbers == (
        NumberColumn(name="n1", median=3.0, scale=2.0, flag=False, low=1.0, high=5.0, is_whole=True),
        NumberColumn(name="n2", median=20.0, scale=5.0, flag=True, low=10.0, high=30.0, is_whole=True),
    )
    missing = preprocessor.transform(TRAIN.iloc[1:2].assign(n1="?"))
    assert missing[0, :3].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("cells", "scale"),
    [
        ([0.0] * 9 + [8.0], 4.0),  # half the range where the quartiles agree
        ([7.0] * 10, 1.0),  # nothing to scale by
        ([0.0, 1e-45] * 5, 1.0),  # not representable
        ([-3e38, 3e38] * 5, 3e38),  # the quartiles' distance would be infinite
    ],
)
def test_scales_of_odd_columns(cells: list[float], scale: float) -> None:
    preprocessor = fitted(pd.DataFrame({"n": cells}))
    assert preprocessor.numbers[0].scale == pytest.approx(scale)
    assert np.isfinite(preprocessor.transform(pd.DataFrame({"n": cells}))).all()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_every_number_has_a_bounded_feature(cells: list[float]) -> None:
    frame = pd.DataFrame({"n": cells})
    matrix = fitted(frame).transform(frame)
    assert np.isfinite(matrix).all()
    assert (np.abs(matrix[:, 0]) <= CLIP * (1 + 1e-6)).all()


def test_the_smooth_clip_keeps_small_numbers_and_bounds_large_ones() -> None:
    column = NumberColumn(name="n", median=0.0, scale=1.0, flag=False)
    z = np.array([0, 0.01, -1, 3, 1e9, -3e38], dtype=np.float32)
    expected = [0, 0.01, -1 / np.sqrt(1 + 1 / 9), 3 / np.sqrt(2), 3, -3]
    assert column.scaled(z) == pytest.approx(expected, rel=1e-4)


def test_rare_levels_share_the_last_slot() -> None:
    frame = pd.DataFrame({"c": ["a"] * 20 + ["b"] * MIN_LEVEL_ROWS + ["r"] * (MIN_LEVEL_ROWS - 1)})
    preprocessor = fitted(frame)
    assert preprocessor.categories[0].levels == ("a", "b")
    assert preprocessor.transform(frame)[-1].tolist() == [0, 0, 1]


def test_only_the_most_frequent_of_many_levels_have_a_slot() -> None:
    cells = [f"l{i}" for i in range(MAX_LEVELS + 5) for _ in range(MIN_LEVEL_ROWS + (i >= 5))]
    (category,) = fitted(pd.DataFrame({"c": cells})).categories
    assert len(category.levels) == MAX_LEVELS
    assert "l4" not in category.levels
    assert "l5" in category.levels


def test_folds_agree_on_columns_though_a_level_is_not_in_one() -> None:
    raw = raw_of(TRAIN)
    few = raw_of(TRAIN[TRAIN["c1"] == "a"])
    preprocessor = Preprocessor.fit(learn_layout(raw), few)
    assert preprocessor.categories[0] == CategoryColumn(name="c1", levels=("a", "b"), known=(True, False))
    assert preprocessor.categories[0].slots == {"a": 0}
    assert preprocessor.transform(TRAIN)[1, 3:6].tolist() == [0, 0, 1]
    assert preprocessor.feature_names == fitted(TRAIN).feature_names


def test_a_column_that_is_missing_in_all_training_rows() -> None:
    layout = learn_layout(raw_of(TRAIN))
    preprocessor = Preprocessor.fit(layout, raw_of(TRAIN.assign(n2="", c2="")))
    matrix = preprocessor.transform(TRAIN)
    assert np.isfinite(matrix).all()
    assert preprocessor.numbers[1] == NumberColumn(name="n2", median=0.0, scale=1.0, flag=True)


def binned(frame: pd.DataFrame, number_bins: int, *, rows: slice = slice(None)) -> Preprocessor:
    """Laid out by all rows, fitted on some."""
    return Preprocessor.fit(learn_layout(raw_of(frame), number_bins=number_bins), raw_of(frame[rows]))


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=40),
    st.integers(2, 12),
    st.floats(-1e7, 1e7, width=32),
)
def test_bins_add_up_to_the_number_within_its_range(cells: list[float], number_bins: int, asked: float) -> None:
    preprocessor = binned(pd.DataFrame({"n": cells}), number_bins)
    (number,) = preprocessor.numbers
    if not number.n_bins:
        return
    assert 2 <= number.n_bins <= number_bins
    _, widths, at_median = number.bin_table()
    shares = number.bins(np.array([asked], np.float32))[0] + at_median
    assert ((shares >= -1e-6) & (shares <= 1 + 1e-6)).all()
    assert (np.diff(shares[: len(number.edges) - 1]) <= 1e-6).all()  # one after the other
    z = number.standardised(np.array([asked], np.float32))[0]
    come = number.edges[0] + float(shares.astype(np.float64) @ widths)
    rounded = 1e-3 + 1e-6 * float(widths.max())  # a share of a wide bin is known to float32 alone
    assert come == pytest.approx(np.clip(z, number.edges[0], number.edges[-1]), rel=1e-4, abs=rounded)


def test_bins_hold_equally_many_rows_and_stand_behind_all_else() -> None:
    cells = np.random.default_rng(0).gamma(1.0, size=4_000)
    preprocessor = binned(pd.DataFrame({"c": ["a", "b"] * 2_000, "n": cells}), 8)
    assert preprocessor.feature_names == ("n", "c = a", "c = b", "c (other)", *(f"n (bin {at})" for at in range(1, 9)))
    shares = preprocessor.transform(pd.DataFrame({"c": ["a"] * 4_000, "n": cells}))[:, 4:]
    inside = ((shares > shares.min(axis=0)) & (shares < shares.max(axis=0))).sum(axis=0)
    assert inside.min() > 490
    assert inside.max() < 510
    columns = learn_layout(raw_of(pd.DataFrame({"c": ["a", "b"] * 2_000, "n": cells})), number_bins=8).matrix_columns()
    assert columns.role.tolist() == [Role.NUMBER, *[Role.SLOT] * 3, *[Role.BIN] * 8]
    assert columns.cell.tolist() == [0, 1, 1, 1, *[0] * 8]


def test_a_missing_number_is_in_no_bin_and_few_values_have_few() -> None:
    frame = pd.DataFrame({"n1": [1.0, 2.0, 3.0, np.nan] * 10, "n2": [0.0] * 39 + [1.0], "n3": [5.0] * 40})
    preprocessor = binned(frame, 16)
    assert [number.n_bins for number in preprocessor.numbers] == [2, 0, 0]  # one bin would say what the number says
    np.testing.assert_array_equal(preprocessor.transform(frame)[:4, -2:], [[-1, 0], [0, 0], [0, 1], [0, 0]])


@pytest.mark.parametrize("rows", [slice(0, 20), slice(20, 40), slice(0, 1)])
def test_folds_agree_on_bins_though_their_quantiles_differ(rows: slice) -> None:
    frame = pd.DataFrame({"n": [0.0] * 20 + [float(number) for number in range(20)]})
    preprocessor = binned(frame, 10, rows=rows)
    (number,) = preprocessor.numbers
    assert len(number.edges) <= number.n_bins + 1
    assert preprocessor.n_features == binned(frame, 10).n_features
    assert np.isfinite(preprocessor.transform(frame)).all()
    again = Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict())))
    assert again == preprocessor


def test_rows_unlike_any_seen() -> None:
    preprocessor = fitted(TRAIN)
    strange = pd.DataFrame({"more": [1], "c2": ["never"], "c1": [None], "n2": ["word"], "n1": ["1e30"]})
    assert preprocessor.transform(strange)[0].tolist() == [3, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1]
    assert preprocessor.transform(strange.iloc[:0]).shape == (0, 11)


def test_types_do_not_matter() -> None:
    preprocessor = fitted(TRAIN)
    typed = pd.DataFrame(
        {
            "n1": TRAIN["n1"].astype(int),
            "n2": pd.to_numeric(TRAIN["n2"]),
            "c1": TRAIN["c1"].astype("category"),
            "c2": pd.to_numeric(TRAIN["c2"]),
        }
    )
    assert (preprocessor.transform(typed) == preprocessor.transform(TRAIN)).all()
    assert (fitted(typed).transform(typed) == preprocessor.transform(TRAIN)).all()


def test_raw_inputs_are_what_the_saved_model_takes() -> None:
    frame = pd.DataFrame({"n": [" 1.5", "inf", "x"], "c": [" a ", None, "2.0"]})
    raw = raw_of(frame)
    assert raw["n"].dtype == np.float32
    assert raw["n"][0] == 1.5
    assert np.isnan(raw["n"][1:]).all()
    assert raw["c"].tolist() == ["a", "", "2"]


def test_a_missing_column_is_named() -> None:
    text = (
        r"^These rows lack 2 of the columns that were trained on: 'n1' \(is it 'n1_'\?\), 'c2'\. Add or rename them\.$"
    )
    with pytest.raises(DataError, match=text):
        fitted(TRAIN).transform(TRAIN.rename(columns={"n1": "n1_"})[["n1_", "n2", "c1"]])


def test_a_preprocessor_survives_json() -> None:
    preprocessor = fitted(TRAIN)
    again = Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict())))
    assert again == preprocessor


def test_what_an_older_version_wrote_is_read_with_defaults_for_what_it_did_not_know() -> None:
    preprocessor = fitted(TRAIN)
    values = json.loads(json.dumps(preprocessor.to_dict()))
    values.pop("cycles")
    for column, keys in (("numbers", ["reading"]), ("categories", ["ordered", "rest", "encodings"])):
        for one in values[column]:
            for key in keys:
                one.pop(key)
    assert Preprocessor.from_dict(values) == preprocessor


@given(
    n_rows=st.integers(0, 12),
    kinds=st.lists(
        st.sampled_from(["normal", "whole", "constant", "mostly the same", "with gaps", "empty"]), max_size=9
    ),
    n_at_once=st.integers(1, 40),
    seed=st.integers(0, 2**16),
)
def test_columns_looked_at_together_are_as_each_by_itself(
    n_rows: int, kinds: list[str], n_at_once: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    columns = []
    for kind in kinds:
        cells = generator.normal(0, 10, n_rows).astype(np.float32)
        cells = np.round(cells) if kind == "whole" else cells
        cells[: {"constant": n_rows, "mostly the same": n_rows - 1}.get(kind, 0)] = 2.5
        cells[: {"empty": n_rows, "with gaps": n_rows // 2}.get(kind, 0)] = np.nan
        columns.append(cells)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ffsearch.search.data.features.spreads._CELLS_AT_ONCE", n_at_once)
        together = list(spreads(columns))
    assert len(together) == len(columns)
    for cells, found in zip(columns, together, strict=True):
        present = cells[~np.isnan(cells)].astype(np.float64)
        if not len(present):
            assert found == (0.0, 1.0, None, None, False)
            continue
        quarter, three_quarters = np.quantile(present, [0.25, 0.75])
        scales = [scale for scale in (three_quarters - quarter, np.ptp(present) / 2) if scale > 0]
        assert found.median == np.float32(np.median(present))
        assert found.scale == np.float32(scales[0] if scales else 1)
        assert (found.low, found.high) == (present.min(), present.max())
        assert found.is_whole == bool((present == np.round(present)).all())


@given(shuffled=st.sets(st.sampled_from([*TRAIN.columns, "day"]), min_size=1), seed=st.integers(0, 99))
def test_a_columns_places_in_the_matrix_are_all_that_its_cells_say(shuffled: set[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = pd.Series(pd.date_range("2024-01-01", periods=30, freq="11D")).dt.strftime("%Y-%m-%d")
    frame = TRAIN.assign(day=days)
    origin = DateReading(day_first=False, origin="2024-01-01")
    raw = {**raw_of(TRAIN), "day": raw_numbers(Cells(frame["day"]), origin)}
    preprocessor = Preprocessor.fit(learn_layout(raw, readings={"day": origin}, number_bins=3), raw)
    order = rng.permutation(30)
    matrix = preprocessor.matrix(raw, n_rows=30)
    dealt = preprocessor.matrix({**raw, **{name: raw[name][order] for name in shuffled}}, n_rows=30)
    places = np.concatenate([preprocessor.places[name] for name in sorted(shuffled)])
    matrix[:, places] = matrix[order][:, places]
    np.testing.assert_array_equal(matrix, dealt)
    assert sorted(np.concatenate(list(preprocessor.places.values()))) == list(range(preprocessor.n_features))
