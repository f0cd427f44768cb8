"""Cells, dates and what columns are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.kinds import Column, Kind, read_columns
from ffsearch.search.data.parsing.cells import Cells, natural_order
from ffsearch.search.data.parsing.dates import as_moments

N = 40


def judge(*, rows: Any = None, **columns: Any) -> dict[str, Column]:
    frame = pd.DataFrame(columns)
    return {column.name: column for column in read_columns(frame, np.arange(len(frame)) if rows is None else rows)[0]}


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_numbers_in_text(dtype: str) -> None:
    cells = [" 1", "+2.50 ", "1e3", ".5", "-inf", "", "  ", "?", "NA", "NaN", "null", "x", "1_000", "١"]
    numbers = Cells(pd.Series(cells, dtype=dtype)).numbers
    assert numbers[:5].tolist() == [1, 2.5, 1000, 0.5, -np.inf]
    assert np.isnan(numbers[5:]).all()


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(["1", "1.0", " 1 ", "2", "?"]),
        pd.Series(["1", "1.0", 1, 2.0, None], dtype=object),
        pd.Series([1, 1, 1, 2, None], dtype="Int64"),
        pd.Series([1.0, 1.0, 1.0, 2.0, np.nan]),
        pd.Series(["1", "1", "1", "2", None], dtype="category"),
    ],
)
def test_one_level_however_it_is_written(cells: pd.Series[Any]) -> None:
    levels = Cells(cells).levels
    assert levels.texts == ("1", "2")
    assert levels.codes.tolist() == [0, 0, 0, 1, -1]
    assert Cells(cells).numbers[:4].tolist() == [1, 1, 1, 2]


def test_versions_and_codes_are_not_taken_for_numbers() -> None:
    assert Cells(pd.Series(["1.1", "1.10", "007", "7"])).levels.texts == ("1.1", "1.10", "007", "7")


def test_natural_order() -> None:
    assert natural_order(["10", "9", "-1.5"]) == ["-1.5", "9", "10"]
    assert natural_order(["b10", "b9", "1"]) == ["1", "b10", "b9"]


KINDS: dict[str, tuple[list[Any], Kind, str]] = {
    "number": ([f"{i}.5" for i in range(N)], Kind.NUMBER, "40 different numbers"),
    "blank among numbers": ([" "] + [f"{i}.5" for i in range(N - 1)], Kind.NUMBER, "39 different numbers"),
    "few numbers": ([f"{i % 5}" for i in range(N)], Kind.NUMBER, "5 different numbers"),
    "category": ([f"c{i % 5}" for i in range(N)], Kind.CATEGORY, "5 different texts"),
    "zero one": ([f"{i % 2}" for i in range(N)], Kind.BOOLEAN, "only 0 and 1"),
    "yes no": (["Yes", "No"] * (N // 2), Kind.BOOLEAN, "only 'No' and 'Yes'"),
    "bool": ([True, False] * (N // 2), Kind.BOOLEAN, "only 'False' and 'True'"),
    "constant text": (["x"] * N, Kind.CONSTANT, "every cell is 'x'"),
    "constant number": ([3] * N, Kind.CONSTANT, "every cell is 3"),
    "empty": (["", "?"] * (N // 2), Kind.EMPTY, "no cell has a value"),
    "empty numbers": ([np.nan] * N, Kind.EMPTY, "no cell has a value"),
    "names": ([f"n{i}" for i in range(N)], Kind.ID, "40 different texts in 40 cells: it names rows"),
    "counter": (
        list(range(5, N + 5)),
        Kind.ID,
        "whole numbers, each once and almost without gaps: a counter; data.numbers keeps what was measured",
    ),
    "account_id": (
        [i * 1009 for i in range(N)],
        Kind.ID,
        "whole numbers, each once, under the name of an identifier; data.keep uses it all the same",
    ),
    "paid": ([i * 1009 for i in range(N)], Kind.NUMBER, "40 different numbers"),
    "prose": (
        [f"the story of number {i}" for i in range(N)],
        Kind.TEXT,
        "free text, 5 words a cell; make columns of what matters in it",
    ),
    "date": (
        [f"2024-01-{1 + i % 28:02d}" for i in range(N)],
        Kind.DATE,
        "28 different dates",
    ),
    "datetime": (
        list(pd.date_range("2024-01-01", periods=N)),
        Kind.DATE,
        "40 different dates",
    ),
    "one level or missing": (["x", ""] * (N // 2), Kind.CATEGORY, "1 text, and cells without one"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind_and_reason(name: str) -> None:
    cells, kind, reason = KINDS[name]
    other = [f"{i * i}.25" for i in range(N)]
    column = judge(**{name: cells, "other": other})[name]
    assert (column.kind, column.reason) == (kind, reason)
    assert column.used is (kind in {Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN, Kind.DATE})
    assert column.as_dict()["kind"] == str(kind)


def test_the_order_of_an_ordered_categorical_counts() -> None:
    sizes = pd.Categorical(["M", "S", None, "L"] * 10, categories=["S", "M", "L"], ordered=True)
    cuts = pd.cut(np.arange(40) / 7, bins=3)
    columns = judge(size=sizes, cut=cuts, loose=pd.Categorical(["M", "S", "M", "L"] * 10))
    assert (columns["size"].kind, columns["size"].order) == (Kind.ORDINAL, ("S", "M", "L"))
    assert columns["size"].reason == "3 levels from 'S' to 'L', as its type says"
    assert columns["size"].n_missing == 10
    assert columns["cut"].kind is Kind.ORDINAL
    assert columns["cut"].order == tuple(map(str, cuts.categories))
    assert columns["loose"].kind is Kind.CATEGORY
    many = [f"l{number}" for number in range(100)]
    assert judge(many=pd.Categorical(many * 10, categories=many, ordered=True))["many"].kind is Kind.CATEGORY


def test_missing_and_levels_are_counted() -> None:
    column = judge(a=["x", "y", "?", "", "x"] * 8)["a"]
    assert (column.n_missing, column.n_levels) == (16, 2)


def test_a_typing_error_does_not_make_a_category() -> None:
    column = judge(a=[f"{i}.5" for i in range(199)] + ["12..5"])["a"]
    assert column.kind is Kind.NUMBER
    assert column.reason == "199 different numbers; 1 cell such as '12..5' taken as missing"


def test_infinite_cells_are_said() -> None:
    assert judge(a=[1.5, np.inf] * 20)["a"].reason == "2 different numbers; 20 cells infinite, taken as missing"


def test_many_levels_are_said() -> None:
    column = judge(a=[f"c{i % 100}" for i in range(300)])["a"]
    assert column.kind is Kind.CATEGORY
    assert column.reason == "100 different texts; each level is in fewer than 5 rows, and all count as one"
    some = judge(a=["often"] * 5 + [f"c{i % 100}" for i in range(300)])["a"]
    assert some.reason == "101 different texts; levels of 5 rows or more count (1), all others as one"
    often = judge(a=[f"c{i % 100}" for i in range(600)])["a"]
    assert often.reason == (
        "100 different texts; the 64 most frequent levels count each for itself, 36 more by the mean target of their "
        "rows, all others as one"
    )


def test_a_column_that_repeats_another_is_left_out() -> None:
    cells = [f"{i % 7}.5" for i in range(N)]
    texts = [f"c{i % 3}" for i in range(N)]
    columns = judge(a=cells, b=[f" {cell}0" for cell in cells], c=texts, d=texts, e=["c1"] * N)
    assert [str(column.kind) for column in columns.values()] == [
        "number", "duplicate", "category", "duplicate", "constant",
    ]  # fmt: skip
    assert columns["b"].reason == "the same cells as 'a'"


def test_only_the_given_rows_are_looked_at() -> None:
    rows = np.arange(30)
    column = judge(a=["1.5"] * 15 + ["2"] * 15 + ["secret"] * 10, rows=rows)["a"]
    assert (column.kind, column.n_levels, column.n_missing) == (Kind.NUMBER, 2, 0)


def test_a_counter_is_used_where_nothing_else_is_left() -> None:
    column = judge(x=list(range(N)), name=[f"n{i}" for i in range(N)])["x"]
    assert (column.kind, column.used) == (Kind.NUMBER, True)
    assert column.reason == "a counter, used because no other column is left"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([3, 1, 2], False),
        (["2024-05-01", "2024-03-01", "2024-04-01"], False),
        (["31/05/2024", "1/3/2024", "02/04/2024"], False),
        (["5/31/2024", "3/1/2024", "4/2/2024"], False),
        (["3/1/2024", "1/1/2024", "2/1/2024"], True),
        (["3.1.2024", "1.1.2024", "2.1.2024"], False),
        (["2024-01-01 10:00", "2024-01-01 08:30:15.5", "2024-01-01T09:00"], False),
        (["2024-01-01 10:00Z", "2024-01-01 10:30+02:00", "2024-01-01 08:00-01:30"], False),
        (list(pd.to_datetime(["2024-05-01", "2024-03-01", "2024-04-01"])), False),
    ],
)
def test_moments_in_order(cells: list[Any], *, said: bool) -> None:
    moments, sentence = as_moments(Cells(pd.Series(cells, name="t")))
    assert moments.argsort().tolist() == [1, 2, 0]
    assert (sentence is not None) is said


def test_an_ambiguous_date_is_read_as_the_file_is_ordered() -> None:
    moments, sentence = as_moments(Cells(pd.Series(["01/02/2024", "02/02/2024", "01/03/2024"], name="t")))
    assert (np.diff(moments) > 0).all()
    assert sentence is None


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (
            ["2024-01-01", "", ""],
            r"^The time column 't' has 2 missing cells, but every row needs its place in time\. Fill",
        ),
        (["2024-01-01", "May"], r"^The time column 't' holds 'May', which is neither a number nor a date such as"),
        (["2024-13-41", "2024-01-01"], r"^The time column 't' holds '2024-13-41', which is neither"),
    ],
)
def test_a_time_column_that_gives_no_order(cells: list[str], text: str) -> None:
    with pytest.raises(DataError, match=text):
        as_moments(Cells(pd.Series(cells, name="t")))
