"""How a table is read as a whole: its decimal sign, what its cells mean, and that the model keeps it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.kinds import Column, Kind
from ffsearch.search.data.parsing.cells import MISSING, Cells
from ffsearch.search.data.parsing.dates import DateReading
from ffsearch.search.data.parsing.moments import seconds_in
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.data.parsing.spelling import Spelling
from ffsearch.search.data.parsing.written import amount
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.network.heads import Head, Task, default_loss
from ffsearch.search.network.model import build_network
from ffsearch.search.serving.packaging import save_model
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec
from model_examples import POINT

N = 240
PLACES = np.random.default_rng(0).permutation(N)

Read = Callable[..., Prepared]


@pytest.fixture(params=["file", "frame"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """A table prepared, once from a text file and once from a frame of the same texts."""

    def read(columns: dict[str, Sequence[Any]], *, sep: str = ",", **spec: Any) -> Prepared:
        frame = pd.DataFrame({"beside": np.arange(N) % 7, "y": PLACES * 3 % 101, **columns})
        settings = {"target": "y", "test": None, "source": "frame", **spec}
        if request.param == "frame":
            return prepare(DataSpec.model_validate(settings), frame=frame, seed=0)
        path = tmp_path / "t.csv"
        frame.to_csv(path, index=False, sep=sep)
        return prepare(DataSpec.model_validate({**settings, "source": str(path)}), seed=0)

    return read


def column(ready: Prepared, name: str = "x") -> Column:
    return next(one for one in ready.columns if one.name == name)


def numbers(ready: Prepared, name: str = "x") -> list[float]:
    """The first cells of a column as networks get them."""
    return [float(number) for number in ready.raw[name][:5]]


def german(number: float, decimals: int = 2) -> str:
    return f"{number:,.{decimals}f}".translate({ord(","): ".", ord("."): ","})


INHABITANTS = [int(place) * 379 + 56 for place in PLACES]
"""Some are below a thousand, most are not."""


class TestSigns:
    def test_other_columns_say_what_a_point_is(self, read: Read) -> None:
        ready = read({"x": [german(one, 0) for one in INHABITANTS], "price": [german(one / 7) for one in INHABITANTS]})
        assert numbers(ready) == INHABITANTS[:5]
        assert numbers(ready, "price") == pytest.approx([round(one / 7, 2) for one in INHABITANTS[:5]])
        (told,) = [one for one in ready.notices if one.code is Code.SIGNS]
        assert (told.form, told.values["decimal"], told.values["by"]) == ("columns", ",", "price")

    def test_a_target_is_read_by_the_same_eyes(self, read: Read) -> None:
        amounts = [german(one / 7) for one in INHABITANTS]
        ready = read({"x": amounts, "y": [german(one, 0) for one in INHABITANTS]})
        assert ready.truth[:5].ravel().tolist() == INHABITANTS[:5]

    def test_a_column_that_shows_another_sign_keeps_its_own(self, read: Read) -> None:
        ready = read({"x": [f"{place / 1000:.3f}" for place in PLACES], "price": [f"{place},5" for place in PLACES]})
        assert numbers(ready) == pytest.approx(PLACES[:5] / 1000)
        assert ready.layout.numbers[1].reading == AS_PLAIN or column(ready).reading is None

    def test_the_other_way_round(self, read: Read) -> None:
        ready = read({"x": [f"{one:,}" for one in INHABITANTS], "price": [f"{place}.5" for place in PLACES]}, sep=";")
        assert numbers(ready) == INHABITANTS[:5]

    def test_points_before_three_digits_beside_whole_numbers_stand_between_thousands(self, read: Read) -> None:
        ready = read({"x": [german(one, 0) for one in INHABITANTS]})
        assert numbers(ready) == INHABITANTS[:5]
        assert any(one.code is Code.SIGNS for one in ready.notices)

    @pytest.mark.parametrize("decimals", [1, 2, 3, 4])
    def test_decimals_of_a_program_stay_decimals(self, read: Read, decimals: int) -> None:
        amounts = [round(one / 7919, decimals) for one in INHABITANTS]
        ready = read({"x": [str(one) for one in amounts], "z": [f"{one:.{decimals}f}" for one in amounts]})
        assert numbers(ready) == pytest.approx(amounts[:5])
        assert not [one for one in ready.notices if one.code is Code.SIGNS]

    def test_the_space_file_has_the_last_word(self, read: Read) -> None:
        cells = {"x": [german(one, 0) for one in INHABITANTS], "price": [german(one / 7) for one in INHABITANTS]}
        ready = read(cells, decimal=".", thousands="'")
        assert numbers(ready) == pytest.approx([float(cell) for cell in cells["x"][:5]])
        ready = read({"x": [f"{one:,}" for one in INHABITANTS]}, decimal=",")
        assert numbers(ready)[:2] == pytest.approx([float(f"{one:,}".replace(",", ".")) for one in INHABITANTS[:2]])
        assert not [one for one in ready.notices if one.code is Code.SIGNS]

    def test_semicolons_speak_where_columns_are_silent(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        rows = [f"{german(one, 0)};{place % 2}" for place, one in enumerate(INHABITANTS[:30])]
        path.write_text("\n".join(["x;y", *rows]))
        ready = prepare(DataSpec(source=str(path), target="y", test=None), seed=0)
        assert numbers(ready) == INHABITANTS[:5]
        assert any("because semicolons stand between cells" in one for one in said(ready.notices))

    @settings(deadline=None, max_examples=60)
    @given(amounts=st.lists(st.integers(0, 10**7), min_size=30, max_size=60, unique=True), swiss=st.booleans())
    def test_a_table_means_the_same_in_german_and_in_english(self, amounts: list[int], *, swiss: bool) -> None:
        english = pd.DataFrame({"x": [f"{one:,}" for one in amounts], "z": [f"{one / 100:,.2f}" for one in amounts]})
        other = {",": "'", ".": "."} if swiss else {",": ".", ".": ","}
        frames = (english, english.map(lambda cell: cell.translate(str.maketrans(other))))
        y = ["a", "b"] * (len(amounts) // 2) + ["a"] * (len(amounts) % 2)
        spec = DataSpec(source="frame", target="y", test=None)
        one, two = (prepare(spec, frame=frame.assign(y=y), seed=0) for frame in frames)
        for name in one.raw:
            if column(one, name).kind is Kind.NUMBER:
                np.testing.assert_array_equal(one.raw[name], two.raw[name])


AMOUNTS = [float(place - 60) * 37 + 0.5 for place in PLACES]
"""Negative ones, and some beyond a thousand."""

SPELLINGS: dict[str, Callable[[float], str]] = {
    "brackets": lambda x: f"({-x:,.2f})" if x < 0 else f"{x:,.2f}",
    "brackets with a currency": lambda x: f"(${-x:,.2f})" if x < 0 else f"${x:,.2f}",
    "currency before brackets": lambda x: f"€({-x:.2f})" if x < 0 else f"€{x:.2f}",
    "a minus of another print": lambda x: f"{x:.2f}".replace("-", "\N{MINUS SIGN}"),
    "a minus and a decimal comma": lambda x: f"{x:.2f}".replace("-", "\N{MINUS SIGN}").replace(".", ","),
    "a minus behind": lambda x: f"{-x:.2f}-" if x < 0 else f"{x:.2f}",
    "an apostrophe in front": lambda x: f"'{x:.2f}" if x < 0 else f"{x:.2f}",
    "percent": lambda x: f"{x:.2f}%",
    "a currency behind": lambda x: f"{x:,.2f} EUR",
    "Brazilian money": lambda x: f"R$ {german(x)}",
    "a footnote at some": lambda x: f"{x:.2f}" + "*" * (int(abs(x)) % 5 == 0),
    "a note in brackets at some": lambda x: f"{x:.2f}" + " [1]" * (int(abs(x)) % 7 == 0),
    "about": lambda x: f"~{x:.2f}" if int(abs(x)) % 2 else f"ca. {x:.2f}",
    "a spread": lambda x: f"{x:.2f} ± {abs(x) / 50:.2f}",
    "a unit behind": lambda x: f"{x:.2f} km/h",
    "plural and singular": lambda x: f"{x:.2f} month" + "s" * (int(abs(x)) % 2),
    "an exponent and a decimal comma": lambda x: f"{x:.5e}".replace(".", ","),
}


class TestSpellings:
    @pytest.mark.parametrize("way", SPELLINGS)
    def test_numbers_in_any_of_them_are_numbers_as_features_and_as_targets(self, read: Read, way: str) -> None:
        cells = [SPELLINGS[way](amount) for amount in AMOUNTS]
        ready = read({"x": cells, "y": cells[::-1]})
        assert column(ready).kind is Kind.NUMBER
        np.testing.assert_allclose(ready.raw["x"], AMOUNTS, rtol=1e-6)
        np.testing.assert_allclose(ready.truth.ravel(), AMOUNTS[::-1])
        assert column(ready).n_missing == 0

    def test_grouping_of_india(self, read: Read) -> None:
        amounts = [int(place) * 73_219 + 1 for place in PLACES]
        cells = [f"₹{indian(amount)}" for amount in amounts]
        ready = read({"x": cells, "y": cells})
        np.testing.assert_allclose(ready.raw["x"], amounts)
        np.testing.assert_array_equal(ready.truth.ravel(), amounts)

    def test_thousands_and_millions_with_a_word_for_no_number(self, read: Read) -> None:
        amounts = [int(place) * 9_100 + 1_000 for place in PLACES]
        cells = [f"{one / 1e6:.2f}M" if one >= 1_000_000 else f"{one / 1e3:.1f}k" for one in amounts]
        cells[::20] = ["Varies with device"] * len(cells[::20])
        ready = read({"x": cells})
        assert column(ready).kind is Kind.NUMBER
        assert np.isnan(ready.raw["x"]).sum() == len(cells[::20])
        np.testing.assert_allclose(ready.raw["x"][1:20], amounts[1:20], rtol=0.01)
        assert any("12 cells such as 'Varies with device' taken as missing" in one for one in said(ready.notices))

    def test_ranges_are_their_middle_and_limits_the_limit_and_it_is_told(self, read: Read) -> None:
        cells = [f"{int(place) + 500}" for place in PLACES]
        cells[3], cells[9], cells[11], cells[20] = "2100 - 2850", "1000\N{EN DASH}1100", "34.46Sq. Meter", "< 310"
        ready = read({"x": cells})
        x = ready.raw["x"]
        assert (x[3], x[9], x[20], np.isnan(x[11])) == (2475, 1050, 310, True)
        forms = {one.form: one.values["n"] for one in column(ready).reasons if one.code is Code.ROUGH_CELLS}
        assert forms == {"range": 2, "limit": 1}
        assert any("taken as missing" in one and "Sq. Meter" in one for one in said(ready.notices))

    @pytest.mark.parametrize(
        "levels",
        [
            ["<18", "18-25", "26-40", ">40"], ["<=50K", ">50K"], ["1+", "1-", "2+", "2"], ["4A", "4B", "12B", "12A"],
            ["1/2", "3/4"], ["6'4\"", "5'5\""], ["S", "M", "12"], ["A12", "B7"], ["1.2.3", "1.2.10"],
            ["10,000+", "1,000+", "500+"], ["1st", "2nd", "3rd"], ["555-1234", "555-9876"], ["12:30", "1", "x"],
        ],
    )  # fmt: skip
    def test_codes_bands_and_grades_stay_what_they_are(self, read: Read, levels: list[str]) -> None:
        cells = [levels[place % len(levels)] for place in PLACES]
        ready = read({"x": cells, "y": cells[::-1]})
        assert column(ready).kind is Kind.CATEGORY
        assert set(ready.head.labels) == set(levels)

    def test_a_unit_of_few_cells_is_not_read_as_that_of_all(self, read: Read) -> None:
        cells = [f"{int(place) + 500}" for place in PLACES]
        cells[5] = "34 Acres"
        ready = read({"x": cells})
        assert np.isnan(ready.raw["x"][5])
        assert "1 cell such as '34 Acres' taken as missing" in column(ready).reason

    def test_units_that_are_multiples_of_each_other(self, read: Read) -> None:
        ready = read({"x": [f"{place + 1} GB" if place % 3 else f"{place + 1} MB" for place in PLACES]})
        expected = [(place + 1) * (1 if place % 3 else 1e-3) for place in PLACES]
        np.testing.assert_allclose(ready.raw["x"], expected, rtol=1e-6)

    @settings(deadline=None)
    @given(x=st.floats(-1e9, 1e9).map(lambda x: round(x, 2)), decimal=st.sampled_from([".", ","]), unit=st.booleans())
    def test_what_is_read_at_once_is_what_is_read_cell_by_cell(self, x: float, decimal: str, *, unit: bool) -> None:
        spelling = Spelling(decimal=decimal, thousands="." if decimal == "," else ",", after="km" * unit)
        text = german(x) if decimal == "," else f"{x:,.2f}"
        texts = [text, f"{text} km" if unit else text, text.replace("-", "\N{MINUS SIGN}"), "none", ""]
        numbers = spelling.numbers(texts)
        np.testing.assert_array_equal(numbers, [amount(one, spelling.as_dict())[0] for one in texts])
        assert numbers[:3].tolist() == [x] * 3


def indian(number: int) -> str:
    head, tail = divmod(number, 1000)
    groups = [] if not head else [f"{tail:03}"]
    while head >= 100:
        head, rest = divmod(head, 100)
        groups.append(f"{rest:02}")
    return ",".join([str(head), *groups[::-1]]) if groups else str(tail)


class TestTargets:
    @pytest.mark.parametrize("share", ["one", "some"])
    def test_cells_that_are_no_numbers_are_named_and_their_rows_left_out(self, read: Read, share: str) -> None:
        prices = [f"{(int(place) % 47 + 1) * 10_000:,}" for place in PLACES]
        bad = [77] if share == "one" else [10, 50, 77]
        for row in bad:
            prices[row] = "on request"
        ready = read({"y": prices})
        assert ready.head.task is Task.REGRESSION
        assert ready.table.n_rows == N - len(bad)
        (told,) = [one for one in ready.notices if one.code is Code.TARGETS_LEFT_OUT]
        assert (told.values["n"], told.values["cells"], told.values["rows"]) == (
            len(bad), ("on request",), tuple(row + 1 for row in bad),
        )  # fmt: skip

    def test_many_of_them_are_refused_with_the_way_out(self, read: Read) -> None:
        prices = [f"{(int(place) % 97 + 1) * 10_000}" for place in PLACES]
        prices[:40] = ["on request"] * 40
        with pytest.raises(DataError, match=r"numbers in 200 rows and no numbers in 40 rows: 'on request' \(row 1, 2"):
            read({"y": prices})
        ready = read({"y": prices}, missing=["on request"])
        assert (ready.table.n_rows, ready.head.task) == (200, Task.REGRESSION)

    def test_words_among_classes_stay_classes(self, read: Read) -> None:
        ready = read({"y": ["other" if place % 10 == 0 else str(place % 5) for place in PLACES]})
        assert ready.head.labels == ("0", "1", "2", "3", "4", "other")

    def test_dates_are_refused_as_dates(self, read: Read) -> None:
        days = [str(day)[:10] for day in pd.date_range("2024-01-01", periods=N)]
        with pytest.raises(DataError, match=r"The target 'y' holds dates, such as '2024-01-01'"):
            read({"y": days})

    def test_a_row_of_units_is_refused_with_its_line(self, read: Read) -> None:
        columns = {"x": ["kg", *map(str, PLACES[1:])], "z": ["m/s", *map(str, PLACES[1:])]}
        with pytest.raises(DataError, match=r"row 1 below the header holds no numbers .*'kg' in 'x', 'm/s' in 'z'"):
            read(columns)

    def test_scored_as_numbers_whatever_the_unit(self, read: Read) -> None:
        plain, spelt = (read({"y": [f"{sign}{(int(place) % 16 + 5) * 100}" for place in PLACES]}) for sign in ("", "$"))
        np.testing.assert_array_equal(plain.truth, spelt.truth)
        assert plain.head.task is Task.REGRESSION


class TestMissing:
    @pytest.mark.parametrize(
        "word",
        ["\\N", "<null>", "#DIV/0!", "#REF!", "missing", "Unknown", "\N{EM DASH}", "n.a.", "(null)", "nil", "**",
         "NA NA", "Error", "None given", "sensor off", "see note"],
    )  # fmt: skip
    def test_words_among_numbers_are_missing_cells_and_the_column_stays_a_number(self, read: Read, word: str) -> None:
        cells = [f"{place / 3:.2f}" for place in PLACES]
        cells[::20] = [word] * len(cells[::20])
        ready = read({"x": cells})
        assert column(ready).kind is Kind.NUMBER
        assert np.isnan(ready.raw["x"][::20]).all()
        assert np.isnan(ready.raw["x"]).sum() == len(cells[::20])
        assert "x (missing)" in ready.fit_all().preprocessor.feature_names  # type: ignore[union-attr]
        known = word in MISSING
        assert any(repr(word) in one and "taken as missing" in one for one in said(ready.notices)) is not known

    def test_a_word_that_says_unknown_leaves_few_numbers_numbers(self, read: Read) -> None:
        cells = ["unknown" if place % 6 == 0 else str(place % 4) for place in PLACES]
        assert column(read({"x": cells})).kind is Kind.NUMBER

    def test_a_level_that_says_unknown_stays_one(self, read: Read) -> None:
        cells = ["unknown" if place % 6 == 0 else f"level {place % 4}" for place in PLACES]
        ready = read({"x": cells})
        assert "unknown" in set(ready.raw["x"])

    def test_words_of_the_space_file_are_missing_in_all_columns_or_in_one(self, read: Read) -> None:
        cells = {
            name: ["-200" if place % 9 == 0 else str(place % 50 + plus) for place in PLACES]
            for plus, name in enumerate(("x", "w"))
        }
        both, one = read(cells, missing=["-200"]), read(cells, missing={"x": [-200.0]})
        for name, ready in (("x", both), ("w", both), ("x", one)):
            assert np.isnan(ready.raw[name]).sum() == sum(place % 9 == 0 for place in PLACES)
        assert (one.raw["w"] == -200).any()
        with pytest.raises(DataError, match=r"data\.missing: .* has no column 'q'"):
            read(cells, missing={"q": ["-200"]})


class TestSentinels:
    @pytest.mark.parametrize("number", [-999, -200, 9999, -1, 999, 99999, -9999.0])
    def test_a_number_far_from_all_others_is_told(self, read: Read, number: float) -> None:
        amounts = np.round(20 + PLACES * 0.25, 2)  # 20 to 79.75
        amounts[::25] = number
        ready = read({"x": amounts, "y": amounts[::-1]})
        told = [one for one in ready.notices if one.code is Code.SENTINEL]
        assert [(one.about, one.values["number"], one.values["n"]) for one in told] == [
            ("x", number, 10), ("y", number, 10),
        ]  # fmt: skip

    def test_zero_is_one_where_all_else_is_far(self, read: Read) -> None:
        pressure = np.where(PLACES % 20 == 0, 0, 60 + PLACES % 50)
        assert any(one.code is Code.SENTINEL for one in read({"x": pressure}).notices)

    @pytest.mark.parametrize(
        "cells",
        [PLACES % 11 - 1, np.where(PLACES % 3 == 0, 0, PLACES * 1.5), np.where(PLACES % 9 == 0, -1, PLACES % 40),
         np.exp(PLACES / 30), np.where(PLACES % 50 == 0, 99, PLACES % 100), PLACES % 2 * 999,
         np.where(PLACES < 150, 0, PLACES * 1000), np.minimum(PLACES, 200),
         np.where(PLACES % 15 == 0, -1, np.sin(PLACES) * 0.8),
         np.where(PLACES % 15 == 0, 0, 0.1 + PLACES % 180 / 200)],
    )  # fmt: skip
    def test_ends_of_scales_amounts_and_caps_are_none(self, read: Read, cells: Any) -> None:
        assert not any(one.code is Code.SENTINEL for one in read({"x": cells}).notices)


DAYS = [pd.Timestamp("2021-01-04") + pd.Timedelta(days=int(place) * 5) for place in PLACES]
MOMENTS = [day + pd.Timedelta(minutes=int(place) * 37 % 1440) for day, place in zip(DAYS, PLACES, strict=True)]
_DE = ("Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sep", "Okt", "Nov", "Dez")
_PT = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
    "dezembro",
)  # fmt: skip

DATES: dict[str, tuple[list[pd.Timestamp], Callable[[pd.Timestamp], str]]] = {
    "two digits, day first": (DAYS, lambda day: day.strftime("%d/%m/%y")),
    "two digits, month first": (DAYS, lambda day: f"{day.month}/{day.day}/{day:%y}"),
    "Postgres": (MOMENTS, lambda day: day.strftime("%Y-%m-%d %H:%M:%S+00")),
    "Postgres ahead": (MOMENTS, lambda day: (day + pd.Timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S.000001+02")),
    "a comma before fractions": (MOMENTS, lambda day: day.strftime("%Y-%m-%d %H:%M:%S,000")),
    "compact": (MOMENTS, lambda day: day.strftime("%Y%m%dT%H%M%SZ")),
    "digits": (DAYS, lambda day: day.strftime("%Y%m%d")),
    "RFC 2822": (MOMENTS, lambda day: day.strftime("%a, %d %b %Y %H:%M:%S +0000")),
    "EXIF": (MOMENTS, lambda day: day.strftime("%Y:%m:%d %H:%M:%S")),
    "German": (DAYS, lambda day: f"{day.day}. {_DE[day.month - 1]} {day.year}"),
    "Portuguese": (DAYS, lambda day: f"{day.day} de {_PT[day.month - 1]} de {day.year}"),
    "log files": (MOMENTS, lambda day: day.strftime("%d/%b/%Y:%H:%M:%S +0000")),
    "in the afternoon": (MOMENTS, lambda day: day.strftime("%m/%d/%Y %I:%M %p")),
    "a zone by its name": (MOMENTS, lambda day: (day - pd.Timedelta(hours=5)).strftime("%Y-%m-%d %H:%M:%S EST")),
}
MONTHS: dict[str, Callable[[pd.Timestamp], str]] = {
    "months": lambda day: day.strftime("%Y-%m"),
    "names of months": lambda day: day.strftime("%b-%Y"),
    "short names and years": lambda day: day.strftime("%b-%y"),
    "month and year": lambda day: day.strftime("%m/%Y"),
    "quarters": lambda day: f"{day.year}Q{day.quarter}",
    "quarters behind": lambda day: f"Q{day.quarter} {day.year}",
    "weeks": lambda day: "{}-W{:02}".format(*day.isocalendar()),
}


class TestMoments:
    @pytest.mark.parametrize("way", DATES)
    def test_dates_in_any_way_are_the_same_days(self, read: Read, way: str) -> None:
        moments, write = DATES[way]
        cells = [write(moment) for moment in moments]
        ready = read({"x": cells})
        assert column(ready).kind is Kind.DATE
        origin = pd.Timestamp(column(ready).reading.origin)  # type: ignore[union-attr]
        days = [(moment - origin) / pd.Timedelta(days=1) for moment in moments]
        np.testing.assert_allclose(ready.raw["x"], days, atol=2e-3)
        assert column(ready).n_missing == 0

    @pytest.mark.parametrize("way", MONTHS)
    def test_months_quarters_and_weeks_keep_their_order(self, read: Read, way: str) -> None:
        ready = read({"x": [MONTHS[way](day) for day in DAYS]})
        assert column(ready).kind is Kind.DATE
        order = np.argsort([day.value for day in DAYS])
        assert (np.diff(ready.raw["x"][order]) >= 0).all()

    @pytest.mark.parametrize("frequency", ["M", "Q", "D", "W"])
    def test_periods_are_dates(self, frequency: str) -> None:
        frame = pd.DataFrame({"x": pd.Series(DAYS).dt.to_period(frequency), "y": PLACES % 2})
        ready = prepare(DataSpec(source="frame", target="y", test=None), frame=frame, seed=0)
        assert column(ready).kind is Kind.DATE

    def test_points_between_mean_the_day_comes_first(self, read: Read) -> None:
        days = [f"{place % 12 + 1:02}.{place % 7 + 1:02}.2023" for place in PLACES]
        ready = read({"x": days})
        assert ready.raw["x"][0] == (pd.to_datetime(days[0], dayfirst=True) - pd.Timestamp("2023-01-01")).days
        assert not any(one.code is Code.DATES_IN_DOUBT for one in ready.notices)

    def test_rows_to_come_with_points_are_read_day_first_whatever_was_learnt(self, read: Read) -> None:
        preprocessor = read({"x": [str(day)[:10] for day in DAYS]}).fit_all().preprocessor
        iso, dots, zone = (
            preprocessor.transform(pd.DataFrame({"beside": 1, "x": [text]}))
            for text in ("2024-05-03", "03.05.2024", "2024-05-03 00:00:00+00")
        )
        np.testing.assert_array_equal(iso, dots)
        np.testing.assert_array_equal(iso, zone)

    def test_words_among_dates_are_missing_and_a_last_day_of_all_is_told(self, read: Read) -> None:
        cells = [str(day)[:10] for day in DAYS]
        ready = read({"x": ["open" if place % 20 == 0 else cell for place, cell in zip(PLACES, cells, strict=True)]})
        assert column(ready).kind is Kind.DATE
        assert np.isnan(ready.raw["x"]).sum() == 12
        assert any(
            "12 cells such as 'open', which are no dates, taken as missing" in one for one in said(ready.notices)
        )
        for day in ("9999-12-31", "1900-01-01"):
            cells = [day if place % 20 == 0 else str(one)[:10] for place, one in zip(PLACES, DAYS, strict=True)]
            assert any(f"12 cells are {day}, far from" in one for one in said(read({"x": cells}).notices))
            named = read({"x": cells}, missing=[day])
            assert np.isnan(named.raw["x"]).sum() == 12
            assert not any(one.code is Code.SENTINEL for one in named.notices)

    def test_versions_and_products_are_no_dates(self, read: Read) -> None:
        ready = read({"x": [f"1.{place % 3}.{place % 5 + 10}" for place in PLACES],
                      "z": [f"Model {2000 + place % 9}" for place in PLACES]})  # fmt: skip
        assert [column(ready, name).kind for name in "xz"] == [Kind.CATEGORY, Kind.CATEGORY]

    @settings(deadline=None)
    @given(st.datetimes(pd.Timestamp("1930-01-01"), pd.Timestamp("2120-12-31")), st.booleans())
    def test_what_is_read_at_once_is_what_is_read_cell_by_cell(self, when: Any, first: bool) -> None:  # noqa: FBT001
        order = "%d/%m/%Y" if first else "%m/%d/%Y"
        texts = [
            when.strftime(way) for way in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f", order, f"{order} %H:%M", "%d.%m.%Y")
        ]
        read = DateReading(day_first=first, origin="1970-01-01", dots_day_first=True)
        days = read.read(Cells(pd.Series(texts, dtype="str")))
        one_by_one = [seconds_in(text, day_first=first, dots_day_first=True) / 86_400 for text in texts]
        np.testing.assert_allclose(days, one_by_one, rtol=0, atol=1e-9)


LENGTHS = [int(place) * 347 % 86_400 for place in PLACES]


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


TIMES: dict[str, Callable[[int], Any]] = {
    "hours, minutes and seconds": clock,
    "with a fraction": lambda seconds: f"{clock(seconds)}.0",
    "days in front": lambda seconds: f"1 days {clock(seconds)}",
    "ISO 8601": lambda seconds: f"PT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}S",
    "letters": lambda seconds: f"{seconds // 3600}h {seconds // 60 % 60}m {seconds % 60}s",
    "objects": lambda seconds: datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60),
    "timedelta": lambda seconds: pd.Timedelta(seconds=seconds),
}


class TestTimes:
    @pytest.mark.parametrize("way", TIMES)
    def test_durations_and_clocks_are_numbers(self, read: Read, way: str) -> None:
        ready = read({"x": [TIMES[way](seconds) for seconds in LENGTHS]})
        expected = np.array(LENGTHS) / 86_400 + (1 if way == "days in front" else 0)
        assert column(ready).kind is Kind.NUMBER
        np.testing.assert_allclose(ready.raw["x"], expected, atol=1e-6)

    @pytest.mark.parametrize("unit", ["s", "ms", "us"])
    def test_durations_by_type_are_numbers(self, unit: str, tmp_path: Path) -> None:
        lengths = pd.Series(pd.to_timedelta(LENGTHS, unit="s"))
        frame = pd.DataFrame({"x": lengths, "a": lengths.astype(pd.ArrowDtype(pa.duration(unit))), "y": PLACES % 2})
        frame.to_parquet(tmp_path / "t.parquet")
        sources: list[dict[str, Any]] = [{"source": "frame"}, {"source": str(tmp_path / "t.parquet")}]
        for source in sources:
            spec = DataSpec(**source, target="y", test=None)
            ready = prepare(spec, frame=frame if source["source"] == "frame" else None, seed=0)
            np.testing.assert_allclose(ready.raw["x"], np.array(LENGTHS) / 86_400, atol=1e-6)
            assert column(ready, "a").kind is Kind.DUPLICATE or "a" in ready.raw

    def test_times_of_day_come_round_and_durations_do_not(self, read: Read) -> None:
        at = [f"{place % 24}:{place * 7 % 60:02}" for place in PLACES]
        ready = read({"x": at, "z": [f"PT{place + 1}M" for place in PLACES]})
        names = ready.fit_all().preprocessor.feature_names  # type: ignore[union-attr]
        assert "x (sine of the day)" in names
        assert not any(name.startswith("z (sine") for name in names)

    def test_impossible_times_are_missing_and_few_scores_are_no_times(self, read: Read) -> None:
        cells = ["25:61" if place % 40 == 0 else f"{place % 24}:{place * 7 % 60:02}" for place in PLACES]
        ready = read({"x": cells, "z": [f"{place % 2}:{place % 2}0" for place in PLACES]})
        assert np.isnan(ready.raw["x"]).sum() == 6
        assert column(ready, "z").kind is not Kind.NUMBER


TRUTH = [("FALSE", "TRUE"), ("False", "True"), ("false", "true"), ("0", "1"), ("no", "yes"), ("N", "Y"), ("f", "t")]


class TestTruth:
    @pytest.mark.parametrize("trained", TRUTH)
    def test_rows_in_any_spelling_are_read_alike(self, read: Read, trained: tuple[str, str]) -> None:
        ready = read(
            {"x": [trained[place % 2] for place in PLACES], "y": [place % 2 * 5.5 + place for place in PLACES]}
        )
        preprocessor = ready.fit_all().preprocessor
        expected = preprocessor.transform(pd.DataFrame({"beside": [1, 1], "x": list(trained)}))
        assert (expected[0] != expected[1]).any()
        for asked in [*TRUTH, (False, True), (0, 1), (0.0, 1.0)]:
            rows = pd.DataFrame({"beside": [1, 1], "x": list(asked)})
            np.testing.assert_array_equal(preprocessor.transform(rows), expected)

    def test_spellings_mixed_in_one_column_are_two_values(self, read: Read) -> None:
        ready = read({"x": [("TRUE", "FALSE", "True", "false")[place % 4] for place in PLACES]})
        assert column(ready).kind is Kind.BOOLEAN
        assert len(set(ready.raw["x"])) == 2


class TestTypes:
    @pytest.mark.parametrize("levels", [[1, 2, 3, 10], ["1", "2", "3", "10"], [2.5, 3.5]])
    def test_a_categorical_is_a_category_and_an_ordered_one_has_its_order(self, levels: list[Any]) -> None:
        cells = [levels[place % len(levels)] for place in PLACES]
        for ordered, kind in ((False, Kind.CATEGORY), (True, Kind.ORDINAL)):
            frame = pd.DataFrame({"x": pd.Categorical(cells, categories=levels, ordered=ordered), "y": PLACES})
            ready = prepare(DataSpec(source="frame", target="y", test=None), frame=frame, seed=0)
            assert column(ready).kind is kind
            assert column(ready).order == (tuple(map(str, levels)) if ordered else ())
            preprocessor = ready.fit_all().preprocessor
            asked = [preprocessor.transform(frame.astype({"x": kind})) for kind in ("category", object, "str")]
            np.testing.assert_array_equal(asked[0], asked[1])
            np.testing.assert_array_equal(asked[0], asked[2])

    @pytest.mark.parametrize(
        "kind",
        [object, "str", "string", pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string()), "category",
         pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))],
    )  # fmt: skip
    def test_codes_stay_codes_however_the_frame_holds_them(self, kind: Any) -> None:
        cells = pd.Series([f"{place % 6:05}" for place in PLACES], dtype="str")
        frame = pd.DataFrame({"x": cells.astype(kind), "y": PLACES})
        ready = prepare(DataSpec(source="frame", target="y", test=None), frame=frame, seed=0)
        assert column(ready).kind is Kind.CATEGORY
        assert set(ready.raw["x"]) == {f"{number:05}" for number in range(6)}

    def test_numbers_and_columns_to_keep_are_used_against_every_rule(self, read: Read) -> None:
        cells = {"year": PLACES + 1781, "user_id": PLACES * 1009, "who": [f"row {place}x" for place in PLACES]}
        ready = read(cells)
        assert [column(ready, name).kind for name in cells] == [Kind.ID] * 3
        ready = read(cells, numbers=["year"], keep=["user_id", "who"])
        assert [column(ready, name).kind for name in cells] == [Kind.NUMBER, Kind.NUMBER, Kind.CATEGORY]
        assert set(cells) <= set(ready.raw)
        np.testing.assert_array_equal(ready.raw["year"], PLACES + 1781)
        with pytest.raises(DataError, match=r"data\.numbers: 'who' holds no numbers, but cells such as 'row "):
            read(cells, numbers=["who"])

    def test_long_identifiers_stay_different(self, read: Read) -> None:
        ids = [610_000_000_000_000_035 + int(place) for place in PLACES]
        assert column(read({"acct": [str(one) for one in ids]}), "acct").kind is Kind.ID
        assert column(read({"acct": ids}), "acct").kind is Kind.ID

    def test_numbers_with_a_large_offset_keep_their_digits(self, read: Read) -> None:
        stamps = [1_717_171_717_070 + int(place) * 337 for place in PLACES]
        ready = read({"x": stamps, "z": [str(one) for one in stamps[::-1]]})
        np.testing.assert_array_equal(ready.raw["x"], PLACES.astype(np.float64) * 337)
        preprocessor = ready.fit_all().preprocessor
        assert isinstance(preprocessor, Preprocessor)
        assert Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict()))) == preprocessor
        rows = pd.DataFrame({"beside": 1, "x": [stamps[3], str(stamps[3])], "z": stamps[5]}, dtype=object)
        one, two = preprocessor.transform(rows)
        np.testing.assert_array_equal(one, two)


class TestVariants:
    LEVELS = ("Shoes", "shoes", "SHOES", "Hats", "new  hat", "New Hat")

    def test_levels_and_classes_are_told_and_merged_on_request(self, read: Read) -> None:
        cells = [self.LEVELS[min(place % 9, 5)] for place in PLACES]
        columns = {"x": cells, "y": cells[::-1]}
        ready = read(columns)
        told = {one.about: one.values["n"] for one in ready.notices if one.code is Code.VARIANTS}
        assert told == {"x": 2, "y": 2}
        assert len(ready.head.labels) == 6
        ready = read(columns, merge=["x", "y"])
        assert not any(one.code is Code.VARIANTS for one in ready.notices)
        assert len(ready.head.labels) == len(set(ready.raw["x"])) == 3
        preprocessor = ready.fit_all().preprocessor
        rows = [preprocessor.transform(pd.DataFrame({"beside": [1], "x": [text]})) for text in ("sHoes", "Shoes")]
        np.testing.assert_array_equal(*rows)

    def test_levels_that_differ_otherwise_are_not_told(self, read: Read) -> None:
        ready = read(
            {"x": [f"Level {place % 5}" for place in PLACES], "y": ["yes" if one % 2 else "no" for one in PLACES]}
        )
        assert not any(one.code is Code.VARIANTS for one in ready.notices)

    @pytest.mark.parametrize(("word", "row"), [("Total", N), ("Grand total:", N), ("SUMME", N - 1)])
    def test_a_total_at_the_end_is_told(self, read: Read, word: str, row: int) -> None:
        cells = [f"shop {place % 7}" for place in PLACES]
        cells[row - 1] = word
        (told,) = [one for one in read({"x": cells}).notices if one.code is Code.TOTAL_ROW]
        assert told.values["row"] == row
        cells[5] = word
        assert not any(one.code is Code.TOTAL_ROW for one in read({"x": cells}).notices)


def test_targets_with_a_large_offset_are_answered_to_their_digits(tmp_path: Path) -> None:
    head = Head(task=Task.REGRESSION, loss=default_loss(Task.REGRESSION), n_outputs=1, target_names=("y",))
    frame = pd.DataFrame({"x": PLACES / 100, "y": 1e9 + PLACES / 1000})
    ready = prepare(DataSpec(source="frame", target="y", test=None), frame=frame, seed=0)
    refit = ready.fit_all()
    network = build_network(POINT, head=head, n_features=refit.x.shape[1], seed=np.random.SeedSequence(0))
    packaged = save_model(
        tmp_path / "model.keras", point=POINT, networks=[network.get_weights()], head=head,
        preprocessor=refit.preprocessor, target_scale=refit.target_scale, sample=frame[["x"]],
    )  # fmt: skip
    predictions = packaged.predictions(frame[["x"]])
    assert predictions.dtype == np.float64
    assert len(np.unique(predictions)) > N // 2


class TestKept:
    def test_what_was_decided_is_kept_by_the_model_and_comes_back(self, read: Read) -> None:
        ready = read({"x": [german(one, 0) for one in INHABITANTS], "price": [german(one / 7) for one in INHABITANTS]})
        preprocessor = ready.fit_all().preprocessor
        assert isinstance(preprocessor, Preprocessor)
        assert (preprocessor.table.decimal, preprocessor.table.thousands) == (",", ".")
        assert Preprocessor.from_dict(json.loads(json.dumps(preprocessor.to_dict()))) == preprocessor

    def test_a_model_of_before_has_the_defaults(self) -> None:
        assert Preprocessor.from_dict({"numbers": [], "categories": []}).table == AS_PLAIN

    def test_words_for_missing_and_spellings_of_a_level_are_read_so(self) -> None:
        table = TableReading(
            missing=("none given",), missing_in={"x": ("-200",)}, same={"paid": {"true": "TRUE", "1": "TRUE"}}
        )
        assert TableReading.from_dict(json.loads(json.dumps(table.as_dict()))) == table
        for cells in (["3", "-200.0", "none given"], [3.0, -200.0, np.nan], pd.Series([3, -200, None], dtype="Int64")):
            np.testing.assert_array_equal(table.cells(pd.Series(cells, name="x")).numbers, [3, np.nan, np.nan])
        assert table.cells(pd.Series([-200.0], name="z")).numbers[0] == -200
        levels = table.cells(pd.Series(["TRUE", " true ", True, 1], name="paid", dtype=object)).levels
        assert levels.texts == ("TRUE",)
