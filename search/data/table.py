"""A table: features, target and the columns that guide the splits, with an own test file joined at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.base.texts import as_texts, counted
from ffsearch.search.data.features.images import LABEL, ImageShape
from ffsearch.search.data.files.sources import Source, from_frame, read_source
from ffsearch.search.data.files.text import TextSettings
from ffsearch.search.data.parsing.cells import MISSING, Cells, folded
from ffsearch.search.data.parsing.names import plain_name
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.data.parsing.signs import judge_signs
from ffsearch.search.data.parsing.units import shape_of
from ffsearch.search.data.target_reading import read_target
from ffsearch.search.data.targets import Target
from ffsearch.search.data.weights import Weights, read_weights
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.refusal import Said, either, refusal
from ffsearch.spaces.schema import MIN_ROWS, DataSpec

__all__ = ["Table", "read_table"]

_N_NAMED: Final = 20
"""Columns listed in an error; more would bury the advice."""

_SAME_SUM: Final = 1e-4
"""How far, of itself, a sum may be from what is written as one. Choice: printed totals are rounded."""

_MOSTLY_WORDS: Final = 0.5

_N_LAST: Final = 3
"""Rows at the end of which one may be a total."""

_TOTALS: Final = frozenset(
    {"total", "totals", "grandtotal", "subtotal", "overall", "sum", "summe", "gesamt", "gesamtsumme", "insgesamt"}
    | {"totale", "totais", "totalgeral", "totalgeneral", "soma", "suma", "somme", "ensemble", "average", "mean"}
    | {"média", "durchschnitt"}
)
"""Folded words by which such a row calls itself."""

_N_BELOW: Final = 1000
"""Rows below the first that a row of units is compared with. Choice: as good as certain, and quick."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Raw rows, each column in the role it has.

    Args:
        features: Columns that may be used, as read.
        target: Target columns; no cell is missing.
        groups: The column whose rows stay together, or None.
        time: The column that orders the rows, or None.
        weights: What every row weighs, or None: all alike.
        dropped: Columns set aside because the space file says so.
        row_names: Columns set aside because they hold names of rows (`names.py`).
        name: What the table is called in reports.
        source: How it was asked for.
        sha256: Digest of the file or frame; of both digests where there is a test file.
        n_test_rows: Rows at the end that came from a test file of their own, or that the source sets apart; else 0.
        notices: What was found out while reading.
        image: Height, width and channels where the features are the pixels of an image; None for a table.
        reading: How it was read as a whole.
    """

    features: pd.DataFrame
    target: Target
    groups: Cells | None
    time: Cells | None
    weights: Weights | None
    dropped: pd.DataFrame
    row_names: pd.DataFrame
    name: str
    source: str
    sha256: str
    n_test_rows: int
    notices: tuple[Finding, ...]
    image: ImageShape | None = None
    reading: TableReading = AS_PLAIN

    @property
    def n_rows(self) -> int:
        """All rows, with those of a test file."""
        return len(self.target.columns[0])

    def taken(self, rows: NDArray[np.int64]) -> Table:
        """The table of some rows, by position; how many of them are test rows is for the caller to say."""
        return replace(
            self,
            features=self.features.take(rows).reset_index(drop=True),
            target=self.target.take(rows),
            groups=None if self.groups is None else self.groups.take(rows),
            time=None if self.time is None else self.time.take(rows),
            weights=None if self.weights is None else self.weights.take(rows),
            dropped=self.dropped.take(rows).reset_index(drop=True),
            row_names=self.row_names.take(rows).reset_index(drop=True),
        )


def read_table(spec: DataSpec, *, frame: pd.DataFrame | None = None) -> Table:
    """Read the table of a space file.

    Args:
        spec: The `data:` section.
        frame: A frame from Python that is used in place of `spec.source`.

    Raises:
        DataError: If the table cannot be read, lacks a column the section names, or has missing targets.
    """
    settings = _settings(spec)
    main = read_source(spec.source, settings=settings) if frame is None else from_frame(frame)
    _refuse_columns_of_images(spec, main)
    spec = _by_plain_names(spec, main)
    targets = _targets(spec, main)
    asked = _columns_named(spec)
    for key, names in asked.items():
        _require(main, names, key=key)
    row_names = [name for name in main.row_names if not any(name in names for names in (targets, *asked.values()))]
    test = read_source(spec.test, settings=settings) if isinstance(spec.test, str) else None
    main, rows, n_test_rows, notices = _with_test_rows(main, test, spec, needless=(*spec.drop, *row_names))
    n_main = len(rows) - n_test_rows
    if n_main < MIN_ROWS:
        raise DataError(f"{main.name} has {n_main} rows; at least {MIN_ROWS} are needed.")
    set_apart = {*targets, *spec.drop, *row_names, *_one(spec.groups), *_one(spec.time), *_one(spec.weights)}
    reading, told = judge_signs(
        main.frame if main.image is None else main.frame[[]],
        semicolons=main.delimiter == ";", decimal=spec.decimal, thousands=spec.thousands,
    )  # fmt: skip
    notices += told
    reading = _with_missing(reading, spec)
    _refuse_units(main.frame, name=main.name)
    notices += _totals(main.frame, targets=targets)
    read = read_target(rows[list(targets)], table=reading, task=spec.task, merge=spec.merge)
    notices += read.notices
    files = (main.source, test.source if test else "")
    _refuse_missing(read.target, unreadable=read.unreadable, n_main=len(main.frame), files=files)
    table = Table(
        features=rows[[column for column in rows.columns if column not in set_apart]],
        target=read.target,
        groups=reading.cells(rows[spec.groups]) if spec.groups else None,
        time=reading.cells(rows[spec.time]) if spec.time else None,
        weights=_weights(reading.cells(rows[spec.weights]), table=reading, n_main=len(main.frame), files=files)
        if spec.weights
        else None,
        dropped=rows[list(spec.drop)],
        row_names=rows[row_names],
        name=main.name,
        source=main.source,
        sha256=main.sha256 if test is None else sha256(f"{main.sha256} {test.sha256}".encode()).hexdigest(),
        n_test_rows=n_test_rows,
        notices=tuple(notices),
        image=main.image,
        reading=replace(reading, encoding=main.encoding, delimiter=main.delimiter),
    )
    return table if not len(read.unreadable) else _without(table, read.unreadable)


def _weights(cells: Cells, *, table: TableReading, n_main: int, files: tuple[str, str]) -> Weights:
    """What rows weigh; a row is called by its place in its own file."""

    def place(row: int) -> str:
        return f"row {row + 1} of {files[0]}" if row < n_main else f"row {row - n_main + 1} of {files[1]}"

    return read_weights(cells, table=table, place=place)


def _columns_named(spec: DataSpec) -> dict[str, tuple[str, ...]]:
    """The columns that the section names, by the key that does."""
    return {
        "data.drop": spec.drop,
        "data.categories": spec.categories,
        "data.numbers": spec.numbers,
        "data.keep": spec.keep,
        "data.merge": spec.merge,
        "data.ordinal": tuple(spec.ordinal),
        "data.groups": _one(spec.groups),
        "data.time": _one(spec.time),
        "data.weights": _one(spec.weights),
        "data.missing": tuple(spec.missing) if isinstance(spec.missing, dict) else (),
    }


def _with_test_rows(
    main: Source, test: Source | None, spec: DataSpec, *, needless: Sequence[str]
) -> tuple[Source, pd.DataFrame, int, list[Finding]]:
    """The main file, all rows with those of the test below, how many those are, and what is worth saying of it."""
    notices = list(main.notices)
    if test is None:
        return main, main.frame, 0 if spec.test is None else main.n_test_rows, notices
    if main.n_test_rows:
        main = replace(main, frame=main.frame.iloc[: -main.n_test_rows], n_test_rows=0)
        notices.append(found(Code.TEST_LEFT_OUT, source=main.source))
    if main.image != test.image:
        raise DataError(f"{main.source} and the test file {test.source} do not hold images of one size.")
    rows, told = _joined(main, test, needless=needless)
    return main, rows, len(test.frame), [*notices, *test.notices, *told]


def _with_missing(reading: TableReading, spec: DataSpec) -> TableReading:
    """The reading with the words for missing cells that the space file says."""
    if isinstance(spec.missing, dict):
        return replace(reading, missing_in=spec.missing)
    return replace(reading, missing=spec.missing)


def _without(table: Table, rows: NDArray[np.int64]) -> Table:
    """The table without some rows."""
    n_test = int((rows >= table.n_rows - table.n_test_rows).sum())
    kept = np.setdiff1d(np.arange(table.n_rows), rows)
    if len(kept) - (table.n_test_rows - n_test) < MIN_ROWS:
        raise DataError(f"{table.source} has {len(kept)} rows with a target; at least {MIN_ROWS} are needed.")
    return replace(table.taken(kept), n_test_rows=table.n_test_rows - n_test)


def _totals(frame: pd.DataFrame, *, targets: Sequence[str]) -> list[Finding]:
    """Whether one of the last rows calls itself a total of those above."""
    for column in frame.columns:
        cells = frame[column]
        if column in targets or not isinstance(as_texts(cells).dtype, pd.StringDtype):
            continue
        last = [folded(str(cell)).rstrip(":") for cell in cells.iloc[-_N_LAST:]]
        rows = [len(cells) - len(last) + place + 1 for place, text in enumerate(last) if text in _TOTALS]
        if rows and not any(folded(text).rstrip(":") in _TOTALS for text in as_texts(cells.iloc[:-_N_LAST]).dropna()):
            return [found(Code.TOTAL_ROW, column=str(column), cell=str(cells.iloc[rows[0] - 1]).strip(), row=rows[0])]
    return [found(Code.TOTAL_ROW, "sum", row=len(frame))] if _ends_with_sums(frame) else []


def _ends_with_sums(frame: pd.DataFrame) -> bool:
    """Whether the last row holds the sums of the rows above, in two columns of numbers at least and in no other."""
    n_sums = 0
    for name in frame.columns:
        few = Cells(frame[name].iloc[-_N_BELOW:]).numbers
        if np.isnan(few[-1]) or np.isnan(few).mean() > _MOSTLY_WORDS:
            continue
        numbers = Cells(frame[name]).numbers
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        above = float(np.nansum(numbers[:-1]))
        if above == 0 or not np.isclose(numbers[-1], above, rtol=_SAME_SUM, atol=0):
            return False
        n_sums += 1
    return n_sums > 1


def _refuse_units(frame: pd.DataFrame, *, name: str) -> None:
    """Refuse a first row of units, or of a second header, above columns of numbers.

    Raises:
        DataError: With the row.
    """
    if len(frame) < MIN_ROWS:
        return
    above: dict[str, str] = {}
    for column in frame.columns:
        cells = frame[column]
        cell = cells.iloc[0].strip() if isinstance(cells.iloc[0], str) else ""
        if cell in MISSING or shape_of(cell) is not None:
            continue
        if not np.isnan(Cells(cells.iloc[1:_N_BELOW]).numbers).any():
            above[str(column)] = cell
    if len(above) > 1:
        shown = ", ".join(f"{cell!r} in {column!r}" for column, cell in list(above.items())[:_N_NAMED])
        raise DataError(
            f"{name}: row 1 below the header holds no numbers where all rows below it do: {shown}. It looks like a row "
            "of units or a second header. Remove that line."
        )


def _refuse_columns_of_images(spec: DataSpec, main: Source) -> None:
    """Images have pixels and a label; no pixel is a column by itself."""
    if main.image is None:
        return
    asked = {"drop": spec.drop, "groups": spec.groups, "time": spec.time, "weights": spec.weights}
    for key, name in {**asked, "categories": spec.categories, "ordinal": spec.ordinal}.items():
        if name:
            raise DataError(f"data.{key} names a column, and the images of {main.source} have none. Leave it out.")
    if spec.target not in (None, LABEL, (LABEL,)):
        raise DataError(f"data.target: the target of images is called {LABEL!r}, not {spec.target!r}. Leave it out.")


def _settings(spec: DataSpec) -> TextSettings:
    named = [spec.target] if isinstance(spec.target, str) else [*(spec.target or ())]
    expected = {*named, *spec.drop, *spec.categories, *spec.ordinal, *_one(spec.groups), *_one(spec.time)}
    expected |= {*_one(spec.weights)}
    return TextSettings(
        delimiter=spec.delimiter,
        header=None if spec.header == "auto" else spec.header,
        encoding=spec.encoding,
        expected=frozenset(expected),
        sheet=spec.sheet,
    )


def _by_plain_names(spec: DataSpec, main: Source) -> DataSpec:
    """The section with the names that columns have here, where it writes them as the file does: ` income `."""

    def plain(name: str) -> str:
        same = plain_name(name, place=-1)
        return same if name not in main.frame.columns and same in main.frame.columns else name

    target = spec.target
    target = plain(spec.target) if isinstance(spec.target, str) else spec.target and tuple(map(plain, spec.target))
    return spec.model_copy(
        update={
            "target": target,
            "drop": tuple(map(plain, spec.drop)),
            "categories": tuple(map(plain, spec.categories)),
            "numbers": tuple(map(plain, spec.numbers)),
            "keep": tuple(map(plain, spec.keep)),
            "merge": tuple(map(plain, spec.merge)),
            "ordinal": {plain(name): levels for name, levels in spec.ordinal.items()},
            "groups": spec.groups and plain(spec.groups),
            "time": spec.time and plain(spec.time),
            "weights": spec.weights and plain(spec.weights),
            "missing": {plain(name): words for name, words in spec.missing.items()}
            if isinstance(spec.missing, dict)
            else spec.missing,
        }
    )


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _targets(spec: DataSpec, main: Source) -> tuple[str, ...]:
    if spec.target is None:
        if main.target:
            return main.target
        raise refusal(DataError, "no_target", source=main.source, columns=_listed(main.frame))
    targets = (spec.target,) if isinstance(spec.target, str) else tuple(spec.target)
    columns = [str(column) for column in main.frame.columns]
    if not set(targets) <= set(columns):  # `price, EUR` is one name, which the command line cuts in two
        whole = (column for column in columns if tuple(part.strip() for part in column.split(",")) == targets)
        targets = next(((column,) for column in whole), targets)
    _require(main, targets, key="data.target")
    return targets


def _require(main: Source, names: Sequence[str], *, key: str) -> None:
    columns = [str(column) for column in main.frame.columns]
    for name in names:
        if name in columns:
            continue
        near = get_close_matches(name, columns, n=3, cutoff=0.5)
        same = [column for column in columns if column.lower() == name.strip().lower()]
        likely = list(dict.fromkeys([*same, *near]))
        raise refusal(
            DataError, "no_column", key=key, source=main.source, name=repr(name), columns=_listed(main.frame),
            hint=Said("is_it", {"name": either(likely)}) if likely else "",
            flag=Said("target_flag", {}) if key == "data.target" else "",
        )  # fmt: skip


def _listed(frame: pd.DataFrame) -> Said | str:
    names = [str(column) for column in frame.columns]
    named = ", ".join(names[:_N_NAMED])
    return Said("more", {"names": named, "n": len(names) - _N_NAMED}) if len(names) > _N_NAMED else named


def _joined(main: Source, test: Source, *, needless: Sequence[str]) -> tuple[pd.DataFrame, list[Finding]]:
    """Rows of the test file below those of the main file, columns matched by name."""
    lacking = [column for column in main.frame.columns if column not in test.frame.columns]
    needed = [column for column in lacking if column not in needless]
    if needed:
        raise DataError(
            f"The test file {test.source} lacks columns of {main.source}: {', '.join(needed[:_N_NAMED])}. Both files "
            "need the same columns, in any order. (If one of them has no header line, say data.header.)"
        )
    extra = [str(column) for column in test.frame.columns if column not in main.frame.columns]
    named, n_more = tuple(extra[:_N_NAMED]), max(0, len(extra) - _N_NAMED)
    notices = [found(Code.EXTRA_COLUMNS, columns=named, n_more=n_more)] if extra else []
    below = test.frame.reindex(columns=main.frame.columns, fill_value="")  # an empty text is a missing cell
    return pd.concat([main.frame, below], ignore_index=True), notices


def _refuse_missing(target: Target, *, unreadable: NDArray[np.int64], n_main: int, files: tuple[str, str]) -> None:
    """Refuse missing and infinite targets, with their number and the first of them; rows left out may be so."""
    for cells in target.columns:
        bad = np.isinf(cells.numbers)
        gaps = np.isnan(cells.numbers)  # missing, or the names of classes
        bad[np.flatnonzero(gaps)[cells.levels_of(gaps).codes < 0]] = True
        bad[unreadable] = False
        if not bad.any():
            continue
        first = int(np.flatnonzero(bad)[0])
        place = f"row {first + 1} of {files[0]}" if first < n_main else f"row {first - n_main + 1} of {files[1]}"
        raise DataError(
            f"The target {cells.name!r} has {counted(int(bad.sum()), 'missing or infinite cell')} in {len(bad)} "
            f"rows; the first is {place}. A row without a target teaches nothing: fill them in or remove those rows."
        )
