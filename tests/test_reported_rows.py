"""Rows to answer, as public reports show other tools to misunderstand them: other spellings, types and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.files.frames import as_pandas
from ffsearch.search.data.prepare import prepare
from ffsearch.search.wording.codes import Code
from reported import AMOUNTS, WORDS, N, asked, learnt, row, spec, table, told

FLAGS = np.arange(N) % 3 == 0
SPELLINGS: dict[str, tuple[Any, Any]] = {
    "TRUE": ("TRUE", "FALSE"),
    "True": ("True", "False"),
    "true": ("true", "false"),
    "yes": ("yes", "no"),
    "1": (1, 0),
    "bool": (True, False),
}


def flagged(name: str) -> pd.DataFrame:
    true, false = SPELLINGS[name]
    return table(x=[true if flag else false for flag in FLAGS])


@row(1)
@pytest.mark.parametrize("trained", SPELLINGS)
@pytest.mark.parametrize("given", SPELLINGS)
def test_1_truth_is_one_however_it_is_spelt(trained: str, given: str, tmp_path: Path) -> None:
    flagged(trained).to_csv(tmp_path / "t.csv", index=False)
    flagged(given).to_csv(tmp_path / "rows.csv", index=False)
    known = learnt(tmp_path / "t.csv")
    expected = known.transform(flagged(trained))
    for rows in (tmp_path / "rows.csv", pd.read_csv(tmp_path / "rows.csv"), flagged(given)):
        np.testing.assert_allclose(asked(known, rows), expected, atol=1e-6)


@row(2)
def test_2_another_decimal_sign_or_thousands_are_read_as_they_show(tmp_path: Path) -> None:
    plain = table(x=AMOUNTS)
    known = learnt(plain)
    comma = plain.assign(**{name: [f"{v}".replace(".", ",") for v in plain[name]] for name in ("x", "b")})
    grouped = plain.assign(x=[f"{v:,.2f}" for v in AMOUNTS])
    for rows, sep in ((comma, ";"), (comma, ","), (grouped, ",")):
        rows.to_csv(tmp_path / "rows.csv", index=False, sep=sep)
        np.testing.assert_allclose(asked(known, tmp_path / "rows.csv"), known.transform(plain), atol=1e-6)
        np.testing.assert_allclose(asked(known, rows), known.transform(plain), atol=1e-6)


@row(3)
def test_3_a_test_file_in_decimal_commas_is_read_so_and_told(tmp_path: Path) -> None:
    plain = table(x=AMOUNTS)
    plain.to_csv(tmp_path / "t.csv", index=False)
    plain.assign(x=[f"{v}".replace(".", ",") for v in AMOUNTS]).to_csv(tmp_path / "test.csv", index=False)
    ready = prepare(spec(tmp_path / "t.csv", test=str(tmp_path / "test.csv")), seed=0)
    known = ready.fit_all().preprocessor
    cells, said = ready.sealed_cells(known, ready.test_rows())
    assert [finding.code for finding in said] == [Code.READ_OTHERWISE]
    np.testing.assert_allclose(cells["x"], AMOUNTS, rtol=1e-6)


DAYS = pd.Timestamp("2021-01-01") + pd.to_timedelta(np.arange(N) * 997 % 1200, unit="D")


@row(4)
@pytest.mark.parametrize(
    "layout", ["%d.%m.%Y", "%d.%m.%y", "%Y-%m-%d %H:%M:%S+00", "%d/%m/%Y", "%m/%d/%Y", "%B %d, %Y"]
)
def test_4_dates_in_another_way_are_read(layout: str) -> None:
    trained = table(x=DAYS.strftime("%Y-%m-%d"))
    known = learnt(trained)
    np.testing.assert_allclose(asked(known, table(x=DAYS.strftime(layout))), known.transform(trained), atol=1e-6)


@row(73)
def test_73_seconds_since_1970_where_dates_were_learnt_are_refused() -> None:
    known = learnt(table(x=DAYS))
    with pytest.raises(DataError, match=r"'x': 240 of 240 cells are no dates: '16\d+'"):
        asked(known, table(x=DAYS.astype("int64") // 10**9))


@row(5)
def test_5_codes_that_lost_their_zeros_are_found_and_unknown_ones_refused(tmp_path: Path) -> None:
    trained = table(x=[["04109", "80331", "01067"][place % 3] for place in range(N)])
    trained.to_csv(tmp_path / "t.csv", index=False)
    known = learnt(tmp_path / "t.csv")
    np.testing.assert_array_equal(asked(known, pd.read_csv(tmp_path / "t.csv")), known.transform(trained))
    with pytest.raises(DataError, match=r"'x': not one of 240 cells holds a level it knows"):
        asked(known, trained.assign(x=[90_000 + place % 3 for place in range(N)]))


@row(35, 64)
def test_35_blanks_around_names_are_no_part_of_them(tmp_path: Path) -> None:
    given = table(x=AMOUNTS).rename(columns={"x": " x ", "b": "b\t", "c": "\N{ZERO WIDTH NO-BREAK SPACE}c"})
    given.to_csv(tmp_path / "t.csv", index=False)
    for known in (learnt(tmp_path / "t.csv"), learnt(given)):
        assert set(known.column_names) == {"x", "b", "c"}
        expected = known.transform(table(x=AMOUNTS))
        for rows in (tmp_path / "t.csv", pd.read_csv(tmp_path / "t.csv"), given):
            np.testing.assert_allclose(asked(known, rows), expected, atol=1e-6)


@row(36)
def test_36_the_index_that_pandas_put_into_a_parquet_is_no_feature(tmp_path: Path) -> None:
    frame = table(x=AMOUNTS)
    frame.index = pd.Index(np.arange(N) * 3 + 5)
    frame.to_parquet(tmp_path / "t.parquet")
    ready = prepare(spec(tmp_path / "t.parquet"), seed=0)
    assert [one.name for one in ready.columns if one.used] == ["x", "b", "c"]
    known = learnt(tmp_path / "t.parquet")
    np.testing.assert_array_equal(asked(known, pd.read_parquet(tmp_path / "t.parquet")), known.transform(frame))


@row(37)
def test_37_an_index_column_without_a_name_is_told_and_not_asked_for(tmp_path: Path) -> None:
    frame = table(x=AMOUNTS)
    frame.index = pd.Index(np.arange(N) * 3 + 5)
    frame.to_csv(tmp_path / "t.csv")
    ready = prepare(spec(tmp_path / "t.csv"), seed=0)
    assert [one.name for one in ready.columns if one.used] == ["x", "b", "c"]
    assert told(ready, Code.NOT_USED)[0].values["column"] == "column_1"
    known = learnt(tmp_path / "t.csv")
    for rows in (tmp_path / "t.csv", pd.read_csv(tmp_path / "t.csv"), frame):
        np.testing.assert_array_equal(asked(known, rows), known.transform(frame))


@row(51, 52)
@pytest.mark.parametrize("lazy", [False, True], ids=["frame", "lazy"])
def test_51_52_frames_of_polars_are_read_as_those_of_pandas(lazy: bool) -> None:  # noqa: FBT001
    frame = table(x=DAYS.date, flag=FLAGS, n=[None if place % 7 == 0 else place for place in range(N)])
    given = pl.DataFrame(frame.to_dict("list")).with_columns(pl.col("c").cast(pl.Categorical))
    read = as_pandas(given.lazy() if lazy else given)
    plain = prepare(spec(), frame=frame, seed=0)
    other = prepare(spec(), frame=read, seed=0)
    assert [one.kind for one in other.columns] == [one.kind for one in plain.columns]
    np.testing.assert_array_equal(other.fit_all().x, plain.fit_all().x)


@row(56)
def test_56_a_wide_table_is_answered_as_it_was_learnt() -> None:
    """How long that takes is measured elsewhere (docs/decisions.md)."""
    generator = np.random.default_rng(0)
    wide = pd.DataFrame(generator.normal(size=(60, 1500)), columns=[f"f{place}" for place in range(1500)])
    known = learnt(wide.assign(y=generator.normal(size=60)))
    np.testing.assert_array_equal(asked(known, wide), known.transform(wide))


@row(65)
def test_65_a_column_that_was_empty_in_training_and_one_that_is_empty_now() -> None:
    known = learnt(table(x=[None] * N, z=AMOUNTS))
    expected = asked(known, table(z=AMOUNTS))
    for filled in (AMOUNTS, WORDS):
        np.testing.assert_array_equal(asked(known, table(x=filled, z=AMOUNTS)), expected)
    reader = RowReader(known)
    raw = reader.read(table(z=[None] * N))
    reader.check()
    assert np.isfinite(known.matrix(raw, n_rows=N)).all()
    assert [finding.code for finding in reader.findings()] == [Code.CELLS_MISSING]


@row(72)
def test_72_a_number_or_a_category_of_another_type_is_the_same() -> None:
    codes = [str(1 + place % 4) for place in range(N)]
    for learnt_as in ([int(code) for code in codes], pd.Categorical(codes)):
        known = learnt(table(x=learnt_as))
        expected = known.transform(table(x=learnt_as))
        others: list[Any] = [codes, [int(code) for code in codes], [float(code) for code in codes]]
        for given in (*others, pd.Categorical(codes), pd.Series(codes, dtype=object), pd.array(codes, dtype="string")):
            np.testing.assert_array_equal(asked(known, table(x=given)), expected)


@row(77)
def test_77_a_test_file_of_another_make_is_refused_or_told(tmp_path: Path) -> None:
    frame = table(x=AMOUNTS).assign(y=["no", "yes"] * (N // 2))
    frame.to_csv(tmp_path / "t.csv", index=False)

    def with_test(test: pd.DataFrame) -> Any:
        test.to_csv(tmp_path / "test.csv", index=False)
        return prepare(spec(tmp_path / "t.csv", test=str(tmp_path / "test.csv")), seed=0)

    with pytest.raises(DataError, match=r"lacks columns of .*: b\."):
        with_test(frame.drop(columns="b"))
    with pytest.raises(DataError, match=r"lacks columns of .*: y\."):
        with_test(frame.drop(columns="y"))
    with pytest.raises(DataError, match=r"lacks columns of .*: x, b\."):
        with_test(frame.rename(columns={"x": "X"}).drop(columns="b"))
    new_class = with_test(frame.assign(y=["no", "other"] * (N // 2)))
    assert {finding.code for finding in new_class.test_rows().notices} == {Code.UNKNOWN_CLASS}
    new_level = with_test(frame.assign(c="violet"))
    _, said = new_level.sealed_cells(new_level.fit_all().preprocessor, new_level.test_rows())
    assert [finding.code for finding in said] == [Code.LEVELS_UNSEEN]


@row(58)
def test_58_labels_that_the_test_file_spells_otherwise_are_told(tmp_path: Path) -> None:
    """DIFFERS from the report, which would refuse: labels of their own may be what a test is for."""
    frame = table(x=AMOUNTS).assign(y=["no", "yes"] * (N // 2))
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.assign(y=frame.y.str.upper()).to_csv(tmp_path / "test.csv", index=False)
    ready = prepare(spec(tmp_path / "t.csv", test=str(tmp_path / "test.csv")), seed=0)
    (said,) = ready.test_rows().notices
    assert said.code is Code.UNKNOWN_CLASS
