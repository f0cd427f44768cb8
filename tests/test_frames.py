"""Frames of other libraries: taken as the frame of pandas they are, or refused by their name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ffsearch
from ffsearch.errors import DataError
from ffsearch.search.data.files.frames import as_pandas, is_foreign_frame
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

N = 80
COLUMNS: dict[str, list[Any]] = {
    "size": [place * 0.5 for place in range(N)],
    "count": [None if place % 9 == 0 else place * 7 % 31 for place in range(N)],
    "word": [None if place % 11 == 0 else f"w{place % 4}" for place in range(N)],
    "is_new": [place % 3 == 0 for place in range(N)],
    "day": [f"2024-0{1 + place % 9}-1{place % 10}" for place in range(N)],
    "y": [place * 0.25 + place % 3 for place in range(N)],
}
POLARS = pl.DataFrame(COLUMNS).with_columns(pl.col("day").str.to_date())
TYPED = POLARS.with_columns(pl.col("word").cast(pl.Categorical), pl.col("size").cast(pl.Decimal(10, 2)))
FRAMES = {
    "polars": POLARS,
    "polars with categories and decimals": TYPED,
    "a lazy frame of polars": POLARS.lazy(),
    "a table of arrow": POLARS.to_arrow(),
    "a batch of arrow": POLARS.to_arrow().combine_chunks().to_batches()[0],
}


def matrix(frame: Any) -> np.ndarray[Any, Any]:
    return prepare(DataSpec(source="frame", target="y", test=None), frame=as_pandas(frame), seed=0).fit_all().x


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_gives_the_matrix_of_its_csv(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    POLARS.write_csv(path)
    learnt = prepare(DataSpec(source=str(path), target="y", test=None), seed=0)
    np.testing.assert_array_equal(matrix(FRAMES[kind]), learnt.fit_all().x)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (pl.DataFrame({"a": [[1], [2]]}), "columns of lists or records: a"),
        (pa.table({"a": [{"b": 1}]}), "columns of lists or records: a"),
        ([1, 2], "data is a builtins.list, which is no table"),
        (SimpleNamespace(columns=["a"], compute=lambda: None), "whose rows are not here yet.*compute"),
    ],
)
def test_what_is_no_table_is_refused(given: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        as_pandas(given)


def test_series_and_arrays_are_no_frames() -> None:
    for given in (pl.Series([1]), pd.Series([1]), np.ones(3), [1], pd.DataFrame({"a": [1]})):
        assert not is_foreign_frame(given)


def test_a_run_and_its_model_take_polars(tmp_path: Path) -> None:
    quick = {"search.trials": 1, "train.max_epochs": 2, "evidence": "none"}
    run = ffsearch.run("tabular", data=POLARS, target="y", overrides=quick, out=tmp_path / "run")  # type: ignore[arg-type]
    model = ffsearch.load_model(run.path)
    expected = model.predict(POLARS.to_pandas())
    for rows in (POLARS, POLARS.lazy(), TYPED, POLARS.to_arrow()):
        np.testing.assert_array_equal(model.predict(rows), expected)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="Rows were given as set, and columns are found by their names"):
        model.predict({"size"})  # type: ignore[arg-type]


def test_an_estimator_takes_polars() -> None:
    rows, y = POLARS.drop("y"), POLARS.select("y")
    estimator = ffsearch.FFSearchRegressor(trials=1, overrides={"train.max_epochs": 2}, random_state=0)
    predictions = estimator.fit(rows, y).predict(rows)
    np.testing.assert_allclose(predictions, estimator.predict(rows.to_pandas()), rtol=1e-6)
