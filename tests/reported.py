"""Tables as public reports of other tools describe them, read through both doors; shared by tests/test_reported_*.py.

The log of these reports has 80 rows: 53 at which the program failed, and 27 at which it did well. Each is held by a
test that says its number (`row`); `HELD` is what tests/test_reported_log.py counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.data.asked import RowReader
from ffsearch.search.data.features.preprocess import Preprocessor
from ffsearch.search.data.files.pieces import open_pieces
from ffsearch.search.data.kinds import Column
from ffsearch.search.data.prepare import Prepared, prepare
from ffsearch.search.wording.codes import Code
from ffsearch.spaces.schema import DataSpec

N_ROWS = 80
N = 240
GENERATOR = np.random.default_rng(0)
AMOUNTS = np.round(np.exp(GENERATOR.normal(7, 1.5, N)) + 24, 2)
"""From 27 to 50,000, as prices are."""
BESIDE = np.round(GENERATOR.normal(size=N), 3)
WORDS = GENERATOR.choice(["red", "green", "blue"], N).tolist()
TARGET = np.round(3 * np.log(AMOUNTS) + BESIDE, 3)

HELD: set[int] = set()

Test = TypeVar("Test", bound=Callable[..., None])


def row(*numbers: int) -> Callable[[Test], Test]:
    """Mark what a test holds of the log."""
    HELD.update(numbers)

    def same(test: Test) -> Test:
        return test

    return same


def table(**columns: Sequence[Any] | np.ndarray[Any, Any]) -> pd.DataFrame:
    """One column of a report beside two plain ones and a target."""
    return pd.DataFrame({**columns, "b": BESIDE, "c": WORDS, "y": TARGET} | columns)


def spec(source: str | Path = "frame", **data: Any) -> DataSpec:
    return DataSpec.model_validate({"source": str(source), "target": "y", "test": None, **data})


class Door:
    """Reads a table of texts as a file, or as a frame.

    Args:
        kind: `csv` or `frame`.
        folder: Where files are written.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder = kind, folder

    def __call__(self, frame: pd.DataFrame, *, sep: str = ",", **data: Any) -> Prepared:
        if self.kind == "frame":
            return prepare(spec(**data), frame=frame, seed=0)
        path = self._folder / "t.csv"
        frame.to_csv(path, index=False, sep=sep)
        return prepare(spec(path, **data), seed=0)


both_doors = pytest.mark.parametrize("door", ["csv", "frame"], indirect=True)


def column(ready: Prepared, name: str = "x") -> Column:
    return next(one for one in ready.columns if one.name == name)


def numbers(ready: Prepared, name: str = "x") -> np.ndarray[Any, Any]:
    """The cells of a column as the networks' matrix is made of them, its offset put back, float64 of shape (N,)."""
    reading = column(ready, name).reading
    offset = 0.0 if reading is None else float(reading.as_dict().get("offset", 0.0))
    return np.asarray(ready.raw[name], dtype=np.float64) + offset


def told(ready: Prepared, code: Code) -> list[Any]:
    return [finding for finding in ready.notices if finding.code is code]


def learnt(frame: pd.DataFrame | Path, **data: Any) -> Preprocessor:
    """What a model keeps of a table, as its file gives it back."""
    ready = (
        prepare(spec(frame, **data), seed=0) if isinstance(frame, Path) else prepare(spec(**data), frame=frame, seed=0)
    )
    preprocessor = ready.fit_all().preprocessor
    assert isinstance(preprocessor, Preprocessor)
    return Preprocessor.from_dict(preprocessor.to_dict())


def asked(preprocessor: Preprocessor, rows: pd.DataFrame | Path) -> np.ndarray[Any, Any]:
    """The matrix of rows to answer.

    Raises:
        DataError: Where they are not understood.
    """
    if isinstance(rows, Path):
        known = [level for one in preprocessor.categories for level in one.vocabulary]
        names, encoding = preprocessor.column_names, preprocessor.table.encoding
        opened = open_pieces(rows, needed=names, id_column=None, encoding=encoding, known=known)
        rows = pd.concat([piece.frame for piece in opened.rows], ignore_index=True)
    reader = RowReader(preprocessor)
    raw = reader.read(rows)
    reader.check()
    return preprocessor.matrix(raw, n_rows=len(rows))
