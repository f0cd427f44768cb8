"""What a playground holds: rows of the prepared table, none of them sealed, and what the found network made of them.

Made by `steps/playground.py` from the run's own table, for the run folder keeps none; read by the report alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FoundRows", "MatrixColumn", "MatrixPart", "PlaygroundRows"]


class MatrixPart(StrEnum):
    """What a column of the matrix says of the table's column it comes from."""

    NUMBER = "number"
    MISSING = "missing"
    LEVEL = "level"
    STEP = "step"
    OTHER = "other"
    TARGET = "target"
    CALENDAR = "calendar"
    BIN = "bin"


@dataclass(frozen=True, kw_only=True)
class MatrixColumn:
    """One column of the matrix.

    Args:
        column: Name of the table's column.
        part: What this one says of it.
        detail: Which level, step, bin or place in the calendar.
        ticks: Pairs of a place on its scale and the number of the table that lies there, ascending; empty where the
            scale has no numbers people know.
    """

    column: str
    part: MatrixPart
    detail: str = ""
    ticks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundRows:
    """What the found network answered on the playground's validation rows, trained on the same split.

    Args:
        topology: Its line.
        n_train: Rows it learnt from: all of the split's, of which the playground holds a part.
        losses: The loss of every row, float32 (n_valid,).
        seconds: The second measure of every row, float32 (n_valid,): 1 where the class is right, or the absolute error.
    """

    topology: str
    n_train: int
    losses: NDArray[np.float32]
    seconds: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaygroundRows:
    """Rows for a playground: those to learn from first, then those to be judged by.

    Args:
        task: What is predicted.
        loss: What is minimised.
        target: Names of the target columns.
        labels: Names of the classes in the order of their numbers; empty for regression.
        n_outputs: Units of the output layer.
        columns: What the columns of the matrix are.
        x: Matrix, float32 (n_rows, n_features).
        y: Targets as the head wants them: class numbers (n_rows,) of several classes, else (n_rows, n_outputs).
        weight: What each row weighs, (n_rows,), a mean of 1 in both parts; None: all alike.
        n_train: Rows to learn from.
        n_of_train: Rows that the split has to learn from, of which these are.
        n_of_valid: Rows that it has to be judged by.
        scale: Mean and scale of a single regression target in its own unit; None for classes and several targets.
        constants: Numbers of training that its lanes have, by name.
        batch_size: Rows an update.
        patience: Updates without improvement before training ends.
        most: Updates that a network may make.
        found: What the found network made of the validation rows; None where its repeats were not kept.
    """

    task: str
    loss: str
    target: tuple[str, ...]
    labels: tuple[str, ...]
    n_outputs: int
    columns: tuple[MatrixColumn, ...]
    x: NDArray[np.float32]
    y: NDArray[Any]
    weight: NDArray[np.float32] | None
    n_train: int
    n_of_train: int
    n_of_valid: int
    scale: tuple[float, float] | None
    constants: Mapping[str, float]
    batch_size: int
    patience: int
    most: int
    found: FoundRows | None

    @property
    def n_valid(self) -> int:
        """Rows to be judged by."""
        return len(self.x) - self.n_train
