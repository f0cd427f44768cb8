"""How a table is read as a whole: its decimal sign, what its cells mean, and that the model keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.data.kinds import Column, Kind
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.data.preprocess import Preprocessor
from ffsearch.search.data.reading import AS_PLAIN, TableReading
from ffsearch.search.data.spelling import Spelling
from ffsearch.search.data.written import amount
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec

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
        expected = [(place + 1) * (1e9 if place % 3 else 1e6) for place in PLACES]
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
