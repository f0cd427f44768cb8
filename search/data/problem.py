"""A table turned into matrices: what a trainer sees, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ffsearch.search.heads import Head, TargetScale

__all__ = ["Problem", "Split"]


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


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be learnt: the head and one split a fold (a holdout has one). All splits have the same n_features.

    Folds are fitted apart, yet must agree on the columns of the matrix: the columns' kinds and category levels are
    learnt once on all rows outside the test part, medians, scales and standardisation inside each split.
    """

    head: Head
    splits: tuple[Split, ...]

    @property
    def n_features(self) -> int:
        """Columns of every split's matrix."""
        return int(self.splits[0].x_train.shape[1])
