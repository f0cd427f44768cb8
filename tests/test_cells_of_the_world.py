"""Cells and files as programs and people of many countries write them, read as a careful person would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.errors import DataError
from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.parsing.moments import seconds_in, time_in
from ffsearch.search.data.parsing.written import powered
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from reported import (
    AMOUNTS,
    BESIDE,
    GENERATOR,
    TARGET,
    Door,
    N,
    asked,
    both_doors,
    column,
    learnt,
    numbers,
    spec,
    table,
    told,
)

SIGNED = np.round(np.where(np.arange(N) % 3 == 0, -1, 1) * AMOUNTS, 2)
NARROW = "\N{NARROW NO-BREAK SPACE}"


@pytest.fixture
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    return Door(request.param, tmp_path)


def grouped(value: float, thousands: str, decimal: str, places: int = 2) -> str:
    return f"{value:,.{places}f}".translate({ord(","): thousands, ord("."): decimal})


NUMBERS: dict[str, tuple[Any, Callable[[float], str]]] = {
    "Swiss francs": (AMOUNTS, lambda v: f"CHF {grouped(v, chr(0x2019), '.')}"),
    "apostrophes": (AMOUNTS, lambda v: grouped(v, "'", ".")),
    "euros behind narrow spaces": (AMOUNTS, lambda v: f"{grouped(v, NARROW, ',')}{NARROW}\N{EURO SIGN}"),
    "roubles": (AMOUNTS, lambda v: f"{grouped(v, chr(0xA0), ',')} руб."),
    "yen of full width": (np.round(AMOUNTS), lambda v: f"\N{FULLWIDTH YEN SIGN}{v:,.0f}"),
    "reais below zero": (SIGNED, lambda v: f"{'-' if v < 0 else ''}R$ {grouped(abs(v), '.', ',')}"),
    "a minus behind the dollar": (SIGNED, lambda v: f"$-{-v:,.2f}" if v < 0 else f"${v:,.2f}"),
    "dollars in brackets": (SIGNED, lambda v: f"(${-v:,.2f})" if v < 0 else f"${v:,.2f}"),
    "brackets": (SIGNED, lambda v: f"({-v:.2f})" if v < 0 else f"{v:.2f}"),
    "brackets and trailing signs": (SIGNED, lambda v: f"{v}" if v > 0 else f"({-v})" if v < -99 else f"{-v}-"),
    "credit and debit": (SIGNED, lambda v: f"{abs(v):.2f} {'DR' if v < 0 else 'CR'}"),
    "credit and debit of a bank": (SIGNED, lambda v: f"{abs(v):,.2f}{'Dr.' if v < 0 else 'Cr.'}"),
    "crores": (AMOUNTS * 1e7, lambda v: f"{v / 1e7:.2f} Cr"),
    "millions of euros": (np.round(AMOUNTS, 1) * 1e6, lambda v: f"{grouped(v / 1e6, '.', ',', 1)} Mio. \N{EURO SIGN}"),
    "mil": (np.round(AMOUNTS, 1) * 1e3, lambda v: f"{grouped(v / 1e3, '.', ',', 1)} mil"),
    "percent by a comma": (np.round(AMOUNTS, 1), lambda v: f"{grouped(v, '', ',', 1)} %"),
    "powers of ten": (AMOUNTS, lambda v: f"{v / 1000:.5f}\N{MULTIPLICATION SIGN}10^3"),
    "raised powers": (AMOUNTS, lambda v: f"{v / 1000:.5f} \N{MULTIPLICATION SIGN} 10\N{SUPERSCRIPT THREE}"),
}  # fmt: skip


@both_doors
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_many_countries(name: str, door: Door) -> None:
    values, spelt = NUMBERS[name]
    ready = door(table(x=[spelt(value) for value in values]))
    assert column(ready).kind is Kind.NUMBER
    np.testing.assert_allclose(numbers(ready), values, rtol=1e-6)


def test_a_size_of_two_sides_is_no_power_of_ten() -> None:
    assert powered("5 x 10") == "5 x 10"
    assert powered("3 x 104") == "3 x 104"
    assert powered("2*10**-3") == "2e-3"


MOMENTS: dict[str, str] = {
    "Mon Jun 20 2022 11:47:05 GMT+0000 (Coordinated Universal Time)": "a browser",
    "Mon Jun 20 2022 13:47:05 GMT+0200 (Central European Summer Time)": "a browser elsewhere",
    "Mon Jun 20 11:47:05 UTC 2022": "Java",
    "Mon Jun 20 11:47:05 2022": "the C library",
    "Mon Jun 20 11:47:05 +0000 2022": "Twitter",
    "20 giugno 2022 11:47:05": "Italian",
    "20 juni 2022 11:47:05": "Dutch",
    "20 de junio de 2022, 11:47:05": "Spanish",
    "20 juin 2022 à 11:47:05": "French",
    "lundi 20 juin 2022 11:47:05": "French, with the weekday",
    "20-JUN-22 11.47.05 AM": "Oracle",
    "2022-06-20T08:47:05-03:00": "an offset",
}


@pytest.mark.parametrize("cell", MOMENTS)
def test_moments_of_many_programs(cell: str) -> None:
    assert seconds_in(cell, day_first=True, dots_day_first=True) == pd.Timestamp("2022-06-20 11:47:05").timestamp()


def test_days_in_chinese_signs_and_months_that_are_none() -> None:
    day = pd.Timestamp("2022-06-20").timestamp()
    assert seconds_in("2022年6月20日", day_first=True, dots_day_first=True) == day
    for none in ("2022年13月20日", "Mon Jun 31 11:47:05 2022", "20 juniper 2022", "20 marzipan 2022"):
        assert np.isnan(seconds_in(none, day_first=True, dots_day_first=True))


@both_doors
def test_durations_of_two_units_are_times_and_of_one_unit_numbers(door: Door) -> None:
    seconds = GENERATOR.integers(61, 5000, N)
    ready = door(table(x=[f"{s // 60}m {s % 60}s" for s in seconds], z=[f"{s / 60:.1f} min" for s in seconds]))
    np.testing.assert_allclose(numbers(ready), seconds / 86_400, atol=1e-6)
    np.testing.assert_allclose(numbers(ready, "z"), seconds / 60, atol=0.06)
    assert time_in("5m 38s")[0] == 338


@both_doors
@pytest.mark.parametrize("words", [("ja", "nein"), ("sim", "não"), ("Oui", "Non"), ("sí", "no"), ("TRUE", "FALSE")])
def test_truth_of_many_languages_has_two_levels_and_is_one_with_that_of_programs(
    words: tuple[str, str], door: Door
) -> None:
    cells = [words[place % 3 == 0] for place in range(N)]
    frame = table(x=cells)
    assert column(door(frame)).n_levels == 2
    known = learnt(frame)
    for true, false in ((True, False), ("true", "false"), (1, 0)):
        given = frame.assign(x=[true if cell == words[0] else false for cell in cells])
        np.testing.assert_array_equal(asked(known, given), known.transform(frame))


@both_doors
def test_a_row_of_sums_is_a_total_without_a_name(door: Door) -> None:
    frame = table(shop=[f"shop {place % 5}" for place in range(N)], x=AMOUNTS)[["shop", "x", "b", "y"]]
    sums = pd.DataFrame(
        [{"shop": "", "x": AMOUNTS.sum().round(2), "b": BESIDE.sum().round(3), "y": TARGET.sum().round(3)}]
    )
    (said,) = told(door(pd.concat([frame, sums], ignore_index=True)), Code.TOTAL_ROW)
    assert (said.form, said.values["row"]) == ("sum", N + 1)
    assert not told(door(pd.concat([frame, sums.assign(b=1.0)], ignore_index=True)), Code.TOTAL_ROW)
    assert not told(door(frame), Code.TOTAL_ROW)


# --- files -----------------------------------------------------------------------------------------------------------


def read(path: Path, payload: str | bytes, **data: Any) -> Prepared:
    path.write_bytes(payload.encode() if isinstance(payload, str) else payload)
    return prepare(spec(path, **data), seed=0)


CITIES = ["Fallon, IL", "Bonn", "L'Aquila"]


@pytest.mark.parametrize("header", ["x,city,y", "'x','city','y'"])
def test_cells_in_single_quotes(header: str, tmp_path: Path) -> None:
    names = [CITIES[place % 3].replace("'", "''") for place in range(N)]
    rows = [f"{x},'{city}',{y}" for x, city, y in zip(AMOUNTS, names, TARGET, strict=True)]
    ready = read(tmp_path / "t.csv", "\n".join([header, *rows]) + "\n")
    assert [one.name for one in ready.columns] == ["x", "city"]
    np.testing.assert_allclose(numbers(ready), AMOUNTS, rtol=1e-6)
    assert set(ready.raw["city"]) == set(CITIES)
    known = learnt(tmp_path / "t.csv")
    rows = pd.DataFrame({"x": AMOUNTS, "city": [CITIES[place % 3] for place in range(N)]})
    np.testing.assert_array_equal(asked(known, tmp_path / "t.csv"), known.transform(rows))


def test_apostrophes_are_no_quotes(tmp_path: Path) -> None:
    cities = ["'s-Hertogenbosch", "L'Aquila", "O'Fallon"]
    signed = [f"'{y:.3f}" if y < 0 else f"{y:.3f}" for y in TARGET - 20]
    rows = [f"{x},{cities[place % 3]},{y}" for place, (x, y) in enumerate(zip(AMOUNTS, signed, strict=True))]
    ready = read(tmp_path / "t.csv", "\n".join(["x,city,y", *rows]) + "\n")
    assert set(ready.raw["city"]) == set(cities)
    np.testing.assert_allclose(ready.truth.ravel(), TARGET - 20, atol=1e-3)
    assert ready.head.task is Task.REGRESSION


def written(sep: str, encoding: str, end: str = "\n") -> bytes:
    cells = [
        [grouped(x, ".", ","), city, grouped(y, ".", ",", 3)]
        for x, city, y in zip(AMOUNTS, ["Köln", "Zürich"] * (N // 2), TARGET, strict=True)
    ]
    return end.join(sep.join(row) for row in [["größe", "stadt", "y"], *cells]).encode(encoding)


@pytest.mark.parametrize("sep", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_layouts_of_files(sep: str, encoding: str, end: str, tmp_path: Path) -> None:
    ready = read(tmp_path / "t.csv", written(sep, encoding, end))
    np.testing.assert_allclose(numbers(ready, "größe"), AMOUNTS, rtol=1e-6)
    np.testing.assert_allclose(ready.truth.ravel(), TARGET)
    assert set(ready.raw["stadt"]) == {"Köln", "Zürich"}


def lines(*rows: str, header: str = "x,b,y") -> str:
    body = [f"{x},{b},{y}" for x, b, y in zip(AMOUNTS, BESIDE, TARGET, strict=True)]
    return "\n".join([header, *body, *rows]) + "\n"


def test_headers_of_odd_makes(tmp_path: Path) -> None:
    broken = read(tmp_path / "t.csv", lines(header='"price\nin EUR",b,y'))
    assert [one.name for one in broken.columns] == ["price\nin EUR", "b"]
    said = read(tmp_path / "t.csv", "sep=,\n" + lines())
    assert [one.name for one in said.columns] == ["x", "b"]
    unnamed = read(tmp_path / "t.csv", "Unnamed: 0,x,y\n" + "".join(f"{n},{x},{x}\n" for n, x in enumerate(AMOUNTS)))
    assert [one.name for one in unnamed.columns if one.used] == ["x"]
    for header, match in {"x,x,y": "columns of the same name: 'x'", "x, x ,y": "columns of the same name: 'x'"}.items():
        with pytest.raises(DataError, match=match):
            read(tmp_path / "t.csv", lines(header=header))


@pytest.mark.parametrize(
    ("payload", "match"),
    [
        (lines("x,b,y"), r"holds the names of the columns again"),
        (lines("Source: ministry of numbers,,"), r"'y' has 1 missing.*the first is row 241"),
        ("Sales report 2024,,\n,,\n" + lines(), r"line 1: 'Sales report 2024,,' has 1 field where most lines have 3"),
        (lines().replace(",", ",\0", 1), "NUL byte"),
        (lines("1,2,3,4"), r"line 242: 4 fields where the first line has 3"),
    ],
    ids=["header again", "footer", "title", "nul", "torn row"],
)
def test_what_is_no_plain_table_is_refused_by_its_line(payload: str, match: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=match):
        read(tmp_path / "t.csv", payload)
