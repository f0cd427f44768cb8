"""A table turned into matrices: what a trainer sees, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.heads import Head, TargetScale

__all__ = ["MatrixColumns", "Problem", "Split"]


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
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.float32] | NDArray[np.int32]
    x_valid: NDArray[np.float32]
    y_valid: NDArray[np.float32] | NDArray[np.int32]
    target_scale: TargetScale | None = None
    train_weight: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixColumns:
    """What the columns of the matrix are to augmentation, which treats cells of the table as cells.

    Args:
        cell: Number of the table's column that each comes from, int32 (n_features,): the slots of a category share one,
            and so do a number and its missing flag. Below n_features.
        is_number: Whether each is a scaled number, bool (n_features,).
        image: Height, width and channels where a row is an image; None for a table.
    """

    cell: NDArray[np.int32]
    is_number: NDArray[np.bool_]
    image: tuple[int, int, int] | None = None

    @classmethod
    def of_numbers(cls, n_features: int, *, image: tuple[int, int, int] | None = None) -> MatrixColumns:
        """Every column a number by itself."""
        return cls(cell=np.arange(n_features, dtype=np.int32), is_number=np.ones(n_features, np.bool_), image=image)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be learnt: the head and one split a fold (a holdout has one). All splits have the same n_features.

    Folds are fitted apart, yet must agree on the columns of the matrix: the columns' kinds and category levels are
    learnt once on all rows outside the test part, medians, scales and standardisation inside each split.

    Args:
        head: The end of the network.
        splits: One a fold.
        columns: What the columns of the matrix are, for augmentation.
    """

    head: Head
    splits: tuple[Split, ...]
    columns: MatrixColumns | None = None

    @property
    def matrix_columns(self) -> MatrixColumns:
        """What the columns are; every one a number by itself where nothing is said."""
        return self.columns or MatrixColumns.of_numbers(self.n_features)

    @property
    def n_features(self) -> int:
        """Columns of every split's matrix."""
        return int(self.splits[0].x_train.shape[1])
