"""A table turned into matrices: what a trainer sees, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.network.heads import Head, TargetScale
from ffsearch.search.network.topology import Numbers, Point

__all__ = ["MatrixColumns", "Problem", "Role", "Split"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """One pair of training and validation rows, preprocessed by what was learnt from its training rows alone.

    Args:
        x_train: Matrix, shape (n_train, n_features).
        y_train: Targets as the head wants them (`heads.py`): float32 (n_train, n_outputs) for regression (standardised)
            and binary (0 or 1), int32 (n_train,) class numbers for multiclass.
        x_valid: Matrix, shape (n_valid, n_features).
        y_valid: Targets of the validation rows, as `y_train`.
        target_scale: How regression targets were standardised; None for classes.
        train_weight: Weight of each training row, shape (n_train,), mean 1; None when all count alike.
        valid_weight: The same of the validation rows, shape (n_valid,).
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.float32] | NDArray[np.int32]
    x_valid: NDArray[np.float32]
    y_valid: NDArray[np.float32] | NDArray[np.int32]
    target_scale: TargetScale | None = None
    train_weight: NDArray[np.float32] | None = None
    valid_weight: NDArray[np.float32] | None = None


class Role(IntEnum):
    """What a column of the matrix says of the cell it comes from."""

    NUMBER = 0
    """The number itself, scaled."""
    FLAG = 1
    """1 where the number is missing, else 0."""
    SLOT = 2
    """1 at one level and 0 at all others; of a cell's slots one is 1."""
    FEATURE = 3
    """Anything else: a step of an order, the mean target of a level, a weekday, a place in the year."""
    BIN = 4
    """How much further the number has come through a part of its range than the median, from -1 to 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixColumns:
    """What the columns of the matrix are to whoever treats cells of the table as cells: augmentation, SMOTE, trees.

    Args:
        cell: Number of the table's column that each comes from, int32 (n_features,): the slots of a category share one,
            and so do a number and its missing flag. Below n_features.
        role: What each says of its cell, int8 (n_features,), as `Role` numbers it.
        image: Height, width and channels where a row is an image; None for a table.
    """

    cell: NDArray[np.int32]
    role: NDArray[np.int8]
    image: tuple[int, int, int] | None = None

    @property
    def is_number(self) -> NDArray[np.bool_]:
        """Whether each is a scaled number, shape (n_features,)."""
        is_number: NDArray[np.bool_] = self.role == Role.NUMBER
        return is_number

    @classmethod
    def of_numbers(cls, n_features: int, *, image: tuple[int, int, int] | None = None) -> MatrixColumns:
        """Every column a number by itself."""
        role = np.full(n_features, Role.NUMBER, np.int8)
        return cls(cell=np.arange(n_features, dtype=np.int32), role=role, image=image)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be learnt: the head and one split a fold (a holdout has one). All splits have the same n_features.

    Folds are fitted apart, yet must agree on the columns of the matrix: the columns' kinds and category levels are
    learnt once on all rows outside the test part, medians, scales and standardisation inside each split.

    Args:
        head: The end of the network.
        splits: One a fold.
        columns: What the columns of the matrix are, for augmentation.
        others: The same rows in the same splits with numbers shown otherwise, for the points that ask for it. Baselines
            and scores know nothing of them.
    """

    head: Head
    splits: tuple[Split, ...]
    columns: MatrixColumns | None = None
    others: Mapping[Numbers, Problem] = field(default_factory=dict)

    def seen_by(self, point: Point) -> Problem:
        """The problem as the network of a point is shown it; this one itself where there is only one way.

        Raises:
            KeyError: If the point asks for a way that was not prepared beside others: our own fault.
        """
        if point.numbers is Numbers.ROBUST or not self.others:
            return self
        return self.others[point.numbers]

    def give_matrices_up(self) -> None:
        """Give memory back when nothing is trained on these matrices any more: their shapes and all targets stay.

        Whoever holds the problem shares its matrices, so they are taken from all at once. What would still be read of
        them is NaN.
        """
        for split in self.splits:
            for name in ("x_train", "x_valid"):
                shape = getattr(split, name).shape
                object.__setattr__(split, name, np.broadcast_to(np.float32(np.nan), shape))
        for other in self.others.values():
            other.give_matrices_up()

    @property
    def matrix_columns(self) -> MatrixColumns:
        """What the columns are; every one a number by itself where nothing is said."""
        return self.columns or MatrixColumns.of_numbers(self.n_features)

    @property
    def n_features(self) -> int:
        """Columns of every split's matrix."""
        return int(self.splits[0].x_train.shape[1])
