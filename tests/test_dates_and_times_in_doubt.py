"""Dates and times that can be read in two ways: decided by a rule that is told, the same for rows to answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.parsing.clocks import ClockReading
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.prepare import prepare
from ffsearch.search.exporting import host
from ffsearch.search.wording.codes import Code
from reported import GENERATOR, Door, N, asked, both_doors, column, learnt, numbers, spec, table, told

DAYS = pd.Timestamp("2021-01-02") + pd.to_timedelta(GENERATOR.integers(0, 1195, N), unit="D")
SINCE = (DAYS - DAYS.min()) / pd.Timedelta(days=1)


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    return Door(request.param, tmp_path)


def reading(preprocessor: Preprocessor) -> DateReading:
    (found,) = [one.reading for one in preprocessor.numbers if one.name == "x"]
    assert isinstance(found, DateReading)
    return found


@both_doors
@pytest.mark.parametrize("sign", ["-", "/", "."])
@pytest.mark.parametrize("order", ["%y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y"])
def test_the_year_stands_where_few_numbers_do(order: str, sign: str, door: Door) -> None:
    ready = door(table(x=DAYS.strftime(order.format(sign))))
    assert column(ready).kind is Kind.DATE
    np.testing.assert_allclose(numbers(ready), SINCE)
    in_doubt = [finding.form for finding in told(ready, Code.DATES_IN_DOUBT)]
    assert in_doubt == (["year_first"] if order.startswith("%y") else [])


@both_doors
def test_a_year_that_is_no_day_needs_no_guess(door: Door) -> None:
    days = DAYS - pd.DateOffset(years=30)
    ready = door(table(x=days.strftime("%y-%m-%d")))
    np.testing.assert_allclose(np.diff(numbers(ready)), np.diff(days) / pd.Timedelta(days=1))
    assert not told(ready, Code.DATES_IN_DOUBT)


@both_doors
def test_rows_by_time_that_are_in_order_in_one_way_say_which(door: Door) -> None:
    days = pd.date_range("2021-01-29", periods=N, freq="W").strftime("%y-%m-%d")
    ready = door(table(x=days), time="x")
    assert not told(ready, Code.DATES_IN_DOUBT)
    assert door(table(x=days[::-1]), time="x").notices[0].form == "time_year_first"


@both_doors
def test_as_many_numbers_at_either_end_are_told(door: Door) -> None:
    ready = door(table(x=[f"{21 + n % 5}-{1 + n % 12:02}-{24 + n // 5 % 5}" for n in range(N)]))
    assert [finding.form for finding in told(ready, Code.DATES_IN_DOUBT)] == ["year_last"]


@pytest.mark.parametrize("trained", ["%Y-%m-%d", "%d.%m.%Y", "%y-%m-%d", "%d/%m/%y", "%m/%d/%Y"])
@pytest.mark.parametrize("given", ["%y-%m-%d", "%y/%m/%d", "%d-%m-%y", "%d.%m.%y", "%m/%d/%y", "%Y-%m-%d"])
def test_rows_with_years_of_two_digits_are_read_by_the_years_that_were_learnt(trained: str, given: str) -> None:
    known = learnt(table(x=DAYS.strftime(trained)))
    expected = known.transform(table(x=DAYS.strftime(trained)))
    try:
        matrix = asked(known, table(x=DAYS.strftime(given)))
    except DataError as refused:
        assert "may be day first" in str(refused)  # noqa: PT017
        assert (trained, given) in {("%y-%m-%d", "%d-%m-%y")}
        return
    np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_the_reading_is_kept_and_the_host_code_has_it_too() -> None:
    known = learnt(table(x=DAYS.strftime("%y-%m-%d")))
    found = reading(known)
    assert found.year_first
    assert DateReading.from_dict(found.as_dict()) == found
    assert not DateReading.from_dict({"day_first": True, "origin": "2024-01-01"}).year_first
    assert host._days("22-03-01", found.as_dict()) == (pd.Timestamp("2022-03-01") - DAYS.min()).days


def clock(seconds: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds.tolist()]


WHOLE_DAY = GENERATOR.integers(0, 86_399, N)
MORNING = GENERATOR.integers(0, 43_000, N)


@both_doors
@pytest.mark.parametrize(
    ("cells", "of_day", "form"),
    [
        (clock(WHOLE_DAY), True, ["of_day"]),
        (clock(MORNING), False, ["durations"]),
        ([cell[:5] for cell in clock(MORNING)], True, []),
        ([f"{cell} AM" for cell in clock(MORNING % 42_000 + 3600)], True, []),
        (clock(WHOLE_DAY + 40_000), False, []),
    ],
    ids=["of the day", "none after noon", "without seconds", "am", "beyond a day"],
)
def test_what_a_time_is_is_said_by_noon(cells: list[str], of_day: bool, form: list[str], door: Door) -> None:  # noqa: FBT001
    ready = door(table(x=cells))
    assert column(ready).reading == ClockReading(of_day=of_day)
    assert [finding.form for finding in told(ready, Code.CLOCK_IN_DOUBT)] == form


@both_doors
def test_a_name_or_the_space_file_says_that_something_lasts(door: Door) -> None:
    named = door(table(lap_duration=clock(WHOLE_DAY)))
    assert column(named, "lap_duration").reading == ClockReading(of_day=False)
    stated = door(table(x=clock(WHOLE_DAY)), numbers=["x"])
    assert column(stated).reading == ClockReading(of_day=False)
    np.testing.assert_allclose(numbers(stated), WHOLE_DAY / 86_400, atol=1e-6)
    assert not told(named, Code.CLOCK_IN_DOUBT) + told(stated, Code.CLOCK_IN_DOUBT)


def test_a_type_of_times_needs_no_guess() -> None:
    cells = [pd.Timestamp(second, unit="s").time() for second in MORNING.tolist()]
    ready = prepare(spec(), frame=table(x=cells), seed=0)
    assert column(ready).reading == ClockReading(of_day=True)
    assert not told(ready, Code.CLOCK_IN_DOUBT)
