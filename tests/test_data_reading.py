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
from ffsearch.search.data.kinds import Column, Kind
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.data.preprocess import Preprocessor
from ffsearch.search.data.reading import AS_PLAIN, TableReading
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
