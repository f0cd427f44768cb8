"""Rows to answer: written as the table learnt from or otherwise, they get right predictions, or are refused."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ffsearch.errors import DataError
from ffsearch.search.data.asked import UNREAD_SHARE, RowReader
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.other_levels import other_spellings
from ffsearch.search.data.parsing.cells import MISSING
from ffsearch.search.data.prepare import prepare
from ffsearch.search.exporting import host
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.language import LANGUAGES
from ffsearch.spaces.schema import DataSpec

N = 120


class Layout(NamedTuple):
    """How a file is written."""

    decimal: str = "."
    thousands: str = ""
    truth: tuple[str, str] = ("True", "False")
    date: str = "%Y-%m-%d"
    encoding: str = "utf-8"
    delimiter: str = ","


LAYOUTS = {
    "python": Layout(),
    "excel in german": Layout(",", ".", ("WAHR", "FALSCH"), "%d.%m.%Y", "cp1252", ";"),
    "excel in german, plain": Layout(",", "", ("1", "0"), "%d.%m.%Y", "utf-8-sig", ";"),
    "american": Layout(".", ",", ("TRUE", "FALSE"), "%m/%d/%Y", "utf-8", ","),
    "british": Layout(".", ",", ("yes", "no"), "%d/%m/%Y", "latin-1", "\t"),
    "brazilian": Layout(",", ".", ("Sim", "Não"), "%d/%m/%Y", "utf-16", ";"),
    "french": Layout(",", " ", ("true", "false"), "%d-%m-%Y", "iso8859-15", "\t"),
}
GENERATOR = np.random.default_rng(0)
VALUES = pd.DataFrame(
    {
        "price": GENERATOR.uniform(1, 90_000, N).round(2),
        "people": GENERATOR.integers(100, 2_000_000, N),
        "share": GENERATOR.uniform(0, 1, N).round(3),
        "is_new": GENERATOR.random(N) < 0.4,
        "day": pd.Timestamp("2021-01-01") + pd.to_timedelta(GENERATOR.integers(0, 1000, N), unit="D"),
        "city": GENERATOR.choice(["Köln", "Łódź", "Bern", "São Paulo"], N, p=[0.4, 0.0, 0.3, 0.3]),
        "y": GENERATOR.normal(size=N).round(4),
    }
)


def number(value: float, layout: Layout, *, places: int) -> str:
    grouped = f"{value:,.{places}f}"
    return grouped.translate({ord(","): layout.thousands, ord("."): layout.decimal})


def written(values: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "price": [number(value, layout, places=2) for value in values.price],
            "people": [number(value, layout, places=0) for value in values.people],
            "share": [number(value, layout, places=3) for value in values.share],
            "is_new": np.where(values.is_new, *layout.truth),
            "day": values.day.dt.strftime(layout.date),
            "city": values.city,
            "y": [number(value, layout, places=4) for value in values.y],
        }
    )


def write(values: pd.DataFrame, layout: Layout, path: Path) -> Path:
    written(values, layout).to_csv(path, index=False, sep=layout.delimiter, encoding=layout.encoding)
    return path


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Preprocessor]:
    """What each layout teaches; kept as a model keeps it."""
    folder = tmp_path_factory.mktemp("learnt")
    found = {}
    for name, layout in LAYOUTS.items():
        path = write(VALUES, layout, folder / f"{name}.csv")
        spec = DataSpec(source=str(path), target="y", test=None, encoding=layout.encoding)
        preprocessor = prepare(spec, seed=0).fit_all().preprocessor
        assert isinstance(preprocessor, Preprocessor)
        found[name] = Preprocessor.from_dict(preprocessor.to_dict())
    return found


def read(preprocessor: Preprocessor, path: Path, **given: Any) -> tuple[np.ndarray[Any, Any], RowReader]:
    """The matrix of a file as `predict` reads it."""
    known = [level for one in preprocessor.categories for level in one.vocabulary]
    encoding = preprocessor.table.encoding
    opened = open_pieces(path, needed=preprocessor.column_names, id_column=None, encoding=encoding, known=known)
    frame = pd.concat([piece.frame for piece in opened.rows], ignore_index=True)
    return read_frame(preprocessor, frame, **given)


def read_in_pieces(preprocessor: Preprocessor, path: Path, *, as_texts: bool) -> tuple[np.ndarray[Any, Any], RowReader]:
    """The same as `predict` goes through a file: its first rows are looked at, numbers as such or as texts."""
    encoding = preprocessor.table.encoding
    opened = open_pieces(path, needed=preprocessor.column_names, id_column=None, encoding=encoding)
    reader = RowReader(preprocessor, lenient=True)

    def first(numbers: Collection[str]) -> pd.DataFrame:
        piece = opened.first(numbers)
        assert piece is not None
        return piece.frame

    reader.look_at(first(() if as_texts else reader.plain_numbers), as_texts=lambda: first(()))
    pieces = [
        preprocessor.matrix(reader.read(piece.frame), n_rows=len(piece.frame))
        for piece in opened.read(() if as_texts else reader.plain_numbers)
    ]
    return np.concatenate(pieces), reader


def read_frame(preprocessor: Preprocessor, frame: pd.DataFrame, **given: Any) -> tuple[np.ndarray[Any, Any], RowReader]:
    reader = RowReader(preprocessor, **given)
    raw = reader.read(frame)
    reader.check()
    return preprocessor.matrix(raw, n_rows=len(frame)), reader


@pytest.mark.parametrize(("trained", "asked"), list(product(LAYOUTS, LAYOUTS)))
def test_rows_of_another_layout_are_understood(
    trained: str, asked: str, learnt: dict[str, Preprocessor], tmp_path: Path
) -> None:
    """Every pair of layouts: the same rows give the same matrix, however they are written."""
    fresh = VALUES.sample(60, random_state=1).reset_index(drop=True)
    preprocessor = learnt[trained]
    expected = preprocessor.transform(written(fresh, LAYOUTS[trained]))
    path = write(fresh, LAYOUTS[asked], tmp_path / "rows.csv")
    matrix, reader = read(preprocessor, path)
    np.testing.assert_allclose(matrix, expected, atol=1e-6)
    for as_texts in (False, True):
        np.testing.assert_allclose(read_in_pieces(preprocessor, path, as_texts=as_texts)[0], expected, atol=1e-6)
    if trained == asked:
        assert reader.findings() == ()


@pytest.mark.parametrize("trained", LAYOUTS)
def test_the_frame_of_a_csv_is_read_like_it(trained: str, learnt: dict[str, Preprocessor], tmp_path: Path) -> None:
    """What pandas makes of the file without being told its layout is right, or refused."""
    layout, preprocessor = LAYOUTS[trained], learnt[trained]
    path = write(VALUES, layout, tmp_path / "t.csv")
    expected = preprocessor.transform(written(VALUES, layout))
    frame = pd.read_csv(path, sep=layout.delimiter, encoding=layout.encoding)
    np.testing.assert_allclose(read_frame(preprocessor, frame)[0], expected, atol=1e-6)
    typed = VALUES.assign(city=VALUES.city)
    np.testing.assert_allclose(read_frame(preprocessor, typed)[0], expected, atol=1e-6)
    zoned = typed.assign(day=typed.day.dt.tz_localize("UTC"), is_new=typed.is_new.astype(int))
    np.testing.assert_allclose(read_frame(preprocessor, zoned)[0], expected, atol=1e-6)


TRAINED = pd.DataFrame(
    {
        "size": [f"{1 + place * 0.37:.2f}" for place in range(N)],
        "day": [f"2024-0{1 + place % 9}-{10 + place % 19}" for place in range(N)],
        "paid": ["TRUE", "FALSE"] * (N // 2),
        "zip": [f"0{1234 + place % 6}" for place in range(N)],
        "shop": [f"shop {place % 5}" for place in range(N)],
        "y": [place * 0.5 for place in range(N)],
    }
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Preprocessor:
    path = tmp_path_factory.mktemp("plain") / "t.csv"
    TRAINED.to_csv(path, index=False)
    preprocessor = prepare(DataSpec(source=str(path), target="y", test=None), seed=0).fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    return preprocessor


def changed(**columns: Any) -> pd.DataFrame:
    return TRAINED.assign(**columns)


SAME: dict[str, dict[str, Any]] = {
    "truth as numbers": {"paid": [1, 0] * (N // 2)},
    "truth as floats": {"paid": [1.0, 0.0] * (N // 2)},
    "truth as booleans": {"paid": [True, False] * (N // 2)},
    "truth in small letters": {"paid": ["true", "false"] * (N // 2)},
    "truth as yes and no": {"paid": ["Yes", "No"] * (N // 2)},
    "codes that lost their zeros": {"zip": TRAINED.zip.astype(int)},
    "codes as floats": {"zip": TRAINED.zip.astype(float)},
    "numbers of their own": {"size": TRAINED["size"].astype(float)},
    "moments": {"day": pd.to_datetime(TRAINED.day)},
    "dates": {"day": pd.to_datetime(TRAINED.day).dt.date},
    "moments with a zone": {"day": pd.to_datetime(TRAINED.day).dt.tz_localize("UTC")},
    "dates with dots": {"day": pd.to_datetime(TRAINED.day).dt.strftime("%d.%m.%Y")},
    "dates with slashes, day first": {"day": pd.to_datetime(TRAINED.day).dt.strftime("%d/%m/%Y")},
    "dates with slashes, month first": {"day": pd.to_datetime(TRAINED.day).dt.strftime("%m/%d/%Y")},
    "decimal commas": {"size": TRAINED["size"].str.replace(".", ",")},
    "a currency": {"size": "$" + TRAINED["size"]},
}


@pytest.mark.parametrize("kind", SAME)
def test_one_thing_in_other_words_gets_the_same_answer(kind: str, plain: Preprocessor) -> None:
    matrix, _ = read_frame(plain, changed(**SAME[kind]))
    np.testing.assert_allclose(matrix, plain.transform(TRAINED), atol=1e-6)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "epochs": (
        {"day": [1_717_113_600 + place for place in range(N)]},
        r"'day': 120 of 120 cells are no dates: '1717113600'",
    ),
    "words as numbers": (
        {"size": ["big"] * 10 + ["1"] * 110},
        r"'size': 10 of 120 cells are no numbers: 'big'.*such as '1",
    ),
    "another unit": ({"size": TRAINED["size"] + " km"}, r"'size': 120 of 120 cells are no numbers: '1\.00 km'"),
    "dates that may be either": (
        {"day": [f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in range(N)]},
        r"'01/01/2024' may be day first",
    ),
    "levels of another world": (
        {"shop": [f"store {n % 5}" for n in range(N)]},
        r"'shop': not one of 120 cells holds a level it knows",
    ),
    "truth of another world": ({"paid": ["paid", "open"] * (N // 2)}, r"'paid': not one of 120 cells"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_understood_is_refused_unless_one_says_so(kind: str, plain: Preprocessor) -> None:
    columns, told = REFUSED[kind]
    with pytest.raises(DataError, match=told):
        read_frame(plain, changed(**columns))
    _, reader = read_frame(plain, changed(**columns), lenient=True)
    assert {finding.code for finding in reader.findings()} <= {Code.CELLS_UNREAD, Code.LEVELS_UNSEEN}
    assert reader.findings()


SAID: dict[Code, dict[str, Any]] = {
    Code.CELLS_UNREAD: {"size": ["soon", *TRAINED["size"][1:]]},
    Code.READ_OTHERWISE: {"size": TRAINED["size"].str.replace(".", ",")},
    Code.LEVELS_UNSEEN: {"shop": ["new", *TRAINED.shop[1:]]},
    Code.CELLS_MISSING: {"shop": [None, *TRAINED.shop[1:]]},
    Code.OUT_OF_RANGE: {"size": ["4000", *TRAINED["size"][1:]], "day": ["1999-01-01", *TRAINED.day[1:]]},
}


def test_what_is_worth_saying_of_rows_is_said(plain: Preprocessor) -> None:
    for code, columns in SAID.items():
        _, reader = read_frame(plain, changed(**columns))
        findings = reader.findings()
        assert {finding.code for finding in findings} == {code}
        for finding in findings:
            said = [t.says(finding) for t in LANGUAGES.values()]
            assert len(set(said)) == len(LANGUAGES)
            assert not any("{" in one for one in said)
    _, reader = read_frame(plain, TRAINED)
    assert reader.findings() == ()


def test_rows_that_were_learnt_from_are_never_refused() -> None:
    """Codes of which each is in one row alone are one level to the model, and a new one is what they all were."""
    codes = [f"{place:05}" for place in range(N)]
    shops = [f"shop {place}" if place % 3 else "north" for place in range(N)]
    rows = TRAINED.assign(code=codes, place=shops, empty=[None, *["n/d"] * (N - 1)])
    preprocessor = prepare(DataSpec(source="frame", target="y", test=None), seed=0, frame=rows).fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    _, reader = read_frame(preprocessor, rows)
    assert reader.findings() == ()
    for place in range(1, N, 3):  # three rows, often all of rare levels, as a service is asked
        read_frame(preprocessor, rows.take([place, (place + 3) % N, (place + 6) % N]))
    other = rows.assign(place=[f"shop {-place}" for place in range(N)])
    with pytest.raises(DataError, match=r"'place': not one of 120 cells holds a level it knows: .*; it knows 'north'"):
        read_frame(preprocessor, other)
    new = rows.assign(code=[f"9{code}" for code in codes])
    assert np.array_equal(read_frame(preprocessor, new)[0], read_frame(preprocessor, rows)[0])


def test_a_grouped_number_that_pandas_took_for_a_decimal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    people = [f"{n // 1000}.{n % 1000:03}" if n > 999 else str(n) for n in range(400, 400 + N * 37, 37)]
    rows = pd.DataFrame({"people": people, "share": [f"{n},5" for n in range(N)], "y": [f"{n},25" for n in range(N)]})
    rows.to_csv(path, index=False, sep=";")
    preprocessor = prepare(DataSpec(source=str(path), target="y", test=None), seed=0).fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    with pytest.raises(DataError, match=r"'people': \d+ of 120 cells are no numbers: '1\.0"):
        read_frame(preprocessor, pd.read_csv(path, sep=";"))


def test_shares_where_percents_were_learnt_are_refused() -> None:
    """As a workbook holds what it shows as 12.5 %; with the sign, or beyond 1, nothing is in doubt."""
    rows = pd.DataFrame({"rate": [f"{n / 2}%" for n in range(N)], "y": [n * 0.3 for n in range(N)]})
    known = prepare(DataSpec(source="frame", target="y", test=None), seed=0, frame=rows).fit_all().preprocessor
    assert isinstance(known, Preprocessor)
    with pytest.raises(DataError, match=r"'rate': 119 of 119 cells are no numbers: '0\.005'.*such as '0\.0%'"):
        read_frame(known, rows.assign(rate=[n / 200 or None for n in range(N)]))
    for given in (
        [f"{n / 2}" for n in range(N)],
        [n / 2 for n in range(N)],
        [f"{n / 2}".replace(".", ",") + " %" for n in range(N)],
    ):
        np.testing.assert_allclose(read_frame(known, rows.assign(rate=given))[0], known.transform(rows), atol=1e-6)
    read_frame(known, rows.assign(rate="0.5%"))


@pytest.mark.parametrize(
    ("trained", "asked"), [("cp1250", "utf-8"), ("utf-8", "cp1250"), ("cp1250", "cp1250"), ("cp1251", "koi8-r")]
)
def test_letters_are_read_by_the_levels_that_are_known(trained: str, asked: str, tmp_path: Path) -> None:
    cities = ["Москва", "Тверь", "Омск"] if "cp1251" in trained else ["Łódź", "Kraków", "Gdańsk"]
    frame = pd.DataFrame({"city": [cities[n % 3] for n in range(N)], "y": [n % 3 + n / 7 for n in range(N)]})
    frame.to_csv(tmp_path / "t.csv", index=False, encoding=trained)
    frame.to_csv(tmp_path / "rows.csv", index=False, encoding=asked)
    spec = DataSpec(source=str(tmp_path / "t.csv"), target="y", test=None, encoding=trained)
    preprocessor = prepare(spec, seed=0).fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    matrix, _ = read(preprocessor, tmp_path / "rows.csv")
    np.testing.assert_array_equal(matrix, preprocessor.transform(frame))


def test_a_test_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    TRAINED.to_csv(tmp_path / "t.csv", index=False)
    changed(size=TRAINED["size"].str.replace(".", ","), paid=[1, 0] * (N // 2)).to_csv(
        tmp_path / "test.csv", index=False
    )
    spec = DataSpec(source=str(tmp_path / "t.csv"), target="y", test=str(tmp_path / "test.csv"))
    ready = prepare(spec, seed=0)
    preprocessor = ready.fit_all().preprocessor
    cells, told = ready.sealed_cells(preprocessor, ready.test_rows())
    np.testing.assert_allclose(preprocessor.matrix(cells, n_rows=N), preprocessor.transform(TRAINED), atol=1e-6)
    assert [finding.code for finding in told] == [Code.READ_OTHERWISE]
    changed(size="big").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(
        DataError, match=r"The rows of the test file were not understood(?s:.*)'size': 120 of 120 cells"
    ):
        prepare(spec, seed=0)


def test_the_host_function_knows_truth_and_codes_in_other_words_and_refuses_alike() -> None:
    """`exporting/host.py` may not import this: one table holds both."""
    assert host._UNREAD_SHARE == UNREAD_SHARE
    same = other_spellings(["", "TRUE", "FALSE"])
    assert other_spellings(["01234", "077", "77", "5"]) == {"1234": "01234"}
    inputs = {
        "missing": sorted(MISSING),
        "inputs": [
            {"column": "paid", "input": "p", "kind": "category", "levels": ["TRUE", "FALSE"], "same": same},
            {
                "column": "zip",
                "input": "z",
                "kind": "category",
                "levels": ["01234"],
                "same": other_spellings(["01234"]),
            },
            {"column": "size", "input": "s", "kind": "number"},
        ],
    }
    rows = [{"paid": word, "zip": 1234, "size": "1.5"} for word in (True, 1, 1.0, "yes", "true", "TRUE", "Sim")]
    feed = host.encode(rows, inputs)
    assert feed["p"].ravel().tolist() == [1] * len(rows)
    assert feed["z"].ravel().tolist() == [1] * len(rows)
    with pytest.raises(ValueError, match=r"'size': 1 of 1 cells are no numbers: '1,5'.*lenient=True"):
        host.encode([{"paid": "no", "zip": "", "size": "1,5"}], inputs)
    assert np.isnan(host.encode([{"paid": "no", "zip": "", "size": "1,5"}], inputs, lenient=True)["s"]).all()


PLAIN_VALUES = pd.DataFrame(
    {
        "width": GENERATOR.uniform(1, 9, N).round(3),
        "people": GENERATOR.integers(1_000, 9_000, N),
        "level": GENERATOR.integers(0, 5, N),
        "y": GENERATOR.normal(size=N).round(4),
    }
)
WAYS = {
    "plain": str,
    "comma": lambda cell: str(cell).replace(".", ","),
    "thousands by points": lambda cell: f"{cell:,}".replace(",", "."),
    "thousands by commas": lambda cell: f"{cell:,}",
    "another unit": lambda cell: str(cell * 1000),
    "with a word": lambda cell: "on request" if cell == 3 else str(cell),
    "with gaps": lambda cell: "" if cell > 4 else str(cell),
    "empty": lambda cell: "",
}


@pytest.fixture(scope="module")
def plainly_learnt(tmp_path_factory: pytest.TempPathFactory) -> Preprocessor:
    path = tmp_path_factory.mktemp("plain") / "rows.csv"
    PLAIN_VALUES.to_csv(path, index=False)
    preprocessor = prepare(DataSpec(source=str(path), target="y", test=None), seed=0).fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    return preprocessor


@settings(max_examples=40, deadline=None)
@drawn(ways=st.tuples(*[st.sampled_from(sorted(WAYS))] * 3))
def test_numbers_looked_at_as_such_are_read_as_their_texts_are(
    ways: tuple[str, ...], plainly_learnt: Preprocessor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A law: looking at plain numbers as numbers changes neither what is read nor what is told."""
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    columns = {name: PLAIN_VALUES[name].map(WAYS[way]) for name, way in zip(PLAIN_VALUES, ways, strict=False)}
    pd.DataFrame(columns).to_csv(path, index=False, sep=";")
    by_numbers, told = read_in_pieces(plainly_learnt, path, as_texts=False)
    by_texts, told_of_texts = read_in_pieces(plainly_learnt, path, as_texts=True)
    np.testing.assert_array_equal(by_numbers, by_texts)
    assert told.findings() == told_of_texts.findings()


@pytest.mark.parametrize("way", ["plain", "comma"])
def test_first_rows_are_looked_at_as_texts_only_where_something_shows(
    way: str, plainly_learnt: Preprocessor, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    PLAIN_VALUES.assign(width=PLAIN_VALUES["width"].map(WAYS[way])).to_csv(path, index=False, sep=";")
    opened = open_pieces(path, needed=plainly_learnt.column_names, id_column=None)
    reader, asked = RowReader(plainly_learnt), []

    def as_texts() -> pd.DataFrame:
        asked.append(way)
        return next(opened.read(())).frame

    reader.look_at(next(opened.read(reader.plain_numbers)).frame, as_texts=as_texts)
    assert bool(asked) is (way == "comma")
    assert ("width" in reader.plain_numbers) is (way == "plain")
