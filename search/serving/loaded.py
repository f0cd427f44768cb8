"""A saved model for Python: frames of raw rows in, labels, probabilities or values out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ffsearch.errors import DataError, ExportError, RowsWarning
from ffsearch.search.base.quiet import load_tensorflow
from ffsearch.search.folder.reader import LOG, MODEL
from ffsearch.search.network.heads import Task
from ffsearch.search.wording.codes import Severity
from ffsearch.search.wording.language import PLAIN

if TYPE_CHECKING:
    import pandas as pd

    from ffsearch.search.data.asked import RowReader
    from ffsearch.search.serving.packaged import PackagedModel
    from ffsearch.search.wording.finding import Finding

__all__ = ["Model", "load_model", "model_file"]

Rows: TypeAlias = "pd.DataFrame | Mapping[str, Any] | Sequence[Mapping[str, Any]]"
"""What predictions are made for: a frame, a dict for one row, or a list of them."""


class Model:
    """A model that takes raw rows; make one with `load_model`.

    Columns go by name: their order is free and others are ignored. Rows may be written otherwise than the table
    learnt from: they are read as they are meant, with a `RowsWarning`. A missing cell, a level that no training row had
    and a number beyond every range are answered as well, and `findings` tells of them (docs/semantics.md). A missing
    column is a `DataError`, and so are cells that cannot be read.

    Args:
        packaged: The model file, loaded.

    Example:
        >>> model = ffsearch.load_model(folder / "run" / "model" / "model.keras")
        >>> model.classes, model.predict_proba(wines).shape
        (('class_0', 'class_1', 'class_2'), (178, 3))
        >>> model.predict(dict(wines.iloc[0])).equals(model.predict(wines[:1]))
        True
    """

    def __init__(self, packaged: PackagedModel) -> None:
        self._packaged = packaged
        self._findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        return f"<ffsearch model: {self._packaged.task} of {', '.join(self.targets)} from {len(self.columns)} columns>"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it needs."""
        return self._packaged.columns

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the target columns; classes have one."""
        return self._packaged.target_names

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of their probabilities, as texts; empty for regression."""
        return self._packaged.labels

    @property
    def threshold(self) -> tuple[str, float] | None:
        """Of two classes the positive one, and from which probability on it is answered; None: the likelier one is."""
        return self._packaged.threshold

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth saying of the rows answered last: unreadable, unseen, missing, out of range, by column."""
        return self._findings

    @property
    def keras(self) -> Any:
        """The Keras model: a dict of one tensor a column in, probabilities or values out."""
        return self._packaged.model

    def predict(self, frame: Rows, *, lenient: bool = False) -> pd.DataFrame | pd.Series[Any]:
        """The likeliest label, or the value in the target's unit, of every row.

        Of two classes `threshold` may say from which probability on the positive one is answered.

        Args:
            frame: Raw rows: a frame of pandas, Polars or Arrow, a dict a row, or a list of dicts.
            lenient: Whether rows that cannot be read are answered all the same, their cells as missing ones.

        Returns:
            A series under the target's name with the frame's index; a frame where targets are several.

        Raises:
            DataError: If a column is missing, or more than a few per cent of its cells cannot be read.
        """
        with self._reading(lenient=lenient) as reader:
            table = self._packaged.predict(_table(frame), reader=reader)
        if self._packaged.task is not Task.REGRESSION:
            return table["prediction"].rename(self.targets[0])
        return table if len(self.targets) > 1 else table[self.targets[0]]

    def predict_proba(self, frame: Rows, *, lenient: bool = False) -> pd.DataFrame:
        """The probability of every class, shape (n_rows, n_classes), a column a label; see `predict`.

        Raises:
            DataError: If a column is missing, or more than a few per cent of its cells cannot be read.
            AttributeError: If it predicts values.
        """
        if self._packaged.task is Task.REGRESSION:
            raise AttributeError("This model predicts values, which have no probabilities: use predict.")
        import pandas as pd

        rows = _table(frame)
        with self._reading(lenient=lenient) as reader:
            predictions = self._packaged.predictions(rows, reader=reader)
        return pd.DataFrame(predictions, columns=list(self.classes), index=rows.index)

    def predict_interval(self, frame: Rows, *, level: float = 0.9, lenient: bool = False) -> pd.DataFrame:
        """How far the answer to every row may be off; see `predict` for the rows.

        Learnt from rows of the same source that networks of this topology had not learnt from (docs/semantics.md); the
        run's summary says how many of its sealed rows such intervals held.

        Args:
            frame: Raw rows: a frame of pandas, Polars or Arrow, a dict a row, or a list of dicts.
            level: The share of rows to come that the intervals hold, below 1.
            lenient: Whether rows that cannot be read are answered all the same, their cells as missing ones.

        Returns:
            The frame's index; for regression two columns a target, `NAME low` and `NAME high`; for classes one column
            `labels`, each cell a tuple of labels that hold the true one, the likeliest first.

        Raises:
            DataError: If a column is missing, cells cannot be read, or intervals of this level cannot be promised.
        """
        with self._reading(lenient=lenient) as reader:
            return self._packaged.predict_interval(_table(frame), level=level, reader=reader)

    @contextmanager
    def _reading(self, *, lenient: bool) -> Iterator[RowReader | None]:
        """What reads rows; they are refused, or what is to be said of them is, when they have been read."""
        reader = self._packaged.reader(lenient=lenient)
        yield reader
        if reader is not None:
            reader.check()
            self._findings = reader.findings()
            for finding in self._findings:
                if finding.code.severity is Severity.WARNING:
                    warnings.warn(PLAIN.tagged(finding), RowsWarning, stacklevel=4)


def _table(rows: Rows) -> pd.DataFrame:
    """The rows as a frame of pandas.

    Raises:
        DataError: If they are no rows.
    """
    import pandas as pd

    from ffsearch.search.data.files.frames import as_pandas, is_foreign_frame

    if isinstance(rows, pd.DataFrame):
        return rows
    if is_foreign_frame(rows):
        return as_pandas(rows, what="the table of rows")
    if isinstance(rows, Mapping):
        is_columns = any(isinstance(value, list | tuple | pd.Series | np.ndarray) for value in rows.values())
        return pd.DataFrame(dict(rows) if is_columns else [dict(rows)])
    if isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
        return pd.DataFrame([dict(row) for row in rows])
    raise DataError(
        f"Rows were given as {type(rows).__name__}, and columns are found by their names. Give a frame, a dict for one "
        'row, {"age": 39, "city": "Recife"}, or a list of such dicts.'
    )


def load_model(path: str | PathLike[str]) -> Model:
    """Load the model of a run.

    Args:
        path: A `.keras` file that a run wrote, which needs nothing of the run, or a run folder.

    Raises:
        ExportError: If there is no model, or it is not one of ours.

    Example:
        >>> model = ffsearch.load_model(folder / "run")
        >>> len(model.predict(wines)), list(model.predict_proba(wines).columns)
        (178, ['class_0', 'class_1', 'class_2'])
    """
    load_tensorflow()
    from ffsearch.search.serving.packaged import load_packaged

    return Model(load_packaged(model_file(path)))


def model_file(path: str | PathLike[str]) -> Path:
    """The `.keras` file that is meant: the file itself, or that of a run folder.

    Raises:
        ExportError: If it is a folder without a model.
    """
    given = Path(path)
    if not given.is_dir():
        return given
    if (given / MODEL).is_file():
        return given / MODEL
    why = "it was not refitted: give the run's command again" if (given / LOG).is_file() else "it is no run folder"
    raise ExportError(f"{fspath(path)!r} has no {MODEL}: {why}. Or give a .keras file.")
