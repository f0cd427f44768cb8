"""What is worth a look in a table before it is searched: for the comments of a space file that `init` writes.

Everything is found on the rows outside the test part; only the names and places of columns are known of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.kinds import Column, Kind
from ffsearch.search.data.leaks import find_leaks
from ffsearch.search.data.parsing.cells import Cells
from ffsearch.search.data.parsing.names import words_of
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.writer import value_to_yaml

if TYPE_CHECKING:
    from ffsearch.search.data.files.sources import Source
    from ffsearch.search.data.prepare import Prepared

__all__ = ["Findings", "find", "guess_target"]

TARGET_NAMES: Final = ("target", "label", "class", "y", "outcome", "response")
"""Names that say what a column is for. Source: the bundled tables, OpenML, PMLB and Weka's ARFF files use the first
four; choice: the statisticians' words for the same.
"""

NEAR_CONSTANT: Final = 0.99
"""Share of one value from which on a column is called nearly constant. choice: one row in a hundred tells something."""

SAME_LINE: Final = 0.9999
"""Correlation from which on two columns say the same: Celsius and Fahrenheit. choice: digits lost in rounding."""

MAX_COMPARED: Final = 500
"""Columns of numbers compared with each other. choice: pairs grow with the square, and so would the comments."""

MAX_ROWS: Final = 20_000
"""Rows the columns are compared on. choice: a line shows in far fewer."""

ROWS_A_GROUP: Final = 2.0
"""Mean rows of a group. choice: what mostly comes once keeps nothing together."""

MIN_GROUPS: Final = 5
"""Fewest groups. choice: fewer cannot be dealt to training, validation and test."""

_GROUP_WORDS: Final = frozenset(
    {"account", "animal", "batch", "client", "customer", "device", "employee", "family", "group", "hospital"}
    | {"household", "id", "machine", "member", "patient", "person", "plot", "school", "sensor", "session", "site"}
    | {"speaker", "student", "subject", "user", "uuid"}
)
"""Words in the names of columns that tell whose a row is. choice: those of patients, customers, machines and places."""

_TIME_WORDS: Final = frozenset({"date", "datetime", "timestamp"})
"""Words in the names of columns that tell when a row was."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What `init` tells of a table.

    Args:
        ids: Columns that name rows.
        leaks: Columns that alone predict a target.
        copies: Rows that repeat an earlier one in every used column and the target; none or one finding.
        nearly_constant: Columns of almost one value.
        same: Columns that say the same as an earlier one, by a straight line.
        classes: Every class with its number of rows, most frequent first; empty for numbers.
        groups: Columns that may tell whose a row is.
        times: Columns that may tell when a row was.
    """

    ids: tuple[Column, ...]
    leaks: tuple[Finding, ...]
    copies: tuple[Finding, ...]
    nearly_constant: tuple[Finding, ...]
    same: tuple[Finding, ...]
    classes: tuple[tuple[str, int], ...]
    groups: tuple[Finding, ...]
    times: tuple[Finding, ...]


def find(prepared: Prepared, *, seed: int) -> Findings:
    """Look at the rows outside the test part.

    Args:
        prepared: The table, prepared without groups, time or dropped columns.
        seed: The run's seed.
    """
    columns = {name: cells for name, cells in prepared.raw.items() if cells.ndim == 1}  # images have two
    return Findings(
        ids=tuple(column for column in prepared.columns if column.kind is Kind.ID),
        leaks=find_leaks(prepared, seed=seed),
        copies=tuple(_copies(columns, prepared)),
        nearly_constant=tuple(_nearly_constant(columns)),
        same=tuple(_same_lines(columns)),
        classes=tuple(_classes(prepared)),
        groups=tuple(_groups(prepared)),
        times=tuple(_times(prepared)),
    )


def guess_target(source: Source) -> tuple[str, Finding]:
    """The target of a table that does not name one, where it is obvious, and why.

    Obvious is one column under a name that means target, or a last column of two values.

    Raises:
        DataError: If it is not obvious; the text lists the columns that may be it.
    """
    columns = [str(column) for column in source.frame.columns]
    named = [column for column in columns if column.strip().lower() in TARGET_NAMES]
    if len(named) == 1:
        return named[0], found(Code.TARGET_KNOWN, "name")
    n_values = {column: _n_values(source.frame[column]) for column in columns}
    if not named and n_values[columns[-1]] == 2:
        return columns[-1], found(Code.TARGET_KNOWN, "last")
    likely = named or sorted((name for name in columns if n_values[name] > 1), key=lambda name: n_values[name])
    shown = ", ".join(f"{name!r} ({n_values[name]} values)" for name in likely[:20])
    why = "Several columns are called as targets are" if named else "No column is called as targets are"
    raise DataError(
        f"{why} ({', '.join(TARGET_NAMES)}), so what to predict in {source.source} is not obvious. Name it: "
        f"--target COLUMN. Columns without missing cells: {shown or 'none'}"
        f"{f', and {len(likely) - 20} more' if len(likely) > 20 else ''}."
    )


def _n_values(cells: pd.Series[Any]) -> int:
    """Different values; 0 where cells are missing, as a target has none."""
    levels = Cells(cells).levels
    return 0 if (levels.codes < 0).any() else len(levels.texts)


def _nearly_constant(columns: dict[str, NDArray[Any]]) -> Iterator[Finding]:
    for name, cells in columns.items():
        counts = pd.Series(cells).value_counts(dropna=False)
        if counts.iloc[0] < NEAR_CONSTANT * len(cells):
            continue
        told: dict[str, Any] = {"column": name, "n": int(counts.iloc[0]), "total": len(cells)}
        value = counts.index[0]
        if value == "" or value != value:
            yield found(Code.NEARLY_CONSTANT, "missing", **told)
        else:
            yield found(Code.NEARLY_CONSTANT, "value", value=value if cells.dtype == object else float(value), **told)


def _same_lines(columns: dict[str, NDArray[Any]]) -> Iterator[Finding]:
    """Each column with the first one that it is a straight line of, where one is."""
    names = [name for name, cells in columns.items() if cells.dtype != object and _varies(cells[:MAX_ROWS])]
    names = names[:MAX_COMPARED]
    if len(names) < 2:
        return
    cells = np.stack([_standardised(columns[name][:MAX_ROWS]) for name in names])
    alike = np.abs(cells @ cells.T) / cells.shape[1] >= SAME_LINE
    for place, name in enumerate(names):
        first = int(np.argmax(alike[place]))
        if first < place and alike[place, first]:
            yield found(Code.SAME_LINE, column=name, other=names[first])


def _varies(cells: NDArray[np.float32]) -> bool:
    return bool(np.isfinite(cells).all() and np.ptp(cells.astype(np.float64)) > 0)


def _standardised(cells: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = cells.astype(np.float64) - cells.mean(dtype=np.float64)
    scaled: NDArray[np.float64] = centred / max(centred.std(), np.finfo(np.float64).tiny)
    return scaled


def _copies(columns: dict[str, NDArray[Any]], prepared: Prepared) -> Iterator[Finding]:
    if not columns:
        return
    targets = dict(enumerate(prepared.truth.reshape(len(prepared.truth), -1).T))
    frame = pd.concat([pd.DataFrame(columns), pd.DataFrame(targets)], axis=1)
    n_copies = int(pd.util.hash_pandas_object(frame, index=False).duplicated().sum())
    if n_copies:
        yield found(Code.COPIES, "used", n=n_copies, total=len(frame))


def _classes(prepared: Prepared) -> Iterable[tuple[str, int]]:
    if prepared.head.task is Task.REGRESSION:
        return []
    counts = np.bincount(prepared.truth, minlength=len(prepared.head.labels)).tolist()
    return sorted(zip(prepared.head.labels, counts, strict=True), key=lambda one: -one[1])


def _groups(prepared: Prepared) -> Iterator[Finding]:
    n_rows = len(prepared.development_rows)
    for column in prepared.columns:
        repeats = MIN_GROUPS <= column.n_levels <= n_rows / ROWS_A_GROUP
        if repeats and not column.n_missing and words_of(column.name) & _GROUP_WORDS:
            yaml = value_to_yaml(column.name)
            yield found(Code.MAY_BE_GROUPS, column=column.name, n=column.n_levels, yaml=yaml)


def _times(prepared: Prepared) -> Iterator[Finding]:
    for column in prepared.columns:
        is_dated = column.kind is Kind.DATE or bool(words_of(column.name) & _TIME_WORDS)
        if is_dated and not column.n_missing and column.n_levels > 1:
            yield found(Code.MAY_BE_TIME, column=column.name, yaml=value_to_yaml(column.name))
