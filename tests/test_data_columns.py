"""Columns that are not written plainly: dates, spellings, codes, orders, very many levels; and rows that are alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import said
from ffsearch.errors import DataError
from ffsearch.search.data.copies import find_copies
from ffsearch.search.data.features.columns import DateCycles
from ffsearch.search.data.features.encoding import PRIOR_ROWS, fit_encodings, other_fold_encodings
from ffsearch.search.data.kinds import Column, Kind, read_columns
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.dates import DateReading, Found, find_reading, seconds_of
from ffsearch.search.data.parsing.spelling import Spelling, find_spelling
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec

N = 120


def judged(cells: list[Any], **settings: Any) -> Column:
    return read_columns(pd.DataFrame({"c": cells}), np.arange(len(cells)), **settings)[0][0]


def prepared(frame: pd.DataFrame, **spec: Any) -> Prepared:
    return prepare(DataSpec(**{"source": "frame", "target": "y", **spec}), frame=frame, seed=0)


class TestSpelling:
    @pytest.mark.parametrize(
        ("texts", "numbers"),
        [
            (["1.234,5", "3,2", "1.000"], [1234.5, 3.2, 1000]),
            (["1,234", "999", "12,345,678.5"], [1234, 999, 12_345_678.5]),
            (["$1,299", "-$5", "$-3.5", "7"], [1299, -5, -3.5, 7]),
            (["13.56 %", "7%"], [13.56, 7]),
            (["36 months", " 60 months"], [36, 60]),
            (["1 234,5", "12"], [1234.5, 12]),
            (["1'000.5", "3"], [1000.5, 3]),
            (["0,123", "1,234"], [0.123, 1.234]),
            ([",5", "1,5"], [0.5, 1.5]),
        ],
    )
    def test_one_that_reads_all_cells_is_found(self, texts: list[str], numbers: list[float]) -> None:
        spelling = find_spelling(texts, [1] * len(texts), share=1.0)
        assert spelling is not None
        assert [spelling.number(text) for text in texts] == numbers
        assert Spelling.from_dict(spelling.as_dict()) == spelling

    @pytest.mark.parametrize(
        ("texts", "numbers", "told"),
        [
            (["1.2 kg", "300 g", "7 kg"], [1.2, 0.3, 7], "1,234.5 kg (1 g = 0.001 kg)"),
            (["3 MB", "5 GB", "6 MB"], [3, 5000, 6], "1,234.5 MB (1 GB = 1000 MB)"),
            (["1 DR", "2 DR", "3 CR"], [-1, -2, 3], "1,234.5 DR (1 CR = -1 DR)"),
            (["1 min", "2 mins", "3 min"], [1, 2, 3], "1,234.5 min"),
        ],
    )
    def test_of_several_units_the_commonest_counts_and_the_others_are_told(
        self, texts: list[str], numbers: list[float], told: str
    ) -> None:
        spelling = find_spelling(texts, [1] * len(texts), share=1.0)
        assert spelling is not None
        assert [spelling.number(text) for text in texts] == pytest.approx(numbers)
        assert str(spelling) == told

    @pytest.mark.parametrize(
        "texts",
        [
            ["A12", "A13"], ["4B", "5B"], ["555 1234", "555 2222"], ["5 km", "3 mi"], ["3", "4.5"],
            ["1.1.1", "2.1"], ["1,23,4", "5"], ["Bern"], [],
        ],
    )  # fmt: skip
    def test_codes_and_words_have_none(self, texts: list[str]) -> None:
        assert find_spelling(texts, [1] * len(texts), share=0.99) is None

    def test_what_is_no_number_in_it_is_missing(self) -> None:
        euros = Spelling(decimal=",", thousands=".", before="€")
        assert np.isnan([euros.number(text) for text in ("1.23", "1,2,3", "€", "", "$5", "12.3456,7")][1:]).all()
        assert euros.number("1e3") == 1000  # as Python writes it

    def test_a_column_in_one_is_a_number_and_says_how_it_is_written(self) -> None:
        column = judged([f"{i}.{i % 9}00,5 €" for i in range(1, N)])
        assert column.kind is Kind.NUMBER
        assert column.reason == "119 different numbers; written like 1.234,5 €"
        assert column.as_dict()["reading"] == {"decimal": ",", "thousands": ".", "before": "", "after": "€"}

    def test_a_target_in_one_is_predicted_as_a_number(self) -> None:
        frame = pd.DataFrame({"x": np.arange(N) * 1.5, "y": [f"{i},25" for i in range(N)]})
        ready = prepared(frame)
        assert ready.task_reason.code is Code.TASK_FRACTIONS
        assert "The target 'y' is written like 1.234,5 and is read as numbers: 0,25 is 0.25." in said(ready.notices)
        assert ready.table.target.frame["y"].iloc[3] == 3.25

    @pytest.mark.parametrize(("delimiter", "first"), [(";", 1.125), ("\t", 1125)])
    def test_semicolons_between_cells_make_commas_decimal(self, tmp_path: Path, delimiter: str, first: float) -> None:
        rows = [f"{i},{i * 7 % 900 + 100}{delimiter}{i + 1},{i * 11 % 800 + 125}" for i in range(1, N)]
        path = tmp_path / "t.csv"
        path.write_text("\n".join([f"x{delimiter}y", f"9,125{delimiter}1,125", *rows]))
        ready = prepare(DataSpec(source=str(path), target="y", test=None), seed=0)
        assert ready.table.target.frame["y"].iloc[0] == first
        assert ready.raw["x"][0] == (9.125 if delimiter == ";" else 9125)

    def test_a_few_texts_with_numbers_stay_classes(self) -> None:
        ready = prepared(pd.DataFrame({"x": np.arange(N) * 1.5, "y": [f"{i % 5} stars" for i in range(N)]}))
        assert ready.head.labels == ("0 stars", "1 stars", "2 stars", "3 stars", "4 stars")


class TestDates:
    @pytest.mark.parametrize(
        ("text", "day_first", "expected"),
        [
            ("2024-05-31", False, "2024-05-31"), ("2024/5/31", True, "2024-05-31"), ("31.05.2024", True, "2024-05-31"),
            ("5/31/2024", False, "2024-05-31"), ("31 May 2024", False, "2024-05-31"),
            ("May 31, 2024", True, "2024-05-31"),
            ("31-Dec-2024", False, "2024-12-31"), ("2024-05-31T12:30", False, "2024-05-31 12:30"),
            ("5/31/2024 12:05:01 AM", False, "2024-05-31 00:05:01"), ("5/31/2024 1:30 pm", False, "2024-05-31 13:30"),
            ("2024-05-31 12:30:15.5+02:00", False, "2024-05-31 10:30:15.5"),
            ("2024-05-31 12:30Z", False, "2024-05-31 12:30"),
            ("20240531T123015Z", False, "2024-05-31 12:30:15"), ("31.05.2024 12.30 Uhr", True, "2024-05-31 12:30"),
            ("5/31/24 1:30 PM", False, "2024-05-31 13:30"), ("31/05/69", True, "1969-05-31"),
            ("31/05/68", True, "2068-05-31"), ("31 de maio de 2024", False, "2024-05-31"),
            ("Fri, 31 May 2024 12:30:15 GMT", False, "2024-05-31 12:30:15"),
            ("2024:05:31 12:30:15", False, "2024-05-31 12:30:15"),
            ("2024-05-31 12:30:15,5+02", False, "2024-05-31 10:30:15.5"),
            ("2024-05", False, "2024-05-01"), ("2024Q2", False, "2024-04-01"), ("Q4 2023", False, "2023-10-01"),
            ("2024-W22", False, "2024-05-27"), ("28. Mär 2024", False, "2024-03-28"),
            ("1er août 2023", False, "2023-08-01"),
            ("10 de diciembre de 2023", False, "2023-12-10"), ("Sunday, July 30, 2023", False, "2023-07-30"),
            ("terça-feira, 15 de agosto de 2023", False, "2023-08-15"), ("July 30th 2023", False, "2023-07-30"),
            ("2023-07-30 05:27:00 EST", False, "2023-07-30 10:27"), ("Jul-23", False, "2023-07-01"),
            ("30/Jul/2023:05:27:00 +0000", False, "2023-07-30 05:27"), ("07/2023", False, "2023-07-01"),
            ("2023-07-30 05:27:00.123456+02", False, "2023-07-30 03:27:00.123456"),
            ("2024-03-04/2024-03-10", False, "2024-03-04"), ("2024-05-31 24:00", False, "2024-06-01"),
        ],
    )  # fmt: skip
    def test_ways_to_write_one(self, text: str, expected: str, *, day_first: bool) -> None:
        assert seconds_of(text, day_first=day_first) == pd.Timestamp(expected).timestamp()

    @pytest.mark.parametrize(
        "text",
        ["", "2024", "2024-13-01", "31/31/2024", "May", "2024-02-30", "12:30", "0000-00-00", "2024-05-31 25:61",
         "2024-05-31 12:60", "2024-05-31 13:30 PM", "Model 2024", "2024-05-31 12:30 XYZ", "2024-05-31 12:30+99",
         "May 5", "12 2024", "2024-W60", "2024Q5", "4B"],
    )  # fmt: skip
    def test_what_is_none(self, text: str) -> None:
        assert np.isnan(seconds_of(text, day_first=False))

    def test_a_column_becomes_days_since_its_first_one(self) -> None:
        column = judged([f"{1 + i % 28}/{1 + i % 12}/2024" for i in range(N)])
        assert (column.kind, column.used, column.reason) == (Kind.DATE, True, "84 different dates")
        assert column.reading == DateReading(day_first=True, origin="2024-01-01")
        days = column.reading.read(
            Cells(pd.Series(["1/2/2024", "2024-01-01 06:00", "never", None, pd.Timestamp("2024-01-03")]))
        )
        np.testing.assert_array_equal(days, [31, 0.25, np.nan, np.nan, 2])

    def test_in_doubt_the_order_of_rows_decides_and_else_it_is_told(self) -> None:
        ordered = pd.Series(["1/2/2024", "2/2/2024", "1/3/2024"])
        reading = DateReading(day_first=True, origin="2024-02-01")
        assert find_reading(Cells(ordered)) == Found(reading=reading, in_doubt="", n_read=3)
        column = judged([f"{1 + i % 12}/{1 + i * 5 % 12}/2024" for i in range(N)])
        assert "they could be day first or month first, and are read as month first" in column.reason

    def test_a_few_cells_that_are_no_dates_are_missing(self) -> None:
        column = judged(["soon", *(f"2024-01-{1 + i % 28}" for i in range(N * 2))])
        assert column.kind is Kind.DATE
        assert column.reason == "29 different dates; 1 cell, 'soon', which is no date, taken as missing"

    @given(st.dates(min_value=pd.Timestamp("1930-01-01").date(), max_value=pd.Timestamp("2090-01-01").date()))
    def test_weekday_and_place_in_the_year_follow_the_calendar(self, day: Any) -> None:
        cycles = DateCycles(name="d", origin="1999-12-24", year=True, week=True, clock=True)
        days = np.float32((pd.Timestamp(day) - pd.Timestamp(cycles.origin)).days + 0.25)
        (features,) = cycles.features(np.array([days]))
        angle = np.arctan2(features[0], features[1]) % (2 * np.pi)
        exact = 2 * np.pi * (pd.Timestamp(day).day_of_year - 1) / 365.25
        assert min(abs(angle - exact), 2 * np.pi - abs(angle - exact)) < 2 * np.pi / 365  # leap days shift by one
        assert features[2:9].tolist() == [float(number == day.weekday()) for number in range(7)]
        assert features[9:].tolist() == pytest.approx([1, 0], abs=1e-6)

    def test_features_say_what_differs_and_missing_ones_are_nothing(self) -> None:
        when = [str(day) for day in pd.date_range("2024-01-01", periods=N - 1, freq="D")]
        frame = pd.DataFrame({"when": [*when, ""], "y": ["a", "b"] * (N // 2)})
        ready = prepared(frame, test=None)
        refit = ready.fit_all()
        assert refit.preprocessor.feature_names[:4] == (
            "when", "when (missing)", "when (sine of the year)", "when (cosine of the year)",
        )  # fmt: skip
        assert "when (sine of the day)" not in refit.preprocessor.feature_names
        assert refit.x[-1].tolist() == [0, 1, *[0] * 9]
        assert refit.x.shape == (N, ready.n_features)
        hours = frame.assign(when=[str(pd.Timestamp("2024-01-01") + pd.Timedelta(hours=i)) for i in range(N)])
        names = prepared(hours).fit_all().preprocessor.feature_names
        assert "when (sine of the day)" in names
        assert "when (sine of the year)" not in names  # five days of one

    def test_a_network_that_reads_them_learns_a_weekend(self) -> None:
        days = pd.date_range("2023-01-01", periods=400)
        frame = pd.DataFrame({"when": days.strftime("%d.%m.%Y"), "y": np.where(days.day_of_week >= 5, "rest", "work")})
        split, *_ = prepared(frame).problem().splits
        weights, *_ = np.linalg.lstsq(split.x_train, split.y_train, rcond=None)
        assert (((split.x_valid @ weights) > 0.5) == split.y_valid).all()


class TestCodesAndOrders:
    def test_zeros_in_front_make_codes(self) -> None:
        column = judged([f"{i % 30:03}" for i in range(N)])
        assert (column.kind, column.reason) == (Kind.CATEGORY, "30 different texts; whole numbers that are codes")

    @pytest.mark.parametrize("name", ["zip", "ship_zip", "PostalCode", "postcode", "country code"])
    def test_names_that_say_so(self, name: str) -> None:
        frame = pd.DataFrame(
            {name: [f"{10_000 + i % 30}" for i in range(N)], "encode": [str(i % 30) for i in range(N)]}
        )
        kinds = [column.kind for column in read_columns(frame, np.arange(N))[0]]
        assert kinds == [Kind.CATEGORY, Kind.NUMBER]

    def test_on_request(self) -> None:
        column = judged([i % 12 for i in range(N)], categories=["c"])
        assert (column.kind, column.reason) == (
            Kind.CATEGORY,
            "12 different texts; a category, as data.categories says",
        )

    def test_an_order_becomes_steps(self) -> None:
        cells = ["low", "mid", "high", "", "mid", "low"] * (N // 6)
        ready = prepared(
            pd.DataFrame({"c": cells, "y": ["a", "b", "c"] * (N // 3)}),
            ordinal={"c": ["low", "mid", "high"]},
            test=None,
        )
        (column,) = ready.columns
        assert (column.kind, column.reason) == (Kind.ORDINAL, "3 levels from 'low' to 'high', as data.ordinal says")
        preprocessor = ready.fit_all().preprocessor
        assert preprocessor.feature_names == ("c >= mid", "c >= high", "c (other)")
        rows = pd.DataFrame({"c": ["low", "mid", "high", "", "top"]})
        assert preprocessor.transform(rows).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]]

    def test_numbers_are_levels_however_they_are_written(self) -> None:
        assert judged([1.0, 2.0, 3.0] * 40, orders={"c": ("1", "2", "3")}).order == ("1", "2", "3")

    def test_a_level_that_the_order_lacks_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"^data\.ordinal: 'c' holds 'XL', which is none of 'S', 'M'\. Put every"):
            judged(["S", "M", "XL"] * 40, orders={"c": ("S", "M")})

    def test_a_column_that_is_not_there_is_refused(self) -> None:
        frame = pd.DataFrame({"size": ["S", "M"] * 60, "y": ["a", "b"] * 60})
        for spec in ({"ordinal": {"sise": ["S", "M"]}}, {"categories": ["sise"]}):
            with pytest.raises(
                DataError, match=r"^data\.(ordinal|categories): frame has no column 'sise'\. Is it 'size'"
            ):
                prepared(frame, **spec)


class TestManyLevels:
    def test_a_level_is_believed_the_more_the_more_rows_it_has(self) -> None:
        places = np.array([0] * 10 + [1] * 90)
        targets = np.where(places == 0, 1.0, 0.0)[:, None]
        few, many, unseen = fit_encodings(places, targets, n_places=3)[:, 0]
        assert few == pytest.approx((10 + PRIOR_ROWS * 0.1) / (10 + PRIOR_ROWS))
        assert many == pytest.approx(PRIOR_ROWS * 0.1 / (90 + PRIOR_ROWS))
        assert unseen == pytest.approx(0.1)

    def test_no_row_is_encoded_by_its_own_target(self) -> None:
        rng = np.random.default_rng(0)
        places, targets = rng.integers(0, 20, N), rng.normal(size=(N, 1))
        encoded = other_fold_encodings(places, targets, n_places=21)
        for row in range(0, N, 17):
            changed = targets.copy()
            changed[row] += 100
            again = other_fold_encodings(places, changed, n_places=21)
            assert again[row] == encoded[row]
            assert not np.array_equal(again, encoded)

    def test_noise_says_nothing_and_the_levels_beyond_the_slots_are_told_apart(self) -> None:
        rng = np.random.default_rng(1)
        level = rng.integers(0, 200, 4000)
        truth = rng.normal(size=200)
        frame = pd.DataFrame(
            {
                "shop": [f"s{number}" for number in level],
                "noise": [f"n{number}" for number in rng.integers(0, 200, 4000)],
                "y": truth[level] + rng.normal(size=4000) * 0.3,
            }
        )
        ready = prepared(frame)
        (split,) = ready.problem().splits
        names = ready.fit_all().preprocessor.feature_names
        shop, noise = names.index("shop (mean target)"), names.index("noise (mean target)")
        target = split.y_train[:, 0]
        assert np.corrcoef(split.x_train[:, shop], target)[0, 1] > 0.85
        assert abs(np.corrcoef(split.x_train[:, noise], target)[0, 1]) < 0.1  # with its own target it would be .25
        assert np.corrcoef(split.x_valid[:, shop], split.y_valid[:, 0])[0, 1] > 0.85

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_classes_are_encoded_each(self, n_classes: int) -> None:
        frame = pd.DataFrame(
            {"shop": [f"s{i % 90}" for i in range(900)], "y": [f"k{i % n_classes}" for i in range(900)]}
        )
        names = prepared(frame).fit_all().preprocessor.feature_names
        assert sum("mean target" in name for name in names) == (1 if n_classes == 2 else 3)

    def test_validation_and_sealed_rows_teach_no_encoding(self) -> None:
        rng = np.random.default_rng(2)
        frame = pd.DataFrame({"shop": [f"s{n}" for n in rng.integers(0, 90, 1500)], "y": rng.normal(size=1500)})
        ready = prepared(frame)
        (train, valid), *_ = ready.splits.folds
        changed = frame.copy()
        changed.loc[[*valid, *ready.splits.test], "y"] += 1000.0
        one, other = ready.problem().splits[0], prepared(changed).problem().splits[0]
        np.testing.assert_array_equal(one.x_train, other.x_train)
        np.testing.assert_array_equal(one.x_valid, other.x_valid)
        assert len(train) == len(one.x_train)


class TestCopies:
    def frame(self) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        rows = pd.DataFrame({"a": rng.normal(size=300), "b": rng.integers(0, 9, 300), "y": ["u", "v", "w"] * 100})
        return pd.concat([rows, rows.head(60)], ignore_index=True).assign(
            key=lambda all_: [f"k{i}" for i in all_.index]
        )

    @pytest.mark.parametrize("valid", [{"holdout": 0.2}, {"folds": 4}])
    def test_they_stay_on_one_side_of_every_split(self, valid: dict[str, Any]) -> None:
        ready = prepared(self.frame(), valid=valid)
        side = np.arange(360) % 300
        parts = [ready.splits.test, *(part for fold in ready.splits.folds for part in fold)]
        assert sorted(np.concatenate([ready.splits.test, ready.development_rows])) == list(range(360))
        test, *folds = parts
        assert not np.isin(side[np.setdiff1d(np.arange(360), test)], side[test]).any()
        for train, held_out in zip(folds[::2], folds[1::2], strict=True):
            assert not np.isin(side[train], side[held_out]).any()
        train, held_out = ready.repeat_rows(3)
        assert not np.isin(side[train], side[held_out]).any()

    def test_their_first_row_is_found_past_columns_that_name_rows(self) -> None:
        frame = self.frame()
        copies = find_copies(frame.drop(columns="y"), frame[["y"]])
        assert copies.n_copies == 60
        assert copies.first.tolist() == [*range(300), *range(60)]
        assert find_copies(frame[["a"]].head(300), frame[["y"]].head(300)).n_copies == 0

    def test_moments_tell_rows_apart(self) -> None:
        frame = pd.DataFrame({"when": pd.date_range("2024-01-01", periods=N).astype(str), "y": ["a", "b"] * (N // 2)})
        assert find_copies(frame[["when"]], frame[["y"]]).n_copies == 0

    def test_a_table_of_few_different_rows_is_dealt_as_others_are(self) -> None:
        ready = prepared(pd.DataFrame({"a": ["x", "z"] * 100, "b": ["p", "p", "q", "q"] * 50, "y": ["u", "v"] * 100}))
        assert "196 of 200 rows repeat another row in every column. So many are taken for what rows are like" in (
            " ".join(said(ready.notices))
        )
        assert len(ready.splits.test) == 40

    def test_by_time_they_are_told_and_left_where_they_are(self) -> None:
        frame = self.frame().assign(t=np.arange(360) % 300)
        (told,) = said(one for one in prepared(frame, time="t").notices if one.code is Code.COPIES)
        assert "The split goes by time, so they may fall on both sides" in told
