"""What is predicted: the task, with its reason, and targets as the numbers a head wants.

The cells of a target are read once (`Target`), and asked several things: the task of the rows that may be looked at,
the class of every row, and the numbers that networks learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ffsearch.errors import DataError
from ffsearch.search.data.parsing.cells import Cells, natural_order, number_of
from ffsearch.search.data.parsing.reading import AS_PLAIN, TableReading
from ffsearch.search.network.heads import Head, TargetScale, Task, default_loss
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, Value, found
from ffsearch.search.wording.language import shortened

__all__ = [
    "MAX_CLASSES",
    "Target",
    "class_codes",
    "fit_target_scale",
    "head_targets",
    "infer_head",
    "infer_task",
    "labels_of",
    "raw_targets",
]

MAX_CLASSES: Final = 1000
"""Most classes. Choice: beyond it a softmax per row costs more than the network, and the target is rarely a class."""

MAX_INTEGER_CLASSES: Final = 50
"""Most different whole numbers that are taken for classes. Choice: 26 letters are, 80 ages are not."""

FEW_INTEGERS: Final = 10
"""Up to so many different whole numbers, a few rows of each make them classes."""

ROWS_A_CLASS_FEW: Final = 3
"""Mean rows of a class that this takes where the numbers are few."""

ROWS_A_CLASS: Final = 20
"""Mean rows of a class that it takes else: no more than 5 % of the rows are different."""

_N_SHOWN: Final = 6
"""Values listed in a reason."""


class Target:
    """The target columns of a table, without missing cells; each cell is read once, whatever is asked.

    Args:
        columns: The columns, at least one, of one length.
    """

    def __init__(self, columns: Sequence[Cells]) -> None:
        self.columns = tuple(columns)

    @classmethod
    def of(cls, frame: pd.DataFrame, table: TableReading | None = None) -> Target:
        """The target that is these columns of a table, read as the table is."""
        return cls([(table or AS_PLAIN).cells(frame[name]) for name in frame.columns])

    @property
    def frame(self) -> pd.DataFrame:
        """The columns as they were given."""
        return pd.DataFrame({column.name: column.column for column in self.columns})

    def take(self, rows: NDArray[np.int64]) -> Target:
        """Some of the rows, by position."""
        return Target([column.take(rows) for column in self.columns])


@dataclass(frozen=True, kw_only=True)
class _Values:
    """The different values of a target column in natural order: as texts, and as numbers if all are numbers.

    Of more numbers than can be classes only so many texts are made as show that.
    """

    name: str
    n_rows: int
    texts: tuple[str, ...]
    numbers: NDArray[np.float64] | None

    @property
    def n_values(self) -> int:
        return len(self.texts) if self.numbers is None else len(self.numbers)

    @property
    def are_whole(self) -> bool:
        return self.numbers is not None and bool((self.numbers % 1 == 0).all())

    @property
    def reason(self) -> dict[str, Value]:
        """What every reason says of them; the first few are named."""
        n_more = max(0, self.n_values - _N_SHOWN)
        named: dict[str, Value] = {"target": self.name, "n": self.n_values, "rows": self.n_rows}
        return {**named, "values": self.texts[:_N_SHOWN], "n_more": n_more}

    def __str__(self) -> str:
        shown = [shortened(text, 30) for text in self.texts[:_N_SHOWN]]
        return ", ".join(shown) + (f", ... ({self.n_values} in all)" if len(self.texts) > _N_SHOWN else "")


def infer_task(target: Target, *, stated: str = "auto") -> tuple[Task, Finding]:
    """The task and the reason for it.

    Args:
        target: The rows to judge by.
        stated: What the space file says: auto, or a task.

    Raises:
        DataError: If there is but one class or value, or the target does not suit the task that was stated.
    """
    columns = list(map(_values, target.columns))
    for column in columns:
        if len(column.texts) == 1:
            raise DataError(
                f"The target {column.name!r} is {column.texts[0]!r} in every row outside the test part: there is "
                "nothing to learn. Give rows of at least two values, or another target."
            )
    if len(columns) > 1:
        return _task_of_several(columns, stated=stated)
    if stated != "auto":
        return _stated(columns[0], Task(stated)), found(Code.TASK_STATED, task=stated)
    return _inferred(columns[0])


def infer_head(target: Target, *, stated: str = "auto") -> tuple[Head, Finding]:
    """The head with the task's own loss, and the reason for the task; `infer_task` tells more.

    The labels are those of the rows given; the second of two is the positive one.
    """
    task, reason = infer_task(target, stated=stated)
    labels = () if task is Task.REGRESSION else labels_of(target)
    n_outputs = {Task.REGRESSION: len(target.columns), Task.BINARY: 1, Task.MULTICLASS: len(labels)}[task]
    loss = default_loss(task)
    names = tuple(column.name for column in target.columns)
    return Head(task=task, loss=loss, n_outputs=n_outputs, target_names=names, labels=labels), reason


def labels_of(target: Target) -> tuple[str, ...]:
    """The classes of a target, in natural order."""
    return _values(target.columns[0]).texts


def class_codes(target: Target, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Number of each row's class in `labels`, -1 for a label that is not there, shape (n_rows,).

    Labels that are numbers are found by value, so that a file which writes 2.50 for 2.5 names the same class.
    """
    levels = target.columns[0].levels
    places = {label: place for place, label in enumerate(labels)}
    # NaN must not be a key: every word would be found there.
    by_number = {number_of(label): place for label, place in places.items() if not np.isnan(number_of(label))}
    codes = [places.get(text, by_number.get(number_of(text), -1)) for text in levels.texts]
    return np.array(codes, dtype=np.int64)[levels.codes]


def raw_targets(target: Target, head: Head) -> NDArray[Any]:
    """Targets in the user's units: float64 (n_rows, n_outputs) for regression, else int64 class numbers (n_rows,).

    A class that the head does not know is -1: it counts as an error whatever is answered.
    """
    if head.task is not Task.REGRESSION:
        return class_codes(target, head.labels)
    return np.column_stack([column.numbers for column in target.columns])


def fit_target_scale(raw: NDArray[np.float64], *, weight: NDArray[np.float64] | None = None) -> TargetScale:
    """Mean and standard deviation of training targets; a target that is constant there is left in its unit.

    Args:
        raw: Targets of the training rows in the user's units, shape (n_train, n_outputs).
        weight: What each row weighs, shape (n_train,); None: all alike.
    """
    mean = np.average(raw, axis=0, weights=weight)
    scale = raw.std(axis=0) if weight is None else np.sqrt(np.average(np.square(raw - mean), axis=0, weights=weight))
    usable = np.isfinite(scale) & (scale > np.finfo(np.float32).tiny)
    return TargetScale(mean=mean, scale=np.where(usable, scale, 1.0))


def head_targets(
    raw: NDArray[Any], head: Head, *, scale: TargetScale | None
) -> NDArray[np.float32] | NDArray[np.int32]:
    """Targets as the head wants them: standardised, 0 or 1, or class numbers; `Split` tells shapes and types."""
    if head.task is Task.MULTICLASS:
        return raw.astype(np.int32)
    if head.task is Task.BINARY:
        return raw.astype(np.float32)[:, np.newaxis]
    standardised = raw if scale is None else (raw - scale.mean) / scale.scale
    return standardised.astype(np.float32)


def _values(cells: Cells) -> _Values:
    numbers = cells.numbers
    if np.isnan(numbers).any() or pd.api.types.is_bool_dtype(cells.column.dtype):
        texts = natural_order(cells.levels.texts)
        return _Values(name=cells.name, n_rows=len(cells), texts=tuple(texts), numbers=None)
    distinct = np.unique(numbers)
    texts = [str(int(number)) if number % 1 == 0 else str(number) for number in distinct[: MAX_CLASSES + 1].tolist()]
    return _Values(name=cells.name, n_rows=len(cells), texts=tuple(texts), numbers=distinct)


def _task_of_several(columns: list[_Values], *, stated: str) -> tuple[Task, Finding]:
    names = ", ".join(repr(column.name) for column in columns)
    if stated not in {"auto", Task.REGRESSION}:
        raise DataError(
            f"data.task: {stated} takes one target, and {len(columns)} are named: {names}. Name one of them."
        )
    words = [column.name for column in columns if column.numbers is None]
    if words:
        raise DataError(
            f"Several targets are predicted together as numbers, and {', '.join(map(repr, words))} holds words. "
            "Name one target, or only targets that are numbers."
        )
    return Task.REGRESSION, found(Code.TASK_SEVERAL_TARGETS, targets=tuple(column.name for column in columns))


def _stated(values: _Values, task: Task) -> Task:
    """The stated task, if the target suits it."""
    n_values = values.n_values
    if task is Task.REGRESSION and values.numbers is None:
        odd = next(text for text in values.texts if not np.isfinite(number_of(text)))
        raise DataError(
            f"data.task: regression needs numbers, and {values.name!r} holds {odd!r}. Correct those cells, or say "
            "data.task: auto."
        )
    if task is Task.BINARY and n_values != 2:
        raise DataError(
            f"data.task: binary needs two classes, and {values.name!r} has {n_values}: {values}. Say multiclass."
        )
    if task is Task.MULTICLASS:
        _refuse_too_many(values)
    return task


def _inferred(values: _Values) -> tuple[Task, Finding]:
    n_values, n_rows = values.n_values, values.n_rows
    rows_a_class = ROWS_A_CLASS_FEW if n_values <= FEW_INTEGERS else ROWS_A_CLASS
    if n_values == 2:
        task, code = Task.BINARY, Code.TASK_TWO_VALUES
    elif values.numbers is None:
        _refuse_too_many(values)
        task, code = Task.MULTICLASS, Code.TASK_CLASSES
    elif not values.are_whole:
        task, code = Task.REGRESSION, Code.TASK_FRACTIONS
    elif n_values <= MAX_INTEGER_CLASSES and n_rows >= rows_a_class * n_values:
        task, code = Task.MULTICLASS, Code.TASK_FEW_NUMBERS
    else:
        task, code = Task.REGRESSION, Code.TASK_MANY_NUMBERS
    return task, found(code, **values.reason)


def _refuse_too_many(values: _Values) -> None:
    n_values = values.n_values
    if n_values > MAX_CLASSES or 2 * n_values > values.n_rows:
        raise DataError(
            f"The target {values.name!r} has {n_values} different values in {values.n_rows} rows, such as {values}: "
            f"too many for classes (at most {MAX_CLASSES}, of two rows in the mean). Name another, or merge them."
        )
