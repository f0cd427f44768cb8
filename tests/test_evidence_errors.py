"""Calibration, confusion, residuals and slices of predictions whose faults were built in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import ACCURACY, MAE
from ffsearch.search.data.prepare import prepare
from ffsearch.search.evidence.calibration import expected_if_calibrated, fit_temperature, reliability
from ffsearch.search.evidence.comparison import holm, paired_over_repeats, paired_over_rows
from ffsearch.search.evidence.errors_seen import N_POINTS, confusion, residuals, worst_slices
from ffsearch.search.evidence.intervals import share_interval
from ffsearch.search.evidence.metrics import METRICS
from ffsearch.search.evidence.units import UnitKind, Units
from ffsearch.search.network.heads import Head, Loss, Task, probabilities
from ffsearch.search.steps.judging import _columns
from ffsearch.spaces.schema import DataSpec

BINARY = Head(task=Task.BINARY, loss=Loss.BINARY_CROSSENTROPY, n_outputs=1, target_names=("y",), labels=("no", "yes"))


def drawn(n_rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Classes, and logits that are right about their chances."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(n_rows, 1))
    return (rng.random((n_rows, 1)) < 1 / (1 + np.exp(-logits))).astype(np.float32), logits


def test_right_probabilities_lie_on_the_diagonal() -> None:
    y, logits = drawn()
    curve = reliability(y[:, 0].astype(np.int64), probabilities(BINARY, logits))
    assert sum(one.n_rows for one in curve) == len(y)
    inside = [one.low <= one.confidence <= one.high for one in curve]
    assert np.mean(inside) > 0.8


def test_a_calibrated_model_has_the_calibration_error_that_is_expected() -> None:
    """A few rows differ from right probabilities: the error of 36 such rows is large, and all of it expected."""
    rng = np.random.default_rng(0)
    found, expected = [], []
    for _ in range(200):
        second = rng.beta(0.6, 0.6, 36)
        predictions = np.column_stack([1 - second, second])
        found.append(METRICS[Task.BINARY]["ece"]((rng.random(36) < second).astype(np.int64), predictions))
        expected.append(expected_if_calibrated(predictions, rng=rng))
    assert np.mean(found) > 0.08
    assert np.mean(expected) == pytest.approx(np.mean(found), rel=0.1)


def test_errors_to_both_sides_do_not_cancel() -> None:
    """Too low below a half and too high above: the class answered is right as often as it says in the mean."""
    second = np.repeat([0.35, 0.65], 1000)
    truth = np.tile(np.repeat([0, 1], [500, 500]), 2)
    assert METRICS[Task.BINARY]["ece"](truth, np.column_stack([1 - second, second])) == pytest.approx(0.15)


def test_slices_go_by_units_where_a_column_is_constant_in_a_group() -> None:
    """Groups differ, rows of a group do not: by rows some group's column is nearly always called worse."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 30)
    called = {"rows": 0, "groups": 0}
    for _ in range(60):
        losses = rng.standard_normal(12)[groups] + 0.3 * rng.standard_normal(360) + 5
        columns = {"site": (groups % 4).astype(str).astype(object)}
        called["rows"] += worst_slices(losses, columns)[0].is_worse
        by = Units.of_labels(UnitKind.GROUPS, groups)
        called["groups"] += worst_slices(losses, columns, units=by)[0].is_worse
    assert called["rows"] > 50
    assert called["groups"] <= 6


def test_more_classes_go_by_the_class_answered() -> None:
    rng = np.random.default_rng(0)
    predictions = rng.dirichlet(np.ones(3), size=500)
    curve = reliability(predictions.argmax(axis=1), predictions)
    assert all(one.value == 1 for one in curve)
    assert min(one.confidence for one in curve) > 1 / 3


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_factor(factor: float) -> None:
    y, logits = drawn()
    found = fit_temperature(BINARY, y, logits * factor)
    assert found.value == pytest.approx(factor, rel=0.1)
    assert found.loss_after <= found.loss_before


@given(n_rows=st.integers(1, 200), share=st.floats(0, 1))
def test_intervals_of_shares_stay_inside(n_rows: int, share: float) -> None:
    found = share_interval(round(share * n_rows), n_rows)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_confusion_counts_rows_and_leaves_unknown_classes_out() -> None:
    predictions = np.eye(3)[[0, 1, 1, 2]]
    expected = [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(
        confusion(np.array([0, 0, 1, -1]), predictions.argmax(axis=1), n_classes=predictions.shape[1]), expected
    )


def test_residuals_show_a_bias_that_grows() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.random(5000)
    found = residuals("y", predicted * 2, predicted, rng=rng)
    assert len(found.predicted) == len(found.residual) == N_POINTS
    assert found.bands.shape == (10, 6)
    assert (np.diff(found.bands[:, 3]) > 0).all()
    assert residuals("y", np.ones(1), np.zeros(1), rng=rng).bands.shape == (1, 6)


# --- slices ----------------------------------------------------------------------------------------------------------


def columns(rng: np.random.Generator, n_rows: int = 1000) -> dict[str, np.ndarray]:
    number = rng.normal(size=n_rows).astype(np.float32)
    number[:100] = np.nan
    return {
        "level": rng.choice(["a", "b", "c", ""], size=n_rows).astype(object),
        "number": number,
        "flag": rng.integers(2, size=n_rows).astype(np.float32),
        "image": rng.random((n_rows, 4)),
    }


def test_a_bad_level_is_found_first() -> None:
    rng = np.random.default_rng(0)
    table = columns(rng)
    losses = rng.exponential(size=1000) + 2 * (table["level"] == "b")
    found = worst_slices(losses, table)
    assert (found[0].column, found[0].rows) == ("level", "b")
    assert found[0].is_worse
    assert found[0].n_rows == (table["level"] == "b").sum()
    assert found[0].excess == pytest.approx(2, abs=0.3)
    assert found[0].low < 3 < found[0].high
    assert not any(one.is_worse for one in found[1:])


@pytest.mark.parametrize(("place", "column"), [("missing", "number"), ("end", "number"), ("empty", "level")])
def test_missing_cells_and_ends_of_numbers_are_slices(place: str, column: str) -> None:
    rng = np.random.default_rng(1)
    table = columns(rng)
    bad = {
        "missing": np.isnan(table["number"]),
        "end": table["number"] > np.nanquantile(table["number"], 0.8),
        "empty": table["level"] == "",
    }[place]
    found = worst_slices(rng.exponential(size=1000) + 2 * bad, table)[0]
    assert found.is_worse
    assert found.column == column
    highest = np.nanmax(table["number"])
    assert found.rows[1] == highest if place == "end" else found.rows is None


def test_a_number_of_few_values_has_a_slice_a_value() -> None:
    rng = np.random.default_rng(2)
    table = columns(rng)
    found = worst_slices(rng.exponential(size=1000) + table["flag"], table)[0]
    assert (found.column, found.rows) == ("flag", 1)


def test_dates_are_cut_as_numbers_are_and_told_as_dates() -> None:
    rng = np.random.default_rng(3)
    days = rng.integers(0, 1000, size=1000)
    moments = np.datetime64("2020-01-01", "s") + days * np.timedelta64(1, "D")
    moments[rng.random(1000) < 0.1] = np.datetime64("NaT")
    losses = rng.exponential(size=1000) + 2 * (moments >= np.datetime64("2022-02-16"))
    found = worst_slices(losses, {"when": moments})
    assert found[0].is_worse
    first, last = found[0].rows
    assert first.startswith("2022-02-")
    assert last == "2022-09-26"


def test_cells_are_read_for_slices_as_the_network_reads_them() -> None:
    """Prices with their sign and a comma, and dates: neither is missing, nor a category."""
    n_rows = 300
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n_rows), unit="D")
    frame = pd.DataFrame(
        {
            "price": [f"${1000 + 10 * number:,}" for number in range(n_rows)],
            "when": days.strftime("%d.%m.%Y"),
            "level": np.resize(["a", "b", "c"], n_rows),
            "y": np.arange(n_rows) % 7,
        }
    )
    ready = prepare(DataSpec(source="frame", target="y", task="regression"), frame=frame, seed=0)
    cells = _columns(ready, ready.fit_all().preprocessor.raw_inputs(ready.test_rows().features))
    assert not np.isnan(cells["price"]).any()
    assert cells["price"].min() >= 1000
    assert cells["when"].dtype.kind == "M"
    assert set(cells["when"].astype("datetime64[D]")) <= set(days.to_numpy().astype("datetime64[D]"))
    assert cells["level"].dtype == object


def test_chance_is_allowed_for() -> None:
    false = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        losses = rng.exponential(size=1000)
        false += any(one.is_worse for one in worst_slices(losses, columns(rng)))
    assert false <= 6


def test_few_rows_and_one_level_give_no_slices() -> None:
    assert worst_slices(np.ones(30), {"one": np.array(["a"] * 30, dtype=object)}) == ()
    assert worst_slices(np.ones(100), {"none": np.full(100, np.nan, np.float32)}) == ()
    assert worst_slices(np.ones(100), {"two": np.arange(100).astype(np.float32)}) == ()  # nothing is worse


# --- comparisons -----------------------------------------------------------------------------------------------------


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_p_values_keep_their_order_and_never_fall(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p or a == 1 for a, p in zip(adjusted, p_values, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert min(adjusted) == min(1.0, min(p_values) * len(p_values))


def test_differences_over_rows_cover_the_true_one() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(50):
        common = rng.normal(size=(1, 150, 1))
        terms = (common + 0.3 * rng.normal(size=(2, 150, 1)) + np.array([1.0, 1.1])[:, None, None]).astype(np.float32)
        found = paired_over_rows(MAE, truth=np.zeros((150, 1)), terms=terms, pairs=[(0, 1)])[0]
        held += found.low <= 0.1 <= found.high
        assert found.high - found.low < 0.3  # what rows have in common is no part of it
    assert held >= 44


def test_comparisons_that_hold_together_are_wider() -> None:
    rng = np.random.default_rng(0)
    terms = rng.random((2, 100, 1)).astype(np.float32)
    widths = [
        found.high - found.low
        for n_together in (1, 5)
        for found in paired_over_rows(
            MAE,
            truth=np.zeros((100, 1)),
            terms=terms,
            pairs=[(0, 1)],
            n_together=n_together,
        )
    ]
    assert widths[1] > 1.1 * widths[0]


def test_differences_over_repeats_allow_for_shared_rows() -> None:
    one, other = np.array([0.5, 0.6, 0.4, 0.5]), np.array([0.6, 0.72, 0.48, 0.6])
    found, p_value = paired_over_repeats(one, other, objective=MAE, test_to_train=0.25)
    assert found.value == pytest.approx(0.1)
    assert p_value < 0.05
    wider, _ = paired_over_repeats(one, other, objective=MAE, test_to_train=1.0)
    assert wider.high - wider.low > found.high - found.low
    turned, _ = paired_over_repeats(one, other, objective=ACCURACY, test_to_train=0.25)
    assert turned.value == pytest.approx(-0.1)
    same, p_value = paired_over_repeats(one, one, objective=MAE, test_to_train=0.25)
    assert (same.value, p_value) == (0.0, 1.0)
