"""Columns that give the answer away are named with their score, and honest ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from ffsearch.search.data.leaks import N_NEAREST, _Neighbours, find_leaks
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.steps.inputs import read_inputs, requested
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import PLAIN
from ffsearch.spaces.schema import DataSpec

N_ROWS = 1000


def prepared(frame: pd.DataFrame, *, target: str | tuple[str, ...] = "y", seed: int = 0) -> Prepared:
    return prepare(DataSpec(source="frame", target=target), frame=frame, seed=seed)


def leaks_in(frame: pd.DataFrame, *, target: str | tuple[str, ...] = "y") -> tuple[Finding, ...]:
    return find_leaks(prepared(frame, target=target), seed=0)


def a_frame(kind: str) -> tuple[pd.DataFrame, np.random.Generator]:
    """Honest columns, of which two say something of the target."""
    rng = np.random.default_rng(7)
    a, b, c = rng.normal(size=(3, N_ROWS))
    signal = a + 0.5 * b + rng.normal(size=N_ROWS)
    targets = {
        "number": 10 * signal,
        "heavy": np.exp(3 * signal),
        "binary": np.where(signal > 0, "yes", "no"),
        "rare": np.where(signal > np.quantile(signal, 0.96), "yes", "no"),
        "classes": np.digitize(signal, [-1, 0, 1]).astype(str),
    }
    level = rng.choice(["p", "q", "r"], size=N_ROWS)
    return pd.DataFrame({"a": a, "b": b, "c": c, "level": level, "y": targets[kind]}), rng


def noisy(values: Any, rng: np.random.Generator, share: float) -> NDArray[Any]:
    """The values with a share of them drawn anew from all."""
    cells = np.asarray(values).copy()
    wrong = rng.permutation(len(cells))[: round(share * len(cells))]
    cells[wrong] = rng.permutation(cells)[: len(wrong)]
    return cells


@pytest.mark.parametrize("kind", ["number", "heavy", "binary", "rare", "classes"])
def test_a_copy_is_named_and_honest_columns_are_not(kind: str) -> None:
    frame, _ = a_frame(kind)
    assert leaks_in(frame) == ()
    frame["copy"] = frame["y"]
    (leak,) = leaks_in(frame)
    assert (leak.code, leak.values["column"], leak.values["target"]) == (Code.LEAK, "copy", "y")
    assert float(str(leak.values["score"])) > 0.97


@pytest.mark.parametrize("kind", ["number", "heavy", "binary", "classes"])
def test_a_noisy_copy_is_named(kind: str) -> None:
    frame, rng = a_frame(kind)
    if kind in ("number", "heavy"):
        frame["copy"] = frame["y"] * np.exp(rng.normal(scale=0.02, size=N_ROWS))
    else:
        frame["copy"] = noisy(frame["y"], rng, 0.02)
    assert [leak.values["column"] for leak in leaks_in(frame)] == ["copy"]


def test_what_is_missing_where_the_answer_is_yes_is_named() -> None:
    frame, rng = a_frame("binary")
    frame["closed"] = np.where(frame["y"] == "yes", np.nan, rng.normal(size=N_ROWS))
    (leak,) = leaks_in(frame)
    frequent = frame["y"].iloc[prepared(frame).development_rows].value_counts(normalize=True).max()
    assert PLAIN.says(leak).startswith(
        f"'closed' alone predicts 'y' with accuracy 1.000 (the most frequent class alone: {frequent:.4f})"
    )


def test_codes_of_classes_are_named_whatever_their_order() -> None:
    frame, _ = a_frame("classes")
    frame["code"] = frame["y"].map({"0": "delta", "1": "alpha", "2": "omega", "3": "beta"})
    frame["number"] = frame["y"].map({"0": 7, "1": 1, "2": 90, "3": 3}).astype(float)
    assert sorted(str(leak.values["column"]) for leak in leaks_in(frame)) == ["code", "number"]


def test_every_target_is_asked_for() -> None:
    frame, _ = a_frame("number")
    frame["z"] = frame["c"] ** 3
    (leak,) = leaks_in(frame, target=("y", "z"))
    assert (leak.values["column"], leak.values["target"]) == ("c", "z")


def test_few_groups_that_explain_most_of_a_number_are_no_copy_of_it() -> None:
    rng = np.random.default_rng(0)
    shape = rng.integers(0, 12, size=N_ROWS)
    heat = 3.0 * shape + rng.normal(scale=2.5, size=N_ROWS)
    frame = pd.DataFrame({"shape": shape, "other": rng.normal(size=N_ROWS), "y": heat})
    assert leaks_in(frame) == ()
    frame["y"] = frame["shape"] + rng.normal(scale=0.01, size=N_ROWS)  # the target rounded: as good as the target
    assert [leak.values["column"] for leak in leaks_in(frame)] == ["shape"]


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "wine", "digits", "diabetes", "linnerud"])
def test_bundled_tables_give_no_alarm(name: str) -> None:
    for seed in range(3):
        table = prepare(DataSpec(source=f"sklearn:{name}"), seed=seed)
        assert find_leaks(table, seed=seed) == ()


def test_sealed_rows_are_not_read() -> None:
    frame, _ = a_frame("binary")
    frame["copy"] = frame["y"]
    sealed = prepared(frame).splits.test
    changed = frame.copy()
    changed.loc[sealed, "copy"] = np.random.default_rng(0).permutation(frame.loc[sealed, "copy"].to_numpy())
    assert leaks_in(changed) == leaks_in(frame)


def test_too_few_rows_say_nothing() -> None:
    frame = pd.DataFrame({"copy": [0.5, 1.5] * 20, "y": ["p", "q"] * 20})
    assert leaks_in(frame) == ()


def test_a_run_says_it_and_what_to_do() -> None:
    frame, _ = a_frame("number")
    frame["copy"] = frame["y"] + 1
    notices = read_inputs(requested("tabular", data=frame, target="y")).prepared.notices
    (told,) = [notice for notice in notices if notice.code is Code.LEAK]
    assert told == leaks_in(frame)[0]
    assert "'copy' alone predicts 'y' with R² 0.99" in PLAIN.says(told)
    assert PLAIN.says(told).endswith("drop it (data.drop).")


@given(
    cells=arrays.arrays(
        np.float32, st.integers(2, 40), elements=st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, 50.0, float("nan")])
    ),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_every_row_is_answered_from_its_neighbours_and_never_from_itself(cells: NDArray[np.float32], seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=(len(cells), 2))
    neighbours = _Neighbours.of(cells)
    if neighbours is None:
        assert len(np.unique(cells)) == 1
        return
    predictions = neighbours.means(y)
    ordered = np.sort(cells[~np.isnan(cells)])
    for row, cell in enumerate(cells):
        if np.isnan(cell):
            near = np.isnan(cells)
        else:  # the values half the neighbours away on both sides, and all that are equal to one of them
            place = int(neighbours_place(neighbours, row))
            low = ordered[max(0, place - N_NEAREST // 2)]
            high = ordered[min(len(ordered) - 1, place + N_NEAREST // 2)]
            near = (cells >= low) & (cells <= high)
        near = near & (np.arange(len(cells)) != row)
        expected = y[near].mean(axis=0) if near.any() else y.mean(axis=0)
        np.testing.assert_allclose(predictions[row], expected, atol=1e-9)


def neighbours_place(neighbours: _Neighbours, row: int) -> int:
    return int(np.flatnonzero(neighbours.order == row)[0])


@given(power=st.sampled_from([1.0, 3.0]), factor=st.floats(0.01, 100.0), shift=st.floats(-10.0, 10.0))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_a_column_decides_nothing(power: float, factor: float, shift: float) -> None:
    cells = np.random.default_rng(1).integers(-50, 50, size=200).astype(np.float64)
    y = cells[:, None] * 2.0
    one, other = _Neighbours.of(cells), _Neighbours.of(factor * cells**power + shift)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.means(y), other.means(y))
