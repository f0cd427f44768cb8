"""Every finding in data comes from a table that has it: one table a finding, prepared as a run does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.data.files.sources import read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.findings import find, guess_target
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding
from ffsearch.search.wording.language import LANGUAGES, kept
from ffsearch.spaces.schema import DataSpec

N = 200
LETTERS = ["a", "b"] * (N // 2)

IN_A_COLUMN: dict[Code, list[Any]] = {
    Code.NUMBERS: [place * 0.7 for place in range(N)],
    Code.TEXTS: [f"level {place % 5}" for place in range(N)],
    Code.DATES: [f"2024-05-{place % 28 + 1:02d}" for place in range(N)],
    Code.TWO_VALUES: ["yes", "no"] * (N // 2),
    Code.CONSTANT: ["3"] * N,
    Code.EMPTY: [""] * N,
    Code.COUNTER: list(range(N)),
    Code.NAMES_ROWS: [f"row {place}x" for place in range(N)],
    Code.FREE_TEXT: [f"some words of row {place}" for place in range(N)],
    Code.CODES: [f"0{place % 9}" for place in range(N)],
    Code.RARE_LEVELS: [f"level {place % 70}" for place in range(N)],
    Code.SPELT: [f"{place}.{place % 9}00,5 €" for place in range(N)],
    Code.LEAK: [f"is {letter}" for letter in LETTERS],
    Code.DATES_IN_DOUBT: [f"{1 + place % 12}/{1 + place * 5 % 12}/2024" for place in range(N)],
    Code.ODD_CELLS: ["soon", *(str(place * 0.7) for place in range(N - 1))],
    Code.ROUGH_CELLS: ["<0.5", *(str(place * 0.7) for place in range(1, N))],
    Code.SENTINEL: [-999 if place % 20 == 0 else 20 + place % 70 for place in range(N)],
    Code.TIMES: [f"{place % 24}:{place * 7 % 60:02d}" for place in range(N)],
    Code.SHORT_YEARS: [f"{place % 28 + 1}/{place % 12 + 1}/24" for place in range(N)],
    Code.CLOCK_IN_DOUBT: [f"{place % 24:02}:{place % 60:02}:{place % 53:02}" for place in range(N)],
    Code.VARIANTS: [("Shoes", "shoes", "hats")[place % 3] for place in range(N)],
    Code.INFINITE_CELLS: ["inf", *(str(place * 0.7) for place in range(N - 1))],
    Code.NEARLY_CONSTANT: ["other", *["usual"] * (N - 1)],
    Code.SAME_LINE: [place * 1.4 + 32 for place in range(N)],
}
"""Cells of the column `seen`, beside a column of numbers and a target of two classes."""


def prepared(cells: Iterable[Any] = (), *, target: Iterable[Any] = LETTERS, **spec: Any) -> Prepared:
    frame = pd.DataFrame({"beside": np.arange(N) * 0.7, "y": list(target)})
    if cells:
        frame["seen"] = list(cells)
    return prepare(DataSpec.model_validate({"source": "t.csv", "target": "y", **spec}), frame=frame, seed=0)


def told(ready: Prepared) -> Iterator[Finding]:
    """Everything that a run and `init` say of a table."""
    seen = find(ready, seed=0)
    yield from (ready.task_reason, *ready.notices, *ready.test_rows().notices)
    yield from chain.from_iterable(column.reasons for column in ready.columns)
    yield from (*seen.leaks, *seen.copies, *seen.nearly_constant, *seen.same, *seen.groups, *seen.times)


def table(n: int = 60, **columns: Any) -> pd.DataFrame:
    """Rows of a file: a number, six groups and two classes, unless columns say otherwise."""
    usual = {"a": np.arange(n) * 0.7, "who": [f"g{place % 6}" for place in range(n)], "y": ["p", "q"] * (n // 2)}
    return pd.DataFrame(usual | columns)


def of_files(
    folder: Path,
    main: pd.DataFrame,
    test: pd.DataFrame | None = None,
    *,
    header: bool = True,
    encoding: str = "utf-8",
    **spec: Any,
) -> Prepared:
    """A text file prepared, with a file of its own for the test."""
    main.to_csv(folder / "main.csv", index=False, header=header, encoding=encoding)
    if test is not None:
        test.to_csv(folder / "test.csv", index=False)
        spec["test"] = str(folder / "test.csv")
    return prepare(DataSpec.model_validate({"source": str(folder / "main.csv"), "target": "y", **spec}), seed=0)


def of_a_workbook(folder: Path) -> Prepared:
    """The first sheet of two."""
    with pd.ExcelWriter(folder / "book.xlsx") as writer:
        for sheet in ("first", "second"):
            table().to_excel(writer, sheet_name=sheet, index=False)
    return prepare(DataSpec(source=str(folder / "book.xlsx"), target="y"), seed=0)


def of_images(folder: Path, **spec: Any) -> Prepared:
    """Images in a file that sets a test part apart, beside another file of images."""
    images, labels = np.arange(40 * 16, dtype=np.uint8).reshape(40, 4, 4), np.arange(40) % 2
    parts = {"x_train": images[:30], "y_train": labels[:30], "x_test": images[30:], "y_test": labels[30:]}
    np.savez(folder / "images.npz", **parts)
    np.savez(folder / "others.npz", x=images, y=labels)
    return prepare(DataSpec.model_validate({"source": str(folder / "images.npz"), **spec}), seed=0)


IN_A_TABLE: dict[Code, Callable[[Path], Prepared]] = {
    Code.ENCODING_GUESSED: lambda folder: of_files(folder, table(y=["é", "q"] * 30), encoding="cp1252"),
    Code.NO_HEADER: lambda folder: of_files(folder, table(), header=False, target="column_3"),
    Code.TEST_LEFT_OUT: lambda folder: of_images(folder, test=str(folder / "others.npz")),
    Code.EXTRA_COLUMNS: lambda folder: of_files(folder, table(), table(more=1)),
    Code.ROWS_LIMITED: lambda _: prepared(rows=50),
    Code.TARGET_SPELT: lambda _: prepared(target=[f"{place},25" for place in range(N)]),
    Code.SIGNS: lambda _: prepared([f"{place},25" for place in range(N)]),
    Code.TARGETS_LEFT_OUT: lambda _: prepared(target=["on request", *(place / 3 for place in range(1, N))]),
    Code.ROW_NAMES: lambda folder: of_files(folder, pd.DataFrame({"": range(60)}).join(table())),
    Code.SHEET_READ: of_a_workbook,
    Code.KEPT: lambda _: prepared(range(N), numbers=["seen"]),
    Code.TOTAL_ROW: lambda _: prepared([*(f"shop {place % 5}" for place in range(N - 1)), "Total"]),
    Code.NUMBER_BINS: lambda _: prepared(number_bins=8),
    Code.ROWS_WEIGH: lambda _: prepared([1 + place % 4 for place in range(N)], weights="seen"),
    Code.TASK_STATED: lambda _: prepared(task="binary"),
    Code.TASK_SEVERAL_TARGETS: lambda _: prepare(DataSpec(source="sklearn:linnerud"), seed=0),
    Code.TASK_TWO_VALUES: lambda _: prepared(),
    Code.TASK_CLASSES: lambda _: prepared(target=["a", "b", "c", "d"] * (N // 4)),
    Code.TASK_FRACTIONS: lambda _: prepared(target=[place / 3 for place in range(N)]),
    Code.TASK_FEW_NUMBERS: lambda _: prepared(target=[place % 5 for place in range(N)]),
    Code.TASK_MANY_NUMBERS: lambda _: prepared(target=[place % 97 for place in range(N)]),
    Code.ORDERED: lambda _: prepared(["S", "M", "L", "M"] * (N // 4), ordinal={"seen": ["S", "M", "L"]}),
    Code.PIXELS: of_images,
    Code.NAMED_ID: lambda folder: of_files(folder, table(user_id=np.arange(60) * 1009)),
    Code.SAME_CELLS: lambda _: prepared([place * 0.7 for place in range(N)]),
    Code.NAMED_IN: lambda _: prepared(LETTERS, drop=["seen"]),
    Code.COUNTER_USED: lambda folder: of_files(folder, table()[["y"]].assign(n=range(60))),
    Code.STATED: lambda _: prepared([place % 12 for place in range(N)], categories=["seen"]),
    Code.NOT_USED: lambda _: prepared(["3"] * N),
    Code.COPIES: lambda folder: of_files(folder, pd.concat([table(), table()])),
    Code.COPIES_OF_TEST: lambda folder: of_files(folder, table(), table(10)),
    Code.RARE_CLASS: lambda _: prepared(target=["rare"] * 4 + ["usual"] * (N - 4)),
    Code.CLASS_ABSENT: lambda _: prepared(target=["rare"] * 3 + ["usual"] * (N - 3), valid={"folds": 5}),
    Code.UNKNOWN_CLASS: lambda folder: of_files(folder, table(), table(10, y="new")),
    Code.SAME_GROUPS: lambda folder: of_files(folder, table(), table(10), groups="who"),
    Code.FEW_GROUPS_SEALED: lambda folder: of_files(folder, table(), groups="who"),
    Code.MAY_BE_GROUPS: lambda folder: of_files(folder, table().rename(columns={"who": "patient"})),
    Code.MAY_BE_TIME: lambda _: prepared(IN_A_COLUMN[Code.DATES]),
}

ELSEWHERE = {
    Code.AS_WRITTEN: "test_findings.py, as what other versions kept",
    Code.READ_TOGETHER: "test_image_files.py, which makes the files",
    Code.LABEL_ZERO: "test_image_files.py, which makes the files",
    Code.OTHER_VERSIONS: "test_data_sources.py, which has answers of OpenML's",
    Code.TARGET_KNOWN: "below: it is found before a table is prepared",
}


@pytest.mark.parametrize("code", [*IN_A_COLUMN, *IN_A_TABLE])
def test_a_table_that_has_it_is_told_so(code: Code, tmp_path: Path) -> None:
    ready = prepared(IN_A_COLUMN[code]) if code in IN_A_COLUMN else IN_A_TABLE[code](tmp_path)
    findings = [finding for finding in told(ready) if finding.code is code]
    assert findings
    for finding in findings:
        assert all(t.says(finding) for t in LANGUAGES.values())
        assert Finding.from_dict(json.loads(json.dumps(kept(finding), allow_nan=False))) == finding


def test_no_finding_in_data_is_forgotten() -> None:
    in_data = {code for code in Code if code[3] in "123"}
    assert in_data == IN_A_COLUMN.keys() | IN_A_TABLE.keys() | ELSEWHERE.keys()


def test_a_guessed_target_says_how(tmp_path: Path) -> None:
    guesses = {}
    for name, frame in (("name", table().rename(columns={"y": "label"})), ("last", table().rename(columns={"y": "z"}))):
        frame.to_csv(tmp_path / "t.csv", index=False)
        guesses[name] = guess_target(read_source(str(tmp_path / "t.csv"), settings=TextSettings()))
    assert guesses == {
        "name": ("label", Finding(Code.TARGET_KNOWN, form="name")),
        "last": ("z", Finding(Code.TARGET_KNOWN, form="last")),
    }


def test_a_plain_table_gives_no_notice() -> None:
    assert prepared().notices == ()
