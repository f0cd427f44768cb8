"""Columns that public reports show other tools to misread: numbers, missing cells, durations, dates, categories."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.prepare import prepare
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from reported import AMOUNTS, GENERATOR, TARGET, WORDS, Door, N, both_doors, column, numbers, row, spec, table, told


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    return Door(request.param, tmp_path)


def lakh(value: float) -> str:
    """Indian grouping: 12,34,567."""
    digits = f"{value:.0f}"
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*pairs, tail])


def spaced(value: float) -> str:
    return f"{value:,.2f}".replace(",", "\N{NO-BREAK SPACE}")


def german(value: float, decimals: int = 2) -> str:
    return f"{value:,.{decimals}f}".translate({ord(","): ".", ord("."): ","})


SIGNED = np.round(np.where(np.arange(N) % 3 == 0, -1, 1) * AMOUNTS, 2)
LARGE = np.round(AMOUNTS * 1000)
THREE = np.array([float(f"{value:.3g}") for value in LARGE])

# The number in the log, what it is called there, the numbers, how a cell says one, and what has to be told.
SPELT: list[tuple[int, str, Any, Callable[[float], str], Code | None]] = [
    (13, "accounting negatives", SIGNED, lambda v: f"({-v:,.2f})" if v < 0 else f"{v:,.2f}", Code.SPELT),
    (14, "U+2212", SIGNED, lambda v: f"{v:.2f}".replace("-", "\N{MINUS SIGN}"), Code.SPELT),
    (15, "lakh", LARGE, lakh, Code.SPELT),
    (15, "lakh with a rupee", LARGE, lambda v: f"\N{INDIAN RUPEE SIGN} {lakh(v)}", Code.SPELT),
    (16, "trailing minus", SIGNED, lambda v: f"{abs(v):.2f}{'-' if v < 0 else ''}", Code.SPELT),
    (17, "apostrophe that guards a formula", SIGNED, lambda v: f"'{v:.2f}" if v < 0 else f"{v:.2f}", Code.SPELT),
    (18, "asterisk of an estimate", LARGE, lambda v: f"{v:.0f}*" if v % 5 == 0 else f"{v:.0f}", Code.ROUGH_CELLS),
    (20, "19M, 173k", THREE, lambda v: f"{v / 1e6:.3g}M" if v >= 1e6 else f"{v / 1e3:.3g}k", Code.SPELT),
    (21, "limits", AMOUNTS, lambda v: f"<{v:.2f}" if v < 300 else f"{v:.2f}", Code.ROUGH_CELLS),
    (22, "what it is uncertain by", AMOUNTS, lambda v: f"{v:.2f} \N{PLUS-MINUS SIGN} {v / 50:.1f}", Code.ROUGH_CELLS),
    (22, "about", AMOUNTS, lambda v: f"~{v:.2f}", Code.ROUGH_CELLS),
    (74, "blanks between thousands, a unit", AMOUNTS, lambda v: f"{spaced(v)} \N{EURO SIGN}", Code.SPELT),
    (74, "percent", AMOUNTS, lambda v: f"{v:.2f}%", Code.SPELT),
    (75, "numbers in quotes, with blanks", AMOUNTS, lambda v: f'  {v:.2f} ', None),
    (79, "a unit", AMOUNTS, lambda v: f"{v:.2f} kmpl", Code.SPELT),
]  # fmt: skip


@row(13, 14, 15, 16, 17, 18, 20, 21, 22, 74, 75, 79)
@both_doors
@pytest.mark.parametrize("case", SPELT, ids=[f"{number} {name}" for number, name, *_ in SPELT])
def test_what_people_write_for_numbers_are_numbers(case: tuple[Any, ...], door: Door) -> None:
    _, _, values, spelt, code = case
    ready = door(table(x=[spelt(value) for value in values]))
    assert column(ready).kind is Kind.NUMBER
    np.testing.assert_allclose(numbers(ready), values, rtol=1e-6)
    assert code is None or [one.about for one in told(ready, code)] == ["x"]


@row(6)
@both_doors
def test_6_a_point_between_thousands_where_other_columns_have_decimal_commas(door: Door) -> None:
    ready = door(table(x=[german(v, 0) for v in LARGE], preis=[german(v) for v in AMOUNTS]), sep=";")
    np.testing.assert_allclose(numbers(ready), LARGE, rtol=1e-6)
    (signs,) = told(ready, Code.SIGNS)
    assert signs.values["decimal"] == ","


@row(19)
@both_doors
def test_19_ranges_are_their_middle_and_odd_cells_are_missing_and_told(door: Door) -> None:
    cells = [f"{v:.2f}" for v in AMOUNTS]
    cells[3:9] = [f"{v:.0f} - {v + 100:.0f}" for v in AMOUNTS[3:9]]
    cells[20:22] = ["34.46Sq. Meter", "4.1 Perch"]
    ready = door(table(x=cells))
    assert column(ready).kind is Kind.NUMBER
    np.testing.assert_allclose(numbers(ready)[3:9], np.round(AMOUNTS[3:9]) + 50, atol=1)
    assert np.isnan(numbers(ready)[20:22]).all()
    assert told(ready, Code.ODD_CELLS)[0].values["n"] == 2
    assert told(ready, Code.ROUGH_CELLS)[0].values["n"] == 6


MISSING_WORDS = [
    r"\N", "#DIV/0!", "#VALUE!", "#REF!", "<null>", "missing", "MISSING", "\N{EM DASH}", "n.a.", "(null)", "nil", "**",
    "NA ", "Error", "None given", "Unknown",
]  # fmt: skip


@row(12)
@both_doors
@pytest.mark.parametrize("word", MISSING_WORDS)
def test_12_a_word_for_missing_among_numbers(word: str, door: Door) -> None:
    ready = door(table(x=[word if place % 20 == 3 else f"{v:.2f}" for place, v in enumerate(AMOUNTS)]))
    assert column(ready).kind is Kind.NUMBER
    gaps = np.arange(N) % 20 == 3
    np.testing.assert_allclose(numbers(ready), np.where(gaps, np.nan, AMOUNTS), rtol=1e-6)
    counted = column(ready).n_missing + sum(int(str(one.values["n"])) for one in told(ready, Code.ODD_CELLS))
    assert counted == gaps.sum()


@row(50)
@both_doors
def test_50_a_sentinel_is_told_and_missing_once_it_is_named(door: Door) -> None:
    ages = [-999 if place % 12 == 0 else 18 + place * 11 % 71 for place in range(N)]
    ready = door(table(x=ages))
    (sentinel,) = told(ready, Code.SENTINEL)
    assert (sentinel.values["number"], sentinel.values["n"]) == (-999, 20)
    named = door(table(x=ages), missing={"x": ["-999"]})
    assert column(named).n_missing == 20
    assert not told(named, Code.SENTINEL)


@row(23, 24, 25)
@both_doors
def test_23_durations_and_times_of_day_are_numbers(door: Door) -> None:
    seconds = GENERATOR.integers(0, 86_399, N)
    clock = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds.tolist()]
    ready = door(table(x=clock))
    assert column(ready).kind is Kind.NUMBER
    np.testing.assert_allclose(numbers(ready), seconds / 86_400, atol=1e-6)


TYPED: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "timedelta64": lambda s: pd.to_timedelta(s, unit="s"),
    "Arrow duration": lambda s: pd.arrays.ArrowExtensionArray(pa.array(s.astype("timedelta64[s]"))),
    "Arrow time32": lambda s: pd.arrays.ArrowExtensionArray(pa.array(s.astype(np.int32), pa.time32("s"))),
    "datetime.time": lambda s: [datetime.time(v // 3600, v // 60 % 60, v % 60) for v in s.tolist()],
}  # fmt: skip


@pytest.mark.parametrize("dtype", TYPED)
def test_24_25_durations_and_times_of_a_type_of_their_own(dtype: str) -> None:
    seconds = GENERATOR.integers(0, 86_399, N)
    ready = prepare(spec(), frame=table(x=TYPED[dtype](seconds)), seed=0)
    assert column(ready).kind is Kind.NUMBER
    np.testing.assert_allclose(numbers(ready), seconds / 86_400, atol=1e-6)


MOMENTS = pd.Timestamp("2021-01-02 05:27") + pd.to_timedelta(GENERATOR.integers(0, 1195 * 1440, N), unit="min")
MONTHS_DE = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
             "Dezember")  # fmt: skip


def ordinal(day: int) -> str:
    return f"{day}{'th' if 4 <= day % 100 <= 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


DATED: list[tuple[int, str, Callable[[pd.Timestamp], str], str]] = [
    (26, "day first, two digits of the year", lambda t: f"{t:%d/%m/%y}", "D"),
    (26, "month first, two digits", lambda t: f"{t:%m/%d/%y}", "D"),
    (27, "Postgres", lambda t: f"{t:%Y-%m-%d %H:%M:%S}+00", "min"),
    (27, "Postgres, fractions", lambda t: f"{t:%Y-%m-%d %H:%M:%S}.250+00", "min"),
    (28, "fractions after a comma", lambda t: f"{t:%Y-%m-%d %H:%M:%S},250", "min"),
    (29, "German months", lambda t: f"{t.day}. {MONTHS_DE[t.month - 1]} {t.year}", "D"),
    (29, "weekday and month", lambda t: f"{t:%A, %d %B %Y}", "D"),
    (29, "ordinal days", lambda t: f"{t:%B} {ordinal(t.day)} {t.year}", "D"),
    (29, "a zone by its name", lambda t: f"{t:%Y-%m-%d %H:%M:%S} UTC", "min"),
    (29, "RFC 2822", lambda t: f"{t:%a, %d %b %Y %H:%M:%S} GMT", "min"),
    (29, "hours before a point", lambda t: f"{t:%d.%m.%Y %H.%M}", "min"),
    (29, "Uhr", lambda t: f"{t:%d.%m.%Y %H:%M} Uhr", "min"),
    (29, "EXIF", lambda t: f"{t:%Y:%m:%d %H:%M:%S}", "min"),
    (29, "the log of a server", lambda t: f"{t:%d/%b/%Y:%H:%M:%S} +0000", "min"),
    (29, "compact ISO", lambda t: f"{t:%Y%m%dT%H%M%SZ}", "min"),
    (30, "months", lambda t: f"{t:%Y-%m}", "M"),
    (30, "months by name", lambda t: f"{t:%b %Y}", "M"),
    (30, "months by name, two digits", lambda t: f"{t:%b-%y}", "M"),
    (30, "months, the year behind", lambda t: f"{t:%m/%Y}", "M"),
    (30, "quarters", lambda t: f"{t.year}Q{t.quarter}", "Q"),
    (30, "weeks", lambda t: f"{t:%G-W%V}", "W"),
    (74, "am and pm", lambda t: f"{t:%m/%d/%Y %I:%M %p}", "min"),
    (74, "plain", lambda t: f"{t:%Y-%m-%d}", "D"),
    (74, "days as one number", lambda t: f"{t:%Y%m%d}", "D"),
]  # fmt: skip


@row(26, 27, 28, 29, 30)
@both_doors
@pytest.mark.parametrize("case", DATED, ids=[f"{number} {name}" for number, name, *_ in DATED])
def test_what_people_write_for_dates_are_dates(case: tuple[Any, ...], door: Door) -> None:
    number, name, spelt, unit = case
    ready = door(table(x=[spelt(moment) for moment in MOMENTS]))
    assert column(ready).kind is Kind.DATE
    starts = MOMENTS.to_period(unit).to_timestamp() if unit != "min" else MOMENTS
    days = (starts - starts.min()) / pd.Timedelta(days=1)
    np.testing.assert_allclose(np.diff(numbers(ready)), np.diff(days), atol=1e-3)
    assert bool(told(ready, Code.SHORT_YEARS)) == ("two digits" in name)
    assert number != 26 or not told(ready, Code.DATES_IN_DOUBT)


@pytest.mark.parametrize("unit", ["M", "Q"])
def test_30_periods_are_dates(unit: str) -> None:
    ready = prepare(spec(), frame=table(x=MOMENTS.to_period(unit)), seed=0)
    assert column(ready).kind is Kind.DATE
    assert (np.argsort(numbers(ready), kind="stable") == np.argsort(MOMENTS.to_period(unit), kind="stable")).all()


@row(31)
@both_doors
@pytest.mark.parametrize("word", ["open", "0000-00-00"])
def test_31_dates_of_which_some_are_open(word: str, door: Door) -> None:
    ready = door(table(x=[word if n % 20 == 0 else f"{t:%Y-%m-%d}" for n, t in enumerate(MOMENTS)]))
    assert column(ready).kind is Kind.DATE
    assert told(ready, Code.ODD_CELLS)[0].values["n"] == 12


@row(32)
@both_doors
def test_32_points_mean_that_the_day_is_first(door: Door) -> None:
    days = [pd.Timestamp(2021 + n % 3, 1 + n * 5 % 12, 1 + n * 7 % 12) for n in range(N)]
    ready = door(table(x=[f"{day:%d.%m.%Y}" for day in days]))
    np.testing.assert_allclose(np.diff(numbers(ready)), np.diff(days) / pd.Timedelta(days=1))
    assert not told(ready, Code.DATES_IN_DOUBT)


@row(33, 34)
def test_33_34_categories_and_codes_stay_what_they_are_however_a_frame_holds_them() -> None:
    codes = [1 + place * 7 % 6 for place in range(N)]
    texts = [f"0{4109 + code}" for code in codes]
    held: list[Any] = [
        pd.Categorical(codes),
        pd.Categorical([str(code) for code in codes]),
        pd.Series(texts, dtype=object),
        pd.array(texts, dtype=pd.ArrowDtype(pa.string())),
        pd.Categorical(texts),
        pd.array(pa.array(texts).dictionary_encode(), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    ]
    for cells in held:
        assert column(prepare(spec(), frame=table(x=cells), seed=0)).kind is Kind.CATEGORY
    ordered = pd.Categorical(codes, categories=[3, 1, 2, 6, 5, 4], ordered=True)
    judged = column(prepare(spec(), frame=table(x=ordered), seed=0))
    assert (judged.kind, judged.order) == (Kind.ORDINAL, ("3", "1", "2", "6", "5", "4"))


@row(38, 39)
@both_doors
def test_38_39_a_counter_is_told_and_stays_where_it_is_wanted(door: Door) -> None:
    years = (np.arange(N) * 7 % N + 1780).tolist()
    ready = door(table(x=years))
    assert column(ready).kind is Kind.ID
    assert "data.numbers" in column(ready).reason
    assert told(ready, Code.NOT_USED)
    np.testing.assert_array_equal(numbers(door(table(x=years), numbers=["x"])), years)
    assert column(door(table(x=years), keep=["x"])).used
    results = [1 + place * place for place in range(N)]
    assert column(door(table(result_id=results)), "result_id").kind is Kind.ID


@row(42)
@both_doors
def test_42_levels_that_differ_by_case_or_blanks_are_told(door: Door) -> None:
    cells = [["male", "Male", "MALE ", "female", "FEMALE", "Female"][place * 5 % 6] for place in range(N)]
    ready = door(table(x=cells))
    assert told(ready, Code.VARIANTS)[0].values["n"] == 2
    assert column(door(table(x=cells), merge=["x"])).n_levels == 2


@row(48)
@both_doors
def test_48_milliseconds_since_1970_keep_their_digits(door: Door) -> None:
    seconds = np.unique(GENERATOR.integers(0, 600_000, N + 40))[:N]
    moments = 1_690_694_800_000 + GENERATOR.permutation(seconds)
    ready = door(table(x=moments.tolist()))
    assert len(np.unique(ready.raw["x"])) == N
    np.testing.assert_array_equal(numbers(ready), moments)


@row(49)
@both_doors
def test_49_numbers_of_18_digits_stay_different(door: Door) -> None:
    accounts = [370_400_440_532_013_000 + place * 3 for place in range(N)]
    judged = column(door(table(x=accounts)))
    assert (judged.kind, judged.n_levels) == (Kind.ID, N)


@row(59)
@both_doors
def test_59_a_region_called_na_is_missing_and_counted(door: Door) -> None:
    """DIFFERS from the report, which would keep it as a level: nothing says that these cells mean Namibia.

    A missing cell is a level to the networks, so that nothing is lost but the name.
    """
    ready = door(table(x=[["NA", "EU", "APAC"][place % 3] for place in range(N)]))
    assert (column(ready).kind, column(ready).n_missing, column(ready).n_levels) == (Kind.CATEGORY, N // 3, 2)
    known = ready.fit_all().preprocessor
    rows = known.transform(pd.DataFrame({"x": ["NA", "EU", "APAC"], "b": 0.0, "c": "red"}))
    assert len(np.unique(rows, axis=0)) == 3


@row(64)
def test_64_names_of_any_kind() -> None:
    names = ["to", "type", "a/b", "a_b", "a b", "a.b", "A B", '{"x":[1,2]}', "x<1>", "gr\u00f6\u00dfe,m\u00b2"]
    frame = pd.DataFrame({name: np.roll(AMOUNTS, place) for place, name in enumerate(names)} | {"y": TARGET})
    assert [one.name for one in prepare(spec(), frame=frame, seed=0).columns] == names
    whole = pd.DataFrame({0: AMOUNTS, 1: WORDS, "y": TARGET})
    assert prepare(spec(), frame=whole, seed=0).fit_all().x.shape[0] == N
    deep = pd.DataFrame({("a", "x"): AMOUNTS, ("a", "y"): np.roll(AMOUNTS, 1), ("b", ""): TARGET})
    assert prepare(spec(target=str(deep.columns[2])), frame=deep, seed=0).head.task is Task.REGRESSION


@row(66, 67)
def test_66_67_types_of_pandas_and_arrow_are_read_like_plain_ones() -> None:
    whole = np.arange(N) * 37 % 91
    plain = prepare(spec(), frame=table(x=whole), seed=0).fit_all().x
    kinds: list[Any] = ["Int64", "UInt32", "Float64", "float32", "int64[pyarrow]", "double[pyarrow]", "string", object]
    for dtype in [*kinds, pd.SparseDtype("int64"), pd.ArrowDtype(pa.decimal128(21, 2))]:
        np.testing.assert_array_equal(
            plain, prepare(spec(), frame=table(x=pd.Series(whole, dtype=dtype)), seed=0).fit_all().x
        )
    flags = [None if place % 9 == 0 else place % 2 == 0 for place in range(N)]
    seen = [
        prepare(spec(), frame=table(x=pd.Series(flags, dtype=dtype)), seed=0).fit_all().x
        for dtype in (object, "boolean", "bool[pyarrow]")
    ]
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


@row(69)
def test_69_zones_are_moments() -> None:
    zoned = MOMENTS.tz_localize("UTC")
    mixed = [moment.tz_convert(["America/Sao_Paulo", "Asia/Tokyo"][place % 2]) for place, moment in enumerate(zoned)]
    expected = numbers(prepare(spec(), frame=table(x=MOMENTS), seed=0))
    for cells in (zoned, zoned.tz_convert("Europe/Berlin"), mixed):
        ready = prepare(spec(), frame=table(x=cells), seed=0)
        np.testing.assert_allclose(np.diff(numbers(ready)), np.diff(expected), atol=1e-3)
